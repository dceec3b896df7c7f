//! Refusals of the search, each with what was found, what was expected and what to do.

use gaugebias_linalg::LinalgError;

/// Why no symmetries are reported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SymmetryError {
    /// There is nothing to search.
    #[error(
        "the parametrization has {parameters} parameters and {predictor} predictor coordinates; both must be at least 1"
    )]
    Empty {
        /// p.
        parameters: usize,
        /// d.
        predictor: usize,
    },
    /// The Jacobian, which the search holds at many points, is too large.
    #[error(
        "the Jacobian of {predictor} predictor coordinates by {parameters} parameters has more than {limit} entries, \
         where the search stops; derive the same model at smaller sizes, where its symmetry has the same form"
    )]
    JacobianTooLarge {
        /// p.
        parameters: usize,
        /// d.
        predictor: usize,
        /// Most entries d·p.
        limit: usize,
    },
    /// A method of the parametrization returned a vector of the wrong length.
    #[error("{method} returned {found} numbers for one point, expected {expected}")]
    WrongLength {
        /// Which method.
        method: &'static str,
        /// Numbers found.
        found: usize,
        /// Numbers expected.
        expected: usize,
    },
    /// A connected block of parameters has too many unknowns for the dense search.
    #[error(
        "the parameters of {tensors} are connected through the predictor: {parameters} parameters make \
         {unknowns} unknowns, and the dense search stops at {limit}; derive the same model at smaller sizes \
         (distinct sizes of at least 3), where its symmetry has the same form"
    )]
    TooLarge {
        /// Names of the tensors.
        tensors: String,
        /// Parameters in the block.
        parameters: usize,
        /// Unknowns, p_c² + p_c.
        unknowns: usize,
        /// The limit.
        limit: usize,
    },
    /// The algebra of a component is too large to be named.
    #[error(
        "the symmetries of {tensors} have dimension {dimension}, and names are found up to {limit}, or fewer where they move large blocks; derive the same model \
         at smaller sizes (distinct sizes of at least 3), where its symmetry has the same form"
    )]
    AlgebraTooLarge {
        /// Names of the tensors.
        tensors: String,
        /// Dimension found.
        dimension: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many random points gave derivatives that are infinite or NaN.
    #[error(
        "{skipped} of {tried} random points gave predictions or derivatives that are not finite; the predictor must be \
         defined on most of parameter space (a logarithm or root of a negative number?)"
    )]
    NotFinite {
        /// Points skipped.
        skipped: usize,
        /// Points tried.
        tried: usize,
    },
    /// Too many rows of the linear system vanish.
    #[error(
        "only {nonzero} of {rows} rows that see {tensors} are non-zero, and {needed} are needed for {unknowns} unknowns; \
         the model is dead, saturated or dominated by a few huge values at most random points: use inputs of a scale at which it is neither"
    )]
    TooFewRows {
        /// Names of the tensors.
        tensors: String,
        /// Rows that are long enough.
        nonzero: usize,
        /// Rows computed.
        rows: usize,
        /// Rows needed.
        needed: usize,
        /// Unknowns.
        unknowns: usize,
    },
    /// The rank of the linear system is not decided.
    #[error(
        "the search over {tensors} has no clear gap: {source}; the predictor is nearly, but not exactly, symmetric, or too badly scaled"
    )]
    NoGap {
        /// Names of the tensors.
        tensors: String,
        /// The undecided value.
        source: LinalgError,
    },
    /// A generator that fits the sampled points fails on fresh ones.
    #[error(
        "a generator acting on {tensors} fails on fresh points: |Jξ|/(|J||ξ|) = {residual:.2e}, allowed {ceiling:.0e}; \
         the sampled points did not see the whole model (dead units, saturation, or a rule that changes with scale)"
    )]
    Unverified {
        /// Names of the tensors.
        tensors: String,
        /// Largest relative residual.
        residual: f64,
        /// Allowed.
        ceiling: f64,
    },
    /// Parameters without a derivative change the predictor.
    #[error(
        "the derivative with respect to {tensors} vanishes, but moving them changes the predictor by {change:.1e} of its size: they act through \
         jumps (a sign, a comparison, where), or cancel badly; such a direction is no symmetry, and has no charge: make these parameters constants"
    )]
    Jumps {
        /// Names of the tensors.
        tensors: String,
        /// |F(θ + t) − F(θ)| / |F|.
        change: f64,
    },
    /// Lifting from smaller copies did not work.
    #[error(
        "a model of {parameters} parameters is searched on smaller copies of its spec, and that failed: {reason}; derive \
         the same model at smaller sizes (distinct sizes of at least 3), where its symmetry has the same form"
    )]
    NotLifted {
        /// p.
        parameters: usize,
        /// Why.
        reason: String,
    },
    /// A decomposition failed.
    #[error("linear algebra failed inside the search: {0}")]
    Linalg(#[from] LinalgError),
}
