//! The tensor graph: nodes in topological order, every shape static and checked when a node is made.
//!
//! A node that already exists is returned instead of made again, and a node whose inputs are all constants
//! becomes a constant; so common subexpressions and constant hoisting need no pass of their own, and the
//! derivative transforms can be written naively. Draws are the exception: each is a new node.

mod arithmetic;
mod differentiate;
mod interpret;
mod rewrite;
mod substitute;

use std::collections::HashMap;

use crate::operations::{Draw, Input, Literal, Op};
use crate::shape::{MOST_CONSTANT_ELEMENTS, Shape};
use crate::tensor::Tensor;

pub use differentiate::{cotangents, gradient, tangents};
pub use interpret::{Interpreter, Values};

/// A node's place in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// The place as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the numbers in a tensor are; all are stored as floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Truth values, 0 or 1.
    Boolean,
    /// Whole numbers: sizes and indices.
    Integer,
    /// Real numbers: everything that can be differentiated.
    Real,
}

/// An operation on earlier nodes.
#[derive(Clone, Debug)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// From which nodes.
    pub inputs: Vec<NodeId>,
    /// Shape of the result.
    pub shape: Shape,
    /// Kind of the result.
    pub kind: Kind,
}

/// An operation that cannot be applied to its inputs: the reason, naming all shapes involved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub String);

/// Which simplifications are made while a graph is built. All are on unless a test compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simplify {
    /// Return an existing equal node.
    pub share: bool,
    /// Evaluate nodes whose inputs are constants, while there is room for their values.
    pub fold: bool,
    /// x·1 = x, x + 0 = x, −(−x) = x, x + x = 2x, c(dx) = (cd)x; a column times a row element by element; a stack of
    /// matrices times one matrix as one product.
    pub identities: bool,
}

impl Default for Simplify {
    fn default() -> Self {
        Self { share: true, fold: true, identities: true }
    }
}

/// A directed acyclic graph of tensor operations.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<(Op, Vec<NodeId>), NodeId>,
    simplify: Simplify,
    draws: usize,
    constant_elements: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty graph that makes only the given simplifications.
    pub fn with(simplify: Simplify) -> Self {
        Self { simplify, ..Self::default() }
    }

    /// How many numbers all constants hold.
    pub fn constant_numbers(&self) -> u64 {
        let constants = self.nodes.iter().filter(|node| matches!(node.op, Op::Constant(_)));
        constants.map(|node| node.shape.count() as u64).sum()
    }

    /// All nodes, inputs before the nodes that use them.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The shape of the node at `id`.
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.node(id).shape
    }

    /// The kind of the node at `id`.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// The value of a constant node.
    pub fn constant_value(&self, id: NodeId) -> Option<&Tensor> {
        match &self.node(id).op {
            Op::Constant(literal) => Some(literal.tensor()),
            _ => None,
        }
    }

    /// A constant.
    pub fn constant(&mut self, tensor: Tensor, kind: Kind) -> NodeId {
        let shape = tensor.shape.clone();
        self.constant_elements += shape.count();
        self.insert(Op::Constant(Literal::new(tensor, kind)), Vec::new(), shape, kind)
    }

    /// Whether a constant of this many elements stays within the bound on all constants together.
    pub fn has_room_for(&self, count: usize) -> bool {
        self.constant_elements + count <= MOST_CONSTANT_ELEMENTS
    }

    /// A real scalar constant.
    pub fn scalar(&mut self, value: f64) -> NodeId {
        self.constant(Tensor::scalar(value), Kind::Real)
    }

    /// A tensor that is supplied when the graph is evaluated; `slot` tells inputs apart.
    pub fn input(&mut self, slot: usize, shape: impl Into<Shape>, kind: Kind) -> NodeId {
        let shape = shape.into();
        self.insert(Op::Input(Input { slot, shape: shape.clone(), kind }), Vec::new(), shape, kind)
    }

    /// A random tensor, drawn anew at each evaluation; draws happen in the order in which they are made here.
    pub fn draw(&mut self, draw: Draw) -> NodeId {
        let (shape, kind) = (draw.shape(), draw.kind());
        let op = Op::Draw(draw.numbered(self.draws));
        self.draws += 1;
        self.insert(op, Vec::new(), shape, kind)
    }

    /// Applies an operation.
    ///
    /// # Errors
    /// [`Mismatch`] where shapes or kinds do not fit, or the result would be too large.
    pub fn apply(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, Mismatch> {
        let op = op.into();
        let (shape, kind) = {
            let nodes: Vec<&Node> = inputs.iter().map(|&id| self.node(id)).collect();
            op.operation().result(&nodes)?
        };
        if shape.checked_count().is_none() {
            return Err(Mismatch(format!("the result would have shape {shape}, more than 2^26 elements")));
        }
        if let Some(same) = self.simplify.identities.then(|| self.identity(&op, inputs)).flatten() {
            return Ok(same);
        }
        let constant = inputs.iter().all(|&id| self.constant_value(id).is_some());
        // Without room for its value the operation stays one, and is evaluated by whoever evaluates the graph.
        if self.simplify.fold && constant && self.has_room_for(shape.count()) {
            let values: Vec<&Tensor> = inputs.iter().filter_map(|&id| self.constant_value(id)).collect();
            let value = op.operation().value(&values);
            return Ok(self.constant(value, kind));
        }
        if let Some(other) = self.simplify.identities.then(|| self.rewrite(&op, inputs, &shape)).flatten() {
            return other;
        }
        Ok(self.insert(op, inputs.to_vec(), shape, kind))
    }

    /// Applies an operation whose inputs are known to fit, as in derivatives.
    pub(crate) fn must(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.apply(op, inputs).expect("the shapes of a derived operation follow from those of its original")
    }

    fn insert(&mut self, op: Op, inputs: Vec<NodeId>, shape: Shape, kind: Kind) -> NodeId {
        let key = (op, inputs);
        if let (true, Some(&known)) = (self.simplify.share, self.known.get(&key)) {
            return known;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).expect("a graph has fewer than 2^32 nodes"));
        self.nodes.push(Node { op: key.0.clone(), inputs: key.1.clone(), shape, kind });
        self.known.insert(key, id);
        id
    }

    /// The nodes that `outputs` depend on, themselves included, as a mask over all nodes.
    pub fn needed(&self, outputs: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        outputs.iter().for_each(|id| needed[id.index()] = true);
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                self.nodes[index].inputs.iter().for_each(|input| needed[input.index()] = true);
            }
        }
        needed
    }

    /// All draws, in the order in which they are made.
    pub fn draws(&self) -> impl Iterator<Item = NodeId> + '_ {
        let is_draw = |(_, node): &(usize, &Node)| matches!(node.op, Op::Draw(_));
        self.nodes.iter().enumerate().filter(is_draw).map(|(index, _)| NodeId(index as u32))
    }

    /// A node as an expression in its inputs, which are printed by `name`; shared parts are written out each time, down
    /// to `depth` operations, below which stands `…`.
    pub fn print(&self, id: NodeId, depth: usize, name: &dyn Fn(usize) -> String) -> String {
        let node = self.node(id);
        match &node.op {
            Op::Input(input) => name(input.slot),
            _ if depth == 0 => "…".into(),
            op => {
                let arguments: Vec<String> =
                    node.inputs.iter().map(|&input| self.print(input, depth - 1, name)).collect();
                op.operation().print(&arguments)
            }
        }
    }

    /// Whether `outputs` depend on a draw.
    pub fn is_random(&self, outputs: &[NodeId]) -> bool {
        let needed = self.needed(outputs);
        self.nodes.iter().zip(needed).any(|(node, needed)| needed && matches!(node.op, Op::Draw(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{Binary, Unary};

    #[test]
    fn constants_without_room_stay_operations() {
        let mut graph = Graph::new();
        let [matrix, row] = [[2, 3].into(), [3].into()].map(|shape: Shape| graph.full(&shape, 2.0));
        graph.constant_elements = MOST_CONSTANT_ELEMENTS - 1;
        let transposed = graph.transpose(matrix, vec![1, 0]);
        let sum = graph.add(matrix, row);
        let power = graph.binary(Binary::POWER, sum, row).expect("the shapes broadcast");
        let sine = graph.unary(Unary::SIN, transposed);
        for node in [transposed, sum, power, sine] {
            assert!(graph.constant_value(node).is_none());
        }
        // One number still has room.
        let three = graph.scalar(3.0);
        assert!(graph.constant_value(three).is_some());
        let found = Interpreter::new(&graph).evaluate(&[power], &Values::new(), &mut []);
        assert_eq!(found[0], Tensor::full(Shape::from([2, 3]), 16.0));
    }
}
