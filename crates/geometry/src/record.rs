//! The record of a derivation: what `derive --json` prints, field by field.

use crate::charge_law::ChargeLaw;
use crate::nearly::NearInfo;
use crate::strata::Stratum;
use crate::structure::StructureInfo;
use serde::Serialize;

/// The predictor's size and its rank at the given point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictorInfo {
    /// d.
    pub dimension: usize,
    /// Rank of J at the point where the bias is evaluated.
    pub rank: usize,
    /// Rank of J at generic θ.
    pub generic_rank: usize,
    /// Whether that rank is only a lower bound: its maximum over many θ did not recur.
    pub generic_rank_is_bound: bool,
}

/// One named factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactorInfo {
    /// rescaling, gl, o, so, translation, scale, boost, shift or other.
    pub kind: &'static str,
    /// r of GL(r), n of SO(n), 1 for one-parameter groups, 2 for boosts.
    pub size: usize,
    /// Number of copies.
    pub count: usize,
    /// Names of tensors.
    pub acts_on: Vec<String>,
    /// All of it in words: `GL(2) × 2 on W_Q, W_K`.
    #[serde(skip)]
    pub text: String,
    /// Rotations of one copy, where it is a simple algebra known up to isomorphism.
    #[serde(skip)]
    pub simple_rotations: Option<usize>,
}

impl FactorInfo {
    /// Whether this is the same group on the same tensors, whatever the number of copies.
    pub(crate) fn is_same_group(&self, other: &Self) -> bool {
        (self.kind, self.size, &self.acts_on) == (other.kind, other.size, &other.acts_on)
    }
}

impl From<&gaugebias_symmetry::Factor> for FactorInfo {
    fn from(f: &gaugebias_symmetry::Factor) -> Self {
        gaugebias_symmetry::FactorSummary { kind: f.kind, size: f.size, count: f.count, acts_on: f.acts_on.clone() }
            .into()
    }
}

impl From<gaugebias_symmetry::FactorSummary> for FactorInfo {
    fn from(f: gaugebias_symmetry::FactorSummary) -> Self {
        let simple_rotations = match f.kind {
            gaugebias_symmetry::FactorKind::Simple(rotations) => Some(rotations),
            _ => None,
        };
        Self {
            text: f.to_string(),
            simple_rotations,
            kind: f.kind.word(),
            size: f.size,
            count: f.count,
            acts_on: f.acts_on,
        }
    }
}

/// What the search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SymmetryInfo {
    /// Dimension of the algebra without redundant sections.
    pub dimension: usize,
    /// Symmetric elements and translations.
    pub noncompact: usize,
    /// Antisymmetric elements.
    pub compact: usize,
    /// Closed under brackets.
    pub closed: bool,
    /// Smallest last kept / first dropped singular value; null when nothing was dropped.
    pub spectral_gap: Option<f64>,
    /// Largest |Jξ|/(|J||ξ|) on fresh points.
    pub max_residual: f64,
    /// Named factors.
    pub factors: Vec<FactorInfo>,
    /// State-dependent multiples of translations that were quotiented out.
    pub redundant_sections: usize,
    /// Centre and ideals.
    pub structure: StructureInfo,
}

/// Conserved charges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChargeInfo {
    /// Rank of their gradients at generic points; null where the directions found are not closed under brackets.
    pub independent: Option<usize>,
    /// Readable names.
    pub names: Vec<String>,
    /// What the training rule does to a charge; null without `[train]`.
    pub law: Option<ChargeLaw>,
}

/// The gauge bias at a point. Without symmetry its numbers are null: there is no bias, not a bias of 0. They are
/// null, too, where the directions found are not closed under brackets.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BiasInfo {
    /// balanced, initial, random (where nothing else is known) or file.
    pub at: &'static str,
    /// log det Γ over the orbit's dimension, nats.
    pub log_det_gram: Option<f64>,
    /// Half of it.
    pub value: Option<f64>,
    /// canonical or orthonormal.
    pub basis: &'static str,
    /// Whether log det Γ depends on the basis by more than a constant.
    pub basis_dependent: bool,
    /// ½ log det(JJᵀ) on the predictor's rank; null where J is zero.
    pub coarea: Option<f64>,
    /// Closed form on the balanced slice.
    pub formula: Option<String>,
    /// The same in LaTeX.
    pub latex: Option<String>,
    /// Largest |formula − numeric| over random balanced points.
    pub formula_error: Option<f64>,
    /// Rank of Ξ at this point, below the generic orbit dimension where the orbit is singular.
    pub orbit_dimension_here: usize,
    /// log det of the constraint Gram matrix J_Q J_Qᵀ of the charges over its rank: what the conditioned law has in the
    /// place of log det Γ. They differ by the rotations, and by the basis of symmetric elements. Null without charges.
    pub log_det_constraint_gram: Option<f64>,
    /// B as a sum over sets of factors that share no parameters.
    pub parts: Vec<PartInfo>,
    /// Combinations of generators that almost vanish here and not at generic points, shortest first.
    pub strata: Vec<Stratum>,
}

/// What one set of factors adds to the bias.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartInfo {
    /// Names of tensors.
    pub acts_on: Vec<String>,
    /// Its summand of B, nats.
    pub value: f64,
    /// Shortest over longest direction of its orbit here; null for a lifted model.
    pub smallest_direction: Option<f64>,
    /// Closed form on the balanced slice; null where it is numeric.
    pub formula: Option<String>,
    /// The same in LaTeX.
    pub latex: Option<String>,
    /// Largest |formula − numeric| over random balanced points.
    pub formula_error: Option<f64>,
    /// Its factors, for the tree of the structure.
    #[serde(skip)]
    pub factors: Vec<FactorInfo>,
}

/// The slice on which the bias is a function of the predictor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SliceInfo {
    /// Whether generic orbits hold a point at which every charge is zero; without charges every point is one.
    pub balanced_point: bool,
    /// Charges that are definite, which no point but zero brings to zero: the slice has them constant, and the others zero.
    pub held: Vec<String>,
    /// Whether the orbit of the spec's start was balanced; null where that was not asked for.
    pub start_balanced: Option<bool>,
    /// All of it in a sentence.
    pub text: String,
}

/// All that is derived about a model; serialises to the object that `derive --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Derivation {
    /// Title of the model.
    pub title: String,
    /// p.
    pub parameters: usize,
    /// Size and rank of the predictor.
    pub predictor: PredictorInfo,
    /// p − generic rank of J.
    pub fiber_dimension: usize,
    /// Generic rank of Ξ.
    pub orbit_dimension: usize,
    /// Fiber dimensions that no affine generator explains.
    pub unexplained: usize,
    /// Tensors on which alone these directions can be chosen.
    pub unexplained_on: Vec<String>,
    /// The symmetries.
    pub symmetries: SymmetryInfo,
    /// The charges.
    pub charges: ChargeInfo,
    /// The bias.
    pub bias: BiasInfo,
    /// Whether there is a balanced point, and which slice is used where there is none.
    pub slice: SliceInfo,
    /// Largest |tr(A P_H)| over symmetric generators at balanced points; 0 where horizontal noise leaves the slice
    /// invariant. Null without charges.
    pub slice_invariance: Option<f64>,
    /// Parameters that the predictor ignores.
    pub unused: Vec<String>,
    /// Directions that are nearly symmetries, where they were asked for.
    pub nearly: Vec<NearInfo>,
    /// Remarks: what was held, what is approximate.
    pub notes: Vec<String>,
}
