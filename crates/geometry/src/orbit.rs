//! The orbit through a point: volumes, the summands of the bias, and the coarea form beside it.

use crate::GeometryError;
use gaugebias_linalg::{Matrix, block_svdvals, qr, svdvals};
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

/// A summand of the bias: factors that share parameters, with all of B that is theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasPart {
    /// Tensors of these factors.
    pub acts_on: Vec<String>,
    /// ½ log det of their block of Γ over its rank here, nats.
    pub value: f64,
    /// That rank.
    pub rank: usize,
    /// Shortest over longest direction of the orbit in this block; near 0 the point is near a stratum where it degenerates.
    pub smallest_direction: f64,
    /// These factors, as places in the list of factors.
    pub factors: Vec<usize>,
}

/// B as a sum over sets of factors that share no parameters: Γ is block diagonal over them. Parts on the same tensors are
/// added up; singular values at most `relative_cutoff` times the largest of their part count as zero.
pub fn bias_parts(
    symmetries: &Symmetries,
    theta: &[f64],
    relative_cutoff: f64,
) -> Result<Vec<BiasPart>, GeometryError> {
    let mut clusters = factor_clusters(symmetries);
    let is_translation = |f: &usize| symmetries.factors[*f].kind == gaugebias_symmetry::FactorKind::Translation;
    // Translations need not be orthogonal to each other; those on the same tensors are one block.
    let mut translations: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for f in (0..symmetries.factors.len()).filter(is_translation) {
        let on = &symmetries.factors[f].acts_on;
        match translations.iter_mut().find(|(names, _)| names.iter().any(|n| on.contains(n))) {
            Some((names, list)) => {
                list.push(f);
                names.extend(on.iter().filter(|n| !names.contains(n)).cloned().collect::<Vec<_>>());
            }
            None => translations.push((on.clone(), vec![f])),
        }
    }
    clusters.extend(translations.into_iter().map(|(_, list)| list));
    let shifts = Shifts::of(symmetries)?;
    let mut parts: Vec<BiasPart> = Vec::new();
    for cluster in clusters {
        let factors: Vec<&gaugebias_symmetry::Factor> = cluster.iter().map(|&f| &symmetries.factors[f]).collect();
        let own = factors.iter().flat_map(|f| &symmetries.generators[f.generators.clone()]);
        let mut columns = fields(own, theta);
        if factors.iter().all(|f| f.kind != gaugebias_symmetry::FactorKind::Translation) {
            columns = shifts.outside(columns);
        }
        let lengths = svdvals(&columns)?;
        let longest = lengths.first().copied().unwrap_or(0.0);
        let rank = lengths.iter().take_while(|&&s| s > relative_cutoff * longest).count();
        let value = log_volume(&columns, rank)?;
        let smallest_direction = if rank == 0 { 0.0 } else { lengths[rank - 1] / longest };
        let used = |t: &&gaugebias_model::ParameterTensor| factors.iter().any(|f| f.acts_on.contains(&t.name));
        let acts_on: Vec<String> = symmetries.tensors.iter().filter(used).map(|t| t.name.clone()).collect();
        match parts.iter_mut().find(|p| p.acts_on == acts_on) {
            Some(part) => {
                part.value += value;
                part.rank += rank;
                part.smallest_direction = part.smallest_direction.min(smallest_direction);
                part.factors.extend(cluster);
            }
            None => parts.push(BiasPart { acts_on, value, rank, smallest_direction, factors: cluster }),
        }
    }
    Ok(parts)
}

/// Orthonormal basis of the translations. Other fields need not be orthogonal to them, and what they add to the volume is what is.
struct Shifts(Option<Matrix>);

impl Shifts {
    fn of(symmetries: &Symmetries) -> Result<Self, GeometryError> {
        let own: Vec<&Generator> = symmetries.generators.iter().filter(|g| g.is_translation()).collect();
        if own.is_empty() {
            return Ok(Self(None));
        }
        let zero = vec![0.0; symmetries.parameters];
        Ok(Self(Some(qr(&fields(own, &zero))?.q)))
    }

    fn outside(&self, columns: Matrix) -> Matrix {
        match &self.0 {
            Some(basis) => columns.add_scaled(-1.0, &basis.matmul(&basis.transpose().matmul(&columns))),
            None => columns,
        }
    }
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
    let values = block_svdvals(&jacobian)?;
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
