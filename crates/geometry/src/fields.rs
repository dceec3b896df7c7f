//! The fields of the generators at a point, Ξ(θ), by their structure.
//!
//! Generators that move no common parameter have orthogonal fields at every θ, so Γ is block diagonal over the connected sets of
//! generators; most of a network's sets hold one rescaling. Within a block, parameters that the same generators move form a group, a
//! small dense piece of Ξ whose rows are contiguous. The data's way: entries of the A_a → blocks and groups, once for a model → the
//! values of Ξ at θ → Γ, and its inverse P, block by block → gradient.
//!
//! ```text
//! B = ½ log det Γ,   ∇B = Σ_a A_aᵀ x_a,   x_a = Σ_b P_ab ξ_b
//! ```
//!
//! A_a reads x_a only where it moves something, so that x is needed at the non-zero places of Ξ alone: with Ξ kept, the
//! gradient costs a second pass of Γ's size, and the inverses of its blocks. Rejected: Ξ as a dense matrix with one solve
//! for all its rows, which works on zeros; and one path for rescalings with another for matrices: a block of one generator is a
//! block.

use gaugebias_linalg::Matrix;
use gaugebias_symmetry::{Generator, Symmetries};
use std::collections::HashMap;

/// The pattern of Ξ for a list of generators.
#[derive(Clone, Debug)]
pub struct OrbitFields {
    parameters: usize,
    dimension: usize,
    blocks: Vec<Block>,
}

/// Generators connected by the parameters that they move.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Places in the list of generators, ascending.
    pub generators: Vec<usize>,
    /// Number of parameters that they move.
    pub moved: usize,
    /// These parameters, in the order of the groups: the rows of [`Block::dense`].
    pub coordinates: Vec<usize>,
    groups: Vec<Group>,
}

/// Parameters that the same generators move; what belongs to (generator, parameter) lies at generator · count + parameter.
#[derive(Clone, Debug)]
struct Group {
    /// Places in the block's generators, ascending.
    generators: Vec<usize>,
    /// Number of parameters.
    count: usize,
    /// Where the entries of A of each pair start; one more than pairs.
    starts: Vec<usize>,
    /// (parameter that is read, value).
    entries: Vec<(usize, f64)>,
    /// b of each pair; empty where all are zero.
    shifts: Vec<f64>,
}

/// Multiplications that evaluations take, counted from the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Γ as it is computed here.
    pub gram: usize,
    /// Γ as the product ΞᵀΞ of its blocks, zeros multiplied too.
    pub dense_gram: usize,
    /// ∇B.
    pub gradient: usize,
}

impl OrbitFields {
    /// The pattern for generators on θ of length `parameters`.
    pub fn new<'a>(generators: impl IntoIterator<Item = &'a Generator>, parameters: usize) -> Self {
        let generators: Vec<&Generator> = generators.into_iter().collect();
        let mut movers: Vec<Vec<usize>> = vec![Vec::new(); parameters];
        for (a, generator) in generators.iter().enumerate() {
            moved(generator).for_each(|i| movers[i].push(a));
        }
        let mut root: Vec<usize> = (0..generators.len()).collect();
        for pair in movers.iter().flat_map(|list| list.windows(2)) {
            unite(&mut root, pair[0], pair[1]);
        }
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); generators.len()];
        (0..generators.len()).for_each(|a| members[find(&mut root, a)].push(a));
        let mut parameters_of: Vec<Vec<usize>> = vec![Vec::new(); generators.len()];
        for (i, list) in movers.iter().enumerate() {
            if let Some(&a) = list.first() {
                parameters_of[find(&mut root, a)].push(i);
            }
        }
        let blocks = members.into_iter().zip(parameters_of).filter(|(members, _)| !members.is_empty());
        let blocks = blocks.map(|(members, moved)| Block::new(&generators, members, &moved, &movers)).collect();
        Self { parameters, dimension: generators.len(), blocks }
    }

    /// The pattern of all generators of a model.
    pub fn of(symmetries: &Symmetries) -> Self {
        Self::new(&symmetries.generators, symmetries.parameters)
    }

    /// Number of generators, k.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Length of θ, p.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Numbers of generators of the blocks of Γ.
    pub fn block_sizes(&self) -> Vec<usize> {
        self.blocks.iter().map(|block| block.generators.len()).collect()
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Γ(θ), k × k.
    pub fn gram(&self, theta: &[f64]) -> Matrix {
        let mut gram = Matrix::zeros(self.dimension, self.dimension);
        for block in &self.blocks {
            let own = block.gram(&block.values(theta));
            for (i, &a) in block.generators.iter().enumerate() {
                block.generators.iter().enumerate().for_each(|(j, &b)| gram[(a, b)] = own[(i, j)]);
            }
        }
        gram
    }

    /// Multiplications of [`OrbitFields::gram`], of the same product with its zeros, and of the gradient of the bias.
    pub fn work(&self) -> Work {
        let mut work = Work { gram: 0, dense_gram: 0, gradient: 0 };
        for block in &self.blocks {
            let k = block.generators.len();
            let entries: usize = block.groups.iter().map(|g| g.entries.len()).sum();
            let squared = |g: &Group| g.count * g.generators.len() * g.generators.len();
            let pairs: usize = block.groups.iter().map(|g| (squared(g) + g.count * g.generators.len()) / 2).sum();
            let gram = entries + pairs;
            work.gram += gram;
            work.dense_gram += entries + block.moved * k * (k + 1) / 2;
            work.gradient +=
                gram + k * k * k / 2 + 3 * k * k + block.groups.iter().map(squared).sum::<usize>() + entries;
        }
        work
    }
}

impl Block {
    fn new(all: &[&Generator], generators: Vec<usize>, moved: &[usize], movers: &[Vec<usize>]) -> Self {
        let mut place: HashMap<&[usize], usize> = HashMap::new();
        let mut sets: Vec<(&[usize], Vec<usize>)> = Vec::new();
        for &i in moved {
            let at = *place.entry(&movers[i]).or_insert_with(|| {
                sets.push((&movers[i], Vec::new()));
                sets.len() - 1
            });
            sets[at].1.push(i);
        }
        let coordinates = sets.iter().flat_map(|(_, moved)| moved.iter().copied()).collect();
        let groups = sets.into_iter().map(|(movers, moved)| Group::new(all, movers, &moved, &generators)).collect();
        Self { generators, moved: moved.len(), coordinates, groups }
    }

    /// Ξ at θ, group by group.
    pub fn values(&self, theta: &[f64]) -> Vec<f64> {
        self.evaluate(theta, true)
    }

    /// The A_a x in the place of the A_a θ + b_a.
    pub fn linear_values(&self, x: &[f64]) -> Vec<f64> {
        self.evaluate(x, false)
    }

    fn evaluate(&self, x: &[f64], shifted: bool) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.groups.iter().map(Group::pairs).sum());
        for group in &self.groups {
            let start = values.len();
            // Without shifts every pair has an entry; one for each is the rule, and needs no inner loop.
            if group.entries.len() == group.pairs() && group.shifts.is_empty() {
                values.extend(group.entries.iter().map(|&(from, value)| value * x[from]));
                continue;
            }
            let pair =
                |w: &[usize]| group.entries[w[0]..w[1]].iter().map(|&(from, value)| value * x[from]).sum::<f64>();
            values.extend(group.starts.windows(2).map(pair));
            if shifted && !group.shifts.is_empty() {
                values[start..].iter_mut().zip(&group.shifts).for_each(|(value, shift)| *value += shift);
            }
        }
        values
    }

    /// The block's Γ from its Ξ.
    pub fn gram(&self, values: &[f64]) -> Matrix {
        let k = self.generators.len();
        let mut gram = Matrix::zeros(k, k);
        self.each_group(values, |group, _, own| {
            for (i, &a) in group.generators.iter().enumerate() {
                let field = &own[i * group.count..(i + 1) * group.count];
                let row = gram.row_mut(a);
                for (other, &b) in own.chunks_exact(group.count).zip(&group.generators[..=i]) {
                    row[b] += field.iter().zip(other).map(|(x, y)| x * y).sum::<f64>();
                }
            }
        });
        for a in 0..k {
            for b in 0..a {
                gram[(b, a)] = gram[(a, b)];
            }
        }
        gram
    }

    /// The block's Ξ as a matrix, parameters × generators, in the order of the groups.
    pub fn dense(&self, values: &[f64]) -> Matrix {
        let mut dense = Matrix::zeros(self.moved, self.generators.len());
        self.each_group(values, |group, first, own| {
            for (field, &a) in own.chunks_exact(group.count).zip(&group.generators) {
                field.iter().enumerate().for_each(|(s, x)| dense[(first + s, a)] = *x);
            }
        });
        dense
    }

    /// Adds Σ_a A_aᵀ x_a to `sum`, x = P Ξᵀ.
    pub fn add_transposed_product(&self, p: &Matrix, values: &[f64], sum: &mut [f64]) {
        let mut x: Vec<f64> = Vec::new();
        self.each_group(values, |group, _, own| {
            x.clear();
            x.resize(own.len(), 0.0);
            for (row, &a) in x.chunks_exact_mut(group.count).zip(&group.generators) {
                for (field, &b) in own.chunks_exact(group.count).zip(&group.generators) {
                    let weight = p[(a, b)];
                    row.iter_mut().zip(field).for_each(|(x, y)| *x += weight * y);
                }
            }
            group.add_transposed(&x, sum);
        });
    }

    /// Adds Σ_a A_aᵀ x_a to `sum`, the x_a being the rows of a matrix, generators × parameters in the order of the groups.
    pub fn add_transposed_rows(&self, rows: &Matrix, sum: &mut [f64]) {
        let mut first = 0;
        for group in &self.groups {
            let own = group.generators.iter().flat_map(|&a| &rows.row(a)[first..first + group.count]);
            group.add_transposed(&own.copied().collect::<Vec<f64>>(), sum);
            first += group.count;
        }
    }

    /// Calls `visit` with each group, its first parameter in the order of the groups, and its part of the values.
    fn each_group(&self, values: &[f64], mut visit: impl FnMut(&Group, usize, &[f64])) {
        let (mut first, mut start) = (0, 0);
        for group in &self.groups {
            let end = start + group.pairs();
            visit(group, first, &values[start..end]);
            (first, start) = (first + group.count, end);
        }
    }
}

impl Group {
    fn new(all: &[&Generator], movers: &[usize], moved: &[usize], block: &[usize]) -> Self {
        let place =
            |a: &usize| block.binary_search(a).expect("the block holds every generator that moves its parameters");
        let mut group = Self {
            generators: movers.iter().map(place).collect(),
            count: moved.len(),
            starts: vec![0],
            entries: Vec::new(),
            shifts: Vec::new(),
        };
        for generator in movers.iter().map(|&a| all[a]) {
            for &i in moved {
                let entries = generator.entries();
                let from = entries.partition_point(|e| e.row < i);
                let own = entries[from..].iter().take_while(|e| e.row == i);
                group.entries.extend(own.map(|e| (e.column, e.value)));
                group.starts.push(group.entries.len());
                let shift = generator.shifts().binary_search_by_key(&i, |s| s.0);
                group.shifts.push(shift.map_or(0.0, |at| generator.shifts()[at].1));
            }
        }
        if group.shifts.iter().all(|x| *x == 0.0) {
            group.shifts = Vec::new();
        }
        group
    }

    fn pairs(&self) -> usize {
        self.generators.len() * self.count
    }

    fn add_transposed(&self, x: &[f64], sum: &mut [f64]) {
        if self.entries.len() == x.len() && self.shifts.is_empty() {
            self.entries.iter().zip(x).for_each(|(&(from, value), x)| sum[from] += value * x);
            return;
        }
        for (pair, x) in self.starts.windows(2).zip(x) {
            self.entries[pair[0]..pair[1]].iter().for_each(|&(from, value)| sum[from] += value * x);
        }
    }
}

/// Parameters that a generator moves, ascending.
fn moved(generator: &Generator) -> impl Iterator<Item = usize> {
    let mut rows: Vec<usize> = generator.entries().iter().map(|e| e.row).collect();
    rows.extend(generator.shifts().iter().map(|s| s.0));
    rows.sort_unstable();
    rows.dedup();
    rows.into_iter()
}

fn find(root: &mut [usize], mut a: usize) -> usize {
    while root[a] != a {
        root[a] = root[root[a]];
        a = root[a];
    }
    a
}

/// The smaller root wins, so that blocks come in the order of their first generators.
fn unite(root: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(root, a), find(root, b));
    root[a.max(b)] = a.min(b);
}
