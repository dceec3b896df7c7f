//! Coordinates that are trained themselves: z = c, without any bias.

use super::{Block, Formulas, Motion, Parameter, Snippets, Uniform, signed, tagged};
use crate::formula::Regime;

/// z = c ∈ ℝⁿ: JJᵀ = 1.
#[derive(Clone, Debug)]
pub struct Free {
    /// n.
    pub size: usize,
    /// Suffix of its names.
    pub tag: String,
}

impl Block for Free {
    fn size(&self) -> usize {
        self.size
    }

    fn parameters(&self, _: Regime, _: f64) -> Vec<Parameter> {
        let start = format!("zeros({})", self.size);
        vec![Parameter { name: tagged("c", &self.tag), shape: vec![self.size], start }]
    }

    fn text(&self) -> (Vec<(String, String)>, String) {
        (Vec::new(), tagged("c", &self.tag))
    }

    fn lift(&self, z: &[f64]) -> Vec<f64> {
        z.to_vec()
    }

    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        (0..self.size).map(|_| signed(uniform)).collect()
    }

    fn penalty(&self, _: &[f64]) -> f64 {
        0.0
    }

    fn squared_gradient(&self, _: &[f64], a: &[f64]) -> f64 {
        a.iter().map(|a| a * a).sum()
    }

    fn potential(&self, z: &[f64]) -> Option<f64> {
        Some(0.5 * z.iter().map(|z| z * z).sum::<f64>())
    }

    fn is_free(&self) -> bool {
        true
    }

    fn motion(&self, _: Regime, _: f64) -> Option<Motion> {
        Some(Motion { start: 0.0, charge: 0.0, others: 0.0, power: 0.0, speed: 1.0, sign: 1.0 })
    }

    fn formulas(&self, of: &str, _: &str) -> Formulas {
        // (η/4) E‖a‖² does not depend on z; its potential is the Euclidean one, as without a design.
        let flow = format!("½ Σ_(i<{}) {of}_i²", self.size);
        Formulas { noise: "0".into(), minibatch: "0".into(), flow, ..Formulas::default() }
    }

    fn minibatch_factor(&self) -> f64 {
        0.25
    }

    fn shape(&self, _: Regime) -> String {
        "a constant".into()
    }

    fn component(&self, _: &str) -> String {
        String::new()
    }

    fn snippets(&self) -> Snippets {
        let name = tagged("c", &self.tag);
        Snippets { forward: vec![format!("z = {name}")], inverse: vec![format!("{name} = z")], charges: Vec::new() }
    }
}
