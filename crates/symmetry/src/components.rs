//! Blocks of parameters that the predictor does not connect.
//!
//! The Jacobian of u∘v is block diagonal, and so is the linear system of the search: 64 blocks of 2 parameters
//! have 6 unknowns each where the whole has 16,512. Nothing is lost: a linear map from one block into another is
//! a symmetry only if its image lies in the translations of the latter, and those are quotiented out anyway.

use crate::sampling::NOISE;
use gaugebias_linalg::Matrix;

/// The bipartite non-zero pattern of J, united over Jacobians.
pub(crate) struct Pattern {
    parent: Vec<usize>,
    /// A parameter that each predictor coordinate has been seen to depend on.
    first: Vec<Option<usize>>,
    /// Whether a parameter has been seen above rounding.
    seen: Vec<bool>,
}

impl Pattern {
    pub fn new(parameters: usize) -> Self {
        Self { parent: (0..parameters).collect(), first: Vec::new(), seen: vec![false; parameters] }
    }

    /// Row r of every Jacobian is the same predictor coordinate, whatever the point.
    pub fn add(&mut self, jacobian: &Matrix) {
        self.first.resize(jacobian.rows(), None);
        for r in 0..jacobian.rows() {
            let row = jacobian.row(r);
            let floor = NOISE * row.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            for j in (0..row.len()).filter(|&j| row[j].abs() > floor) {
                self.seen[j] = true;
                match self.first[r] {
                    None => self.first[r] = Some(j),
                    Some(i) => unite(&mut self.parent, i, j),
                }
            }
        }
    }

    /// Parameters whose columns were zeros or rounding: they cancel, or belong to units that were dead.
    pub fn unseen(&self) -> Vec<usize> {
        (0..self.seen.len()).filter(|&j| !self.seen[j]).collect()
    }

    /// Whether all parameters are in one component.
    pub fn is_connected(&mut self) -> bool {
        (0..self.parent.len()).all(|i| find(&mut self.parent, i) == 0)
    }

    /// Index sets of the connected components; each ascending, ordered by their first index. A parameter that J never
    /// sees is alone.
    pub fn components(mut self) -> Vec<Vec<usize>> {
        grouped(&mut self.parent)
    }
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
    grouped(&mut parent)
}

/// A group is listed at its smallest member, which is its root.
fn grouped(parent: &mut [usize]) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new(); parent.len()];
    for j in 0..parent.len() {
        blocks[find(parent, j)].push(j);
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
