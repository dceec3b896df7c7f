//! The operations of the graph, one file each: shape rule, value, derivatives, lane kernel, and the language's name
//! for it where it has one.
//!
//! The set is closed (an enum), so that nodes can be compared, hashed and matched; what an operation *is* stands in
//! its own file. To add one: write the file, and name it in the list below. Only `result` and `value` are required:
//! derivatives default to none (for operations that are only evaluated), and the lane kernel to running `value`
//! lane by lane.

pub mod binary;
mod broadcast;
mod concatenate;
mod cumulative_sum;
mod decomposition;
mod draw;
mod embed;
mod gather;
mod input;
mod least_norm;
mod literal;
mod matmul;
mod maximum_over;
mod project;
mod reshape;
mod scatter;
mod select;
mod slice;
mod sum;
mod transpose;
pub mod unary;

pub use binary::Binary;
pub use broadcast::Broadcast;
pub use concatenate::Concatenate;
pub use cumulative_sum::CumulativeSum;
pub use decomposition::Decomposition;
pub use draw::{Distribution, Draw, Purpose};
pub use embed::Embed;
pub use gather::Gather;
pub use input::Input;
pub use least_norm::LeastNorm;
pub use literal::Literal;
pub use matmul::Matmul;
pub use maximum_over::MaximumOver;
pub use project::Project;
pub use reshape::Reshape;
pub use scatter::Scatter;
pub use select::Select;
pub use slice::Slice;
pub use sum::Sum;
pub use transpose::Transpose;
pub use unary::Unary;

use pulp::Simd;

use crate::graph::{Graph, Kind, Mismatch, Node, NodeId};
use crate::lanes::{Loops, Real, Task, View};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// What every operation knows about itself.
pub trait Operation {
    /// Short name, for plans and messages.
    fn name(&self) -> &'static str;

    /// Shape and kind of the result, or why the operation cannot be applied.
    fn result(&self, inputs: &[&Node]) -> Result<(Shape, Kind), Mismatch>;

    /// The value by definition, in f64 and plain loops: the oracle for everything else.
    fn value(&self, inputs: &[&Tensor]) -> Tensor;

    /// Cotangents of the inputs, given that of the output; `None` where there is no dependence.
    fn pullback(&self, graph: &mut Graph, inputs: &[NodeId], output: NodeId, cotangent: NodeId) -> Vec<Option<NodeId>> {
        let _ = (graph, output, cotangent);
        vec![None; inputs.len()]
    }

    /// Tangent of the output, given those of the inputs (`None` = zero).
    fn pushforward(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        output: NodeId,
        tangents: &[Option<NodeId>],
    ) -> Option<NodeId> {
        let _ = (graph, inputs, output, tangents);
        None
    }

    /// The operation as it would be written, with its arguments already printed.
    fn print(&self, arguments: &[String]) -> String {
        format!("{}({})", self.name(), arguments.join(", "))
    }

    /// For operations that only look at their input in another order: the output as a view of the same storage.
    fn view(&self, input: &View) -> Option<View> {
        let _ = input;
        None
    }

    /// The index space that the lane kernel walks, over (output, inputs…).
    fn loops(&self, output: &Shape, inputs: &[&View]) -> Loops {
        Loops::elementwise(output, inputs)
    }
}

/// The lane kernel of an operation, for any element type and instruction set.
pub(crate) trait LaneKernel: Operation {
    /// Computes the output chunks from the input chunks. The default runs [`Operation::value`] lane by lane.
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        let _ = simd;
        task.lane_by_lane(|inputs| self.value(inputs));
    }
}

macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        /// An operation with its static parameters.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is documented as the type it holds")]
        pub enum Op { Constant(Literal), $($name($name)),* }

        impl Op {
            /// The operation behind the variant.
            pub fn operation(&self) -> &dyn Operation {
                match self { Op::Constant(op) => op, $(Op::$name(op) => op),* }
            }

            #[inline(always)]
            pub(crate) fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
                match self { Op::Constant(op) => op.run(simd, task), $(Op::$name(op) => op.run(simd, task)),* }
            }
        }

        $(impl From<$name> for Op { fn from(op: $name) -> Op { Op::$name(op) } })*
    };
}

operations!(
    Input,
    Draw,
    Unary,
    Binary,
    Select,
    Reshape,
    Transpose,
    Broadcast,
    Slice,
    Embed,
    Gather,
    Scatter,
    Concatenate,
    CumulativeSum,
    Sum,
    MaximumOver,
    Matmul,
    Project,
    LeastNorm,
    Decomposition,
);

/// The tangent of a linear operation of one argument: the operation itself.
fn linear(graph: &mut Graph, op: impl Into<Op>, tangents: &[Option<NodeId>]) -> Option<NodeId> {
    tangents[0].map(|tangent| graph.must(op, &[tangent]))
}

/// `name(x, a, b)` for an operation with static numbers.
fn print_with(name: &str, arguments: &[String], numbers: &[usize]) -> String {
    let numbers = numbers.iter().map(ToString::to_string);
    format!("{name}({})", arguments.iter().cloned().chain(numbers).collect::<Vec<_>>().join(", "))
}

fn expect_inputs(name: &str, inputs: &[&Node], count: usize) -> Result<(), Mismatch> {
    let found = inputs.len();
    if found == count { Ok(()) } else { Err(Mismatch(format!("{name} takes {count} arguments, found {found}"))) }
}
