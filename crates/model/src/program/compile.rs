//! From graph to instructions: where values lie, and which kernel computes them.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::groups::{Groups, is_element_wise};
use super::linearize::{Places, linearize};
use super::parts::{Part, parts};
use super::reuse::assign_buffers;
use super::work::{Instruction, Normals, Operated, Work};
use super::{InstructionSet, Place, Program, Request, Store};
use crate::graph::{Graph, NodeId};
use crate::lanes::{
    Action, Epilogue, Factor, FactorPlace, Fused, Kernel, LANES, Loops, Micro, Packed, Product, Real, Source, TILE,
    View,
};
use crate::operations::{Binary, Distribution, Draw, Op, Purpose, Reshape, Unary};
use crate::shape::Shape;

pub(super) fn compile<T: Real>(graph: &Graph, request: &Request, instruction_set: InstructionSet) -> Program<T> {
    let mut compiler = Compiler::new(graph, request);
    compiler.place_nodes();
    let wanted = request.primary.iter().map(|&id| (id, Part::Step));
    let wanted = wanted.chain(request.secondary.iter().map(|&id| (id, Part::Log)));
    let outputs: Vec<(usize, Shape)> = wanted.map(|(id, part)| compiler.output(id, part)).collect();
    let Compiler { constants, mut buffers, inputs, mut instructions, .. } = compiler;
    // Parts run one after the other; within a part the order in which instructions were made stands.
    instructions.sort_by_key(|(part, _)| *part);
    let sizes = assign_buffers(&mut instructions, &mut buffers, request.passes.reuse);
    let mut of_part = [Vec::new(), Vec::new(), Vec::new()];
    for (part, instruction) in instructions {
        instruction.check(&sizes, &constants);
        of_part[part as usize].push(instruction);
    }
    let [prologue, step, log] = of_part;
    Program {
        nodes: graph.nodes().len(),
        constants,
        prologue,
        step,
        log,
        inputs: inputs.into_iter().map(|(slot, buffer)| (slot, buffers.assigned[buffer])).collect(),
        outputs: outputs.into_iter().map(|(buffer, shape)| (buffers.assigned[buffer], shape)).collect(),
        primary: request.primary.len(),
        feedback: request.feedback.clone(),
        instruction_set,
        buffers: sizes.into(),
    }
}

/// Buffers before reuse.
#[derive(Default)]
pub(super) struct Buffers {
    /// Chunks of each.
    pub sizes: Vec<usize>,
    /// Buffers that keep their contents: inputs, prologue results, outputs, and what instructions scribble on.
    pub pinned: Vec<bool>,
    /// The final buffer of each.
    pub assigned: Vec<usize>,
}

impl Buffers {
    pub fn make(&mut self, size: usize, pinned: bool) -> usize {
        self.sizes.push(size);
        self.pinned.push(pinned);
        self.sizes.len() - 1
    }
}

pub(super) struct Compiler<'a, T> {
    pub graph: &'a Graph,
    fuse: bool,
    products: bool,
    pub rows: bool,
    pub parts: Vec<Option<Part>>,
    groups: Rc<Groups>,
    places: Vec<Option<Place>>,
    constants: Vec<Vec<T>>,
    pub buffers: Buffers,
    inputs: Vec<(usize, usize)>,
    pub instructions: Vec<(Part, Instruction<T>)>,
    /// Packed matrices, by what they were made from: buffer, offset, strides, sizes.
    pub packed: HashMap<[usize; 6], Packed>,
    /// Where products along rows keep two vectors.
    pub vectors: Option<usize>,
    /// Where products leave rows for the machine, and the machine its tiles.
    strip: Option<usize>,
    tiles: Option<usize>,
}

impl<'a, T: Real> Compiler<'a, T> {
    fn new(graph: &'a Graph, request: &Request) -> Self {
        let parts = parts(graph, request);
        let outputs = [request.primary.as_slice(), &request.secondary].concat();
        let groups = Groups::find(graph, &parts, &outputs, request.passes.fuse);
        Self {
            graph,
            fuse: request.passes.fuse,
            products: request.passes.products,
            rows: request.passes.rows,
            parts,
            groups: Rc::new(groups),
            places: vec![None; graph.nodes().len()],
            constants: Vec::new(),
            buffers: Buffers::default(),
            inputs: Vec::new(),
            instructions: Vec::new(),
            packed: HashMap::new(),
            vectors: None,
            strip: None,
            tiles: None,
        }
    }

    /// Part by part: a later part may read what a group of an earlier one writes by the way, wherever its root stands.
    fn place_nodes(&mut self) {
        for part in [Part::Prologue, Part::Step, Part::Log] {
            for index in 0..self.graph.nodes().len() {
                if self.parts[index] == Some(part) && !self.groups.is_inner(index) {
                    self.places[index] = self.place(index, part);
                }
            }
        }
    }

    /// Emits what computes a node; `None` for a view of an inner node, which is looked up when somebody asks.
    fn place(&mut self, index: usize, part: Part) -> Option<Place> {
        let node = &self.graph.nodes()[index];
        match &node.op {
            Op::Constant(literal) => return Some(self.constant(&literal.tensor().values, &node.shape)),
            Op::Input(input) => {
                let buffer = self.buffers.make(node.shape.count(), true);
                self.inputs.push((input.slot, buffer));
                return Some(Place { store: Store::Buffer(buffer), view: View::contiguous(&node.shape) });
            }
            _ => {}
        }
        let grouped = is_element_wise(&node.op) || matches!(node.op, Op::Matmul(_));
        if !grouped && let Some(&first) = node.inputs.first() {
            if self.is_viewable(index) && self.known_place(first).is_none() {
                return None;
            }
            let input = self.input_place(first);
            if let Some(view) = node.op.operation().view(&input.view) {
                return Some(Place { store: input.store, view });
            }
        }
        let output = self.buffers.make(node.shape.count(), part == Part::Prologue);
        if grouped && self.fuse && node.shape.count() > 0 {
            self.emit_group(index, part, output);
        } else if let Some(product) = self.along_rows(index) {
            self.emit_along_rows(product, part, None, output);
        } else if matches!(node.op, Op::Matmul(_)) && self.products && node.shape.count() > 0 {
            match self.product(index, output, Epilogue::None) {
                Some(product) => self.push(part, Work::Product(product), output),
                None => self.operate(index, part, output),
            }
        } else {
            self.operate(index, part, output);
        }
        Some(Place { store: Store::Buffer(output), view: View::contiguous(&node.shape) })
    }

    /// Whether a node can be a view of storage in order.
    fn is_viewable(&self, index: usize) -> bool {
        let node = &self.graph.nodes()[index];
        node.op.operation().view(&View::contiguous(self.graph.shape(node.inputs[0]))).is_some()
    }

    /// Where a node's value lies, if it is placed: views of values that a group writes by the way are looked up.
    fn known_place(&self, id: NodeId) -> Option<Place> {
        if let Some(place) = &self.places[id.index()] {
            return Some(place.clone());
        }
        let node = self.graph.node(id);
        if is_element_wise(&node.op) {
            return None;
        }
        let input = self.known_place(*node.inputs.first()?)?;
        let view = node.op.operation().view(&input.view)?;
        Some(Place { store: input.store, view })
    }

    pub(super) fn input_place(&self, id: NodeId) -> Place {
        self.known_place(id).expect("what an instruction reads is placed before it")
    }

    fn operate(&mut self, index: usize, part: Part, output: usize) {
        let node = &self.graph.nodes()[index];
        if let Op::Draw(Draw { distribution: Distribution::Normal, purpose, .. }) = node.op {
            return self.draw_normals(part, purpose, output, node.shape.count());
        }
        let inputs: Vec<Place> = node.inputs.iter().map(|&id| self.input_place(id)).collect();
        self.emit_operation(part, node.op.clone(), inputs, output, node.shape.clone());
    }

    /// Draws that follow each other are one instruction: where a stream's state is loaded counts with small draws.
    fn draw_normals(&mut self, part: Part, purpose: Purpose, output: usize, count: usize) {
        if self.fuse
            && let Some((_, instruction)) = self.instructions.iter_mut().rev().find(|(other, _)| *other == part)
            && let Work::Normals(normals) = &mut instruction.work
            && normals.purpose == purpose
        {
            normals.outputs.push(output);
            normals.counts.push(count);
            return;
        }
        let normals = Normals { purpose, outputs: smallvec![output], counts: smallvec![count] };
        self.push(part, Work::Normals(normals), output);
    }

    fn emit_operation(&mut self, part: Part, op: Op, inputs: Vec<Place>, output: usize, shape: Shape) {
        let loops = match &op {
            // These walk their operands themselves.
            Op::Draw(_)
            | Op::Matmul(_)
            | Op::Concatenate(_)
            | Op::Gather(_)
            | Op::Scatter(_)
            | Op::Project(_)
            | Op::LeastNorm(_)
            | Op::Decomposition(_) => Loops::elementwise(&shape, &[]),
            _ => op.operation().loops(&shape, &inputs.iter().map(|input| &input.view).collect::<Vec<_>>()),
        };
        self.push(part, Work::Operation(Operated { op, inputs, shape, loops }), output);
    }

    pub(super) fn push(&mut self, part: Part, work: Work<T>, output: usize) {
        self.instructions.push((part, Instruction { work, output }));
    }

    fn constant(&mut self, values: &[f64], shape: &Shape) -> Place {
        let repeated = values.first().is_some_and(|first| values.iter().all(|x| x.to_bits() == first.to_bits()));
        let (stored, view) = if repeated {
            (vec![T::from_f64(values[0])], View::repeated(shape))
        } else {
            (values.iter().map(|&x| T::from_f64(x)).collect(), View::contiguous(shape))
        };
        self.constants.push(stored);
        Place { store: Store::Constant(self.constants.len() - 1), view }
    }

    fn emit_group(&mut self, root: usize, part: Part, output: usize) {
        let tiles = *self.tiles.get_or_insert_with(|| self.buffers.make(0, true));
        let strip = *self.strip.get_or_insert_with(|| self.buffers.make(0, true));
        let (graph, mut written) = (self.graph, HashMap::new());
        let product = (0..=root)
            .rev()
            .find(|&index| self.groups.root(index) == Some(root) && matches!(graph.nodes()[index].op, Op::Matmul(_)));
        for index in (0..root).filter(|&index| self.groups.root(index) == Some(root)) {
            if self.groups.is_written(index) {
                let shape = &graph.nodes()[index].shape;
                let buffer = self.buffers.make(shape.count(), part == Part::Prologue);
                written.insert(index, buffer);
            }
        }
        let groups = self.groups.clone();
        let mut leaves = Leaves { compiler: self, written: &written, tiles, strip };
        let (micros, slots) = linearize(graph, &groups, root, product, &mut leaves);
        for (&index, &buffer) in &written {
            let view = View::contiguous(&graph.nodes()[index].shape);
            self.places[index] = Some(Place { store: Store::Buffer(buffer), view });
        }
        self.buffers.sizes[tiles] = self.buffers.sizes[tiles].max(slots * TILE);
        let count = graph.nodes()[root].shape.count();
        let unit = product.map_or(count, |product| graph.nodes()[product].shape.0.last().copied().unwrap_or(1));
        let group = Fused::new(micros, output, count, unit);
        let Some(product) = product else { return self.push(part, Work::Fused(group), output) };
        if let Some(along_rows) = self.along_rows(product) {
            let epilogue = self.epilogue(group.clone(), product, strip);
            return self.emit_along_rows(along_rows, part, Some((group, epilogue)), output);
        }
        let epilogue = self.epilogue(group, product, strip);
        match self.product(product, output, epilogue) {
            Some(product) => {
                if matches!(product.epilogue, Epilogue::Group { .. }) {
                    let rows = product.kernel.strip_rows().min(product.n);
                    self.buffers.sizes[strip] = self.buffers.sizes[strip].max(rows * product.m);
                }
                self.push(part, Work::Product(product), output);
            }
            None => unreachable!("a product of two constants is folded, or refused by the bound on constants"),
        }
    }

    /// What follows a product, as simply as possible.
    fn epilogue(&self, group: Fused<T>, product: usize, strip: usize) -> Epilogue<T> {
        let shape = &self.graph.nodes()[product].shape.0;
        let columns = shape[shape.len() - 1];
        let plain =
            |micro: &Micro<T>| matches!((&micro.operand, &micro.action), (Some(Source::Strip { .. }), Action::Load));
        match group.micros.as_slice() {
            [first] if plain(first) => Epilogue::None,
            [first, Micro { action: Action::Unary(Unary::RELU), .. }] if plain(first) => Epilogue::Rectify,
            [first, Micro { action: Action::KeepPositive, operand: Some(Source::Stream { buffer, offset }) }]
                if plain(first) =>
            {
                Epilogue::Gate(beside(*buffer, *offset, columns))
            }
            micros => match affine(micros, columns) {
                Some((scale, addends)) => Epilogue::Scale { scale, addends },
                None => Epilogue::Group { group, strip },
            },
        }
    }

    /// The product of a node, if one of its factors lies in lanes.
    fn product(&self, index: usize, output: usize, epilogue: Epilogue<T>) -> Option<Product<T>> {
        let node = &self.graph.nodes()[index];
        let places = [self.input_place(node.inputs[0]), self.input_place(node.inputs[1])];
        let rank = node.shape.rank();
        let [(left, left_lead), (right, right_lead)] = places.map(|place| factor(&place, rank));
        let shared = |factor: &Factor| matches!(factor.place, FactorPlace::Shared { .. });
        if shared(&left) && shared(&right) {
            return None;
        }
        let (n, m) = (node.shape.0[rank - 2], node.shape.0[rank - 1]);
        let inputs = &self.graph.shape(node.inputs[0]).0;
        let k = inputs[rank - 1];
        let items = left_lead.into_iter().zip(right_lead).map(|(left, right)| [left, right]).collect();
        let kernel = Kernel::choose(n, k, m, shared(&left), shared(&right));
        Some(Product { n, k, m, left, right, items, output, kernel, epilogue })
    }

    /// A buffer of its own that holds an output in row-major order.
    fn output(&mut self, id: NodeId, part: Part) -> (usize, Shape) {
        let place = self.input_place(id);
        let shape = self.graph.shape(id).clone();
        if let (Store::Buffer(buffer), true) = (place.store, place.view.is_contiguous()) {
            let own = self.buffers.sizes[buffer] == shape.count() && !self.buffers.pinned[buffer];
            if own {
                self.buffers.pinned[buffer] = true;
                return (buffer, shape);
            }
        }
        let buffer = self.buffers.make(shape.count(), true);
        self.emit_operation(part, Op::Reshape(Reshape { shape: shape.clone() }), vec![place], buffer, shape.clone());
        (buffer, shape)
    }

    /// A place as an operand of the accumulator machine.
    fn source(&mut self, place: &Place) -> Source<T> {
        let count = place.view.shape.count();
        let offsets = || place.view.offsets();
        match place.store {
            Store::Constant(constant) => {
                let numbers: Vec<T> = offsets().into_iter().map(|at| self.constants[constant][at]).collect();
                let same = numbers.iter().all(|x| x.to_f64().to_bits() == numbers[0].to_f64().to_bits());
                if same {
                    return Source::Number(numbers[0]);
                }
                if place.view.is_contiguous() && count == self.constants[constant].len() {
                    return Source::Constant { constant };
                }
                self.constants.push(numbers);
                Source::Constant { constant: self.constants.len() - 1 }
            }
            Store::Buffer(buffer) => {
                let shifted = View { offset: 0, ..place.view.clone() };
                let offset = place.view.offset * LANES;
                if shifted.is_contiguous() {
                    Source::Stream { buffer, offset }
                } else if place
                    .view
                    .strides
                    .iter()
                    .zip(&place.view.shape.0)
                    .all(|(stride, size)| *stride == 0 || *size == 1)
                {
                    Source::Chunk { buffer, offset }
                } else {
                    let table: Arc<[usize]> = offsets().into();
                    Source::Table { buffer, table }
                }
            }
        }
    }
}

struct Leaves<'c, 'a, T> {
    compiler: &'c mut Compiler<'a, T>,
    written: &'c HashMap<usize, usize>,
    tiles: usize,
    strip: usize,
}

impl<T: Real> Places<T> for Leaves<'_, '_, T> {
    fn leaf(&mut self, id: NodeId) -> Source<T> {
        let place = self.compiler.input_place(id);
        self.compiler.source(&place)
    }

    fn written(&mut self, index: usize) -> usize {
        self.written[&index]
    }

    fn tiles(&self) -> usize {
        self.tiles
    }

    fn strip(&self) -> usize {
        self.strip
    }
}

/// A place as a factor of products, and where each product of the stack starts.
fn factor(place: &Place, rank: usize) -> (Factor, Vec<usize>) {
    let (unit, place_of) = match place.store {
        Store::Buffer(buffer) => (LANES, FactorPlace::Lanes { buffer }),
        Store::Constant(constant) => (1, FactorPlace::Shared { constant }),
    };
    let view = &place.view;
    let lead =
        View { offset: 0, shape: Shape(view.shape.0[..rank - 2].to_vec()), strides: view.strides[..rank - 2].to_vec() };
    let factor = Factor {
        place: place_of,
        offset: view.offset * unit,
        row: view.strides[rank - 2] * unit,
        column: view.strides[rank - 1] * unit,
    };
    (factor, lead.offsets().into_iter().map(|at| at * unit).collect())
}

/// A matrix in row-major order as an operand beside a product.
fn beside(buffer: usize, offset: usize, columns: usize) -> Factor {
    Factor { place: FactorPlace::Lanes { buffer }, offset, row: columns * LANES, column: LANES }
}

/// Operands added to a product, each with its factor.
type Addends<T> = SmallVec<[(Factor, T); 2]>;

/// Micro-operations as x ↦ scale·x + Σ factor·addend with at most two addends, if that is what they do to a product x.
fn affine<T: Real>(micros: &[Micro<T>], columns: usize) -> Option<(T, Addends<T>)> {
    let (mut scale, mut addends, mut vanished) = (0.0, SmallVec::<[(Factor, f64); 2]>::new(), false);
    for micro in micros {
        // accumulators ← kept · accumulators + added · operand
        let (kept, added) = match (&micro.action, &micro.operand) {
            (Action::Load, _) => (0.0, 1.0),
            (Action::Unary(Unary::NEGATE), _) => (-1.0, 0.0),
            (Action::Binary(Binary::MULTIPLY) | Action::Reversed(Binary::MULTIPLY), Some(Source::Number(c))) => {
                (c.to_f64(), 0.0)
            }
            (Action::Binary(Binary::DIVIDE), Some(Source::Number(c))) => (1.0 / c.to_f64(), 0.0),
            (Action::Binary(Binary::ADD) | Action::Reversed(Binary::ADD), _) => (1.0, 1.0),
            (Action::Binary(Binary::SUBTRACT), _) => (1.0, -1.0),
            (Action::Reversed(Binary::SUBTRACT), _) => (-1.0, 1.0),
            (Action::AddScaled(factor), _) => (1.0, factor.to_f64()),
            _ => return None,
        };
        scale *= kept;
        vanished |= kept == 0.0 && !matches!(micro.action, Action::Load);
        addends.iter_mut().for_each(|(_, factor)| *factor *= kept);
        match &micro.operand {
            Some(Source::Strip { .. }) => scale += added,
            Some(Source::Stream { buffer, offset }) if addends.len() < 2 => {
                addends.push((beside(*buffer, *offset, columns), added));
            }
            _ if added != 0.0 => return None,
            _ => {}
        }
    }
    // Factors outside the run's precision are left to one operation after the other, which may bring the product back into it.
    let fits = |factor: f64| (T::from_f64(factor).to_f64() - factor).abs() <= 1e-6 * factor.abs();
    if !fits(scale) || !addends.iter().all(|(_, factor)| fits(*factor)) || vanished {
        return None;
    }
    let addends = addends.into_iter().map(|(place, factor)| (place, T::from_f64(factor))).collect();
    Some((T::from_f64(scale), addends))
}
