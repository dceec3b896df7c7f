//! The monotone link w = ψ(s) of a wanted penalty: s(w) = ∫ e^(−R) dw is the arc length in which the horizontal law is e^(−L/τ) alone.
//!
//! **Idea.** ψ' = e^(R(ψ)), so that log|∂w/∂s| = R. ψ is held as polynomials of degree ten on pieces that are halved until each reaches the
//! tolerance in ψ *and in log ψ'*, which is what the law sees. A spline of values alone could be near to ψ and far from R.
//!
//! Where R → −∞ like α log|w − w₀|, α < 1, e^(−R) is integrable and ψ ~ |s|^(1/(1−α)). The pieces shrink towards w₀ down to [`CORE`] of
//! the domain; within it ψ is a straight line, that is, R is cut off at its depth there. Outside the domain ψ goes on straight: R stays at
//! its value at the end. The constant of R is fixed so that the domain is as long in s as in w.
//!
//! **Rejected.** One Chebyshev series: a kink of R (|w|, Huber) makes it converge like 1/n². Solving ψ' = e^(R(ψ)) step by step: its error
//! accumulates, where quadrature of s(w) and its inversion have none to pass on.

use crate::DesignError;

/// Half-width of the straight piece at a singularity, as a share of the domain.
pub const CORE: f64 = 1e-6;
/// Degree of the pieces.
pub const DEGREE: usize = 10;
/// Most pieces.
const MOST_PIECES: usize = 1500;
/// Pieces are not made shorter than this share of the domain.
const SHORTEST: f64 = 1e-12;
/// R above its level by more than this makes a slope at which rounding of s spoils w.
const STEEPEST: f64 = 15.0;
/// R that spans more than this overflows on the way.
const STEEPEST_LOOK: f64 = 300.0;
/// An exponent from here on counts as not integrable.
const INTEGRABLE: f64 = 0.999;
/// Intervals of the first look at R.
const LOOK: usize = 4096;

/// R at many places.
pub type Function<'a> = &'a dyn Fn(&[f64]) -> Result<Vec<f64>, DesignError>;

/// One polynomial of the link.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Middle of its interval of s.
    pub centre: f64,
    /// One over half its length.
    pub inverse_half: f64,
    /// Coefficients of powers of t = (s − centre)·inverse_half.
    pub coefficients: [f64; DEGREE + 1],
}

impl Piece {
    fn place(&self, s: f64) -> f64 {
        (s - self.centre) * self.inverse_half
    }

    /// w at t.
    fn value(&self, t: f64) -> f64 {
        self.coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c)
    }

    /// dw/ds at t.
    fn slope(&self, t: f64) -> f64 {
        let powers = self.coefficients.iter().enumerate().skip(1).rev();
        powers.fold(0.0, |sum, (k, c)| sum * t + k as f64 * c) * self.inverse_half
    }
}

/// Quality of a link.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct LinkInfo {
    /// Number of pieces.
    pub pieces: usize,
    /// Largest |ψ(s(w)) − w| found, in units of w.
    pub error: f64,
    /// Largest |log ψ' − R| found, nats, outside the cores of singularities.
    pub penalty_error: f64,
    /// Half-width of the cores, 0 without singularities.
    pub core: f64,
}

/// The link on a domain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where w lies.
    pub domain: (f64, f64),
    /// Borders between pieces in s, ascending; one fewer than pieces.
    pub knots: Vec<f64>,
    /// Borders between pieces in w.
    pub places: Vec<f64>,
    /// The pieces; the first and last are the straight continuations.
    pub pieces: Vec<Piece>,
    /// What was taken from R: log ψ' = R − level.
    pub level: f64,
    /// Singular points, w₀.
    pub singular: Vec<f64>,
    /// How good it is.
    pub info: LinkInfo,
}

impl Link {
    /// The link of R on a domain, split at places where derivatives of R may jump; s = 0 at the left end, or at the point nearest to w = 0.
    ///
    /// # Errors
    /// [`DesignError::NotIntegrable`], [`DesignError::Wall`], [`DesignError::TooSteep`], [`DesignError::Rough`], and those of R.
    pub fn new(
        penalty: Function<'_>,
        domain: (f64, f64),
        tolerance: f64,
        splits: &[f64],
        from_left: bool,
    ) -> Result<Self, DesignError> {
        let look = Look::new(penalty, domain, splits)?;
        let mut solver = Solver { penalty, domain, tolerance, level: look.level, found: Vec::new(), info: (0.0, 0.0) };
        for segment in look.segments() {
            match segment {
                Segment::Smooth(low, high) => solver.solve(low, high)?,
                Segment::Core(low, high, at) => solver.straight(low, high, at)?,
            }
        }
        let core = if look.singular.is_empty() { 0.0 } else { CORE * (domain.1 - domain.0) };
        let link = assemble(&solver, look.singular.clone(), core, from_left);
        if look.top - link.level > STEEPEST {
            let (low, high) = domain;
            return Err(DesignError::TooSteep { range: look.top - look.bottom, low, high, at: look.highest });
        }
        Ok(link)
    }

    fn piece_of(&self, s: f64) -> &Piece {
        &self.pieces[self.knots.partition_point(|knot| *knot < s)]
    }

    /// w = ψ(s).
    pub fn value(&self, s: f64) -> f64 {
        let piece = self.piece_of(s);
        piece.value(piece.place(s))
    }

    /// ψ'(s).
    pub fn slope(&self, s: f64) -> f64 {
        let piece = self.piece_of(s);
        piece.slope(piece.place(s))
    }

    /// s(w), by bisection within the piece.
    pub fn arc_length(&self, w: f64) -> f64 {
        let index = self.places.partition_point(|place| *place < w);
        let piece = &self.pieces[index];
        if index == 0 || index == self.pieces.len() - 1 {
            return piece.centre + (w - piece.coefficients[0]) / (piece.coefficients[1] * piece.inverse_half);
        }
        let (mut low, mut high) = (-1.0, 1.0);
        for _ in 0..60 {
            let middle: f64 = 0.5 * (low + high);
            if piece.value(middle) < w { low = middle } else { high = middle }
        }
        piece.centre + 0.5 * (low + high) / piece.inverse_half
    }
}

/// The first look at R: where it is singular, how large it becomes.
struct Look {
    domain: (f64, f64),
    singular: Vec<f64>,
    splits: Vec<f64>,
    level: f64,
    bottom: f64,
    top: f64,
    /// Where R is largest.
    highest: f64,
}

enum Segment {
    Smooth(f64, f64),
    /// From, to, and the singular point.
    Core(f64, f64, f64),
}

impl Look {
    fn new(penalty: Function<'_>, domain: (f64, f64), splits: &[f64]) -> Result<Self, DesignError> {
        let (low, high) = domain;
        let mut grid: Vec<f64> = (0..=LOOK).map(|i| low + (high - low) * i as f64 / LOOK as f64).collect();
        let splits: Vec<f64> = splits.iter().copied().filter(|x| low < *x && *x < high).collect();
        grid.extend(&splits);
        grid.sort_unstable_by(f64::total_cmp);
        grid.dedup();
        let values = penalty(&grid)?;
        let wrong = grid.iter().zip(&values).find(|(_, r)| r.is_nan() || **r == f64::INFINITY);
        if let Some((&at, &value)) = wrong {
            return Err(DesignError::Wall { at, value });
        }
        let singular: Vec<f64> = grid.iter().zip(&values).filter(|(_, r)| r.is_infinite()).map(|(w, _)| *w).collect();
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

    fn segments(&self) -> Vec<Segment> {
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

/// The exponent α of R ≈ α log|w − at| on both sides.
fn exponents(penalty: Function<'_>, (low, high): (f64, f64), at: f64) -> Result<Vec<f64>, DesignError> {
    let near = CORE * (high - low);
    let mut found = Vec::new();
    for side in [-1.0, 1.0] {
        let places = [at + side * near, at + 2.0 * side * near];
        if low <= places[1] && places[1] <= high {
            let values = penalty(&places)?;
            found.push((values[1] - values[0]) / std::f64::consts::LN_2);
        }
    }
    Ok(found)
}

fn check_integrable(penalty: Function<'_>, domain: (f64, f64), at: f64) -> Result<(), DesignError> {
    match exponents(penalty, domain, at)?.into_iter().find(|alpha| *alpha >= INTEGRABLE) {
        Some(exponent) => Err(DesignError::NotIntegrable { at, exponent }),
        None => Ok(()),
    }
}

/// A polynomial over lengths in w and s.
struct Found {
    places: (f64, f64),
    length: f64,
    coefficients: [f64; DEGREE + 1],
}

struct Solver<'a> {
    penalty: Function<'a>,
    domain: (f64, f64),
    tolerance: f64,
    level: f64,
    found: Vec<Found>,
    info: (f64, f64),
}

impl Solver<'_> {
    /// Halves an interval until each part reaches the tolerance, from the left.
    fn solve(&mut self, low: f64, high: f64) -> Result<(), DesignError> {
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

    /// The straight piece across a singularity, as long in s as ∫ e^(−R) is there.
    fn straight(&mut self, low: f64, high: f64, at: f64) -> Result<(), DesignError> {
        let alphas = exponents(self.penalty, self.domain, at)?;
        let ends: Vec<f64> = [low, high].into_iter().filter(|end| *end != at).collect();
        let values = (self.penalty)(&ends)?;
        let side = |((end, r), alpha): ((&f64, &f64), &f64)| (end - at).abs() * (self.level - r).exp() / (1.0 - alpha);
        let length = ends.iter().zip(&values).zip(&alphas).map(side).sum();
        let mut coefficients = [0.0; DEGREE + 1];
        (coefficients[0], coefficients[1]) = (0.5 * (low + high), 0.5 * (high - low));
        self.found.push(Found { places: (low, high), length, coefficients });
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

/// Lays the pieces out in s, with straight continuations, and scales s to the domain's length.
fn assemble(solver: &Solver<'_>, singular: Vec<f64>, core: f64, from_left: bool) -> Link {
    let (low, high) = solver.domain;
    let total: f64 = solver.found.iter().map(|piece| piece.length).sum();
    let scale = (high - low) / total;
    let (mut pieces, mut knots, mut places, mut s) = (Vec::new(), vec![0.0], vec![low], 0.0);
    for found in &solver.found {
        let length = scale * found.length;
        pieces.push(Piece { centre: s + 0.5 * length, inverse_half: 2.0 / length, coefficients: found.coefficients });
        s += length;
        knots.push(s);
        places.push(found.places.1);
    }
    let end = |piece: &Piece, t: f64| {
        let mut coefficients = [0.0; DEGREE + 1];
        (coefficients[0], coefficients[1]) = (piece.value(t), piece.slope(t));
        Piece { centre: piece.centre + t / piece.inverse_half, inverse_half: 1.0, coefficients }
    };
    let (first, last) = (end(&pieces[0], -1.0), end(&pieces[pieces.len() - 1], 1.0));
    pieces.insert(0, first);
    pieces.push(last);
    let info = LinkInfo { pieces: pieces.len(), error: solver.info.0, penalty_error: solver.info.1, core };
    let level = solver.level + scale.ln();
    let mut link = Link { domain: solver.domain, knots, places, pieces, level, singular, info };
    if !from_left {
        let origin = link.arc_length(0.0_f64.clamp(low, high));
        link.knots.iter_mut().for_each(|knot| *knot -= origin);
        link.pieces.iter_mut().for_each(|piece| piece.centre -= origin);
    }
    link
}
