//! The minimum of a loss on a level, and its curvature there in the coordinates of the chart, by differences of lifts.

use crate::GeometryError;
use crate::law::ThetaFunction;
use crate::law::level::{Level, Lifted};
use gaugebias_linalg::{Matrix, symmetric_eigen};

/// τ times the inverse of a curvature, whose small or negative eigenvalues are raised.
pub(crate) fn inverse(curvature: &Matrix, temperature: f64) -> Result<Matrix, GeometryError> {
    let eigen = symmetric_eigen(curvature)?;
    let largest = eigen.values.iter().copied().fold(0.0_f64, |m, x| m.max(x.abs()));
    if !(largest > 0.0 && largest.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the curvature of the loss on the level" });
    }
    let n = curvature.rows();
    let weight = |k: usize| temperature / eigen.values[k].abs().max(1e-4 * largest);
    Ok(Matrix::from_fn(n, n, |i, j| (0..n).map(|k| weight(k) * eigen.vectors[(i, k)] * eigen.vectors[(j, k)]).sum()))
}

/// The minimum of the loss on the level that descent from the start reaches, and its curvature in the chart.
pub(crate) fn minimum(
    level: &Level<'_>,
    start: &Lifted,
    loss: ThetaFunction<'_>,
) -> Result<(Lifted, Matrix), GeometryError> {
    let mut at = start.clone();
    let mut value = loss(&at.theta);
    for _ in 0..60 {
        let (gradient, curvature) = derivatives(level, &at, loss)?;
        let direction = inverse(&curvature, 1.0)?.mul_vec(&gradient);
        let slope: f64 = direction.iter().zip(&gradient).map(|(d, g)| d * g).sum();
        let mut moved = None;
        let mut share = 1.0_f64;
        while share > 1e-6 {
            let target: Vec<f64> = at.coordinates.iter().zip(&direction).map(|(x, d)| x - share * d).collect();
            if let Some(next) = level.lift(&at, &target)? {
                let found = loss(&next.theta);
                if found < value {
                    moved = Some((next, found));
                    break;
                }
            }
            share *= 0.5;
        }
        let Some((next, found)) = moved else { return Ok((at, curvature)) };
        let gained = value - found;
        (at, value) = (next, found);
        if gained <= 1e-10 * slope.max(1e-300) || slope < 1e-14 {
            break;
        }
    }
    let (_, curvature) = derivatives(level, &at, loss)?;
    Ok((at, curvature))
}

/// The minimum of a loss on a level that descent from a point of it reaches.
///
/// # Errors
/// [`GeometryError`] of the level; [`GeometryError::NotFinite`] where the loss has no curvature.
pub fn minimum_on_level(level: &Level<'_>, start: &Lifted, loss: ThetaFunction<'_>) -> Result<Lifted, GeometryError> {
    Ok(minimum(level, start, loss)?.0)
}

/// First and second differences of the loss in the chart.
fn derivatives(level: &Level<'_>, at: &Lifted, loss: ThetaFunction<'_>) -> Result<(Vec<f64>, Matrix), GeometryError> {
    let n = level.dimension();
    let scale = at.half_log_det.exp().powf(1.0 / n as f64).clamp(1e-6, 1e3);
    let h = 1e-3 * scale;
    let value = |moves: &[(usize, f64)]| -> Result<f64, GeometryError> {
        let mut target = at.coordinates.clone();
        moves.iter().for_each(|&(i, by)| target[i] += by);
        Ok(level.lift(at, &target)?.map_or(f64::NAN, |lifted| loss(&lifted.theta)))
    };
    let here = loss(&at.theta);
    let mut gradient = vec![0.0; n];
    let mut curvature = Matrix::zeros(n, n);
    let mut sides = Vec::with_capacity(n);
    for (i, slope) in gradient.iter_mut().enumerate() {
        let (up, down) = (value(&[(i, h)])?, value(&[(i, -h)])?);
        *slope = (up - down) / (2.0 * h);
        curvature[(i, i)] = (up - 2.0 * here + down) / (h * h);
        sides.push((up, down));
    }
    for i in 0..n {
        for j in 0..i {
            let (both, neither) = (value(&[(i, h), (j, h)])?, value(&[(i, -h), (j, -h)])?);
            let mixed =
                (both + neither + 2.0 * here - sides[i].0 - sides[i].1 - sides[j].0 - sides[j].1) / (2.0 * h * h);
            (curvature[(i, j)], curvature[(j, i)]) = (mixed, mixed);
        }
    }
    if gradient.iter().chain(curvature.data()).any(|x| !x.is_finite()) {
        return Err(GeometryError::NotFinite { what: "the curvature of the loss on the level" });
    }
    Ok((gradient, curvature))
}
