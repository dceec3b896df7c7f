//! A row-major matrix of f64.

use faer::{Mat, MatRef};

/// A dense matrix; `data[row * columns + column]`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// Ones on the diagonal.
    pub fn identity(size: usize) -> Self {
        Self::from_fn(size, size, |i, j| f64::from(u8::from(i == j)))
    }

    /// Entry (i, j) is `entry(i, j)`.
    pub fn from_fn(rows: usize, columns: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let mut data = Vec::with_capacity(rows * columns);
        for i in 0..rows {
            data.extend((0..columns).map(|j| entry(i, j)));
        }
        Self { rows, columns, data }
    }

    /// Takes row-major entries.
    ///
    /// # Panics
    /// If `data.len()` is not `rows * columns`: the caller's bookkeeping is wrong.
    pub fn from_row_major(rows: usize, columns: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), rows * columns, "a {rows}×{columns} matrix needs {} entries", rows * columns);
        Self { rows, columns, data }
    }

    /// The given vectors become columns; `rows` says how long they are (there may be none).
    pub fn from_columns(rows: usize, columns: &[Vec<f64>]) -> Self {
        Self::from_fn(rows, columns.len(), |i, j| columns[j][i])
    }

    /// A diagonal matrix.
    pub fn from_diagonal(diagonal: &[f64]) -> Self {
        Self::from_fn(diagonal.len(), diagonal.len(), |i, j| if i == j { diagonal[i] } else { 0.0 })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row-major entries.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// Row-major entries, to be written.
    pub fn data_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// Row-major entries, by value.
    pub fn into_data(self) -> Vec<f64> {
        self.data
    }

    /// Row i.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// Row i, to be written.
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// Column j, copied.
    pub fn column(&self, j: usize) -> Vec<f64> {
        (0..self.rows).map(|i| self[(i, j)]).collect()
    }

    /// The columns `range`, copied.
    pub fn column_range(&self, range: std::ops::Range<usize>) -> Self {
        Self::from_fn(self.rows, range.len(), |i, j| self[(i, range.start + j)])
    }

    /// Rows and columns of the given indices.
    pub fn submatrix(&self, rows: &[usize], columns: &[usize]) -> Self {
        Self::from_fn(rows.len(), columns.len(), |i, j| self[(rows[i], columns[j])])
    }

    /// Mᵀ.
    pub fn transpose(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |i, j| self[(j, i)])
    }

    /// M·other.
    ///
    /// # Panics
    /// If the inner sizes differ.
    pub fn matmul(&self, other: &Self) -> Self {
        assert_eq!(self.columns, other.rows, "inner sizes of a matrix product");
        Self::from_faer((self.as_faer() * other.as_faer()).as_ref())
    }

    /// MᵀM, exactly symmetric.
    pub fn gram(&self) -> Self {
        let product = self.as_faer().transpose() * self.as_faer();
        Self::from_fn(self.columns, self.columns, |i, j| 0.5 * (product[(i, j)] + product[(j, i)]))
    }

    /// M·x.
    pub fn mul_vec(&self, x: &[f64]) -> Vec<f64> {
        self.data.chunks_exact(self.columns.max(1)).map(|row| dot(row, x)).collect()
    }

    /// Mᵀ·y.
    pub fn transpose_mul_vec(&self, y: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.columns];
        for (row, &weight) in self.data.chunks_exact(self.columns.max(1)).zip(y) {
            out.iter_mut().zip(row).for_each(|(o, &m)| *o += weight * m);
        }
        out
    }

    /// M + factor·other.
    pub fn add_scaled(&self, factor: f64, other: &Self) -> Self {
        assert_eq!((self.rows, self.columns), (other.rows, other.columns), "sizes of a matrix sum");
        let sum = |(&a, &b): (&f64, &f64)| a + factor * b;
        Self { rows: self.rows, columns: self.columns, data: self.data.iter().zip(&other.data).map(sum).collect() }
    }

    /// factor·M.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { rows: self.rows, columns: self.columns, data: self.data.iter().map(|&a| factor * a).collect() }
    }

    /// AB − BA.
    pub fn bracket(&self, other: &Self) -> Self {
        self.matmul(other).add_scaled(-1.0, &other.matmul(self))
    }

    /// Square root of the sum of squares.
    pub fn frobenius_norm(&self) -> f64 {
        self.data.iter().map(|a| a * a).sum::<f64>().sqrt()
    }

    /// Sum of the products of equal entries, tr(Aᵀ B).
    pub fn frobenius_inner(&self, other: &Self) -> f64 {
        dot(&self.data, &other.data)
    }

    /// Largest absolute entry; 0 for an empty matrix.
    pub fn max_abs(&self) -> f64 {
        self.data.iter().fold(0.0, |m, a| a.abs().max(m))
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.rows.min(self.columns)).map(|i| self[(i, i)]).sum()
    }

    pub(crate) fn as_faer(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.data, self.rows, self.columns)
    }

    pub(crate) fn to_faer(&self) -> Mat<f64> {
        self.as_faer().to_owned()
    }

    pub(crate) fn from_faer(matrix: MatRef<'_, f64>) -> Self {
        Self::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)])
    }
}

impl std::ops::Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.data[i * self.columns + j]
    }
}

impl std::ops::IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.data[i * self.columns + j]
    }
}

/// Sums in parallel, so that one addition does not wait for the one before it.
const SUMS: usize = 8;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut sums = [0.0; SUMS];
    let (left, right) = (a.chunks_exact(SUMS), b.chunks_exact(SUMS));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        sums.iter_mut().zip(x.iter().zip(y)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f64>() + rest
}
