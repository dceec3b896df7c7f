//! Groups by a scale: z_g = s_g x_g.
//!
//! ```text
//! s² = ‖x‖² = ρ = ‖z_g‖ on the slice:  JJᵀ = s² + xxᵀ = ρ (1 + ẑẑᵀ)
//! R = (k/2) log ρ + ½ log 2,  P = (η/4) ρ E[‖a‖² + (a·ẑ)²]
//! ```
//!
//! Approximate for k ≥ 2: tr(A P_H) = k − 1 on the slice, so horizontal noise moves the charge Q = (s² − ‖x‖²)/2 off it, down for ever, and on a level Q < 0 the
//! bias is another one: R_Q = (k − 1) log s + ½ log(s² + ρ²/s²) with s² = Q + √(Q² + ρ²), which tends to (k − 1) log ρ.

use super::radial::{groups_leaving, norms, projections};
use super::{Block, Formulas, Leaving, Parameter, Snippets, Uniform, signed, tagged};
use crate::escape::scaled_time;
use crate::formula::{Regime, factor};

/// Groups of equal size, one after the other.
#[derive(Clone, Debug)]
pub struct Scaled {
    /// Number of groups.
    pub groups: usize,
    /// k ≥ 1, entries of each.
    pub width: usize,
    /// Suffix of its names.
    pub tag: String,
}

impl Scaled {
    fn names(&self) -> [String; 2] {
        ["s", "x"].map(|name| tagged(name, &self.tag))
    }

    /// R on the level Q of one group at ρ.
    fn penalty_on(&self, charge: f64, rho: f64) -> f64 {
        let square = charge + charge.hypot(rho);
        0.5 * (self.width as f64 - 1.0) * square.ln() + 0.5 * (square + rho * rho / square).ln()
    }

    /// Largest change of R over 0.05 ≤ ρ ≤ 3, up to a constant, from the slice to a level of the charge; nats.
    pub fn change_of_penalty(&self, charge: f64) -> f64 {
        let change = |step: u32| {
            let rho = 0.05 * 60.0_f64.powf(f64::from(step) / 200.0);
            self.penalty_on(charge, rho) - self.penalty_on(0.0, rho)
        };
        let (low, high) =
            (0..=200).map(change).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        0.5 * (high - low)
    }
}

impl Block for Scaled {
    fn size(&self) -> usize {
        self.groups * self.width
    }

    /// Balanced under injected noise; else x = 0, from where the data decide the direction of a group: a balanced group of one keeps its sign.
    fn parameters(&self, regime: Regime, scale: f64) -> Vec<Parameter> {
        let [s, x] = self.names();
        let (groups, width) = (self.groups, self.width);
        let entries = match regime {
            Regime::Noise => format!("full([{groups}, {width}], {:?})", scale / (width as f64).sqrt()),
            Regime::Minibatch | Regime::Flow => format!("zeros({groups}, {width})"),
        };
        vec![
            Parameter { name: s, shape: vec![groups], start: format!("full({groups}, {scale:?})") },
            Parameter { name: x, shape: vec![groups, width], start: entries },
        ]
    }

    fn text(&self) -> (Vec<(String, String)>, String) {
        let [s, x] = self.names();
        (Vec::new(), format!("{s}[:, None] * {x}"))
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        let norms = norms(z, self.width);
        let entries = z.iter().enumerate().map(|(i, z)| z / norms[i / self.width].sqrt());
        norms.iter().map(|rho| rho.sqrt()).chain(entries).collect()
    }

    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        (0..self.size()).map(|_| signed(uniform)).collect()
    }

    fn penalty(&self, z: &[f64]) -> f64 {
        norms(z, self.width).into_iter().map(|rho| self.penalty_on(0.0, rho)).sum()
    }

    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64 {
        let each = norms(z, self.width).into_iter().zip(projections(z, a, self.width));
        each.map(|(rho, (all, along))| rho * (all + along)).sum()
    }

    fn potential(&self, _: &[f64]) -> Option<f64> {
        None
    }

    /// A group from the printed start: x = 0, or all of its entries equal.
    fn leaving(&self, solution: &[f64], regime: Regime, scale: f64) -> Vec<Leaving> {
        let norm_of_x = if regime == Regime::Noise { scale } else { 0.0 };
        let time = |group: &[f64], norm: f64| {
            let cosine = group.iter().sum::<f64>() / (norm * (self.width as f64).sqrt());
            scaled_time([scale, norm_of_x], 0.5 * norm, cosine)
        };
        groups_leaving(solution, self.width, &time)
    }

    fn unit(&self) -> &'static str {
        "group"
    }

    fn formulas(&self, of: &str, a: &str) -> Formulas {
        let k = self.width as f64;
        Formulas {
            noise: format!("{}Σ_g log‖{of}_g‖", factor(0.5 * k)),
            minibatch: format!("¼ η Σ_g ‖{of}_g‖ E[‖{a}_g‖² + ({a}_g·{of}_g/‖{of}_g‖)²]"),
            equal: Some(format!("{}η E[{a}_i²] Σ_g ‖{of}_g‖", factor(0.25 * (k + 1.0)))),
            width: Some(self.width),
            flow: format!(
                "none: (JJᵀ)⁻¹ is no Hessian; d{of}_g/dt = −‖{of}_g‖ (∇_g + ({of}_g·∇_g) {of}_g/‖{of}_g‖²) at balance"
            ),
        }
    }

    fn strength(&self) -> f64 {
        0.5 * self.width as f64
    }

    fn entries_of_unit(&self) -> usize {
        self.width
    }

    fn minibatch_factor(&self) -> f64 {
        0.25 * (self.width as f64 + 1.0)
    }

    fn shape(&self, regime: Regime) -> String {
        let shape = if regime == Regime::Minibatch { "Σ_g ‖z_g‖" } else { "Σ_g log‖z_g‖" };
        shape.into()
    }

    fn component(&self, of: &str) -> String {
        format!("{of}_g ≠ 0: at 0 both factors vanish")
    }

    fn snippets(&self) -> Snippets {
        let [s, x] = self.names();
        let charge = format!("0.5 * ({s}**2 - ({x}**2).sum(1))");
        Snippets {
            forward: vec![format!("z = ({s}[:, None] * {x}).reshape(-1)")],
            inverse: vec![
                format!("z = z.reshape(-1, {})", self.width),
                format!("{s} = xp.clip(_norm(z)[:, 0] ** 0.5, floor, None)"),
                format!("{x} = _divide(z, {s}[:, None])"),
            ],
            charges: vec![(charge.clone(), charge)],
        }
    }

    fn approximation(&self) -> Option<String> {
        let k = self.width;
        (k > 1).then(|| {
            format!(
                "the balanced slice is not invariant: tr(A P_H) = {} on it, so that noise moves norm from s into x for ever, and {}Σ_g log‖w_g‖ becomes {}Σ_g log‖w_g‖; at Q = −1 R \
                 differs by up to {:.3} nats over 0.05 ≤ ‖w_g‖ ≤ 3. Rebalance after every step (train.constraint = \"rebalanced\") to stay on the slice, or take the radial link (--link radial), which \
                 is exact",
                k - 1,
                factor(0.5 * k as f64),
                factor(k as f64 - 1.0),
                self.change_of_penalty(-1.0)
            )
        })
    }
}
