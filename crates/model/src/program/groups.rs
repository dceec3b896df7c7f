//! Which nodes become one instruction.
//!
//! A group is an element-wise node, its root, and the element-wise nodes (at most one matrix product among them) that
//! nobody outside of the group reads while the step runs. Nodes are visited from the last to the first, so that all
//! readers of a node have their group when the node is visited: if they are all of one group the node joins it, else
//! it is the root of a group of its own. Readers that only run later (the log) do not hinder: what they read is
//! written by the way.

use super::parts::Part;
use crate::graph::{Graph, Node, NodeId};
use crate::lanes::View;
use crate::operations::Op;

/// Nodes of a group at most: its micro-operations are made by recursion.
const MOST_NODES: usize = 64;

/// The groups of a graph.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// For each element-wise node and each product, the root of its group.
    root: Vec<Option<usize>>,
    /// Whether a node that is not a root has to be written nevertheless.
    written: Vec<bool>,
}

impl Groups {
    /// The root of a node's group.
    pub fn root(&self, index: usize) -> Option<usize> {
        self.root[index]
    }

    /// Whether the node is computed inside of another node's group.
    pub fn is_inner(&self, index: usize) -> bool {
        self.root[index].is_some_and(|root| root != index)
    }

    /// Whether an inner node's value is read later.
    pub fn is_written(&self, index: usize) -> bool {
        self.written[index]
    }

    /// Finds the groups; without `fuse` every node stands alone.
    pub fn find(graph: &Graph, parts: &[Option<Part>], outputs: &[NodeId], fuse: bool) -> Self {
        let count = graph.nodes().len();
        let mut finder = Finder {
            graph,
            parts,
            readers: readers(graph, parts),
            wanted: vec![false; count],
            sizes: vec![0; count],
            has_product: vec![false; count],
            groups: Self { root: vec![None; count], written: vec![false; count] },
        };
        outputs.iter().for_each(|id| finder.wanted[id.index()] = true);
        for index in (0..count).rev().filter(|&index| parts[index].is_some()) {
            if is_element_wise(&graph.nodes()[index].op) || matches!(graph.nodes()[index].op, Op::Matmul(_)) {
                finder.place(index, fuse);
            }
        }
        finder.groups
    }
}

/// Whether an operation acts on every element for itself.
pub(super) fn is_element_wise(op: &Op) -> bool {
    matches!(op, Op::Unary(_) | Op::Binary(_) | Op::Select(_))
}

/// Whether a node is its input's elements in the same order.
pub(super) fn keeps_order(graph: &Graph, node: &Node) -> bool {
    let Some(&input) = node.inputs.first() else { return false };
    let shape = graph.shape(input);
    let view = node.op.operation().view(&View::contiguous(shape));
    shape.count() == node.shape.count() && view.is_some_and(|view| view.is_contiguous())
}

fn readers(graph: &Graph, parts: &[Option<Part>]) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); graph.nodes().len()];
    for (index, node) in graph.nodes().iter().enumerate().filter(|(index, _)| parts[*index].is_some()) {
        node.inputs.iter().for_each(|input| readers[input.index()].push(index));
    }
    readers
}

struct Finder<'a> {
    graph: &'a Graph,
    parts: &'a [Option<Part>],
    readers: Vec<Vec<usize>>,
    wanted: Vec<bool>,
    sizes: Vec<usize>,
    has_product: Vec<bool>,
    groups: Groups,
}

/// Who reads a node.
#[derive(Default)]
struct Reading {
    /// Roots of the groups that read it in its own part, element by element.
    roots: Vec<usize>,
    /// Whether something else reads it in its own part.
    otherwise: bool,
    /// Whether it is read after its part is done.
    later: bool,
}

impl Finder<'_> {
    fn place(&mut self, index: usize, fuse: bool) {
        let mut reading = Reading::default();
        self.collect(index, index, &mut reading);
        let is_product = matches!(self.graph.nodes()[index].op, Op::Matmul(_));
        let joined = reading.roots.first().copied().filter(|&root| {
            fuse && !reading.otherwise
                && reading.roots.iter().all(|other| *other == root)
                && self.sizes[root] < MOST_NODES
                && !(is_product && self.has_product[root])
        });
        let root = joined.unwrap_or(index);
        self.groups.root[index] = Some(root);
        self.groups.written[index] = root != index && reading.later;
        self.sizes[root] += 1;
        self.has_product[root] |= is_product;
    }

    /// Readers of `node`, of which `index` is the elements in the same order.
    fn collect(&self, node: usize, index: usize, reading: &mut Reading) {
        reading.later |= self.wanted[index];
        for &reader in &self.readers[index] {
            let other = &self.graph.nodes()[reader];
            if self.parts[reader] > self.parts[node] {
                reading.later = true;
            } else if is_element_wise(&other.op) {
                reading.roots.push(self.groups.root[reader].expect("readers are visited before what they read"));
            } else if keeps_order(self.graph, other) {
                self.collect(node, reader, reading);
            } else {
                reading.otherwise = true;
            }
        }
    }
}
