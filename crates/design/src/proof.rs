//! The proof of a design: its spec's text is read as anyone's, and what it was promised to be is compared with what it is.
//!
//! At random points w, θ = the balanced lift: F(θ) = w; the charges that the search for symmetries found vanish; ½ log det(JJᵀ) is R(w) up to
//! one constant; ‖Jᵀa‖² is aᵀMa for random a; and the second derivative of φ along random directions d is dᵀ(JJᵀ)⁻¹d. J comes from
//! derivatives of the text, M, R and φ from the closed forms; they share no code.

mod equalised;

use crate::operator::Operator;
use crate::part::Part;
use crate::{Design, DesignError, Request, Settings, Target};
use equalised::Equalised;
use gaugebias_geometry::orbit::jacobian;
use gaugebias_geometry::{coarea, slice_drift};
use gaugebias_linalg::{Matrix, cholesky_solve};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, Symmetries, find};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::Serialize;

/// Random points at which promises are checked.
const POINTS: usize = 24;
/// Largest differences, in nats and relative: closed forms.
const CLOSED: f64 = 1e-8;
/// Second differences of φ are good to about this.
const DIFFERENCES: f64 = 1e-5;
/// Largest |tr(A P_H)| of an invariant slice.
const INVARIANT: f64 = 1e-8;
/// Parameters that are searched among all affine maps.
const AFFINE: usize = 40;

/// Factors beyond which two coordinates are taken apart: the unknowns of each grow with their square.
const DEEP: usize = 8;

/// What was found about a design.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Coordinates of the design that was taken apart; a smaller one than asked for where that is large.
    pub size: usize,
    /// Points.
    pub points: usize,
    /// The symmetries that the search found, in words.
    pub symmetries: Vec<String>,
    /// Dimension of their algebra.
    pub symmetry_dimension: usize,
    /// Fiber dimensions that they do not explain.
    pub unexplained: usize,
    /// Largest |F(θ) − w| over the largest |w|.
    pub predictor_error: f64,
    /// Largest |charge| over |θ|²; null without charges.
    pub charge_error: Option<f64>,
    /// Largest |½ log det(JJᵀ) − R − constant|, nats.
    pub penalty_error: f64,
    /// Largest relative difference of ‖Jᵀa‖² and aᵀMa.
    pub minibatch_error: f64,
    /// Largest relative difference of φ'' and (JJᵀ)⁻¹ along directions; null without φ.
    pub flow_error: Option<f64>,
    /// Largest |tr(A P_H)|; null without charges.
    pub slice_drift: Option<f64>,
    /// What a difference has to stay below.
    pub tolerance: f64,
    /// Whether all of them do.
    pub holds: bool,
    /// Whether the horizontal law is R exactly: the slice is invariant, or there is none.
    pub exact: bool,
}

/// Takes a design apart.
///
/// # Errors
/// [`DesignError`] of the search and of linear algebra.
pub fn prove(whole: &Design) -> Result<Proof, DesignError> {
    let smaller = reduced(whole);
    let design = smaller.as_ref().unwrap_or(whole);
    let map = parametrization(design)?;
    match compared(design, &map, &map) {
        Ok(proof) if proof.holds => Ok(proof),
        // High powers: at random points a few rows of J outweigh all others, and short ones pass for zero.
        _ => compared(design, &map, &Equalised { map: &map, operator: design.operator_matrix() }),
    }
}

/// Compares a design with its text; `searched` is the map as the search for symmetries sees it.
fn compared(design: &Design, map: &SpecParametrization, searched: &dyn Parametrization) -> Result<Proof, DesignError> {
    let symmetries = find(searched, &SearchOptions::default())?;
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut uniform = || ((stream.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let tolerance = design.link().map_or(CLOSED, |info| CLOSED.max(4.0 * info.penalty_error * design.size() as f64));
    let mut seen = Seen::default();
    for _ in 0..POINTS {
        let w = design.draw(&mut uniform)?;
        let a: Vec<f64> = w.iter().map(|_| 2.0 * uniform() - 1.0).collect();
        seen.look(design, map, &symmetries, &w, &a)?;
    }
    Ok(seen.proof(design, &symmetries, tolerance))
}

/// A tensor of an [`Example`].
#[derive(Clone, Debug, Serialize)]
pub struct ExampleTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f64>,
}

/// A point at which other implementations of a design can be compared with this one.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// θ.
    pub parameters: Vec<ExampleTensor>,
    /// w = F(θ).
    pub predictor: Vec<f64>,
    /// a, a gradient by w.
    pub covector: Vec<f64>,
    /// Jᵀa, in the order of θ.
    pub gradient: Vec<f64>,
}

/// A random point off the balanced slice, with its derivatives.
///
/// # Errors
/// [`DesignError`] of the spec and of linear algebra.
pub fn example(design: &Design) -> Result<Example, DesignError> {
    let map = parametrization(design)?;
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(11);
    let mut uniform = || ((stream.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let z = design.draw_coordinates(&mut uniform);
    let theta: Vec<f64> = design.lift_at(&z).into_iter().map(|x| x * (0.8 + 0.4 * uniform())).collect();
    let covector: Vec<f64> = z.iter().map(|_| 2.0 * uniform() - 1.0).collect();
    let point = [Point { theta: theta.clone(), draw: 0 }];
    let tensor = |(name, tensor): (String, gaugebias_model::Tensor)| ExampleTensor {
        name,
        shape: tensor.shape.0,
        values: tensor.values,
    };
    let parameters = map.split(&theta).into_iter().map(tensor).collect();
    Ok(Example {
        parameters,
        predictor: map.predictor(&point).swap_remove(0),
        gradient: map.covector_gradients(&point, std::slice::from_ref(&covector)).swap_remove(0),
        covector,
    })
}

/// The predictor of a design as a model that knows nothing of it.
///
/// # Errors
/// [`DesignError::Spec`].
pub fn parametrization(design: &Design) -> Result<SpecParametrization, DesignError> {
    let file = SpecFile::parse("design", design.spec_text(), std::path::PathBuf::new(), &[])?;
    Ok(SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn)?)
}

/// A smaller design of the same kind where the search would have too many unknowns; none where the design itself is small enough.
fn reduced(design: &Design) -> Option<Design> {
    let smaller: Vec<Option<Settings>> = design.parts.iter().map(reduced_settings).collect();
    if smaller.iter().all(Option::is_none) {
        return None;
    }
    let of = |(part, smaller): (&Part, Option<Settings>)| smaller.unwrap_or_else(|| part.settings.clone());
    let settings = if design.target == Target::Blocks {
        let request = |(request, pair): (&Request, _)| Request { settings: of(pair), ..request.clone() };
        let pairs = design.parts.iter().zip(smaller);
        Settings { blocks: design.settings.blocks.iter().zip(pairs).map(request).collect(), ..design.settings.clone() }
    } else {
        of((&design.parts[0], smaller.into_iter().next().flatten()))
    };
    crate::design(design.target, &settings).ok().filter(|smaller| smaller.size() < design.size())
}

fn reduced_settings(part: &Part) -> Option<Settings> {
    let mut settings = part.settings.clone();
    let parameters: usize = part.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum();
    let factors = part.parameters().len();
    let matrix = part.shape().len() == 2;
    let deep = factors > DEEP && parameters > 2 * factors;
    if parameters <= AFFINE && !deep
        || part.operator == Operator::Identity && !matrix && parameters <= 8 * AFFINE && !deep
    {
        return None;
    }
    if matrix {
        let (rows, columns) = (part.shape()[0], part.shape()[1]);
        settings.size = Some(rows.min(4));
        settings.columns = Some(columns.min(if rows == columns { 4 } else { 3 }));
    } else if !settings.groups.is_empty() {
        // The first groups, as many as fit.
        let mut left = AFFINE;
        settings.groups.retain(|width| {
            let fits = 2 * width <= left;
            left = if fits { left - 2 * width } else { 0 };
            fits
        });
        settings.size = None;
        if settings.groups.is_empty() {
            return None;
        }
    } else if let Some(edges) = &mut settings.edges {
        edges.retain(|(a, b)| a.max(b) < &12);
        settings.size = Some(12);
    } else {
        // A power of two, for wavelets.
        let few = if factors > DEEP && part.operator == Operator::Identity { 2 } else { 4 };
        settings.size = Some(if factors > 4 { few } else { 8 }.max(part.operator.kernel() + 2));
    }
    Some(settings)
}

#[derive(Default)]
struct Seen {
    predictor: f64,
    charge: Option<f64>,
    differences: Vec<f64>,
    minibatch: f64,
    flow: Option<f64>,
    drift: Option<f64>,
}

impl Seen {
    fn look(
        &mut self,
        design: &Design,
        map: &SpecParametrization,
        symmetries: &Symmetries,
        w: &[f64],
        a: &[f64],
    ) -> Result<(), DesignError> {
        let point = Point { theta: design.lift(w), draw: 0 };
        let found = map.predictor(std::slice::from_ref(&point)).swap_remove(0);
        let size = w.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        self.predictor = found.iter().zip(w).fold(self.predictor, |m, (f, w)| m.max((f - w).abs() / size));
        self.differences.push(coarea(map, &point)?.value - design.penalty(w));
        let jacobian = jacobian(map, &point)?;
        let squared: f64 = jacobian.transpose_mul_vec(a).iter().map(|g| g * g).sum();
        self.minibatch = self.minibatch.max((design.squared_gradient(w, a)? / squared - 1.0).abs());
        self.look_at_flow(design, &jacobian, w, a)?;
        if !symmetries.charges.is_empty() {
            let norm: f64 = point.theta.iter().map(|x| x * x).sum();
            let largest = symmetries.charges.iter().fold(0.0_f64, |m, q| m.max(q.value(&point.theta).abs() / norm));
            self.charge = Some(self.charge.unwrap_or(0.0).max(largest));
            let drift = slice_drift(symmetries, &point.theta)?;
            self.drift = Some(self.drift.unwrap_or(0.0).max(drift));
        }
        Ok(())
    }

    /// φ'' along a, by differences of fourth order, against aᵀ(JJᵀ)⁻¹a; a leaves coordinates without a potential alone.
    fn look_at_flow(&mut self, design: &Design, jacobian: &Matrix, w: &[f64], a: &[f64]) -> Result<(), DesignError> {
        let a = &design.potential_directions(w, a);
        // In coordinates z = Tw, since rounding in T(w + ha) would be as large as the differences where T has large entries.
        let (z, b) = (design.analysed(w), design.analysed(a));
        let at = |step: f64| design.potential_at(&z.iter().zip(&b).map(|(z, b)| z + step * b).collect::<Vec<_>>());
        let Some(here) = at(0.0) else { return Ok(()) };
        // The step has to stay small against the least coordinate, from which φ may be singular.
        let least = z.iter().fold(f64::INFINITY, |m, z| m.min(z.abs()));
        let most = b.iter().fold(0.0_f64, |m, b| m.max(b.abs()));
        let h = 2e-3 * least / most;
        let sum = |k: f64| at(k * h).unwrap_or(f64::NAN) + at(-k * h).unwrap_or(f64::NAN);
        let second = (16.0 * sum(1.0) - sum(2.0) - 30.0 * here) / (12.0 * h * h);
        let metric = jacobian.matmul(&jacobian.transpose());
        let column = Matrix::from_columns(a.len(), &[a.to_vec()]);
        let solved = cholesky_solve(&metric, &column)?;
        let expected: f64 = solved.data().iter().zip(a).map(|(x, a)| x * a).sum();
        self.flow = Some(self.flow.unwrap_or(0.0).max((second / expected - 1.0).abs()));
        Ok(())
    }

    fn proof(self, design: &Design, symmetries: &Symmetries, tolerance: f64) -> Proof {
        let mean = self.differences.iter().sum::<f64>() / self.differences.len() as f64;
        let penalty_error = self.differences.iter().fold(0.0_f64, |m, x| m.max((x - mean).abs()));
        let small = |x: f64| x <= tolerance;
        let holds = small(self.predictor)
            && small(penalty_error)
            && small(self.minibatch)
            && self.charge.is_none_or(|x| x <= CLOSED)
            && self.flow.is_none_or(|x| x <= DIFFERENCES)
            && symmetries.unexplained() == 0;
        Proof {
            size: design.size(),
            points: POINTS,
            symmetries: symmetries.summary().iter().map(ToString::to_string).collect(),
            symmetry_dimension: symmetries.dimension(),
            unexplained: symmetries.unexplained(),
            predictor_error: self.predictor,
            charge_error: self.charge,
            penalty_error,
            minibatch_error: self.minibatch,
            flow_error: self.flow,
            slice_drift: self.drift,
            tolerance,
            holds,
            exact: holds && self.drift.is_none_or(|drift| drift <= INVARIANT),
        }
    }
}
