//! Compiled programs against plain loops, and derivatives against differences, over random graphs.

use super::*;
use crate::LANES;
use crate::graph::{Interpreter, Kind, Simplify, Values, gradient, tangents};
use crate::operations::{
    Binary, Concatenate, CumulativeSum, Distribution, Draw, Gather, LeastNorm, MaximumOver, Project, Purpose, Slice,
    Unary,
};
use crate::random::{LaneStream, Stream};
use crate::tensor::Tensor;

/// A random graph over inputs 0: (2, 3), 1: (3,), 2: (), with one draw in `[batch]`, and a scalar on top.
struct Case {
    graph: Graph,
    inputs: Vec<NodeId>,
    scalar: NodeId,
    everything: Vec<NodeId>,
}

fn pick(stream: &mut Stream, count: usize) -> usize {
    crate::random::integer_below(stream.next_word(), count as u64) as usize
}

/// Adds a random operation on random nodes; smooth almost everywhere, and finite.
fn grow(graph: &mut Graph, nodes: &[NodeId], stream: &mut Stream) -> Option<NodeId> {
    let x = nodes[pick(stream, nodes.len())];
    let y = nodes[pick(stream, nodes.len())];
    let shape = graph.shape(x).clone();
    let rank = shape.rank();
    let squared = |graph: &mut Graph, x| {
        let (square, one) = (graph.multiply(x, x), graph.scalar(1.0));
        graph.add(square, one)
    };
    match pick(stream, 22) {
        0 => graph.binary(Binary::ADD, x, y).ok(),
        1 => graph.binary(Binary::SUBTRACT, x, y).ok(),
        2 => graph.binary(Binary::MULTIPLY, x, y).ok(),
        3 => {
            let below = squared(graph, y);
            graph.binary(Binary::DIVIDE, x, below).ok()
        }
        4 => graph.binary([Binary::MAXIMUM, Binary::MINIMUM][pick(stream, 2)], x, y).ok(),
        5 => graph.matmul(x, y).ok(),
        6 => {
            let positive = squared(graph, x);
            Some(graph.unary([Unary::SQRT, Unary::LOG, Unary::LOG1P][pick(stream, 3)], positive))
        }
        7 => {
            let bounded = graph.unary(Unary::TANH, x);
            Some(graph.unary(Unary::EXP, bounded))
        }
        8 => Some(graph.unary([Unary::SIN, Unary::COS][pick(stream, 2)], x)),
        9 => Some(graph.unary([Unary::SIGMOID, Unary::TANH, Unary::NORMAL_CDF][pick(stream, 3)], x)),
        10 => Some(graph.unary([Unary::RELU, Unary::ABS, Unary::NEGATE, Unary::FINITE][pick(stream, 4)], x)),
        11 if rank > 0 => Some(graph.sum_over(x, vec![pick(stream, rank)])),
        12 if rank > 0 => graph.apply(MaximumOver { axes: vec![pick(stream, rank)], shift: false }, &[x]).ok(),
        13 if rank > 1 => Some(graph.transpose_last(x)),
        14 => {
            let flat = Shape::from([shape.count()]);
            Some(graph.reshape(x, &flat))
        }
        15 if rank > 0 => {
            let axis = pick(stream, rank);
            graph.apply(CumulativeSum { axis, reverse: pick(stream, 2) == 1 }, &[x]).ok()
        }
        16 if rank > 0 && shape.0[rank - 1] > 1 => {
            let mut slice = Slice::along(&shape, rank - 1, pick(stream, 2), (shape.0[rank - 1] - 1).min(2));
            slice.steps[rank - 1] = if slice.sizes[rank - 1] == 1 { 2 } else { 1 };
            graph.apply(slice, &[x]).ok()
        }
        17 if rank > 0 => {
            let index = Tensor::new([4], (0..4).map(|_| pick(stream, shape.0[0]) as f64).collect());
            let index = graph.constant(index, Kind::Integer);
            graph.apply(Gather { axis: 0 }, &[x, index]).ok()
        }
        18 if rank > 0 => graph.apply(Concatenate { axis: 0 }, &[x, x, y]).ok(),
        19 => {
            let mask = graph.binary(Binary::LESS, x, y).ok()?;
            let shape = graph.shape(mask).clone();
            let (a, b) = (graph.broadcast(x, &shape).ok()?, graph.broadcast(y, &shape).ok()?);
            let doubled = graph.scale(2.0, b);
            Some(graph.select(mask, a, doubled))
        }
        20 => {
            let (base, exponent) = (squared(graph, x), graph.scalar(1.7));
            graph.binary(Binary::POWER, base, exponent).ok()
        }
        21 => {
            let (constant, bounded) = (graph.scalar(0.7), graph.unary(Unary::TANH, x));
            Some(graph.add(constant, bounded))
        }
        _ => None,
    }
}

fn random_case(seed: u64, simplify: Simplify) -> Case {
    let mut stream = Stream::new(seed);
    let mut graph = Graph::with(simplify);
    let inputs = vec![
        graph.input(0, [2, 3], Kind::Real),
        graph.input(1, [3], Kind::Real),
        graph.input(2, Shape::SCALAR, Kind::Real),
    ];
    let draw = graph.draw(Draw::new(Distribution::Normal, [2, 3], Purpose::Batch));
    let mut nodes = [inputs.clone(), vec![draw]].concat();
    for _ in 0..14 {
        if let Some(node) = grow(&mut graph, &nodes, &mut stream) {
            // Large tensors would only slow the test down, tanh keeps values where differences are accurate.
            if graph.shape(node).count() <= 60 && graph.kind(node) == Kind::Real {
                nodes.push(graph.unary(Unary::TANH, node));
                nodes.push(node);
            }
        }
    }
    let mut scalar = graph.scalar(0.0);
    for &node in &nodes[nodes.len() - 4..] {
        let bounded = graph.unary(Unary::TANH, node);
        let sum = graph.sum(bounded);
        scalar = graph.add(scalar, sum);
    }
    Case { graph, inputs, scalar, everything: nodes }
}

fn input_values(seed: u64) -> Values {
    let mut stream = Stream::new(seed ^ 0xabcdef);
    let mut normal = |count: usize| -> Vec<f64> {
        (0..count).map(|_| crate::random::box_muller(stream.next_word(), stream.next_word()).0).collect()
    };
    Values::from([
        (0, Tensor::new([2, 3], normal(6))),
        (1, Tensor::new([3], normal(3))),
        (2, Tensor::scalar(normal(1)[0])),
    ])
}

fn lane_streams() -> Vec<Vec<Stream>> {
    (0..LANES)
        .map(|lane| {
            [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise]
                .map(|purpose| Stream::for_seed(5, purpose, lane))
                .to_vec()
        })
        .collect()
}

/// The value of every output in every lane, by the compiled program.
fn compiled<T: Real>(graph: &Graph, outputs: &[NodeId], set: InstructionSet, split: bool) -> Vec<Vec<Tensor>> {
    compiled_with::<T>(graph, outputs, set, split, Passes::default())
}

fn compiled_with<T: Real>(
    graph: &Graph,
    outputs: &[NodeId],
    set: InstructionSet,
    split: bool,
    passes: Passes,
) -> Vec<Vec<Tensor>> {
    let middle = if split { outputs.len() / 2 } else { outputs.len() };
    let request = Request {
        fixed: vec![1],
        primary: outputs[..middle].to_vec(),
        secondary: outputs[middle..].to_vec(),
        passes,
        ..Request::default()
    };
    let program = Program::<T>::compile(graph, &request).with_instruction_set(set);
    let lanes = lane_streams();
    let streams = std::array::from_fn(|purpose| {
        LaneStream::new(&lanes.iter().map(|streams| streams[purpose]).collect::<Vec<_>>())
    });
    let mut workspace = program.workspace(streams);
    for lane in 0..LANES {
        for (slot, tensor) in input_values(lane as u64) {
            program.set_lane(&mut workspace, slot, lane, &tensor.values);
        }
    }
    program.prepare(&mut workspace);
    program.step(&mut workspace, true);
    let read = |index: usize, lane: usize| {
        let (chunks, shape) = match index < middle {
            true => (program.primary(&workspace, index), program.primary_shape(index)),
            false => (program.secondary(&workspace, index - middle), program.secondary_shape(index - middle)),
        };
        Tensor::new(shape.clone(), chunks.iter().map(|chunk| chunk.0[lane].to_f64()).collect())
    };
    (0..LANES).map(|lane| (0..outputs.len()).map(|index| read(index, lane)).collect()).collect()
}

fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64, context: &str) {
    assert_eq!(found.shape, expected.shape, "{context}");
    for (x, y) in found.values.iter().zip(&expected.values) {
        let close = (x - y).abs() <= tolerance * (1.0 + y.abs()) || (x.is_nan() && y.is_nan());
        assert!(close, "{context}: found {x}, expected {y}");
    }
}

#[test]
fn compiled_programs_agree_with_plain_loops_in_every_instruction_set() {
    for seed in 0..60 {
        let mut case = random_case(seed, Simplify::default());
        let gradients = gradient(&mut case.graph, case.scalar, &case.inputs);
        let outputs = [case.everything.clone(), vec![case.scalar], gradients].concat();
        let mut lanes = lane_streams();
        let interpreter = Interpreter::new(&case.graph);
        let expected: Vec<Vec<Tensor>> = (0..LANES)
            .map(|lane| interpreter.evaluate(&outputs, &input_values(lane as u64), &mut lanes[lane]))
            .collect();
        for set in InstructionSet::available() {
            for split in [false, true] {
                let double = compiled::<f64>(&case.graph, &outputs, set, split);
                for (lane, values) in double.iter().enumerate() {
                    for (index, value) in values.iter().enumerate() {
                        let context = format!("seed {seed}, {}, lane {lane}, output {index}", set.name());
                        assert_close(value, &expected[lane][index], 1e-10, &context);
                    }
                }
            }
            // Values here; gradients in single precision below, on graphs without kinks.
            let count = case.everything.len();
            let single = compiled::<f32>(&case.graph, &outputs[..count], set, false);
            for (lane, values) in single.iter().enumerate() {
                let worst = values
                    .iter()
                    .zip(&expected[lane])
                    .flat_map(|(a, b)| a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())));
                assert!(worst.fold(0.0, f64::max) < 2e-3, "seed {seed}, {}, lane {lane}", set.name());
            }
        }
    }
}

#[test]
fn every_pass_can_be_switched_off() {
    let on = Passes::default();
    let passes = [
        Passes { hoist: false, ..on },
        Passes { fuse: false, ..on },
        Passes { products: false, ..on },
        Passes { rows: false, ..on },
        Passes { reuse: false, ..on },
        Passes::OFF,
    ];
    for seed in 100..140 {
        let mut case = random_case(seed, Simplify::default());
        let gradients = gradient(&mut case.graph, case.scalar, &case.inputs);
        let outputs = [case.everything.clone(), vec![case.scalar], gradients].concat();
        for split in [false, true] {
            let set = InstructionSet::detect();
            let expected = compiled::<f64>(&case.graph, &outputs, set, split);
            for passes in passes {
                let found = compiled_with::<f64>(&case.graph, &outputs, set, split, passes);
                for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
                    assert_close(found, expected, 1e-10, &format!("seed {seed}, {passes:?}"));
                }
            }
        }
    }
}

/// Kinks and selections: near one, single and double precision may see different sides.
const KINKED: [&str; 8] = ["relu", "abs", "step", "sign", "maximum", "minimum", "max", "where"];

#[test]
fn gradients_in_single_precision_agree_with_double() {
    let mut compared = 0;
    for seed in 0..400 {
        let mut case = random_case(seed, Simplify::default());
        if case.graph.nodes().iter().any(|node| KINKED.contains(&node.op.operation().name())) {
            continue;
        }
        let gradients = gradient(&mut case.graph, case.scalar, &case.inputs);
        let single = compiled::<f32>(&case.graph, &gradients, InstructionSet::detect(), false);
        let double = compiled::<f64>(&case.graph, &gradients, InstructionSet::detect(), false);
        for (single, double) in single.iter().flatten().zip(double.iter().flatten()) {
            assert_close(single, double, 2e-3, &format!("seed {seed}"));
        }
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} graphs without kinks");
}

#[test]
fn random_graphs_hold_every_operation() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut case = random_case(seed, Simplify::default());
        gradient(&mut case.graph, case.scalar, &case.inputs);
        seen.extend(case.graph.nodes().iter().map(|node| node.op.operation().name()));
    }
    let unary = Unary::ALL.iter().filter(|unary| **unary != Unary::SIGN).map(|unary| unary.name());
    let binary = Binary::ALL.iter().map(|binary| binary.name());
    let structural = [
        "where",
        "reshape",
        "transpose",
        "broadcast",
        "slice",
        "embed",
        "gather",
        "scatter",
        "concat",
        "cumsum",
        "sum",
        "max",
        "matmul",
        "draw",
        "constant",
        "input",
    ];
    // Not differentiable, or the derivative of something else: tested by their values in spec/tests.rs.
    let elsewhere = ["less_equal", "not_equal"];
    for name in unary.chain(binary).chain(structural).filter(|name| !elsewhere.contains(name)) {
        assert!(seen.contains(name), "no random graph holds {name}; they hold {seen:?}");
    }
}

#[test]
fn simplifications_do_not_change_values() {
    let off = Simplify { share: false, fold: false, identities: false };
    for seed in 0..60 {
        let mut values = Vec::new();
        for simplify in [Simplify::default(), off, Simplify { fold: true, ..off }, Simplify { share: true, ..off }] {
            let mut case = random_case(seed, simplify);
            let gradients = gradient(&mut case.graph, case.scalar, &case.inputs);
            let outputs = [vec![case.scalar], gradients].concat();
            let interpreter = Interpreter::new(&case.graph);
            values.push(interpreter.evaluate(&outputs, &input_values(seed), &mut lane_streams()[0]));
        }
        for other in &values[1..] {
            for (found, expected) in other.iter().zip(&values[0]) {
                assert_close(found, expected, 1e-12, &format!("seed {seed}"));
            }
        }
    }
}

#[test]
fn gradients_agree_with_differences_and_with_forward_mode() {
    let mut compared = 0;
    for seed in 0..120 {
        let mut case = random_case(seed, Simplify::default());
        let gradients = gradient(&mut case.graph, case.scalar, &case.inputs);
        let directions: Vec<NodeId> = case
            .inputs
            .iter()
            .enumerate()
            .map(|(slot, &input)| {
                let shape = case.graph.shape(input).clone();
                case.graph.input(10 + slot, shape, Kind::Real)
            })
            .collect();
        let seeds: Vec<_> = case.inputs.iter().copied().zip(directions).collect();
        let forward = tangents(&mut case.graph, &seeds, &[case.scalar])[0];
        let mut values = input_values(seed);
        let moves = input_values(seed + 1000);
        moves.iter().for_each(|(slot, tensor)| {
            values.insert(10 + slot, tensor.clone());
        });
        let streams = lane_streams();
        let evaluate = |outputs: &[NodeId], values: &Values| {
            Interpreter::new(&case.graph).evaluate(outputs, values, &mut streams[0].clone())
        };
        let reverse: f64 = evaluate(&gradients, &values)
            .iter()
            .enumerate()
            .map(|(slot, g)| g.values.iter().zip(&moves[&slot].values).map(|(g, v)| g * v).sum::<f64>())
            .sum();
        if let Some(forward) = forward {
            let forward = evaluate(&[forward], &values)[0].values[0];
            assert!((forward - reverse).abs() <= 1e-10 * (1.0 + reverse.abs()), "seed {seed}: {forward} and {reverse}");
        } else {
            assert_eq!(reverse, 0.0, "seed {seed}");
        }
        let moved = |h: f64| {
            let mut moved = values.clone();
            for (slot, tensor) in &moves {
                let target = moved.get_mut(slot).expect("all inputs have values");
                target.values.iter_mut().zip(&tensor.values).for_each(|(x, v)| *x += h * v);
            }
            evaluate(&[case.scalar], &moved)[0].values[0]
        };
        let difference = |h: f64| (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
        let (coarse, fine) = (difference(2e-4), difference(1e-4));
        // Where two differences disagree a kink lies between the points, and neither is the derivative.
        if (coarse - fine).abs() < 1e-7 * (1.0 + fine.abs()) {
            compared += 1;
            assert!((fine - reverse).abs() < 1e-6 * (1.0 + reverse.abs()), "seed {seed}: {fine} and {reverse}");
        }
    }
    assert!(compared > 100, "only {compared} of 120 graphs were smooth enough to compare");
}

#[test]
fn elementary_derivatives_agree_with_dual_numbers() {
    use num_dual::{Dual64, DualNum};
    type OfDual = fn(Dual64) -> Dual64;
    let functions: [(Unary, OfDual); 8] = [
        (Unary::EXP, |x| x.exp()),
        (Unary::LOG, |x| x.ln()),
        (Unary::LOG1P, |x| x.ln_1p()),
        (Unary::SIN, |x| x.sin()),
        (Unary::COS, |x| x.cos()),
        (Unary::TANH, |x| x.tanh()),
        (Unary::SQRT, |x| x.sqrt()),
        (Unary::SIGMOID, |x| ((-x).exp() + 1.0).recip()),
    ];
    for (unary, dual) in functions {
        for at in [0.03, 0.7, 1.0, 2.9, 11.0] {
            let mut graph = Graph::new();
            let x = graph.input(0, Shape::SCALAR, Kind::Real);
            let y = graph.unary(unary, x);
            let derivative = gradient(&mut graph, y, &[x])[0];
            let values = Values::from([(0, Tensor::scalar(at))]);
            let found = Interpreter::new(&graph).evaluate(&[y, derivative], &values, &mut []);
            let expected = dual(Dual64::new(at, 1.0));
            for (found, expected) in [(&found[0], expected.re), (&found[1], expected.eps)] {
                assert!(
                    (found.values[0] - expected).abs() < 1e-14 * (1.0 + expected.abs()),
                    "{} at {at}",
                    unary.name()
                );
            }
        }
    }
}

#[test]
fn the_projector_is_the_same_in_lanes() {
    let mut graph = Graph::new();
    let rows = graph.input(0, [2, 3], Kind::Real);
    let twice = graph.scale(2.0, rows);
    let rows = graph.must(Concatenate { axis: 0 }, &[rows, twice]);
    let vector = graph.input(1, [3], Kind::Real);
    let projected = graph.must(Project, &[rows, vector]);
    let interpreter = Interpreter::new(&graph);
    for set in InstructionSet::available() {
        let double = compiled::<f64>(&graph, &[projected], set, false);
        let single = compiled::<f32>(&graph, &[projected], set, false);
        for lane in 0..LANES {
            let expected = interpreter.evaluate(&[projected], &input_values(lane as u64), &mut []);
            assert_close(&double[lane][0], &expected[0], 1e-12, set.name());
            assert_close(&single[lane][0], &expected[0], 1e-4, set.name());
        }
    }
}

/// Three rows of which the last depends on the others, and two right sides of which the last does too.
#[test]
fn the_least_norm_solution_is_the_same_in_lanes() {
    let mut graph = Graph::new();
    let rows = graph.input(0, [2, 3], Kind::Real);
    let whole = graph.input(1, [3], Kind::Real);
    let right = graph.must(Slice { starts: vec![0], steps: vec![1], sizes: vec![2] }, &[whole]);
    let twice = graph.scale(2.0, rows);
    let rows = graph.must(Concatenate { axis: 0 }, &[rows, twice]);
    let doubled = graph.scale(2.0, right);
    let right = graph.must(Concatenate { axis: 0 }, &[right, doubled]);
    let solved = graph.must(LeastNorm, &[rows, right]);
    let interpreter = Interpreter::new(&graph);
    for set in InstructionSet::available() {
        let double = compiled::<f64>(&graph, &[solved], set, false);
        let single = compiled::<f32>(&graph, &[solved], set, false);
        for lane in 0..LANES {
            let expected = interpreter.evaluate(&[solved], &input_values(lane as u64), &mut []);
            assert_close(&double[lane][0], &expected[0], 1e-10, set.name());
            assert_close(&single[lane][0], &expected[0], 1e-2, set.name());
        }
    }
}

#[test]
fn feedback_and_logs_leave_draws_in_step() {
    let mut graph = Graph::new();
    let state = graph.input(0, [3], Kind::Real);
    let noise = graph.draw(Draw::new(Distribution::Normal, [3], Purpose::Noise));
    let next = graph.add(state, noise);
    let norm = graph.multiply(next, next);
    let norm = graph.sum(norm);
    let request = Request { primary: vec![next], secondary: vec![norm], feedback: vec![(0, 0)], ..Request::default() };
    let program = Program::<f64>::compile(&graph, &request);
    let run = |log: fn(usize) -> bool| {
        let lanes = lane_streams();
        let streams = std::array::from_fn(|purpose| {
            LaneStream::new(&lanes.iter().map(|streams| streams[purpose]).collect::<Vec<_>>())
        });
        let mut workspace = program.workspace(streams);
        (0..7).for_each(|step| {
            program.step(&mut workspace, log(step));
            program.advance(&mut workspace);
        });
        program.input(&workspace, 0).expect("the state is an input").to_vec()
    };
    assert_eq!(run(|_| true), run(|step| step % 3 == 0));
    assert_ne!(run(|_| true)[0].0[0], run(|_| true)[0].0[1], "lanes have streams of their own");
}
