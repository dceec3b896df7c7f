//! What the caller may choose, with the measured defaults.

/// Parameters of the search. The defaults are thresholds taken from observed gaps; change them with numbers in hand.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Seed of every random point, draw and covector; equal seeds give equal results.
    pub seed: u64,
    /// Components of at most this many parameters are searched among all affine maps, larger ones tensor by tensor.
    pub affine_limit: usize,
    /// Maps between matrices are searched for as long as a component has at most this many coordinates with them.
    pub mixing_limit: usize,
    /// Largest number of coordinates of one component.
    pub unknown_limit: usize,
    /// Largest dimension of the algebra of one component: naming takes its cube in memory.
    pub algebra_limit: usize,
    /// Most multiplications of the brackets of one component; beyond it naming takes minutes.
    pub naming_work: f64,
    /// Rows of the linear system per unknown.
    pub rows_per_unknown: f64,
    /// Relative singular values at least this large count as non-zero.
    pub kept_floor: f64,
    /// Relative singular values at most this large count as zero.
    pub dropped_ceiling: f64,
    /// Number of fresh points on which every generator is verified.
    pub fresh_points: usize,
    /// Largest |Jξ| / (|J||ξ|) allowed at a fresh point.
    pub residual_ceiling: f64,
    /// Largest relative part of a bracket outside the algebra that still counts as closed.
    pub closure_ceiling: f64,
    /// Number of random points at which the pattern of J is taken; four times as many where it depends on the draw.
    pub pattern_points: usize,
    /// Most random points at which the rank of J is taken; as many as this only where the orbit does not fill the fiber.
    pub rank_points: usize,
    /// Singular values of J at most this large, relative to the largest, count as zero in ranks.
    pub rank_cutoff: f64,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            affine_limit: 40,
            mixing_limit: 1_500,
            unknown_limit: 2_600,
            algebra_limit: 300,
            naming_work: 6e9,
            rows_per_unknown: 2.0,
            kept_floor: 1e-6,
            dropped_ceiling: 1e-11,
            fresh_points: 100,
            residual_ceiling: 1e-10,
            closure_ceiling: 1e-8,
            pattern_points: 12,
            rank_points: 200,
            rank_cutoff: 1e-10,
        }
    }
}
