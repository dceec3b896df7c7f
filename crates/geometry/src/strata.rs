//! Where an orbit degenerates: combinations of generators that move a point almost not at all.
//!
//! An orbit is singular at θ where some combination Σ c_a ξ_a vanishes there and not at generic points; the bias goes to −∞ at such
//! a stratum. The right singular vectors of Ξ's blocks with the shortest lengths are these combinations, as many
//! as the block's generic rank has. What counts as short is measured against the same block at a random θ of the same size, so that
//! a unit whose weights are all small is found though it is a block by itself. Rejected: the ratio of the shortest to
//! the longest direction, which is 1 for every block with one generator.

use crate::GeometryError;
use crate::closed_form::block_label;
use crate::fields::OrbitFields;
use crate::orbit::RANK_CUTOFF;
use gaugebias_linalg::{svd, svdvals};
use gaugebias_symmetry::{Factor, FactorKind, Symmetries};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use serde::Serialize;

/// Directions of an orbit shorter than this, relative to a generic point's, are worth a word.
pub const NEAR_SINGULAR: f64 = 1e-3;

/// Lengths below this are zero but for rounding.
const VANISHES: f64 = 1e-13;

/// Parts of a combination smaller than this are not spelt out.
const SPELT_OUT: f64 = 0.05;

/// Most terms of a combination, and most strata, that are spelt out.
const TERMS: usize = 4;

/// A direction in which the orbit is, or almost is, degenerate at a point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stratum {
    /// Names of the tensors that the combination moves elsewhere.
    pub acts_on: Vec<String>,
    /// |Σ c_a ξ_a| here over the longest direction of its block at a random point of the same size; 0 on the stratum.
    pub length: f64,
    /// The combination, largest terms first; Σ c_a² = 1 over all of them.
    pub combination: Vec<Term>,
}

/// A generator in a combination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// Which one: `E[0,1] of GL(3) on U, V`, `rescaling of W1[0], W2[:,0]`.
    pub generator: String,
    /// c_a.
    pub weight: f64,
}

impl Stratum {
    /// In a sentence.
    pub fn text(&self) -> String {
        let terms: Vec<String> = self.combination.iter().map(|t| format!("{:+.2} {}", t.weight, t.generator)).collect();
        let (on, terms) = (self.acts_on.join(", "), terms.join(" "));
        if self.length < VANISHES {
            return format!("the orbit is singular on {on}: the combination {terms} vanishes at this point");
        }
        let length = self.length;
        format!(
            "the orbit is nearly singular on {on}: the combination {terms} moves the point by {length:.1e} of what is usual"
        )
    }
}

/// The combinations that are short at θ, shortest first.
///
/// # Errors
/// A decomposition that fails.
pub fn strata(symmetries: &Symmetries, theta: &[f64], seed: u64) -> Result<Vec<Stratum>, GeometryError> {
    let fields = OrbitFields::of(symmetries);
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x57a7a);
    let random: Vec<f64> = (0..theta.len()).map(|_| StandardNormal.sample(&mut stream)).collect();
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let size = norm(theta) / norm(&random).max(f64::MIN_POSITIVE);
    let generic: Vec<f64> = random.iter().map(|x| size * x).collect();
    let mut found = Vec::new();
    for block in fields.blocks() {
        let usual = svdvals(&block.dense(&block.values(&generic)))?;
        let longest = usual.first().copied().unwrap_or(0.0);
        let rank = usual.iter().take_while(|&&s| s > RANK_CUTOFF * longest && s > 0.0).count();
        let here = svd(&block.dense(&block.values(theta)))?;
        for at in (0..rank).rev().take_while(|&at| here.singular_values[at] < NEAR_SINGULAR * longest) {
            let weights = here.v.column(at);
            let named = |(i, w): (usize, &f64)| (block.generators[i], *w);
            found.push(stratum(symmetries, weights.iter().enumerate().map(named), here.singular_values[at] / longest));
        }
    }
    found.sort_by(|a, b| a.length.total_cmp(&b.length));
    Ok(found)
}

fn stratum(symmetries: &Symmetries, weights: impl Iterator<Item = (usize, f64)>, length: f64) -> Stratum {
    let mut weights: Vec<(usize, f64)> = weights.filter(|(_, w)| w.abs() > SPELT_OUT).collect();
    weights.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    // Singular vectors have no sign; the largest term is positive.
    let sign = weights.first().map_or(1.0, |w| w.1.signum());
    let support = |a: usize| symmetries.generators[a].support().iter().copied();
    let moved: Vec<usize> = weights.iter().flat_map(|&(a, _)| support(a)).collect();
    let holds =
        |t: &&gaugebias_model::ParameterTensor| moved.iter().any(|i| (t.offset..t.offset + t.len()).contains(i));
    let term = |&(a, weight): &(usize, f64)| Term { generator: generator_name(symmetries, a), weight: sign * weight };
    Stratum {
        acts_on: symmetries.tensors.iter().filter(holds).map(|t| t.name.clone()).collect(),
        length,
        combination: weights.iter().take(TERMS).map(term).collect(),
    }
}

/// A generator in words, by its factor and its place in it.
fn generator_name(symmetries: &Symmetries, generator: usize) -> String {
    let Some(factor) = symmetries.factors.iter().find(|f| f.generators.contains(&generator)) else {
        return format!("generator {generator}");
    };
    let place = generator - factor.generators.start;
    let on = factor.acts_on.join(", ");
    match factor.kind {
        FactorKind::Gl if factor.canonical => {
            let (i, j) = (place / factor.size, place % factor.size);
            format!("E[{i},{j}] of GL({}) on {on}", factor.size)
        }
        FactorKind::O | FactorKind::So if factor.canonical && factor.size > 2 => {
            let (i, j) = plane(factor, place);
            format!("rotation ({i},{j}) of {}({}) on {on}", factor.kind.word().to_uppercase(), factor.size)
        }
        FactorKind::Gl | FactorKind::O | FactorKind::So | FactorKind::Simple(_) | FactorKind::Other
            if factor.generators.len() > 1 =>
        {
            format!("element {place} of {} on {on}", factor.kind)
        }
        _ => {
            let label = block_label(symmetries.generators[generator].support(), &symmetries.tensors);
            format!("{} of {label}", factor.kind)
        }
    }
}

/// The plane of a rotation: pairs i < j in order.
fn plane(factor: &Factor, place: usize) -> (usize, usize) {
    let mut pairs = (0..factor.size).flat_map(|i| (i + 1..factor.size).map(move |j| (i, j)));
    pairs.nth(place).unwrap_or((0, 0))
}
