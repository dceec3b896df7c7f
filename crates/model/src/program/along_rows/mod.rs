//! Which products run along the rows of a packed matrix.
//!
//! Of a matrix that depends on fixed inputs only, differs from seed to seed, and is larger than what stays in the first
//! cache, times a vector. The first such product decides in which direction the matrix is packed; a later one with the
//! transposed matrix runs backward over the same rows, and where it multiplies what the forward one has just computed,
//! both are one instruction.

use smallvec::SmallVec;

use super::compile::Compiler;
use super::parts::Part;
use super::work::Work;
use super::{Place, Store};
use crate::lanes::{
    Action, Backward, Epilogue, Factor, FactorPlace, Forward, Fused, LANES, Micro, Pack, Packed, Real, Rows, Source,
    Strided,
};
use crate::operations::Op;

/// Numbers of one seed's matrix below which it stays seeds side by side: in f32 these are 128 KiB of a block.
const FEWEST_NUMBERS: usize = 2_048;

/// Columns below which the sums at the end of a row take more time than the row.
const FEWEST_COLUMNS: usize = 3 * LANES;

/// A product along rows: of which matrix, in which direction, with which vector.
pub(super) struct AlongRows {
    matrix: Packed,
    backward: bool,
    vector: Strided,
}

impl<T: Real> Compiler<'_, T> {
    /// The product of a node along the rows of a packed matrix, if it is one.
    pub(super) fn along_rows(&mut self, index: usize) -> Option<AlongRows> {
        let node = &self.graph.nodes()[index];
        let &[left, right] = node.inputs.as_slice() else { return None };
        let (Op::Matmul(_), 2, true) = (&node.op, node.shape.rank(), self.rows) else { return None };
        // As a matrix times a column: a row times a matrix is the same of the transposed matrix.
        let (matrix, vector, [rows, columns]) = match (node.shape.0[0], node.shape.0[1]) {
            (rows, 1) => (left, right, [rows, self.graph.shape(left).0[1]]),
            (1, rows) => (right, left, [rows, self.graph.shape(right).0[0]]),
            _ => return None,
        };
        let fixed = |index: usize| self.parts[index] == Some(Part::Prologue);
        if fixed(index) || !fixed(matrix.index()) || rows * columns < FEWEST_NUMBERS {
            return None;
        }
        let (place, vector) = (self.input_place(matrix), self.input_place(vector));
        let Store::Buffer(source) = place.store else { return None };
        let &[down, across] = place.view.strides.as_slice() else { return None };
        let strides = if matrix == left { [down, across] } else { [across, down] };
        let key = [source, place.view.offset, strides[0], strides[1], rows, columns];
        let swapped = [source, place.view.offset, strides[1], strides[0], columns, rows];
        let (matrix, backward) = match (self.packed.get(&key), self.packed.get(&swapped)) {
            (Some(&packed), _) => (packed, false),
            (None, Some(&packed)) => (packed, true),
            (None, None) if columns >= FEWEST_COLUMNS => (self.pack(key), false),
            (None, None) => return None,
        };
        Some(AlongRows { matrix, backward, vector: vector_of(&vector)? })
    }

    /// Packs the matrix that `along_rows` describes, once for each block.
    fn pack(&mut self, key: [usize; 6]) -> Packed {
        let [source, offset, down, across, rows, columns] = key;
        let mut packed = Packed { buffer: 0, rows, columns };
        packed.buffer = self.buffers.make(packed.chunks(), true);
        let source = Strided { buffer: source, offset: offset * LANES, step: down * LANES };
        self.push(Part::Prologue, Work::Pack(Pack { source, across: across * LANES, packed }), packed.buffer);
        self.packed.insert(key, packed);
        packed
    }

    /// A product along rows and the group that follows it.
    pub(super) fn emit_along_rows(
        &mut self,
        product: AlongRows,
        part: Part,
        group: Option<(Fused<T>, Epilogue<T>)>,
        output: usize,
    ) {
        let (scale, addends) = match &group {
            None | Some((_, Epilogue::None)) => (T::ONE, SmallVec::new()),
            Some((_, Epilogue::Scale { scale, addends })) if !product.backward => {
                (*scale, addends.iter().map(|(addend, factor)| (beside(addend), *factor)).collect())
            }
            Some((group, _)) => return self.emit_with_group(product, part, group.clone(), output),
        };
        match product.backward {
            true => self.emit_backward(&product, part, output),
            false => {
                let forward = Forward { vector: product.vector, scale, addends, output };
                self.emit_rows(product.matrix, part, Some(forward), None, output);
            }
        }
    }

    /// The product by itself, and the group in a pass of its own.
    fn emit_with_group(&mut self, product: AlongRows, part: Part, mut group: Fused<T>, output: usize) {
        let between = self.buffers.make(group.count, part == Part::Prologue);
        self.emit_along_rows(product, part, None, between);
        for source in group.micros.iter_mut().filter_map(|micro| micro.operand.as_mut()) {
            if matches!(source, Source::Strip { .. }) {
                *source = Source::Stream { buffer: between, offset: 0 };
            }
        }
        debug_assert!(matches!(group.micros[0].action, Action::Load), "a group starts with a value");
        let strip = |micro: &Micro<T>| matches!(micro.operand, Some(Source::Strip { .. }));
        assert!(!group.micros.iter().any(strip), "a group of its own reads no strip of a product");
        self.push(part, Work::Fused(group), output);
    }

    fn emit_backward(&mut self, product: &AlongRows, part: Part, output: usize) {
        let backward = Backward { vector: product.vector, output };
        if self.join_forward(product, part, backward) {
            return;
        }
        self.emit_rows(product.matrix, part, None, Some(backward), output);
    }

    /// Lets the product that made the vector go backward as well, in one sweep over the matrix.
    fn join_forward(&mut self, product: &AlongRows, part: Part, backward: Backward) -> bool {
        let whole = product.vector.offset == 0 && product.vector.step == LANES;
        let made = |work: &Work<T>| match work {
            Work::Rows(rows) => {
                rows.matrix == product.matrix
                    && rows.backward.is_none()
                    && rows.forward.as_ref().is_some_and(|forward| forward.output == product.vector.buffer)
            }
            _ => false,
        };
        let found = self.instructions.iter_mut().rev().find(|(other, one)| *other == part && made(&one.work));
        match found.map(|(_, instruction)| &mut instruction.work) {
            Some(Work::Rows(rows)) if whole => {
                rows.backward = Some(backward);
                true
            }
            _ => false,
        }
    }

    fn emit_rows(
        &mut self,
        matrix: Packed,
        part: Part,
        forward: Option<Forward<T>>,
        backward: Option<Backward>,
        output: usize,
    ) {
        let scratch = *self.vectors.get_or_insert_with(|| self.buffers.make(0, true));
        self.buffers.sizes[scratch] = self.buffers.sizes[scratch].max(matrix.scratch_chunks());
        self.push(part, Work::Rows(Rows { matrix, forward, backward, scratch }), output);
    }
}

/// A vector of lanes: the one axis of its view that is not of size one.
fn vector_of(place: &Place) -> Option<Strided> {
    let Store::Buffer(buffer) = place.store else { return None };
    let view = &place.view;
    let mut long = view.shape.0.iter().zip(&view.strides).filter(|(size, _)| **size != 1);
    let step = long.next().map_or(0, |(_, stride)| *stride);
    long.next().is_none().then_some(Strided { buffer, offset: view.offset * LANES, step: step * LANES })
}

/// An operand beside a product that is a vector.
fn beside(factor: &Factor) -> Strided {
    let FactorPlace::Lanes { buffer } = factor.place else {
        unreachable!("addends of a product lie in lanes: constants are left to the accumulator machine")
    };
    debug_assert_eq!(factor.column, LANES, "elements of an addend lie side by side");
    Strided { buffer, offset: factor.offset, step: LANES }
}

#[cfg(test)]
mod tests;
