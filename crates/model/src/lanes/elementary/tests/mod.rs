//! Every function against its exact value: over dense arguments, at special values, and (of a stride's) all numbers of f32.

mod exact;

use pulp::{Simd, WithSimd};

use super::*;
use crate::lanes::{Chunk, LANES};
use crate::program::InstructionSet;
use exact::Exact;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Exponential,
    Sigmoid,
    HyperbolicTangent,
    Logarithm,
    LogarithmOfOnePlus,
    Sine,
    Cosine,
    NormalDistribution,
    Silu,
    Gelu,
}

use Function::*;

/// The stated errors, in units of the last place: plain numbers of every size in these ranges are tried.
const STATED: [(Function, f64, &[[f64; 2]]); 10] = [
    (Exponential, 1.0, &[[-708.0, 709.7]]),
    (Sigmoid, 3.0, &[[-708.0, 800.0]]),
    (HyperbolicTangent, 2.0, &[[-30.0, 30.0]]),
    (Logarithm, 1.0, &[[0.5, 2.0], [0.0, 1e300]]),
    (LogarithmOfOnePlus, 1.0, &[[-1.0, 1.0], [-1.0, 1e300]]),
    (Sine, 3.0, &[[-10.0, 10.0], [-200_000.0, 200_000.0]]),
    (Cosine, 3.0, &[[-10.0, 10.0], [-200_000.0, 200_000.0]]),
    (NormalDistribution, 6.0, &[[-37.4, 10.0]]),
    (Silu, 6.0, &[[-720.0, 800.0], [-92.5, -86.0]]),
    (Gelu, 8.0, &[[-39.5, 10.0], [-14.5, -12.0]]),
];

impl Function {
    fn of_lanes<T: Real, S: Simd>(self, simd: S, x: T::Vector<S>) -> T::Vector<S> {
        match self {
            Exponential => exponential::<T, S>(simd, x),
            Sigmoid => sigmoid::<T, S>(simd, x),
            HyperbolicTangent => hyperbolic_tangent::<T, S>(simd, x),
            Logarithm => logarithm::<T, S>(simd, x),
            LogarithmOfOnePlus => logarithm_of_one_plus::<T, S>(simd, x),
            Sine => sine::<T, S>(simd, x),
            Cosine => cosine::<T, S>(simd, x),
            NormalDistribution => normal_distribution::<T, S>(simd, x),
            Silu => T::multiply(simd, x, sigmoid::<T, S>(simd, x)),
            Gelu => T::multiply(simd, x, normal_distribution::<T, S>(simd, x)),
        }
    }

    fn exact(self, x: f64) -> Exact {
        match self {
            Exponential => exact::exp(x.into()),
            Sigmoid => exact::sigmoid(x),
            HyperbolicTangent => exact::hyperbolic_tangent(x),
            Logarithm => exact::logarithm(x),
            LogarithmOfOnePlus => exact::logarithm_of_one_plus(x),
            Sine => exact::sine(x),
            Cosine => exact::cosine(x),
            NormalDistribution => exact::normal_distribution(x),
            Silu => exact::sigmoid(x) * x.into(),
            Gelu => exact::normal_distribution(x) * x.into(),
        }
    }
}

/// A function of arguments, sixteen at a time.
struct Values<'a, T>(Function, &'a [T]);

impl<T: Real> WithSimd for Values<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let mut values = Vec::new();
        for arguments in self.1.chunks(LANES) {
            let mut chunk = Chunk([T::ZERO; LANES]);
            chunk.0[..arguments.len()].copy_from_slice(arguments);
            for register in T::vectors_mut(simd, &mut chunk) {
                *register = self.0.of_lanes::<T, S>(simd, *register);
            }
            values.extend_from_slice(&chunk.0[..arguments.len()]);
        }
        values
    }
}

/// The precisions' ends.
trait Ends: Real {
    const SMALLEST: f64;
    const MOST: f64;
    /// Below this silu is said to be 0, and how far that is off at most.
    const SILU: [f64; 2];
    /// Below this, where Φ is no normal number, gelu is said to be within 24 units.
    const GELU: f64;
}

impl Ends for f32 {
    const SMALLEST: f64 = f32::MIN_POSITIVE as f64;
    const MOST: f64 = f32::MAX as f64;
    const SILU: [f64; 2] = [-88.7, 3e-37];
    const GELU: f64 = -12.9;
}

impl Ends for f64 {
    const SMALLEST: f64 = f64::MIN_POSITIVE;
    const MOST: f64 = f64::MAX;
    const SILU: [f64; 2] = [-709.7, 4e-306];
    const GELU: f64 = -37.5;
}

/// |found − exact| in units of the last place of the exact value; where that is no normal number, of the smallest normal
/// number.
fn error<T: Ends>(found: T, exact: Exact) -> f64 {
    let (found, size) = (found.to_f64(), exact.0.abs());
    if exact.0.is_nan() || size > T::MOST * (1.0 + 0.25 * T::EPSILON.to_f64()) {
        let right = if exact.0.is_nan() { found.is_nan() } else { found == f64::INFINITY.copysign(exact.0) };
        return if right { 0.0 } else { f64::INFINITY };
    }
    if size < T::SMALLEST {
        return (found - exact.0).abs() / T::SMALLEST;
    }
    let unit = f64::from_bits(size.to_bits() & f64::INFINITY.to_bits()) * T::EPSILON.to_f64();
    // The second part of a number so small is lost: the first one is only the nearest to the exact value.
    let rounding = if size * f64::EPSILON < f64::MIN_POSITIVE { 0.5 } else { 0.0 };
    ((found - exact.0) - exact.1).abs() / unit - rounding
}

/// The error of a function's value, where its declaration says less of an argument on the scale of what it says of others.
fn error_of<T: Ends>(function: Function, x: f64, found: T, exact: Exact) -> f64 {
    let [end, most] = T::SILU;
    match function {
        Silu if x < end && (found.to_f64() - exact.0).abs() <= most => 0.0,
        Gelu if x < T::GELU => error(found, exact) * 8.0 / 24.0,
        _ => error(found, exact),
    }
}

/// Arguments spread evenly over a range, over its magnitudes, and close to multiples of ½π.
fn arguments<T: Ends>([from, to]: [f64; 2]) -> Vec<T> {
    const COUNT: u32 = 8_000;
    let steps = || (0..=COUNT).map(|i| f64::from(i) / f64::from(COUNT));
    let even = steps().map(|step| from + (to - from) * step);
    let [low, high] = [from, to].map(|end| end.abs().max(T::SMALLEST).ln());
    let least = T::SMALLEST.ln();
    let grown = [from, to]
        .into_iter()
        .zip([low, high])
        .filter(|(end, _)| *end != 0.0)
        .flat_map(move |(end, most)| steps().map(move |step| (least + (most - least) * step).exp().copysign(end)));
    let turns = (0..COUNT / 4).map(|i| f64::from(i * i / 50 + i) * std::f64::consts::FRAC_PI_2);
    let all = even.chain(grown).chain(turns).filter(|x| (from..=to).contains(x));
    all.map(T::from_f64).filter(|x| x.to_f64().abs() <= T::MOST).collect()
}

fn worst<T: Ends>(function: Function, arguments: &[T], exact: &[Exact], set: InstructionSet) -> (f64, T) {
    let found = set.run(Values(function, arguments));
    let values = found.iter().zip(exact).zip(arguments);
    let errors = values.map(|((&found, &exact), x)| error_of(function, x.to_f64(), found, exact));
    errors.zip(arguments).fold((0.0, T::ZERO), |worst, (error, &x)| if error > worst.0 { (error, x) } else { worst })
}

fn errors_are_within_what_is_stated<T: Ends>() {
    for (function, stated, ranges) in STATED {
        for &range in ranges {
            let arguments = arguments::<T>(range);
            let exact: Vec<Exact> = arguments.iter().map(|x| function.exact(x.to_f64())).collect();
            for set in InstructionSet::available() {
                let (error, at) = worst(function, &arguments, &exact, set);
                assert!(error <= stated, "{function:?} {} {}: {error} units at {at:?}", T::NAME, set.name());
            }
        }
    }
}

#[test]
fn errors_in_single_precision_are_within_what_is_stated() {
    errors_are_within_what_is_stated::<f32>();
}

#[test]
fn errors_in_double_precision_are_within_what_is_stated() {
    errors_are_within_what_is_stated::<f64>();
}

fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

/// (argument, value) with the value as it is in both precisions.
const SPECIAL: [(Function, &[[f64; 2]]); 8] = [
    (Exponential, &[[200.0 * 4.0, f64::INFINITY], [-800.0, 0.0], [0.0, 1.0], [-0.0, 1.0], [f64::NEG_INFINITY, 0.0]]),
    (Sigmoid, &[[0.0, 0.5], [800.0, 1.0], [-800.0, 0.0], [f64::INFINITY, 1.0], [f64::NEG_INFINITY, 0.0]]),
    (HyperbolicTangent, &[[0.0, 0.0], [-0.0, -0.0], [800.0, 1.0], [-800.0, -1.0], [f64::NEG_INFINITY, -1.0]]),
    (
        Logarithm,
        &[
            [0.0, f64::NEG_INFINITY],
            [-0.0, f64::NEG_INFINITY],
            [1.0, 0.0],
            [-1.0, f64::NAN],
            [-1e-40, f64::NAN],
            [f64::INFINITY, f64::INFINITY],
            [f64::NEG_INFINITY, f64::NAN],
        ],
    ),
    (
        LogarithmOfOnePlus,
        &[
            [0.0, 0.0],
            [-0.0, -0.0],
            [-1.0, f64::NEG_INFINITY],
            [-1.5, f64::NAN],
            [f64::INFINITY, f64::INFINITY],
            [f64::NEG_INFINITY, f64::NAN],
        ],
    ),
    (Sine, &[[0.0, 0.0], [-0.0, -0.0], [f64::INFINITY, f64::NAN], [f64::NEG_INFINITY, f64::NAN]]),
    (Cosine, &[[0.0, 1.0], [-0.0, 1.0], [f64::INFINITY, f64::NAN], [f64::NEG_INFINITY, f64::NAN]]),
    (
        NormalDistribution,
        &[[0.0, 0.5], [-0.0, 0.5], [60.0, 1.0], [-60.0, 0.0], [f64::INFINITY, 1.0], [f64::NEG_INFINITY, 0.0]],
    ),
];

fn special_values_are_right<T: Ends>() {
    for set in InstructionSet::available() {
        for (function, cases) in SPECIAL {
            for &[argument, expected] in cases.iter().chain(&[[f64::NAN, f64::NAN]]) {
                // Among other numbers, which must not be disturbed.
                let arguments = [T::from_f64(0.75), T::from_f64(argument), T::from_f64(0.25)];
                let found = set.run(Values(function, &arguments));
                let alone = set.run(Values(function, &[arguments[0], arguments[0], arguments[2]]));
                let context = format!("{function:?}({argument}) {} {}", T::NAME, set.name());
                assert_eq!(bits(found[1].to_f64()), bits(expected), "{context} = {:?}", found[1]);
                assert_eq!([found[0], found[2]], [alone[0], alone[2]], "{context}");
            }
        }
    }
}

#[test]
fn special_values() {
    special_values_are_right::<f32>();
    special_values_are_right::<f64>();
}

/// Subnormal arguments, where a function is the identity to first order, and logarithms of them.
#[test]
fn subnormal_arguments() {
    for set in InstructionSet::available() {
        let single = [f32::from_bits(1), -f32::from_bits(77), f32::MIN_POSITIVE / 3.0];
        let double = [f64::from_bits(1), -f64::from_bits(77), f64::MIN_POSITIVE / 3.0];
        for function in [Sine, HyperbolicTangent, LogarithmOfOnePlus] {
            assert_eq!(set.run(Values(function, &single)), single, "{function:?} {}", set.name());
            assert_eq!(set.run(Values(function, &double)), double, "{function:?} {}", set.name());
        }
        let logarithms = [set.run(Values(Logarithm, &double))[0], set.run(Values(Logarithm, &double))[2]];
        for (found, x) in logarithms.into_iter().zip([double[0], double[2]]) {
            assert!(error(found, Logarithm.exact(x)) <= 1.0, "ln {x:e} = {found}");
        }
        let found = set.run(Values(Logarithm, &single))[0];
        assert!(error(found, Logarithm.exact(f64::from(single[0]))) <= 1.0, "ln {:e} = {found}", single[0]);
    }
}

/// Beyond the bound of the reduction the library answers, in these lanes only.
#[test]
fn circular_functions_of_huge_arguments() {
    for set in InstructionSet::available() {
        for (function, library) in [(Sine, f64::sin as fn(f64) -> f64), (Cosine, f64::cos)] {
            let double = [1e22, 0.5, -1e300, f64::MAX, 131_073.0, 3.0];
            let found = set.run(Values(function, &double));
            for (lane, x) in double.into_iter().enumerate() {
                assert!(
                    (found[lane] - library(x)).abs() <= 2.0 * f64::EPSILON,
                    "{function:?}({x:e}) = {}",
                    found[lane]
                );
            }
            let single = double.map(|x| x as f32);
            let found = set.run(Values(function, &single));
            for (lane, x) in single.into_iter().enumerate().filter(|(_, x)| x.is_finite()) {
                let expected = library(f64::from(x));
                assert!((f64::from(found[lane]) - expected).abs() <= 2e-7, "{function:?}({x:e}) = {}", found[lane]);
            }
        }
    }
}

/// Every `ELEMENTARY_STRIDE`-th number of f32 (a prime near 10⁵ where it is not set; all of them, with a stride of 1, is a
/// recorded check, docs/checks.md) against the system's library in double precision; what was found is printed.
#[test]
fn all_numbers_of_single_precision() {
    let stride: u32 = std::env::var("ELEMENTARY_STRIDE").map_or(99_991, |text| text.parse().expect("a whole number"));
    for (function, stated, _) in STATED {
        let mut most = vec![(0.0, 0.0); InstructionSet::available().len()];
        let mut next = Some(0u32);
        while next.is_some() {
            let numbers = std::iter::successors(next, |bits| bits.checked_add(stride));
            let arguments: Vec<f32> = numbers.take(4_096).map(f32::from_bits).collect();
            next = arguments.last().and_then(|last| last.to_bits().checked_add(stride));
            let exact: Vec<Exact> = arguments.iter().map(|&x| library(function, f64::from(x)).into()).collect();
            for (set, most) in InstructionSet::available().into_iter().zip(&mut most) {
                let found = worst(function, &arguments, &exact, set);
                assert!(found.0 <= stated, "{function:?} {}: {} units at {:e}", set.name(), found.0, found.1);
                *most = if found.0 > most.0 { found } else { *most };
            }
        }
        for (set, (error, at)) in InstructionSet::available().iter().zip(most) {
            println!("{function:?} {}: at most {error:.3} units, at {at:e}", set.name());
        }
    }
}

/// Where the tails of Φ and its gate are least exact, densely: from −½ down to where both are 0.
#[test]
fn tails_of_the_normal_distribution_in_single_precision() {
    let stride: usize = std::env::var("ELEMENTARY_STRIDE").map_or(991, |text| text.parse().expect("a whole number"));
    for (function, stated, _) in
        STATED.into_iter().filter(|(function, ..)| [NormalDistribution, Gelu].contains(function))
    {
        let numbers = ((-0.5f32).to_bits()..=(-14.5f32).to_bits()).step_by(stride);
        let arguments: Vec<f32> = numbers.map(f32::from_bits).collect();
        let exact: Vec<Exact> = arguments.iter().map(|&x| library(function, f64::from(x)).into()).collect();
        for set in InstructionSet::available() {
            let (error, at) = worst(function, &arguments, &exact, set);
            println!("{function:?} {}: at most {error:.3} units, at {at:e}", set.name());
            assert!(error <= stated, "{function:?} {}: {error} units at {at:e}", set.name());
        }
    }
}

/// A function by the system's library, to some units of f64.
fn library(function: Function, x: f64) -> f64 {
    match function {
        Exponential => x.exp(),
        Sigmoid => 1.0 / (1.0 + (-x).exp()),
        HyperbolicTangent => x.tanh(),
        Logarithm => x.ln(),
        LogarithmOfOnePlus => x.ln_1p(),
        Sine => x.sin(),
        Cosine => x.cos(),
        NormalDistribution => 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Silu => x * library(Sigmoid, x),
        Gelu => x * library(NormalDistribution, x),
    }
}

/// aᵇ of two arguments, sixteen pairs at a time.
struct Powers<'a, T>(&'a [T], &'a [T]);

impl<T: Real> WithSimd for Powers<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let mut values = Vec::new();
        for (bases, exponents) in self.0.chunks(LANES).zip(self.1.chunks(LANES)) {
            let (mut a, mut b) = (Chunk([T::ONE; LANES]), Chunk([T::ONE; LANES]));
            a.0[..bases.len()].copy_from_slice(bases);
            b.0[..bases.len()].copy_from_slice(exponents);
            for (a, b) in T::vectors_mut(simd, &mut a).iter_mut().zip(T::vectors(simd, &b)) {
                *a = power::<T, S>(simd, *a, *b);
            }
            values.extend_from_slice(&a.0[..bases.len()]);
        }
        values
    }
}

/// Bases of every size and close to 1; exponents that lead to every size of result.
fn powers_are_within_what_is_stated<T: Ends>() {
    let (least, most) = (T::SMALLEST.ln(), T::MOST.ln());
    let (mut bases, mut exponents) = (Vec::new(), Vec::new());
    let part = |i: u32, turn: f64| (f64::from(i) * turn).fract();
    for i in 0..60_000 {
        let log = if i % 2 == 0 {
            part(i, 0.618_033_99) * 2.0 - 1.0
        } else {
            (least + (most - least) * part(i, 0.618_033_99)) * 0.999
        };
        let base = T::from_f64(log.exp());
        let target = (least + (most - least) * part(i, 0.414_213_56)) * 0.999;
        let exponent = if i % 3 == 0 { (f64::from(i % 41) - 20.0) * 0.5 } else { target / base.to_f64().ln() };
        bases.push(base);
        exponents.push(T::from_f64(exponent));
    }
    let pairs = || bases.iter().zip(&exponents);
    let exact: Vec<Exact> = pairs().map(|(a, b)| exact::power(a.to_f64(), b.to_f64())).collect();
    for set in InstructionSet::available() {
        let found = set.run(Powers(&bases, &exponents));
        let mut most = (0.0, T::ONE, T::ONE);
        for ((&found, &exact), (&a, &b)) in found.iter().zip(&exact).zip(pairs()) {
            let error = error(found, exact);
            most = if error > most.0 { (error, a, b) } else { most };
        }
        assert!(most.0 <= 2.0, "{} {}: {} units at {:?} ** {:?}", T::NAME, set.name(), most.0, most.1, most.2);
    }
}

#[test]
fn errors_of_powers_are_within_what_is_stated() {
    powers_are_within_what_is_stated::<f32>();
    powers_are_within_what_is_stated::<f64>();
}

/// Everything out of the ordinary, among ordinary numbers.
#[test]
fn powers_of_special_values() {
    let numbers =
        [0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 0.5, 3.0, -3.0, 1e-40, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e30];
    let pairs: Vec<(f64, f64)> = numbers.iter().flat_map(|&a| numbers.iter().map(move |&b| (a, b))).collect();
    let (bases, exponents): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let single = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<_>>();
    for set in InstructionSet::available() {
        let double = set.run(Powers(&bases, &exponents));
        let single = set.run(Powers(&single(&bases), &single(&exponents)));
        for (i, &(a, b)) in pairs.iter().enumerate() {
            let context = format!("{a:e} ** {b:e} {}", set.name());
            let (found, expected) = (double[i], a.powf(b));
            let close = (found - expected).abs() <= f64::EPSILON * expected.abs() || expected.abs() < f64::MIN_POSITIVE;
            assert!(
                close && found.signum() == expected.signum() || bits(found) == bits(expected),
                "{context} = {found:e}"
            );
            let (a, b) = (f64::from(a as f32), f64::from(b as f32));
            let (found, expected) = (single[i], a.powf(b) as f32);
            let close = (found - expected).abs() <= f32::EPSILON * expected.abs() || expected.abs() < f32::MIN_POSITIVE;
            let same = bits(f64::from(found)) == bits(f64::from(expected));
            assert!(close && found.signum() == expected.signum() || same, "{context} = {found:e} in single precision");
        }
    }
}

/// Powers of every `ELEMENTARY_STRIDE`-th positive number of f32 against the system's library in double precision. Within
/// 1e-5 of the ends of the normal numbers a power may be 0 or infinite.
#[test]
fn powers_of_all_numbers_of_single_precision() {
    let stride: u32 = std::env::var("ELEMENTARY_STRIDE").map_or(99_991, |text| text.parse().expect("a whole number"));
    let set = InstructionSet::detect();
    for b in [5.0, -2.0, 1.5, -0.5, 0.7, 100.0, -1e3, 1e5f32] {
        let mut most = (0.0, 0.0);
        let mut bits = 1;
        while bits < f32::INFINITY.to_bits() {
            let numbers = (bits..f32::INFINITY.to_bits()).step_by(stride as usize);
            let bases: Vec<f32> = numbers.take(4_096).map(f32::from_bits).collect();
            bits = bits.saturating_add(stride.saturating_mul(4_096));
            let found = set.run(Powers(&bases, &vec![b; bases.len()]));
            for (&a, found) in bases.iter().zip(found) {
                let exact = f64::from(a).powf(f64::from(b));
                let inside = (f32::SMALLEST * (1.0 + 1e-5)..f32::MOST * (1.0 - 1e-5)).contains(&exact);
                let error = if inside { error(found, exact.into()) } else { 0.0 };
                assert!(error <= 2.0, "{a:e} ** {b}: {error} units");
                most = if error > most.0 { (error, a) } else { most };
            }
        }
        println!("x ** {b} {}: at most {:.3} units, at {:e}", set.name(), most.0, most.1);
    }
}
