//! Products along rows against plain loops.

use crate::graph::{Graph, Interpreter, Kind, NodeId, Values};
use crate::operations::{Purpose, Slice, Unary};
use crate::program::{InstructionSet, Passes, Program, Request};
use crate::random::{LaneStream, Stream, box_muller};
use crate::tensor::Tensor;
use crate::{LANES, Real, Shape};

/// A graph of fixed input 0, the matrix or what it is a part of, and inputs 1 and 2, vectors; its outputs.
struct Case {
    graph: Graph,
    inputs: [Shape; 3],
    outputs: Vec<NodeId>,
}

/// How the matrix is got from input 0.
#[derive(Clone, Copy, Debug)]
enum Given {
    Itself,
    Transposed,
    Part,
}

fn matrix(graph: &mut Graph, given: Given, rows: usize, columns: usize) -> (NodeId, Shape) {
    let shape = match given {
        Given::Itself => Shape::from([rows, columns]),
        Given::Transposed => Shape::from([columns, rows]),
        Given::Part => Shape::from([2 * rows + 1, columns + 3]),
    };
    let input = graph.input(0, shape.clone(), Kind::Real);
    let matrix = match given {
        Given::Itself => input,
        Given::Transposed => graph.transpose_last(input),
        Given::Part => {
            let part = Slice { starts: vec![1, 2], steps: vec![2, 1], sizes: vec![rows, columns] };
            graph.apply(part, &[input]).expect("a part of the matrix")
        }
    };
    (matrix, shape)
}

/// M x + what is given beside it, and the transposed product of that, as a training step has them.
fn case(given: Given, [rows, columns]: [usize; 2], finish: usize) -> Case {
    let mut graph = Graph::new();
    let (matrix, shape) = matrix(&mut graph, given, rows, columns);
    let [x, y] = [(1, columns), (2, rows)].map(|(slot, count)| graph.input(slot, [count, 1], Kind::Real));
    let product = graph.matmul(matrix, x).expect("sizes fit");
    let residual = match finish {
        0 => product,
        1 => graph.subtract(product, y),
        2 => {
            let (doubled, scaled) = (graph.scale(2.0, product), graph.scale(0.25, y));
            let sum = graph.add(doubled, scaled);
            graph.subtract(y, sum)
        }
        3 => graph.unary(Unary::TANH, product),
        _ => graph.multiply(product, y),
    };
    let transposed = graph.transpose_last(matrix);
    let gradient = graph.matmul(transposed, residual).expect("sizes fit");
    let change = graph.scale(1e-2, gradient);
    let next = graph.subtract(x, change);
    // A row times the matrix is the transposed matrix times a column.
    let row = graph.reshape(y, &Shape::from([1, rows]));
    let other = graph.matmul(row, matrix).expect("sizes fit");
    Case {
        graph,
        inputs: [shape, Shape::from([columns, 1]), Shape::from([rows, 1])],
        outputs: vec![next, residual, other],
    }
}

fn values(case: &Case, lane: usize) -> Values {
    let mut stream = Stream::new(lane as u64 + 17);
    let mut normal = || box_muller(stream.next_word(), stream.next_word()).0;
    let tensor = |shape: &Shape, normal: &mut dyn FnMut() -> f64| {
        Tensor::new(shape.clone(), (0..shape.count()).map(|_| normal() / (shape.count() as f64).sqrt()).collect())
    };
    case.inputs.iter().enumerate().map(|(slot, shape)| (slot, tensor(shape, &mut normal))).collect()
}

fn run<T: Real>(case: &Case, set: InstructionSet, passes: Passes) -> (String, Vec<Vec<f64>>) {
    let request = Request { fixed: vec![0], primary: case.outputs.clone(), passes, ..Request::default() };
    let program = Program::<T>::compile(&case.graph, &request).with_instruction_set(set);
    let lanes = LaneStream::new(&Stream::for_seeds(0, Purpose::Noise, 0, LANES));
    let mut workspace = program.workspace(std::array::from_fn(|_| lanes.clone()));
    for lane in 0..LANES {
        for (slot, tensor) in values(case, lane) {
            program.set_lane(&mut workspace, slot, lane, &tensor.values);
        }
    }
    program.prepare(&mut workspace);
    // The second step finds what the first one left in the scratch memory.
    program.step(&mut workspace, false);
    program.step(&mut workspace, false);
    let lane = |lane: usize| {
        let outputs = (0..case.outputs.len()).map(|index| program.primary_tensor(&workspace, index, lane).values);
        outputs.flatten().collect()
    };
    (program.plan().to_string(), (0..LANES).map(lane).collect())
}

fn expected(case: &Case, lane: usize) -> Vec<f64> {
    let outputs = Interpreter::new(&case.graph).evaluate(&case.outputs, &values(case, lane), &mut []);
    outputs.into_iter().flat_map(|tensor| tensor.values).collect()
}

fn worst(found: &[f64], expected: &[f64]) -> f64 {
    found.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0.0, |a, b| if b.is_nan() { b } else { a.max(b) })
}

const SIZES: [[usize; 2]; 5] = [[60, 200], [43, 48], [33, 65], [16, 131], [9, 240]];

#[test]
fn products_agree_with_plain_loops() {
    for given in [Given::Itself, Given::Transposed, Given::Part] {
        for (sizes, finish) in SIZES.into_iter().flat_map(|sizes| (0..5).map(move |finish| (sizes, finish))) {
            let case = case(given, sizes, finish);
            for set in InstructionSet::available() {
                let (plan, double) = run::<f64>(&case, set, Passes::default());
                let (_, single) = run::<f32>(&case, set, Passes::default());
                assert!(plan.contains("along rows") && plan.contains("along columns"), "{plan}");
                // One sweep where what goes back is a sum of multiples.
                assert_eq!(plan.contains("and back"), finish < 3, "{plan}");
                for lane in 0..LANES {
                    let expected = expected(&case, lane);
                    let (double, single) = (worst(&double[lane], &expected), worst(&single[lane], &expected));
                    let context = format!("{given:?}, {sizes:?}, finish {finish}, {}, lane {lane}", set.name());
                    assert!(double < 1e-14 && single < 1e-5, "{context}: {double:e}, {single:e}");
                }
            }
        }
    }
}

#[test]
fn registers_of_every_width_add_in_the_same_order() {
    let fused = |set: &InstructionSet| !matches!(set, InstructionSet::Portable(_));
    let sets: Vec<InstructionSet> = InstructionSet::available().into_iter().filter(fused).collect();
    for sizes in SIZES {
        let case = case(Given::Itself, sizes, 1);
        for pair in sets.windows(2) {
            let (one, other) =
                (run::<f64>(&case, pair[0], Passes::default()), run::<f64>(&case, pair[1], Passes::default()));
            assert!(one.1 == other.1, "{sizes:?}: {} and {} differ", pair[0].name(), pair[1].name());
        }
    }
}

#[test]
fn small_matrices_and_the_pass_switched_off_stay_in_lanes() {
    let set = InstructionSet::detect();
    let small = run::<f64>(&case(Given::Itself, [20, 50], 1), set, Passes::default());
    assert!(!small.0.contains("along"), "{}", small.0);
    let case = case(Given::Itself, [60, 200], 1);
    let without = run::<f64>(&case, set, Passes { rows: false, ..Passes::default() });
    assert!(!without.0.contains("along"), "{}", without.0);
    let with = run::<f64>(&case, set, Passes::default());
    for lane in 0..LANES {
        assert!(worst(&with.1[lane], &without.1[lane]) < 1e-14);
    }
}
