//! NumPy's indices: places, slices, new axes, `...`, and arrays of whole numbers.
//!
//! Items are read from the left while `axis` runs over the axes of the tensor as it becomes. Several arrays pick
//! element by element, as in NumPy: their axes are joined into one, and their indices into one index. What NumPy
//! arranges by rules that few remember (arrays on both sides of a slice) is refused.

use super::Evaluation;
use super::range::range;
use crate::graph::{Kind, NodeId};
use crate::operations::{Binary, Gather, Slice};
use crate::shape::Shape;
use crate::source::SpecError;
use crate::syntax::{Expression, IndexItem};
use crate::tensor::Tensor;

/// The largest index that single precision holds exactly.
const MOST_JOINED: usize = 1 << 24;

/// An item whose expressions have become nodes.
enum Item<'e> {
    NewAxis,
    Slice([&'e Option<Expression>; 3]),
    Place(f64, &'e Expression),
    Array(NodeId, &'e Expression),
}

impl Item<'_> {
    /// Whether NumPy counts it among its "advanced" indices once there is an array.
    fn picks(&self) -> bool {
        matches!(self, Item::Place(..) | Item::Array(..))
    }
}

impl Evaluation<'_> {
    pub(super) fn index(
        &mut self,
        at: &Expression,
        base: &Expression,
        items: &[IndexItem],
    ) -> Result<NodeId, SpecError> {
        let mut node = self.node(base)?;
        let items = self.items(at, node, items)?;
        // `axis` runs over the axes of the tensor as it becomes.
        let mut axis = 0;
        let mut arrays = Vec::new();
        for item in &items {
            match item {
                Item::NewAxis => {
                    let mut sizes = self.scope.graph.shape(node).0.clone();
                    sizes.insert(axis, 1);
                    node = self.scope.graph.reshape(node, &Shape(sizes));
                    axis += 1;
                }
                Item::Slice(bounds) => {
                    node = self.slice(at, node, axis, *bounds)?;
                    axis += 1;
                }
                Item::Place(place, expression) => node = self.pick(expression, node, axis, *place)?,
                Item::Array(index, expression) => {
                    self.check_range(expression, node, axis, *index)?;
                    arrays.push((axis, *index));
                    axis += 1;
                }
            }
        }
        match arrays.as_slice() {
            [] => Ok(node),
            [(axis, index)] => {
                let gathered = self.scope.graph.apply(Gather { axis: *axis }, &[node, *index]);
                self.fits(at, gathered)
            }
            several => self.gather_jointly(at, node, several),
        }
    }

    fn items<'e>(&mut self, at: &Expression, node: NodeId, items: &'e [IndexItem]) -> Result<Vec<Item<'e>>, SpecError> {
        const WHOLE: [&Option<Expression>; 3] = [&None, &None, &None];
        let shape = self.scope.graph.shape(node).clone();
        let takes_axis = |item: &&IndexItem| !matches!(item, IndexItem::NewAxis | IndexItem::Ellipsis);
        let used = items.iter().filter(takes_axis).count();
        if used > shape.rank() {
            let message = format!("shape {shape} has {} axes, the index uses {used}", shape.rank());
            return Err(self.error(at, message));
        }
        if items.iter().filter(|item| matches!(item, IndexItem::Ellipsis)).count() > 1 {
            return Err(self.error(at, "an index has at most one `...`"));
        }
        let mut found = Vec::new();
        for item in items {
            match item {
                IndexItem::NewAxis => found.push(Item::NewAxis),
                IndexItem::Ellipsis => found.extend((used..shape.rank()).map(|_| Item::Slice(WHOLE))),
                IndexItem::Slice { start, stop, step } => found.push(Item::Slice([start, stop, step])),
                IndexItem::At(expression) => found.push(self.place_or_array(expression)?),
            }
        }
        let first = found.iter().position(Item::picks).unwrap_or(0);
        let last = found.iter().rposition(Item::picks).unwrap_or(0);
        let has_array = found.iter().any(|item| matches!(item, Item::Array(..)));
        if has_array && !found[first..=last].iter().all(Item::picks) {
            let message = "an array and another index stand on both sides of a slice or a new axis";
            return Err(self.error(at, message).help("index twice, which says in what order: a[i][:, :, j]"));
        }
        Ok(found)
    }

    fn place_or_array<'e>(&mut self, expression: &'e Expression) -> Result<Item<'e>, SpecError> {
        let index = self.node(expression)?;
        match self.scope.graph.kind(index) {
            Kind::Integer => {}
            Kind::Boolean => {
                let error = self.error(expression, "a mask would pick a number of elements that is not known before");
                return Err(error.help("multiply by the mask, or write where(mask, x, 0)"));
            }
            Kind::Real => {
                let error = self.error(expression, "an index is made of integers; this one is real");
                return Err(error.help("draw it with choice or randint, or write it without a point"));
            }
        }
        let place = self.scope.graph.constant_value(index).filter(|value| value.shape.is_scalar());
        Ok(place.map_or(Item::Array(index, expression), |value| Item::Place(value.values[0], expression)))
    }

    /// One place along an axis, which vanishes.
    fn pick(&mut self, at: &Expression, node: NodeId, axis: usize, place: f64) -> Result<NodeId, SpecError> {
        let shape = self.scope.graph.shape(node).clone();
        let size = shape.0[axis] as f64;
        let resolved = if place < 0.0 { place + size } else { place };
        if !(0.0..size).contains(&resolved) {
            return Err(self.error(at, format!("index {place} is outside an axis of size {size} (shape {shape})")));
        }
        let row = self.scope.graph.apply(Slice::along(&shape, axis, resolved as usize, 1), &[node]);
        let row = self.fits(at, row)?;
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
        let step = self.bound(step)?.unwrap_or(1);
        let (start, stop) = (self.bound(start)?, self.bound(stop)?);
        if step == 0 {
            return Err(self.error(at, "the step of a slice is not 0"));
        }
        if step < 0 {
            return self.backwards(at, node, axis, [start, stop], step);
        }
        let clamp = |place: i64| if place < 0 { (place + size).max(0) } else { place.min(size) };
        let (start, stop) = (clamp(start.unwrap_or(0)), clamp(stop.unwrap_or(size)));
        let count = ((stop - start).max(0) as usize).div_ceil(step as usize);
        let mut slice = Slice::along(&shape, axis, if count == 0 { 0 } else { start as usize }, count);
        slice.steps[axis] = if count <= 1 { 1 } else { step as usize };
        if slice.sizes == shape.0 {
            return Ok(node);
        }
        let result = self.scope.graph.apply(slice, &[node]);
        self.fits(at, result)
    }

    /// A slice with a negative step: the places are listed, since views only run forwards.
    fn backwards(
        &mut self,
        at: &Expression,
        node: NodeId,
        axis: usize,
        [start, stop]: [Option<i64>; 2],
        step: i64,
    ) -> Result<NodeId, SpecError> {
        let size = self.scope.graph.shape(node).0[axis] as i64;
        let clamp = |place: i64| if place < 0 { (place + size).max(-1) } else { place.min(size - 1) };
        let (start, stop) = (start.map_or(size - 1, clamp), stop.map_or(-1, clamp));
        let stride = step.unsigned_abs().min(1 << 32);
        let count = ((start - stop).max(0) as u64).div_ceil(stride) as usize;
        let places: Vec<f64> = (0..count as u64).map(|index| start as f64 - (index * stride) as f64).collect();
        if !self.scope.graph.has_room_for(count) {
            return Err(self.error(at, "the tensors of this spec would hold more than 2^27 numbers together"));
        }
        let places = self.scope.graph.constant(Tensor::new([count], places), Kind::Integer);
        let gathered = self.scope.graph.apply(Gather { axis }, &[node, places]);
        self.fits(at, gathered)
    }

    /// A bound of a slice, known before anything runs.
    fn bound(&mut self, bound: &Option<Expression>) -> Result<Option<i64>, SpecError> {
        let Some(expression) = bound else { return Ok(None) };
        if expression.is_none() {
            return Ok(None);
        }
        let node = self.node(expression)?;
        let whole = self.scope.graph.kind(node) != Kind::Real;
        match self.scope.graph.constant_value(node).filter(|value| whole && value.shape.is_scalar()) {
            Some(value) => Ok(Some(value.values[0] as i64)),
            None => Err(self.error(expression, "the bounds of a slice are whole numbers known before anything runs")),
        }
    }

    /// Refuses indices that are known to be outside.
    fn check_range(&self, at: &Expression, node: NodeId, axis: usize, index: NodeId) -> Result<(), SpecError> {
        let size = self.scope.graph.shape(node).0[axis];
        let some = self.scope.graph.shape(index).count() > 0;
        match range(&self.scope.graph, &self.scope.ranges, index) {
            Some((low, high)) if some && (low < -(size as f64) || high >= size as f64) => {
                Err(self.error(at, format!("indices from {low} to {high} reach outside an axis of size {size}")))
            }
            _ => Ok(()),
        }
    }

    /// Several arrays on neighbouring axes pick element by element: `a[i, j]` is the vector of a[i_k, j_k].
    fn gather_jointly(
        &mut self,
        at: &Expression,
        node: NodeId,
        arrays: &[(usize, NodeId)],
    ) -> Result<NodeId, SpecError> {
        let shape = self.scope.graph.shape(node).clone();
        let (first, last) = (arrays[0].0, arrays[arrays.len() - 1].0);
        let total: usize = shape.0[first..=last].iter().product();
        if total > MOST_JOINED {
            let message = format!("arrays pick element by element from at most 2^24 elements, here from {total}");
            return Err(self.error(at, message).help("index twice: a[i][:, j]"));
        }
        let mut joined: Option<NodeId> = None;
        let mut all_inside: Option<NodeId> = None;
        for &(axis, index) in arrays {
            let size = shape.0[axis] as f64;
            let (place, inside) = self.counted_from_the_front(index, size);
            let size = self.scope.graph.constant(Tensor::scalar(size), Kind::Integer);
            let before = joined.map(|joined| self.scope.graph.multiply(joined, size));
            joined = Some(match before {
                None => place,
                Some(before) => {
                    let sum = self.scope.graph.binary(Binary::ADD, before, place);
                    self.fits(at, sum)?
                }
            });
            all_inside = match (all_inside, inside) {
                (Some(a), Some(b)) => {
                    let both = self.scope.graph.binary(Binary::MULTIPLY, a, b);
                    Some(self.fits(at, both)?)
                }
                (a, b) => a.or(b),
            };
        }
        let mut joined = joined.expect("there are several arrays");
        if let Some(inside) = all_inside {
            // One past the end: the result is NaN there, as with one array.
            let spread = self.scope.graph.shape(joined).clone();
            let outside = self.scope.graph.constant(Tensor::full(spread.clone(), total as f64), Kind::Integer);
            let inside = self.scope.graph.broadcast(inside, &spread);
            let inside = self.fits(at, inside)?;
            joined = self.scope.graph.select(inside, joined, outside);
        }
        let sizes = [&shape.0[..first], &[total], &shape.0[last + 1..]].concat();
        let flat = self.scope.graph.reshape(node, &Shape(sizes));
        let gathered = self.scope.graph.apply(Gather { axis: first }, &[flat, joined]);
        self.fits(at, gathered)
    }

    /// An index counted from the front, and where it is inside, if that is not known before.
    fn counted_from_the_front(&mut self, index: NodeId, size: f64) -> (NodeId, Option<NodeId>) {
        let range = range(&self.scope.graph, &self.scope.ranges, index);
        if range.is_some_and(|(low, _)| low >= 0.0) {
            return (index, None);
        }
        let graph = &mut self.scope.graph;
        let shape = graph.shape(index).clone();
        let number = |value: f64| Tensor::full(shape.clone(), value);
        let (zero, size) = (graph.constant(number(0.0), Kind::Integer), graph.constant(number(size), Kind::Integer));
        let negative = graph.must(Binary::LESS, &[index, zero]);
        let shifted = graph.add(index, size);
        let place = graph.select(negative, shifted, index);
        let inside = range.is_none().then(|| {
            let low = graph.must(Binary::LESS_EQUAL, &[zero, place]);
            let high = graph.must(Binary::LESS, &[place, size]);
            graph.multiply(low, high)
        });
        (place, inside)
    }
}
