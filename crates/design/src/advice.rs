//! Settings of training that give a wanted strength λ, and when an explicit penalty is the better choice.
//!
//! ```text
//! noise      L + τR:  R = α·shape,           τ = λ/α
//! minibatch  L + P:   P = c η E[b²]·shape,   η = λ/(c E[b²]),   b = T^(−T) ∂ℓ_batch/∂w
//! ```
//!
//! E(b²) is that of least squares, L = mean((Xw − y)²), at its minimum: there the gradients of the n rows have mean zero, and B of them without
//! replacement have E(b²) = Var(b) (1 − (B − 1)/(n − 1))/B. The step is held against stability, η M λ_max(∇²L) < 2, with M = JJᵀ at the largest coordinate.

use crate::formula::Regime;
use crate::{Design, DesignError};
use gaugebias_linalg::{Matrix, eigvalsh, inv, least_squares};

/// Singular values of X below this share of the largest count as zero.
const CUTOFF: f64 = 1e-10;
/// Share of the largest stable step that is advised at most.
const SAFE: f64 = 0.1;

/// A regression: the last column of a table is explained by the others.
#[derive(Clone, Debug)]
pub struct Regression {
    features: Matrix,
    target: Vec<f64>,
}

impl Regression {
    /// From the text of a CSV file; a first line of names is skipped.
    ///
    /// # Errors
    /// [`DesignError::Table`].
    pub fn read(name: &str, text: &str) -> Result<Self, DesignError> {
        let fault = |line: usize, what: String| DesignError::Table { name: name.to_owned(), line, what };
        let (mut rows, mut target, mut width) = (Vec::new(), Vec::new(), 0);
        for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            let cells: Vec<Option<f64>> =
                row.split(',').map(|cell| cell.trim().parse().ok().filter(|x: &f64| x.is_finite())).collect();
            let numbers: Option<Vec<f64>> = cells.iter().copied().collect();
            match numbers {
                Some(numbers) if numbers.len() >= 2 && (target.is_empty() || numbers.len() == width) => {
                    width = numbers.len();
                    target.push(numbers[width - 1]);
                    rows.extend_from_slice(&numbers[..width - 1]);
                }
                None if line == 0 => {}
                _ => {
                    return Err(fault(
                        line + 1,
                        format!("expected {} finite numbers with commas between", width.max(2)),
                    ));
                }
            }
        }
        if target.len() < 2 {
            return Err(fault(text.lines().count(), format!("{} rows; expected at least two", target.len())));
        }
        Ok(Self { features: Matrix::from_row_major(target.len(), width - 1, rows), target })
    }

    /// Features of each row.
    pub fn width(&self) -> usize {
        self.features.columns()
    }

    fn rows(&self) -> usize {
        self.features.rows()
    }

    /// The least-squares coefficients.
    fn solution(&self) -> Result<Vec<f64>, DesignError> {
        Ok(least_squares(&self.features, &self.target, CUTOFF)?)
    }

    /// E(b_i²) of batches of `batch` rows at a point w, for b = S ∂ℓ/∂w.
    ///
    /// # Errors
    /// [`DesignError::Setting`] for a batch that is no part of the rows.
    pub fn mean_squares(&self, w: &[f64], back: &Matrix, batch: usize) -> Result<Vec<f64>, DesignError> {
        let n = self.rows();
        if batch == 0 || batch > n {
            let expected = format!("1 to {n}, the rows of the data");
            return Err(DesignError::Setting { what: "the batch", found: batch.to_string(), expected });
        }
        let fitted = self.features.mul_vec(w);
        let gradient = |row: usize| {
            let residual = 2.0 * (fitted[row] - self.target[row]);
            back.mul_vec(&self.features.row(row).iter().map(|x| residual * x).collect::<Vec<_>>())
        };
        let gradients: Vec<Vec<f64>> = (0..n).map(gradient).collect();
        let without_replacement = (1.0 - (batch as f64 - 1.0) / (n as f64 - 1.0)) / batch as f64;
        let of = |i: usize| {
            let mean = gradients.iter().map(|g| g[i]).sum::<f64>() / n as f64;
            let variance = gradients.iter().map(|g| (g[i] - mean).powi(2)).sum::<f64>() / n as f64;
            mean * mean + variance * without_replacement
        };
        Ok((0..back.rows()).map(of).collect())
    }
}

/// What to set for a strength λ of the shape that the design shows.
///
/// # Errors
/// [`DesignError::Setting`] for a λ that is not positive, or data of another width.
pub fn advice(design: &Design, lambda: f64, data: Option<(&Regression, usize)>) -> Result<Vec<String>, DesignError> {
    if lambda.is_nan() || lambda <= 0.0 {
        return Err(DesignError::Setting {
            what: "λ", found: lambda.to_string(), expected: "a number above 0".into()
        });
    }
    let block = design.blocks.last().expect("a design has a block");
    match design.settings.regime {
        Regime::Noise => Ok(vec![format!(
            "λ = {lambda} of {}: temperature τ = {:.6}",
            block.shape(Regime::Noise),
            lambda / block.strength()
        )]),
        Regime::Flow => Ok(vec![
            "gradient flow has no strength λ: it fits the data whatever φ is. A smaller start (--scale) makes φ more like an L1 norm, stopping early fits less; for a \
             stated λ write the penalty down"
                .to_owned(),
        ]),
        Regime::Minibatch => minibatch(design, lambda, data),
    }
}

fn minibatch(design: &Design, lambda: f64, data: Option<(&Regression, usize)>) -> Result<Vec<String>, DesignError> {
    let block = design.blocks.last().expect("a design has a block");
    let (factor, shape) = (block.minibatch_factor(), block.shape(Regime::Minibatch));
    let mut lines = vec![format!(
        "λ = {lambda} of {shape}: step size η = λ/({factor:.4} E[b²]) = {:.6}/E[b²], b the gradient of a batch by the penalised coordinates",
        lambda / factor
    )];
    let Some((data, batch)) = data else {
        lines.push("give --data FILE.csv and --batch B for E[b²] of least squares".into());
        return Ok(lines);
    };
    if data.width() != design.size() {
        let expected = format!("{}, the coordinates of w", design.size());
        return Err(DesignError::Setting { what: "the number of features", found: data.width().to_string(), expected });
    }
    let solution = data.solution()?;
    let operator = design.operator.matrix(design.size());
    let back = inv(&operator)?.transpose();
    let kernel = design.operator.kernel();
    let squares = data.mean_squares(&solution, &back, batch)?.split_off(kernel);
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    let (low, high) = squares.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
    let step = lambda / (factor * mean);
    lines.push(format!(
        "at least squares, batches of {batch} of {} rows: E[b²] = {mean:.4} on average over coordinates, {low:.4} to {high:.4}, so η = {step:.2e}",
        data.rows()
    ));
    // In the coordinates z = Tw, where M is that of the blocks: λ_max(MH) ≤ M_max λ_max(H).
    let curvature = back.matmul(&data.features.gram()).matmul(&back.transpose());
    let steepest = eigvalsh(&curvature)?.iter().fold(0.0_f64, |m, x| m.max(*x)) * 2.0 / data.rows() as f64;
    let stable = 2.0 / (design.largest_metric(&operator.mul_vec(&solution)) * steepest);
    if step > SAFE * stable {
        // Noise σ on labels adds 4σ² mean(x²)/B to E[a²].
        let safe = SAFE * stable;
        lines.push(format!(
            "that step is too long: descent is stable below about {stable:.1e} here. At η = {safe:.1e} these batches give λ = {:.2e}; add noise to labels, take smaller batches, or, \
             better, write the penalty down: a λ of this size is no small correction",
            lambda * safe / step
        ));
    } else {
        lines.push(format!(
            "descent is stable below about {stable:.1e}; from a start of size s an entry leaves 0 after about log(|w|/s²)/(2 η |∂L/∂w|) steps of a product of two"
        ));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Target, design};

    const TABLE: &str = "a,b,y\n1,0.5,1\n-0.3,1,2\n0.7,-1,0.2\n1.5,0.1,-1\n0.2,0.9,1.4\n-1,-1,0.3\n";

    /// Against all fifteen batches of two rows.
    #[test]
    fn mean_squares_are_those_of_all_batches() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        let w = data.solution().unwrap();
        let found = data.mean_squares(&w, &Matrix::identity(2), 2).unwrap();
        let gradient = |row: usize, i: usize| {
            let x = data.features.row(row);
            2.0 * (x[0] * w[0] + x[1] * w[1] - data.target[row]) * x[i]
        };
        for (i, found) in found.iter().enumerate() {
            let pairs = (0..6).flat_map(|a| (0..a).map(move |b| (a, b)));
            let squares: Vec<f64> = pairs.map(|(a, b)| (0.5 * (gradient(a, i) + gradient(b, i))).powi(2)).collect();
            let expected = squares.iter().sum::<f64>() / 15.0;
            assert!((found / expected - 1.0).abs() < 1e-10, "{found} {expected}");
        }
        assert!(data.mean_squares(&w, &Matrix::identity(2), 7).is_err());
    }

    #[test]
    fn strengths_become_settings() {
        let of = |regime, depth| Settings { size: Some(2), regime, depth: Some(depth), ..Settings::default() };
        let told = |settings: &Settings, data: Option<(&Regression, usize)>| {
            advice(&design(Target::Sparsity, settings).unwrap(), 0.3, data).unwrap().join("\n")
        };
        // τ = 0.3/(2/3), η = 0.3/(3/4 E).
        assert!(told(&of(Regime::Noise, 3), None).contains("τ = 0.450000"));
        assert!(told(&of(Regime::Minibatch, 3), None).contains("η = λ/(0.7500 E[b²]) = 0.400000/E[b²]"));
        let data = Regression::read("t.csv", TABLE).unwrap();
        assert!(told(&of(Regime::Minibatch, 2), Some((&data, 2))).contains("too long"));
        assert!(told(&of(Regime::Flow, 2), None).contains("no strength"));
        let settings = of(Regime::Noise, 2);
        assert!(advice(&design(Target::Sparsity, &settings).unwrap(), -1.0, None).is_err());
        assert!(Regression::read("t.csv", "1,2\n3\n").unwrap_err().to_string().contains("line 2"));
    }
}
