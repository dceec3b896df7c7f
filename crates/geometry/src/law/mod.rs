//! Stationary laws of a predictor: of one coordinate by quadrature along the horizontal curve, which this module holds, of
//! several as weighted points on a level of the charges ([`cloud`]), of a lattice or of chains ([`chains`]).
//!
//! With respect to arc length s along the curve the densities are e^{−L/τ} times a weight of orbit volumes; with respect
//! to s they are smooth where, in w, they are singular (u∘v: ds = dw/√(2w)). The curve ends where |J| vanishes, the
//! border of a component (with one parameter injected noise goes through: [`LawOptions::through_zeros`]), or where the weight is negligible. Rejected: a grid in w; it puts its points where the
//! density is not and cannot start at the border.

pub mod chains;
pub mod cloud;
mod curve;
pub mod equilibrium;
mod gradient_noise;
mod grid;
pub mod horizontal;
mod jumps;
pub mod level;
pub mod loss;
pub mod minimum;
pub mod mirror;
mod mixing;
mod proposal;
pub mod quotient;
mod stiff;

use crate::GeometryError;
use crate::orbit::{fields, log_volume};
use curve::Curve;
use gaugebias_model::Parametrization;
use gaugebias_symmetry::{Generator, Symmetries};
use grid::Grid;

/// Which stationary density.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// Horizontal noise: e^{−L/τ} det(JJᵀ)^{−1/2} dw.
    Horizontal,
    /// Constrained to the slice: the surface measure, times the volume of the compact orbits.
    Rigid,
    /// Conditioned on the gauge (a stiff potential): rigid, times det Γ^{−1/2} of the non-compact part.
    Conditioned,
    /// Isotropic noise modulo the group: det(Γ / JJᵀ)^{1/2} e^{−L/τ} dw.
    Isotropic,
    /// e^{−L/τ} dw: what one would expect without any correction.
    Uncorrected,
    /// e^{−L/τ} det Γ_n^{−1/2} dw with the gradients of the charges alone: a correction that forgets the compact part.
    ConstraintGram,
}

/// Options of the quadrature.
#[derive(Clone, Debug)]
pub struct LawOptions {
    /// Grid intervals (made even).
    pub intervals: usize,
    /// The curve ends where |J| is below this times its value at the start.
    pub gradient_cut: f64,
    /// The curve ends where e^{−L/τ} is below this times its maximum.
    pub weight_cut: f64,
    /// The curve is not followed further than this many times |θ₀| + 1.
    pub reach: f64,
    /// With one parameter, whether the curve goes on where J vanishes: injected noise goes through, noise of gradients vanishes with J.
    pub through_zeros: bool,
}

impl Default for LawOptions {
    fn default() -> Self {
        Self { intervals: 4000, gradient_cut: 1e-6, weight_cut: 1e-14, reach: 1e4, through_zeros: false }
    }
}

/// A predicted law on a grid along the curve, which is finer towards the border of a component.
#[derive(Clone, Debug)]
pub struct PredictedLaw {
    /// Which density.
    pub law: Law,
    /// τ, in units of the loss.
    pub temperature: f64,
    /// Smallest and largest w on the curve.
    pub domain: (f64, f64),
    /// Arc length, increasing, 0 at the start.
    pub arc_length: Vec<f64>,
    /// w along the curve.
    pub predictor: Vec<f64>,
    /// The observable along the curve.
    pub observable: Vec<f64>,
    /// Density with respect to arc length, of total mass 1.
    pub density: Vec<f64>,
    /// E of the observable.
    pub mean: f64,
    /// Standard deviation of the observable.
    pub std: f64,
    /// Where the curve was cut and what that means.
    pub notes: Vec<String>,
    cells: Vec<Cell>,
}

/// Mass of one grid interval and the range of the observable on it.
#[derive(Clone, Copy, Debug)]
struct Cell {
    low: f64,
    high: f64,
    mass: f64,
}

impl PredictedLaw {
    /// Probability that the observable is at most x.
    pub fn cdf(&self, x: f64) -> f64 {
        let below = |cell: &Cell| {
            if x >= cell.high {
                cell.mass
            } else if x <= cell.low {
                0.0
            } else {
                cell.mass * (x - cell.low) / (cell.high - cell.low)
            }
        };
        self.cells.iter().map(below).sum::<f64>().clamp(0.0, 1.0)
    }
}

/// A function of θ.
pub type ThetaFunction<'a> = &'a dyn Fn(&[f64]) -> f64;

/// The horizontal curve through a balanced point, over the component where e^{−L/τ} matters. It is traced once; every
/// law and observable is a sum over it.
pub struct Trace<'a> {
    curve: Curve<'a>,
    temperature: f64,
    ends: Ends,
    grid: Grid,
    thetas: Vec<Vec<f64>>,
    losses: Vec<f64>,
}

impl<'a> Trace<'a> {
    /// Follows the curve from `start` (a balanced point) in both directions; `loss` is a function of θ.
    ///
    /// # Errors
    /// [`GeometryError::NotOneDimensional`], [`GeometryError::Unbounded`], [`GeometryError::SingularStart`].
    pub fn new(
        model: &'a dyn Parametrization,
        temperature: f64,
        start: &[f64],
        loss: ThetaFunction<'_>,
        options: &LawOptions,
    ) -> Result<Self, GeometryError> {
        let found = model.predictor_dimension();
        if found != 1 {
            return Err(GeometryError::NotOneDimensional { found });
        }
        let curve = Curve::new(model, start, options.through_zeros)?;
        let ends = Ends::find(&curve, start, temperature, loss, options)?;
        let grid = Grid::new(ends.lengths, ends.distances(), options.intervals);
        let thetas = along(&curve, start, &grid.arc_length)?;
        let losses = thetas.iter().map(|t| loss(t)).collect();
        Ok(Self { curve, temperature, ends, grid, thetas, losses })
    }

    /// θ at the nodes, for observables that are evaluated in a batch.
    pub fn thetas(&self) -> &[Vec<f64>] {
        &self.thetas
    }

    /// e^{−L/τ} at the ends of the curve that are ends of the component, relative to its maximum; 0 without such.
    pub fn weight_at_borders(&self) -> f64 {
        let lowest = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let ends = [self.losses.first(), self.losses.last()].into_iter().zip(self.ends.distances());
        let weight = |(loss, border): (Option<&f64>, Option<f64>)| match (loss, border) {
            (Some(loss), Some(_)) => ((lowest - loss) / self.temperature).exp(),
            _ => 0.0,
        };
        ends.map(weight).fold(0.0, f64::max)
    }

    /// The law of an observable, a function of θ.
    pub fn law(
        &self,
        symmetries: &Symmetries,
        law: Law,
        observable: ThetaFunction<'_>,
    ) -> Result<PredictedLaw, GeometryError> {
        self.law_of_values(symmetries, law, self.thetas.iter().map(|t| observable(t)).collect())
    }

    /// The law of an observable whose values at [`Self::thetas`] are given.
    pub fn law_of_values(
        &self,
        symmetries: &Symmetries,
        law: Law,
        observed: Vec<f64>,
    ) -> Result<PredictedLaw, GeometryError> {
        self.check_observed(&observed)?;
        let density = self.density(symmetries, law)?;
        self.assemble(symmetries, law, density, observed)
    }

    fn check_observed(&self, observed: &[f64]) -> Result<(), GeometryError> {
        if observed.len() != self.thetas.len() {
            return Err(GeometryError::WrongLength { found: observed.len(), expected: self.thetas.len() });
        }
        if observed.iter().any(|x| !x.is_finite()) {
            return Err(GeometryError::NotFinite { what: "the observable" });
        }
        Ok(())
    }

    /// The law with a given density in arc length.
    fn assemble(
        &self,
        symmetries: &Symmetries,
        law: Law,
        density: Vec<f64>,
        observed: Vec<f64>,
    ) -> Result<PredictedLaw, GeometryError> {
        let predictor: Vec<f64> = self.thetas.iter().map(|t| self.curve.predictor(t)).collect();
        let moment = |f: &dyn Fn(f64) -> f64| {
            let values: Vec<f64> = density.iter().zip(&observed).map(|(d, &x)| d * f(x)).collect();
            self.grid.integral(&values)
        };
        let mean = moment(&|x| x);
        let variance = moment(&|x| (x - mean).powi(2));
        let widen = |(a, b): (f64, f64), &w: &f64| (a.min(w), b.max(w));
        Ok(PredictedLaw {
            law,
            temperature: self.temperature,
            domain: predictor.iter().fold((f64::INFINITY, f64::NEG_INFINITY), widen),
            cells: cells(&self.grid, &density, &observed),
            notes: self.ends.notes(law, symmetries, &density),
            arc_length: self.grid.arc_length.clone(),
            predictor,
            observable: observed,
            density,
            mean,
            std: variance.max(0.0).sqrt(),
        })
    }

    /// Density with respect to arc length, of mass 1.
    fn density(&self, symmetries: &Symmetries, law: Law) -> Result<Vec<f64>, GeometryError> {
        let lowest = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let mut logs = Vec::with_capacity(self.thetas.len());
        for (theta, l) in self.thetas.iter().zip(&self.losses) {
            let weight = log_weight(&self.curve, symmetries, law, theta)?;
            logs.push((lowest - l) / self.temperature + weight);
        }
        self.normalised(&logs)
    }

    /// The density of mass 1 with the given logarithm up to a constant.
    fn normalised(&self, logs: &[f64]) -> Result<Vec<f64>, GeometryError> {
        let top = logs.iter().copied().filter(|x| x.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        let raw: Vec<f64> = logs.iter().map(|x| (x - top).exp()).collect();
        let total = self.grid.integral(&raw);
        if !(total.is_finite() && total > 0.0) {
            return Err(GeometryError::NotFinite { what: "the density along the curve" });
        }
        Ok(raw.iter().map(|x| x / total).collect())
    }
}

/// Logarithm of the weight with respect to arc length, without e^{−L/τ}.
fn log_weight(curve: &Curve<'_>, symmetries: &Symmetries, law: Law, theta: &[f64]) -> Result<f64, GeometryError> {
    let volume = |generators: &[&Generator]| -> Result<f64, GeometryError> {
        if generators.is_empty() {
            return Ok(0.0);
        }
        let columns = fields(generators.iter().copied(), theta);
        let rank = gaugebias_linalg::relative_rank(&columns, crate::orbit::RANK_CUTOFF)?;
        log_volume(&columns, rank)
    };
    let compact: Vec<&Generator> = symmetries.rotations.iter().collect();
    let noncompact: Vec<&Generator> = symmetries.charges.iter().map(|c| c.generator()).collect();
    let every: Vec<&Generator> = symmetries.generators.iter().collect();
    match law {
        Law::Horizontal => Ok(0.0),
        Law::Rigid => volume(&compact),
        Law::Conditioned => Ok(volume(&compact)? - volume(&noncompact)?),
        Law::Isotropic => volume(&every),
        Law::Uncorrected => Ok(curve.gradient_norm(theta)?.ln()),
        Law::ConstraintGram => Ok(curve.gradient_norm(theta)?.ln() - volume(&noncompact)?),
    }
}

/// Why the curve ends on one side.
#[derive(Clone, Copy, Debug)]
enum Border {
    /// e^{−L/τ} is negligible.
    Negligible,
    /// |J| fell below the cut, or no step gets further, at this w and this far from the border.
    Component { predictor: f64, distance: f64 },
}

/// Arc lengths of the two ends.
struct Ends {
    lengths: [f64; 2],
    borders: [Border; 2],
    gradient_cut: f64,
}

impl Ends {
    fn find(
        curve: &Curve<'_>,
        start: &[f64],
        temperature: f64,
        loss: ThetaFunction<'_>,
        options: &LawOptions,
    ) -> Result<Self, GeometryError> {
        let gradient = curve.gradient_norm(start)?;
        if gradient < 1e-12 {
            return Err(GeometryError::SingularStart { gradient });
        }
        // The far side may hold the minimum of L, so the first side is judged again with it.
        let mut lowest = loss(start);
        let mut ends = [(0.0, Border::Negligible); 2];
        for (side, sign) in [(0, -1.0), (1, 1.0), (0, -1.0)] {
            ends[side] = follow(curve, start, sign, temperature, (loss, &mut lowest), options)?;
        }
        Ok(Self {
            lengths: [ends[0].0, ends[1].0],
            borders: [ends[0].1, ends[1].1],
            gradient_cut: options.gradient_cut,
        })
    }

    /// Distance of each end to the zero of |J| behind it; `None` where the weight is negligible.
    fn distances(&self) -> [Option<f64>; 2] {
        self.borders.map(|border| match border {
            Border::Negligible => None,
            Border::Component { distance, .. } => Some(distance),
        })
    }

    fn notes(&self, law: Law, symmetries: &Symmetries, density: &[f64]) -> Vec<String> {
        let top = density.iter().copied().fold(0.0, f64::max);
        let mut notes = Vec::new();
        for (border, end) in self.borders.iter().zip([density.first(), density.last()]) {
            let Border::Component { predictor, .. } = border else {
                continue;
            };
            let share = end.copied().unwrap_or(0.0) / top;
            let mut note = format!(
                "the component ends at w = {predictor:.6e}, where the curve is cut (|J| vanishes there, below {:.0e} of \
                 its value at the start, or its direction jumps); the density there is {share:.1e} of its maximum",
                self.gradient_cut
            );
            if law == Law::Conditioned && !symmetries.charges.is_empty() {
                note.push_str("; the conditioned law is improper at this border and depends on the cut");
            }
            notes.push(note);
        }
        notes
    }
}

/// One direction of the curve up to its end; `lowest` is the smallest loss seen so far.
fn follow(
    curve: &Curve<'_>,
    start: &[f64],
    sign: f64,
    temperature: f64,
    (loss, lowest): (ThetaFunction<'_>, &mut f64),
    options: &LawOptions,
) -> Result<(f64, Border), GeometryError> {
    let gradient_at_start = curve.gradient_norm(start)?;
    let size = 1.0 + start.iter().map(|x| x * x).sum::<f64>().sqrt();
    let depth = -options.weight_cut.ln();
    let (mut theta, mut gradient, mut travelled) = (start.to_vec(), gradient_at_start, 0.0);
    let mut trial = 1e-2 * size;
    let mut last = loss(start);
    while travelled < options.reach * size {
        let step = curve.cautious_step(&theta, gradient, sign, &mut trial)?;
        let predictor = curve.predictor(&theta);
        let Some((next, next_gradient, h)) = step else {
            return Ok((sign * travelled, Border::Component { predictor, distance: trial }));
        };
        let distance = h * next_gradient / (gradient - next_gradient).abs();
        (theta, gradient) = (next, next_gradient);
        travelled += h;
        let value = loss(&theta);
        *lowest = lowest.min(value);
        if curve.ends_at_zeros() && gradient < options.gradient_cut * gradient_at_start {
            let predictor = curve.predictor(&theta);
            return Ok((sign * travelled, Border::Component { predictor, distance }));
        }
        if value > last && value - *lowest > depth * temperature {
            return Ok((sign * travelled, Border::Negligible));
        }
        last = value;
    }
    Err(GeometryError::Unbounded { arc_length: travelled, temperature })
}

/// θ at increasing arc lengths.
fn along(curve: &Curve<'_>, start: &[f64], lengths: &[f64]) -> Result<Vec<Vec<f64>>, GeometryError> {
    let mut thetas = vec![Vec::new(); lengths.len()];
    let first_right = lengths.partition_point(|s| *s < 0.0);
    let right: Vec<usize> = (first_right..lengths.len()).collect();
    let left: Vec<usize> = (0..first_right).rev().collect();
    for indices in [right, left] {
        let (mut theta, mut at) = (start.to_vec(), 0.0);
        let mut trial = 1e-2;
        for i in indices {
            theta = curve.advance(&theta, lengths[i] - at, &mut trial)?;
            at = lengths[i];
            thetas[i].clone_from(&theta);
        }
    }
    Ok(thetas)
}

fn cells(grid: &Grid, density: &[f64], observable: &[f64]) -> Vec<Cell> {
    let masses = grid.cell_masses(density);
    let total: f64 = masses.iter().sum();
    masses
        .iter()
        .zip(observable.windows(2))
        .map(|(mass, ends)| Cell { low: ends[0].min(ends[1]), high: ends[0].max(ends[1]), mass: mass / total })
        .collect()
}
