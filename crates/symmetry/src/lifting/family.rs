//! A family: the generators that one sentence describes, at any size.

use crate::factor::{FactorKind, FactorSummary};
use crate::generator::{Entry, Generator};
use gaugebias_linalg::Matrix;
use gaugebias_model::ParameterTensor;

/// What a leg's generators do with the slices of its tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// E_ij of a group of matrices: slice i grows by slice j.
    Matrix,
    /// A slice grows by itself.
    Stretch,
    /// A slice grows by a constant.
    Shift,
    /// Of two slices, the first grows by the second and the second falls by the first.
    Plane,
    /// A tensor, which has the shape of a slice, grows by it.
    Transfer {
        /// The tensor that grows.
        into: usize,
    },
}

/// How a family acts on one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// Index of the tensor.
    pub tensor: usize,
    /// The axis on which it acts.
    pub axis: usize,
    /// First position on that axis.
    pub start: usize,
    /// Slices that one generator takes: 1, or 2 for frequency pairs, or the whole axis.
    pub parts: usize,
    /// Whether these lie side by side, generator after generator; else one run of positions follows the other.
    pub interleaved: bool,
    /// What it does there.
    pub action: Action,
    /// Weight of a one-parameter generator; 1 or −1 (dual) for matrices.
    pub weight: f64,
}

/// Generators of one kind on the same axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// gl, o, so: a group of matrices, or with planes `count` of them. Otherwise `count` one-parameter groups.
    pub kind: FactorKind,
    /// r of GL(r) and so on; 1 for one-parameter groups.
    pub size: usize,
    /// Number of one-parameter groups, or of plane rotations; 1 for a group of matrices.
    pub count: usize,
    /// Where.
    pub legs: Vec<Leg>,
}

impl Family {
    /// Whether its generators are those of one group of matrices.
    fn has_matrices(&self) -> bool {
        self.legs.iter().any(|leg| leg.action == Action::Matrix)
    }

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
            FactorKind::Gl => self.size * (self.size - 1) / 2,
            FactorKind::O | FactorKind::So => self.count * (self.size * (self.size - 1) / 2),
            _ => 0,
        }
    }

    /// Number of symmetric elements, each with a charge: neither rotations nor shifts that others make up for.
    pub fn noncompact(&self) -> usize {
        if self.kind == FactorKind::Shift { 0 } else { self.dimension() - self.compact() }
    }

    /// As a factor for print.
    pub fn summary(&self, tensors: &[ParameterTensor]) -> FactorSummary {
        let into = |leg: &Leg| match leg.action {
            Action::Transfer { into } => [leg.tensor, into],
            _ => [leg.tensor, leg.tensor],
        };
        let mut used: Vec<usize> = self.legs.iter().flat_map(into).collect();
        used.sort_unstable();
        used.dedup();
        let acts_on = used.into_iter().map(|t| tensors[t].name.clone()).collect();
        FactorSummary { kind: self.kind, size: self.size, count: self.count, acts_on }
    }

    /// In words.
    pub fn describe(&self, tensors: &[ParameterTensor]) -> String {
        self.summary(tensors).to_string()
    }

    /// Positions on a leg's axis of the slices of generator i.
    fn positions(&self, leg: &Leg, i: usize) -> Vec<usize> {
        let place = |k: usize| if leg.interleaved { leg.parts * i + k } else { k * self.count + i };
        (0..leg.parts).map(|k| leg.start + place(k)).collect()
    }

    /// Number of non-zero entries of all generators.
    pub fn entries(&self, tensors: &[ParameterTensor]) -> usize {
        let fibres = |leg: &Leg| tensors[leg.tensor].len() / tensors[leg.tensor].shape[leg.axis];
        let of = |leg: &Leg| {
            fibres(leg) * if leg.action == Action::Matrix { self.size * self.size } else { leg.parts * self.count }
        };
        self.legs.iter().map(of).sum()
    }

    /// The generators, in the canonical order of their kind.
    pub fn generators(&self, tensors: &[ParameterTensor]) -> Vec<Generator> {
        if !self.has_matrices() {
            return (0..self.count).map(|i| self.one_parameter(i, tensors)).collect();
        }
        let unit = |i: usize, j: usize| Generator::new(self.matrix_unit(i, j, tensors), Vec::new());
        let pairs = (0..self.size).flat_map(|i| (0..self.size).map(move |j| (i, j)));
        if self.kind == FactorKind::Gl {
            return pairs.map(|(i, j)| unit(i, j)).collect();
        }
        let rotation = |(i, j)| Generator::combine(&[(1.0, &unit(i, j)), (-1.0, &unit(j, i))]);
        pairs.filter(|(i, j)| i < j).map(rotation).collect()
    }

    /// Entries of E_ij: on a leg slice j is added to slice i; on a dual one slice i is subtracted from slice j.
    fn matrix_unit(&self, i: usize, j: usize, tensors: &[ParameterTensor]) -> Vec<Entry> {
        let mut entries = Vec::new();
        for leg in &self.legs {
            let (to, from) = if leg.weight > 0.0 { (i, j) } else { (j, i) };
            let tensor = &tensors[leg.tensor];
            let pairs = slice(tensor, leg.axis, leg.start + to).zip(slice(tensor, leg.axis, leg.start + from));
            entries.extend(pairs.map(|(row, column)| Entry { row, column, value: leg.weight }));
        }
        entries
    }

    fn one_parameter(&self, i: usize, tensors: &[ParameterTensor]) -> Generator {
        let (mut entries, mut shifts) = (Vec::new(), Vec::new());
        for leg in &self.legs {
            let tensor = &tensors[leg.tensor];
            let slices: Vec<Vec<usize>> =
                self.positions(leg, i).into_iter().map(|at| slice(tensor, leg.axis, at).collect()).collect();
            let value = leg.weight;
            match leg.action {
                Action::Matrix | Action::Stretch => {
                    entries.extend(slices.iter().flatten().map(|&at| Entry { row: at, column: at, value }));
                }
                Action::Shift => shifts.extend(slices.iter().flatten().map(|&at| (at, value))),
                Action::Plane => {
                    for (&p, &q) in slices[0].iter().zip(&slices[1]) {
                        entries.push(Entry { row: p, column: q, value });
                        entries.push(Entry { row: q, column: p, value: -value });
                    }
                }
                Action::Transfer { into } => {
                    let target = tensors[into].offset..tensors[into].offset + tensors[into].len();
                    entries.extend(target.zip(&slices[0]).map(|(row, &column)| Entry { row, column, value }));
                }
            }
        }
        Generator::new(entries, shifts)
    }

    /// The symmetric elements, whose fields are the gradients of the charges.
    pub fn symmetric_elements(&self, tensors: &[ParameterTensor]) -> Vec<Generator> {
        match self.kind {
            FactorKind::Gl => {
                let unit = |i: usize, j: usize| Generator::new(self.matrix_unit(i, j, tensors), Vec::new());
                let sum = |i, j| Generator::combine(&[(1.0, &unit(i, j)), (1.0, &unit(j, i))]);
                let pairs = (0..self.size).flat_map(|i| (i..self.size).map(move |j| (i, j)));
                pairs.map(|(i, j)| if i == j { unit(i, i) } else { sum(i, j) }).collect()
            }
            FactorKind::O | FactorKind::So | FactorKind::Shift => Vec::new(),
            _ => self.generators(tensors),
        }
    }

    /// The charges in one expression, with a running index i where there are several; `None` without charges, or
    /// where none is short.
    pub fn charge_name(&self, tensors: &[ParameterTensor]) -> Option<String> {
        if self.noncompact() == 0 {
            return None;
        }
        let mut name = String::new();
        for leg in &self.legs {
            let size = if leg.weight.abs() == 1.0 { String::new() } else { format!("{}*", leg.weight.abs()) };
            name += match (name.is_empty(), leg.weight < 0.0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            name += &size;
            name += &self.charge_term(leg, &tensors[leg.tensor])?;
        }
        let name =
            if self.legs.iter().any(|leg| leg.action == Action::Stretch) { format!("0.5*({name})") } else { name };
        Some(if self.count > 1 { format!("{name} for i < {}", self.count) } else { name })
    }

    fn charge_term(&self, leg: &Leg, tensor: &ParameterTensor) -> Option<String> {
        let length = tensor.shape[leg.axis];
        let (start, count) = (leg.start, self.count);
        let shifted = if start == 0 { "i".to_owned() } else { format!("{start}+i") };
        let end = start + leg.parts * count;
        let place = match (leg.action, leg.parts) {
            (Action::Matrix, _) if self.size == length => ":".to_owned(),
            (Action::Matrix, _) => format!("{start}:{}", start + self.size),
            (_, 1) => shifted,
            (_, parts) if parts == length => ":".to_owned(),
            (_, parts) if leg.interleaved => format!("{start}+{parts}*i:{start}+{parts}*(i+1)"),
            _ if end == length => format!("{shifted}::{count}"),
            _ => format!("{shifted}:{end}:{count}"),
        };
        let index = if place == ":" { String::new() } else { format!("[{}{place}]", ":,".repeat(leg.axis)) };
        let part = format!("{}{index}", tensor.name);
        match leg.action {
            Action::Matrix => match (tensor.shape.len(), leg.axis) {
                (1, 0) => Some(format!("outer({part}, {part})")),
                (2, 0) => Some(format!("{part} @ {part}.T")),
                (2, 1) => Some(format!("{part}.T @ {part}")),
                _ => None,
            },
            Action::Stretch if tensor.shape.len() == 1 && leg.parts == 1 => Some(format!("{part}**2")),
            Action::Stretch => Some(format!("sum({part}**2)")),
            Action::Shift if tensor.shape.len() == 1 && leg.parts == 1 => Some(part),
            Action::Shift => Some(format!("sum({part})")),
            Action::Plane | Action::Transfer { .. } => None,
        }
    }

    /// Largest |gᵀξ|/(|g||ξ|) over the generators, at θ with a gradient g of the same layout.
    pub fn residual(&self, tensors: &[ParameterTensor], theta: &[f64], gradient: &[f64]) -> f64 {
        if self.has_matrices() {
            return self.matrix_residual(tensors, theta, gradient);
        }
        let length = norm(gradient);
        let relative = |i: usize| {
            let generator = self.one_parameter(i, tensors);
            let field: Vec<f64> = generator.support().iter().map(|&at| generator.row_value(at, theta)).collect();
            let along: f64 = field.iter().zip(generator.support()).map(|(x, &at)| x * gradient[at]).sum();
            along.abs() / (length * norm(&field)).max(f64::MIN_POSITIVE)
        };
        (0..self.count).map(relative).fold(0.0, |worst, x| if x.is_nan() { x } else { worst.max(x) })
    }

    fn matrix_residual(&self, tensors: &[ParameterTensor], theta: &[f64], gradient: &[f64]) -> f64 {
        let size = self.size;
        // pairing(i, j) = gᵀξ of E_ij; |ξ|² is a sum of what its two slices have.
        let mut pairing = Matrix::zeros(size, size);
        let mut squares = vec![0.0_f64; size];
        let mut dual_squares = vec![0.0_f64; size];
        for leg in &self.legs {
            let tensor = &tensors[leg.tensor];
            let fibre = |values: &[f64], i: usize| -> Vec<f64> {
                slice(tensor, leg.axis, leg.start + i).map(|at| values[at]).collect()
            };
            let weights: Vec<Vec<f64>> = (0..size).map(|i| fibre(theta, i)).collect();
            let gradients: Vec<Vec<f64>> = (0..size).map(|i| fibre(gradient, i)).collect();
            for i in 0..size {
                let sums = if leg.weight > 0.0 { &mut squares } else { &mut dual_squares };
                sums[i] += dot(&weights[i], &weights[i]);
                for j in 0..size {
                    pairing[(i, j)] += if leg.weight > 0.0 {
                        dot(&gradients[i], &weights[j])
                    } else {
                        -dot(&gradients[j], &weights[i])
                    };
                }
            }
        }
        let length = norm(gradient);
        let rotations = self.kind != FactorKind::Gl;
        let mut worst = 0.0_f64;
        for (i, j) in (0..size).flat_map(|i| (0..size).map(move |j| (i, j))).filter(|(i, j)| !rotations || i < j) {
            let (value, square) = if rotations {
                (pairing[(i, j)] - pairing[(j, i)], squares[i] + squares[j])
            } else {
                (pairing[(i, j)], squares[j] + dual_squares[i])
            };
            let relative = value.abs() / (length * square.sqrt());
            if relative.is_nan() {
                return relative;
            }
            worst = worst.max(relative);
        }
        worst
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Parameter indices of a tensor at one position of an axis, in row-major order.
pub(super) fn slice(tensor: &ParameterTensor, axis: usize, position: usize) -> impl Iterator<Item = usize> {
    let inner: usize = tensor.shape[axis + 1..].iter().product();
    let outer: usize = tensor.shape[..axis].iter().product();
    let (length, offset) = (tensor.shape[axis], tensor.offset);
    (0..outer).flat_map(move |o| (0..inner).map(move |i| offset + (o * length + position) * inner + i))
}
