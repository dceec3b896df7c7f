//! What has to hold for a law to be that of a run: asked at the start and at other points of the same slice, since a drift may vanish at one point by
//! its symmetry.

use gaugebias_geometry::law::equilibrium::{NoiseEquilibrium, noise_equilibrium};
use gaugebias_geometry::orbit::jacobian;
use gaugebias_geometry::{GeometryError, balance, held_charges, slice_drift};
use gaugebias_linalg::{Matrix, exponential, relative_rank};
use gaugebias_model::Parametrization;
use gaugebias_model::spec::{Constraint, Law, Noise, Spec};
use gaugebias_symmetry::{Generator, Symmetries};

use super::functions::{Functions, at};
use super::gradient_noise::gradient;
use super::{BALANCED, JudgeError, largest_charge};

/// Points beside the start.
const PROBES: usize = 3;
/// How far they are from it, relative to its size.
const SPREAD: f64 = 0.4;
/// ‖gauge‖ at the start that counts as 0, relative to 1 + |θ|².
const ON_THE_SLICE: f64 = 1e-8;
/// Relative size of ∇L·∇Q that is 0: charges hold to rounding where the loss is a function of the predictor.
const INVARIANT_LOSS: f64 = 1e-6;
/// Singular values of gradients of unit length below this are 0.
const SPANNED: f64 = 1e-6;
/// A rotation changes an observable by less than this, relative to its size.
const INVARIANT: f64 = 1e-8;

/// Balanced points near a balanced start; none where the start is on another level, or its neighbours cannot be balanced.
pub(super) fn probes(symmetries: &Symmetries, start: &[f64]) -> Vec<Vec<f64>> {
    let size = start.iter().map(|x| x * x).sum::<f64>().sqrt();
    if symmetries.charges.is_empty() || largest_charge(symmetries, start) > BALANCED * size * size {
        return Vec::new();
    }
    let balanced = (0..PROBES).filter_map(|probe| balance(symmetries, &near(start, probe)).ok());
    balanced.map(|balanced| balanced.theta).collect()
}

/// A point near the start, the same in every run and without a pattern.
pub(super) fn near(start: &[f64], probe: usize) -> Vec<f64> {
    let size = start.iter().map(|x| x * x).sum::<f64>().sqrt();
    let scale = SPREAD * size / (start.len() as f64).sqrt();
    let wave = |i: usize| ((1.3 + probe as f64) * (i as f64 + 1.0).powf(1.37)).sin();
    start.iter().enumerate().map(|(i, x)| x + 1.4 * scale * wave(i)).collect()
}

/// Largest |tr(A P_H)| over the start and its probes.
pub(super) fn largest_drift(symmetries: &Symmetries, start: &[f64]) -> Result<f64, GeometryError> {
    let mut largest = slice_drift(symmetries, start)?;
    for theta in probes(symmetries, start) {
        largest = largest.max(slice_drift(symmetries, &theta)?);
    }
    Ok(largest)
}

/// Where a constrained run is: at the start if that is on the slice, at its balanced point where steps are rebalanced.
///
/// # Errors
/// [`JudgeError::Missing`] for a start off the slice that a gauge names: its law is that of another level than the start's.
pub(super) fn constrained_start(
    spec: &Spec,
    functions: &Functions,
    symmetries: &Symmetries,
    start: Vec<f64>,
) -> Result<Vec<f64>, JudgeError> {
    match spec.train.constraint {
        Constraint::None => Ok(start),
        Constraint::Rebalanced => Ok(balance(symmetries, &start)?.theta),
        Constraint::Rigid | Constraint::Conditioned | Constraint::Stiff { .. } => {
            let gauge = functions.squared_gauge(std::slice::from_ref(&start)).map_or(0.0, |g| g[0].sqrt());
            let size: f64 = start.iter().map(|x| x * x).sum();
            if gauge > ON_THE_SLICE * (1.0 + size) {
                return Err(JudgeError::Missing(format!(
                    "{}: the start is not on the slice that the constraint holds, ‖gauge‖ = {gauge:.3} there, and laws are evaluated on the level \
                     of the start: give [param] a start with gauge = 0 (`gaugebias balance` finds one where the gauge is that of the charges)",
                    spec.title
                )));
            }
            Ok(start)
        }
    }
}

/// Refuses a constraint whose gauge is not that of the charges, which the law of the constraint is made of: everywhere for `conditioned`, whose
/// weight is that of the gauge beside its slice, on the slice itself for `rigid`, which depends on that alone. A stiff potential in one coordinate is
/// predicted from its own gauge.
pub(super) fn refuse_foreign_gauge(
    spec: &Spec,
    law: Law,
    functions: &Functions,
    symmetries: &Symmetries,
    start: &[f64],
) -> Result<(), JudgeError> {
    let Some(gauge) = functions.gauge.as_ref().filter(|_| !symmetries.charges.is_empty()) else { return Ok(()) };
    let several = functions.predictor.predictor_dimension() > 1;
    let points = match (law, spec.train.constraint) {
        (Law::Conditioned, Constraint::Conditioned) => (0..PROBES).map(|probe| near(start, probe)).collect(),
        (Law::Conditioned, Constraint::Stiff { .. }) if several => {
            (0..PROBES).map(|probe| near(start, probe)).collect()
        }
        (Law::Rigid, Constraint::Rigid) => {
            let mut points = probes(symmetries, start);
            points.push(start.to_vec());
            points
        }
        _ => return Ok(()),
    };
    for theta in &points {
        let charges: Vec<Vec<f64>> = symmetries.charges.iter().map(|charge| charge.gradient(theta)).collect();
        let own = jacobian(gauge, &at(theta))?;
        let mut both = charges.clone();
        both.extend((0..own.rows()).map(|row| own.row(row).to_vec()));
        let rank = |rows: &[Vec<f64>]| relative_rank(&Matrix::from_columns(theta.len(), &normalised(rows)), SPANNED);
        let (of_charges, of_both) =
            (rank(&charges).map_err(GeometryError::from)?, rank(&both).map_err(GeometryError::from)?);
        let of_gauge = rank(&both[charges.len()..]).map_err(GeometryError::from)?;
        if of_charges != of_both || of_charges != of_gauge {
            return Err(JudgeError::Missing(format!(
                "{}: the constraint's `gauge` is not that of the charges ({}): near the start the gradients of the charges span {of_charges} dimensions, \
                 those of the gauge {of_gauge}, both together {of_both}; the laws `rigid` and `conditioned` are predicted for constraints of the \
                 charges, so write `gauge` as a function of all of them",
                spec.title,
                symmetries.charge_names.join(", ")
            )));
        }
    }
    Ok(())
}

/// Rows of length 1; zero rows stay.
fn normalised(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let unit = |row: &Vec<f64>| {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        row.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect()
    };
    rows.iter().map(unit).collect()
}

/// Refuses an observable that rotations of the group change: it is no function of the predictor, and has no law on the slice.
pub(super) fn refuse_gauge_dependent(
    spec: &Spec,
    functions: &Functions,
    symmetries: &Symmetries,
    start: &[f64],
) -> Result<(), JudgeError> {
    let mut points = vec![start.to_vec()];
    points.extend(probes(symmetries, start));
    for theta in &points {
        for rotation in &symmetries.rotations {
            let turned = turned(rotation, theta)?;
            let values = functions.observed([theta.as_slice(), turned.as_slice()].into_iter());
            let change = (values[0] - values[1]).abs();
            if change > INVARIANT * (values[0].abs() + values[1].abs()) + f64::MIN_POSITIVE {
                return Err(JudgeError::Missing(format!(
                    "{}: the observable is no function of the predictor: a rotation of the symmetry group that leaves the predictor as it is changes \
                     it from {:.6} to {:.6}, so it has no law on the slice; take one that the predictor determines",
                    spec.title, values[0], values[1]
                )));
            }
        }
    }
    Ok(())
}

/// exp(A) for a linear rotation, θ itself for one about another point.
fn turned(rotation: &Generator, theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    if !rotation.is_linear() {
        return Ok(theta.to_vec());
    }
    let support = rotation.support();
    let local: Vec<f64> = support.iter().map(|&i| theta[i]).collect();
    let mut turned = theta.to_vec();
    let image = exponential(&rotation.linear_on_support())?.mul_vec(&local);
    support.iter().zip(image).for_each(|(&i, x)| turned[i] = x);
    Ok(turned)
}

/// Remarks where the run's noise is not, or not only, that of the law.
pub(super) fn remarks(spec: &Spec, law: Law, functions: &Functions, symmetries: &Symmetries) -> Vec<String> {
    let mut notes = Vec::new();
    let langevin = matches!(law, Law::Horizontal | Law::Isotropic | Law::Rigid | Law::Conditioned);
    let own = match (&spec.train.noise, spec.train.constraint) {
        (Noise::Horizontal, _) => Some(vec![Law::Horizontal]),
        (Noise::Isotropic, Constraint::None) => Some(vec![Law::Isotropic]),
        (Noise::Isotropic, Constraint::Rigid) => Some(vec![Law::Rigid, Law::Horizontal]),
        (Noise::Isotropic, Constraint::Conditioned | Constraint::Stiff { .. }) => Some(vec![Law::Conditioned]),
        _ => None,
    };
    // Without charges or without rotations some of these laws are one.
    let one_law = symmetries.charges.is_empty() || symmetries.rotations.is_empty() && law == Law::Rigid;
    if langevin && !one_law && own.is_some_and(|laws| !laws.contains(&law)) {
        notes.push("the noise or the constraint of this run is not that of the law it is held to".to_owned());
    }
    if langevin && functions.drawn_loss.is_some() {
        notes.push("the gradients of this run have noise of their own, which the law leaves out".to_owned());
    }
    if symmetries.unexplained() > 0 {
        notes.push(format!(
            "{} dimensions of the fiber are explained by no symmetry: the laws are those along the curve or level through the start, and whether the \
             predictor has a law of its own is not known",
            symmetries.unexplained()
        ));
    }
    notes
}

/// A remark where the loss is no function of the predictor and moves the charges of the start's level, as a penalty on θ does.
pub(super) fn moved_by_the_loss(
    spec: &Spec,
    functions: &Functions,
    symmetries: &Symmetries,
    start: &[f64],
) -> Option<String> {
    if spec.train.constraint.keeps_charges() {
        return None;
    }
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut points = probes(symmetries, start);
    points.push(start.to_vec());
    let moves = |theta: &Vec<f64>| {
        let pull = gradient(functions, theta);
        symmetries.charges.iter().any(|charge| {
            let along = charge.gradient(theta);
            let rate: f64 = pull.iter().zip(&along).map(|(g, x)| g * x).sum();
            rate.abs() > INVARIANT_LOSS * length(&pull) * length(&along)
        })
    };
    points.iter().any(moves).then(|| {
        "the loss is no function of the predictor (a penalty on the parameters?) and moves the charges by itself: the law is that on the level of the \
         start, which training leaves, and charges are not predicted"
            .to_owned()
    })
}

/// Whether the fibers are orbits of a group that is closed under transpose, so that a slice of charges stands for them.
pub(super) fn fibers_are_known(symmetries: &Symmetries) -> bool {
    let without_charge = symmetries.dimension() > symmetries.noncompact + symmetries.compact;
    symmetries.unexplained() == 0 && !without_charge && symmetries.closed
}

/// A definite charge that grows for ever under horizontal noise: neither the loss nor the noise moves it, and its drift τ tr(A P_H) keeps the
/// charge's own sign along the whole orbit.
///
/// # Errors
/// [`GeometryError::Linalg`].
pub(super) fn grows_for_ever(symmetries: &Symmetries, start: &[f64]) -> Result<Option<String>, GeometryError> {
    for (at, name) in held_charges(symmetries)? {
        let charge = &symmetries.charges[at];
        // The orbit of a group that leaves another point than 0 in place is not followed.
        let followed = charge.generator().is_linear();
        let outwards = NoiseEquilibrium::Never(charge.value(start).signum());
        if followed && noise_equilibrium(symmetries, at, start)? == outwards {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
