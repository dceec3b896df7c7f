//! Blocks of parameters that the predictor does not connect.
//!
//! The Jacobian of u∘v is block diagonal, and so is the linear system of the search: 64 blocks of 2 parameters
//! have 6 unknowns each where the whole has 16,512. Nothing is lost: a linear map from one block into another is
//! a symmetry only if its image lies in the translations of the latter, and those are quotiented out anyway.

use gaugebias_linalg::Matrix;

/// An entry of J at most this large, relative to its row, is rounding noise.
const PATTERN_FLOOR: f64 = 1e-14;

/// Index sets of the connected components of the bipartite non-zero pattern of J, united over all the given
/// Jacobians; each ascending, ordered by their first index. A parameter that J never sees is alone.
pub(crate) fn connected_components(parameters: usize, jacobians: &[Matrix]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..parameters).collect();
    // Row r of every Jacobian is the same predictor coordinate, whatever the point.
    let rows = jacobians.first().map_or(0, Matrix::rows);
    for r in 0..rows {
        let mut first = None;
        for jacobian in jacobians {
            let row = jacobian.row(r);
            let floor = PATTERN_FLOOR * row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            for j in (0..parameters).filter(|&j| row[j].abs() > floor) {
                match first {
                    None => first = Some(j),
                    Some(i) => unite(&mut parent, i, j),
                }
            }
        }
    }
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new(); parameters];
    for j in 0..parameters {
        let root = find(&mut parent, j);
        blocks[root].push(j);
    }
    blocks.retain(|block| !block.is_empty());
    blocks.sort_by_key(|block| block[0]);
    blocks
}

/// Groups items by a symmetric relation; each group ascending, ordered by first member.
pub(crate) fn groups(count: usize, related: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let pairs = (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j)));
    linked_groups(count, &pairs.filter(|&(i, j)| related(i, j)).collect::<Vec<_>>())
}

/// Groups items that pairs link; each group ascending, ordered by first member.
pub(crate) fn linked_groups(count: usize, links: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..count).collect();
    links.iter().for_each(|&(i, j)| unite(&mut parent, i, j));
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new(); count];
    for j in 0..count {
        let root = find(&mut parent, j);
        blocks[root].push(j);
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

fn find(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// The smaller root wins, so that groups come ordered by their first member.
fn unite(parent: &mut [usize], i: usize, j: usize) {
    let (a, b) = (find(parent, i), find(parent, j));
    parent[a.max(b)] = a.min(b);
}
