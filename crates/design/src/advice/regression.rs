//! The data of an advice: least squares, and how much the gradients of single rows differ there.
//!
//! ```text
//! L = ½ mean(r²), r = Xw − y:   b of a row = r Sx,  S = T^(−T);   B rows without replacement: E(b²) = mean² + Var·(n − B)/(B (n − 1))
//! noise σε on the labels of B rows adds σ² mean((Sx)²)/B
//! ```

use super::{CUTOFF, DesignError};
use gaugebias_linalg::{Matrix, least_squares};

/// A regression: the last column of a table is explained by the others.
#[derive(Clone, Debug)]
pub struct Regression {
    pub(crate) features: Matrix,
    pub(crate) target: Vec<f64>,
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

    pub(crate) fn rows(&self) -> usize {
        self.features.rows()
    }

    /// The least-squares coefficients.
    pub(crate) fn solution(&self) -> Result<Vec<f64>, DesignError> {
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
            let residual = fitted[row] - self.target[row];
            back.mul_vec(&self.features.row(row).iter().map(|x| residual * x).collect::<Vec<_>>())
        };
        let gradients: Vec<Vec<f64>> = (0..n).map(gradient).collect();
        let without_replacement = share_of_variance(batch, n);
        let of = |i: usize| {
            let mean = gradients.iter().map(|g| g[i]).sum::<f64>() / n as f64;
            let variance = gradients.iter().map(|g| (g[i] - mean).powi(2)).sum::<f64>() / n as f64;
            mean * mean + variance * without_replacement
        };
        Ok((0..back.rows()).map(of).collect())
    }

    /// mean((Sx)_i²) over rows: what noise of variance one on the label of each row adds to E(b_i²) of a batch of one.
    pub fn mean_square_features(&self, back: &Matrix) -> Vec<f64> {
        let rows: Vec<Vec<f64>> = (0..self.rows()).map(|row| back.mul_vec(self.features.row(row))).collect();
        let of = |i: usize| rows.iter().map(|x| x[i] * x[i]).sum::<f64>() / self.rows() as f64;
        (0..back.rows()).map(of).collect()
    }
}

/// Var of a batch's mean over that of a row, without replacement: (n − B)/(B (n − 1)).
pub(super) fn share_of_variance(batch: usize, rows: usize) -> f64 {
    (rows as f64 - batch as f64) / (batch as f64 * (rows as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "a,b,y\n1,0.5,1\n-0.3,1,2\n0.7,-1,0.2\n1.5,0.1,-1\n0.2,0.9,1.4\n-1,-1,0.3\n";

    /// Against all fifteen batches of two rows.
    #[test]
    fn mean_squares_are_those_of_all_batches() {
        let data = Regression::read("t.csv", TABLE).unwrap();
        let w = data.solution().unwrap();
        let found = data.mean_squares(&w, &Matrix::identity(2), 2).unwrap();
        let gradient = |row: usize, i: usize| {
            let x = data.features.row(row);
            (x[0] * w[0] + x[1] * w[1] - data.target[row]) * x[i]
        };
        for (i, found) in found.iter().enumerate() {
            let pairs = (0..6).flat_map(|a| (0..a).map(move |b| (a, b)));
            let squares: Vec<f64> = pairs.map(|(a, b)| (0.5 * (gradient(a, i) + gradient(b, i))).powi(2)).collect();
            let expected = squares.iter().sum::<f64>() / 15.0;
            assert!((found / expected - 1.0).abs() < 1e-10, "{found} {expected}");
        }
        assert!(data.mean_squares(&w, &Matrix::identity(2), 7).is_err());
    }
}
