//! Balancing: the point of an orbit at which every charge vanishes.
//!
//! Newton's method on the Lie algebra. |exp(X)θ|² is convex along symmetric X (Kempf–Ness), its gradient is twice the
//! vector of charges and its Hessian at X = 0 contains their Gram matrix; the predictor is constant along the way,
//! because every step is an element of the group. Rejected: minimising |θ|² subject to F(θ) = w; it preserves F only
//! to the accuracy of its constraint solver.

use crate::GeometryError;
use crate::orbit::fields;
use gaugebias_linalg::{Matrix, eigvalsh, exponential, least_squares, pseudo_inverse};
use gaugebias_symmetry::{Charge, Generator, Symmetries};

/// Charges below this times |θ|² are balanced.
const BALANCED: f64 = 1e-12;

/// Newton steps allowed; quadratic convergence needs fewer than ten near the slice.
const STEP_LIMIT: usize = 300;

/// Longest step in the Lie algebra; beyond it the quadratic model is meaningless.
const LONGEST_STEP: f64 = 2.0;

/// A balanced point and how it was reached.
#[derive(Clone, Debug)]
pub struct Balanced {
    /// θ on the slice.
    pub theta: Vec<f64>,
    /// Newton steps.
    pub steps: usize,
    /// Largest |Q| / |θ|² left, over the balanced charges.
    pub relative_charge: f64,
    /// Names of charges that were held instead of being balanced (definite ones).
    pub held: Vec<String>,
}

/// Moves θ along its orbit to Q = 0; the predictor is unchanged to rounding.
///
/// # Errors
/// [`GeometryError::NoBalancedPoint`] when a charge is definite, [`GeometryError::NotConverged`] with numbers.
pub fn balance(symmetries: &Symmetries, theta: &[f64]) -> Result<Balanced, GeometryError> {
    if let Some(held) = definite(symmetries)?.into_iter().next() {
        let value = symmetries.charges[held.charge].value(theta);
        return Err(GeometryError::NoBalancedPoint { charge: held.name, tensors: held.tensors, value });
    }
    newton(symmetries, &symmetries.charges.iter().collect::<Vec<_>>(), theta, Vec::new())
}

/// As [`balance`], on the slice where definite charges keep the values they have at θ.
pub fn balance_holding_definite(symmetries: &Symmetries, theta: &[f64]) -> Result<Balanced, GeometryError> {
    let held = definite(symmetries)?;
    let is_free = |at: &usize| held.iter().all(|h| h.charge != *at);
    let charges: Vec<&Charge> =
        (0..symmetries.charges.len()).filter(is_free).map(|at| &symmetries.charges[at]).collect();
    newton(symmetries, &charges, theta, held.iter().map(|h| h.name.clone()).collect())
}

/// The definite charges, which [`balance_holding_definite`] holds: their places in [`Symmetries::charges`], and names.
pub fn held_charges(symmetries: &Symmetries) -> Result<Vec<(usize, String)>, GeometryError> {
    Ok(definite(symmetries)?.into_iter().map(|h| (h.charge, h.name)).collect())
}

/// A charge that cannot vanish where its orbit moves.
struct Held {
    /// Its place in the list of charges.
    charge: usize,
    name: String,
    tensors: String,
}

/// Charges ½(θ − c)ᵀA(θ − c) with A ≥ 0 or A ≤ 0: such a charge is zero only where its field is.
fn definite(symmetries: &Symmetries) -> Result<Vec<Held>, GeometryError> {
    let mut found = Vec::new();
    for (at, charge) in symmetries.charges.iter().enumerate() {
        if is_semidefinite(charge.generator())? {
            let tensors = symmetries.acted_on(charge.generator()).join(", ");
            found.push(Held { charge: at, name: name(symmetries, charge.generator(), &tensors), tensors });
        }
    }
    Ok(found)
}

fn is_semidefinite(generator: &Generator) -> Result<bool, GeometryError> {
    if !generator.is_linear() && generator.fixed_point().is_none() {
        return Ok(false);
    }
    // A zero on the diagonal of a semidefinite matrix has a row of zeros, which is not in the support.
    let diagonal =
        generator.entries().iter().filter(|e| e.row == e.column).map(|e| e.value.signum()).collect::<Vec<_>>();
    if diagonal.len() < generator.support().len() || diagonal.windows(2).any(|w| w[0] != w[1]) {
        return Ok(false);
    }
    let eigenvalues = eigvalsh(&generator.linear_on_support())?;
    let largest = eigenvalues.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let sign = |floor: f64| eigenvalues.iter().all(|x| floor * x >= -1e-9 * largest);
    Ok(sign(1.0) || sign(-1.0))
}

/// ½‖W‖² for a common rescaling, else the expression of the charge.
fn name(symmetries: &Symmetries, generator: &Generator, tensors: &str) -> String {
    let rescaling = generator.is_linear()
        && generator.is_diagonal()
        && generator.entries().windows(2).all(|e| e[0].value == e[1].value);
    if rescaling { format!("½‖{tensors}‖²") } else { symmetries.charge_name(generator) }
}

fn newton(
    symmetries: &Symmetries,
    charges: &[&Charge],
    start: &[f64],
    held: Vec<String>,
) -> Result<Balanced, GeometryError> {
    if start.len() != symmetries.parameters {
        return Err(GeometryError::WrongLength { found: start.len(), expected: symmetries.parameters });
    }
    let blocks = disjoint_blocks(charges);
    let mut theta = start.to_vec();
    let (mut steps, mut relative_charge) = (0, 0.0_f64);
    for block in blocks {
        let block: Vec<&Charge> = block.into_iter().map(|i| charges[i]).collect();
        let (taken, left) = newton_block(&block, &mut theta)?;
        steps = steps.max(taken);
        relative_charge = relative_charge.max(left);
    }
    Ok(Balanced { theta, steps, relative_charge, held })
}

/// Charges with overlapping supports are balanced together, others one after the other.
fn disjoint_blocks(charges: &[&Charge]) -> Vec<Vec<usize>> {
    let mut blocks: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for (c, charge) in charges.iter().enumerate() {
        let mut support = charge.generator().support().to_vec();
        let mut members = vec![c];
        blocks.retain_mut(|(other, list)| {
            let overlaps = other.iter().any(|i| support.contains(i));
            if overlaps {
                support.append(other);
                members.append(list);
            }
            !overlaps
        });
        support.sort_unstable();
        support.dedup();
        members.sort_unstable();
        blocks.push((support, members));
    }
    blocks.into_iter().map(|(_, members)| members).collect()
}

fn newton_block(charges: &[&Charge], theta: &mut Vec<f64>) -> Result<(usize, f64), GeometryError> {
    let mut indices: Vec<usize> = charges.iter().flat_map(|c| c.generator().support().iter().copied()).collect();
    indices.sort_unstable();
    indices.dedup();
    let pieces = pieces(charges, &indices);
    // Convex is the distance from the point that the group leaves in place.
    let centre = centre(charges, &indices)?;
    let size = |t: &[f64]| indices.iter().zip(&centre).map(|(&i, c)| (t[i] - c).powi(2)).sum::<f64>();
    let values = |t: &[f64]| charges.iter().map(|c| c.value(t)).collect::<Vec<f64>>();
    let largest = |q: &[f64]| q.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let mut q = values(theta);
    // Squares beyond the range of f64 would make every charge 0 or NaN, and so seem balanced.
    let representable = |x: f64| x.is_finite() && x > 1e-250;
    if theta.iter().any(|&x| x != 0.0) && !(representable(size(theta)) && q.iter().all(|x| x.is_finite())) {
        return Err(GeometryError::NotFinite {
            what: "|θ|² over the parameters to be balanced (it over- or underflows)",
        });
    }
    // Pure translations (of a tensor that the predictor ignores, say) are balanced at 0, where |θ|² is no measure.
    let translations = charges.iter().all(|c| c.generator().is_translation());
    let reference = if translations { size(theta) } else { 0.0 };
    for step in 0..STEP_LIMIT {
        let scale = size(theta).max(reference).max(f64::MIN_POSITIVE);
        if largest(&q) <= 1e-2 * BALANCED * scale {
            return Ok((step, largest(&q) / scale));
        }
        let columns = fields(charges.iter().map(|c| c.generator()), theta);
        let direction = pseudo_inverse(&columns.gram(), 1e-12)?.mul_vec(&q);
        let element = homogeneous(charges, &direction, &pieces);
        let length = element.iter().map(|x| x.frobenius_norm().powi(2)).sum::<f64>().sqrt();
        let mut fraction = if length > LONGEST_STEP { LONGEST_STEP / length } else { 1.0 };
        let mut moved = None;
        for _ in 0..30 {
            let candidate = apply(&element, -fraction, &pieces, theta)?;
            let next = values(&candidate);
            // Along the orbit |θ|² is convex, so a shorter θ is progress too while the charges are large.
            if norm(&next) < norm(&q) || size(&candidate) < (1.0 - 1e-9) * size(theta) {
                moved = Some((candidate, next));
                break;
            }
            fraction *= 0.5;
        }
        match moved {
            Some((candidate, next)) => (*theta, q) = (candidate, next),
            None if largest(&q) <= BALANCED * scale => return Ok((step, largest(&q) / scale)),
            None => {
                return Err(GeometryError::NotConverged { steps: step, charge: largest(&q), norm_squared: scale });
            }
        }
    }
    let (charge, norm_squared) = (largest(&q), size(theta));
    if charge <= BALANCED * norm_squared {
        return Ok((STEP_LIMIT, charge / norm_squared));
    }
    Err(GeometryError::NotConverged { steps: STEP_LIMIT, charge, norm_squared })
}

/// A point with Ac + b = 0 for all charges, on the indices; 0 where they are linear or have none in common.
fn centre(charges: &[&Charge], indices: &[usize]) -> Result<Vec<f64>, GeometryError> {
    let n = indices.len();
    if charges.iter().all(|c| c.generator().is_linear() || c.generator().is_translation()) {
        return Ok(vec![0.0; n]);
    }
    let place = |i: usize| indices.binary_search(&i).expect("the indices hold every support");
    let mut normal = Matrix::zeros(n, n);
    let mut right = vec![0.0; n];
    for generator in charges.iter().map(|c| c.generator()) {
        // AᵀA c = −Aᵀb, summed over the (symmetric) generators.
        for e in generator.entries() {
            for f in generator.entries().iter().filter(|f| f.row == e.row) {
                normal[(place(e.column), place(f.column))] += e.value * f.value;
            }
        }
        let mut shift = vec![0.0; indices.last().map_or(0, |last| last + 1)];
        generator.shifts().iter().for_each(|&(i, b)| shift[i] = b);
        generator.entries().iter().for_each(|e| right[place(e.column)] -= e.value * shift[e.row]);
    }
    Ok(least_squares(&normal, &right, 1e-10)?)
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Parameters that the charges' generators map into each other, ascending; of a gl on the rows of a matrix, the rows. No
/// element of the group mixes pieces, so that each has an exponential of its own.
fn pieces(charges: &[&Charge], indices: &[usize]) -> Vec<Vec<usize>> {
    let place = |i: usize| indices.binary_search(&i).expect("the indices hold every support");
    let mut root: Vec<usize> = (0..indices.len()).collect();
    for e in charges.iter().flat_map(|c| c.generator().entries()) {
        let (a, b) = (find(&mut root, place(e.row)), find(&mut root, place(e.column)));
        root[a.max(b)] = a.min(b);
    }
    let mut pieces: Vec<Vec<usize>> = vec![Vec::new(); indices.len()];
    (0..indices.len()).for_each(|at| pieces[find(&mut root, at)].push(indices[at]));
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn find(root: &mut [usize], mut a: usize) -> usize {
    while root[a] != a {
        root[a] = root[root[a]];
        a = root[a];
    }
    a
}

/// Σ c_a (A_a, b_a) as a homogeneous matrix on every piece.
fn homogeneous(charges: &[&Charge], weights: &[f64], pieces: &[Vec<usize>]) -> Vec<Matrix> {
    let mut sums: Vec<Matrix> = pieces.iter().map(|p| Matrix::zeros(p.len() + 1, p.len() + 1)).collect();
    let mut home: Vec<(usize, usize, usize)> = pieces
        .iter()
        .enumerate()
        .flat_map(|(at, piece)| piece.iter().enumerate().map(move |(row, &i)| (i, at, row)))
        .collect();
    home.sort_unstable();
    let place = |i: usize| {
        let at = home.binary_search_by_key(&i, |h| h.0).expect("the pieces hold every support");
        (home[at].1, home[at].2)
    };
    for (charge, weight) in charges.iter().zip(weights) {
        let generator: &Generator = charge.generator();
        for e in generator.entries() {
            let ((at, row), (_, column)) = (place(e.row), place(e.column));
            sums[at][(row, column)] += weight * e.value;
        }
        for &(i, b) in generator.shifts() {
            let (at, row) = place(i);
            let last = pieces[at].len();
            sums[at][(row, last)] += weight * b;
        }
    }
    sums
}

/// exp(factor·X) applied to the homogeneous vector of θ, piece by piece.
fn apply(element: &[Matrix], factor: f64, pieces: &[Vec<usize>], theta: &[f64]) -> Result<Vec<f64>, GeometryError> {
    let mut moved = theta.to_vec();
    for (x, piece) in element.iter().zip(pieces) {
        let mut local: Vec<f64> = piece.iter().map(|&i| theta[i]).collect();
        local.push(1.0);
        let image = exponential(&x.scaled(factor))?.mul_vec(&local);
        piece.iter().zip(image).for_each(|(&i, x)| moved[i] = x);
    }
    Ok(moved)
}
