//! Maps modulo translations: the sparsest representative of each class.
//!
//! A multiple of a translation t by a function of θ is a symmetry too, and changes nothing: it adds multiples of one column of Ξ to
//! others. Among the maps of single axes such sections stand beside the symmetries that matter (under a softmax 1aᵀU beside UX), and asking
//! for fields orthogonal to t would ask for (1 − 11ᵀ/n)UX, which is no map of an axis. So the null space is taken with its sections, and from
//! each element the multiples of t are taken off that leave most zeros: of the numbers X_kj/t_k over the support of t, the most frequent
//! one. Rejected: the projections themselves, dense maps without canonical names that no larger model would share.

use crate::blocks::MapEntry;
use crate::clusters::reduced_basis;
use crate::sparse_rows::sparse_basis;
use gaugebias_linalg::{LinalgError, Matrix, relative_rank};
use std::collections::BTreeMap;

/// Ratios that differ by less than this are one.
const SAME: f64 = 1e-8;

/// Cut of the rank of fields.
const RANK: f64 = 1e-8;

/// A basis of maps of `size` parameters modulo multiples of the translations; `None` where these overlap, or where the representatives
/// are not independent at the given random points.
pub(crate) fn modulo_translations(
    elements: &[Vec<MapEntry>],
    translations: &[Vec<f64>],
    size: usize,
    thetas: &[&[f64]],
) -> Result<Option<Vec<Vec<MapEntry>>>, LinalgError> {
    let rows = Matrix::from_fn(translations.len(), size, |a, i| translations[a][i]);
    let sparse = sparse_basis(&rows, &[], &vec![1.0; size]);
    let mut owner: Vec<Option<usize>> = vec![None; size];
    for (a, t) in sparse.iter().enumerate() {
        for i in (0..size).filter(|&i| t[i] != 0.0) {
            if owner[i].replace(a).is_some() {
                return Ok(None);
            }
        }
    }
    let reduced: Vec<Vec<MapEntry>> = elements.iter().map(|e| representative(e, &sparse, &owner)).collect();
    let basis = reduced_basis(&reduced);
    let independent = field_rank(&basis, translations, size, thetas)? == basis.len();
    Ok(independent.then_some(basis))
}

/// The element less the multiples of translations that occur most often in its columns.
fn representative(element: &[MapEntry], translations: &[Vec<f64>], owner: &[Option<usize>]) -> Vec<MapEntry> {
    let scale = element.iter().fold(0.0_f64, |m, e| m.max(e.2.abs()));
    let mut columns: BTreeMap<(usize, usize), BTreeMap<usize, f64>> = BTreeMap::new();
    let mut left: Vec<MapEntry> = Vec::new();
    for &(i, j, x) in element {
        match owner[i] {
            Some(a) => *columns.entry((a, j)).or_default().entry(i).or_default() += x,
            None => left.push((i, j, x)),
        }
    }
    for ((a, j), column) in columns {
        let t = &translations[a];
        let support: Vec<usize> = (0..t.len()).filter(|&i| t[i] != 0.0).collect();
        let ratios: Vec<f64> = support.iter().map(|i| column.get(i).copied().unwrap_or(0.0) / t[*i]).collect();
        let most = most_frequent(&ratios, SAME * scale);
        let rest = support.iter().zip(&ratios).map(|(&i, r)| (i, j, (r - most) * t[i]));
        left.extend(rest.filter(|e| e.2.abs() > SAME * scale));
    }
    left
}

/// The value that most of the numbers have; of several such the smallest.
fn most_frequent(values: &[f64], same: f64) -> f64 {
    let count = |x: f64| values.iter().filter(|y| (*y - x).abs() <= same).count();
    let better = |best: (usize, f64), x: f64| {
        let n = count(x);
        if n > best.0 || (n == best.0 && x.abs() < best.1.abs()) { (n, x) } else { best }
    };
    values.iter().fold((0, 0.0), |best, &x| better(best, x)).1
}

/// Rank of the elements as fields, without their parts along the (orthonormal) translations.
fn field_rank(
    elements: &[Vec<MapEntry>],
    translations: &[Vec<f64>],
    size: usize,
    thetas: &[&[f64]],
) -> Result<usize, LinalgError> {
    if elements.is_empty() {
        return Ok(0);
    }
    let wanted = (3 * elements.len()).div_ceil(size) + 3;
    let field = |element: &Vec<MapEntry>| {
        let mut stacked = Vec::with_capacity(wanted * size);
        for theta in thetas.iter().take(wanted) {
            let mut field = vec![0.0; size];
            element.iter().for_each(|&(i, j, x)| field[i] += x * if j == size { 1.0 } else { theta[j] });
            for t in translations {
                let along: f64 = field.iter().zip(t).map(|(f, t)| f * t).sum();
                field.iter_mut().zip(t).for_each(|(f, t)| *f -= along * t);
            }
            stacked.extend(field);
        }
        stacked
    };
    let columns: Vec<Vec<f64>> = elements.iter().map(field).collect();
    relative_rank(&Matrix::from_columns(columns[0].len(), &columns), RANK)
}
