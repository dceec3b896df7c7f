//! Sums over axes.

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs, linear};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Loops, Real, Task, View};
use crate::shape::Shape;
use crate::tensor::{Tensor, for_each_index};

/// Sum over `axes`, which vanish from the shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sum {
    /// Ascending, distinct.
    pub axes: Vec<usize>,
}

/// Checks the axes of a reduction and gives the reduced shape.
pub(super) fn reduced(name: &str, axes: &[usize], inputs: &[&Node]) -> Result<Shape, Mismatch> {
    expect_inputs(name, inputs, 1)?;
    let shape = &inputs[0].shape;
    if axes.iter().any(|&axis| axis >= shape.rank()) || axes.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Mismatch(format!("{name} over axes {axes:?} of shape {shape}")));
    }
    Ok(shape.without(axes))
}

/// Folds the elements of each group that a reduction joins.
pub(super) fn fold(input: &Tensor, axes: &[usize], start: f64, f: impl Fn(f64, f64) -> f64) -> Tensor {
    let shape = input.shape.without(axes);
    let strides = shape.strides();
    let mut result = Tensor::full(shape, start);
    let mut next = input.values.iter();
    for_each_index(&input.shape, |index| {
        let kept = index.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, i)| i);
        let place: usize = kept.zip(&strides).map(|(i, s)| i * s).sum();
        let element = next.next().expect("one element for each index");
        result.values[place] = f(result.values[place], *element);
    });
    result
}

/// The reduced shape with its axes kept as unit axes.
pub(super) fn with_unit_axes(shape: &Shape, axes: &[usize]) -> Shape {
    Shape(shape.0.iter().enumerate().map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size }).collect())
}

/// Loops over the input's indices, where the output stands still along the reduced axes.
pub(super) fn reduction_loops(axes: &[usize], output: &Shape, input: &View) -> Loops {
    let kept = with_unit_axes(&input.shape, axes);
    let target = View::contiguous(output).reshaped(&kept).expect("a contiguous view can be reshaped");
    Loops::over(&[&target.broadcast(&input.shape), input])
}

impl Operation for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        Ok((reduced("sum", &self.axes, inputs)?, inputs[0].kind.max(Kind::Integer)))
    }

    fn print(&self, arguments: &[String]) -> String {
        format!("sum({}, axis={:?})", arguments[0], self.axes)
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        fold(inputs[0], &self.axes, 0.0, |sum, x| sum + x)
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], _: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let shape = graph.shape(inputs[0]).clone();
        let kept = graph.reshape(cotangent, &with_unit_axes(&shape, &self.axes));
        vec![Some(graph.broadcast(kept, &shape).expect("unit axes broadcast to the summed ones"))]
    }

    fn pushforward(&self, graph: &mut Graph, _: &[NodeId], _: NodeId, tangents: &[Option<NodeId>]) -> Option<NodeId> {
        linear(graph, self.clone(), tangents)
    }

    fn loops(&self, output: &Shape, inputs: &[&View]) -> Loops {
        reduction_loops(&self.axes, output, inputs[0])
    }
}

impl LaneKernel for Sum {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        task.clear();
        task.accumulate(
            simd,
            #[inline(always)]
            |sum, x| T::add(simd, sum, x),
        );
    }
}
