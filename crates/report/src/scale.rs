//! From data to the page: scales, and the ticks that a reader can count with.

/// A stretch of numbers, linear or logarithmic, laid on a stretch of the page.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub log: bool,
    /// Page coordinate of `low`.
    pub start: f64,
    /// Page coordinate of `high`.
    pub end: f64,
}

impl Scale {
    /// Page coordinate of `value`; none where it has no place (not finite, or not positive on a logarithmic scale).
    pub fn place(&self, value: f64) -> Option<f64> {
        if !placeable(value, self.log) {
            return None;
        }
        let warp = |v: f64| if self.log { v.log10() } else { v };
        let share = (warp(value) - warp(self.low)) / (warp(self.high) - warp(self.low));
        // Far outside is as good as just outside, and keeps coordinates short.
        Some(self.start + share.clamp(-1.0, 2.0) * (self.end - self.start))
    }
}

/// Whether a value can stand on an axis: finite, not so large that differences overflow, and positive if the axis is logarithmic.
pub fn placeable(value: f64, log: bool) -> bool {
    value.abs() <= 1e300 && (!log || value >= 1e-300)
}

/// Smallest and largest value that has a place on a scale; none if there is no such value.
pub fn extent(values: impl Iterator<Item = f64>, log: bool) -> Option<(f64, f64)> {
    let placed = values.filter(|v| placeable(*v, log));
    placed.fold(None, |found, v| match found {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// `low..high` widened by a share of its length on both sides; a single value becomes a stretch around it.
pub fn padded((low, high): (f64, f64), log: bool, share: f64) -> (f64, f64) {
    if log {
        let (a, b) = (low.log10(), high.log10());
        let pad = if b - a < 1e-9 { 0.15 } else { share * (b - a) };
        return (10f64.powf((a - pad).max(-307.0)), 10f64.powf((b + pad).min(308.0)));
    }
    let length = high - low;
    let least = 1e-9 * low.abs().max(high.abs());
    let pad = if length > least { share * length } else { (0.05 * high.abs()).max(least).max(1e-12) };
    (low - pad, high + pad)
}

/// A tick: where, and what to write there.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

/// About `target` ticks within `low..high`, `low < high`.
pub fn ticks(low: f64, high: f64, log: bool, target: usize) -> Vec<Tick> {
    if log && high / low >= 3.0 { log_ticks(low, high, target) } else { linear_ticks(low, high, target) }
}

fn linear_ticks(low: f64, high: f64, target: usize) -> Vec<Tick> {
    let raw = (high - low) / target.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= raw * 0.999).unwrap_or(10.0);
    let step = factor * power;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    let values: Vec<f64> = (first..=last).map(|k| k as f64 * step).collect();
    let largest = values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    let form = Form::of(step, largest);
    values.into_iter().map(|value| Tick { value, label: form.write(value) }).collect()
}

fn log_ticks(low: f64, high: f64, target: usize) -> Vec<Tick> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (high / low).log10();
    let factors: &[f64] = if decades < 1.2 {
        &[1.0, 2.0, 3.0, 5.0, 7.0]
    } else if decades < 2.5 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let stride = (decades / target.max(1) as f64).ceil().max(1.0) as i32;
    let exponents = (first..=last).filter(|e| e.rem_euclid(stride) == 0);
    let values = exponents.flat_map(|e| factors.iter().map(move |f| f * 10f64.powi(e)));
    values
        .filter(|v| (low * 0.999..=high * 1.001).contains(v))
        .map(|value| Tick { value, label: number(value) })
        .collect()
}

/// How all ticks of one axis are written, so that they can be compared.
enum Form {
    Plain { decimals: usize },
    Scientific { decimals: usize },
}

impl Form {
    fn of(step: f64, largest: f64) -> Self {
        let step_exponent = exponent(step);
        if (1e-4..1e7).contains(&largest) && step_exponent >= -6 {
            return Self::Plain { decimals: usize::try_from(-step_exponent).unwrap_or(0) };
        }
        let decimals = usize::try_from(exponent(largest) - step_exponent).unwrap_or(0);
        Self::Scientific { decimals: decimals.min(12) }
    }

    fn write(&self, value: f64) -> String {
        match *self {
            Self::Plain { decimals } => grouped(&format!("{value:.decimals$}")),
            Self::Scientific { .. } if value == 0.0 => "0".to_owned(),
            Self::Scientific { decimals } => scientific(value, decimals),
        }
    }
}

fn exponent(value: f64) -> i32 {
    if value == 0.0 { 0 } else { (value.abs().log10() + 1e-9).floor() as i32 }
}

/// A number as a reader would write it: at most four significant digits, thousands grouped, powers of ten where they are shorter.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = exponent(value);
    if (-3..7).contains(&magnitude) {
        let decimals = usize::try_from(3 - magnitude).unwrap_or(0);
        let text = format!("{value:.decimals$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        grouped(text)
    } else {
        scientific(value, 3)
    }
}

/// `-1234.5` → `−1,234.5`.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let sign = if digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) { sign } else { "" };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// `2×10⁻⁵`; the mantissa 1 is left out.
fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').expect("the `e` format always writes an exponent");
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let raised: String = exponent.chars().map(superscript).collect();
    let sign = if value < 0.0 { "−" } else { "" };
    if mantissa == "1" { format!("{sign}10{raised}") } else { format!("{sign}{mantissa}×10{raised}") }
}

fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => digit.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(low: f64, high: f64, log: bool) -> Vec<String> {
        ticks(low, high, log, 5).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_and_comparable() {
        assert_eq!(labels(0.0, 50_000.0, false), ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]);
        assert_eq!(labels(-1.02, 1.02, false), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(0.0, 4.1e-5, false), ["0", "10⁻⁵", "2×10⁻⁵", "3×10⁻⁵", "4×10⁻⁵"]);
        assert_eq!(labels(0.99, 1.011, false), ["0.990", "0.995", "1.000", "1.005", "1.010"]);
        assert_eq!(labels(1e-6, 1.0, true), ["10⁻⁶", "10⁻⁴", "0.01", "1"]);
        assert_eq!(labels(0.5, 20.0, true), ["0.5", "1", "2", "5", "10", "20"]);
    }

    #[test]
    fn numbers_are_written_for_readers() {
        for (value, text) in [
            (0.0, "0"),
            (1234567.0, "1,234,567"),
            (-0.5, "−0.5"),
            (2.0e-5, "2×10⁻⁵"),
            (0.0123456, "0.01235"),
            (1e9, "10⁹"),
            (99.999, "100"),
            (-1e-8, "−10⁻⁸"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn values_without_a_place_have_none() {
        let scale = Scale { low: 1.0, high: 100.0, log: true, start: 0.0, end: 200.0 };
        assert_eq!((scale.place(10.0), scale.place(0.0), scale.place(f64::NAN)), (Some(100.0), None, None));
        assert_eq!(extent([f64::NAN, -1.0, 3.0, f64::INFINITY].into_iter(), true), Some((3.0, 3.0)));
        assert_eq!(extent([f64::NAN].into_iter(), false), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_range_gets_few_distinct_ticks_inside(centre in -1e6..1e6_f64, power in -6.0..9.0_f64) {
            let (low, high) = padded((centre, centre + 10f64.powf(power)), false, 0.04);
            let found = ticks(low, high, false, 5);
            prop_assert!((1..=12).contains(&found.len()), "{} ticks", found.len());
            prop_assert!(found.iter().all(|tick| tick.value >= low - 1e-6 * (high - low) && tick.value <= high + 1e-6 * (high - low)));
            prop_assert!(found.windows(2).all(|pair| pair[0].label != pair[1].label), "{found:?}");
        }

        #[test]
        fn any_log_range_has_ticks(low in -12.0..3.0_f64, decades in 0.02..14.0_f64) {
            let found = ticks(10f64.powf(low), 10f64.powf(low + decades), true, 5);
            prop_assert!((1..=14).contains(&found.len()), "{} ticks", found.len());
        }
    }
}
