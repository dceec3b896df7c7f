//! Building blocks for derivatives and derived functions: arithmetic with NumPy's broadcasting made explicit.

use super::{Graph, Kind, Mismatch, NodeId};
use crate::operations::{Binary, Broadcast, Matmul, Op, Reshape, Select, Sum, Transpose, Unary};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Graph {
    /// An element-wise operation of one argument.
    pub fn unary(&mut self, unary: Unary, x: NodeId) -> NodeId {
        self.must(Op::Unary(unary), &[x])
    }

    /// An element-wise operation of two arguments that broadcast to a common shape.
    ///
    /// # Errors
    /// [`Mismatch`] where they do not.
    pub fn binary(&mut self, binary: Binary, a: NodeId, b: NodeId) -> Result<NodeId, Mismatch> {
        let (left, right) = (self.shape(a).clone(), self.shape(b).clone());
        let shape = left
            .broadcast(&right)
            .ok_or_else(|| Mismatch(format!("shapes {left} and {right} do not broadcast together")))?;
        let (a, b) = (self.broadcast(a, &shape)?, self.broadcast(b, &shape)?);
        self.apply(Op::Binary(binary), &[a, b])
    }

    fn equal_shapes(&mut self, binary: Binary, a: NodeId, b: NodeId) -> NodeId {
        self.binary(binary, a, b).expect("operands of a derivative broadcast together")
    }

    /// a + b, of shapes known to broadcast.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.equal_shapes(Binary::ADD, a, b)
    }

    /// a − b, of shapes known to broadcast.
    pub fn subtract(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.equal_shapes(Binary::SUBTRACT, a, b)
    }

    /// a·b element by element, of shapes known to broadcast.
    pub fn multiply(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.equal_shapes(Binary::MULTIPLY, a, b)
    }

    /// a/b element by element, of shapes known to broadcast.
    pub fn divide(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.equal_shapes(Binary::DIVIDE, a, b)
    }

    /// c·x for a number c.
    pub fn scale(&mut self, factor: f64, x: NodeId) -> NodeId {
        let factor = self.scalar(factor);
        self.multiply(factor, x)
    }

    /// −x.
    pub fn negate(&mut self, x: NodeId) -> NodeId {
        self.unary(Unary::NEGATE, x)
    }

    /// sum + increment and what rounding has added to it too much, of a sum that has carried `lost` so far (Kahan's
    /// compensation); all of one shape.
    ///
    /// ```text
    /// y = increment − lost,   sum' = sum + y,   lost' = (sum' − sum) − y
    /// ```
    pub fn compensated_sum(&mut self, sum: NodeId, lost: NodeId, increment: NodeId) -> [NodeId; 2] {
        let added = self.subtract(increment, lost);
        let next = self.add(sum, added);
        let grown = self.subtract(next, sum);
        [next, self.subtract(grown, added)]
    }

    /// Where `condition` is not 0, `a`, else `b`; of equal shapes.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        self.must(Select, &[condition, a, b])
    }

    /// Repeats `x` along new or unit axes up to `shape`.
    ///
    /// # Errors
    /// [`Mismatch`] where that is impossible.
    pub fn broadcast(&mut self, x: NodeId, shape: &Shape) -> Result<NodeId, Mismatch> {
        if self.shape(x) == shape { Ok(x) } else { self.apply(Broadcast { shape: shape.clone() }, &[x]) }
    }

    /// Sums over the axes along which `shape` was repeated to make `x`: the adjoint of [`Graph::broadcast`].
    pub(crate) fn sum_to(&mut self, x: NodeId, shape: &Shape) -> NodeId {
        let from = self.shape(x).clone();
        let lead = from.rank() - shape.rank();
        let repeated = |axis: &usize| *axis < lead || (shape.0[axis - lead] == 1 && from.0[*axis] != 1);
        let axes: Vec<usize> = (0..from.rank()).filter(repeated).collect();
        let summed = if axes.is_empty() { x } else { self.must(Sum { axes }, &[x]) };
        self.reshape(summed, shape)
    }

    /// The same elements in another shape of equal count.
    pub fn reshape(&mut self, x: NodeId, shape: &Shape) -> NodeId {
        if self.shape(x) == shape { x } else { self.must(Reshape { shape: shape.clone() }, &[x]) }
    }

    /// Axes in the order `permutation`.
    pub fn transpose(&mut self, x: NodeId, permutation: Vec<usize>) -> NodeId {
        let unchanged = permutation.iter().enumerate().all(|(place, &axis)| place == axis);
        if unchanged { x } else { self.must(Transpose { permutation }, &[x]) }
    }

    /// The last two axes exchanged.
    pub fn transpose_last(&mut self, x: NodeId) -> NodeId {
        let rank = self.shape(x).rank();
        let mut permutation: Vec<usize> = (0..rank).collect();
        permutation.swap(rank - 2, rank - 1);
        self.transpose(x, permutation)
    }

    /// Sum of all elements.
    pub fn sum(&mut self, x: NodeId) -> NodeId {
        let axes: Vec<usize> = (0..self.shape(x).rank()).collect();
        self.sum_over(x, axes)
    }

    /// Sum over `axes`.
    pub fn sum_over(&mut self, x: NodeId, axes: Vec<usize>) -> NodeId {
        if axes.is_empty() { x } else { self.must(Sum { axes }, &[x]) }
    }

    /// NumPy's `a @ b`: vectors are promoted, leading axes broadcast.
    ///
    /// # Errors
    /// [`Mismatch`] naming both shapes.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, Mismatch> {
        let (left, right) = (self.shape(a).clone(), self.shape(b).clone());
        let mismatch = |why: &str| Mismatch(format!("shapes {left} and {right} do not match for @: {why}"));
        if left.is_scalar() || right.is_scalar() {
            return Err(mismatch("a scalar is multiplied by *"));
        }
        let matrix_left = if left.rank() == 1 { Shape::from([1, left.0[0]]) } else { left.clone() };
        let matrix_right = if right.rank() == 1 { Shape::from([right.0[0], 1]) } else { right.clone() };
        let (n, k) = (matrix_left.0[matrix_left.rank() - 2], matrix_left.0[matrix_left.rank() - 1]);
        let (inner, m) = (matrix_right.0[matrix_right.rank() - 2], matrix_right.0[matrix_right.rank() - 1]);
        if k != inner {
            return Err(mismatch(&format!(
                "the last axis of the first is {k}, the summed axis of the second is {inner}"
            )));
        }
        if self.simplify.identities && right.rank() == 2 && left.rank() > 2 {
            // The rows of all matrices of the stack are rows of one.
            let rows: usize = left.0[..left.rank() - 1].iter().product();
            let flat = self.reshape(a, &Shape::from([rows, k]));
            let product = self.apply(Matmul, &[flat, b])?;
            return Ok(self.reshape(product, &Shape([&left.0[..left.rank() - 1], &[m]].concat())));
        }
        let batch = |shape: &Shape| Shape(shape.0[..shape.rank() - 2].to_vec());
        let lead = batch(&matrix_left)
            .broadcast(&batch(&matrix_right))
            .ok_or_else(|| mismatch("the leading axes do not broadcast together"))?;
        let with = |rows, columns| Shape([lead.0.clone(), vec![rows, columns]].concat());
        let (a, b) = (self.reshape(a, &matrix_left), self.reshape(b, &matrix_right));
        let (a, b) = (self.broadcast(a, &with(n, k))?, self.broadcast(b, &with(k, m))?);
        let product = self.apply(Matmul, &[a, b])?;
        let mut sizes = lead.0.clone();
        sizes.extend((left.rank() > 1).then_some(n));
        sizes.extend((right.rank() > 1).then_some(m));
        Ok(self.reshape(product, &Shape(sizes)))
    }

    /// A tensor of one value everywhere.
    pub fn full(&mut self, shape: &Shape, value: f64) -> NodeId {
        self.constant(Tensor::full(shape.clone(), value), Kind::Real)
    }

    /// True where `id` is a constant with every element equal to `value`.
    pub(crate) fn is_constantly(&self, id: NodeId, value: f64) -> bool {
        self.constant_value(id).is_some_and(|tensor| tensor.values.iter().all(|&x| x == value))
    }

    /// An existing node that equals the operation, by an identity that holds for every finite and infinite value.
    pub(super) fn identity(&self, op: &Op, inputs: &[NodeId]) -> Option<NodeId> {
        match (op, inputs) {
            (Op::Binary(binary), &[a, b]) => {
                let neutral = |id, value| self.is_constantly(id, value);
                let kept = |id: NodeId| (self.kind(id) == Kind::Real).then_some(id);
                match *binary {
                    Binary::ADD if neutral(a, 0.0) => kept(b),
                    Binary::ADD | Binary::SUBTRACT if neutral(b, 0.0) => kept(a),
                    Binary::MULTIPLY if neutral(a, 1.0) => kept(b),
                    Binary::MULTIPLY | Binary::DIVIDE if neutral(b, 1.0) => kept(a),
                    _ => None,
                }
            }
            (Op::Unary(unary), &[x]) if *unary == Unary::NEGATE => match &self.node(x).op {
                Op::Unary(inner) if *inner == Unary::NEGATE => Some(self.node(x).inputs[0]),
                _ => None,
            },
            _ => None,
        }
    }
}
