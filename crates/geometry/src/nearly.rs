//! Nearly symmetric directions beside a derivation.

use crate::derivation::Derivation;
use gaugebias_symmetry::NearSymmetry;
use serde::Serialize;

/// A direction that moves the predictor little.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearInfo {
    /// Tensors that it moves most.
    pub acts_on: Vec<String>,
    /// Root mean square of |Jξ|/(|J||ξ|) over fresh points.
    pub violation: f64,
}

impl Derivation {
    /// Adds directions that are nearly symmetries, in their order.
    pub fn with_nearly(mut self, found: &[NearSymmetry]) -> Self {
        let info = |near: &NearSymmetry| NearInfo { acts_on: near.acts_on.clone(), violation: near.violation };
        self.nearly = found.iter().map(info).collect();
        self
    }
}
