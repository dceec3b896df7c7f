//! A design: parts of w side by side, most often one. R, P and φ are the sums of theirs, since M is block diagonal.

use crate::blocks::{Constant, Parameter, Uniform};
use crate::build::{MOST_COORDINATES, out_of_range};
use crate::formula::Biases;
use crate::link::LinkInfo;
use crate::part::Part;
use crate::{DesignError, Regime, Settings, Target};
use gaugebias_linalg::Matrix;
use std::ops::Range;

/// A parametrization that has a wanted bias.
#[derive(Debug)]
pub struct Design {
    /// What was asked for.
    pub target: Target,
    /// And how.
    pub settings: Settings,
    pub(crate) parts: Vec<Part>,
}

/// Designs a parametrization.
///
/// # Errors
/// [`DesignError`]: what is missing or out of range, and what no parametrization of this kind can do.
pub fn design(target: Target, settings: &Settings) -> Result<Design, DesignError> {
    let parts = if target == Target::Blocks {
        if settings.blocks.is_empty() {
            let what = "the blocks: --blocks 'sparsity:8,depth=3; group:3+3+2; low-rank:3x3; free:2'";
            return Err(DesignError::Missing { target: "blocks", what });
        }
        let part = |(k, request): (usize, &crate::composition::Request)| {
            let settings = Settings { regime: settings.regime, ..request.settings.clone() };
            Part::new(request.target, &settings, &format!("_{}", k + 1)).map_err(|error| request.blamed(k, error))
        };
        settings.blocks.iter().enumerate().map(part).collect::<Result<_, _>>()?
    } else {
        vec![Part::new(target, settings, "")?]
    };
    let design = Design { target, settings: settings.clone(), parts };
    if design.size() > MOST_COORDINATES {
        return Err(out_of_range("the size", design.size(), &format!("at most {MOST_COORDINATES} coordinates")));
    }
    Ok(design)
}

impl Design {
    /// d, the number of coordinates of w.
    pub fn size(&self) -> usize {
        self.parts.iter().map(Part::size).sum()
    }

    /// The parts, with their places in w.
    pub fn placed(&self) -> impl Iterator<Item = (&Part, Range<usize>)> {
        let mut from = 0;
        self.parts.iter().map(move |part| {
            from += part.size();
            (part, from - part.size()..from)
        })
    }

    /// The only part; none of a composition.
    pub(crate) fn alone(&self) -> Option<&Part> {
        match self.parts.as_slice() {
            [part] => Some(part),
            _ => None,
        }
    }

    /// The shape of w: a matrix for low rank, else a vector.
    pub fn shape(&self) -> Vec<usize> {
        self.alone().map_or_else(|| vec![self.size()], Part::shape)
    }

    /// θ, tensor by tensor.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.parts.iter().flat_map(Part::parameters).collect()
    }

    /// Tensors that its text uses.
    pub fn constants(&self) -> Vec<Constant> {
        self.parts.iter().flat_map(Part::constants).collect()
    }

    /// Quality of the link, where there is one; of the worst of several.
    pub fn link(&self) -> Option<LinkInfo> {
        self.parts.iter().filter_map(|part| part.link).max_by(|a, b| a.penalty_error.total_cmp(&b.penalty_error))
    }

    /// The biases as functions of w.
    pub fn biases(&self) -> Biases {
        if let Some(part) = self.alone() {
            return part.biases();
        }
        let named = |(part, at): (&Part, Range<usize>)| (part.biases(), format!("w[{}:{}]", at.start, at.end));
        Biases::side_by_side(&self.placed().map(named).collect::<Vec<_>>())
    }

    /// What the symbols of [`Self::biases`] are; each once.
    pub fn symbols(&self) -> Vec<String> {
        let named = |(part, at): (&Part, Range<usize>)| {
            let place = if self.parts.len() == 1 { String::new() } else { format!("on w[{}:{}] ", at.start, at.end) };
            part.symbols()
                .into_iter()
                .map(move |line| if line.starts_with("T ") { format!("{place}{line}") } else { line })
        };
        let mut lines: Vec<String> = Vec::new();
        for line in self.placed().flat_map(named) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// What the bias of its regime is added to, or does. Without a φ there is no distance that a fit could be nearest in.
    pub fn meaning(&self) -> String {
        let regime = self.settings.regime;
        let flow = self.biases().flow;
        if regime != Regime::Flow || !flow.contains("none") {
            let deep = regime == Regime::Flow && flow.ends_with(" at balance");
            let start = if deep {
                "; that φ is the one at balance, and the printed start, one factor at 0, is off it: its own has φ'' = 1/M with M = Σ_k Π_(l≠k) u_l² on the level of its charges, to which it comes where |w| is far above scale^D"
            } else {
                ""
            };
            return format!("{}{start}", regime.meaning());
        }
        if self.parts.len() > 1 {
            return "where a block has φ, of all w that fit the data the one nearest to the start in its Bregman distance; where it has none, the flow dw/dt = −M(w) ∇L itself".to_owned();
        }
        "no φ on all w, so no nearest fit: the flow is dw/dt = −M(w) ∇L, M = JJᵀ, and where it ends depends on its path"
            .to_owned()
    }

    /// The component of the slice on which the law lives.
    pub fn component(&self) -> String {
        if let Some(part) = self.alone() {
            return part.component();
        }
        let own = self.placed().filter(|(part, _)| !part.component().is_empty());
        let texts: Vec<String> =
            own.map(|(part, at)| format!("on w[{}:{}] {}", at.start, at.end, part.component())).collect();
        texts.join("; ")
    }

    /// Why the horizontal law is only near to R, with the measured error; none for exact designs.
    pub fn approximation(&self) -> Option<String> {
        self.parts.iter().find_map(Part::approximation)
    }

    /// R(w) = ½ log det(JJᵀ) of the blocks at Tw, nats; it differs from that of w by the constant log|det T|.
    pub fn penalty(&self, w: &[f64]) -> f64 {
        self.placed().map(|(part, at)| part.penalty(&w[at])).sum()
    }

    /// ‖Jᵀa‖² for a gradient a = ∂ℓ/∂w.
    ///
    /// # Errors
    /// [`DesignError::Linalg`].
    pub fn squared_gradient(&self, w: &[f64], a: &[f64]) -> Result<f64, DesignError> {
        self.placed().map(|(part, at)| part.squared_gradient(&w[at.clone()], &a[at])).sum()
    }

    /// φ(w) of the parts that have one; none where no part has.
    pub fn potential(&self, w: &[f64]) -> Option<f64> {
        self.potential_at(&self.analysed(w))
    }

    /// That at coordinates z = Tw.
    pub(crate) fn potential_at(&self, z: &[f64]) -> Option<f64> {
        self.placed().filter_map(|(part, at)| part.potential(&z[at])).reduce(|a, b| a + b)
    }

    /// a, with 0 in the place of coordinates without a mirror potential.
    pub(crate) fn potential_directions(&self, w: &[f64], a: &[f64]) -> Vec<f64> {
        let own = |(part, at): (&Part, Range<usize>)| {
            let there = part.potential(&part.analysed(&w[at.clone()])).is_some();
            let share = if there { 1.0 } else { 0.0 };
            a[at].iter().map(move |a| share * a).collect::<Vec<f64>>()
        };
        self.placed().flat_map(own).collect()
    }

    /// Tw, part by part.
    pub(crate) fn analysed(&self, w: &[f64]) -> Vec<f64> {
        self.placed().flat_map(|(part, at)| part.analysed(&w[at])).collect()
    }

    /// The balanced θ of w.
    pub fn lift(&self, w: &[f64]) -> Vec<f64> {
        self.lift_at(&self.analysed(w))
    }

    /// The balanced θ of coordinates z = Tw, which needs no matrix.
    pub(crate) fn lift_at(&self, z: &[f64]) -> Vec<f64> {
        self.placed().flat_map(|(part, at)| part.lift(&z[at])).collect()
    }

    /// Random coordinates z = Tw away from borders of components.
    pub(crate) fn draw_coordinates(&self, uniform: Uniform<'_>) -> Vec<f64> {
        let mut z = Vec::with_capacity(self.size());
        for part in &self.parts {
            z.extend(part.draw(uniform));
        }
        z
    }

    /// A random w away from borders of components.
    ///
    /// # Errors
    /// [`DesignError::Linalg`].
    pub fn draw(&self, uniform: Uniform<'_>) -> Result<Vec<f64>, DesignError> {
        let mut w = Vec::new();
        for part in &self.parts {
            w.extend(part.synthesised(&part.draw(uniform))?);
        }
        Ok(w)
    }

    /// T.
    pub(crate) fn operator_matrix(&self) -> Matrix {
        let parts: Vec<Matrix> = self.parts.iter().map(|part| part.operator.matrix(part.size())).collect();
        self.block_diagonal(&parts)
    }

    /// T^(−T), which takes ∂ℓ/∂w to ∂ℓ/∂z.
    pub(crate) fn covectors(&self) -> Result<Matrix, DesignError> {
        let parts: Vec<Matrix> = self.parts.iter().map(Part::covectors).collect::<Result<_, _>>()?;
        Ok(self.block_diagonal(&parts))
    }

    /// M at coordinates z = Tw on the balanced slice.
    pub(crate) fn metric(&self, z: &[f64]) -> Matrix {
        let parts: Vec<Matrix> = self.placed().map(|(part, at)| part.metric(&z[at])).collect();
        self.block_diagonal(&parts)
    }

    /// Directions of the coordinates z that carry no penalty.
    pub(crate) fn free_directions(&self) -> Vec<Vec<f64>> {
        let mut found = Vec::new();
        for (part, place) in self.placed() {
            for (_, own) in part.placed().filter(|(block, _)| block.is_free()) {
                for i in place.start + own.start..place.start + own.end {
                    let mut direction = vec![0.0; self.size()];
                    direction[i] = 1.0;
                    found.push(direction);
                }
            }
        }
        found
    }

    fn block_diagonal(&self, parts: &[Matrix]) -> Matrix {
        let mut whole = Matrix::zeros(self.size(), self.size());
        for (part, (_, place)) in parts.iter().zip(self.placed()) {
            for i in 0..part.rows() {
                for j in 0..part.columns() {
                    whole[(place.start + i, place.start + j)] = part[(i, j)];
                }
            }
        }
        whole
    }

    /// Whether different θ give the same w in a continuous way, so that there are orbits and a slice.
    pub fn is_redundant(&self) -> bool {
        self.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum::<usize>() > self.size()
    }
}
