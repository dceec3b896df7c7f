//! The memory of a block of lanes: all of the crate's unchecked accesses go through here.
//!
//! **Idea.** All buffers of a program lie in one allocation, the arena. A compiled instruction names buffers; kernels
//! read and write registers at places that were worked out when the program was compiled, without a bounds check for
//! each register (measured 1.7 times slower with them in an inner loop).
//!
//! **The invariants.**
//! 1. *Within.* Every place that an instruction reads or writes lies within its buffer. `Instruction::check` (program/work.rs)
//!    proves this once for each operand of products and groups, when a program is compiled, against the sizes that the arena
//!    is made with; a program runs only on a workspace of its own (`Program::check` compares). Other operations (draws, gathers, sums
//!    along axes) get slices of their buffers, whose bounds are checked when they run.
//! 2. *Apart.* An instruction never writes a buffer that it reads: outputs get a buffer that is free when the
//!    instruction starts. `Instruction::check` proves this as well.
//! 3. *Alone.* A [`Field`] is made from `&mut Arena` and lives as long as that borrow, so nobody else sees the memory.
//!
//! Builds with debug assertions (`cargo test` is one) are the checked build: chunks of NaN that nobody owns lie between the
//! buffers, and every register that is read or written has to lie within one buffer. `bench/memory-check` runs the same
//! tests without these checks under valgrind and AddressSanitizer.
//!
//! **Rejected.** Slices with hoisted bounds checks: one slice for each operand and run costs more than a short run
//! does, and half of all runs here are short.

use std::marker::PhantomData;

use pulp::Simd;
use smallvec::SmallVec;

use super::{Chunk, LANES, Real};

/// All buffers of a block of lanes, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Chunk<T>>,
    /// First chunk and number of chunks of each buffer.
    places: Vec<(usize, usize)>,
    /// The buffer that each chunk belonged to at first.
    #[cfg(debug_assertions)]
    owners: Vec<Option<usize>>,
}

/// Chunks between two buffers.
const GAP: usize = if cfg!(debug_assertions) { 1 } else { 0 };

impl<T: Real> Arena<T> {
    /// Zeros; `sizes` in chunks.
    pub fn new(sizes: &[usize]) -> Self {
        let mut places = Vec::with_capacity(sizes.len());
        let mut total = GAP;
        for &size in sizes {
            places.push((total, size));
            total += size + GAP;
        }
        let mut arena = Self {
            chunks: vec![Chunk([T::ZERO; LANES]); total],
            #[cfg(debug_assertions)]
            owners: vec![None; total],
            places,
        };
        arena.mark_gaps();
        arena
    }

    #[cfg(debug_assertions)]
    fn mark_gaps(&mut self) {
        for (buffer, &(start, size)) in self.places.iter().enumerate() {
            self.owners[start..start + size].fill(Some(buffer));
        }
        for (chunk, owner) in self.chunks.iter_mut().zip(&self.owners) {
            chunk.0 = [if owner.is_some() { T::ZERO } else { T::from_f64(f64::NAN) }; LANES];
        }
    }

    #[cfg(not(debug_assertions))]
    fn mark_gaps(&mut self) {}

    /// The chunks of a buffer.
    pub fn buffer(&self, index: usize) -> &[Chunk<T>] {
        let (start, size) = self.places[index];
        &self.chunks[start..start + size]
    }

    /// The chunks of a buffer, to be written.
    pub fn buffer_mut(&mut self, index: usize) -> &mut [Chunk<T>] {
        let (start, size) = self.places[index];
        &mut self.chunks[start..start + size]
    }

    /// Buffers to be written, each by itself.
    ///
    /// # Panics
    /// When one is named twice.
    pub fn buffers_mut(&mut self, indices: &[usize]) -> SmallVec<[&mut [Chunk<T>]; 4]> {
        let distinct = |at: usize| indices[..at].iter().all(|other| *other != indices[at]);
        assert!((0..indices.len()).all(distinct), "a buffer is handed out once");
        let base = self.chunks.as_mut_ptr();
        let slice = |&index: &usize| {
            let (start, size) = self.places[index];
            // SAFETY: within `chunks` (see `new`); distinct buffers do not overlap; the results borrow `self` mutably.
            unsafe { std::slice::from_raw_parts_mut(base.add(start), size) }
        };
        indices.iter().map(slice).collect()
    }

    /// Exchanges two buffers of equal size.
    pub fn swap(&mut self, one: usize, other: usize) {
        debug_assert_eq!(self.places[one].1, self.places[other].1, "only buffers of equal size are exchanged");
        self.places.swap(one, other);
    }

    /// One buffer to be written, and all others to be read.
    pub fn split(&mut self, output: usize) -> (&mut [Chunk<T>], Others<'_, T>) {
        let (start, size) = self.places[output];
        let base = self.chunks.as_mut_ptr();
        // SAFETY: the range lies within `chunks` (see `new`); `Others` refuses to hand out the same buffer, buffers do not
        // overlap, and both results borrow `self` mutably.
        let written = unsafe { std::slice::from_raw_parts_mut(base.add(start), size) };
        (written, Others { base, places: &self.places, output, arena: PhantomData })
    }

    /// The memory as kernels see it.
    pub fn field(&mut self) -> Field<'_, T> {
        Field {
            base: self.chunks.as_mut_ptr().cast(),
            #[cfg(debug_assertions)]
            owners: &self.owners,
            places: &self.places,
            arena: PhantomData,
        }
    }
}

/// All buffers but one.
#[derive(Clone, Copy)]
pub(crate) struct Others<'a, T> {
    base: *mut Chunk<T>,
    places: &'a [(usize, usize)],
    output: usize,
    arena: PhantomData<&'a [Chunk<T>]>,
}

impl<'a, T> Others<'a, T> {
    /// The chunks of a buffer.
    ///
    /// # Panics
    /// For the buffer that is being written.
    pub fn buffer(&self, index: usize) -> &'a [Chunk<T>] {
        assert_ne!(index, self.output, "an instruction does not write what it reads");
        let (start, size) = self.places[index];
        // SAFETY: within the arena, and not the buffer that is written.
        unsafe { std::slice::from_raw_parts(self.base.add(start), size) }
    }
}

/// The arena as plain numbers, for kernels. Places are counted in numbers from the arena's start.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a, T> {
    base: *mut T,
    #[cfg(debug_assertions)]
    owners: &'a [Option<usize>],
    places: &'a [(usize, usize)],
    arena: PhantomData<&'a mut [T]>,
}

impl<T: Real> Field<'_, T> {
    /// Where a buffer starts.
    #[inline(always)]
    pub fn start(&self, buffer: usize) -> usize {
        self.places[buffer].0 * LANES
    }

    #[inline(always)]
    fn inside(&self, place: usize, count: usize) {
        #[cfg(debug_assertions)]
        {
            let owner = |place: usize| self.owners.get(place / LANES).copied().flatten();
            let (first, last) = (owner(place), owner(place + count - 1));
            assert!(
                first.is_some() && first == last,
                "numbers {place} to {} lie in buffers {first:?} and {last:?}",
                place + count - 1
            );
        }
        let _ = (place, count);
    }

    /// The register at a place.
    ///
    /// # Safety
    /// Invariant 1: a register's worth of numbers from `place` on lies within the arena.
    #[inline(always)]
    pub unsafe fn load<S: Simd>(&self, _: S, place: usize) -> T::Vector<S> {
        self.inside(place, size_of::<T::Vector<S>>() / size_of::<T>());
        // SAFETY: by the caller; registers are plain numbers, and the read is unaligned.
        unsafe { self.base.add(place).cast::<T::Vector<S>>().read_unaligned() }
    }

    /// Asks for the numbers of the cache line at a place, which may lie anywhere: nothing is read.
    #[inline(always)]
    pub fn prefetch(&self, place: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has the instruction, and it does nothing where an address is not mapped.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.base.wrapping_add(place).cast());
        }
        let _ = place;
    }

    /// The number at a place.
    ///
    /// # Safety
    /// Invariant 1.
    #[inline(always)]
    pub unsafe fn number(&self, place: usize) -> T {
        self.inside(place, 1);
        // SAFETY: by the caller.
        unsafe { *self.base.add(place) }
    }

    /// Writes a number.
    ///
    /// # Safety
    /// Invariants 1 and 2.
    #[inline(always)]
    pub unsafe fn set_number(&self, place: usize, value: T) {
        self.inside(place, 1);
        // SAFETY: by the caller.
        unsafe { *self.base.add(place) = value }
    }

    /// The address of a place, for a square of 16 × 16 numbers whose rows are `step` apart.
    ///
    /// # Safety
    /// Invariant 1 for all rows; invariant 2 where it is written.
    #[inline(always)]
    pub unsafe fn square(&self, place: usize, step: usize) -> *mut T {
        self.inside(place, (LANES - 1) * step + LANES);
        // SAFETY: by the caller.
        unsafe { self.base.add(place) }
    }

    /// Writes a register.
    ///
    /// # Safety
    /// Invariants 1 and 2.
    #[inline(always)]
    pub unsafe fn store<S: Simd>(&self, _: S, place: usize, value: T::Vector<S>) {
        self.inside(place, size_of::<T::Vector<S>>() / size_of::<T>());
        // SAFETY: by the caller.
        unsafe { self.base.add(place).cast::<T::Vector<S>>().write_unaligned(value) }
    }
}

/// A constant's numbers, for kernels.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a, T>(pub &'a [T]);

impl<T: Real> Numbers<'_, T> {
    /// The number at a place.
    ///
    /// # Safety
    /// Invariant 1: `place` lies within.
    #[inline(always)]
    pub unsafe fn scalar(&self, place: usize) -> T {
        debug_assert!(place < self.0.len(), "place {place} of {}", self.0.len());
        // SAFETY: by the caller.
        unsafe { *self.0.get_unchecked(place) }
    }
}
