//! The kernels of lane programs, each alone in a program of one instruction, on one block of sixteen lanes:
//!
//!     cargo bench -p gaugebias-model
//!
//! Throughputs count elements of all lanes; of products, multiplications and additions.

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement};
use gaugebias_model::graph::{Graph, Kind, NodeId};
use gaugebias_model::operations::{Binary, Distribution, Draw, Purpose, Unary};
use gaugebias_model::program::{Program, Request};
use gaugebias_model::random::{LaneStream, Stream};
use gaugebias_model::{LANES, Real, Shape};

type Group<'a> = BenchmarkGroup<'a, measurement::WallTime>;

/// Times a step that computes one node; inputs hold numbers in (0, 2).
fn step<T: Real>(group: &mut Group<'_>, id: BenchmarkId, graph: &Graph, node: NodeId, inputs: &[Shape]) {
    let program = Program::<T>::compile(graph, &Request { primary: vec![node], ..Request::default() });
    let lanes = LaneStream::new(&Stream::for_seeds(0, Purpose::Noise, 0, LANES));
    let mut workspace = program.workspace(std::array::from_fn(|_| lanes.clone()));
    let mut stream = Stream::new(1);
    for (slot, shape) in inputs.iter().enumerate() {
        for lane in 0..LANES {
            let values: Vec<f64> =
                (0..shape.count()).map(|_| 2.0 * gaugebias_model::random::unit(stream.next_word())).collect();
            program.set_lane(&mut workspace, slot, lane, &values);
        }
    }
    program.prepare(&mut workspace);
    group.bench_function(id, |bencher| bencher.iter(|| program.step(&mut workspace, false)));
}

fn products<T: Real>(criterion: &mut Criterion, precision: &str) {
    let mut group = criterion.benchmark_group(format!("product/{precision}"));
    for n in [4, 8, 20, 64] {
        let shape = Shape::from([n, n]);
        let mut graph = Graph::new();
        let [left, right] = [0, 1].map(|slot| graph.input(slot, shape.clone(), Kind::Real));
        let product = graph.matmul(left, right).expect("square matrices can be multiplied");
        group.throughput(Throughput::Elements((2 * n * n * n * LANES) as u64));
        let id = BenchmarkId::from_parameter(format!("{n}x{n}"));
        step::<T>(&mut group, id, &graph, product, &[shape.clone(), shape]);
    }
}

/// Elements of the arrays of elementary functions and draws: their chunks stay in the first-level cache.
const COUNT: usize = 200;

fn elementary<T: Real>(criterion: &mut Criterion, precision: &str) {
    let mut group = criterion.benchmark_group(format!("elementary/{precision}"));
    group.throughput(Throughput::Elements((COUNT * LANES) as u64));
    let functions = [
        ("exp", Unary::EXP),
        ("log", Unary::LOG),
        ("log1p", Unary::LOG1P),
        ("tanh", Unary::TANH),
        ("sigmoid", Unary::SIGMOID),
        ("sin", Unary::SIN),
        ("cos", Unary::COS),
        ("sqrt", Unary::SQRT),
        ("normal_cdf", Unary::NORMAL_CDF),
        ("relu", Unary::RELU),
    ];
    for (name, function) in functions {
        let mut graph = Graph::new();
        let input = graph.input(0, [COUNT], Kind::Real);
        let output = graph.unary(function, input);
        step::<T>(&mut group, BenchmarkId::from_parameter(name), &graph, output, &[Shape::from([COUNT])]);
    }
    let mut graph = Graph::new();
    let (input, exponent) = (graph.input(0, [COUNT], Kind::Real), graph.scalar(1.7));
    let power = graph.binary(Binary::POWER, input, exponent).expect("a scalar fits any shape");
    step::<T>(&mut group, BenchmarkId::from_parameter("power"), &graph, power, &[Shape::from([COUNT])]);
}

fn draws<T: Real>(criterion: &mut Criterion, precision: &str) {
    let mut group = criterion.benchmark_group(format!("draw/{precision}"));
    group.throughput(Throughput::Elements((COUNT * LANES) as u64));
    let distributions = [
        ("normal", Distribution::Normal),
        ("uniform", Distribution::Uniform),
        ("bernoulli-half", Distribution::Bernoulli(0.5f64.to_bits())),
        ("bernoulli", Distribution::Bernoulli(0.2f64.to_bits())),
    ];
    for (name, distribution) in distributions {
        let mut graph = Graph::new();
        let output = graph.draw(Draw::new(distribution, [COUNT], Purpose::Noise));
        step::<T>(&mut group, BenchmarkId::from_parameter(name), &graph, output, &[]);
    }
}

fn all(criterion: &mut Criterion) {
    for kind in [products::<f32>, elementary::<f32>, draws::<f32>] {
        kind(criterion, "f32");
    }
    for kind in [products::<f64>, elementary::<f64>, draws::<f64>] {
        kind(criterion, "f64");
    }
}

criterion_group!(kernels, all);
criterion_main!(kernels);
