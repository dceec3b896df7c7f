//! Observables that jump along the curve, or are constant on a stretch of it.

use super::{Cell, PredictedLaw, ThetaFunction, Trace};

/// A change over one interval that is this many times those of its neighbours is a jump.
const STEEP: f64 = 8.0;
/// Changes below this, relative to the observable, are rounding.
const ROUNDING: f64 = 1e-9;
/// Halvings of an interval in search of the jump.
const HALVINGS: usize = 30;

impl Trace<'_> {
    /// Jumps of an observable with the given values at [`Trace::thetas`]: the interval of each, and the share of it that lies before the jump (to about the
    /// square of the interval's length, since θ is taken linear on it).
    pub fn jumps(&self, observed: &[f64], observable: ThetaFunction<'_>) -> Vec<(usize, f64)> {
        let changes: Vec<f64> = observed.windows(2).map(|ends| (ends[1] - ends[0]).abs()).collect();
        let size = observed.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let steep = |i: &usize| changes[*i] > STEEP * changes[i - 1].max(changes[i + 1]) + ROUNDING * size;
        let inner = 1..changes.len().saturating_sub(1);
        inner.filter(steep).map(|i| (i, self.place_of_jump(i, [observed[i], observed[i + 1]], observable))).collect()
    }

    fn place_of_jump(&self, interval: usize, ends: [f64; 2], observable: ThetaFunction<'_>) -> f64 {
        let (left, right) = (&self.thetas[interval], &self.thetas[interval + 1]);
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let theta: Vec<f64> = left.iter().zip(right).map(|(a, b)| a + middle * (b - a)).collect();
            let value = observable(&theta);
            if (value - ends[0]).abs() < (value - ends[1]).abs() { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

impl PredictedLaw {
    /// The law with the mass of the intervals where the observable jumps on both sides of the jump, and none between them; its mean and deviation, which
    /// Simpson's rule knows to the mass of an interval only, are those of the masses then.
    #[must_use]
    pub fn split_at(mut self, jumps: &[(usize, f64)]) -> Self {
        if jumps.is_empty() {
            return self;
        }
        for &(interval, share) in jumps {
            let mass = self.cells[interval].mass;
            let side = |value: f64, mass: f64| Cell { low: value, high: value, mass };
            self.cells[interval] = side(self.observable[interval], share * mass);
            self.cells.push(side(self.observable[interval + 1], (1.0 - share) * mass));
        }
        let moment = |power: i32, from: f64| -> f64 {
            self.cells.iter().map(|cell| cell.mass * (0.5 * (cell.low + cell.high) - from).powi(power)).sum()
        };
        let mean = moment(1, 0.0);
        self.std = moment(2, mean).sqrt();
        self.mean = mean;
        self
    }

    /// The value that the observable takes on the stretch of the curve with the largest probability, and that probability; `None` where the
    /// observable is nowhere constant.
    pub fn atom(&self) -> Option<(f64, f64)> {
        let flat = |cell: &Cell| cell.high == cell.low;
        // One cell may have equal ends by its place around an extremum; a stretch is at least two.
        let pairs = self.cells.windows(2).filter(|pair| flat(&pair[0]) && flat(&pair[1]) && pair[0].low == pair[1].low);
        let mut values: Vec<f64> = pairs.map(|pair| pair[0].low).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let mass = |value: f64| -> f64 {
            self.cells.iter().filter(|cell| flat(cell) && cell.low == value).map(|cell| cell.mass).sum()
        };
        values.into_iter().map(|value| (value, mass(value))).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}
