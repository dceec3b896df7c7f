//! Instructions: what they read and write, whether they stay within their buffers, and what they cost.

use super::{Place, Store};
use crate::lanes::{
    Action, Epilogue, Factor, FactorPlace, Fused, LANES, Loops, Micro, Pack, Product, Real, Rows, Source, Strided,
};
use crate::operations::{Op, Purpose};
use crate::shape::Shape;
use smallvec::SmallVec;

/// An operation that runs by itself.
#[derive(Clone, Debug)]
pub(crate) struct Operated {
    pub op: Op,
    pub inputs: Vec<Place>,
    pub shape: Shape,
    pub loops: Loops,
}

/// Normal draws of one purpose.
#[derive(Clone, Debug)]
pub(crate) struct Normals {
    pub purpose: Purpose,
    /// The buffers that are filled; the instruction's output is the first.
    pub outputs: SmallVec<[usize; 2]>,
    /// Elements of each.
    pub counts: SmallVec<[usize; 2]>,
}

/// What an instruction does.
#[derive(Clone, Debug)]
pub(crate) enum Work<T> {
    /// A kernel of its own.
    Operation(Operated),
    /// Normal draws of one purpose, one after the other.
    Normals(Normals),
    /// Element-wise operations in one pass.
    Fused(Fused<T>),
    /// A stack of matrix products, and what follows them.
    Product(Product<T>),
    /// A matrix, seed after seed.
    Pack(Pack),
    /// Products along the rows of such a matrix.
    Rows(Rows<T>),
}

/// One instruction of a program.
#[derive(Clone, Debug)]
pub(crate) struct Instruction<T> {
    pub work: Work<T>,
    /// The buffer of its main result.
    pub output: usize,
}

/// How a buffer is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl<T: Real> Instruction<T> {
    /// Calls `visit` with every buffer that the instruction names, which may rename it.
    pub fn visit_buffers(&mut self, visit: &mut dyn FnMut(&mut usize, Access)) {
        visit(&mut self.output, Access::Write);
        match &mut self.work {
            Work::Operation(operated) => {
                for place in &mut operated.inputs {
                    if let Store::Buffer(buffer) = &mut place.store {
                        visit(buffer, Access::Read);
                    }
                }
            }
            Work::Normals(normals) => normals.outputs.iter_mut().for_each(|output| visit(output, Access::Write)),
            Work::Fused(fused) => visit_fused(fused, visit),
            Work::Pack(pack) => {
                visit(&mut pack.source.buffer, Access::Read);
                visit(&mut pack.packed.buffer, Access::Write);
            }
            Work::Rows(rows) => visit_rows(rows, visit),
            Work::Product(product) => {
                visit(&mut product.output, Access::Write);
                visit_factor(&mut product.left, visit);
                visit_factor(&mut product.right, visit);
                match &mut product.epilogue {
                    Epilogue::Gate(operand) => visit_factor(operand, visit),
                    Epilogue::Scale { addends, .. } => {
                        addends.iter_mut().for_each(|(addend, _)| visit_factor(addend, visit));
                    }
                    Epilogue::Group { group, strip } => {
                        visit(strip, Access::Read);
                        visit_fused(group, visit);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Proves the invariants of the lanes' memory for this instruction: every place within its buffer, nothing written
    /// that is read.
    ///
    /// # Panics
    /// Where that fails: the compiler is wrong.
    pub fn check(&self, sizes: &[usize], constants: &[Vec<T>]) {
        let (mut read, mut written) = (Vec::new(), Vec::new());
        self.clone().visit_buffers(&mut |buffer, access| match access {
            Access::Read => read.push(*buffer),
            Access::Write => written.push(*buffer),
        });
        assert!(written.iter().all(|buffer| !read.contains(buffer)), "an instruction never writes what it reads");
        match &self.work {
            Work::Operation(_) => {}
            Work::Normals(normals) => {
                let inside =
                    normals.outputs.iter().zip(&normals.counts).all(|(&output, &count)| sizes[output] == count);
                assert!(inside, "draws fill their buffers");
            }
            Work::Fused(fused) => check_fused(fused, sizes, constants),
            Work::Pack(pack) => check_pack(pack, sizes),
            Work::Rows(rows) => check_rows(rows, sizes),
            Work::Product(product) => check_product(product, sizes, constants),
        }
    }

    /// Additions and multiplications of one lane, each counted as one; functions count as one.
    pub fn flops(&self) -> u64 {
        match &self.work {
            Work::Operation(operated) => operation_flops(operated),
            Work::Normals(_) | Work::Pack(_) => 0,
            Work::Rows(rows) => rows_flops(rows),
            Work::Fused(fused) => fused_flops(fused),
            Work::Product(product) => {
                let outputs = (product.items.len() * product.n * product.m) as u64;
                let after = match &product.epilogue {
                    Epilogue::None => 0,
                    Epilogue::Rectify | Epilogue::Gate(_) => outputs,
                    Epilogue::Scale { addends, .. } => (2 * addends.len()).max(1) as u64 * outputs,
                    Epilogue::Group { group, .. } => fused_flops(group),
                };
                2 * outputs * product.k as u64 + after
            }
        }
    }
}

fn visit_fused<T>(fused: &mut Fused<T>, visit: &mut dyn FnMut(&mut usize, Access)) {
    visit(&mut fused.output, Access::Write);
    for micro in &mut fused.micros {
        micro.operand.iter_mut().for_each(|source| visit_source(source, visit));
        match &mut micro.action {
            // Tiles are written before they are read, by the same instruction: they count as read.
            Action::Keep { buffer, .. } | Action::Select { buffer, .. } => visit(buffer, Access::Read),
            Action::Store { buffer } => visit(buffer, Access::Write),
            _ => {}
        }
    }
}

fn visit_source<T>(source: &mut Source<T>, visit: &mut dyn FnMut(&mut usize, Access)) {
    match source {
        Source::Stream { buffer, .. }
        | Source::Chunk { buffer, .. }
        | Source::Grid { buffer, .. }
        | Source::Table { buffer, .. }
        | Source::Tile { buffer, .. }
        | Source::Strip { buffer } => visit(buffer, Access::Read),
        Source::Constant { .. } | Source::Number(_) => {}
    }
}

fn visit_factor(factor: &mut Factor, visit: &mut dyn FnMut(&mut usize, Access)) {
    if let FactorPlace::Lanes { buffer } = &mut factor.place {
        visit(buffer, Access::Read);
    }
}

fn visit_rows<T>(rows: &mut Rows<T>, visit: &mut dyn FnMut(&mut usize, Access)) {
    visit(&mut rows.matrix.buffer, Access::Read);
    visit(&mut rows.scratch, Access::Read);
    if let Some(forward) = &mut rows.forward {
        visit(&mut forward.vector.buffer, Access::Read);
        forward.addends.iter_mut().for_each(|(addend, _)| visit(&mut addend.buffer, Access::Read));
        visit(&mut forward.output, Access::Write);
    }
    if let Some(backward) = &mut rows.backward {
        // Where there is a forward product its output is what goes backward: written before it is read.
        let access = if rows.forward.is_some() { Access::Write } else { Access::Read };
        visit(&mut backward.vector.buffer, access);
        visit(&mut backward.output, Access::Write);
    }
}

fn within(vector: &Strided, count: usize, sizes: &[usize]) -> bool {
    vector.offset + count.saturating_sub(1) * vector.step + LANES <= sizes[vector.buffer] * LANES
}

fn check_pack(pack: &Pack, sizes: &[usize]) {
    let Pack { source, across, packed } = pack;
    let last = Strided { offset: source.offset + packed.columns.saturating_sub(1) * across, ..*source };
    let inside = within(&last, packed.rows, sizes) && packed.chunks() <= sizes[packed.buffer];
    assert!(inside, "a packed matrix stays within its buffers");
}

fn check_rows<T>(rows: &Rows<T>, sizes: &[usize]) {
    let Rows { matrix, forward, backward, scratch } = rows;
    let mut inside = matrix.chunks() <= sizes[matrix.buffer] && matrix.scratch_chunks() <= sizes[*scratch];
    if let Some(forward) = forward {
        inside &= within(&forward.vector, matrix.columns, sizes) && matrix.rows <= sizes[forward.output];
        inside &= forward.addends.iter().all(|(addend, _)| within(addend, matrix.rows, sizes));
    }
    if let Some(backward) = backward {
        inside &= within(&backward.vector, matrix.rows, sizes) && matrix.columns <= sizes[backward.output];
        inside &= forward.as_ref().is_none_or(|forward| forward.output == backward.vector.buffer);
    }
    assert!(inside, "a product along rows stays within its buffers");
}

fn rows_flops<T>(rows: &Rows<T>) -> u64 {
    let Rows { matrix, forward, backward, .. } = rows;
    let directions = u64::from(forward.is_some()) + u64::from(backward.is_some());
    let addends = forward.as_ref().map_or(0, |forward| forward.addends.len());
    2 * directions * (matrix.rows * matrix.columns) as u64 + (2 * addends * matrix.rows) as u64
}

fn check_fused<T>(fused: &Fused<T>, sizes: &[usize], constants: &[Vec<T>]) {
    let within = |source: &Source<T>| match source {
        Source::Stream { buffer, offset } => offset / LANES + fused.count <= sizes[*buffer],
        Source::Chunk { buffer, offset } => offset / LANES < sizes[*buffer],
        Source::Grid { buffer, offset, down, across } => {
            let last = offset + (fused.count / fused.columns).saturating_sub(1) * down + (fused.columns - 1) * across;
            fused.count.is_multiple_of(fused.columns) && last / LANES < sizes[*buffer]
        }
        Source::Table { buffer, table } => table.len() == fused.count && table.iter().all(|at| *at < sizes[*buffer]),
        Source::Constant { constant } => constants[*constant].len() >= fused.count,
        Source::Number(_) => true,
        Source::Tile { buffer, slot } => (slot + 1) * crate::lanes::TILE <= sizes[*buffer],
        // Checked with the product.
        Source::Strip { .. } => true,
    };
    let mut inside = fused.count <= sizes[fused.output];
    for micro in &fused.micros {
        inside &= micro.operand.as_ref().is_none_or(within);
        inside &= match &micro.action {
            Action::Keep { buffer, slot } | Action::Select { buffer, slot } => {
                (slot + 1) * crate::lanes::TILE <= sizes[*buffer]
            }
            Action::Store { buffer } => fused.count <= sizes[*buffer],
            _ => true,
        };
    }
    assert!(inside, "an instruction stays within its buffers");
}

fn check_product<T>(product: &Product<T>, sizes: &[usize], constants: &[Vec<T>]) {
    let within = |factor: &Factor, rows: usize, columns: usize, start: usize| {
        let last =
            start + factor.offset + rows.saturating_sub(1) * factor.row + columns.saturating_sub(1) * factor.column;
        match factor.place {
            FactorPlace::Lanes { buffer } => last + LANES <= sizes[buffer] * LANES,
            FactorPlace::Shared { constant } => last < constants[constant].len(),
        }
    };
    let (n, k, m) = (product.n, product.k, product.m);
    let mut inside = product.items.len() * n * m <= sizes[product.output];
    for [left, right] in &product.items {
        inside &= k == 0 || (within(&product.left, n, k, *left) && within(&product.right, k, m, *right));
    }
    let within_beside = |operand: &Factor| within(operand, n, m, (product.items.len() - 1) * n * m * LANES);
    match &product.epilogue {
        Epilogue::Gate(operand) => inside &= within_beside(operand),
        Epilogue::Scale { addends, .. } => inside &= addends.iter().all(|(addend, _)| within_beside(addend)),
        Epilogue::Group { group, strip } => {
            inside &= product.kernel.strip_rows().min(n) * m <= sizes[*strip];
            check_fused(group, sizes, constants);
        }
        _ => {}
    }
    assert!(inside, "a product stays within its buffers");
}

fn fused_flops<T>(fused: &Fused<T>) -> u64 {
    let each = |micro: &Micro<T>| match micro.action {
        Action::Load | Action::Keep { .. } | Action::Store { .. } => 0,
        Action::AddScaled(_) => 2,
        _ => 1,
    };
    fused.count as u64 * fused.micros.iter().map(each).sum::<u64>()
}

fn operation_flops(operated: &Operated) -> u64 {
    let outputs = operated.shape.count() as u64;
    let inputs = operated.inputs.first().map_or(0, |place| place.view.shape.count() as u64);
    match &operated.op {
        Op::Unary(_) | Op::Binary(_) | Op::Select(_) => outputs,
        Op::Sum(_) | Op::MaximumOver(_) | Op::CumulativeSum(_) | Op::Scatter(_) => inputs,
        Op::Matmul(_) => {
            let shape = &operated.inputs[0].view.shape.0;
            2 * outputs * shape[shape.len() - 1] as u64
        }
        Op::Project(_) | Op::LeastNorm(_) => 4 * inputs,
        _ => 0,
    }
}
