//! A generator of a one-parameter group of affine maps, stored by its non-zero entries.
//!
//! Generators of networks touch a row here and a column there; as dense matrices on their support those of GL(64)
//! would fill gigabytes. Rejected: one representation for aligned generators and another for the rest.

use gaugebias_linalg::Matrix;

/// Entries at most this large, relative to the largest, are zero.
const ENTRY_FLOOR: f64 = 1e-11;

/// How the linear part behaves under transposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A = Aᵀ (a translation too): non-compact, with a conserved charge.
    Symmetric,
    /// A = −Aᵀ: a rotation, compact, without charge.
    Antisymmetric,
    /// Neither.
    Mixed,
}

/// One non-zero entry of A.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Parameter that changes.
    pub row: usize,
    /// Parameter that it changes with.
    pub column: usize,
    /// A at (row, column).
    pub value: f64,
}

/// ξ(θ) = Aθ + b. A and b vanish outside the support, a set of parameter indices.
#[derive(Clone, Debug)]
pub struct Generator {
    support: Vec<usize>,
    entries: Vec<Entry>,
    shifts: Vec<(usize, f64)>,
    nature: Nature,
}

impl Generator {
    /// From entries of A and of b, in any order; equal places are added, and what vanishes is dropped.
    pub fn new(mut entries: Vec<Entry>, mut shifts: Vec<(usize, f64)>) -> Self {
        entries.sort_by_key(|e| (e.row, e.column));
        entries.dedup_by(|next, kept| {
            let same = (next.row, next.column) == (kept.row, kept.column);
            if same {
                kept.value += next.value;
            }
            same
        });
        shifts.sort_by_key(|s| s.0);
        shifts.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        let largest = entries.iter().map(|e| e.value).chain(shifts.iter().map(|s| s.1));
        let floor = ENTRY_FLOOR * largest.fold(0.0_f64, |m, x| m.max(x.abs()));
        entries.retain(|e| e.value.abs() > floor);
        shifts.retain(|s| s.1.abs() > floor);
        let mut support: Vec<usize> = entries.iter().flat_map(|e| [e.row, e.column]).collect();
        support.extend(shifts.iter().map(|s| s.0));
        support.sort_unstable();
        support.dedup();
        let nature = nature_of(&entries);
        Self { support, entries, shifts, nature }
    }

    /// Σ weight · generator.
    pub fn combine(parts: &[(f64, &Self)]) -> Self {
        let entries =
            parts.iter().flat_map(|&(w, g)| g.entries.iter().map(move |e| Entry { value: w * e.value, ..*e }));
        let shifts = parts.iter().flat_map(|&(w, g)| g.shifts.iter().map(move |(i, b)| (*i, w * b)));
        Self::new(entries.collect(), shifts.collect())
    }

    /// Parameter indices on which the generator acts, ascending.
    pub fn support(&self) -> &[usize] {
        &self.support
    }

    /// Non-zero entries of A, ordered by row, then column.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Non-zero entries of b as (parameter, value), ascending.
    pub fn shifts(&self) -> &[(usize, f64)] {
        &self.shifts
    }

    /// A at (row, column).
    pub fn entry(&self, row: usize, column: usize) -> f64 {
        let at = self.entries.binary_search_by_key(&(row, column), |e| (e.row, e.column));
        at.map_or(0.0, |at| self.entries[at].value)
    }

    /// A on the support, dense.
    pub fn linear_on_support(&self) -> Matrix {
        let mut linear = Matrix::zeros(self.support.len(), self.support.len());
        for e in &self.entries {
            linear[(self.place(e.row), self.place(e.column))] = e.value;
        }
        linear
    }

    fn place(&self, index: usize) -> usize {
        self.support.binary_search(&index).expect("the support holds every index of an entry")
    }

    /// Symmetric, antisymmetric or mixed.
    pub fn nature(&self) -> Nature {
        self.nature
    }

    /// Whether A = 0.
    pub fn is_translation(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether b = 0.
    pub fn is_linear(&self) -> bool {
        self.shifts.is_empty()
    }

    /// Whether A is diagonal.
    pub fn is_diagonal(&self) -> bool {
        self.entries.iter().all(|e| e.row == e.column)
    }

    /// tr A.
    pub fn trace(&self) -> f64 {
        self.entries.iter().filter(|e| e.row == e.column).map(|e| e.value).sum()
    }

    /// ξ(θ) = Aθ + b, of the length of θ.
    pub fn field(&self, theta: &[f64]) -> Vec<f64> {
        let mut field = self.apply_linear(theta);
        self.shifts.iter().for_each(|&(i, b)| field[i] += b);
        field
    }

    /// One entry of ξ(θ).
    pub fn row_value(&self, row: usize, theta: &[f64]) -> f64 {
        let from = self.entries.partition_point(|e| e.row < row);
        let linear: f64 =
            self.entries[from..].iter().take_while(|e| e.row == row).map(|e| e.value * theta[e.column]).sum();
        let shift = self.shifts.binary_search_by_key(&row, |s| s.0).map_or(0.0, |at| self.shifts[at].1);
        linear + shift
    }

    /// A·x for a tangent vector x (no translation).
    pub fn apply_linear(&self, x: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; x.len()];
        self.entries.iter().for_each(|e| image[e.row] += e.value * x[e.column]);
        image
    }

    /// Aᵀ·x.
    pub fn apply_linear_transposed(&self, x: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; x.len()];
        self.entries.iter().for_each(|e| image[e.column] += e.value * x[e.row]);
        image
    }

    /// gᵀ(Aθ + b).
    pub fn pairing(&self, gradient: &[f64], theta: &[f64]) -> f64 {
        let linear: f64 = self.entries.iter().map(|e| gradient[e.row] * e.value * theta[e.column]).sum();
        linear + self.shifts.iter().map(|&(i, b)| gradient[i] * b).sum::<f64>()
    }

    /// A point with Ac + b = 0, on the support; `None` where there is none, as for a translation, or without a shift.
    pub fn fixed_point(&self) -> Option<Vec<f64>> {
        if self.shifts.is_empty() || self.entries.is_empty() {
            return None;
        }
        let linear = self.linear_on_support();
        let mut wanted = vec![0.0; self.support.len()];
        self.shifts.iter().for_each(|&(i, b)| wanted[self.place(i)] = -b);
        let found = gaugebias_linalg::least_squares(&linear, &wanted, 1e-8).ok()?;
        let largest = wanted.iter().fold(0.0_f64, |m, b| m.max(b.abs()));
        let missed = linear.mul_vec(&found).iter().zip(&wanted).fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()));
        (missed <= 1e-7 * largest).then_some(found)
    }

    /// xᵀAx for x on the support.
    pub fn linear_form(&self, x: &[f64]) -> f64 {
        self.entries.iter().map(|e| x[self.place(e.row)] * e.value * x[self.place(e.column)]).sum()
    }

    /// ½ θᵀAθ + bᵀθ: the conserved charge when A is symmetric.
    pub fn quadratic_form(&self, theta: &[f64]) -> f64 {
        let quadratic: f64 = self.entries.iter().map(|e| theta[e.row] * e.value * theta[e.column]).sum();
        0.5 * quadratic + self.shifts.iter().map(|&(i, b)| b * theta[i]).sum::<f64>()
    }
}

fn nature_of(entries: &[Entry]) -> Nature {
    let largest = entries.iter().fold(0.0_f64, |m, e| m.max(e.value.abs()));
    let tolerance = 1e-9 * largest;
    let transposed = |e: &Entry| {
        let at = entries.binary_search_by_key(&(e.column, e.row), |e| (e.row, e.column));
        at.map_or(0.0, |at| entries[at].value)
    };
    if entries.iter().all(|e| (e.value - transposed(e)).abs() <= tolerance) {
        Nature::Symmetric
    } else if entries.iter().all(|e| (e.value + transposed(e)).abs() <= tolerance) {
        Nature::Antisymmetric
    } else {
        Nature::Mixed
    }
}
