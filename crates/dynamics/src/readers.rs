//! Which coordinate of the predictor reads each entry of the parameters.
//!
//! Where no entry is read by two coordinates the rows of the Jacobian have disjoint supports, JJᵀ is diagonal, and one reverse
//! sweep with ones as covector is all of J. The graph is walked backwards: what an operation only moves (reshape, transpose,
//! broadcast, slice, sum over axes) keeps its reader; an element-wise operation hands on that of its own entry; any other mixes its
//! entries, and all of them are read by whoever reads one of its results. Rejected: zeros of J at random points; a rectified unit that
//! happens to be off is read all the same.

use gaugebias_model::graph::{Graph, Kind, NodeId};
use gaugebias_model::operations::{Op, Sum};
use gaugebias_model::{Shape, Tensor};

/// Who reads an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Nobody,
    One(usize),
    Several,
}

impl Reader {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, reader) | (reader, Self::Nobody) => reader,
            (a, b) if a == b => a,
            _ => Self::Several,
        }
    }
}

/// How the entries of one parameter lie to the coordinates of the predictor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// No coordinate reads it.
    Unread,
    /// Summed over these axes it has one entry for each coordinate, in their order.
    Summed(Vec<usize>),
}

/// The reading of each target, if no entry of any of them is read by two coordinates and the order is the predictor's.
pub(crate) fn readings(graph: &Graph, predictor: NodeId, targets: &[NodeId]) -> Option<Vec<Reading>> {
    let needed = graph.needed(&[predictor]);
    let mut readers: Vec<Option<Vec<Reader>>> = vec![None; graph.nodes().len()];
    let count = graph.shape(predictor).count();
    readers[predictor.index()] = Some((0..count).map(Reader::One).collect());
    for (index, node) in graph.nodes().iter().enumerate().rev().filter(|(index, _)| needed[*index]) {
        let Some(own) = readers[index].take() else { continue };
        for (place, input) in node.inputs.iter().enumerate().filter(|(_, input)| graph.kind(**input) == Kind::Real) {
            let found = handed_on(graph, &node.op, &node.inputs, place, &node.shape, &own);
            match &mut readers[input.index()] {
                Some(before) => before.iter_mut().zip(found).for_each(|(a, b)| *a = a.and(b)),
                empty => *empty = Some(found),
            }
        }
        readers[index] = Some(own);
    }
    let of = |target: &NodeId| match &readers[target.index()] {
        None => Some(Reading::Unread),
        Some(readers) => reading(graph.shape(*target), readers, count),
    };
    targets.iter().map(of).collect()
}

/// Readers of the entries of one input, from those of the result.
fn handed_on(graph: &Graph, op: &Op, inputs: &[NodeId], place: usize, shape: &Shape, own: &[Reader]) -> Vec<Reader> {
    let count = graph.shape(inputs[place]).count();
    let mut found = vec![Reader::Nobody; count];
    match op {
        Op::Unary(_) | Op::Binary(_) | Op::Select(_) if graph.shape(inputs[place]) == shape => {
            found.copy_from_slice(own)
        }
        Op::Sum(Sum { axes }) => {
            let of = summed_to(graph.shape(inputs[place]), axes);
            found.iter_mut().zip(of).for_each(|(reader, entry)| *reader = own[entry]);
        }
        Op::Reshape(_) | Op::Transpose(_) | Op::Broadcast(_) | Op::Slice(_) => {
            let places = Tensor::new(graph.shape(inputs[place]).clone(), (0..count).map(|i| i as f64).collect());
            let moved = op.operation().value(&[&places]);
            for (from, reader) in moved.values.iter().zip(own) {
                let entry = &mut found[*from as usize];
                *entry = entry.and(*reader);
            }
        }
        _ => found.fill(own.iter().fold(Reader::Nobody, |all, reader| all.and(*reader))),
    }
    found
}

/// The entry of the sum over some axes that each entry of a tensor goes to.
fn summed_to(shape: &Shape, axes: &[usize]) -> Vec<usize> {
    let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !axes.contains(axis)).collect();
    let (strides, own) = (shape.strides(), shape.without(axes).strides());
    let of = |flat: usize| kept.iter().zip(&own).map(|(axis, s)| flat / strides[*axis] % shape.0[*axis] * s).sum();
    (0..shape.count()).map(of).collect()
}

/// The axes whose sum leaves one entry for each coordinate.
fn reading(shape: &Shape, readers: &[Reader], count: usize) -> Option<Reading> {
    if readers.iter().all(|reader| *reader == Reader::Nobody) {
        return Some(Reading::Unread);
    }
    let sums_to_coordinates = |axes: &Vec<usize>| {
        shape.without(axes).count() == count
            && summed_to(shape, axes).into_iter().zip(readers).all(|(entry, reader)| *reader == Reader::One(entry))
    };
    let subsets = 0..1_u32 << shape.rank().min(16);
    subsets
        .map(|chosen| (0..shape.rank()).filter(|axis| chosen >> axis & 1 == 1).collect())
        .find(sums_to_coordinates)
        .map(Reading::Summed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gaugebias_model::spec::SpecFile;
    use gaugebias_model::{DataBinding, Model};

    fn found(parameters: &str, predictor: &str) -> Option<Vec<Reading>> {
        let text = format!("[param]\n{parameters}\n[model]\npredictor = \"{predictor}\"\nloss = \"sum(predictor**2)\"");
        let file = SpecFile::parse("readers", text, std::path::PathBuf::new(), &[]).expect("a right spec");
        let model = Model::build(&file.specs[0], DataBinding::Inputs).expect("it builds");
        let targets: Vec<NodeId> = model.params.iter().map(|slot| slot.node).collect();
        readings(&model.graph, model.named("predictor").expect("it is there"), &targets)
    }

    #[test]
    fn rows_of_disjoint_supports_are_seen() {
        let summed = |axes: &[usize]| Reading::Summed(axes.to_vec());
        let two = "u = \"normal(4)\"\nv = \"normal(4)\"";
        assert_eq!(found(two, "u * v"), Some(vec![summed(&[]), summed(&[])]));
        assert_eq!(found(two, "u * relu(u)"), Some(vec![summed(&[]), Reading::Unread]));
        assert_eq!(found(two, "norm(u) * sum(v)"), Some(vec![summed(&[0]), summed(&[0])]));
        let matrix = "x = \"normal(3, 5)\"";
        assert_eq!(found(matrix, "sum(x**2, axis=1)"), Some(vec![summed(&[1])]));
        assert_eq!(found(matrix, "sum(x**2, axis=0)"), Some(vec![summed(&[0])]));
        assert_eq!(found(matrix, "ones(3) @ x @ ones(5)"), Some(vec![summed(&[0, 1])]));
        assert_eq!(
            found("s = \"normal(3)\"\nx = \"normal(3, 5)\"", "s * norm(x, axis=1)"),
            Some(vec![summed(&[]), summed(&[1])])
        );
    }

    #[test]
    fn rows_that_share_a_parameter_or_stand_in_another_order_are_not() {
        let two = "u = \"normal(4)\"\nv = \"normal(4)\"";
        assert_eq!(found(two, "cumsum(u * v)"), None);
        assert_eq!(found(two, "u * sum(v)"), None);
        assert_eq!(found(two, "sin(u) * v + cumsum(u)"), None);
        assert_eq!(found(two, "u * v[::-1]"), None);
        assert_eq!(found("a = 1.0\nv = \"normal(4)\"", "a * v"), None);
        assert_eq!(found("x = \"normal(3, 3)\"", "x.T"), None);
        assert_eq!(found("x = \"normal(3, 3)\"", "x @ x"), None);
    }
}
