//! The monotone link w = ψ(s) of a wanted penalty: s(w) = ∫ e^(−R) dw is the arc length in which the horizontal law is e^(−L/τ) alone.
//!
//! **Idea.** ψ' = e^(R(ψ)), so that log|∂w/∂s| = R. ψ is held as polynomials of degree ten on pieces that are halved until each reaches the
//! tolerance in ψ *and in log ψ'*, which is what the law sees. A spline of values alone could be near to ψ and far from R.
//!
//! Where R → −∞ like α log|w − w₀|, α < 1, e^(−R) is integrable and ψ ~ |s|^(1/(1−α)). The pieces shrink towards w₀ down to [`CORE`] of
//! the domain; within it ψ is one odd polynomial that joins its neighbours smoothly: R is cut off near
//! its depth there. Outside the domain ψ goes on straight: R stays at its value at the end. The constant of R is fixed so that the domain is as long in s as in w.
//!
//! **Rejected.** One Chebyshev series: a kink of R (|w|, Huber) makes it converge like 1/n². Solving ψ' = e^(R(ψ)) step by step: its error
//! accumulates, where quadrature of s(w) and its inversion have none to pass on.

mod singular;
mod solver;

use crate::DesignError;
use solver::{Look, Segment, Solver};

/// Half-width of the piece at a singularity, as a share of the domain.
pub const CORE: f64 = 1e-6;
/// Degree of the pieces.
pub const DEGREE: usize = 10;
/// R above its level by more than this makes a slope at which rounding of s spoils w.
const STEEPEST: f64 = 15.0;

/// Midpoints of a piece in integrals along the link.
const MIDPOINTS: u32 = 32;

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
    /// [`DesignError::NotIntegrable`], [`DesignError::Undefined`], [`DesignError::Wall`], [`DesignError::TooSteep`], [`DesignError::Rough`], and those of R.
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
                Segment::Core(low, high, at) => solver.cross(low, high, at)?,
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

    /// ∫ ds/ψ'(s) between two arc lengths: piece by piece, by midpoints.
    pub fn time_between(&self, low: f64, high: f64) -> f64 {
        let inside = self.knots.iter().copied().filter(|knot| low < *knot && *knot < high);
        let places: Vec<f64> = std::iter::once(low).chain(inside).chain([high]).collect();
        let over = |pair: &[f64]| {
            let width = (pair[1] - pair[0]) / f64::from(MIDPOINTS);
            (0..MIDPOINTS).map(|k| width / self.slope(pair[0] + width * (f64::from(k) + 0.5))).sum::<f64>()
        };
        places.windows(2).map(over).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn link(penalty: &dyn Fn(f64) -> f64, domain: (f64, f64), from_left: bool) -> Link {
        let all = |w: &[f64]| Ok(w.iter().map(|w| penalty(*w)).collect());
        Link::new(&all, domain, 1e-8, &[0.0], from_left).unwrap()
    }

    /// Against the closed form: R = α log|w| has ψ ∝ sign(s)|s|^(1/(1−α)).
    #[test]
    fn powers_are_met_and_slopes_do_not_jump() {
        for alpha in [0.3, 0.5, 0.8] {
            for (domain, from_left) in [((-1.0, 1.0), false), ((0.0, 2.0), true)] {
                let found = link(&|w| alpha * w.abs().ln(), domain, from_left);
                let high = domain.1;
                let scale = found.arc_length(high);
                for k in 1..200 {
                    let s = scale * f64::from(k) / 200.0;
                    let w = high * (s / scale).powf(1.0 / (1.0 - alpha));
                    // Within the core ψ is no power, but it stays there.
                    let tolerance = if w < 2.0 * found.info.core { found.info.core } else { 1e-7 };
                    assert!((found.value(s) - w).abs() < tolerance, "{alpha} {domain:?} {s}: {} {w}", found.value(s));
                    assert!((found.arc_length(found.value(s)) - s).abs() < 1e-5, "{alpha} {s}");
                }
                for knot in &found.knots {
                    let (before, after) = (found.slope(knot - 1e-13), found.slope(knot + 1e-13));
                    assert!((before / after - 1.0).abs() < 1e-2, "{alpha} {domain:?}, at {knot}: {before} {after}");
                }
                let steps = (-2000..2000).map(|k| found.slope(1e-3 * f64::from(k)));
                assert!(steps.into_iter().all(|slope| slope > 0.0), "{alpha} {domain:?}");
            }
        }
    }

    /// Singular points that no grid meets are found, two of them too, with the closed form of one; smooth wells, kinks and cusps (which no degree fits) are none.
    #[test]
    fn singular_points_are_found_wherever_they_are() {
        let found = link(&|w| 0.3 * (w - 0.1234).abs().ln(), (-1.0, 1.0), false);
        assert!(found.singular.len() == 1 && (found.singular[0] - 0.1234).abs() < 1e-12, "{:?}", found.singular);
        let origin = found.arc_length(0.1234);
        let (end, length) = (found.arc_length(1.0) - origin, 1.0 - 0.1234);
        for share in [0.01_f64, 0.2, 0.7] {
            let w = 0.1234 + length * share.powf(1.0 / 0.7);
            assert!((found.value(origin + share * end) - w).abs() < 1e-6, "{share}");
        }
        let two = |w: f64| 0.2 * (w - 0.377_7).abs().ln() + 0.5 * (w + std::f64::consts::FRAC_1_PI).abs().ln() + w * w;
        assert_eq!(link(&two, (-1.0, 1.0), false).singular.len(), 2);
        let kinks: [&dyn Fn(f64) -> f64; 3] =
            [&|w| (w - 0.377_7).powi(2), &|w| (w - 0.377_7).abs(), &|w| (40.0 * w).sin()];
        for smooth in kinks {
            assert!(link(&smooth, (-1.0, 1.0), false).singular.is_empty());
        }
        let all = |w: &[f64]| Ok(w.iter().map(|w| -0.3 * (w - 0.1234).abs().ln()).collect());
        let said = Link::new(&all, (-1.0, 1.0), 1e-8, &[0.0], false).unwrap_err().to_string();
        assert!(said.contains("w = 0.1234") && said.contains("two components"), "{said}");
        let cusp = |w: &[f64]| Ok(w.iter().map(|w| (w - 0.377_7).abs().sqrt()).collect());
        let said = Link::new(&cusp, (-1.0, 1.0), 1e-8, &[0.0], false).unwrap_err().to_string();
        assert!(said.contains("rough") && said.contains("w = 0.3776"), "{said}");
        let strong = |w: &[f64]| Ok(w.iter().map(|w| 1.2 * (w - 0.1234).abs().ln()).collect());
        let said = Link::new(&strong, (-1.0, 1.0), 1e-8, &[0.0], false).unwrap_err().to_string();
        assert!(said.contains("not integrable at w = 0.1234"), "{said}");
        // The strength of −|w|^(−0.1) is 0.1 |w|^(−0.1), beyond 1 below |w| = 10⁻¹⁰.
        let pole = |w: &[f64]| Ok(w.iter().map(|w| -w.abs().powf(-0.1)).collect());
        let said = Link::new(&pole, (-2.0, 2.0), 1e-8, &[0.0], false).unwrap_err().to_string();
        assert!(said.contains("ever faster") && said.contains("0.335"), "{said}");
    }

    /// R = |w|: s = sign(w)(1 − e^(−|w|)) up to a factor, and straight beyond the domain.
    #[test]
    fn a_kink_is_met_and_the_ends_go_on_straight() {
        let found = link(&|w| w.abs(), (-3.0, 3.0), false);
        let factor = 3.0 / (1.0 - (-3.0_f64).exp());
        for k in -30..=30 {
            let w = 0.1 * f64::from(k);
            let s = factor * w.signum() * (1.0 - (-w.abs()).exp());
            assert!((found.value(s) - w).abs() < 1e-8 && (found.slope(s).ln() - w.abs() + found.level).abs() < 1e-7);
        }
        let end = found.arc_length(3.0);
        assert!((found.slope(end + 5.0) / found.slope(end) - 1.0).abs() < 1e-9);
        assert!((found.arc_length(found.value(end + 5.0)) - end - 5.0).abs() < 1e-9);
    }
}
