//! Whether horizontal noise leaves the balanced slice where it is.

use crate::GeometryError;
use crate::fields::OrbitFields;
use crate::orbit::RANK_CUTOFF;
use gaugebias_linalg::{Matrix, Svd, eigvalsh, svd};
use gaugebias_symmetry::{BasisKind, Entry, FactorKind, Generator, Nature, Symmetries};

/// Largest |tr(A P_H)| over the symmetric elements A, P_H the projector on the complement of the orbit. Under
/// horizontal noise of temperature τ the charge of A drifts by τ tr(A P_H); the slice is invariant where this is zero
/// at every balanced point, and the horizontal law on the slice is exact there. 0 without symmetric elements.
///
/// Of a gl factor the elements are the rank-one projectors in every orthonormal frame, that is, the value is the
/// largest eigenvalue of the matrix tr(E_ij P_H). The largest of its entries would depend on the frame, which
/// balancing leaves free.
pub fn slice_drift(symmetries: &Symmetries, theta: &[f64]) -> Result<f64, GeometryError> {
    if symmetries.generators.is_empty() {
        return Ok(0.0);
    }
    let vertical = Vertical::new(&OrbitFields::of(symmetries), theta)?;
    let mut largest = 0.0_f64;
    if symmetries.basis == BasisKind::Orthonormal {
        for charge in &symmetries.charges {
            largest = largest.max(vertical.horizontal_trace(charge.generator()).abs());
        }
        return Ok(largest);
    }
    for factor in &symmetries.factors {
        let own = &symmetries.generators[factor.generators.clone()];
        let traces = own.iter().map(|g| vertical.horizontal_trace(g));
        if factor.kind == FactorKind::Gl {
            let entries = Matrix::from_row_major(factor.size, factor.size, traces.collect());
            let symmetric = entries.add_scaled(1.0, &entries.transpose()).scaled(0.5);
            largest = eigvalsh(&symmetric)?.iter().fold(largest, |m, x| m.max(x.abs()));
        } else {
            let symmetric = own.iter().zip(traces).filter(|(g, _)| g.nature() == Nature::Symmetric);
            largest = symmetric.fold(largest, |m, (_, trace)| m.max(trace.abs()));
        }
    }
    Ok(largest)
}

/// The projector on the orbit's tangent, which is block diagonal as Γ is.
struct Vertical {
    /// Orthonormal bases of the blocks, parameters × rank.
    bases: Vec<Matrix>,
    /// Block and row of each parameter; `None` where no generator moves it.
    place: Vec<Option<(usize, usize)>>,
}

impl Vertical {
    fn new(fields: &OrbitFields, theta: &[f64]) -> Result<Self, GeometryError> {
        let decomposed: Vec<_> =
            fields.blocks().iter().map(|block| svd(&block.dense(&block.values(theta)))).collect::<Result<_, _>>()?;
        let longest = decomposed.iter().filter_map(|s| s.singular_values.first()).fold(0.0_f64, |m, x| m.max(*x));
        let mut place = vec![None; fields.parameters()];
        for (at, block) in fields.blocks().iter().enumerate() {
            block.coordinates.iter().enumerate().for_each(|(row, &i)| place[i] = Some((at, row)));
        }
        let basis = |s: &Svd| {
            let rank = s.singular_values.iter().take_while(|&&x| x > RANK_CUTOFF * longest).count();
            s.u.column_range(0..rank)
        };
        Ok(Self { bases: decomposed.iter().map(basis).collect(), place })
    }

    /// tr(A P_H) = tr A − Σ A_ij (P_V)_ij over the entries of A.
    fn horizontal_trace(&self, generator: &Generator) -> f64 {
        let projected = |e: &Entry| match (self.place[e.row], self.place[e.column]) {
            (Some((a, i)), Some((b, j))) if a == b => {
                let basis = &self.bases[a];
                e.value * basis.row(i).iter().zip(basis.row(j)).map(|(x, y)| x * y).sum::<f64>()
            }
            _ => 0.0,
        };
        generator.trace() - generator.entries().iter().map(projected).sum::<f64>()
    }
}
