//! Element-wise functions of two arguments of equal shape; broadcasting is a separate operation.

mod add;
mod divide;
mod equal;
mod less;
mod less_equal;
mod maximum;
mod minimum;
mod multiply;
mod not_equal;
mod power;
mod subtract;

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Real, Task, each};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A real function of two arguments, applied element by element.
pub(crate) trait BinaryFunction {
    /// Its name in plans.
    const NAME: &'static str;

    /// Whether f takes many instructions.
    const LONG: bool = false;

    /// f(a, b).
    fn value(a: f64, b: f64) -> f64;

    /// Kind of the result.
    fn kind(a: &Node, b: &Node) -> Kind {
        a.kind.max(b.kind).max(Kind::Integer)
    }

    /// ∂f/∂a and ∂f/∂b as nodes, given y = f(a, b); `None` where zero almost everywhere.
    fn partials(graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2];

    /// f on vectors of lanes; by default through f64, lane by lane.
    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, a: T::Vector<S>, b: T::Vector<S>) -> T::Vector<S> {
        T::map_pair(simd, a, b, |a, b| T::from_f64(Self::value(a.to_f64(), b.to_f64())))
    }
}

macro_rules! binary_functions {
    ($($module:ident::$name:ident = $constant:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        enum Function { $($name),* }

        impl Binary {
            $(#[doc = concat!("`", stringify!($module), "`")]
            pub const $constant: Binary = Binary(Function::$name);)*
            /// All of them.
            pub const ALL: &'static [Binary] = &[$(Binary::$constant),*];

            /// The name in plans.
            pub fn name(self) -> &'static str {
                match self.0 { $(Function::$name => <$module::$name as BinaryFunction>::NAME),* }
            }

            /// f(a, b).
            pub fn evaluate(self, a: f64, b: f64) -> f64 {
                match self.0 { $(Function::$name => <$module::$name as BinaryFunction>::value(a, b)),* }
            }

            /// accumulators ← f(accumulators, operand), or f(operand, accumulators) where REVERSED.
            #[inline(always)]
            pub(crate) fn accumulate<T: Real, S: Simd, const W: usize, const REVERSED: bool>(
                self,
                simd: S,
                accumulators: &mut [T::Vector<S>; W],
                operand: &[T::Vector<S>; W],
            ) {
                match self.0 {
                    $(Function::$name => {
                        let f = |x, y| match REVERSED {
                            false => <$module::$name as BinaryFunction>::lanes::<T, S>(simd, x, y),
                            true => <$module::$name as BinaryFunction>::lanes::<T, S>(simd, y, x),
                        };
                        if <$module::$name as BinaryFunction>::LONG {
                            // By way of memory: written out sixteen times it would not fit the instruction cache.
                            let (mut values, mut others) = ([T::splat(simd, T::ZERO); W], [T::splat(simd, T::ZERO); W]);
                            each::<W>(#[inline(always)] |w| (values[w], others[w]) = (accumulators[w], operand[w]));
                            values.iter_mut().zip(others).for_each(|(x, y)| *x = f(*x, y));
                            each::<W>(#[inline(always)] |w| accumulators[w] = values[w]);
                        } else {
                            each::<W>(#[inline(always)] |w| accumulators[w] = f(accumulators[w], operand[w]));
                        }
                    })*
                }
            }

            fn kind(self, a: &Node, b: &Node) -> Kind {
                match self.0 { $(Function::$name => <$module::$name as BinaryFunction>::kind(a, b)),* }
            }

            fn partials(self, graph: &mut Graph, a: NodeId, b: NodeId, y: NodeId) -> [Option<NodeId>; 2] {
                match self.0 { $(Function::$name => <$module::$name as BinaryFunction>::partials(graph, a, b, y)),* }
            }
        }

        impl LaneKernel for Binary {
            #[inline(always)]
            fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
                match self.0 {
                    $(Function::$name => task.map_pair(simd, #[inline(always)] |a, b| {
                        <$module::$name as BinaryFunction>::lanes::<T, S>(simd, a, b)
                    })),*
                }
            }
        }
    };
}

/// An element-wise function of two arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binary(Function);

binary_functions!(
    add::Add = ADD,
    divide::Divide = DIVIDE,
    equal::Equal = EQUAL,
    less::Less = LESS,
    less_equal::LessEqual = LESS_EQUAL,
    maximum::Maximum = MAXIMUM,
    minimum::Minimum = MINIMUM,
    multiply::Multiply = MULTIPLY,
    not_equal::NotEqual = NOT_EQUAL,
    power::Power = POWER,
    subtract::Subtract = SUBTRACT,
);

impl Operation for Binary {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs((*self).name(), inputs, 2)?;
        let (a, b) = (inputs[0], inputs[1]);
        if a.shape != b.shape {
            return Err(Mismatch(format!("{} takes equal shapes, found {} and {}", (*self).name(), a.shape, b.shape)));
        }
        Ok((a.shape.clone(), self.kind(a, b)))
    }

    fn print(&self, arguments: &[String]) -> String {
        let symbol = match *self {
            Binary::ADD => "+",
            Binary::SUBTRACT => "-",
            Binary::MULTIPLY => "*",
            Binary::DIVIDE => "/",
            Binary::POWER => "**",
            Binary::LESS => "<",
            Binary::LESS_EQUAL => "<=",
            Binary::EQUAL => "==",
            Binary::NOT_EQUAL => "!=",
            other => return format!("{}({})", other.name(), arguments.join(", ")),
        };
        format!("({} {symbol} {})", arguments[0], arguments[1])
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        let pairs = inputs[0].values.iter().zip(&inputs[1].values);
        Tensor::new(inputs[0].shape.clone(), pairs.map(|(&a, &b)| self.evaluate(a, b)).collect())
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], output: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let partials = self.partials(graph, inputs[0], inputs[1], output);
        partials.into_iter().map(|partial| partial.map(|partial| graph.multiply(cotangent, partial))).collect()
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        output: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        let partials = self.partials(graph, inputs[0], inputs[1], output);
        let mut total = None;
        for (tangent, partial) in tangents.iter().zip(partials) {
            let (Some(tangent), Some(partial)) = (*tangent, partial) else { continue };
            let part = graph.multiply(tangent, partial);
            total = Some(total.map_or(part, |sum| graph.add(sum, part)));
        }
        total
    }
}

/// A constant of the shape of `like`.
fn constant_like(graph: &mut Graph, like: NodeId, value: f64) -> NodeId {
    let shape = graph.shape(like).clone();
    graph.full(&shape, value)
}

/// 1.0 where a < b, else 0.0, as real numbers.
fn less_mask(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let mask = graph.must(Binary::LESS, &[a, b]);
    let one = constant_like(graph, a, 1.0);
    graph.multiply(mask, one)
}
