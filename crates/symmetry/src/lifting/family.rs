//! A family: the generators that one sentence describes, at any size.

use crate::factor::{Factor, FactorKind, FactorSummary};
use crate::find::Symmetries;
use crate::generator::Generator;
use gaugebias_linalg::Matrix;
use gaugebias_model::ParameterTensor;

/// Weights of equal legs differ by less.
const EQUAL: f64 = 1e-9;

/// How a family acts on one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// Index of the tensor.
    pub tensor: usize,
    /// The axis on which it acts.
    pub axis: usize,
    /// First position on that axis.
    pub start: usize,
    /// Weight of a rescaling or translation; 1 or −1 (dual) for matrices.
    pub weight: f64,
}

/// Generators of one kind on the same axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// gl, o, so: one group of matrices. rescaling, scale, translation: `count` one-parameter groups.
    pub kind: FactorKind,
    /// r of GL(r) and so on; 1 for one-parameter groups.
    pub size: usize,
    /// Number of one-parameter groups, at consecutive positions; 1 for a group of matrices.
    pub count: usize,
    /// Where.
    pub legs: Vec<Leg>,
}

impl Family {
    /// Number of generators.
    pub fn dimension(&self) -> usize {
        match self.kind {
            FactorKind::Gl => self.size * self.size,
            FactorKind::O | FactorKind::So => self.compact(),
            _ => self.count,
        }
    }

    /// Number of rotations among them.
    pub fn compact(&self) -> usize {
        match self.kind {
            FactorKind::Gl | FactorKind::O | FactorKind::So => self.size * (self.size - 1) / 2,
            _ => 0,
        }
    }

    /// As a factor for print.
    pub fn summary(&self, tensors: &[ParameterTensor]) -> FactorSummary {
        let mut used: Vec<usize> = self.legs.iter().map(|leg| leg.tensor).collect();
        used.sort_unstable();
        used.dedup();
        let acts_on = used.into_iter().map(|t| tensors[t].name.clone()).collect();
        FactorSummary { kind: self.kind, size: self.size, count: self.count, acts_on }
    }

    /// In words.
    pub fn describe(&self, tensors: &[ParameterTensor]) -> String {
        self.summary(tensors).to_string()
    }

    /// Largest |gᵀξ|/(|g||ξ|) over the generators, at θ with a gradient g of the same layout.
    pub fn residual(&self, tensors: &[ParameterTensor], theta: &[f64], gradient: &[f64]) -> f64 {
        let one_parameter = !matches!(self.kind, FactorKind::Gl | FactorKind::O | FactorKind::So);
        let size = if one_parameter { self.count } else { self.size };
        // pairing(i, j) = gᵀξ and lengths(i, j) = |ξ|² of the generator E_ij; only i = j for one-parameter groups.
        let mut pairing = Matrix::zeros(size, size);
        let mut squares = vec![0.0_f64; size];
        let mut dual_squares = vec![0.0_f64; size];
        for leg in &self.legs {
            let tensor = &tensors[leg.tensor];
            let fibre =
                |values: &[f64], i: usize| slice(tensor, leg.axis, leg.start + i).map(|at| values[at]).collect();
            let weights: Vec<Vec<f64>> = (0..size).map(|i| fibre(theta, i)).collect();
            let gradients: Vec<Vec<f64>> = (0..size).map(|i| fibre(gradient, i)).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            for i in 0..size {
                if one_parameter {
                    let constant = self.kind == FactorKind::Translation;
                    let field = if constant { vec![1.0; weights[i].len()] } else { weights[i].clone() };
                    pairing[(i, i)] += leg.weight * dot(&gradients[i], &field);
                    squares[i] += leg.weight.powi(2) * dot(&field, &field);
                    continue;
                }
                let own = dot(&weights[i], &weights[i]);
                let sums = if leg.weight > 0.0 { &mut squares } else { &mut dual_squares };
                sums[i] += own;
                for j in 0..size {
                    // E_ij adds entry j to entry i; its dual subtracts entry i from entry j.
                    let value = if leg.weight > 0.0 {
                        dot(&gradients[i], &weights[j])
                    } else {
                        -dot(&gradients[j], &weights[i])
                    };
                    pairing[(i, j)] += value;
                }
            }
        }
        let length = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
        let rotations = self.kind != FactorKind::Gl;
        let mut worst = 0.0_f64;
        for i in 0..size {
            if one_parameter {
                worst = worst.max(pairing[(i, i)].abs() / (length * squares[i].sqrt()));
                continue;
            }
            for j in (0..size).filter(|&j| !rotations || i < j) {
                let (value, square) = if rotations {
                    (pairing[(i, j)] - pairing[(j, i)], squares[i] + squares[j])
                } else {
                    (pairing[(i, j)], squares[j] + dual_squares[i])
                };
                worst = worst.max(value.abs() / (length * square.sqrt()));
            }
        }
        worst
    }
}

/// Parameter indices of a tensor at one position of an axis, in row-major order.
fn slice(tensor: &ParameterTensor, axis: usize, position: usize) -> impl Iterator<Item = usize> {
    let inner: usize = tensor.shape[axis + 1..].iter().product();
    let outer: usize = tensor.shape[..axis].iter().product();
    let (length, offset) = (tensor.shape[axis], tensor.offset);
    (0..outer).flat_map(move |o| (0..inner).map(move |i| offset + (o * length + position) * inner + i))
}

/// The factors of a small copy as families at full size, and those that are none, in words.
pub(super) fn lifted_families(small: &Symmetries, full: &[ParameterTensor]) -> (Vec<Family>, Vec<String>) {
    let mut families: Vec<Family> = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    let mut single: Vec<(FactorKind, Vec<Leg>)> = Vec::new();
    for factor in &small.factors {
        let own = &small.generators[factor.generators.clone()];
        let lifted = match factor.kind {
            FactorKind::Gl | FactorKind::O | FactorKind::So if factor.canonical => {
                matrices(factor, &small.tensors, full).map(|family| families.push(family))
            }
            FactorKind::Rescaling | FactorKind::Scale | FactorKind::Translation => {
                let legs: Option<Vec<Vec<Leg>>> = own.iter().map(|g| positions(g, &small.tensors)).collect();
                legs.map(|legs| single.extend(legs.into_iter().map(|l| (factor.kind, l))))
            }
            _ => None,
        };
        if lifted.is_none() {
            rest.push(format!("{} on {}", factor.kind, factor.acts_on.join(", ")));
        }
    }
    while let Some((kind, legs)) = single.first().cloned() {
        // The same sentence at every position of the axis, once each.
        let at = |l: &[Leg]| l[0].start;
        let same = |other: &(FactorKind, Vec<Leg>)| {
            other.0 == kind
                && other.1.len() == legs.len()
                && legs.iter().zip(&other.1).all(|(a, b)| {
                    (a.tensor, a.axis) == (b.tensor, b.axis)
                        && (a.weight - b.weight).abs() < EQUAL
                        && a.start == at(&legs)
                        && b.start == at(&other.1)
                })
        };
        let (own, others): (Vec<_>, Vec<_>) = single.into_iter().partition(same);
        single = others;
        let mut starts: Vec<usize> = own.iter().map(|(_, l)| at(l)).collect();
        starts.sort_unstable();
        let lengths = |tensors: &[ParameterTensor]| -> Vec<usize> {
            legs.iter().map(|leg| tensors[leg.tensor].shape[leg.axis]).collect()
        };
        let count = starts.len();
        let covers = starts.iter().copied().eq(0..count) && lengths(&small.tensors).iter().all(|&n| n == count);
        let full_lengths = lengths(full);
        if own.is_empty() || !covers || full_lengths.iter().any(|&n| n != full_lengths[0]) {
            let skipped = if own.is_empty() { single.remove(0).1 } else { legs };
            let names: Vec<&str> = skipped.iter().map(|leg| full[leg.tensor].name.as_str()).collect();
            rest.push(format!("{kind} on {}", names.join(", ")));
            continue;
        }
        families.push(Family { kind, size: 1, count: full_lengths[0], legs });
    }
    (families, rest)
}

/// A group of matrices: every tensor's modules lie along one axis, at one range of positions.
fn matrices(factor: &Factor, small: &[ParameterTensor], full: &[ParameterTensor]) -> Option<Family> {
    let mut legs: Vec<Leg> = Vec::new();
    let mut size = None;
    for (t, tensor) in small.iter().enumerate() {
        let range = tensor.offset..tensor.offset + tensor.len();
        let own: Vec<_> = factor.modules.iter().filter(|m| range.contains(&m.indices[0])).collect();
        let Some(first) = own.first() else {
            continue;
        };
        let step = first.indices[1] - first.indices[0];
        let axis = (0..tensor.shape.len()).find(|&a| tensor.shape[a + 1..].iter().product::<usize>() == step)?;
        let start = (first.indices[0] - tensor.offset) / step % tensor.shape[axis];
        let fibres = tensor.len() / tensor.shape[axis];
        let fits = |m: &&&crate::Module| {
            m.dual == first.dual
                && (m.indices[0] - tensor.offset) / step % tensor.shape[axis] == start
                && m.indices.windows(2).all(|w| w[1] - w[0] == step)
        };
        if own.len() != fibres || !own.iter().all(|m| fits(&m)) {
            return None;
        }
        let (short, long) = (tensor.shape[axis], full[t].shape[axis]);
        // A part of an axis keeps its share of it.
        let scaled = |n: usize| (n * long).is_multiple_of(short).then_some(n * long / short);
        let lifted = if factor.size == short { long } else { scaled(factor.size)? };
        if *size.get_or_insert(lifted) != lifted {
            return None;
        }
        legs.push(Leg { tensor: t, axis, start: scaled(start)?, weight: if first.dual { -1.0 } else { 1.0 } });
    }
    Some(Family { kind: factor.kind, size: size?, count: 1, legs })
}

/// The legs of a one-parameter generator that has one weight on one slice of each tensor it touches.
fn positions(generator: &Generator, tensors: &[ParameterTensor]) -> Option<Vec<Leg>> {
    let weights: Vec<(usize, f64)> = if generator.is_translation() {
        generator.shifts().to_vec()
    } else if generator.is_linear() && generator.is_diagonal() {
        generator.entries().iter().map(|e| (e.row, e.value)).collect()
    } else {
        return None;
    };
    let mut legs: Vec<Leg> = Vec::new();
    for (t, tensor) in tensors.iter().enumerate() {
        let range = tensor.offset..tensor.offset + tensor.len();
        let own: Vec<(usize, f64)> = weights.iter().copied().filter(|(i, _)| range.contains(i)).collect();
        let Some(&(_, weight)) = own.first() else {
            continue;
        };
        if own.iter().any(|(_, w)| (w - weight).abs() > EQUAL) {
            return None;
        }
        let found = (0..tensor.shape.len()).find_map(|axis| {
            let at = |p: usize| slice(tensor, axis, p).eq(own.iter().map(|(i, _)| *i));
            (0..tensor.shape[axis]).find(|&p| at(p)).map(|start| Leg { tensor: t, axis, start, weight })
        })?;
        legs.push(found);
    }
    Some(legs)
}
