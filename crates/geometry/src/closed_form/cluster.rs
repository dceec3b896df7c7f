//! Exact bias of one cluster of factors, as a function that is constant on orbits.

use gaugebias_linalg::{Matrix, svd, svdvals};
use gaugebias_symmetry::{Factor, FactorKind, Generator, Module, Symmetries};

/// Bias of a cluster at the balanced point of the orbit through θ.
#[derive(Clone, Debug)]
pub(crate) enum ClusterForm {
    /// (ℝ>0)^{D−1} on D blocks: balanced where ‖block_b‖² = c n_b, invariant Π ‖block_b‖^{n_b}. With `turns` plane rotations of
    /// all blocks at once, 0 or 1: a frequency pair, where the two together are the complex numbers.
    Rescaling { blocks: Vec<Vec<usize>>, multiplicities: Vec<f64>, turns: usize, constant: f64 },
    /// GL(r)^{L−1} along a product of L matrices.
    Chain { matrices: Vec<IndexMatrix>, size: usize },
    /// Rotations of the columns of a matrix with the given rows.
    Rotations { rows: IndexMatrix, size: usize },
    /// Rotations of one vector.
    Sphere { indices: Vec<usize> },
    /// One positive scale.
    Scale { indices: Vec<usize> },
    /// (v, u) on a pair.
    Boost { pair: [usize; 2] },
}

/// Parameter indices laid out as a matrix.
pub(crate) type IndexMatrix = Vec<Vec<usize>>;

impl ClusterForm {
    /// The form of a cluster, if it is one of those with a closed form.
    pub fn recognise(symmetries: &Symmetries, cluster: &[usize]) -> Option<Self> {
        let factors: Vec<&Factor> = cluster.iter().map(|&f| &symmetries.factors[f]).collect();
        if factors.iter().any(|f| !f.canonical) {
            return None;
        }
        let all = |kind: FactorKind| factors.iter().all(|f| f.kind == kind);
        let own = |f: &Factor| &symmetries.generators[f.generators.clone()];
        if all(FactorKind::Gl) {
            return chain(&factors);
        }
        if let [a, b] = factors.as_slice() {
            let (rescaling, rotation) = if a.kind == FactorKind::Rescaling { (a, b) } else { (b, a) };
            return turned(own(rescaling), rotation, own(rotation));
        }
        let [factor] = factors.as_slice() else {
            return None;
        };
        let generators = own(factor);
        match factor.kind {
            FactorKind::Rescaling => rescaling(generators),
            FactorKind::O => rotations(factor, generators),
            FactorKind::So => Some(Self::Sphere { indices: generators_support(generators) }),
            FactorKind::Scale => scale(generators),
            FactorKind::Boost => boost(generators),
            _ => None,
        }
    }

    /// The bias at the balanced representative of θ's orbit.
    pub fn value(&self, theta: &[f64]) -> f64 {
        match self {
            Self::Rescaling { blocks, multiplicities, turns, constant } => {
                let total: f64 = multiplicities.iter().sum();
                let log: f64 =
                    blocks.iter().zip(multiplicities).map(|(block, n)| n * square_sum(block, theta).ln()).sum();
                0.5 * (blocks.len() - 1 + turns) as f64 * log / total + constant
            }
            Self::Chain { matrices, size } => {
                let roots = chain_values(matrices, *size, theta, 1.0 / matrices.len() as f64);
                let pair = |a: f64, b: f64| {
                    let last = matrices.len() as i32 - 1;
                    (0..=last).map(|m| a.powi(2 * m) * b.powi(2 * (last - m))).sum::<f64>().ln()
                };
                let pairs = roots.iter().flat_map(|&a| roots.iter().map(move |&b| pair(a, b)));
                0.5 * pairs.sum::<f64>()
            }
            Self::Rotations { rows, size } => {
                let values = chain_values(std::slice::from_ref(rows), *size, theta, 2.0);
                let pairs = (0..values.len()).flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)));
                0.5 * pairs.map(|(i, j)| (values[i] + values[j]).ln()).sum::<f64>()
            }
            Self::Sphere { indices } => 0.5 * (indices.len() - 1) as f64 * square_sum(indices, theta).ln(),
            Self::Scale { indices } => 0.5 * square_sum(indices, theta).ln(),
            Self::Boost { pair: [i, j] } => 0.5 * (theta[*i].powi(2) - theta[*j].powi(2)).abs().ln(),
        }
    }

    /// Whether this is a rescaling in which all blocks count once.
    pub fn is_plain_rescaling(&self) -> bool {
        matches!(self, Self::Rescaling { multiplicities, .. } if multiplicities.iter().all(|n| *n == 1.0))
    }
}

/// Σ θ_i².
pub(crate) fn square_sum(indices: &[usize], theta: &[f64]) -> f64 {
    indices.iter().map(|&i| theta[i] * theta[i]).sum()
}

/// The `size` largest singular values of the product, to a power.
pub(crate) fn chain_values(matrices: &[IndexMatrix], size: usize, theta: &[f64], power: f64) -> Vec<f64> {
    let fill = |m: &IndexMatrix| Matrix::from_fn(m.len(), m[0].len(), |i, j| theta[m[i][j]]);
    let product = matrices.iter().skip(1).fold(fill(&matrices[0]), |product, m| product.matmul(&fill(m)));
    let mut values = svdvals(&product).unwrap_or_default();
    values.resize(size, 0.0);
    values.iter().map(|s| s.powf(power)).collect()
}

fn generators_support(generators: &[Generator]) -> Vec<usize> {
    let mut support: Vec<usize> = generators.iter().flat_map(|g| g.support().iter().copied()).collect();
    support.sort_unstable();
    support.dedup();
    support
}

fn is_linear(generators: &[Generator]) -> bool {
    generators.iter().all(Generator::is_linear)
}

fn diagonal_weight(generator: &Generator, index: usize) -> f64 {
    generator.entry(index, index)
}

fn rescaling(generators: &[Generator]) -> Option<ClusterForm> {
    if !is_linear(generators) || !generators.iter().all(Generator::is_diagonal) {
        return None;
    }
    let mut blocks: Vec<(Vec<f64>, Vec<usize>)> = Vec::new();
    for index in generators_support(generators) {
        let weights: Vec<f64> = generators.iter().map(|g| diagonal_weight(g, index)).collect();
        match blocks.iter_mut().find(|(w, _)| *w == weights) {
            Some((_, members)) => members.push(index),
            None => blocks.push((weights, vec![index])),
        }
    }
    let (k, count) = (generators.len(), blocks.len());
    if count != k + 1 {
        return None;
    }
    let weights = Matrix::from_fn(count, count, |a, b| if a < k { blocks[b].0[a] } else { 0.0 });
    // One row of zeros makes the thin factor complete: its last column spans the kernel.
    let kernel = svd(&weights).ok()?.v.column(k);
    let smallest = kernel.iter().copied().min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    let snap = |x: f64| if (x - x.round()).abs() < 1e-9 { x.round() } else { x };
    let multiplicities: Vec<f64> = kernel.iter().map(|x| snap(x / smallest)).collect();
    if multiplicities.iter().any(|n| !n.is_finite() || *n < 0.5) {
        return None;
    }
    let scaled = Matrix::from_fn(count, k, |b, a| blocks[b].0[a] * multiplicities[b].sqrt());
    let log_det: f64 = svdvals(&scaled).ok()?.iter().map(|s| 2.0 * s.ln()).sum();
    let total: f64 = multiplicities.iter().sum();
    let entropy: f64 = multiplicities.iter().map(|n| n * n.ln()).sum();
    Some(ClusterForm::Rescaling {
        blocks: blocks.into_iter().map(|(_, members)| members).collect(),
        constant: 0.5 * log_det - 0.5 * k as f64 * entropy / total,
        turns: 0,
        multiplicities,
    })
}

/// A rescaling and one rotation of the planes that its blocks consist of. The rotation moves every coordinate by another one of
/// its block, so that its field is orthogonal to the rescalings' and as long as θ there: Σ_b c n_b at the balanced point.
fn turned(rescalings: &[Generator], rotation: &Factor, rotations: &[Generator]) -> Option<ClusterForm> {
    let planes = matches!(rotation.kind, FactorKind::O | FactorKind::So) && rotation.size == 2;
    let [turn] = rotations else {
        return None;
    };
    let Some(ClusterForm::Rescaling { blocks, multiplicities, constant, .. }) = rescaling(rescalings) else {
        return None;
    };
    let home = |i: usize| blocks.iter().position(|block| block.binary_search(&i).is_ok());
    let within = turn.entries().iter().all(|e| e.value.abs() == 1.0 && home(e.row) == home(e.column));
    let each_once = turn.entries().iter().map(|e| e.row).eq(generators_support(rescalings));
    if !(planes && turn.is_linear() && within && each_once) {
        return None;
    }
    let total: f64 = multiplicities.iter().sum();
    let entropy: f64 = multiplicities.iter().map(|n| n * n.ln()).sum();
    let constant = constant + 0.5 * total.ln() - 0.5 * entropy / total;
    Some(ClusterForm::Rescaling { blocks, multiplicities, turns: 1, constant })
}

fn rotations(factor: &Factor, generators: &[Generator]) -> Option<ClusterForm> {
    let size = factor.size;
    let rows: IndexMatrix = if factor.modules.is_empty() && size == 2 {
        plane_rows(generators.first()?)?
    } else {
        factor.modules.iter().map(|m| m.indices.clone()).collect()
    };
    (is_linear(generators) && rows.len() + 1 >= size).then_some(ClusterForm::Rotations { rows, size })
}

/// Pairs that one plane rotation turns in the same sense.
fn plane_rows(generator: &Generator) -> Option<IndexMatrix> {
    let turned = generator.entries().iter().filter(|e| e.value == 1.0);
    let rows: IndexMatrix = turned.map(|e| vec![e.row, e.column]).collect();
    (2 * rows.len() == generator.support().len()).then_some(rows)
}

fn scale(generators: &[Generator]) -> Option<ClusterForm> {
    let [generator] = generators else {
        return None;
    };
    let ones = generator.entries().iter().all(|e| e.value == 1.0);
    (is_linear(generators) && generator.is_diagonal() && ones)
        .then(|| ClusterForm::Scale { indices: generator.support().to_vec() })
}

fn boost(generators: &[Generator]) -> Option<ClusterForm> {
    let [generator] = generators else {
        return None;
    };
    let &[i, j] = generator.support() else {
        return None;
    };
    let fits = is_linear(generators) && generator.entry(i, j) == 1.0;
    fits.then_some(ClusterForm::Boost { pair: [i, j] })
}

/// One side of a gl factor: the modules that carry X, or those that carry −Xᵀ.
type Side = Vec<Vec<usize>>;

fn chain(factors: &[&Factor]) -> Option<ClusterForm> {
    let size = factors[0].size;
    if factors.iter().any(|f| f.size != size) {
        return None;
    }
    let side = |f: &Factor, dual: bool| -> Side {
        let on = |m: &&Module| m.dual == dual;
        f.modules.iter().filter(on).map(|m| m.indices.clone()).collect()
    };
    let mut left: Vec<[Side; 2]> = factors.iter().map(|f| [side(f, false), side(f, true)]).collect();
    let sets = |links: &[[Side; 2]]| -> Vec<Vec<usize>> { links.iter().flatten().map(coordinates).collect() };
    let every = sets(&left);
    if every.iter().any(Vec::is_empty) {
        return None;
    }
    let ends = |s: &Side| every.iter().filter(|t| **t == coordinates(s)).count() == 1;
    let at = left.iter().position(|link| link.iter().any(ends))?;
    let mut link = oriented(left.swap_remove(at), ends);
    let mut matrices: Vec<IndexMatrix> = vec![link[0].clone()];
    while !left.is_empty() {
        let shared = coordinates(&link[1]);
        let next = left.iter().position(|l| l.iter().any(|s| coordinates(s) == shared))?;
        let next = oriented(left.swap_remove(next), |s| coordinates(s) == shared);
        matrices.push(inner_matrix(&link[1], &next[0], size)?);
        link = next;
    }
    let last = &link[1];
    matrices.push((0..size).map(|i| last.iter().map(|m| m[i]).collect()).collect());
    let outer = matrices[0].len().min(last.len());
    (size <= outer).then_some(ClusterForm::Chain { matrices, size })
}

fn oriented(link: [Side; 2], first: impl Fn(&Side) -> bool) -> [Side; 2] {
    let [a, b] = link;
    if first(&a) { [a, b] } else { [b, a] }
}

fn coordinates(side: &Side) -> Vec<usize> {
    let mut all: Vec<usize> = side.iter().flatten().copied().collect();
    all.sort_unstable();
    all
}

/// The matrix between two factors: row = position in a module of one, column = position in a module of the other.
fn inner_matrix(rows: &Side, columns: &Side, size: usize) -> Option<IndexMatrix> {
    let mut matrix = vec![vec![usize::MAX; size]; size];
    let place = |side: &Side, index: usize| side.iter().find_map(|m| m.iter().position(|&i| i == index));
    for index in coordinates(rows) {
        matrix[place(rows, index)?][place(columns, index)?] = index;
    }
    matrix.iter().flatten().all(|&i| i != usize::MAX).then_some(matrix)
}
