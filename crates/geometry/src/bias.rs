//! The gauge bias B = ½ log det Γ with its gradient and second derivative, block by block of Γ.
//!
//! The value comes from the singular values of Ξ, which keep twice the digits of the eigenvalues of Γ. The gradient needs the
//! inverse of Γ, by a Cholesky factorisation of every block whose condition leaves enough digits, and by the singular value
//! decomposition of Ξ where it does not, or where the block is singular.

use crate::GeometryError;
use crate::fields::{Block, OrbitFields};
use crate::orbit::RANK_CUTOFF;
use gaugebias_linalg::{Matrix, inverse_positive_definite, log_det_positive_definite, pseudo_inverse, svdvals};
use gaugebias_symmetry::Symmetries;

/// Condition of a block of Γ, with unit diagonal, beyond which its inverse has too few digits: the gradient's relative
/// error is about this times 2e-16.
const CONDITION_LIMIT: f64 = 1e7;

/// A pivot of a block of Γ, with unit diagonal, above which the block has full rank beyond doubt.
const CLEAR_PIVOT: f64 = 1e-9;

/// Blocks of up to this many generators are decomposed into singular values where Cholesky does not do.
const DECOMPOSED: usize = 600;

/// What one block of Γ adds to the bias.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockVolume {
    /// Its generators, as places in the list.
    pub generators: Vec<usize>,
    /// Rank of its fields at the point.
    pub rank: usize,
    /// ½ log det of the block over that rank, nats.
    pub log_volume: f64,
}

impl OrbitFields {
    /// Lengths of the orbit's principal directions at θ, the singular values of Ξ(θ), descending; min(p, k) or fewer of them,
    /// since a block has at most as many as it moves parameters.
    pub fn lengths(&self, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
        let mut lengths = Vec::with_capacity(self.dimension());
        for block in self.blocks() {
            let values = block.values(theta);
            if block.generators.len() == 1 {
                lengths.push(values.iter().map(|x| x * x).sum::<f64>().sqrt());
            } else {
                lengths.extend(svdvals(&block.dense(&values))?);
            }
        }
        lengths.sort_by(|a, b| b.total_cmp(a));
        Ok(lengths)
    }

    /// Rank and volume of every block at θ, by Cholesky factorisations where the block is far from singular, for models
    /// whose Ξ is too large for singular values; `None` where a large block is too near to singular to tell its rank.
    pub fn volumes(&self, theta: &[f64]) -> Result<Option<Vec<BlockVolume>>, GeometryError> {
        let mut found = Vec::with_capacity(self.blocks().len());
        for block in self.blocks() {
            let values = block.values(theta);
            let generators = block.generators.clone();
            match log_det_positive_definite(&block.gram(&values)) {
                Ok(det) if det.smallest_pivot > CLEAR_PIVOT => {
                    let rank = generators.len();
                    found.push(BlockVolume { generators, rank, log_volume: 0.5 * det.value });
                }
                _ if generators.len() > DECOMPOSED => return Ok(None),
                _ => {
                    let lengths = svdvals(&block.dense(&values))?;
                    let longest = lengths.first().copied().unwrap_or(0.0);
                    let rank = lengths.iter().take_while(|&&s| s > RANK_CUTOFF * longest && s > 0.0).count();
                    found.push(BlockVolume { generators, rank, log_volume: log_product(&lengths[..rank]) });
                }
            }
        }
        Ok(Some(found))
    }

    /// ∇B(θ) = ½ tr(Γ⁺ ∂Γ) = Σ_ab Γ⁺_ab A_aᵀ ξ_b, length p; zero without generators. Exact where the rank of every block is
    /// constant near θ.
    pub fn bias_gradient(&self, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
        let mut gradient = vec![0.0; self.parameters()];
        for block in self.blocks() {
            let values = block.values(theta);
            match inverse_positive_definite(&block.gram(&values)) {
                Ok(found) if found.condition <= CONDITION_LIMIT => {
                    block.add_transposed_product(&found.inverse, &values, &mut gradient);
                }
                _ => block.add_transposed_rows(&pseudo_inverse(&block.dense(&values), RANK_CUTOFF)?, &mut gradient),
            }
        }
        Ok(gradient)
    }

    /// ∇²B(θ)·v, length p: the derivative of [`OrbitFields::bias_gradient`] along v, at constant rank.
    pub fn bias_hessian_vector(&self, theta: &[f64], direction: &[f64]) -> Result<Vec<f64>, GeometryError> {
        let mut product = vec![0.0; self.parameters()];
        for block in self.blocks() {
            let columns = block.dense(&block.values(theta));
            let moved = block.dense(&block.linear_values(direction));
            let change = dual_change(&columns, &moved, &dual(block, theta, &columns)?);
            block.add_transposed_rows(&change, &mut product);
        }
        Ok(product)
    }
}

/// Ξ⁺ of a block, generators × parameters: its row a is Σ_b Γ⁺_ab ξ_b.
fn dual(block: &Block, theta: &[f64], columns: &Matrix) -> Result<Matrix, GeometryError> {
    match inverse_positive_definite(&block.gram(&block.values(theta))) {
        Ok(found) if found.condition <= CONDITION_LIMIT => Ok(found.inverse.matmul(&columns.transpose())),
        _ => Ok(pseudo_inverse(columns, RANK_CUTOFF)?),
    }
}

/// The derivative of Ξ⁺ where Ξ moves by E (Golub and Pereyra 1973):
///
/// ```text
/// dΞ⁺ = −Ξ⁺EΞ⁺ + Ξ⁺Ξ⁺ᵀEᵀ(1 − ΞΞ⁺) + (1 − Ξ⁺Ξ)EᵀΞ⁺ᵀΞ⁺
/// ```
fn dual_change(columns: &Matrix, moved: &Matrix, dual: &Matrix) -> Matrix {
    let (dual_t, moved_t) = (dual.transpose(), moved.transpose());
    let inward = dual.matmul(moved).matmul(dual);
    // Eᵀ(1 − ΞΞ⁺) without the p × p projector.
    let outside = moved_t.add_scaled(-1.0, &moved_t.matmul(columns).matmul(dual));
    let outward = dual.matmul(&dual_t).matmul(&outside);
    let kernel_part = moved_t.matmul(&dual_t).matmul(dual);
    let kernel = kernel_part.add_scaled(-1.0, &dual.matmul(columns).matmul(&kernel_part));
    outward.add_scaled(-1.0, &inward).add_scaled(1.0, &kernel)
}

/// Γ(θ) = ΞᵀΞ, k × k.
pub fn gram(symmetries: &Symmetries, theta: &[f64]) -> Matrix {
    OrbitFields::of(symmetries).gram(theta)
}

/// B(θ) = ½ log det Γ over the orbit dimension, in nats; `None` without generators.
pub fn bias(symmetries: &Symmetries, theta: &[f64]) -> Result<Option<f64>, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(None);
    }
    let lengths = OrbitFields::of(symmetries).lengths(theta)?;
    Ok(Some(log_product(&lengths[..symmetries.orbit_dimension.min(lengths.len())])))
}

/// Σ log of lengths; −∞ where one of them is not positive.
pub(crate) fn log_product(lengths: &[f64]) -> f64 {
    let log = |x: &f64| if *x > 0.0 { x.ln() } else { f64::NEG_INFINITY };
    lengths.iter().map(log).sum()
}

/// log det Γ(θ) = 2B; `None` without generators.
pub fn log_det_gram(symmetries: &Symmetries, theta: &[f64]) -> Result<Option<f64>, GeometryError> {
    Ok(bias(symmetries, theta)?.map(|b| 2.0 * b))
}

/// ∇B(θ), length p; see [`OrbitFields::bias_gradient`], which keeps the pattern of Ξ between points.
pub fn bias_gradient(symmetries: &Symmetries, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    OrbitFields::of(symmetries).bias_gradient(theta)
}

/// ∇²B(θ)·v, length p; see [`OrbitFields::bias_hessian_vector`].
pub fn bias_hessian_vector(
    symmetries: &Symmetries,
    theta: &[f64],
    direction: &[f64],
) -> Result<Vec<f64>, GeometryError> {
    OrbitFields::of(symmetries).bias_hessian_vector(theta, direction)
}

/// Rank of Ξ at this θ, which may be below the generic orbit dimension; singular values at most `relative_cutoff`
/// times the largest count as zero.
pub fn orbit_dimension_at(
    symmetries: &Symmetries,
    theta: &[f64],
    relative_cutoff: f64,
) -> Result<usize, GeometryError> {
    let lengths = OrbitFields::of(symmetries).lengths(theta)?;
    let Some(longest) = lengths.first() else {
        return Ok(0);
    };
    Ok(lengths.iter().take_while(|&&s| s > 0.0 && s > relative_cutoff * longest).count())
}
