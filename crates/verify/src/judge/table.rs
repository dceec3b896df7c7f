//! A predicted law of an observable as a table of its distribution function.

use gaugebias_geometry::law::PredictedLaw;

use super::LawCurve;
use crate::PredictedCdf;

/// A distribution function that is linear between the values of a table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub name: String,
    values: Vec<f64>,
    cumulative: Vec<f64>,
}

impl Table {
    /// Of a law on a curve.
    pub fn of_curve(name: &str, law: &PredictedLaw) -> Self {
        let mut values = law.observable.clone();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let cumulative = values.iter().map(|&x| law.cdf(x)).collect();
        Self { name: name.into(), values, cumulative }
    }

    /// Of weighted values; half of a value's weight lies on each side of it.
    pub fn of_weights(name: &str, observed: &[f64], weights: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..observed.len()).filter(|&i| weights[i] > 0.0).collect();
        order.sort_by(|&a, &b| observed[a].total_cmp(&observed[b]));
        let (mut values, mut cumulative): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut below = 0.0;
        let mut at = 0;
        while at < order.len() {
            let value = observed[order[at]];
            let mut mass = 0.0;
            while at < order.len() && observed[order[at]] == value {
                mass += weights[order[at]];
                at += 1;
            }
            values.push(value);
            cumulative.push((below + 0.5 * mass).min(1.0));
            below += mass;
        }
        Self { name: name.into(), values, cumulative }
    }

    /// Of a normal law.
    pub fn normal(name: &str, mean: f64, deviation: f64) -> Self {
        let count = 2000;
        let z = |k: usize| -8.0 + 16.0 * k as f64 / count as f64;
        let cdf = |z: f64| 0.5 * statrs::function::erf::erfc(-z / std::f64::consts::SQRT_2);
        Self {
            name: name.into(),
            values: (0..=count).map(|k| mean + deviation * z(k)).collect(),
            cumulative: (0..=count).map(|k| cdf(z(k))).collect(),
        }
    }

    /// The mean of the law.
    pub fn mean(&self) -> f64 {
        let inner: f64 = self
            .values
            .windows(2)
            .zip(self.cumulative.windows(2))
            .map(|(x, c)| 0.5 * (x[0] + x[1]) * (c[1] - c[0]))
            .sum();
        let last = self.values.len() - 1;
        inner + self.values[0] * self.cumulative[0] + self.values[last] * (1.0 - self.cumulative[last])
    }

    /// The density as differences of the distribution function, over cells that hold a visible share of the mass.
    pub fn curve(&self) -> LawCurve {
        let last = self.values.len() - 1;
        let bins = if last > 20_000 { 300 } else { 300.min((last / 8).max(1)).max(40.min(last.max(1))) };
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
}
