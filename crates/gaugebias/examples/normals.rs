//! Normal numbers as programs draw them, against the normal distribution:
//!
//!     normals [DRAWS] [MANY_DRAWS] [SEED]     (1e8, 1e10 and 0 where left out; 8 bytes of memory for each of DRAWS)
//!
//! A compiled program draws for 10,000 seeds, 100 numbers a step: moments 1 to 6, correlations between the two numbers
//! of a pair, neighbouring lanes and consecutive steps (of the numbers and of their squares), the Kolmogorov–Smirnov
//! distance to Φ, and counts beyond 3 to 6 deviations; moments and counts again over many more draws of another family. Everything in single and
//! double precision. Exit status 1 where a probability is below 1e-5.

use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::process::ExitCode;

use gaugebias::model::graph::Graph;
use gaugebias::model::operations::{Distribution, Draw, Purpose};
use gaugebias::model::program::{Program, Request, Workspace};
use gaugebias::model::random::{LaneStream, Stream};
use gaugebias::model::{LANES, Real};
use statrs::distribution::{DiscreteCDF, Poisson};

const BLOCKS: usize = 625;
const NUMBERS: usize = 100;
const LEVELS: [f64; 5] = [3.0, 4.0, 5.0, 5.5, 6.0];
/// E x^(2k) − (E x^k)² for k = 1 … 6.
const MOMENT_VARIANCES: [f64; 6] = [1.0, 2.0, 15.0, 96.0, 945.0, 10_170.0];
const MOMENTS: [f64; 6] = [0.0, 1.0, 0.0, 3.0, 0.0, 15.0];

/// Below this a probability counts as a failure; about a hundred are printed.
const FAILURE: f64 = 1e-5;

fn upper_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// P(D ≥ d) by Kolmogorov's series, with Stephens' correction for finite n.
fn kolmogorov(distance: f64, count: f64) -> f64 {
    let root = count.sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    let term = |k: i32| f64::from(1 - 2 * ((k - 1) & 1)) * (-2.0 * (f64::from(k) * lambda).powi(2)).exp();
    (2.0 * (1..100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

/// A program that draws, and its blocks of seeds.
struct Source<T> {
    program: Program<T>,
    blocks: Vec<Workspace<T>>,
}

impl<T: Real> Source<T> {
    fn new(base: u64) -> Self {
        let mut graph = Graph::new();
        let draw = graph.draw(Draw::new(Distribution::Normal, [NUMBERS], Purpose::Noise));
        let program = Program::compile(&graph, &Request { primary: vec![draw], ..Request::default() });
        let streams = Stream::for_seeds(base, Purpose::Noise, 0, BLOCKS * LANES);
        let block = |streams: &[Stream]| std::array::from_fn(|_| LaneStream::new(streams));
        let blocks = streams.chunks(LANES).map(|streams| program.workspace(block(streams))).collect();
        Self { program, blocks }
    }

    /// The numbers of a block's next step, element by element.
    fn step(&mut self, block: usize) -> impl Iterator<Item = &[T; LANES]> {
        self.program.step(&mut self.blocks[block], false);
        self.program.primary(&self.blocks[block], 0).iter().map(|chunk| &chunk.0)
    }
}

/// Prints findings and remembers the smallest probability.
struct Report {
    kind: &'static str,
    failed: bool,
}

impl Report {
    fn row(&mut self, name: &str, found: f64, expected: f64, deviation: f64, probability: f64) {
        let verdict = if probability < FAILURE { "FAILS" } else { "" };
        self.failed |= probability < FAILURE;
        println!(
            "{} {name:<34} {found:>16.8} {expected:>16.8} {deviation:>8.2} {probability:>10.3e} {verdict}",
            self.kind
        );
    }

    fn mean(&mut self, name: &str, mean: f64, expected: f64, variance: f64, count: f64) {
        let z = (mean - expected) / (variance / count).sqrt();
        self.row(name, mean, expected, z, two_sided(z));
    }

    fn moments(&mut self, sums: &[f64; 6], count: f64) {
        for (order, sum) in sums.iter().enumerate() {
            let name = format!("moment {} of {count:e}", order + 1);
            self.mean(&name, sum / count, MOMENTS[order], MOMENT_VARIANCES[order], count);
        }
    }

    fn tails(&mut self, counts: &[[u64; 2]; LEVELS.len()], draws: f64) {
        for (level, counts) in LEVELS.iter().zip(counts) {
            let expected = draws * upper_tail(*level);
            for (side, &count) in ["above ", "below −"].iter().zip(counts) {
                let law = Poisson::new(expected).expect("a positive mean");
                let below = law.cdf(count);
                let above = if count == 0 { 1.0 } else { law.sf(count - 1) };
                let name = format!("{side}{level} of {draws:e}");
                let z = (count as f64 - expected) / expected.sqrt();
                self.row(&name, count as f64, expected, z, (2.0 * below.min(above)).min(1.0));
            }
        }
    }
}

/// Adds Σ x, Σ x², … Σ x⁶; in parts, so that rounding does not gather.
fn add_powers(values: &[f64], sums: &mut [f64; 6]) {
    let mut partial = [0.0; 6];
    for &x in values {
        let mut power = 1.0;
        for sum in &mut partial {
            power *= x;
            *sum += power;
        }
    }
    sums.iter_mut().zip(partial).for_each(|(sum, partial)| *sum += partial);
}

fn count_tails(x: f64, counts: &mut [[u64; 2]; LEVELS.len()]) {
    if x.abs() > LEVELS[0] {
        for (level, counts) in LEVELS.iter().zip(counts) {
            counts[0] += u64::from(x > *level);
            counts[1] += u64::from(x < -level);
        }
    }
}

/// Σ xy and Σ (x² − 1)(y² − 1) of pairs that must be independent.
#[derive(Default)]
struct Product {
    plain: f64,
    squares: f64,
    count: f64,
}

impl Product {
    fn add(&mut self, x: f64, y: f64) {
        self.plain += x * y;
        self.squares += (x * x - 1.0) * (y * y - 1.0);
        self.count += 1.0;
    }

    fn report(&self, name: &str, report: &mut Report) {
        report.mean(&format!("xy, {name}"), self.plain / self.count, 0.0, 1.0, self.count);
        let mean = self.squares / self.count;
        report.mean(&format!("(x²−1)(y²−1), {name}"), mean, 0.0, 4.0, self.count);
    }
}

fn body<T: Real>(draws: usize, base: u64, report: &mut Report) {
    let mut source = Source::<T>::new(base);
    let steps = draws.div_ceil(BLOCKS * LANES * NUMBERS);
    let mut values: Vec<f64> = Vec::with_capacity(steps * BLOCKS * LANES * NUMBERS);
    let [mut pairs, mut lanes, mut times] = [Product::default(), Product::default(), Product::default()];
    let mut sums = [0.0; 6];
    for block in 0..BLOCKS {
        for step in 0..steps {
            let start = values.len();
            values.extend(source.step(block).flatten().map(|x| x.to_f64()));
            let now = &values[start..];
            add_powers(now, &mut sums);
            for both in now.chunks_exact(2 * LANES) {
                (0..LANES).for_each(|lane| pairs.add(both[lane], both[LANES + lane]));
            }
            now.chunks_exact(2).for_each(|both| lanes.add(both[0], both[1]));
            if step % 2 == 1 {
                let before = &values[start - NUMBERS * LANES..start];
                before.iter().zip(now).for_each(|(&x, &y)| times.add(x, y));
            }
        }
    }
    let count = values.len() as f64;
    report.moments(&sums, count);
    pairs.report("a pair", report);
    lanes.report("neighbouring lanes", report);
    times.report("consecutive steps", report);
    values.sort_unstable_by(f64::total_cmp);
    let distance = values.iter().enumerate().fold(0.0f64, |distance, (index, &x)| {
        let below = upper_tail(-x);
        distance.max(below - index as f64 / count).max((index as f64 + 1.0) / count - below)
    });
    report.row("Kolmogorov–Smirnov, √n·D", distance * count.sqrt(), 0.8687, 0.0, kolmogorov(distance, count));
    let mut tails = [[0; 2]; LEVELS.len()];
    values.iter().for_each(|&x| count_tails(x, &mut tails));
    report.tails(&tails, count);
}

fn many<T: Real>(draws: usize, base: u64, report: &mut Report) {
    let mut source = Source::<T>::new(base);
    let steps = draws.div_ceil(BLOCKS * LANES * NUMBERS);
    let (mut sums, mut counts) = ([0.0; 6], [[0; 2]; LEVELS.len()]);
    let mut values = Vec::with_capacity(NUMBERS * LANES);
    for block in 0..BLOCKS {
        for _ in 0..steps {
            values.clear();
            values.extend(source.step(block).flatten().map(|x| x.to_f64()));
            add_powers(&values, &mut sums);
            values.iter().for_each(|&x| count_tails(x, &mut counts));
        }
    }
    let count = (steps * BLOCKS * LANES * NUMBERS) as f64;
    report.moments(&sums, count);
    report.tails(&counts, count);
}

/// P(x > level) where the radius takes one of its 2³¹ values, the angle every value, over 1 − Φ(level): what whole
/// numbers as sources of chance cost.
fn resolution() {
    for level in [3.0, 4.0, 5.0, 5.5, 6.0, 6.25, 6.5] {
        let sum: f64 = (0..1u64 << 31)
            .map(|k| (-2.0 * ((2 * k + 1) as f64 / 4_294_967_296.0).ln()).sqrt())
            .take_while(|&radius| radius > level)
            .map(|radius| (level / radius).acos() / PI)
            .sum();
        println!("P(x > {level}) of 2³¹ radii, over that of Φ: {:.6}", sum / 2f64.powi(31) / upper_tail(level));
    }
}

fn main() -> ExitCode {
    let arguments: Vec<f64> =
        std::env::args().skip(1).map(|argument| argument.parse().expect("a number of draws")).collect();
    let draws = arguments.first().map_or(100_000_000, |&draws| draws as usize);
    let many_draws = arguments.get(1).map_or(10_000_000_000, |&draws| draws as usize);
    let base = arguments.get(2).map_or(0, |&base| base as u64);
    println!("{:<38} {:>16} {:>16} {:>8} {:>10}", "", "found", "expected", "z", "p");
    let mut single = Report { kind: "f32", failed: false };
    body::<f32>(draws, base, &mut single);
    many::<f32>(many_draws, base + 1, &mut single);
    let mut double = Report { kind: "f64", failed: false };
    body::<f64>(draws, base, &mut double);
    many::<f64>(many_draws, base + 1, &mut double);
    resolution();
    if single.failed || double.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
