//! One operation on one block of lanes: where its operands are, and the loops that kernels are made of.

use pulp::Simd;
use smallvec::SmallVec;

use super::{Chunk, LANES, Loops, Real, View};
use crate::operations::Purpose;
use crate::random::LaneStream;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The elements of an operand: a value for each lane, or one for all.
#[derive(Clone, Copy)]
pub(crate) enum Storage<'a, T> {
    /// A chunk for each element.
    Lanes(&'a [Chunk<T>]),
    /// One number for each element, equal in all lanes.
    Uniform(&'a [T]),
}

/// An input of an operation.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a, T> {
    pub storage: Storage<'a, T>,
    pub view: &'a View,
}

impl<'a, T: Real> Operand<'a, T> {
    /// Its elements as they lie, where that is row-major order with a chunk for each.
    fn run(&self) -> Option<&'a [Chunk<T>]> {
        match self.storage {
            Storage::Lanes(chunks) if self.view.is_contiguous() => {
                Some(&chunks[self.view.offset..self.view.offset + self.view.shape.count()])
            }
            _ => None,
        }
    }

    /// The chunk at a place.
    fn chunk(&self, place: usize) -> Chunk<T> {
        match self.storage {
            Storage::Lanes(chunks) => chunks[place],
            Storage::Uniform(values) => Chunk([values[place]; LANES]),
        }
    }

    /// Places of its elements in row-major order.
    pub fn offsets(&self) -> Vec<usize> {
        self.view.offsets()
    }

    /// The number at a place, in a lane.
    pub fn at(&self, place: usize, lane: usize) -> T {
        match self.storage {
            Storage::Lanes(chunks) => chunks[place].0[lane],
            Storage::Uniform(values) => values[place],
        }
    }

    /// The value in one lane.
    fn tensor(&self, lane: usize) -> Tensor {
        let values = self.offsets().into_iter().map(|place| self.at(place, lane).to_f64()).collect();
        Tensor::new(self.view.shape.clone(), values)
    }
}

/// Reads registers from either kind of storage, decided once per loop nest.
pub(super) trait Fetch<T: Real>: Copy {
    fn get<S: Simd>(&self, simd: S, place: usize, h: usize) -> T::Vector<S>;
}

#[derive(Clone, Copy)]
struct FromLanes<'a, T>(&'a [Chunk<T>]);

#[derive(Clone, Copy)]
struct FromUniform<'a, T>(&'a [T]);

impl<T: Real> Fetch<T> for FromLanes<'_, T> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, place: usize, h: usize) -> T::Vector<S> {
        T::vectors(simd, &self.0[place])[h]
    }
}

impl<T: Real> Fetch<T> for FromUniform<'_, T> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, place: usize, _: usize) -> T::Vector<S> {
        T::splat(simd, self.0[place])
    }
}

impl<T: Real> Fetch<T> for Operand<'_, T> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, place: usize, h: usize) -> T::Vector<S> {
        match self.storage {
            Storage::Lanes(chunks) => FromLanes(chunks).get(simd, place, h),
            Storage::Uniform(values) => FromUniform(values).get(simd, place, h),
        }
    }
}

/// One operation on one block of lanes.
pub struct Task<'a, T> {
    /// Shape of the output.
    pub(crate) shape: &'a Shape,
    /// The output, contiguous.
    pub(crate) output: &'a mut [Chunk<T>],
    /// The inputs.
    pub(crate) inputs: SmallVec<[Operand<'a, T>; 3]>,
    /// The operation's loops.
    pub(crate) loops: &'a Loops,
    /// The block's random streams, one for each purpose.
    pub(crate) streams: &'a mut [LaneStream; Purpose::COUNT],
}

impl<T: Real> Task<'_, T> {
    /// Sets the output to zero.
    pub(crate) fn clear(&mut self) {
        self.fill(T::ZERO);
    }

    /// Sets every element of the output.
    pub(crate) fn fill(&mut self, value: T) {
        self.output.fill(Chunk([value; LANES]));
    }

    /// output ← f(input) along the loops.
    #[inline(always)]
    pub(crate) fn map<S: Simd>(&mut self, simd: S, f: impl Fn(T::Vector<S>) -> T::Vector<S>) {
        let a = self.inputs[0];
        let [step, stride, ..] = self.loops.strides;
        for &[out, from, ..] in &self.loops.starts {
            for i in 0..self.loops.size {
                let target = T::vectors_mut(simd, &mut self.output[out + i * step]);
                for (h, target) in target.iter_mut().enumerate() {
                    *target = f(a.get(simd, from + i * stride, h));
                }
            }
        }
    }

    /// output ← f(output, input) along the loops. Where the output stands still along a run, it stays in a register.
    #[inline(always)]
    pub(crate) fn accumulate<S: Simd>(&mut self, simd: S, f: impl Fn(T::Vector<S>, T::Vector<S>) -> T::Vector<S>) {
        let a = self.inputs[0];
        let [step, stride, ..] = self.loops.strides;
        for &[out, from, ..] in &self.loops.starts {
            if step == 0 {
                for (h, target) in T::vectors_mut(simd, &mut self.output[out]).iter_mut().enumerate() {
                    let mut sum = *target;
                    for i in 0..self.loops.size {
                        sum = f(sum, a.get(simd, from + i * stride, h));
                    }
                    *target = sum;
                }
                continue;
            }
            for i in 0..self.loops.size {
                let target = T::vectors_mut(simd, &mut self.output[out + i * step]);
                for (h, target) in target.iter_mut().enumerate() {
                    *target = f(*target, a.get(simd, from + i * stride, h));
                }
            }
        }
    }

    /// output ← f(first, second) along the loops.
    #[inline(always)]
    pub(crate) fn map_pair<S: Simd>(&mut self, simd: S, f: impl Fn(T::Vector<S>, T::Vector<S>) -> T::Vector<S>) {
        let [a, b] = [self.inputs[0], self.inputs[1]];
        let [step, along, across, _] = self.loops.strides;
        for &[out, left, right, _] in &self.loops.starts {
            for i in 0..self.loops.size {
                let target = T::vectors_mut(simd, &mut self.output[out + i * step]);
                for (h, target) in target.iter_mut().enumerate() {
                    *target = f(a.get(simd, left + i * along, h), b.get(simd, right + i * across, h));
                }
            }
        }
    }

    /// output ← f(first, second, third) along the loops.
    #[inline(always)]
    pub(crate) fn map_triple<S: Simd>(
        &mut self,
        simd: S,
        f: impl Fn(T::Vector<S>, T::Vector<S>, T::Vector<S>) -> T::Vector<S>,
    ) {
        let [a, b, c] = [self.inputs[0], self.inputs[1], self.inputs[2]];
        let [step, dx, dy, dz] = self.loops.strides;
        for &[out, x, y, z] in &self.loops.starts {
            for i in 0..self.loops.size {
                let target = T::vectors_mut(simd, &mut self.output[out + i * step]);
                for (h, target) in target.iter_mut().enumerate() {
                    *target = f(a.get(simd, x + i * dx, h), b.get(simd, y + i * dy, h), c.get(simd, z + i * dz, h));
                }
            }
        }
    }

    /// Copies input `part` along `loops` of (output, input).
    pub(crate) fn copy(&mut self, part: usize, loops: &Loops) {
        let input = self.inputs[part];
        let [step, stride, ..] = loops.strides;
        for &[out, from, ..] in &loops.starts {
            for i in 0..loops.size {
                self.output[out + i * step] = input.chunk(from + i * stride);
            }
        }
    }

    /// Copies input `part`, all of it in row-major order, to the output from a place on.
    pub(crate) fn copy_run(&mut self, part: usize, from: usize) {
        let input = self.inputs[part];
        match input.run() {
            Some(chunks) => self.output[from..from + chunks.len()].copy_from_slice(chunks),
            None => {
                let places = input.offsets();
                let target = &mut self.output[from..from + places.len()];
                target.iter_mut().zip(places).for_each(|(target, place)| *target = input.chunk(place));
            }
        }
    }

    /// An input's elements in row-major order, as chunks of their own.
    pub(crate) fn gathered(&self, part: usize) -> Vec<Chunk<T>> {
        let input = &self.inputs[part];
        match input.run() {
            Some(chunks) => chunks.to_vec(),
            None => input.offsets().into_iter().map(|place| input.chunk(place)).collect(),
        }
    }

    /// Runs a function of whole tensors in every lane.
    pub(crate) fn lane_by_lane(&mut self, f: impl Fn(&[&Tensor]) -> Tensor) {
        for lane in 0..LANES {
            let inputs: Vec<Tensor> = self.inputs.iter().map(|input| input.tensor(lane)).collect();
            let value = f(&inputs.iter().collect::<Vec<_>>());
            for (chunk, value) in self.output.iter_mut().zip(value.values) {
                chunk.0[lane] = T::from_f64(value);
            }
        }
    }
}
