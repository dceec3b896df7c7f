//! The data of an advice: least squares, and how much the gradients of single rows differ there.
//!
//! ```text
//! L = ½ mean(r²), r = Xw − y:   b of a row = r Sx,  S = T^(−T);   B rows without replacement: E(b²) = mean² + Var·(n − B)/(B (n − 1))
//! noise σε on the labels of B rows adds σ² mean((Sx)²)/B
//! ```

use super::{CUTOFF, DesignError};
use gaugebias_linalg::{Matrix, least_squares};

/// Data whose largest entry is beyond this, or below its inverse, have squares that may overflow or vanish.
const LARGEST: f64 = 1e70;
/// Cosine between target and feature that is rounding.
const ORTHOGONAL: f64 = 1e-12;

/// A cell as a finite number, or what was found instead.
fn number(cell: &str) -> Result<f64, String> {
    let wanted = "expected finite numbers with commas between";
    if cell.is_empty() {
        return Err(format!("an empty cell; {wanted}"));
    }
    cell.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| format!("found {cell:?}; {wanted}"))
}

/// A single cell with other separators than commas is a row of them, not a name.
fn foreign(cells: &[&str]) -> bool {
    matches!(cells, [only] if only.contains([';', '\t', ' ']))
}

fn counted(expected: usize, width: usize) -> String {
    if width == 0 {
        "at least two, features and a target, with commas between".to_owned()
    } else {
        format!("{expected}, as in the rows above")
    }
}

/// A regression: the last column of a table is explained by the others.
#[derive(Clone, Debug)]
pub struct Regression {
    pub(crate) features: Matrix,
    pub(crate) target: Vec<f64>,
}

impl Regression {
    /// From the text of a CSV file; a first line in which no cell is a number holds names and is skipped.
    ///
    /// # Errors
    /// [`DesignError::Table`].
    pub fn read(name: &str, text: &str) -> Result<Self, DesignError> {
        let fault = |line: usize, what: String| DesignError::Table { name: name.to_owned(), line, what };
        let text = text.trim_start_matches('\u{feff}');
        let (mut rows, mut target, mut width) = (Vec::new(), Vec::new(), 0);
        let filled = text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty());
        for (place, (line, row)) in filled.enumerate() {
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            if place == 0 && cells.iter().all(|cell| cell.trim_matches('"').parse::<f64>().is_err()) && !foreign(&cells)
            {
                continue;
            }
            let numbers = cells.iter().map(|cell| number(cell)).collect::<Result<Vec<f64>, String>>();
            let numbers = numbers.map_err(|what| fault(line + 1, what))?;
            let expected = if target.is_empty() { numbers.len().max(2) } else { width };
            if numbers.len() != expected {
                let found = numbers.len();
                return Err(fault(line + 1, format!("found {found} numbers; expected {}", counted(expected, width))));
            }
            width = expected;
            target.push(numbers[width - 1]);
            rows.extend_from_slice(&numbers[..width - 1]);
        }
        if text.trim().is_empty() {
            return Err(fault(
                1,
                "the file is empty; expected rows of numbers with commas between, the target last".into(),
            ));
        }
        if target.len() < 2 {
            let found = target.len();
            return Err(fault(
                text.lines().count(),
                format!("rows of numbers in the file: {found}; expected at least two"),
            ));
        }
        Ok(Self { features: Matrix::from_row_major(target.len(), width - 1, rows), target })
    }

    /// Features of each row.
    pub fn width(&self) -> usize {
        self.features.columns()
    }

    /// Root mean square deviation of the target from its mean.
    pub(crate) fn deviation(&self) -> f64 {
        let share = 1.0 / self.rows() as f64;
        let mean = self.target.iter().sum::<f64>() * share;
        (self.target.iter().map(|y| (y - mean).powi(2)).sum::<f64>() * share).sqrt()
    }

    pub(crate) fn rows(&self) -> usize {
        self.features.rows()
    }

    /// Refuses data whose least squares are w = 0 or have no finite squares: there is neither a rate nor a strength at 0, where M vanishes.
    ///
    /// # Errors
    /// [`DesignError::Setting`].
    pub(crate) fn check(&self) -> Result<(), DesignError> {
        let largest = |values: &[f64]| values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let length = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
        let columns: Vec<Vec<f64>> =
            (0..self.width()).map(|i| (0..self.rows()).map(|row| self.features.row(row)[i]).collect()).collect();
        let sizes = [columns.iter().map(|column| largest(column)).fold(0.0, f64::max), largest(&self.target)];
        let beyond = |size: &&f64| **size > LARGEST || (**size > 0.0 && **size < 1.0 / LARGEST);
        let refused = |found: String, expected: &str| {
            Err(DesignError::Setting {
                what: "the least squares of the data (--data)",
                found,
                expected: expected.into(),
            })
        };
        if let Some(size) = sizes.iter().find(beyond) {
            return refused(
                format!("not computable: squares of numbers as large as {size:.1e} are beyond what a float holds"),
                "features and target in units in which they are nearer to 1",
            );
        }
        let fall = self.features.transpose_mul_vec(&self.target);
        let orthogonal = columns
            .iter()
            .zip(&fall)
            .all(|(column, fall)| fall.abs() <= ORTHOGONAL * length(column) * length(&self.target));
        let why = if columns.iter().all(|column| largest(column) == 0.0) {
            "every feature is 0 in every row"
        } else if largest(&self.target) == 0.0 {
            "the target, the last column, is 0 in every row"
        } else if orthogonal {
            "the target, the last column, is orthogonal to every feature"
        } else {
            return Ok(());
        };
        refused(
            format!("w = 0: {why}"),
            "a solution that is not 0, since steps and strengths are told at it; check which column is the last, or leave --data out",
        )
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

    #[test]
    fn only_lines_without_numbers_are_headers() {
        let said = |text: &str| Regression::read("t.csv", text).unwrap_err().to_string();
        for (text, expected) in [
            ("1,x,3\n4,5,6\n7,8,9\n", ["line 1", "\"x\""]),
            ("1,nan,3\n4,5,6\n7,8,9\n", ["line 1", "\"nan\""]),
            ("a;b;y\n1;2;3\n2;3;4\n", ["line 1", "\"a;b;y\""]),
            ("a,b,y\n1;2;3\n2;3;4\n", ["line 2", "\"1;2;3\""]),
            ("1,2,3\n4,,6\n", ["line 2", "an empty cell"]),
            ("1,2,3\n4,5\n", ["line 2", "expected 3"]),
            ("a,b\n1,2\n", ["line 2", "file: 1"]),
            ("", ["line 1", "empty"]),
        ] {
            let said = said(text);
            assert!(expected.iter().all(|part| said.contains(part)), "{text:?}: {said}");
        }
        for text in ["\u{feff}1,2,3\n4,5,6\n", "\u{feff}a,b,y\n1,2,3\n4,5,6\n", "\n\"a\",\"b\",\"y\"\n1,2,3\n4,5,6\n"] {
            let data = Regression::read("t.csv", text).unwrap();
            assert_eq!((data.rows(), data.target.clone()), (2, vec![3.0, 6.0]), "{text:?}");
        }
    }

    #[test]
    fn data_whose_least_squares_are_zero_are_refused() {
        let said = |text: &str| Regression::read("t.csv", text).unwrap().check().map_err(|error| error.to_string());
        for (text, expected) in [
            ("0,0,1\n0,0,2\n0,0,3\n", "every feature is 0"),
            ("1,2,0\n0,1,0\n3,1,0\n", "the target, the last column, is 0"),
            ("1,1,1\n1,1,-1\n", "orthogonal"),
            ("1e200,1,1\n1,2,-1\n", "nearer to 1"),
            ("1e-200,0,1\n0,2e-200,-1\n", "nearer to 1"),
        ] {
            assert!(said(text).unwrap_err().contains(expected), "{text}");
        }
        assert_eq!(said("1,0,1\n2,0,3\n0.5,0,1\n"), Ok(()));
    }
}
