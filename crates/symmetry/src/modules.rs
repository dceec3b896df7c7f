//! Canonical generators of gl and so on sets of coordinates that transform like one vector.
//!
//! The non-zero pattern of an ideal splits the parameters into such sets: the rows of U, the columns of V, also the
//! slices that belong to one attention head. Rejected: looking along tensor axes only; heads that share a tensor
//! would not be seen, and reshaping a tensor would change the answer.

use crate::components::groups;
use crate::factor::Module;
use gaugebias_linalg::Matrix;

/// Entries of orthonormal elements below this are zero.
const PATTERN_FLOOR: f64 = 1e-8;

/// Two actions agree when their matrices differ by at most this.
const MATCH: f64 = 1e-8;

/// Splits the support of the elements into modules of the given size that carry X or −Xᵀ; `None` when the
/// elements do not look like that in these coordinates.
pub(crate) fn coordinate_modules(elements: &[Matrix], size: usize) -> Option<Vec<Module>> {
    let n = elements.first()?.rows();
    let linked = |i: usize, j: usize| elements.iter().any(|e| e[(i, j)].abs() > PATTERN_FLOOR);
    let moves = |i: &usize| (0..n).any(|j| linked(*i, j) || linked(j, *i));
    let support: Vec<usize> = (0..n).filter(moves).collect();
    let related = |a: usize, b: usize| linked(support[a], support[b]) || linked(support[b], support[a]);
    let sets = groups(support.len(), related);
    if sets.is_empty() || sets.iter().any(|set| set.len() != size) {
        return None;
    }
    let sets: Vec<Vec<usize>> = sets.into_iter().map(|set| set.into_iter().map(|a| support[a]).collect()).collect();
    sets.iter().map(|set| classify(elements, &sets[0], set)).collect()
}

fn classify(elements: &[Matrix], reference: &[usize], set: &[usize]) -> Option<Module> {
    let agrees = |dual: bool| {
        elements.iter().all(|e| {
            let expected = e.submatrix(reference, reference);
            let expected = if dual { expected.transpose().scaled(-1.0) } else { expected };
            e.submatrix(set, set).add_scaled(-1.0, &expected).max_abs() < MATCH
        })
    };
    let dual = [false, true].into_iter().find(|&dual| agrees(dual))?;
    Some(Module { indices: set.to_vec(), dual })
}

/// E_ij on every module (−E_ji on dual ones), for all i, j: the canonical basis of gl(size).
pub(crate) fn gl_basis(n: usize, size: usize, modules: &[Module]) -> Vec<Matrix> {
    let mut basis = Vec::with_capacity(size * size);
    for i in 0..size {
        for j in 0..size {
            let mut e = Matrix::zeros(n, n);
            for module in modules {
                let at = &module.indices;
                if module.dual {
                    e[(at[j], at[i])] = -1.0;
                } else {
                    e[(at[i], at[j])] = 1.0;
                }
            }
            basis.push(e);
        }
    }
    basis
}

/// E_ij − E_ji on every module, i < j: the canonical basis of so(size).
pub(crate) fn so_basis(n: usize, size: usize, modules: &[Module]) -> Vec<Matrix> {
    let mut basis = Vec::with_capacity(size * (size - 1) / 2);
    for i in 0..size {
        for j in i + 1..size {
            let mut e = Matrix::zeros(n, n);
            for module in modules {
                e[(module.indices[i], module.indices[j])] = 1.0;
                e[(module.indices[j], module.indices[i])] = -1.0;
            }
            basis.push(e);
        }
    }
    basis
}
