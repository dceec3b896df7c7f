//! The orbit through a point: Gram matrix of the generators, bias, and their derivatives.

use crate::GeometryError;
use gaugebias_linalg::{Matrix, pseudo_inverse, svdvals};
use gaugebias_model::{Parametrization, Point};
use gaugebias_symmetry::{Generator, Symmetries};

/// Singular values of Ξ or J at most this large, relative to the largest, count as zero at a given point.
pub const RANK_CUTOFF: f64 = 1e-9;

/// The cut for Ξ at a balanced point: charges of 1e-14 leave fields of 1e-7 where the orbit is singular on the slice.
pub const BALANCED_RANK_CUTOFF: f64 = 1e-5;

/// Ξ(θ): the fields of the generators as columns, p × k.
pub fn fields<'a>(generators: impl IntoIterator<Item = &'a Generator>, theta: &[f64]) -> Matrix {
    let columns: Vec<Vec<f64>> = generators.into_iter().map(|g| g.field(theta)).collect();
    Matrix::from_columns(theta.len(), &columns)
}

/// Γ(θ) = ΞᵀΞ, k × k.
pub fn gram(symmetries: &Symmetries, theta: &[f64]) -> Matrix {
    fields(&symmetries.generators, theta).gram()
}

/// Logarithm of the volume spanned by columns: half the log pseudo-determinant of their Gram matrix over `rank`
/// singular values (fewer if there are fewer columns). Empty: 0. Singular values keep twice the digits that the
/// eigenvalues of the Gram matrix would.
pub fn log_volume(columns: &Matrix, rank: usize) -> Result<f64, GeometryError> {
    if columns.columns() == 0 || rank == 0 {
        return Ok(0.0);
    }
    let log = |x: &f64| if *x > 0.0 { x.ln() } else { f64::NEG_INFINITY };
    Ok(svdvals(columns)?.iter().take(rank).map(log).sum())
}

/// B(θ) = ½ log det Γ over the orbit dimension, in nats; `None` without generators.
pub fn bias(symmetries: &Symmetries, theta: &[f64]) -> Result<Option<f64>, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(None);
    }
    let columns = fields(&symmetries.generators, theta);
    Ok(Some(log_volume(&columns, symmetries.orbit_dimension)?))
}

/// log det Γ(θ) = 2B; `None` without generators.
pub fn log_det_gram(symmetries: &Symmetries, theta: &[f64]) -> Result<Option<f64>, GeometryError> {
    Ok(bias(symmetries, theta)?.map(|b| 2.0 * b))
}

/// ∇B(θ) = ½ tr(Γ⁺ ∂Γ) = Σ_ab Γ⁺_ab A_aᵀ ξ_b, length p; zero without generators. Exact where the orbit dimension
/// is constant near θ.
pub fn bias_gradient(symmetries: &Symmetries, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    let mut gradient = vec![0.0; theta.len()];
    if symmetries.generators.is_empty() {
        return Ok(gradient);
    }
    let columns = fields(&symmetries.generators, theta);
    // Ξ Γ⁺ is the transpose of the pseudo-inverse of Ξ: its column a is Σ_b Γ⁺_ab ξ_b.
    let dual = pseudo_inverse(&columns, RANK_CUTOFF)?;
    for (a, generator) in symmetries.generators.iter().enumerate() {
        let part = generator.apply_linear_transposed(dual.row(a));
        gradient.iter_mut().zip(part).for_each(|(g, x)| *g += x);
    }
    Ok(gradient)
}

/// Rank of Ξ at this θ, which may be below the generic orbit dimension; singular values at most `relative_cutoff`
/// times the largest count as zero.
pub fn orbit_dimension_at(
    symmetries: &Symmetries,
    theta: &[f64],
    relative_cutoff: f64,
) -> Result<usize, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(0);
    }
    let columns = fields(&symmetries.generators, theta);
    Ok(gaugebias_linalg::relative_rank(&columns, relative_cutoff)?)
}

/// Rank of J and the coarea factor ½ log det(JJᵀ) over that rank, at one point and draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coarea {
    /// Rank of J at the point.
    pub rank: usize,
    /// ½ log det(JJᵀ) on the rank; 0 at rank 0.
    pub value: f64,
}

/// The coarea factor at a point; needs no generators.
pub fn coarea(model: &dyn Parametrization, point: &Point) -> Result<Coarea, GeometryError> {
    let jacobian = jacobian(model, point)?;
    let values = svdvals(&jacobian)?;
    let largest = values.first().copied().unwrap_or(0.0);
    let kept = values.iter().take_while(|&&s| s > RANK_CUTOFF * largest && s > 0.0);
    Ok(kept.fold(Coarea { rank: 0, value: 0.0 }, |sum, s| Coarea { rank: sum.rank + 1, value: sum.value + s.ln() }))
}

/// J at a point, d × p; refused when not finite.
pub fn jacobian(model: &dyn Parametrization, point: &Point) -> Result<Matrix, GeometryError> {
    let (d, p) = (model.predictor_dimension(), model.parameter_count());
    if point.theta.len() != p {
        return Err(GeometryError::WrongLength { found: point.theta.len(), expected: p });
    }
    let entries = model.jacobian(std::slice::from_ref(point)).swap_remove(0);
    if entries.len() != d * p || entries.iter().any(|x| !x.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the Jacobian" });
    }
    Ok(Matrix::from_row_major(d, p, entries))
}

/// Sets of factors (indices) whose supports overlap; translations are left out.
pub fn factor_clusters(symmetries: &Symmetries) -> Vec<Vec<usize>> {
    let mut owner: Vec<Option<usize>> = vec![None; symmetries.parameters];
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for (f, factor) in symmetries.factors.iter().enumerate() {
        if factor.kind == gaugebias_symmetry::FactorKind::Translation {
            continue;
        }
        let support: Vec<usize> =
            symmetries.generators[factor.generators.clone()].iter().flat_map(|g| g.support().iter().copied()).collect();
        let mut joined: Vec<usize> = support.iter().filter_map(|&i| owner[i]).collect();
        joined.sort_unstable();
        joined.dedup();
        let home = joined.first().copied().unwrap_or_else(|| {
            clusters.push(Vec::new());
            clusters.len() - 1
        });
        for &other in joined.iter().skip(1) {
            let moved = std::mem::take(&mut clusters[other]);
            clusters[home].extend(moved);
        }
        clusters[home].push(f);
        for slot in &mut owner {
            if slot.is_some_and(|c| joined.contains(&c)) {
                *slot = Some(home);
            }
        }
        support.iter().for_each(|&i| owner[i] = Some(home));
    }
    clusters.retain(|c| !c.is_empty());
    clusters
}

/// Whether log det Γ depends on the basis of the algebra by more than a constant: some cluster of factors acts with
/// more generators than its orbit has dimensions, and is not compact.
pub fn is_basis_dependent(symmetries: &Symmetries, theta: &[f64]) -> Result<bool, GeometryError> {
    for cluster in factor_clusters(symmetries) {
        let generators: Vec<&Generator> =
            cluster.iter().flat_map(|&f| &symmetries.generators[symmetries.factors[f].generators.clone()]).collect();
        let compact = generators.iter().all(|g| g.nature() == gaugebias_symmetry::Nature::Antisymmetric);
        let columns = fields(generators.iter().copied(), theta);
        let rank = gaugebias_linalg::relative_rank(&columns, RANK_CUTOFF)?;
        if !compact && rank < generators.len() {
            return Ok(true);
        }
    }
    Ok(false)
}
