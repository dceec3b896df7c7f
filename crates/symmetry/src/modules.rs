//! Canonical generators of gl and so on sets of coordinates that transform like one vector.
//!
//! The non-zero pattern of an ideal splits the parameters into such sets: the rows of U, the columns of V, also the
//! slices that belong to one attention head. Rejected: looking along tensor axes only; heads that share a tensor
//! would not be seen, and reshaping a tensor would change the answer.

use crate::blocks::BlockMap;
use crate::components::groups;
use gaugebias_linalg::Matrix;

/// Entries of orthonormal elements below this are zero.
const PATTERN_FLOOR: f64 = 1e-8;

/// Two actions agree when their matrices differ by at most this.
const MATCH: f64 = 1e-8;

/// Coordinates of one block that carry X, or −Xᵀ.
#[derive(Clone, Debug)]
pub(crate) struct BlockModule {
    pub block: usize,
    pub places: Vec<usize>,
    pub dual: bool,
}

/// Splits the support of the elements into modules of the given size that carry X or −Xᵀ; `None` when the
/// elements do not look like that in these coordinates.
pub(crate) fn coordinate_modules(elements: &[BlockMap], size: usize) -> Option<Vec<BlockModule>> {
    let mut sets: Vec<(usize, Vec<usize>)> = Vec::new();
    for block in 0..elements.first()?.linear.len() {
        let n = elements[0].linear[block].rows();
        let linked = |i: usize, j: usize| elements.iter().any(|e| e.linear[block][(i, j)].abs() > PATTERN_FLOOR);
        let moves = |i: &usize| (0..n).any(|j| linked(*i, j) || linked(j, *i));
        let support: Vec<usize> = (0..n).filter(moves).collect();
        let related = |a: usize, b: usize| linked(support[a], support[b]) || linked(support[b], support[a]);
        let own = groups(support.len(), related);
        sets.extend(own.into_iter().map(|set| (block, set.into_iter().map(|a| support[a]).collect())));
    }
    if sets.is_empty() || sets.iter().any(|(_, set)| set.len() != size) {
        return None;
    }
    sets.iter().map(|set| classify(elements, &sets[0], set)).collect()
}

fn classify(
    elements: &[BlockMap],
    reference: &(usize, Vec<usize>),
    (block, places): &(usize, Vec<usize>),
) -> Option<BlockModule> {
    let agrees = |dual: bool| {
        elements.iter().all(|e| {
            let expected = e.linear[reference.0].submatrix(&reference.1, &reference.1);
            let expected = if dual { expected.transpose().scaled(-1.0) } else { expected };
            e.linear[*block].submatrix(places, places).add_scaled(-1.0, &expected).max_abs() < MATCH
        })
    };
    let dual = [false, true].into_iter().find(|&dual| agrees(dual))?;
    Some(BlockModule { block: *block, places: places.clone(), dual })
}

/// Sets one matrix X on every module, −Xᵀ on dual ones.
fn on_modules(zero: &BlockMap, modules: &[BlockModule], x: &Matrix) -> BlockMap {
    let mut map = zero.clone();
    for module in modules {
        for (i, &row) in module.places.iter().enumerate() {
            for (j, &column) in module.places.iter().enumerate() {
                map.linear[module.block][(row, column)] = if module.dual { -x[(j, i)] } else { x[(i, j)] };
            }
        }
    }
    map.linear.iter_mut().flat_map(|a| a.data_mut()).filter(|x| **x == 0.0).for_each(|x| *x = 0.0);
    map
}

/// E_ij on every module (−E_ji on dual ones), for all i, j: the canonical basis of gl(size).
pub(crate) fn gl_basis(zero: &BlockMap, size: usize, modules: &[BlockModule]) -> Vec<BlockMap> {
    let pairs = (0..size).flat_map(|i| (0..size).map(move |j| (i, j)));
    pairs.map(|(i, j)| on_modules(zero, modules, &unit(size, i, j))).collect()
}

/// E_ij − E_ji on every module, i < j: the canonical basis of so(size).
pub(crate) fn so_basis(zero: &BlockMap, size: usize, modules: &[BlockModule]) -> Vec<BlockMap> {
    let pairs = (0..size).flat_map(|i| (i + 1..size).map(move |j| (i, j)));
    pairs.map(|(i, j)| on_modules(zero, modules, &unit(size, i, j).add_scaled(-1.0, &unit(size, j, i)))).collect()
}

fn unit(size: usize, i: usize, j: usize) -> Matrix {
    let mut e = Matrix::zeros(size, size);
    e[(i, j)] = 1.0;
    e
}
