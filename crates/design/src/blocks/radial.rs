//! Groups by a radial link: z_g = ‖x_g‖^(γ−1) x_g, without redundancy, so exact under isotropic noise.
//!
//! ```text
//! ρ = ‖z_g‖ = r^γ, k entries in a group:  JJᵀ = ρ^(2 − 2/γ) (1 + (γ² − 1) ẑẑᵀ)
//! R = k (1 − 1/γ) log ρ + log γ,  P = (η/4) ρ^(2 − 2/γ) E[‖a‖² + (γ² − 1)(a·ẑ)²]
//! ```
//!
//! A strength α of α log‖z_g‖ is γ = k/(k − α). For k ≥ 2 the radial and the tangential part of (JJᵀ)⁻¹ would need φ'' = ρ^(2/γ−2)/γ² and φ'/ρ = ρ^(2/γ−2),
//! which agree only at γ = 1: there is no mirror potential.

use super::{Block, Formulas, Leaving, Parameter, Snippets, Uniform, signed, tagged};
use crate::escape::radial_time;
use crate::formula::{Regime, exponent, factor};

/// Groups of equal size, one after the other.
#[derive(Clone, Debug)]
pub struct Radial {
    /// Number of groups.
    pub groups: usize,
    /// k ≥ 1, entries of each.
    pub width: usize,
    /// γ > 1.
    pub exponent: f64,
    /// Suffix of its names.
    pub tag: String,
}

/// ‖z_g‖ of each group.
pub(super) fn norms(z: &[f64], width: usize) -> Vec<f64> {
    z.chunks_exact(width).map(|group| group.iter().map(|z| z * z).sum::<f64>().sqrt()).collect()
}

/// (‖a_g‖², (a_g·ẑ_g)²) of each group.
pub(super) fn projections(z: &[f64], a: &[f64], width: usize) -> Vec<(f64, f64)> {
    let one = |(z, a): (&[f64], &[f64])| {
        let along: f64 = z.iter().zip(a).map(|(z, a)| z * a).sum();
        (a.iter().map(|a| a * a).sum(), along * along / z.iter().map(|z| z * z).sum::<f64>())
    };
    z.chunks_exact(width).zip(a.chunks_exact(width)).map(one).collect()
}

/// Groups, each with the time that `time` gives for its solution and the norm of it.
pub(super) fn groups_leaving(
    solution: &[f64],
    width: usize,
    time: &dyn Fn(&[f64], f64) -> Option<f64>,
) -> Vec<Leaving> {
    let direction = |at: usize| {
        let mut direction = vec![0.0; solution.len()];
        direction[at] = 1.0;
        direction
    };
    let of = |(g, (group, norm)): (usize, (&[f64], f64))| Leaving {
        directions: (g * width..(g + 1) * width).map(direction).collect(),
        opened: Vec::new(),
        time: if norm > 0.0 { time(group, norm) } else { None },
    };
    solution.chunks_exact(width).zip(norms(solution, width)).enumerate().map(of).collect()
}

impl Radial {
    fn name(&self) -> String {
        tagged("x", &self.tag)
    }
}

impl Block for Radial {
    fn size(&self) -> usize {
        self.groups * self.width
    }

    fn parameters(&self, _: Regime, scale: f64) -> Vec<Parameter> {
        let start = format!("full([{}, {}], {scale:?})", self.groups, self.width);
        vec![Parameter { name: self.name(), shape: vec![self.groups, self.width], start }]
    }

    fn text(&self) -> (Vec<(String, String)>, String) {
        let (x, radius) = (self.name(), tagged("radius", &self.tag));
        let power = if self.exponent == 2.0 { String::new() } else { format!(" ** {:?}", self.exponent - 1.0) };
        (vec![(radius.clone(), format!("norm({x}, axis=1, keepdims=True)"))], format!("{x} * {radius}{power}"))
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        let norms = norms(z, self.width);
        let shrink =
            |(z, rho): (&[f64], f64)| z.iter().map(|z| z * rho.powf(1.0 / self.exponent - 1.0)).collect::<Vec<f64>>();
        z.chunks_exact(self.width).zip(norms).flat_map(shrink).collect()
    }

    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        (0..self.size()).map(|_| signed(uniform)).collect()
    }

    fn penalty(&self, z: &[f64]) -> f64 {
        let strength = self.width as f64 * (1.0 - 1.0 / self.exponent);
        norms(z, self.width).iter().map(|rho| strength * rho.ln() + self.exponent.ln()).sum()
    }

    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64 {
        let gamma = self.exponent;
        let each = norms(z, self.width).into_iter().zip(projections(z, a, self.width));
        each.map(|(rho, (all, along))| rho.powf(2.0 - 2.0 / gamma) * (all + (gamma * gamma - 1.0) * along)).sum()
    }

    fn potential(&self, _: &[f64]) -> Option<f64> {
        None
    }

    /// A group from the printed start, all of its entries equal.
    fn leaving(&self, solution: &[f64], _: Regime, scale: f64) -> Vec<Leaving> {
        let start = scale.powf(self.exponent) * (self.width as f64).powf(0.5 * self.exponent);
        let time = |group: &[f64], norm: f64| {
            let cosine = group.iter().sum::<f64>() / (norm * (self.width as f64).sqrt());
            radial_time(start, 0.5 * norm, cosine, self.exponent)
        };
        groups_leaving(solution, self.width, &time)
    }

    fn unit(&self) -> &'static str {
        "group"
    }

    fn formulas(&self, of: &str, a: &str) -> Formulas {
        let (gamma, k) = (self.exponent, self.width as f64);
        let (power, stretch) = (exponent(2.0 - 2.0 / gamma), factor(gamma * gamma - 1.0));
        Formulas {
            noise: format!("{}Σ_g log‖{of}_g‖", factor(k * (1.0 - 1.0 / gamma))),
            minibatch: format!("¼ η Σ_g ‖{of}_g‖{power} E[‖{a}_g‖² + {stretch}({a}_g·{of}_g/‖{of}_g‖)²]"),
            equal: Some(format!("{}η E[{a}_i²] Σ_g ‖{of}_g‖{power}", factor(0.25 * (k + gamma * gamma - 1.0)))),
            width: Some(self.width),
            flow: format!(
                "none: (JJᵀ)⁻¹ is no Hessian; d{of}_g/dt = −‖{of}_g‖{power} (∇_g + {stretch}({of}_g·∇_g) {of}_g/‖{of}_g‖²)"
            ),
        }
    }

    fn strength(&self) -> f64 {
        self.width as f64 * (1.0 - 1.0 / self.exponent)
    }

    fn entries_of_unit(&self) -> usize {
        self.width
    }

    fn minibatch_factor(&self) -> f64 {
        0.25 * (self.width as f64 + self.exponent * self.exponent - 1.0)
    }

    fn shape(&self, regime: Regime) -> String {
        match regime {
            Regime::Minibatch => format!("Σ_g ‖z_g‖{}", exponent(2.0 - 2.0 / self.exponent)),
            _ => "Σ_g log‖z_g‖".into(),
        }
    }

    fn component(&self, of: &str) -> String {
        format!("all {of}: a group can leave 0 in any direction")
    }

    fn snippets(&self) -> Snippets {
        let (x, gamma) = (self.name(), self.exponent);
        let power = if gamma == 2.0 { String::new() } else { format!(" ** {:?}", gamma - 1.0) };
        Snippets {
            forward: vec![format!("z = ({x} * _norm({x}){power}).reshape(-1)")],
            inverse: vec![
                format!("z = z.reshape(-1, {})", self.width),
                "norm = _norm(z)".into(),
                // A group that is 0 has no direction of its own: with a floor it starts along (1, …, 1).
                format!("{x} = xp.where(norm > 1e-18, z / norm, {:?})", 1.0 / (self.width as f64).sqrt()),
                format!("{x} = {x} * xp.clip(xp.where(norm > 1e-18, norm, 0.0) ** (1 / {gamma:?}), floor, None)"),
            ],
            charges: Vec::new(),
        }
    }
}
