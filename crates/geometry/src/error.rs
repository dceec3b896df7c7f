//! Refusals of the geometry, with numbers and a way out.

use gaugebias_linalg::LinalgError;
use gaugebias_symmetry::SymmetryError;

/// Why a geometric quantity is not reported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeometryError {
    /// The search for symmetries refused.
    #[error(transparent)]
    Symmetry(#[from] SymmetryError),
    /// A decomposition failed.
    #[error("linear algebra failed: {0}")]
    Linalg(#[from] LinalgError),
    /// θ has the wrong length.
    #[error("θ has {found} entries, the parametrization has {expected} parameters")]
    WrongLength {
        /// Entries found.
        found: usize,
        /// p.
        expected: usize,
    },
    /// The predictor or its Jacobian is infinite or NaN at the point.
    #[error("{what} is not finite at the given point; choose another one")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
    },
    /// A generator has a definite charge, so that its orbits hold no balanced point.
    #[error(
        "no balanced point: {charge} is definite, it is {value:.3e} here and zero only where its orbit is a point \
         (on {tensors}); use the slice {charge} = const, along which the other charges can be balanced"
    )]
    NoBalancedPoint {
        /// Name of the charge.
        charge: String,
        /// Tensors of the factor.
        tensors: String,
        /// Its value.
        value: f64,
    },
    /// Newton's method on the Lie algebra stalled.
    #[error(
        "balancing stopped after {steps} steps with charges {charge:.2e} of |θ|² = {norm_squared:.2e} (wanted 1e-12 of it); \
         the orbit may have no balanced point, as when one block of a rescaling is zero"
    )]
    NotConverged {
        /// Steps taken.
        steps: usize,
        /// Largest charge left.
        charge: f64,
        /// |θ|².
        norm_squared: f64,
    },
    /// The potential of gradient flow is singular where a charge is zero.
    #[error(
        "the charge of coordinate {at} is zero: gradient flow then keeps its sign, and its potential is singular there"
    )]
    VanishingCharge {
        /// Which coordinate.
        at: usize,
    },
    /// Newton's method for the flow's point stalled.
    #[error(
        "the flow's point was not found: {left:.1e} of what is seen is left (wanted 1e-10); perhaps no w is seen so"
    )]
    FlowNotFound {
        /// |Xw − seen| / |seen|.
        left: f64,
    },
    /// Predicted laws by quadrature need one predictor coordinate.
    #[error(
        "the law is computed by quadrature for one predictor coordinate; this predictor has {found}: sample the predicted density instead"
    )]
    NotOneDimensional {
        /// d.
        found: usize,
    },
    /// The density does not decay along the curve.
    #[error(
        "the weight exp(−L/τ) does not decay within arc length {arc_length:.1e} from the start: the law is not normalisable, or τ = {temperature} is too large"
    )]
    Unbounded {
        /// How far the curve was followed.
        arc_length: f64,
        /// τ.
        temperature: f64,
    },
    /// The start of the curve is singular.
    #[error("the predictor has no gradient at the start (|J| = {gradient:.1e}); start at another point")]
    SingularStart {
        /// |J| there.
        gradient: f64,
    },
    /// A law in several coordinates rests on too few points.
    #[error(
        "the {points} weighted points are worth {found:.0} independent ones under the predicted law, at least {needed:.0} are needed: it is far from \
         the horizontal law and from a normal one (nearly singular directions?), or chains mix slowly"
    )]
    TooFewPoints {
        /// Effective points.
        found: f64,
        /// All points.
        points: usize,
        /// Least effective number.
        needed: f64,
    },
    /// Chains of a sampler found different laws.
    #[error(
        "the {chains} chains of NUTS disagree after {draws} draws each: R̂ = {r_hat:.2} of {of} (1.05 at most), {:.0} % of the draws divergent; the \
         law has several modes, or the border of its component (where J loses rank) is within reach of the noise: lower the temperature, or move \
         the minimum away from there", 100.0 * divergent
    )]
    ChainsDisagree {
        /// Chains.
        chains: usize,
        /// Draws of each.
        draws: usize,
        /// The function that they disagree on most.
        of: String,
        /// Its split R̂.
        r_hat: f64,
        /// Share of divergent draws.
        divergent: f64,
    },
    /// Trajectories of a sampler end at the border of a component.
    #[error(
        "{:.0} % of the first {draws} trajectories of a chain of NUTS end early: the border of the law's component, where J loses rank, is within reach of the \
         noise; lower the temperature, or move the minimum away from there", 100.0 * divergent
    )]
    BorderInReach {
        /// Trajectories.
        draws: usize,
        /// Share of them.
        divergent: f64,
    },
    /// A chain of a sampler could not go on.
    #[error("a chain of NUTS stopped: {message}; start at another point, or lower the temperature")]
    ChainStopped {
        /// What the sampler said.
        message: String,
    },
    /// The gradient has no noise somewhere on the curve.
    #[error(
        "the gradient has no noise at w = {predictor:.6}, so the predictor stops there: it has no stationary density"
    )]
    NoGradientNoise {
        /// Where.
        predictor: f64,
    },
    /// The minimum of the loss is no point, so that where training ends depends on its start.
    #[error(
        "the loss is flat along {flat} of {of} directions of the predictor at its minimum: along them nothing holds the run, and where it ends depends on \
         its start; give the data more rows of other directions or the loss a penalty, or look at the flow (law = \"flow\" on all rows)"
    )]
    FlatMinimum {
        /// Directions without curvature.
        flat: usize,
        /// All directions.
        of: usize,
    },
    /// The law reaches beyond the curve that was traced.
    #[error(
        "the density at the end of the curve is still {share:.1e} of its maximum: the law is not normalisable, or the curve too short"
    )]
    CutTooEarly {
        /// Density at the end over the maximum.
        share: f64,
    },
}

impl GeometryError {
    /// Whether the search refused for size alone, so that smaller copies may tell.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::Symmetry(
                SymmetryError::TooLarge { .. }
                    | SymmetryError::AlgebraTooLarge { .. }
                    | SymmetryError::JacobianTooLarge { .. }
            )
        )
    }
}
