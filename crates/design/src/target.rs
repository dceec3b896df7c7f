//! What can be asked for.

use crate::Penalty;
use crate::composition::Request;
use crate::formula::Regime;

/// What w is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Few entries that are not zero.
    Sparsity,
    /// As sparsity, of entries whose signs are known.
    Sign,
    /// Few groups that are not zero.
    Group,
    /// A matrix of few singular values.
    LowRank,
    /// A piecewise constant signal.
    TotalVariation,
    /// A signal of polynomial pieces.
    Trend,
    /// Few cosines.
    Dct,
    /// Few real Fourier coefficients.
    Fourier,
    /// Few Haar wavelets.
    Haar,
    /// Values on a graph that change along few edges.
    Graph,
    /// Any penalty of single coordinates.
    Custom,
    /// Coordinates without a penalty, beside others.
    Free,
    /// Blocks of coordinates side by side, each of another target.
    Blocks,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Sparsity,
        Self::Sign,
        Self::Group,
        Self::LowRank,
        Self::TotalVariation,
        Self::Trend,
        Self::Dct,
        Self::Fourier,
        Self::Haar,
        Self::Graph,
        Self::Custom,
        Self::Free,
        Self::Blocks,
    ];

    /// The word of the flag and of JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sparsity => "sparsity",
            Self::Sign => "sign",
            Self::Group => "group",
            Self::LowRank => "low-rank",
            Self::TotalVariation => "total-variation",
            Self::Trend => "trend",
            Self::Dct => "dct",
            Self::Fourier => "fourier",
            Self::Haar => "haar",
            Self::Graph => "graph",
            Self::Custom => "custom",
            Self::Free => "free",
            Self::Blocks => "blocks",
        }
    }
}

/// Which of several parametrizations of the same penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Groups: w_g = ‖x_g‖^(γ−1) x_g, exact.
    Radial,
    /// Groups: w_g = s_g x_g, approximate; custom: the arc length of a product u·v.
    Product,
    /// Custom: the arc length itself, without redundancy.
    Direct,
}

/// The settings of a target; what a target does not use is not looked at.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The way of training that decides what is shown, and the start.
    pub regime: Regime,
    /// n, the number of coordinates of w, or of rows.
    pub size: Option<usize>,
    /// Columns of a matrix; as many as rows by default.
    pub columns: Option<usize>,
    /// D, the number of factors.
    pub depth: Option<usize>,
    /// α of α log|w|, in the place of a depth.
    pub strength: Option<f64>,
    /// Sizes of groups, one after the other.
    pub groups: Vec<usize>,
    /// Which parametrization.
    pub link: Option<LinkKind>,
    /// Degree of the polynomial pieces of a trend.
    pub order: usize,
    /// Pairs of nodes.
    pub edges: Option<Vec<(usize, usize)>>,
    /// Leave out edges that close cycles.
    pub spanning_forest: bool,
    /// Entries are ≤ 0, not ≥ 0.
    pub negative: bool,
    /// A penalty of one coordinate.
    pub penalty: Option<Penalty>,
    /// Where that penalty is meant.
    pub domain: Option<(f64, f64)>,
    /// Largest error of a link, in w and in nats.
    pub tolerance: f64,
    /// Size of the factors at the start.
    pub scale: Option<f64>,
    /// What is asked of each of several blocks.
    pub blocks: Vec<Request>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            regime: Regime::Noise,
            size: None,
            columns: None,
            depth: None,
            strength: None,
            groups: Vec::new(),
            link: None,
            order: 1,
            edges: None,
            spanning_forest: false,
            negative: false,
            penalty: None,
            domain: None,
            tolerance: 1e-8,
            scale: None,
            blocks: Vec::new(),
        }
    }
}
