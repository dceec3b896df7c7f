//! max(x, 0)

use super::UnaryFunction;
use crate::graph::{Graph, NodeId};
use crate::lanes::Real;
use pulp::Simd;

pub(crate) struct Relu;

impl UnaryFunction for Relu {
    const NAME: &'static str = "relu";
    const SUMMARY: Option<&'static str> = Some("max(x, 0); its derivative at 0 is 0");
    const DERIVATIVE: &'static str = "0 at 0";
    const ACCURACY: &'static str = "exact";

    fn value(x: f64) -> f64 {
        if x > 0.0 || x.is_nan() { x } else { 0.0 }
    }

    fn derivative(graph: &mut Graph, x: NodeId, y: NodeId) -> Option<NodeId> {
        let _ = x;
        // By the value, not the argument: then nothing else needs the argument.
        Some(graph.unary(super::Unary::STEP, y))
    }

    #[inline(always)]
    fn lanes<T: Real, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::positive_part(simd, x)
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Kind};
    use crate::operations::{Purpose, Unary};
    use crate::program::{InstructionSet, Program, Request};
    use crate::random::{LaneStream, Stream};
    use crate::{LANES, Real};

    /// relu of the input, by itself and behind a product.
    fn rectified<T: Real>(set: InstructionSet, input: f64) -> [f64; 2] {
        let mut graph = Graph::new();
        let x = graph.input(0, [1, 1], Kind::Real);
        let weight = graph.input(1, [1, 1], Kind::Real);
        let product = graph.matmul(x, weight).expect("sizes fit");
        let primary = vec![graph.unary(Unary::RELU, x), graph.unary(Unary::RELU, product)];
        let program =
            Program::<T>::compile(&graph, &Request { primary, ..Request::default() }).with_instruction_set(set);
        let lanes = LaneStream::new(&Stream::for_seeds(0, Purpose::Noise, 0, LANES));
        let mut workspace = program.workspace(std::array::from_fn(|_| lanes.clone()));
        program.set_lane(&mut workspace, 0, 3, &[input]);
        program.set_lane(&mut workspace, 1, 3, &[1.0]);
        program.step(&mut workspace, false);
        [0, 1].map(|index| program.primary_tensor(&workspace, index, 3).values[0])
    }

    #[test]
    fn a_nan_stays_one_in_every_instruction_set() {
        for set in InstructionSet::available() {
            for (input, expected) in [(2.5, 2.5), (-1.0, 0.0), (0.0, 0.0), (f64::INFINITY, f64::INFINITY)] {
                assert_eq!(rectified::<f32>(set, input), [expected; 2], "{}", set.name());
                assert_eq!(rectified::<f64>(set, input), [expected; 2], "{}", set.name());
            }
            let not_a_number = [rectified::<f32>(set, f64::NAN), rectified::<f64>(set, f64::NAN)].concat();
            assert!(not_a_number.iter().all(|x| x.is_nan()), "{}: {not_a_number:?}", set.name());
        }
    }
}
