//! Why a bias cannot be designed, with what can be done instead.

use crate::Regime;
use gaugebias_geometry::GeometryError;
use gaugebias_linalg::LinalgError;
use gaugebias_model::SpecError;
use gaugebias_symmetry::SymmetryError;

/// A request that no parametrization meets, or one that is not a request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DesignError {
    /// Something that the target needs was not given.
    #[error("{target} needs {what}")]
    Missing {
        /// The target.
        target: &'static str,
        /// What, with the flag.
        what: &'static str,
    },
    /// A setting out of its range.
    #[error("{what} is {found}; expected {expected}")]
    Setting {
        /// Which.
        what: &'static str,
        /// As given.
        found: String,
        /// What would do.
        expected: String,
    },
    /// An option that the target does not look at.
    #[error("--{option} is given, which has no meaning for {target} here: it is {why}. Leave it out")]
    Option {
        /// Its name.
        option: String,
        /// The target.
        target: &'static str,
        /// Where it belongs.
        why: String,
    },
    /// α log|w| with α ≥ 1.
    #[error(
        "a penalty of {strength} log|w| cannot be had: a depth D gives 1 − 1/D (1/2, 2/3, 3/4, …), which is below 1 for every finite D. At strength 1 or more \
         e^(−R) has no finite mass at w = 0, so the law would be a point at 0 and no motion could leave it. Ask for a strength below 1, or for `custom` on \
         a domain that leaves 0 out"
    )]
    TooStrong {
        /// α.
        strength: f64,
    },
    /// e^{−R} has no finite mass at a point of the domain.
    #[error(
        "e^(−R) is not integrable at w = {at}: there R falls like {exponent:.3} log|w − {at}|, and a strength of 1 or more (0.999 is taken for it) gives the point infinite mass. \
         The link s(w) = ∫ e^(−R) dw would need infinitely many steps to get there; take a domain that leaves the point out (--domain), or a strength below 1"
    )]
    NotIntegrable {
        /// Where.
        at: f64,
        /// α of α log|w − at|.
        exponent: f64,
    },
    /// R falls faster than any α log|w − at| that fits it.
    #[error(
        "R falls ever faster towards w = {at}: like {far:.3} log|w − {at}| a millionth of the domain away, like {close:.3} log|w − {at}| at a distance of {distance:.0e}. Whether \
         e^(−R) has finite mass there cannot be told, and no link to it be built; take a domain that leaves the point out (--domain), or a smooth R"
    )]
    Steepening {
        /// Where.
        at: f64,
        /// The exponent at some distance.
        far: f64,
        /// And closer.
        close: f64,
        /// How close.
        distance: f64,
    },
    /// The same, in the terms of a regime in which R is not what the user wrote.
    #[error(
        "{symbol} cannot be had at w = {at}: there it {goes} like |w − {at}|^{power:.3}, and the design gets to w by s = ∫ {density} dw, which is infinite at an exponent of {limit} or {beyond}: \
         descent would never come there, nor leave. {remedy}"
    )]
    Unreachable {
        /// P or φ''.
        symbol: &'static str,
        /// What it does.
        goes: &'static str,
        /// Where.
        at: f64,
        /// How fast.
        power: f64,
        /// ds/dw.
        density: &'static str,
        /// From which exponent on.
        limit: f64,
        /// More or less.
        beyond: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A fault of R, of a penalty that is written as P or φ.
    #[error("for this {symbol}, R of the link is {relation}, and of that R: {source}")]
    InRegime {
        /// P or φ.
        symbol: &'static str,
        /// R by it.
        relation: &'static str,
        /// What is wrong.
        source: Box<DesignError>,
    },
    /// A penalty without a value somewhere inside the domain.
    #[error(
        "the penalty has no value (NaN) at w = {at}, inside the domain; give a --domain on which it has one everywhere"
    )]
    Undefined {
        /// Where.
        at: f64,
    },
    /// A penalty of infinite height inside the domain.
    #[error(
        "R is {value} at w = {at}, inside the domain: e^(−R) vanishes there, the link has infinite slope, and the two sides are two components that no path \
         connects. End the domain before this point (--domain)"
    )]
    Wall {
        /// Where.
        at: f64,
        /// R there.
        value: f64,
    },
    /// The link is too steep for f64.
    #[error(
        "the link for this penalty cannot be represented: R changes by {range:.1} nats over [{low}, {high}], so that its slope changes by e^{range:.1} and steps near \
         w = {at} vanish in rounding. Take a smaller domain, or a weaker penalty (its strength is set by the temperature)"
    )]
    TooSteep {
        /// Nats.
        range: f64,
        /// Domain.
        low: f64,
        /// Domain.
        high: f64,
        /// Where the search gave up.
        at: f64,
    },
    /// The link did not reach its tolerance.
    #[error(
        "the link does not reach the tolerance {tolerance:.0e} with {pieces} pieces: near w = {at} the error is still {error:.1e}. The penalty is rough there; smooth \
         it, end the domain before, or allow a larger --tolerance"
    )]
    Rough {
        /// As asked.
        tolerance: f64,
        /// Pieces so far.
        pieces: usize,
        /// Where.
        at: f64,
        /// Error left.
        error: f64,
    },
    /// A penalty of the wrong sign or shape for its regime.
    #[error("under {regime} a penalty has to be {expected}; it is {found} at w = {at}")]
    Shape {
        /// The regime.
        regime: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: f64,
        /// Where.
        at: f64,
    },
    /// Two penalties of the same coordinates.
    #[error(
        "{of_entries} and groups are two penalties of the same coordinates. They are not the sum of two blocks: a block owns its coordinates, since R = ½ log det M belongs to one matrix M. \
         Give one of them; or blocks side by side (--target blocks); or, for a sum of penalties of single coordinates, write it as one (custom, --penalty 'R1(w) + R2(w)')"
    )]
    Sum {
        /// The penalty beside the groups.
        of_entries: &'static str,
    },
    /// A block of a composition that cannot be read.
    #[error("--blocks, block {number} `{text}`: found {found}; expected {expected}")]
    Block {
        /// From 1.
        number: usize,
        /// As written.
        text: String,
        /// What is wrong.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A block of a composition that cannot be had.
    #[error("--blocks, block {number} `{text}`: {source}")]
    InBlock {
        /// From 1.
        number: usize,
        /// As written.
        text: String,
        /// Why.
        source: Box<DesignError>,
    },
    /// An analysis operator without an inverse.
    #[error("the operator is singular: {why}")]
    Singular {
        /// Why, and what to do.
        why: String,
    },
    /// A file that does not hold what it should.
    #[error("{name}, line {line}: {what}")]
    Table {
        /// File.
        name: String,
        /// From 1.
        line: usize,
        /// What was found and expected.
        what: String,
    },
    /// The penalty is not an expression of w.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The search for symmetries refused.
    #[error(transparent)]
    Symmetry(#[from] SymmetryError),
    /// The geometry of the design cannot be computed.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// A decomposition failed.
    #[error("linear algebra failed: {0}")]
    Linalg(#[from] LinalgError),
}

impl DesignError {
    /// What the link says of R, said of what the user wrote: P in the minibatch regime (R = ½ log P), φ in that of flow (R = −½ log φ'').
    pub(crate) fn in_regime(self, regime: Regime) -> Self {
        let (symbol, relation) = match regime {
            Regime::Noise => return self,
            Regime::Minibatch => ("P", "½ log P"),
            Regime::Flow => ("φ", "−½ log φ''"),
        };
        match self {
            Self::NotIntegrable { at, exponent } if regime == Regime::Minibatch => Self::Unreachable {
                symbol: "a P that is 0",
                goes: "vanishes",
                at,
                power: 2.0 * exponent,
                density: "P^(−1/2)",
                limit: 2.0,
                beyond: "more",
                remedy: "Add a constant to P (0.01 + …, the penalty is the same), or take a domain that leaves the point out (--domain), or a power below 2",
            },
            Self::NotIntegrable { at, exponent } => Self::Unreachable {
                symbol: "a φ'' that is infinite",
                goes: "grows",
                at,
                power: -2.0 * exponent,
                density: "√φ''",
                limit: -2.0,
                beyond: "less",
                remedy: "Take a φ whose slope is finite there, or a domain that leaves the point out (--domain)",
            },
            source @ (Self::Wall { .. } | Self::TooSteep { .. } | Self::Rough { .. }) => {
                Self::InRegime { symbol, relation, source: Box::new(source) }
            }
            // Of a φ it is the second derivative that has none.
            source @ Self::Undefined { .. } if regime == Regime::Flow => {
                Self::InRegime { symbol, relation, source: Box::new(source) }
            }
            other => other,
        }
    }
}
