//! Products of matrices: Z = UV, n × r times r × m with r = min(n, m), and Z = W_L…W_1, all n × n.
//!
//! ```text
//! on the slice the factors are Σ^(1/L) between orthogonal matrices, and JJᵀ has the eigenvalues
//!   λ_ij = Σ_l σ_i^(2(L−l)/L) σ_j^(2(l−1)/L)  (i ≤ n, j ≤ m; σ = 0 beyond r),  λ_ij = σ_i + σ_j for L = 2
//! R = ½ Σ_ij log λ_ij,  P = (η/4) Σ_ij λ_ij E[(UᵀAV)_ij²],  A = ∂ℓ_batch/∂Z
//! ```
//!
//! The law is exact for L = 2 and n = m. Otherwise the slice is not invariant (theory of the horizontal law), which the proof measures.

use super::{Block, Formulas, Leaving, Parameter, Snippets, Uniform, tagged};
use crate::escape::equal_factors;
use crate::formula::{Regime, exponent, factor};
use gaugebias_linalg::{Matrix, Svd, svd};

/// Z = W_L…W_1 ∈ ℝ^(n × m).
#[derive(Clone, Debug)]
pub struct Factors {
    /// n.
    pub rows: usize,
    /// m; equal to n for more than two factors.
    pub columns: usize,
    /// L ≥ 2.
    pub depth: usize,
    /// Suffix of its names.
    pub tag: String,
}

impl Factors {
    fn rank(&self) -> usize {
        self.rows.min(self.columns)
    }

    fn names(&self) -> Vec<String> {
        match self.depth {
            2 => ["U", "V"].map(|name| tagged(name, &self.tag)).to_vec(),
            depth => (1..=depth).rev().map(|l| tagged(&format!("W{l}"), &self.tag)).collect(),
        }
    }

    fn shapes(&self) -> Vec<[usize; 2]> {
        let rank = self.rank();
        let inner = vec![[rank, rank]; self.depth - 2];
        [vec![[self.rows, rank]], inner, vec![[rank, self.columns]]].concat()
    }

    fn decomposed(&self, z: &[f64]) -> Svd {
        let matrix = Matrix::from_row_major(self.rows, self.columns, z.to_vec());
        svd(&matrix).expect("a matrix of finite numbers has singular values")
    }

    /// λ of two singular values.
    fn eigenvalue(&self, a: f64, b: f64) -> f64 {
        let depth = self.depth as f64;
        (1..=self.depth)
            .map(|l| a.powf(2.0 * (depth - l as f64) / depth) * b.powf(2.0 * (l as f64 - 1.0) / depth))
            .sum()
    }

    /// Values of the factors, left to right, on the singular vectors of σ, where the leftmost has charge Q = ½(a² − b²) against the others: a b^(L−1) = σ.
    fn on_level(&self, charge: f64, sigma: f64) -> Vec<f64> {
        let others = self.depth as i32 - 1;
        let first = |b: f64| (b * b + 2.0 * charge).max(0.0).sqrt();
        let (mut low, mut high) = (0.0, 2.0 + sigma + 2.0 * charge.abs());
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            (low, high) = if first(middle) * middle.powi(others) < sigma { (middle, high) } else { (low, middle) };
        }
        let b = 0.5 * (low + high);
        [vec![sigma / b.powi(others)], vec![b; self.depth - 1]].concat()
    }

    /// R at singular values that are all σ, on a level of the charge: ½ Σ_ij log Σ_l (Π_(k<l) s_ki)² (Π_(k>l) s_kj)², s = 0 beyond the rank.
    fn penalty_on(&self, charge: f64, sigma: f64) -> f64 {
        let (own, none) = (self.on_level(charge, sigma), vec![0.0; self.depth]);
        let square = |values: &[f64]| values.iter().map(|s| s * s).product::<f64>();
        let pair = |i: usize, j: usize| {
            let of = |k: usize| if k < self.rank() { &own } else { &none };
            (0..self.depth).map(|l| square(&of(i)[..l]) * square(&of(j)[l + 1..])).sum::<f64>().ln()
        };
        0.5 * (0..self.rows).flat_map(|i| (0..self.columns).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).sum::<f64>()
    }

    /// Largest change of R over σ_i = σ, 0.05 ≤ σ ≤ 3, up to a constant, from the slice to a level of the charge; nats.
    pub fn change_of_penalty(&self, charge: f64) -> f64 {
        let change = |step: u32| {
            let sigma = 0.05 * 60.0_f64.powf(f64::from(step) / 50.0);
            self.penalty_on(charge, sigma) - self.penalty_on(0.0, sigma)
        };
        let (low, high) =
            (0..=50).map(change).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        0.5 * (high - low)
    }

    fn is_exact(&self) -> bool {
        self.depth == 2 && self.rows == self.columns
    }
}

impl Block for Factors {
    fn size(&self) -> usize {
        self.rows * self.columns
    }

    fn parameters(&self, regime: Regime, scale: f64) -> Vec<Parameter> {
        let start = |[n, m]: [usize; 2]| match regime {
            Regime::Noise => format!("{scale:?} * eye({n}, {m})"),
            Regime::Minibatch | Regime::Flow => format!("{scale:?} * normal({n}, {m})"),
        };
        let parameter =
            |(name, shape): (String, [usize; 2])| Parameter { name, shape: shape.to_vec(), start: start(shape) };
        self.names().into_iter().zip(self.shapes()).map(parameter).collect()
    }

    fn text(&self) -> (Vec<(String, String)>, String) {
        (Vec::new(), self.names().join(" @ "))
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        let found = self.decomposed(z);
        let roots: Vec<f64> = found.singular_values.iter().map(|s| s.powf(1.0 / self.depth as f64)).collect();
        let diagonal = Matrix::from_diagonal(&roots);
        let mut theta = found.u.column_range(0..self.rank()).matmul(&diagonal).into_data();
        (2..self.depth).for_each(|_| theta.extend(diagonal.data()));
        theta.extend(diagonal.matmul(&found.v.column_range(0..self.rank()).transpose()).into_data());
        theta
    }

    /// Entries of deviation one: singular values spread from 0 to about 2√n.
    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        let normal = |_| {
            let radius = (-2.0 * uniform().ln()).sqrt();
            radius * (std::f64::consts::TAU * uniform()).cos()
        };
        (0..self.size()).map(normal).collect()
    }

    fn penalty(&self, z: &[f64]) -> f64 {
        let sigma = self.decomposed(z).singular_values;
        let beyond = (self.rows + self.columns - 2 * self.rank()) as f64;
        let own = |a: &f64| {
            let pairs: f64 = sigma.iter().map(|b| self.eigenvalue(*a, *b).ln()).sum();
            pairs + beyond * a.ln()
        };
        0.5 * sigma.iter().map(own).sum::<f64>()
    }

    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64 {
        let found = self.decomposed(z);
        let gradient = Matrix::from_row_major(self.rows, self.columns, a.to_vec());
        let sigma = &found.singular_values;
        if self.depth == 2 {
            let (left, right) = (found.u.transpose().matmul(&gradient), gradient.matmul(&found.v));
            let square = |values: Vec<f64>| values.iter().map(|x| x * x).sum::<f64>();
            return (0..self.rank()).map(|i| sigma[i] * (square(left.row(i).to_vec()) + square(right.column(i)))).sum();
        }
        let inner = found.u.transpose().matmul(&gradient).matmul(&found.v);
        let of = |i: usize, j: usize| self.eigenvalue(sigma[i], sigma[j]) * inner[(i, j)].powi(2);
        (0..self.rows).flat_map(|i| (0..self.rows).map(move |j| (i, j))).map(|(i, j)| of(i, j)).sum()
    }

    fn potential(&self, _: &[f64]) -> Option<f64> {
        None
    }

    /// Singular directions of the solution, which are taken to stand: σ' = L σ^(2 − 2/L) |g| from a balanced start along them, that is ds/s^(L−1) = |g| dt for its factors s = σ^(1/L). Normal
    /// entries of deviation s have, in root mean square, √(m/2) s of the growing combination (Uᵀp + Vq)/√2 of two factors, m the inner dimensions that no direction before has taken.
    fn leaving(&self, solution: &[f64], regime: Regime, scale: f64) -> Vec<Leaving> {
        let found = self.decomposed(solution);
        let depth = self.depth as f64;
        let start = |k: usize| match regime {
            Regime::Noise => scale,
            Regime::Minibatch | Regime::Flow => scale * (0.5 * (self.rank() - k) as f64).sqrt(),
        };
        let outer = |p: &[f64], q: &[f64]| p.iter().flat_map(|p| q.iter().map(move |q| p * q)).collect::<Vec<f64>>();
        let unit = |i: usize, n: usize| (0..n).map(|k| if k == i { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        let of = |k: usize| {
            let (left, right) = (found.u.column(k), found.v.column(k));
            let row = (0..self.columns).map(|j| outer(&left, &unit(j, self.columns)));
            let column = (0..self.rows).map(|i| outer(&unit(i, self.rows), &right));
            let end = (0.5 * found.singular_values[k]).powf(1.0 / depth);
            Leaving {
                directions: vec![outer(&left, &right)],
                opened: row.chain(column).collect(),
                time: Some(equal_factors(start(k), end, depth)),
            }
        };
        (0..self.rank()).map(of).collect()
    }

    fn unit(&self) -> &'static str {
        "singular value"
    }

    fn formulas(&self, of: &str, a: &str) -> Formulas {
        let (n, m, depth) = (self.rows, self.columns, self.depth as f64);
        let single = (n + m - 2 * self.rank()) as f64;
        let (noise, minibatch, equal) = if self.depth == 2 {
            (
                format!("{}Σ log σ_i + Σ_(i<j) log(σ_i + σ_j)", factor(0.5 + 0.5 * single)),
                format!("¼ η E[tr({a}{a}ᵀ √({of}{of}ᵀ)) + tr({a}ᵀ{a} √({of}ᵀ{of}))]"),
                Some(format!("{}η E[{a}_ij²] ‖{of}‖_*", factor(0.25 * (n + m) as f64))),
            )
        } else {
            let powers = "Σ_l σ_i^(2(L−l)/L) σ_j^(2(l−1)/L)";
            (
                format!("½ Σ_ij log {powers}, L = {}", self.depth),
                format!("¼ η E[{a}_ij²] Σ_ij {powers}, L = {}, where {a} has equal, uncorrelated entries", self.depth),
                None,
            )
        };
        let spectrum = match self.depth {
            2 => "½ Σ (σ_i log σ_i − σ_i)".to_owned(),
            _ => format!("−{}Σ σ_i{}", factor(depth / (2.0 * (depth - 2.0))), exponent(2.0 / depth)),
        };
        Formulas {
            noise,
            minibatch,
            equal,
            width: None,
            flow: format!(
                "{spectrum} at balance while the singular vectors stand; none on all {of}: (JJᵀ)⁻¹ is no Hessian"
            ),
        }
    }

    fn minibatch_factor(&self) -> f64 {
        if self.depth == 2 { 0.25 * (self.rows + self.columns) as f64 } else { 0.25 }
    }

    fn shape(&self, regime: Regime) -> String {
        let shape = match (regime, self.depth) {
            (Regime::Minibatch, 2) => "‖W‖_*",
            (Regime::Minibatch, _) => "Σ_ij Σ_l σ_i^(2(L−l)/L) σ_j^(2(l−1)/L)",
            _ => "R",
        };
        shape.into()
    }

    fn component(&self, of: &str) -> String {
        let sign = if self.rows == self.columns { ", so that the sign of det W stays" } else { "" };
        format!("{of} of full rank{sign}: at σ_i = 0 a row and a column of the factors vanish together")
    }

    fn snippets(&self) -> Snippets {
        let (names, last) = (self.names(), self.depth - 1);
        let (n, m) = (self.rows, self.columns);
        let mut inverse = vec![
            format!("left, sigma, right = xp.linalg.svd(z.reshape({n}, {m}), full_matrices=False)"),
            format!("root = xp.clip(sigma ** (1 / {}), floor, None)", self.depth),
            format!("{} = left * _divide(sigma, root**{last})", names[0]),
        ];
        inverse.extend(names[1..last].iter().map(|name| format!("{name} = xp.diag(root)")));
        inverse.push(format!("{} = root[:, None] * right", names[last]));
        if self.depth == 2 {
            inverse[2] = format!("{} = left * _divide(sigma, root)", names[0]);
        }
        let charge = |pair: &[String]| {
            let text = format!("{0}.T @ {0} - {1} @ {1}.T", pair[0], pair[1]);
            (text.clone(), text)
        };
        Snippets {
            forward: vec![format!("z = ({}).reshape(-1)", names.join(" @ "))],
            inverse,
            charges: names.windows(2).map(charge).collect(),
        }
    }

    fn approximation(&self) -> Option<String> {
        let why = match self.depth {
            2 => "outer sizes that differ",
            _ => "more than two factors",
        };
        (!self.is_exact()).then(|| {
            let (first, rest) = match self.depth {
                2 => ("UᵀU", "VVᵀ"),
                _ => ("W_LᵀW_L", "W_(L−1)W_(L−1)ᵀ"),
            };
            let [down, up] = [-0.1, 0.1].map(|charge| self.change_of_penalty(charge));
            format!(
                "with {why} the balanced slice is not invariant under horizontal noise: charges drift, and R holds while they have hardly moved; where ½({first} − {rest}) = Q·1, at Q = −0.1 R differs by up to {down:.3} nats \
                 over equal σ_i from 0.05 to 3, at Q = 0.1 by {up:.3}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the slice it is R itself, and off it ½ log det(JJᵀ) of U and V with JJᵀA = AVᵀV + UUᵀA: for n = 2, m = 1, a² + b² along and b² beyond.
    #[test]
    fn a_charge_changes_the_penalty() {
        let of = |rows, columns, depth| Factors { rows, columns, depth, tag: String::new() };
        for (factors, sigma) in [(of(3, 2, 2), 0.4), (of(2, 2, 3), 0.7), (of(2, 2, 4), 1.5)] {
            let mut z = vec![0.0; factors.size()];
            (0..factors.rank()).for_each(|i| z[i * factors.columns + i] = sigma);
            assert!((factors.penalty_on(0.0, sigma) - factors.penalty(&z)).abs() < 1e-8, "{factors:?}");
        }
        let (charge, sigma) = (-0.3_f64, 0.8_f64);
        let a = charge + charge.hypot(sigma);
        let b = sigma * sigma / a;
        let expected = 0.5 * ((a + b).ln() + b.ln());
        assert!((of(2, 1, 2).penalty_on(charge, sigma) - expected).abs() < 1e-8);
        assert!(of(4, 3, 2).change_of_penalty(-0.1) > 0.05);
        assert!(of(2, 2, 2).approximation().is_none());
    }
}
