//! How long a constant force takes to lift what starts small: ∫ |g| dt up to a reach, by quadrature or in closed form.
//!
//! ```text
//! dz/dt = M(z) g:    ∫ |g| dt = ∫ dz/M from the start
//!   D = 2, factors (0, s):     ½ arcsinh(2z/s²), about ½ log(4z/s²)
//!   D factors at s:            ½ log(z/s²) for D = 2,  (s^(2−D) − z^((2−D)/D))/(D − 2) beyond
//!   factors (0, s, …, s):      ∫_0^x dx/(s² + x²)^((D−1)/2) with x (s² + x²)^((D−1)/2) = z: arctan(x/s)/s for D = 3
//! a group x‖x‖^(γ−1) with norm ρ at an angle ϑ to the force:  dρ/dt = γ² ρ^(2−2/γ) |g| cos ϑ,  dϑ/dt = −ρ^(1−2/γ) |g| sin ϑ
//!   sin ϑ ρ^(1/γ²) stays; u = log tan(ϑ/2):  ρ = ρ₀ (cosh u/cosh u₀)^(γ²),  ∫ |g| dt = −∫ ρ^(2/γ − 1) du;  along the force ∫ dr/r^(γ−1)/γ, r = ρ^(1/γ)
//! a group s·x:  s and the part of x along the force go like A e^T ± B e^(−T), T = ∫ |g| dt; the part across stands
//! ```

/// |log tan(ϑ/2)| from which on a start points along the force, or against it.
const STRAIGHT: f64 = 15.0;
/// Midpoints of an integral over angles.
const NODES: u32 = 2_000;

/// ∫_s^x dx/x^(D−1): D factors that start equal.
pub(crate) fn equal_factors(start: f64, end: f64, depth: f64) -> f64 {
    let time = if depth == 2.0 {
        (end / start).ln()
    } else {
        (start.powf(2.0 - depth) - end.powf(2.0 - depth)) / (depth - 2.0)
    };
    time.max(0.0)
}

/// ∫_0^x dx/(s² + x²)^((D−1)/2) with x (s² + x²)^((D−1)/2) = z: one factor at 0, the others at s.
pub(crate) fn one_at_zero(start: f64, reach: f64, depth: f64) -> f64 {
    let power = 0.5 * (depth - 1.0);
    let (mut low, mut high) = (0.0_f64, reach.powf(1.0 / depth));
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        let below = middle * (start * start + middle * middle).powf(power) < reach;
        (low, high) = if below { (middle, high) } else { (low, middle) };
    }
    // x = s sinh t, so that the integrand is smooth: ∫ s^(2−D) cosh(t)^(2−D) dt, by midpoints.
    let (end, nodes) = ((low / start).asinh(), 2_000);
    let width = end / f64::from(nodes);
    let at = |k: u32| (width * (f64::from(k) + 0.5)).cosh().powf(2.0 - depth);
    start.powf(2.0 - depth) * (0..nodes).map(at).sum::<f64>() * width
}

/// ∫ |g| dt in which ‖x‖^γ goes from ρ₀ to ρ, where the start has an angle of this cosine to the force; none for a start that points against it.
pub(crate) fn radial_time(start: f64, reach: f64, cosine: f64, gamma: f64) -> Option<f64> {
    if start >= reach {
        return Some(0.0);
    }
    let squared = gamma * gamma;
    let begin = 0.5 * ((1.0 + cosine) / (1.0 - cosine)).ln();
    if begin > STRAIGHT {
        return Some(equal_factors(start.powf(1.0 / gamma), reach.powf(1.0 / gamma), gamma) / gamma);
    }
    if begin < -STRAIGHT {
        return None;
    }
    // −u, so that it grows with time.
    let end = (begin.cosh() * (reach / start).powf(1.0 / squared)).acosh();
    let width = (end - begin) / f64::from(NODES);
    let speed = |k: u32| {
        let u = begin + width * (f64::from(k) + 0.5);
        (start * (u.cosh() / begin.cosh()).powf(squared)).powf(2.0 / gamma - 1.0)
    };
    Some((0..NODES).map(speed).sum::<f64>() * width)
}

/// ∫ |g| dt in which s‖x‖ comes to `reach`, from a scale and a norm of x at an angle of this cosine to the force.
pub(crate) fn scaled_time([scale, norm]: [f64; 2], reach: f64, cosine: f64) -> Option<f64> {
    let (along, across) = (norm * cosine, norm * (1.0 - cosine * cosine).max(0.0).sqrt());
    let (up, down) = (0.5 * (scale + along), 0.5 * (scale - along));
    if scale * norm >= reach {
        return Some(0.0);
    }
    let at = |t: f64| {
        let (grown, shrunk) = (up * t.exp(), down * (-t).exp());
        (grown + shrunk) * across.hypot(grown - shrunk)
    };
    // s‖x‖ is at least about A² e^(2T).
    let (mut low, mut high) = (0.0, 1.0 + 0.5 * (4.0 * reach / (up * up)).ln().max(0.0));
    if !(up > 0.0 && high.is_finite()) {
        return None;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if at(middle) < reach { low = middle } else { high = middle }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_times_are_the_closed_forms() {
        let (s, z) = (0.1_f64, 0.7_f64);
        assert!((one_at_zero(s, z, 2.0) - 0.5 * (2.0 * z / (s * s)).asinh()).abs() < 1e-6);
        let x: f64 = (0..200).fold(0.5, |x: f64, _| x - (x * (s * s + x * x) - z) / (s * s + 3.0 * x * x));
        assert!((one_at_zero(s, z, 3.0) - (x / s).atan() / s).abs() < 1e-4);
        assert!((equal_factors(s, z.sqrt(), 2.0) - 0.5 * (z / (s * s)).ln()).abs() < 1e-12);
        assert!((equal_factors(0.5, 1.0, 3.0) - 1.0).abs() < 1e-12);
        assert_eq!(equal_factors(1.0, 0.5, 3.0), 0.0);
    }

    /// Against small steps of x and of (s, x) under a constant force, from starts along it, across it and half against it.
    #[test]
    fn groups_turn_into_the_force() {
        for angle in [0.0_f64, 1.2, 2.0, 2.8] {
            for gamma in [1.5, 2.0, 3.0] {
                let (mut x, step, mut steps) = ([0.2 * angle.cos(), 0.2 * angle.sin()], 1e-3, 0);
                let start = 0.2_f64.powf(gamma);
                // Jᵀg = r^(γ−1) (g + (γ − 1)(g·x̂) x̂).
                while x[0].hypot(x[1]).powf(gamma) < 0.8 || steps == 0 {
                    let r = x[0].hypot(x[1]);
                    let (unit, pull) = ([x[0] / r, x[1] / r], step * r.powf(gamma - 1.0));
                    x[0] += pull * (1.0 + (gamma - 1.0) * unit[0] * unit[0]);
                    x[1] += pull * (gamma - 1.0) * unit[0] * unit[1];
                    steps += 1;
                }
                let (found, stepped) = (radial_time(start, 0.8, angle.cos(), gamma).unwrap(), step * f64::from(steps));
                assert!((found / stepped - 1.0).abs() < 0.01, "{angle} {gamma}: {found} {stepped}");
            }
            for norm in [0.0, 0.2] {
                let (mut s, mut x, step, mut steps) = (0.2, [norm * angle.cos(), norm * angle.sin()], 1e-3, 0);
                while s * x[0].hypot(x[1]) < 0.8 {
                    (s, x[0]) = (s + step * x[0], x[0] + step * s);
                    steps += 1;
                }
                let (found, stepped) = (scaled_time([0.2, norm], 0.8, angle.cos()).unwrap(), step * f64::from(steps));
                assert!((found / stepped - 1.0).abs() < 0.01, "{angle} {norm}: {found} {stepped}");
            }
        }
        assert_eq!((radial_time(0.1, 1.0, -1.0, 2.0), radial_time(2.0, 1.0, 0.3, 2.0)), (None, Some(0.0)));
        assert_eq!(scaled_time([0.1, 0.1], 1.0, -1.0), None);
    }
}
