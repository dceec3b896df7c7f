//! A group of element-wise nodes as micro-operations of the accumulator machine.

use std::collections::HashMap;

use super::groups::{Groups, is_element_wise, keeps_order};
use crate::graph::{Graph, NodeId};
use crate::lanes::{Action, Micro, Real, Source};
use crate::operations::{Binary, Op, Unary};

/// Where the values lie that a group reads and writes.
pub(super) trait Places<T> {
    /// An operand from outside of the group.
    fn leaf(&mut self, id: NodeId) -> Source<T>;
    /// The buffer of an inner node's value that is read later.
    fn written(&mut self, index: usize) -> usize;
    /// The buffer for kept tiles.
    fn tiles(&self) -> usize;
    /// The buffer for rows of the group's product.
    fn strip(&self) -> usize;
}

/// The micro-operations of the group of `root`, and the number of tiles they keep. The accumulators end with the
/// root's value.
pub(super) fn linearize<T: Real>(
    graph: &Graph,
    groups: &Groups,
    root: usize,
    product: Option<usize>,
    places: &mut dyn Places<T>,
) -> (Vec<Micro<T>>, usize) {
    let mut uses: HashMap<usize, usize> = HashMap::new();
    count_uses(graph, groups, root, root, &mut uses);
    let mut linearizer =
        Linearizer { graph, groups, root, places, uses, kept: HashMap::new(), slots: 0, micros: Vec::new() };
    if let Some(product) = product.filter(|&product| product != root && groups.is_written(product)) {
        linearizer.emit(product);
        let buffer = linearizer.places.written(product);
        linearizer.micros.push(Micro::alone(Action::Store { buffer }));
    }
    linearizer.emit(root);
    (linearizer.micros, linearizer.slots)
}

/// The node whose elements, in the same order, `id` is: views are looked through.
fn behind(graph: &Graph, id: NodeId) -> NodeId {
    let mut id = id;
    while !is_element_wise(&graph.node(id).op) && keeps_order(graph, graph.node(id)) {
        id = graph.node(id).inputs[0];
    }
    id
}

fn count_uses(graph: &Graph, groups: &Groups, root: usize, index: usize, uses: &mut HashMap<usize, usize>) {
    let node = &graph.nodes()[index];
    if matches!(node.op, Op::Matmul(_)) {
        return;
    }
    for &input in &node.inputs {
        let input = behind(graph, input).index();
        if groups.root(input) == Some(root) {
            *uses.entry(input).or_default() += 1;
            if uses[&input] == 1 {
                count_uses(graph, groups, root, input, uses);
            }
        }
    }
}

struct Linearizer<'a, T> {
    graph: &'a Graph,
    groups: &'a Groups,
    root: usize,
    places: &'a mut dyn Places<T>,
    uses: HashMap<usize, usize>,
    /// Tiles of nodes that are needed again.
    kept: HashMap<usize, usize>,
    slots: usize,
    micros: Vec<Micro<T>>,
}

impl<T: Real> Linearizer<'_, T> {
    /// The operand as it can be read at once, if it need not be computed first.
    fn direct(&mut self, id: NodeId) -> Option<Source<T>> {
        let index = behind(self.graph, id).index();
        if self.groups.root(index) != Some(self.root) {
            return Some(self.places.leaf(id));
        }
        if matches!(self.graph.nodes()[index].op, Op::Matmul(_)) {
            return Some(Source::Strip { buffer: self.places.strip() });
        }
        let slot = *self.kept.get(&index)?;
        Some(Source::Tile { buffer: self.places.tiles(), slot })
    }

    fn keep(&mut self) -> usize {
        let slot = self.slots;
        self.slots += 1;
        self.micros.push(Micro::alone(Action::Keep { buffer: self.places.tiles(), slot }));
        slot
    }

    fn load(&mut self, id: NodeId) {
        match self.direct(id) {
            Some(source) => self.micros.push(Micro::with(source, Action::Load)),
            None => self.emit(behind(self.graph, id).index()),
        }
    }

    /// accumulators ← the node's value.
    fn emit(&mut self, index: usize) {
        let node = &self.graph.nodes()[index];
        match (&node.op, node.inputs.as_slice()) {
            (Op::Matmul(_), _) => {
                self.micros.push(Micro::with(Source::Strip { buffer: self.places.strip() }, Action::Load))
            }
            (Op::Unary(unary), &[x]) => {
                self.load(x);
                self.micros.push(Micro::alone(Action::Unary(*unary)));
            }
            (Op::Binary(function), &[a, b]) => self.emit_binary(*function, a, b),
            (Op::Select(_), &[condition, a, b]) => self.emit_select(condition, a, b),
            _ => unreachable!("groups hold element-wise nodes and products"),
        }
        if index == self.root || matches!(node.op, Op::Matmul(_)) {
            return;
        }
        if self.groups.is_written(index) {
            let buffer = self.places.written(index);
            self.micros.push(Micro::alone(Action::Store { buffer }));
        }
        if self.uses[&index] > 1 {
            let slot = self.keep();
            self.kept.insert(index, slot);
        }
    }

    fn emit_binary(&mut self, function: Binary, a: NodeId, b: NodeId) {
        if self.emit_special(function, a, b) {
            return;
        }
        // A number comes second, so that the multiple of a product is seen as one.
        let commutes = matches!(function, Binary::ADD | Binary::MULTIPLY);
        let (a, b) =
            if commutes && self.graph.constant_value(behind(self.graph, a)).is_some() { (b, a) } else { (a, b) };
        if let Some(operand) = self.direct(b) {
            self.load(a);
            self.micros.push(Micro::with(operand, Action::Binary(function)));
        } else if let Some(operand) = self.direct(a) {
            self.load(b);
            // The other operand may have been the same node: then it is in its tile now, and the source still holds.
            self.micros.push(Micro::with(operand, Action::Reversed(function)));
        } else {
            self.load(a);
            let operand = match self.direct(b) {
                // Computing a has computed b, or b is a itself.
                Some(operand) => return self.micros.push(Micro::with(operand, Action::Binary(function))),
                None => match self.direct(a) {
                    Some(kept) => kept,
                    None => Source::Tile { buffer: self.places.tiles(), slot: self.keep() },
                },
            };
            self.load(b);
            self.micros.push(Micro::with(operand, Action::Reversed(function)));
        }
    }

    /// x ± c·y and x·step(y), for a direct y.
    fn emit_special(&mut self, function: Binary, a: NodeId, b: NodeId) -> bool {
        for (x, y) in [(a, b), (b, a)] {
            let index = behind(self.graph, y).index();
            let inner =
                self.groups.root(index) == Some(self.root) && self.uses[&index] == 1 && !self.groups.is_written(index);
            let node = &self.graph.nodes()[index];
            match (&node.op, node.inputs.as_slice()) {
                (Op::Unary(Unary::STEP), &[argument]) if inner && function == Binary::MULTIPLY => {
                    let Some(source) = self.direct(argument) else { continue };
                    self.load(x);
                    self.micros.push(Micro::with(source, Action::KeepPositive));
                    return true;
                }
                (Op::Binary(Binary::MULTIPLY), &[left, right])
                    if inner && (function == Binary::ADD || (function == Binary::SUBTRACT && y == b)) =>
                {
                    let Some((factor, operand)) = self.scaled(left, right) else { continue };
                    let factor = if function == Binary::SUBTRACT { -factor } else { factor };
                    self.load(x);
                    self.micros.push(Micro::with(operand, Action::AddScaled(T::from_f64(factor))));
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// A number times a direct operand in lanes.
    fn scaled(&mut self, left: NodeId, right: NodeId) -> Option<(f64, Source<T>)> {
        let number = |id: NodeId| {
            let values = &self.graph.constant_value(behind(self.graph, id))?.values;
            let first = *values.first()?;
            values.iter().all(|x| *x == first).then_some(first)
        };
        let (factor, operand) = match (number(left), number(right)) {
            (Some(factor), None) => (factor, right),
            (None, Some(factor)) => (factor, left),
            _ => return None,
        };
        Some((factor, self.direct(operand)?))
    }

    fn emit_select(&mut self, condition: NodeId, a: NodeId, b: NodeId) {
        let condition = self.held(condition);
        self.load(b);
        let slot = self.keep();
        self.load(a);
        self.micros.push(Micro::with(condition, Action::Select { buffer: self.places.tiles(), slot }));
    }

    /// An operand that stays readable while others are computed.
    fn held(&mut self, id: NodeId) -> Source<T> {
        if let Some(source) = self.direct(id) {
            return source;
        }
        self.load(id);
        match self.direct(id) {
            Some(source) => source,
            None => Source::Tile { buffer: self.places.tiles(), slot: self.keep() },
        }
    }
}
