//! A derivation in rows of words, numbers and formulas.

use gaugebias_geometry::{Derivation, Derived, LiftedDerivation, SymmetryInfo};

use super::Study;
use crate::{Branch, Derivation as Block, Fact, number};

fn fact(label: &str, value: impl Into<String>, latex: Option<String>) -> Fact {
    Fact { label: label.into(), value: value.into(), latex }
}

/// The block of a study on the page.
pub(super) fn block(study: &Study) -> Block {
    let (rows, tree) = match &study.derivation {
        Ok(derivation) => {
            let rows = match derivation {
                Derived::Direct(found) => rows(found),
                Derived::Lifted(found) => lifted_rows(found),
            };
            (rows, tree(derivation))
        }
        Err(reason) => (vec![fact("Not derived", reason.clone(), None)], Vec::new()),
    };
    Block { title: study.spec.title.clone(), rows, tree }
}

/// Ideals and factors, with what is unexplained or unused.
fn tree(derivation: &Derived) -> Vec<Branch> {
    let parts = derivation.bias().map_or(&[][..], |bias| &bias.parts);
    let whole = derivation.symmetries().structure.in_words(parts);
    let branch = |branch: gaugebias_geometry::Tree| Branch {
        text: branch.text,
        leaves: branch.children.into_iter().map(|leaf| leaf.text).collect(),
    };
    whole.children.into_iter().map(branch).collect()
}

fn rows(derivation: &Derivation) -> Vec<Fact> {
    let mut rows = vec![
        fact(
            "Dimensions",
            format!(
                "{} parameters, predictor of dimension {} and rank {}; fiber dimension {}, orbit dimension {}",
                derivation.parameters,
                derivation.predictor.dimension,
                derivation.predictor.rank,
                derivation.fiber_dimension,
                derivation.orbit_dimension
            ),
            None,
        ),
        fact("Symmetries", group(&derivation.symmetries), None),
    ];
    if derivation.unexplained > 0 {
        let what = format!("{} fiber dimensions that no affine generator explains", derivation.unexplained);
        rows.push(fact("Unexplained", what, None));
    }
    if !derivation.charges.names.is_empty() {
        let names = shortened(&derivation.charges.names, 6);
        let count = derivation.charges.independent.map_or(String::new(), |n| format!("{n} independent: "));
        rows.push(fact("Noether charges", count + &names, None));
    }
    rows.push(fact("Balanced point", derivation.slice.text.clone(), None));
    rows.extend(bias_rows(derivation));
    if let Some(drift) = derivation.slice_invariance {
        let value = if drift < 1e-8 {
            format!("invariant under horizontal noise (largest |tr A P_H| = {})", number(drift))
        } else {
            format!("not invariant: largest |tr A P_H| = {}; the horizontal law is approximate", number(drift))
        };
        rows.push(fact("Balanced slice", value, None));
    }
    rows.extend(derivation.notes.iter().map(|note| fact("Note", note.clone(), None)));
    rows
}

/// Of a model that was lifted from smaller copies; bounds are called so.
fn lifted_rows(derivation: &LiftedDerivation) -> Vec<Fact> {
    let mut rows = vec![
        fact(
            "Dimensions",
            format!(
                "{} parameters, predictor of dimension {}; {}; {}",
                derivation.parameters,
                derivation.predictor.dimension,
                derivation.rank_line(),
                derivation.fiber_line()
            ),
            None,
        ),
        fact("Symmetries", group(&derivation.symmetries), None),
    ];
    if !derivation.charges.names.is_empty() {
        let count = derivation.charges.independent.map_or(String::new(), |n| format!("{n} independent: "));
        rows.push(fact("Noether charges", count + &shortened(&derivation.charges.names, 6), None));
    }
    rows.push(fact("Gauge bias", derivation.bias_line(), Some(r"B = \tfrac12 \log\det\Gamma".to_owned())));
    rows.extend(derivation.notes.iter().map(|note| fact("Note", note.clone(), None)));
    rows
}

fn group(found: &SymmetryInfo) -> String {
    if found.dimension == 0 {
        return "none".into();
    }
    let factors: Vec<String> = found
        .factors
        .iter()
        .map(|factor| {
            let name = match (factor.kind, factor.size) {
                ("gl", size) => format!("GL({size})"),
                ("o", size) => format!("O({size})"),
                ("so", size) => format!("SO({size})"),
                (kind, _) => kind.to_owned(),
            };
            let times = if factor.count > 1 { format!(" × {}", factor.count) } else { String::new() };
            format!("{name}{times} on {}", factor.acts_on.join(", "))
        })
        .collect();
    format!(
        "{}; dimension {} ({} non-compact, {} compact), largest residual {}",
        factors.join("; "),
        found.dimension,
        found.noncompact,
        found.compact,
        number(found.max_residual)
    )
}

fn bias_rows(derivation: &Derivation) -> Vec<Fact> {
    let bias = &derivation.bias;
    let mut rows = Vec::new();
    if let Some(value) = bias.value {
        let constant = if bias.basis == "orthonormal" { ", orthonormal basis (up to a constant)" } else { "" };
        let definition = Some(r"B = \tfrac12 \log\det\Gamma".to_owned());
        rows.push(fact("Gauge bias", format!("{} at the {} point{constant}", number(value), bias.at), definition));
    } else {
        rows.push(fact("Gauge bias", "none: there are no symmetries, hence no orbits", None));
    }
    if let Some(formula) = &bias.formula {
        let error =
            bias.formula_error.map_or(String::new(), |error| format!("; agrees with the numbers to {}", number(error)));
        let latex = bias.latex.as_ref().map(|latex| format!("B = {latex}"));
        rows.push(fact("On the balanced slice", format!("B = {formula}{error}"), latex));
    }
    if let Some(coarea) = bias.coarea {
        let definition = Some(r"\tfrac12 \log\det J J^{\top}".to_owned());
        rows.push(fact("Coarea term", number(coarea), definition));
    }
    rows
}

/// The first few of a long list.
fn shortened(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown}, …") } else { shown }
}
