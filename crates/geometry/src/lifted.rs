//! What is known of a model that is too large to derive directly: its symmetry, lifted from smaller copies.

use crate::derivation::{FactorInfo, SymmetryInfo};
use crate::structure::structure;
use gaugebias_symmetry::FactorSummary;
use gaugebias_symmetry::lifting::{Family, Lifted};
use serde::Serialize;
use std::fmt::Write as _;

/// The record of a lifted derivation. Numbers that need ranks at full size are null: they were not computed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftedDerivation {
    /// Title of the model.
    pub title: String,
    /// p.
    pub parameters: usize,
    /// Size of the predictor.
    pub predictor: LiftedPredictor,
    /// Null.
    pub fiber_dimension: Option<usize>,
    /// Dimension of the algebra where the group acts freely on the copies, else null.
    pub orbit_dimension: Option<usize>,
    /// Null; see `lifted.unexplained_on_copies`.
    pub unexplained: Option<usize>,
    /// The symmetries at full size.
    pub symmetries: SymmetryInfo,
    /// The charges.
    pub charges: LiftedCharges,
    /// Null.
    pub bias: Option<f64>,
    /// How it was lifted.
    pub lifted: LiftInfo,
    /// Remarks.
    pub notes: Vec<String>,
}

/// The predictor's size; its ranks are not computed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftedPredictor {
    /// d.
    pub dimension: usize,
    /// Null.
    pub rank: Option<usize>,
    /// Null.
    pub generic_rank: Option<usize>,
}

/// Charges by number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftedCharges {
    /// Symmetric elements, where charges are independent on the copies; else null.
    pub independent: Option<usize>,
    /// Empty: thousands of names help nobody.
    pub names: Vec<String>,
}

/// The copies and what did not lift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiftInfo {
    /// Parameters of each copy.
    pub copy_parameters: Vec<usize>,
    /// Largest unexplained dimension of a copy.
    pub unexplained_on_copies: usize,
    /// Factors of a copy that are no family of axes, in words.
    pub not_lifted: Vec<String>,
}

/// The record of what was lifted.
pub fn lifted_derivation(title: &str, lifted: &Lifted) -> LiftedDerivation {
    let (dimension, compact) = (lifted.dimension(), lifted.compact());
    let mut notes = vec![
        "found on smaller copies and verified here at full size; ranks, charges by name and the bias need a model of \
         at most a few hundred parameters"
            .to_owned(),
    ];
    if !lifted.not_lifted.is_empty() {
        notes.push(format!("not lifted, though the copies have it: {}", lifted.not_lifted.join("; ")));
    }
    LiftedDerivation {
        title: title.to_owned(),
        parameters: lifted.parameters,
        predictor: LiftedPredictor { dimension: lifted.predictor_dimension, rank: None, generic_rank: None },
        fiber_dimension: None,
        orbit_dimension: lifted.free_on_copies.then_some(dimension),
        unexplained: None,
        symmetries: SymmetryInfo {
            dimension,
            noncompact: dimension - compact,
            compact,
            closed: true,
            spectral_gap: None,
            max_residual: lifted.residual,
            factors: factors(lifted),
            redundant_sections: 0,
            structure: structure(&factors(lifted)),
        },
        charges: LiftedCharges { independent: lifted.free_on_copies.then_some(dimension - compact), names: Vec::new() },
        bias: None,
        lifted: LiftInfo {
            copy_parameters: lifted.copies.iter().map(|c| c.parameters).collect(),
            unexplained_on_copies: lifted.unexplained_on_copies,
            not_lifted: lifted.not_lifted.clone(),
        },
        notes,
    }
}

/// Families of equal kind, size and tensors counted together.
fn factors(lifted: &Lifted) -> Vec<FactorInfo> {
    let mut summary: Vec<FactorSummary> = Vec::new();
    for family in lifted.families.iter().map(|f: &Family| f.summary(&lifted.tensors)) {
        let same = |s: &&mut FactorSummary| (s.kind, s.size, &s.acts_on) == (family.kind, family.size, &family.acts_on);
        match summary.iter_mut().find(same) {
            Some(found) => found.count += family.count,
            None => summary.push(family),
        }
    }
    summary.into_iter().map(FactorInfo::from).collect()
}

impl LiftedDerivation {
    /// A readable page.
    pub fn to_text(&self) -> String {
        let s = &self.symmetries;
        let mut page = format!(
            "{}\n  parameters {}, predictor {}; too large for the direct search\n\nsymmetries: dimension {} ({} non-compact, \
             {} compact), residual {:.1e} at full size\n",
            self.title, self.parameters, self.predictor.dimension, s.dimension, s.noncompact, s.compact, s.max_residual
        );
        for factor in &s.factors {
            let _ = writeln!(page, "  {}", factor.text);
        }
        let copies: Vec<String> = self.lifted.copy_parameters.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            page,
            "\nlifted from copies of {} parameters, which agree and leave {} fiber dimensions unexplained",
            copies.join(" and "),
            self.lifted.unexplained_on_copies
        );
        for note in &self.notes {
            let _ = writeln!(page, "note: {note}");
        }
        page
    }
}
