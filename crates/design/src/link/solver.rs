//! Where R is singular, and the polynomials of the link between: intervals of w are halved until each reaches the tolerance.

use super::{CORE, DEGREE, Function, Piece, singular};
use crate::DesignError;

/// Most pieces.
const MOST_PIECES: usize = 1500;
/// Pieces are not made shorter than this share of the domain.
const SHORTEST: f64 = 1e-12;
/// R that spans more than this overflows on the way.
const STEEPEST_LOOK: f64 = 300.0;
/// An exponent from here on counts as not integrable.
const INTEGRABLE: f64 = 0.999;
/// How much closer to a singular point its exponent is looked at again, and by how much it may have grown.
const CLOSER: f64 = 1.0 / (1024.0 * 1024.0);
const STEADY: f64 = 0.01;
/// Intervals of the first look at R.
const LOOK: usize = 4096;

/// The first look at R: where it is singular, how large it becomes.
pub(super) struct Look {
    pub(super) domain: (f64, f64),
    pub(super) singular: Vec<f64>,
    pub(super) splits: Vec<f64>,
    pub(super) level: f64,
    pub(super) bottom: f64,
    pub(super) top: f64,
    /// Where R is largest.
    pub(super) highest: f64,
}

pub(super) enum Segment {
    Smooth(f64, f64),
    /// From, to, and the singular point.
    Core(f64, f64, f64),
}

impl Look {
    pub(super) fn new(penalty: Function<'_>, domain: (f64, f64), splits: &[f64]) -> Result<Self, DesignError> {
        let (low, high) = domain;
        let mut grid: Vec<f64> = (0..=LOOK).map(|i| low + (high - low) * i as f64 / LOOK as f64).collect();
        let splits: Vec<f64> = splits.iter().copied().filter(|x| low < *x && *x < high).collect();
        grid.extend(&splits);
        grid.sort_unstable_by(f64::total_cmp);
        grid.dedup();
        let values = penalty(&grid)?;
        let wrong = grid.iter().zip(&values).find(|(_, r)| r.is_nan() || **r == f64::INFINITY);
        if let Some((&at, &value)) = wrong {
            return Err(if value.is_nan() { DesignError::Undefined { at } } else { DesignError::Wall { at, value } });
        }
        if let Some(&at) = singular::between(penalty, &grid, &values, -1.0)?.first() {
            return Err(DesignError::Wall { at, value: f64::INFINITY });
        }
        let on_grid = grid.iter().zip(&values).filter(|(_, r)| r.is_infinite()).map(|(w, _)| *w);
        let singular: Vec<f64> = on_grid.chain(singular::between(penalty, &grid, &values, 1.0)?).collect();
        for &at in &singular {
            check_integrable(penalty, domain, at)?;
        }
        let mut finite: Vec<(f64, f64)> = grid.into_iter().zip(values).filter(|(_, r)| r.is_finite()).collect();
        finite.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
        let (level, bottom) = (finite[finite.len() / 2].1, finite[0].1);
        let (highest, top) = finite[finite.len() - 1];
        if top - bottom > STEEPEST_LOOK {
            return Err(DesignError::TooSteep { range: top - bottom, low, high, at: highest });
        }
        Ok(Self { domain, singular, splits, level, bottom, top, highest })
    }

    pub(super) fn segments(&self) -> Vec<Segment> {
        let (low, high) = self.domain;
        let core = CORE * (high - low);
        let mut places = vec![low, high];
        places.extend(&self.splits);
        for at in &self.singular {
            places.extend([at - core, at + core]);
        }
        places.retain(|place| {
            low <= *place && *place <= high && !self.singular.contains(place) || [low, high].contains(place)
        });
        places.sort_unstable_by(f64::total_cmp);
        places.dedup();
        let segment = |pair: &[f64]| {
            let at = self.singular.iter().find(|at| pair[0] <= **at && **at <= pair[1]);
            at.map_or(Segment::Smooth(pair[0], pair[1]), |at| Segment::Core(pair[0], pair[1], *at))
        };
        places.windows(2).map(segment).collect()
    }
}

/// The exponent α of R ≈ α log|w − at| on both sides, at a distance.
fn exponents(penalty: Function<'_>, (low, high): (f64, f64), at: f64, distance: f64) -> Result<Vec<f64>, DesignError> {
    let mut found = Vec::new();
    for side in [-1.0, 1.0] {
        let places = [at + side * distance, at + 2.0 * side * distance];
        if low <= places[1] && places[1] <= high {
            let values = penalty(&places)?;
            found.push((values[1] - values[0]) / std::f64::consts::LN_2);
        }
    }
    Ok(found)
}

/// Refuses a point where the exponent is 1, or grows the closer one looks: of −|w|^(−0.1) it has no bound.
fn check_integrable(penalty: Function<'_>, domain: (f64, f64), at: f64) -> Result<(), DesignError> {
    let near = CORE * (domain.1 - domain.0);
    let far = exponents(penalty, domain, at, near)?;
    if let Some(&exponent) = far.iter().find(|alpha| **alpha >= INTEGRABLE) {
        return Err(DesignError::NotIntegrable { at, exponent });
    }
    let distance = CLOSER * near;
    // Where w is large against the distance its rounding is all that is seen.
    if distance < 1e4 * f64::EPSILON * at.abs() {
        return Ok(());
    }
    let close = exponents(penalty, domain, at, distance)?;
    match far.iter().zip(close).find(|(far, close)| *close > **far + STEADY) {
        Some((&far, close)) => Err(DesignError::Steepening { at, far, close, distance }),
        None => Ok(()),
    }
}

/// The polynomial a τ + b τ^q across a singularity with exponent α, where the slope at its edge has to be 1/(1 − α) times the mean one; τ runs over (−1, 1), or from
/// 0 at a singular end of the domain. Straight where no q within the degree does, or where both sides differ.
fn across((low, high): (f64, f64), at: f64, alphas: &[f64]) -> [f64; DEGREE + 1] {
    let mut coefficients = [0.0; DEGREE + 1];
    (coefficients[0], coefficients[1]) = (0.5 * (low + high), 0.5 * (high - low));
    let steepness = 1.0 / (1.0 - alphas[0]);
    let power = (3..=DEGREE).step_by(2).find(|q| (*q as f64) > steepness);
    let alike = alphas.iter().all(|alpha| (alpha - alphas[0]).abs() < 1e-3);
    let Some(power) = power.filter(|_| alike) else { return coefficients };
    let bent = (steepness - 1.0) / (power as f64 - 1.0);
    if at != low && at != high {
        let half = coefficients[1];
        (coefficients[1], coefficients[power]) = (half * (1.0 - bent), half * bent);
        return coefficients;
    }
    // τ = (1 ± t)/2 from the singular end; the sign of w goes with it.
    let side = if at == low { 1.0 } else { -1.0 };
    let size = side * (high - low);
    (coefficients[0], coefficients[1]) = (at + 0.5 * size * (1.0 - bent), 0.5 * (high - low) * (1.0 - bent));
    let mut binomial = 1.0;
    for (k, coefficient) in coefficients.iter_mut().enumerate().take(power + 1) {
        *coefficient += size * bent * binomial * side.powi(k as i32) / 2.0_f64.powi(power as i32);
        binomial *= (power - k) as f64 / (k + 1) as f64;
    }
    coefficients
}

/// A polynomial over lengths in w and s.
pub(super) struct Found {
    pub(super) places: (f64, f64),
    pub(super) length: f64,
    pub(super) coefficients: [f64; DEGREE + 1],
}

pub(super) struct Solver<'a> {
    pub(super) penalty: Function<'a>,
    pub(super) domain: (f64, f64),
    pub(super) tolerance: f64,
    pub(super) level: f64,
    pub(super) found: Vec<Found>,
    pub(super) info: (f64, f64),
}

impl Solver<'_> {
    /// Halves an interval until each part reaches the tolerance, from the left.
    pub(super) fn solve(&mut self, low: f64, high: f64) -> Result<(), DesignError> {
        let mut waiting = vec![(low, high)];
        while let Some((low, high)) = waiting.pop() {
            let (piece, errors) = self.fit(low, high)?;
            let worst = errors.0.max(errors.1);
            if worst <= self.tolerance {
                self.info = (self.info.0.max(errors.0), self.info.1.max(errors.1));
                self.found.push(piece);
                continue;
            }
            let rough =
                |at: f64| DesignError::Rough { tolerance: self.tolerance, pieces: self.found.len(), at, error: worst };
            let middle = 0.5 * (low + high);
            if high - low < SHORTEST * (self.domain.1 - self.domain.0) || self.found.len() + waiting.len() > MOST_PIECES
            {
                return Err(rough(middle));
            }
            waiting.extend([(middle, high), (low, middle)]);
        }
        Ok(())
    }

    /// The piece across a singularity, as long in s as ∫ e^(−R) is there, with the slopes of its neighbours.
    pub(super) fn cross(&mut self, low: f64, high: f64, at: f64) -> Result<(), DesignError> {
        let alphas = exponents(self.penalty, self.domain, at, CORE * (self.domain.1 - self.domain.0))?;
        let ends: Vec<f64> = [low, high].into_iter().filter(|end| *end != at).collect();
        let values = (self.penalty)(&ends)?;
        let side = |((end, r), alpha): ((&f64, &f64), &f64)| (end - at).abs() * (self.level - r).exp() / (1.0 - alpha);
        let length = ends.iter().zip(&values).zip(&alphas).map(side).sum();
        self.found.push(Found { places: (low, high), length, coefficients: across((low, high), at, &alphas) });
        Ok(())
    }

    /// The polynomial on an interval of w, and its errors in w and in log ψ'.
    fn fit(&self, low: f64, high: f64) -> Result<(Found, (f64, f64)), DesignError> {
        let table = Arc::new(self, low, high)?;
        let length = table.total();
        let at = |t: f64| 0.5 * length * (t + 1.0);
        let nodes: Vec<f64> = (0..=DEGREE).map(|k| -(std::f64::consts::PI * k as f64 / DEGREE as f64).cos()).collect();
        let values = table.places(self, &nodes.iter().map(|t| at(*t)).collect::<Vec<_>>())?;
        let coefficients = monomials(&nodes, &values);
        let piece = Piece { centre: 0.5 * length, inverse_half: 2.0 / length, coefficients };
        let between: Vec<f64> = (0..2 * DEGREE).map(|k| -1.0 + (k as f64 + 0.5) / DEGREE as f64).collect();
        let tests = [between, vec![-1.0, 1.0]].concat();
        let truth = table.places(self, &tests.iter().map(|t| at(*t)).collect::<Vec<_>>())?;
        let penalties = (self.penalty)(&truth)?;
        let mut errors = (0.0_f64, 0.0_f64);
        for ((t, w), r) in tests.iter().zip(&truth).zip(penalties) {
            let slope = piece.slope(*t);
            let wrong = if slope > 0.0 { (slope.ln() - (r - self.level)).abs() } else { f64::INFINITY };
            errors = (errors.0.max((piece.value(*t) - w).abs()), errors.1.max(wrong));
        }
        Ok((Found { places: (low, high), length, coefficients }, errors))
    }

    /// e^(level − R).
    fn density(&self, w: &[f64]) -> Result<Vec<f64>, DesignError> {
        Ok((self.penalty)(w)?.into_iter().map(|r| (self.level - r).exp()).collect())
    }
}

/// Nodes and weights of Gauss and Legendre on (−1, 1), eight points; one half by symmetry.
const GAUSS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// ∫ e^(level − R) over intervals, each by eight points.
fn integrals(solver: &Solver<'_>, intervals: &[(f64, f64)]) -> Result<Vec<f64>, DesignError> {
    let nodes = |&(a, b): &(f64, f64)| {
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
        GAUSS.into_iter().flat_map(move |(x, _)| [middle - half * x, middle + half * x])
    };
    let values = solver.density(&intervals.iter().flat_map(nodes).collect::<Vec<_>>())?;
    let weigh = |(values, &(a, b)): (&[f64], &(f64, f64))| {
        let pairs = values.chunks_exact(2).zip(GAUSS);
        0.5 * (b - a) * pairs.map(|(pair, (_, weight))| weight * (pair[0] + pair[1])).sum::<f64>()
    };
    Ok(values.chunks_exact(8).zip(intervals).map(weigh).collect())
}

/// s at equally spaced places of an interval of w.
struct Arc {
    places: Vec<f64>,
    lengths: Vec<f64>,
}

impl Arc {
    fn new(solver: &Solver<'_>, low: f64, high: f64) -> Result<Self, DesignError> {
        let places: Vec<f64> = (0..=8).map(|i| low + (high - low) * f64::from(i) / 8.0).collect();
        let steps: Vec<(f64, f64)> = places.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let mut lengths = vec![0.0];
        for step in integrals(solver, &steps)? {
            lengths.push(lengths[lengths.len() - 1] + step);
        }
        Ok(Self { places, lengths })
    }

    fn total(&self) -> f64 {
        self.lengths[self.lengths.len() - 1]
    }

    /// w at arc lengths, by Newton's method within the interval that holds each.
    fn places(&self, solver: &Solver<'_>, lengths: &[f64]) -> Result<Vec<f64>, DesignError> {
        let last = self.places.len() - 2;
        let cells: Vec<usize> =
            lengths.iter().map(|s| self.lengths.partition_point(|l| l < s).saturating_sub(1).min(last)).collect();
        let mut w: Vec<f64> = lengths
            .iter()
            .zip(&cells)
            .map(|(s, &i)| {
                let share = (s - self.lengths[i]) / (self.lengths[i + 1] - self.lengths[i]);
                self.places[i] + share * (self.places[i + 1] - self.places[i])
            })
            .collect();
        for _ in 0..8 {
            let parts: Vec<(f64, f64)> = w.iter().zip(&cells).map(|(w, &i)| (self.places[i], *w)).collect();
            let (covered, density) = (integrals(solver, &parts)?, solver.density(&w)?);
            for (k, w) in w.iter_mut().enumerate() {
                let i = cells[k];
                let missing = lengths[k] - self.lengths[i] - covered[k];
                *w = (*w + missing / density[k]).clamp(self.places[i], self.places[i + 1]);
            }
        }
        Ok(w)
    }
}

/// Coefficients of powers of t of the polynomial through values at DEGREE + 1 nodes: Newton's divided differences, expanded.
fn monomials(nodes: &[f64], values: &[f64]) -> [f64; DEGREE + 1] {
    let mut differences = values.to_vec();
    for order in 1..=DEGREE {
        for i in (order..=DEGREE).rev() {
            differences[i] = (differences[i] - differences[i - 1]) / (nodes[i] - nodes[i - order]);
        }
    }
    let mut coefficients = [0.0; DEGREE + 1];
    for i in (0..=DEGREE).rev() {
        for k in (1..=DEGREE).rev() {
            coefficients[k] = coefficients[k - 1] - nodes[i] * coefficients[k];
        }
        coefficients[0] = differences[i] - nodes[i] * coefficients[0];
    }
    coefficients
}
