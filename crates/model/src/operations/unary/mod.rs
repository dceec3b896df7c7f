//! Element-wise functions of one argument.

mod abs;
mod cos;
mod exp;
mod finite;
mod log;
mod log1p;
mod negate;
mod normal_cdf;
mod relu;
mod sigmoid;
mod sign;
mod sin;
mod sqrt;
mod step;
mod tanh;

use pulp::Simd;

use super::{LaneKernel, Operation, expect_inputs};
use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Real, Task, each};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A real function applied to every element.
pub(crate) trait UnaryFunction {
    /// Its name in plans, and in the language where it is callable.
    const NAME: &'static str;
    /// One line for the reference; `None` keeps it out of the language.
    const SUMMARY: Option<&'static str>;

    /// Whether there is a derivative, in words for the reference.
    const DERIVATIVE: &'static str = "yes";

    /// How exact it is in a run, in words for the reference.
    const ACCURACY: &'static str = "within 1 unit in the last place";

    /// Whether f takes many instructions.
    const LONG: bool = false;

    /// f(x).
    fn value(x: f64) -> f64;

    /// f′(x) as a node, given x and y = f(x); `None` where it is zero almost everywhere.
    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId>;

    /// f on a vector of lanes; by default through f64, lane by lane.
    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::map(simd, x, |x| T::from_f64(Self::value(x.to_f64())))
    }
}

macro_rules! unary_functions {
    ($($module:ident::$name:ident = $constant:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        enum Function { $($name),* }

        impl Unary {
            $(#[doc = concat!("`", stringify!($module), "`")]
            pub const $constant: Unary = Unary(Function::$name);)*
            /// All of them.
            pub const ALL: &'static [Unary] = &[$(Unary::$constant),*];

            /// The name in plans and, if [`Unary::summary`] is there, in the language.
            pub fn name(self) -> &'static str {
                match self.0 { $(Function::$name => <$module::$name as UnaryFunction>::NAME),* }
            }

            /// One line for the reference, for those that the language offers.
            pub fn summary(self) -> Option<&'static str> {
                match self.0 { $(Function::$name => <$module::$name as UnaryFunction>::SUMMARY),* }
            }

            /// Whether it has a derivative, in words.
            pub fn derivative_words(self) -> &'static str {
                match self.0 { $(Function::$name => <$module::$name as UnaryFunction>::DERIVATIVE),* }
            }

            /// How exact it is, in words.
            pub fn accuracy(self) -> &'static str {
                match self.0 { $(Function::$name => <$module::$name as UnaryFunction>::ACCURACY),* }
            }

            /// f(x).
            pub fn evaluate(self, x: f64) -> f64 {
                match self.0 { $(Function::$name => <$module::$name as UnaryFunction>::value(x)),* }
            }

            /// accumulators ← f(accumulators)
            #[inline(always)]
            pub(crate) fn accumulate<T: Real, S: Simd, const W: usize>(self, simd: S, accumulators: &mut [T::Vector<S>; W]) {
                match self.0 {
                    $(Function::$name => {
                                                if <$module::$name as UnaryFunction>::LONG {
                            // By way of memory: written out sixteen times it would not fit the instruction cache.
                            let mut values = [T::splat(simd, T::ZERO); W];
                            each::<W>(#[inline(always)] |w| values[w] = accumulators[w]);
                            values.iter_mut().for_each(#[inline(always)] |x| {
                                *x = <$module::$name as UnaryFunction>::lanes::<T, S>(simd, *x);
                            });
                            each::<W>(#[inline(always)] |w| accumulators[w] = values[w]);
                        } else {
                            each::<W>(#[inline(always)] |w| {
                                accumulators[w] = <$module::$name as UnaryFunction>::lanes::<T, S>(simd, accumulators[w]);
                            });
                        }
                    })*
                }
            }

            fn derivative(self, graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
                match self.0 { $(Function::$name => <$module::$name as UnaryFunction>::derivative(graph, x, y)),* }
            }
        }

        impl LaneKernel for Unary {
            #[inline(always)]
            fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
                match self.0 {
                    $(Function::$name => task.map(simd, #[inline(always)] |x| {
                        <$module::$name as UnaryFunction>::lanes::<T, S>(simd, x)
                    })),*
                }
            }
        }
    };
}

/// An element-wise function of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unary(Function);

unary_functions!(
    abs::Abs = ABS,
    cos::Cos = COS,
    exp::Exp = EXP,
    finite::Finite = FINITE,
    log::Log = LOG,
    log1p::Log1p = LOG1P,
    negate::Negate = NEGATE,
    normal_cdf::NormalCdf = NORMAL_CDF,
    relu::Relu = RELU,
    sigmoid::Sigmoid = SIGMOID,
    sign::Sign = SIGN,
    sin::Sin = SIN,
    sqrt::Sqrt = SQRT,
    step::Step = STEP,
    tanh::Tanh = TANH,
);

impl Operation for Unary {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        expect_inputs((*self).name(), inputs, 1)?;
        let kind = match *self {
            Unary::NEGATE | Unary::ABS | Unary::SIGN | Unary::RELU => inputs[0].kind.max(Kind::Integer),
            Unary::STEP => Kind::Boolean,
            _ => Kind::Real,
        };
        Ok((inputs[0].shape.clone(), kind))
    }

    fn print(&self, arguments: &[String]) -> String {
        match *self {
            Unary::NEGATE => format!("(-{})", arguments[0]),
            Unary::STEP => format!("({} > 0)", arguments[0]),
            other => format!("{}({})", other.name(), arguments[0]),
        }
    }

    fn value(&self, inputs: &[&Tensor]) -> Tensor {
        inputs[0].map(|x| self.evaluate(x))
    }

    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], output: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let derivative = self.derivative(graph, inputs[0], output);
        vec![derivative.map(|derivative| graph.multiply(cotangent, derivative))]
    }

    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        output: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        let (tangent, derivative) = (tangents[0]?, self.derivative(graph, inputs[0], output)?);
        Some(graph.multiply(tangent, derivative))
    }
}
