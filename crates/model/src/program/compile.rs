//! From graph to instructions: which part a node belongs to, where its value lies, when its buffer can be reused.

use std::collections::HashMap;

use super::{Instruction, InstructionSet, Place, Program, Request, Store};
use crate::graph::{Graph, NodeId};
use crate::lanes::{Loops, Real, View};
use crate::operations::{Op, Reshape};
use crate::shape::Shape;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Prologue,
    Step,
    Log,
}

pub(super) fn compile<T: Real>(graph: &Graph, request: &Request, instruction_set: InstructionSet) -> Program<T> {
    let mut compiler = Compiler::new(graph, request);
    compiler.place_nodes();
    let wanted = request.primary.iter().map(|&id| (id, Part::Step));
    let wanted = wanted.chain(request.secondary.iter().map(|&id| (id, Part::Log)));
    let outputs: Vec<(usize, Shape)> = wanted.map(|(id, part)| compiler.output(id, part)).collect();
    compiler.reuse_buffers();
    let outputs = outputs.into_iter().map(|(buffer, shape)| (compiler.assigned[buffer], shape)).collect();
    let constants = compiler.constants.iter().map(|values| values.iter().map(|&x| T::from_f64(x)).collect()).collect();
    let of_part = |part: Part| {
        compiler.instructions.iter().filter(move |(own, _)| *own == part).map(|(_, instruction)| instruction.clone())
    };
    Program {
        constants,
        prologue: of_part(Part::Prologue).collect(),
        step: of_part(Part::Step).collect(),
        log: of_part(Part::Log).collect(),
        inputs: compiler
            .inputs
            .iter()
            .map(|&(slot, buffer)| (slot, compiler.assigned[buffer], compiler.sizes[buffer]))
            .collect(),
        outputs,
        primary: request.primary.len(),
        feedback: request.feedback.clone(),
        instruction_set,
        buffers: compiler.final_sizes,
    }
}

struct Compiler<'a> {
    graph: &'a Graph,
    parts: Vec<Option<Part>>,
    places: Vec<Option<Place>>,
    constants: Vec<Vec<f64>>,
    /// Element counts of buffers before reuse.
    sizes: Vec<usize>,
    /// Buffers that keep their contents: inputs, prologue results, outputs.
    pinned: Vec<bool>,
    inputs: Vec<(usize, usize)>,
    instructions: Vec<(Part, Instruction)>,
    /// Final buffer of each buffer, and the final sizes.
    assigned: Vec<usize>,
    final_sizes: Vec<usize>,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph, request: &Request) -> Self {
        Self {
            graph,
            parts: parts(graph, request),
            places: vec![None; graph.nodes().len()],
            constants: Vec::new(),
            sizes: Vec::new(),
            pinned: Vec::new(),
            inputs: Vec::new(),
            instructions: Vec::new(),
            assigned: Vec::new(),
            final_sizes: Vec::new(),
        }
    }

    fn buffer(&mut self, size: usize, pinned: bool) -> usize {
        self.sizes.push(size);
        self.pinned.push(pinned);
        self.sizes.len() - 1
    }

    fn place_nodes(&mut self) {
        for index in 0..self.graph.nodes().len() {
            let Some(part) = self.parts[index] else { continue };
            let place = self.place(index, part);
            self.places[index] = Some(place);
        }
        // Parts run one after the other; within a part the graph's order stands.
        self.instructions.sort_by_key(|(part, _)| *part);
    }

    fn place(&mut self, index: usize, part: Part) -> Place {
        let node = &self.graph.nodes()[index];
        match &node.op {
            Op::Constant(literal) => return self.constant(&literal.tensor().values, &node.shape),
            Op::Input(input) => {
                let buffer = self.buffer(node.shape.count(), true);
                self.inputs.push((input.slot, buffer));
                return Place { store: Store::Buffer(buffer), view: View::contiguous(&node.shape) };
            }
            _ => {}
        }
        let inputs: Vec<Place> = node
            .inputs
            .iter()
            .map(|id| self.places[id.index()].clone().expect("inputs of a needed node are placed before it"))
            .collect();
        if let Some(view) = inputs.first().and_then(|input| node.op.operation().view(&input.view)) {
            return Place { store: inputs[0].store, view };
        }
        let output = self.buffer(node.shape.count(), part == Part::Prologue);
        self.emit(part, node.op.clone(), inputs, output, node.shape.clone());
        Place { store: Store::Buffer(output), view: View::contiguous(&node.shape) }
    }

    fn emit(&mut self, part: Part, op: Op, inputs: Vec<Place>, output: usize, shape: Shape) {
        let loops = match &op {
            // These walk their operands themselves.
            Op::Draw(_) | Op::Matmul(_) | Op::Concatenate(_) | Op::Gather(_) | Op::Scatter(_) | Op::Project(_) => {
                Loops::elementwise(&shape, &[])
            }
            _ => op.operation().loops(&shape, &inputs.iter().map(|input| &input.view).collect::<Vec<_>>()),
        };
        self.instructions.push((part, Instruction { op, inputs, output, shape, loops }));
    }

    fn constant(&mut self, values: &[f64], shape: &Shape) -> Place {
        let repeated = values.first().is_some_and(|first| values.iter().all(|x| x.to_bits() == first.to_bits()));
        let (stored, view) = if repeated {
            (vec![values[0]], View::repeated(shape))
        } else {
            (values.to_vec(), View::contiguous(shape))
        };
        self.constants.push(stored);
        Place { store: Store::Constant(self.constants.len() - 1), view }
    }

    /// A buffer of its own that holds an output in row-major order.
    fn output(&mut self, id: NodeId, part: Part) -> (usize, Shape) {
        let place = self.places[id.index()].clone().expect("outputs are needed, and every needed node is placed");
        let shape = self.graph.shape(id).clone();
        if let (Store::Buffer(buffer), true) = (place.store, place.view.is_contiguous()) {
            let own = self.sizes[buffer] == shape.count() && !self.pinned[buffer];
            if own {
                self.pinned[buffer] = true;
                return (buffer, shape);
            }
        }
        let buffer = self.buffer(shape.count(), true);
        self.emit(part, Op::Reshape(Reshape { shape: shape.clone() }), vec![place], buffer, shape.clone());
        (buffer, shape)
    }

    /// Gives buffers whose last reader is done to later instructions.
    fn reuse_buffers(&mut self) {
        // Copies of primary outputs were emitted after the log's instructions.
        self.instructions.sort_by_key(|(part, _)| *part);
        let mut last_use: HashMap<usize, usize> = HashMap::new();
        for (time, (_, instruction)) in self.instructions.iter().enumerate() {
            for place in &instruction.inputs {
                if let Store::Buffer(buffer) = place.store {
                    last_use.insert(buffer, time);
                }
            }
        }
        self.assigned = vec![usize::MAX; self.sizes.len()];
        for buffer in (0..self.sizes.len()).filter(|&buffer| self.pinned[buffer]) {
            self.assigned[buffer] = self.final_sizes.len();
            self.final_sizes.push(self.sizes[buffer]);
        }
        let mut free: Vec<usize> = Vec::new();
        for time in 0..self.instructions.len() {
            let output = self.instructions[time].1.output;
            if self.assigned[output] == usize::MAX {
                self.assigned[output] = self.take_free(&mut free, self.sizes[output]);
            }
            let inputs = self.instructions[time].1.inputs.iter().filter_map(|place| match place.store {
                Store::Buffer(buffer) => Some(buffer),
                Store::Constant(_) => None,
            });
            let mut done: Vec<usize> =
                inputs.filter(|buffer| last_use[buffer] == time && !self.pinned[*buffer]).collect();
            // A result that nobody reads (a draw that is made only to keep streams in step) is free at once.
            done.extend((!last_use.contains_key(&output) && !self.pinned[output]).then_some(output));
            done.sort_unstable();
            done.dedup();
            free.extend(done.into_iter().map(|buffer| self.assigned[buffer]));
        }
        for (_, instruction) in &mut self.instructions {
            instruction.output = self.assigned[instruction.output];
            for place in &mut instruction.inputs {
                if let Store::Buffer(buffer) = &mut place.store {
                    *buffer = self.assigned[*buffer];
                }
            }
        }
    }

    fn take_free(&mut self, free: &mut Vec<usize>, size: usize) -> usize {
        let fitting = free.iter().enumerate().filter(|(_, buffer)| self.final_sizes[**buffer] == size);
        match fitting.map(|(place, _)| place).next_back() {
            Some(place) => free.swap_remove(place),
            None => {
                self.final_sizes.push(size);
                self.final_sizes.len() - 1
            }
        }
    }
}

/// The part that each needed node belongs to.
fn parts(graph: &Graph, request: &Request) -> Vec<Option<Part>> {
    let draws: Vec<NodeId> = graph.draws().filter(|_| !request.only_needed_draws).collect();
    let in_step = graph.needed(&[request.primary.as_slice(), &draws].concat());
    let in_log = graph.needed(&request.secondary);
    let mut fixed = vec![false; graph.nodes().len()];
    for (index, node) in graph.nodes().iter().enumerate() {
        fixed[index] = match &node.op {
            Op::Input(input) => request.fixed.contains(&input.slot),
            Op::Draw(_) => false,
            _ => node.inputs.iter().all(|input| fixed[input.index()]),
        };
    }
    (0..graph.nodes().len())
        .map(|index| match (in_step[index], in_log[index]) {
            (false, false) => None,
            _ if fixed[index] => Some(Part::Prologue),
            (true, _) => Some(Part::Step),
            (false, true) => Some(Part::Log),
        })
        .collect()
}
