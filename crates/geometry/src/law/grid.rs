//! Arc lengths for the quadrature: equally spaced in x, with ds/dx proportional to the distance from a border.
//!
//! Towards a border the conditioned density grows like the inverse distance; in logarithmic spacing it is flat. With no
//! border the spacing is uniform, where the density vanishes at both ends and every rule is accurate.

/// Nearer to the border than this share of the whole length nothing is resolved.
const FINEST: f64 = 1e-10;

/// A grid with an even number of intervals.
pub(crate) struct Grid {
    /// Increasing arc lengths.
    pub arc_length: Vec<f64>,
    /// ds/dx at each of them.
    stretch: Vec<f64>,
    /// Step in x.
    step: f64,
}

impl Grid {
    /// Between two arc lengths, each perhaps with a border at the given distance behind it.
    pub fn new([low, high]: [f64; 2], borders: [Option<f64>; 2], intervals: usize) -> Self {
        let count = (intervals.max(4) / 2) * 2;
        let length = high - low;
        let [left, right] = borders.map(|d| d.map(|d| d.clamp(FINEST * length, length)));
        let map = |t: f64| -> (f64, f64) {
            match (left, right) {
                (None, None) => (low + length * t, length),
                (Some(d), None) => {
                    let range = ((length + d) / d).ln();
                    let z = d * (range * t).exp();
                    (low + z - d, z * range)
                }
                (None, Some(d)) => {
                    let range = ((length + d) / d).ln();
                    let z = d * (range * (1.0 - t)).exp();
                    (high - z + d, z * range)
                }
                (Some(a), Some(b)) => logistic(low, length, a, b, t),
            }
        };
        let at = |i: usize| i as f64 / count as f64;
        let (mut arc_length, stretch): (Vec<f64>, Vec<f64>) = (0..=count).map(|i| map(at(i))).unzip();
        // The ends are exact, so that rounding does not carry the curve across a border.
        (arc_length[0], arc_length[count]) = (low, high);
        Self { arc_length, stretch, step: 1.0 / count as f64 }
    }

    /// ∫ f ds by Simpson's rule in x.
    pub fn integral(&self, values: &[f64]) -> f64 {
        let last = values.len() - 1;
        let weight = |i: usize| match i {
            0 => 1.0,
            i if i == last => 1.0,
            i if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let sum: f64 = values.iter().zip(&self.stretch).enumerate().map(|(i, (f, s))| weight(i) * f * s).sum();
        sum * self.step / 3.0
    }

    /// ∫ f ds over each interval.
    pub fn cell_masses(&self, values: &[f64]) -> Vec<f64> {
        let f: Vec<f64> = values.iter().zip(&self.stretch).map(|(f, s)| f * s).collect();
        f.windows(2).map(|w| 0.5 * (w[0] + w[1]) * self.step).collect()
    }
}

/// Logarithmic at both ends: s = low − a + (length + a + b)/(1 + e^{−x}).
fn logistic(low: f64, length: f64, a: f64, b: f64, t: f64) -> (f64, f64) {
    let whole = length + a + b;
    let (first, last) = ((a / (whole - a)).ln(), ((whole - b) / b).ln());
    let x = first + (last - first) * t;
    let share = 1.0 / (1.0 + (-x).exp());
    (low - a + whole * share, whole * share * (1.0 - share) * (last - first))
}
