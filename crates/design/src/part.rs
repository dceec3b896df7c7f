//! A part of w: coordinates of one target, behind one operator. A design has one, or several side by side.

use crate::blocks::{Block, Constant, Formulas, Parameter, Uniform};
use crate::formula::{Biases, Regime};
use crate::link::LinkInfo;
use crate::operator::Operator;
use crate::{DesignError, Settings, Target};
use gaugebias_linalg::{Matrix, inv};

/// Blocks behind an operator.
#[derive(Debug)]
pub struct Part {
    /// What was asked for.
    pub target: Target,
    /// And how.
    pub settings: Settings,
    pub(crate) operator: Operator,
    pub(crate) blocks: Vec<Box<dyn Block>>,
    pub(crate) link: Option<LinkInfo>,
    /// What names of its tensors end with; empty where it is the only part.
    pub(crate) tag: String,
}

impl Part {
    /// Number of coordinates of w.
    pub fn size(&self) -> usize {
        self.blocks.iter().map(|block| block.size()).sum()
    }

    /// The shape of w: a matrix for low rank, else a vector.
    pub fn shape(&self) -> Vec<usize> {
        match self.target {
            Target::LowRank => {
                vec![self.settings.size.unwrap_or(0), self.settings.columns.or(self.settings.size).unwrap_or(0)]
            }
            _ => vec![self.size()],
        }
    }

    /// `sparsity, 64`
    pub fn title(&self) -> String {
        let shape: Vec<String> = self.shape().iter().map(usize::to_string).collect();
        format!("{}, {}", self.target.word(), shape.join(" × "))
    }

    /// Whether descent from the printed start keeps it from negative entries that its coordinates have.
    pub(crate) fn starts_on_one_side(&self) -> bool {
        let regime = self.settings.regime;
        self.blocks.iter().any(|block| block.kept_sign(regime).is_some() && !block.has_one_sign())
    }

    /// Size of the factors at the start.
    pub fn scale(&self) -> f64 {
        self.settings.scale.unwrap_or(if self.settings.regime == Regime::Noise { 1.0 } else { 0.1 })
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        self.blocks.iter().flat_map(|block| block.parameters(self.settings.regime, self.scale())).collect()
    }

    pub(crate) fn constants(&self) -> Vec<Constant> {
        let own = self.blocks.iter().flat_map(|block| block.constants());
        own.chain(self.operator.constants(self.size(), &self.tag)).collect()
    }

    /// What coordinates and the gradient by them are called.
    pub(crate) fn names(&self) -> (&'static str, &'static str) {
        match (&self.operator, self.target) {
            (Operator::Identity, Target::LowRank) => ("W", "A"),
            (Operator::Identity, _) => ("w", "a"),
            _ => ("(Tw)", "b"),
        }
    }

    /// The biases as functions of its coordinates.
    pub fn biases(&self) -> Biases {
        let (of, a) = self.names();
        let parts: Vec<Formulas> = self.blocks.iter().map(|block| block.formulas(of, a)).collect();
        Formulas::sum(&parts, a)
    }

    /// What the symbols of [`Self::biases`] are.
    pub fn symbols(&self) -> Vec<String> {
        if self.target == Target::Free {
            return Vec::new();
        }
        let mut lines = Vec::new();
        lines.extend(self.operator.words());
        let gradient = match self.names() {
            ("(Tw)", b) => format!("{b} = T^(−T) ∂ℓ_batch/∂w"),
            (w, a) => format!("{a} = ∂ℓ_batch/∂{w}"),
        };
        lines.push(format!("{gradient}, E over batches; η the step size, τ the temperature"));
        lines
    }

    /// The component of the slice on which the law lives.
    pub fn component(&self) -> String {
        let (of, _) = self.names();
        let mut parts: Vec<String> =
            self.blocks.iter().map(|block| block.component(of)).filter(|text| !text.is_empty()).collect();
        parts.dedup();
        parts.join("; ")
    }

    /// Why the horizontal law is only near to R, with the measured error; none for exact designs.
    pub fn approximation(&self) -> Option<String> {
        self.blocks.iter().find_map(|block| block.approximation())
    }

    pub(crate) fn analysed(&self, w: &[f64]) -> Vec<f64> {
        if self.operator == Operator::Identity {
            return w.to_vec();
        }
        self.operator.matrix(self.size()).mul_vec(w)
    }

    /// T^(−T), which takes ∂ℓ/∂w to ∂ℓ/∂z.
    pub(crate) fn covectors(&self) -> Result<Matrix, DesignError> {
        if self.operator == Operator::Identity {
            return Ok(Matrix::identity(self.size()));
        }
        Ok(inv(&self.operator.matrix(self.size()))?.transpose())
    }

    /// Blocks with their places among the coordinates z = Tw.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (&dyn Block, std::ops::Range<usize>)> {
        let mut from = 0;
        self.blocks.iter().map(move |block| {
            from += block.size();
            (block.as_ref(), from - block.size()..from)
        })
    }

    pub(crate) fn penalty(&self, w: &[f64]) -> f64 {
        let z = self.analysed(w);
        self.placed().map(|(block, at)| block.penalty(&z[at])).sum()
    }

    pub(crate) fn squared_gradient(&self, w: &[f64], a: &[f64]) -> Result<f64, DesignError> {
        let b = if self.operator == Operator::Identity { a.to_vec() } else { self.covectors()?.mul_vec(a) };
        let z = self.analysed(w);
        Ok(self.placed().map(|(block, at)| block.squared_gradient(&z[at.clone()], &b[at])).sum())
    }

    /// M of the blocks at coordinates z, by polarisation of aᵀMa.
    pub(crate) fn metric(&self, z: &[f64]) -> Matrix {
        let mut metric = Matrix::zeros(z.len(), z.len());
        for (block, at) in self.placed() {
            let (n, z) = (at.len(), &z[at.clone()]);
            let square = |i: usize, j: usize| {
                let mut a = vec![0.0; n];
                (a[i], a[j]) = (1.0, 1.0);
                block.squared_gradient(z, &a)
            };
            let own: Vec<f64> = (0..n).map(|i| square(i, i)).collect();
            for i in 0..n {
                metric[(at.start + i, at.start + i)] = own[i];
                for j in 0..i {
                    let mixed = 0.5 * (square(i, j) - own[i] - own[j]);
                    (metric[(at.start + i, at.start + j)], metric[(at.start + j, at.start + i)]) = (mixed, mixed);
                }
            }
        }
        metric
    }

    /// φ at coordinates z = Tw, where there is one.
    pub(crate) fn potential(&self, z: &[f64]) -> Option<f64> {
        self.placed().map(|(block, at)| block.potential(&z[at])).sum()
    }

    /// The balanced θ of coordinates z = Tw.
    pub(crate) fn lift(&self, z: &[f64]) -> Vec<f64> {
        self.placed().flat_map(|(block, at)| block.lift(&z[at])).collect()
    }

    /// Random coordinates z = Tw.
    pub(crate) fn draw(&self, uniform: Uniform<'_>) -> Vec<f64> {
        self.blocks.iter().flat_map(|block| block.draw(uniform)).collect()
    }

    /// w = T⁻¹z.
    pub(crate) fn synthesised(&self, z: &[f64]) -> Result<Vec<f64>, DesignError> {
        if self.operator == Operator::Identity {
            return Ok(z.to_vec());
        }
        Ok(inv(&self.operator.matrix(self.size()))?.mul_vec(z))
    }
}
