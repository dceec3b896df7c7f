//! Elementary functions in twice the digits of f64: what the kernels are held against.
//!
//! A number is the sum of two f64 of which the second is below the last digit of the first (Dekker, 1971). Functions are
//! power series, slow and plain. Relative errors are some units of 2⁻¹⁰⁰, so that in units of f64's last place they do
//! not count.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The sum of its two parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact(pub f64, pub f64);

/// a + b of |a| ≥ |b|.
fn ordered_sum(a: f64, b: f64) -> Exact {
    let sum = a + b;
    Exact(sum, if sum.is_finite() { b - (sum - a) } else { 0.0 })
}

fn sum(a: f64, b: f64) -> Exact {
    let sum = a + b;
    let part = sum - a;
    Exact(sum, if sum.is_finite() { (a - (sum - part)) + (b - part) } else { 0.0 })
}

fn product(a: f64, b: f64) -> Exact {
    let product = a * b;
    Exact(product, if product.is_finite() { a.mul_add(b, -product) } else { 0.0 })
}

impl From<f64> for Exact {
    fn from(x: f64) -> Self {
        Self(x, 0.0)
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, low) = (sum(self.0, other.0), sum(self.1, other.1));
        let partial = ordered_sum(high.0, high.1 + low.0);
        ordered_sum(partial.0, partial.1 + low.1)
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let high = product(self.0, other.0);
        ordered_sum(high.0, high.1 + (self.0 * other.1 + self.1 * other.0))
    }
}

impl Div for Exact {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.0 / other.0;
        let rest = self - other * first.into();
        let second = rest.0 / other.0;
        let rest = rest - other * second.into();
        sum(first, second) + (rest.0 / other.0).into()
    }
}

impl Exact {
    fn times(self, x: f64) -> Self {
        self * x.into()
    }

    /// Times a power of two.
    fn scaled(self, x: f64) -> Self {
        Self(self.0 * x, self.1 * x)
    }
}

const LN_2: Exact = Exact(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

/// ½π in parts, each the rest rounded.
const QUARTER_TURN: [f64; 4] =
    [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33, 5.562_271_104_316_826e-50];

/// 1/√(2π)
const INVERSE_ROOT: Exact = Exact(0.398_942_280_401_432_7, -2.492_327_202_277_73e-17);

/// Σ xᵏ/k! from k = `first` on, in steps, with alternating signs where told.
fn factorial_series(x: Exact, first: i32, step: i32, alternating: bool) -> Exact {
    let mut term = Exact::from(1.0);
    let (mut total, mut k) = (Exact::from(0.0), 0);
    loop {
        if k >= first && (k - first) % step == 0 {
            let negative = alternating && (k - first) / step % 2 == 1;
            total = if negative { total - term } else { total + term };
        }
        k += 1;
        term = term * x / f64::from(k).into();
        if term.0.abs() < 1e-34 * total.0.abs() || k > 200 {
            return total;
        }
    }
}

/// eˣ
pub(super) fn exp(x: Exact) -> Exact {
    if x.0.abs() > 740.0 || x.0.is_nan() {
        return x.0.exp().into();
    }
    let whole = (x.0 / std::f64::consts::LN_2).round();
    let value = factorial_series(x - LN_2.times(whole), 0, 1, false);
    let half = (0.5 * whole).trunc();
    value.scaled(2f64.powi(half as i32)).scaled(2f64.powi((whole - half) as i32))
}

/// ln x, by one step of Newton's method from the library's value; near 1 by the series of 2 artanh (x − 1)/(x + 1).
fn log(x: Exact) -> Exact {
    let near = x - 1.0.into();
    if near.0.abs() < 0.1 {
        return log_near_one(near);
    }
    let start = x.0.ln();
    if !start.is_finite() {
        return start.into();
    }
    // In two factors, so that e^(−start) of tiny x does not overflow.
    let half = exp(Exact::from(-0.5 * start));
    let error = half * x * half - 1.0.into();
    Exact::from(start) + error - (error * error).scaled(0.5)
}

fn log_near_one(f: Exact) -> Exact {
    let s = f / (f + 2.0.into());
    let (square, mut power, mut total) = (s * s, s, s);
    for k in 1..60 {
        power = power * square;
        total = total + power / f64::from(2 * k + 1).into();
    }
    total.scaled(2.0)
}

pub(super) fn logarithm(x: f64) -> Exact {
    log(x.into())
}

pub(super) fn logarithm_of_one_plus(x: f64) -> Exact {
    match x.abs() {
        ..1e-40 => x.into(),
        ..0.1 => log_near_one(x.into()),
        _ => log(sum(1.0, x)),
    }
}

/// aᵇ of a > 0
pub(super) fn power(a: f64, b: f64) -> Exact {
    exp(logarithm(a).times(b))
}

/// x − n ½π and n mod 4, of |x| up to some hundred thousand.
fn reduced(x: f64) -> (Exact, u32) {
    let n = (x / std::f64::consts::FRAC_PI_2).round();
    let rest = QUARTER_TURN.iter().fold(Exact::from(x), |rest, &part| rest - product(n, part));
    (rest, (n as i64).rem_euclid(4) as u32)
}

fn circular(x: f64, turned_by: u32) -> Exact {
    if x.is_infinite() || x.is_nan() {
        return f64::NAN.into();
    }
    let (rest, n) = reduced(x);
    let quarter = (n + turned_by) % 4;
    let value = factorial_series(rest, (1 - quarter % 2) as i32, 2, true);
    if quarter >= 2 { -value } else { value }
}

pub(super) fn sine(x: f64) -> Exact {
    if x == 0.0 { x.into() } else { circular(x, 0) }
}

pub(super) fn cosine(x: f64) -> Exact {
    circular(x, 1)
}

pub(super) fn sigmoid(x: f64) -> Exact {
    let power = exp((-x).into());
    if power.0.is_infinite() { exp(x.into()) } else { Exact::from(1.0) / (power + 1.0.into()) }
}

pub(super) fn hyperbolic_tangent(x: f64) -> Exact {
    if x.abs() < 1.0 && x != 0.0 {
        return factorial_series(x.into(), 1, 2, false) / factorial_series(x.into(), 0, 2, false);
    }
    let power = exp(Exact::from(-2.0 * x.abs()));
    let size = (Exact::from(1.0) - power) / (power + 1.0.into());
    if x.is_sign_negative() { -size } else { size }
}

/// Φ(x): below −4 by Laplace's continued fraction, else ½ + φ(x) Σ x^(2k+1)/(1·3·5 … (2k+1)).
pub(super) fn normal_distribution(x: f64) -> Exact {
    if x.abs() > 40.0 || x.is_nan() {
        return (x > 0.0).then_some(1.0).or((x < 0.0).then_some(0.0)).unwrap_or(f64::NAN).into();
    }
    let bell = exp(-product(x, x).scaled(0.5)) * INVERSE_ROOT;
    if x < -4.0 {
        let fraction =
            (1..600).rev().fold(Exact::from(-x), |below, k| Exact::from(-x) + Exact::from(f64::from(k)) / below);
        return bell / fraction;
    }
    let (mut term, mut total) = (Exact::from(x), Exact::from(x));
    for k in 1..2_000 {
        term = term * product(x, x) / f64::from(2 * k + 1).into();
        total = total + term;
        if term.0.abs() < 1e-34 * total.0.abs() {
            break;
        }
    }
    Exact::from(0.5) + bell * total
}

/// Against 40-digit arithmetic: the oracle has an oracle.
#[test]
fn known_values() {
    let cases = [
        ("exp(-300.25)", exp(Exact::from(-300.25)), Exact(4.009_422_364_622_857e-131, -9.421_845_746_665_655e-148)),
        ("exp(0.7)", exp(Exact::from(0.7)), Exact(2.013_752_707_470_476_6, -2.005_824_354_976_479_3e-16)),
        ("log 3e-320", logarithm(3e-320), Exact(-735.728_628_602_305_8, -2.092_947_921_880_584e-14)),
        ("log 1+2^-52", logarithm(1.0 + f64::EPSILON), Exact(2.220_446_049_250_312_8e-16, 3.649_214_750_845_877e-48)),
        ("log 1.3", logarithm(1.3), Exact(0.262_364_264_467_491_06, 2.663_362_835_347_756_6e-17)),
        ("log1p -0.75", logarithm_of_one_plus(-0.75), Exact(-1.386_294_361_119_890_6, -4.638_093_627_692_599e-17)),
        ("log1p 1e-5", logarithm_of_one_plus(1e-5), Exact(9.999_950_000_333_332e-06, -2.386_863_728_449_341_6e-22)),
        ("sin 100000", sine(100_000.0), Exact(0.035_748_797_972_016_51, 1.542_974_370_610_986_1e-18)),
        ("sin near a multiple of pi", sine(355.0), Exact(-3.014_435_335_948_845e-05, 1.301_264_399_104_634_7e-21)),
        (
            "cos near zero",
            cosine(std::f64::consts::FRAC_PI_2),
            Exact(6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33),
        ),
        ("cos -3", cosine(-3.0), Exact(-0.989_992_496_600_445_4, -4.206_026_156_609_973_4e-17)),
        ("sigmoid -20", sigmoid(-20.0), Exact(2.061_153_618_190_203_7e-09, -1.573_719_952_885_692e-25)),
        ("tanh .01", hyperbolic_tangent(0.01), Exact(0.009_999_666_679_999_46, 2.249_494_707_259_477e-19)),
        ("tanh -4", hyperbolic_tangent(-4.0), Exact(-0.999_329_299_739_067, -9.767_046_099_568_572e-18)),
        ("Phi -37", normal_distribution(-37.0), Exact(5.725_571_222_524_577e-300, -2.822_192_1e-316)),
        ("Phi -4.9", normal_distribution(-4.9), Exact(4.791_832_765_903_19e-07, 1.523_564_596_013_434e-23)),
        ("Phi 2", normal_distribution(2.0), Exact(0.977_249_868_051_820_8, 1.384_976_310_838_969_6e-18)),
    ];
    for (name, found, expected) in cases {
        let difference = found - expected;
        assert!(difference.0.abs() <= 1e-29 * expected.0.abs(), "{name}: {found:?}, not {expected:?}");
    }
}
