//! A predicted law of an observable as a table of its distribution function.

use gaugebias_geometry::law::PredictedLaw;

use super::LawCurve;
use crate::PredictedCdf;

/// A value with less probability than this moves no verdict.
const SMALLEST_ATOM: f64 = 1e-3;
/// Weighted points with one value of the observable that are no coincidence.
const FEWEST_EQUAL: usize = 3;

/// A distribution function that is linear between the values of a table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub name: String,
    values: Vec<f64>,
    cumulative: Vec<f64>,
    /// Cells that a figure shows: few where the law is known by points.
    cells: usize,
    /// Of the law itself: a table that is linear between its values has another one where the observable jumps.
    mean: f64,
    atom: Option<(f64, f64)>,
    /// Independent draws that the law is known by.
    draws: f64,
}

impl Table {
    /// Of a law on a curve.
    pub fn of_curve(name: &str, law: &PredictedLaw) -> Self {
        let mut values = law.observable.clone();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let cumulative = values.iter().map(|&x| law.cdf(x)).collect();
        Self {
            name: name.into(),
            values,
            cumulative,
            cells: 150,
            mean: law.mean,
            atom: law.atom(),
            draws: f64::INFINITY,
        }
    }

    /// Of weighted values; half of a value's weight lies on each side of it.
    pub fn of_weights(name: &str, observed: &[f64], weights: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..observed.len()).filter(|&i| weights[i] > 0.0).collect();
        order.sort_by(|&a, &b| observed[a].total_cmp(&observed[b]));
        let (mut values, mut cumulative): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let (mut below, mut sum) = (0.0, 0.0);
        let mut atom: Option<(f64, f64)> = None;
        let mut at = 0;
        while at < order.len() {
            let value = observed[order[at]];
            let (mut mass, first) = (0.0, at);
            while at < order.len() && observed[order[at]] == value {
                mass += weights[order[at]];
                at += 1;
            }
            values.push(value);
            cumulative.push((below + 0.5 * mass).min(1.0));
            below += mass;
            sum += mass * value;
            if at - first >= FEWEST_EQUAL && atom.is_none_or(|(_, largest)| mass > largest) {
                atom = Some((value, mass));
            }
        }
        Self { name: name.into(), values, cumulative, cells: 40, mean: sum / below, atom, draws: f64::INFINITY }
    }

    /// The same, known by so many independent draws.
    pub fn of_draws(self, draws: f64) -> Self {
        Self { draws, ..self }
    }

    /// Of the Gamma law with a mean, a standard deviation and a skewness, mirrored where that is negative; normal where it is nearly zero. Without
    /// a deviation all of its mass is at the mean.
    pub fn gamma(name: &str, mean: f64, deviation: f64, skewness: f64) -> Self {
        let count = 2000;
        let z = |k: usize| -8.0 + 16.0 * k as f64 / count as f64;
        let size = skewness.abs();
        let cdf = |z: f64| {
            if size < 1e-2 {
                return 0.5 * statrs::function::erf::erfc(-z / std::f64::consts::SQRT_2);
            }
            // (Gamma(k) − k)/√k has skewness 2/√k.
            let shape = 4.0 / (size * size);
            let below = |z: f64| {
                let x = shape + z * shape.sqrt();
                if x <= 0.0 { 0.0 } else { statrs::function::gamma::gamma_lr(shape, x) }
            };
            if skewness > 0.0 { below(z) } else { 1.0 - below(-z) }
        };
        Self {
            name: name.into(),
            values: (0..=count).map(|k| mean + deviation * z(k)).collect(),
            cumulative: (0..=count).map(|k| cdf(z(k)).clamp(0.0, 1.0)).collect(),
            cells: 150,
            mean,
            atom: (deviation == 0.0).then_some((mean, 1.0)),
            draws: f64::INFINITY,
        }
    }

    /// The mean of the law.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The value that has the largest probability, with that probability, where it is above a thousandth: such a law has no continuous
    /// distribution function, and neither this table nor the Kolmogorov–Smirnov distance is right for it.
    pub fn atom(&self) -> Option<(f64, f64)> {
        self.atom.filter(|(_, mass)| *mass > SMALLEST_ATOM)
    }

    /// The density as differences of the distribution function, over cells that hold a visible share of the mass.
    pub fn curve(&self) -> LawCurve {
        let bins = self.cells.min(self.values.len() - 1).max(1);
        let (low, high) = (self.quantile(1e-4), self.quantile(1.0 - 1e-4));
        let width = (high - low) / bins as f64;
        let points = (0..bins).map(|bin| {
            let left = low + bin as f64 * width;
            (left + 0.5 * width, (self.cdf(left + width) - self.cdf(left)) / width)
        });
        LawCurve { name: self.name.clone(), points: points.collect() }
    }

    /// Largest difference of two distribution functions.
    pub fn distance(&self, other: &Table) -> f64 {
        let gap = |&x: &f64| (self.cdf(x) - other.cdf(x)).abs();
        self.values.iter().chain(&other.values).map(gap).fold(0.0, f64::max)
    }

    /// The smallest value with at least this share of the mass at or below it.
    pub fn quantile(&self, share: f64) -> f64 {
        let place = self.cumulative.partition_point(|&mass| mass < share);
        self.values[place.min(self.values.len() - 1)]
    }
}

impl PredictedCdf for Table {
    fn name(&self) -> &str {
        &self.name
    }

    fn cdf(&self, x: f64) -> f64 {
        let place = self.values.partition_point(|&value| value <= x);
        if place == 0 {
            return 0.0;
        }
        if place == self.values.len() {
            return 1.0;
        }
        let (left, right) = (self.values[place - 1], self.values[place]);
        let (below, above) = (self.cumulative[place - 1], self.cumulative[place]);
        below + (above - below) * (x - left) / (right - left)
    }

    fn range(&self) -> (f64, f64) {
        (self.values[0], self.values[self.values.len() - 1])
    }

    fn independent_draws(&self) -> f64 {
        self.draws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_tables_have_their_moments() {
        for skewness in [0.0, 0.3, -0.5] {
            let table = Table::gamma("t", 2.0, 0.5, skewness);
            let moment = |power: i32| -> f64 {
                let cells = table.values.windows(2).zip(table.cumulative.windows(2));
                cells.map(|(x, c)| (0.5 * (x[0] + x[1]) - 2.0).powi(power) * (c[1] - c[0])).sum()
            };
            assert!((moment(1)).abs() < 1e-4, "{skewness}: {}", moment(1));
            assert!((moment(2).sqrt() - 0.5).abs() < 1e-4);
            assert!((moment(3) / 0.125 - skewness).abs() < 2e-3, "{skewness}: {}", moment(3) / 0.125);
        }
    }

    #[test]
    fn weighted_values_are_split_at_the_middle() {
        let table = Table::of_weights("t", &[2.0, 1.0, 2.0, 3.0], &[0.25, 0.25, 0.25, 0.25]);
        assert!((table.cdf(2.0) - 0.5).abs() < 1e-15 && (table.cdf(1.0) - 0.125).abs() < 1e-15);
        assert!((table.cdf(1.5) - 0.3125).abs() < 1e-15 && table.cdf(3.5) == 1.0 && table.cdf(0.5) == 0.0);
        assert!((table.mean() - 2.0).abs() < 1e-12, "{}", table.mean());
    }

    /// Means of values that jump, and values with a probability of their own, by hand.
    #[test]
    fn jumps_have_their_mean_and_are_told() {
        let table = Table::of_weights("t", &[0.0, 1.0, 1.0, 1.0], &[0.22, 0.26, 0.26, 0.26]);
        assert!((table.mean() - 0.78).abs() < 1e-12, "{}", table.mean());
        let (value, mass) = table.atom().expect("three points with one value");
        assert!(value == 1.0 && (mass - 0.78).abs() < 1e-12, "{value} {mass}");
        assert!(Table::of_weights("t", &[0.0, 1.0, 1.0, 2.0], &[0.25; 4]).atom().is_none());
        assert_eq!(Table::gamma("t", 2.0, 0.0, 0.0).atom(), Some((2.0, 1.0)));
        assert!(Table::gamma("t", 2.0, 0.1, 0.0).atom().is_none());
    }
}
