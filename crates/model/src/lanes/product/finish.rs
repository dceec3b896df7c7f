//! What is done with the registers of a product before they are written.

use pulp::Simd;

use crate::lanes::Real;
use crate::lanes::memory::Field;

/// An entry of a product is finished where it stands in the matrix as it is computed.
pub(super) trait Finish<T: Real>: Copy {
    /// The value to be written.
    ///
    /// # Safety
    /// The entry lies within the operands that are read beside the product (invariant 1 of the lanes' memory).
    unsafe fn apply<S: Simd>(
        &self,
        simd: S,
        field: Field<'_, T>,
        sum: T::Vector<S>,
        row: usize,
        column: usize,
    ) -> T::Vector<S>;

    /// Writes the tile of a product whose first entry stands at the given row and column.
    ///
    /// # Safety
    /// The tile lies within the operands and the output (invariants 1 and 2).
    #[inline(always)]
    unsafe fn write<S: Simd, const R: usize, const C: usize>(
        &self,
        simd: S,
        field: Field<'_, T>,
        tile: &[[T::Vector<S>; C]; R],
        [row, column]: [usize; 2],
        [start, down, across]: [usize; 3],
    ) {
        for (r, line) in tile.iter().enumerate() {
            for (c, &sum) in line.iter().enumerate() {
                let (row, column) = (row + r, column + c);
                // SAFETY: by the caller.
                unsafe {
                    let value = self.apply(simd, field, sum, row, column);
                    field.store(simd, start + row * down + column * across, value);
                }
            }
        }
    }
}

/// A matrix of the result's shape: where it starts, and its strides in the matrix as it is computed.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    pub start: usize,
    pub down: usize,
    pub across: usize,
}

impl Beside {
    #[inline(always)]
    unsafe fn get<T: Real, S: Simd>(&self, simd: S, field: Field<'_, T>, row: usize, column: usize) -> T::Vector<S> {
        // SAFETY: by the caller.
        unsafe { field.load(simd, self.start + row * self.down + column * self.across) }
    }
}

/// The product itself.
#[derive(Clone, Copy)]
pub(super) struct Plain;

/// max(x, 0)
#[derive(Clone, Copy)]
pub(super) struct Rectify;

/// scale·x
#[derive(Clone, Copy)]
pub(super) struct Scale<T>(pub T);

/// x where the operand is positive, else 0.
#[derive(Clone, Copy)]
pub(super) struct Gate(pub Beside);

/// scale·x + factor·addend
#[derive(Clone, Copy)]
pub(super) struct Add<T> {
    pub scale: T,
    pub addend: Beside,
    pub factor: T,
}

/// scale·x + Σ factor·addend
#[derive(Clone, Copy)]
pub(super) struct AddTwo<T> {
    pub scale: T,
    pub addends: [Beside; 2],
    pub factors: [T; 2],
}

macro_rules! finish {
    ($type:ty, |$self:ident, $simd:ident, $field:ident, $sum:ident, $row:ident, $column:ident| $value:expr) => {
        impl<T: Real> Finish<T> for $type {
            #[inline(always)]
            unsafe fn apply<S: Simd>(
                &$self,
                $simd: S,
                $field: Field<'_, T>,
                $sum: T::Vector<S>,
                $row: usize,
                $column: usize,
            ) -> T::Vector<S> {
                $value
            }
        }
    };
}

finish!(Plain, |self, _simd, _field, sum, _row, _column| sum);
finish!(Rectify, |self, simd, _field, sum, _row, _column| T::positive_part(simd, sum));
finish!(Scale<T>, |self, simd, _field, sum, _row, _column| T::multiply(simd, sum, T::splat(simd, self.0)));
finish!(Gate, |self, simd, field, sum, row, column| {
    let zero = T::splat(simd, T::ZERO);
    // SAFETY: by the caller.
    let operand = unsafe { self.0.get(simd, field, row, column) };
    T::select(simd, T::less(simd, zero, operand), sum, zero)
});
finish!(Add<T>, |self, simd, field, sum, row, column| {
    // SAFETY: by the caller.
    let addend = unsafe { self.addend.get(simd, field, row, column) };
    let rest = T::multiply(simd, addend, T::splat(simd, self.factor));
    T::multiply_add(simd, sum, T::splat(simd, self.scale), rest)
});
finish!(AddTwo<T>, |self, simd, field, sum, row, column| {
    // SAFETY: by the caller.
    let [first, second] = self.addends.map(|addend| unsafe { addend.get(simd, field, row, column) });
    let [one, other] = self.factors.map(|factor| T::splat(simd, factor));
    let rest = T::multiply_add(simd, first, one, T::multiply(simd, second, other));
    T::multiply_add(simd, sum, T::splat(simd, self.scale), rest)
});

/// One of them, found out at each tile: for tiles with a long sum, whose time it does not take.
#[derive(Clone, Copy)]
pub(super) enum Any<T> {
    Plain(Plain),
    Rectify(Rectify),
    Scale(Scale<T>),
    Gate(Gate),
    Add(Add<T>),
    AddTwo(AddTwo<T>),
}

macro_rules! any {
    ($($name:ident($type:ty)),*) => {
        $(impl<T: Real> From<$type> for Any<T> {
            fn from(finish: $type) -> Self {
                Self::$name(finish)
            }
        })*
        impl<T: Real> Finish<T> for Any<T> {
            #[inline(always)]
            unsafe fn apply<S: Simd>(
                &self,
                simd: S,
                field: Field<'_, T>,
                sum: T::Vector<S>,
                row: usize,
                column: usize,
            ) -> T::Vector<S> {
                match self {
                    // SAFETY: by the caller.
                    $(Self::$name(finish) => unsafe { finish.apply(simd, field, sum, row, column) },)*
                }
            }

            #[inline(always)]
            unsafe fn write<S: Simd, const R: usize, const C: usize>(
                &self,
                simd: S,
                field: Field<'_, T>,
                tile: &[[T::Vector<S>; C]; R],
                place: [usize; 2],
                output: [usize; 3],
            ) {
                match self {
                    // SAFETY: by the caller.
                    $(Self::$name(finish) => unsafe { finish.write(simd, field, tile, place, output) },)*
                }
            }
        }
    };
}

any!(Plain(Plain), Rectify(Rectify), Scale(Scale<T>), Gate(Gate), Add(Add<T>), AddTwo(AddTwo<T>));
