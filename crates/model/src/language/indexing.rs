//! NumPy's indices: integers, slices, new axes, and one integer array.

use super::Evaluation;
use crate::graph::{Kind, NodeId};
use crate::operations::{Distribution, Gather, Op, Slice};
use crate::shape::Shape;
use crate::source::SpecError;
use crate::syntax::{Expression, IndexItem};

impl Evaluation<'_> {
    pub(super) fn index(
        &mut self,
        at: &Expression,
        base: &Expression,
        items: &[IndexItem],
    ) -> Result<NodeId, SpecError> {
        let mut node = self.node(base)?;
        let shape = self.scope.graph.shape(node).clone();
        let used = items.iter().filter(|item| !matches!(item, IndexItem::NewAxis)).count();
        if used > shape.rank() {
            let message = format!("shape {shape} has {} axes, the index uses {used}", shape.rank());
            return Err(self.error(at, message));
        }
        // `axis` runs over the axes of the tensor as it becomes.
        let mut axis = 0;
        let mut arrays = 0;
        for item in items {
            match item {
                IndexItem::NewAxis => {
                    let mut sizes = self.scope.graph.shape(node).0.clone();
                    sizes.insert(axis, 1);
                    node = self.scope.graph.reshape(node, &Shape(sizes));
                    axis += 1;
                }
                IndexItem::Slice { start, stop, step } => {
                    node = self.slice(at, node, axis, [start, stop, step])?;
                    axis += 1;
                }
                IndexItem::At(expression) => {
                    let index = self.node(expression)?;
                    let scalar = self.scope.graph.constant_value(index).filter(|value| value.shape.is_scalar());
                    let whole = self.scope.graph.kind(index) != Kind::Real;
                    match scalar.map(|value| value.values[0]).filter(|_| whole) {
                        Some(place) => node = self.pick(expression, node, axis, place)?,
                        None => {
                            arrays += 1;
                            self.check_array(expression, node, axis, index, arrays)?;
                            let rank = self.scope.graph.shape(index).rank();
                            let gathered = self.scope.graph.apply(Gather { axis }, &[node, index]);
                            node = self.fits(expression, gathered)?;
                            axis += rank;
                        }
                    }
                }
            }
        }
        Ok(node)
    }

    /// One place along an axis, which vanishes.
    fn pick(&mut self, at: &Expression, node: NodeId, axis: usize, place: f64) -> Result<NodeId, SpecError> {
        let shape = self.scope.graph.shape(node).clone();
        let size = shape.0[axis] as f64;
        let resolved = if place < 0.0 { place + size } else { place };
        if !(0.0..size).contains(&resolved) {
            return Err(self.error(at, format!("index {place} is outside an axis of size {size} (shape {shape})")));
        }
        let row = self.scope.graph.must(Slice::along(&shape, axis, resolved as usize, 1), &[node]);
        Ok(self.scope.graph.reshape(row, &shape.without(&[axis])))
    }

    fn slice(
        &mut self,
        at: &Expression,
        node: NodeId,
        axis: usize,
        bounds: [&Option<Expression>; 3],
    ) -> Result<NodeId, SpecError> {
        let shape = self.scope.graph.shape(node).clone();
        let size = shape.0[axis] as i64;
        let [start, stop, step] = bounds;
        let clamp = |place: i64| if place < 0 { (place + size).max(0) } else { place.min(size) };
        let start = clamp(self.bound(start, 0)?);
        let stop = clamp(self.bound(stop, size)?);
        let step = self.bound(step, 1)?;
        if step < 1 {
            return Err(self.error(at, format!("the step of a slice is at least 1, found {step}")));
        }
        let mut slice =
            Slice::along(&shape, axis, start as usize, ((stop - start).max(0) as usize).div_ceil(step as usize));
        slice.steps[axis] = step as usize;
        if slice.sizes == shape.0 {
            return Ok(node);
        }
        let result = self.scope.graph.apply(slice, &[node]);
        self.fits(at, result)
    }

    /// A bound of a slice, known before anything runs.
    fn bound(&mut self, bound: &Option<Expression>, default: i64) -> Result<i64, SpecError> {
        let Some(expression) = bound else { return Ok(default) };
        let node = self.node(expression)?;
        let whole = self.scope.graph.kind(node) != Kind::Real;
        match self.scope.graph.constant_value(node).filter(|value| whole && value.shape.is_scalar()) {
            Some(value) => Ok(value.values[0] as i64),
            None => Err(self.error(expression, "the bounds of a slice are whole numbers known before anything runs")),
        }
    }

    /// Refuses what NumPy would arrange differently, and indices that are known to be outside.
    fn check_array(
        &self,
        at: &Expression,
        node: NodeId,
        axis: usize,
        index: NodeId,
        arrays: usize,
    ) -> Result<(), SpecError> {
        if arrays > 1 {
            return Err(self.error(at, "only one integer array can stand in an index").help("index twice: a[i][:, j]"));
        }
        let size = self.scope.graph.shape(node).0[axis];
        let range = match &self.scope.graph.node(index).op {
            Op::Constant(literal) => {
                let values = &literal.tensor().values;
                Some((values.iter().copied().fold(0.0, f64::min), values.iter().copied().fold(0.0, f64::max)))
            }
            Op::Draw(draw) => match draw.distribution {
                Distribution::Integer { low, high } => Some((low as f64, (high - 1) as f64)),
                Distribution::Choice { from } => Some((0.0, from.saturating_sub(1) as f64)),
                _ => None,
            },
            _ => None,
        };
        match range {
            Some((low, high)) if low < -(size as f64) || high >= size as f64 => {
                Err(self.error(at, format!("indices from {low} to {high} reach outside an axis of size {size}")))
            }
            _ => Ok(()),
        }
    }
}
