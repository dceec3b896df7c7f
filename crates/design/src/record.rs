//! Everything that is told about a design, in one record.

use crate::advice::Recommended;
use crate::formula::Regime;
use crate::link::LinkInfo;
use crate::part::Part;
use crate::proof::{Example, example, prove};
use crate::{Biases, Convergence, Design, DesignError, Proof};
use serde::Serialize;
use std::ops::Range;

/// What `design --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// One line.
    pub title: String,
    /// What was asked for.
    pub target: &'static str,
    /// Shape of w.
    pub shape: Vec<usize>,
    /// p.
    pub parameters: usize,
    /// The three biases as functions of w.
    pub biases: Biases,
    /// What the symbols in them are.
    pub symbols: Vec<String>,
    /// The user's regime.
    pub regime: Regime,
    /// The bias that it shows.
    pub shown: String,
    /// What that bias does.
    pub meaning: String,
    /// Whether R is exactly that of the horizontal law.
    pub exact: bool,
    /// If not, why, and by how much.
    pub approximation: Option<String>,
    /// What densities are with respect to.
    pub measure: &'static str,
    /// The component of the slice on which the law lives.
    pub component: String,
    /// What is said of each part of w; one where the design is no composition.
    pub blocks: Vec<BlockRecord>,
    /// Quality of the link; null without one.
    pub link: Option<LinkInfo>,
    /// The design taken apart.
    pub proof: Proof,
    /// A point for other implementations.
    pub example: Example,
    /// The spec.
    pub spec: String,
    /// Settings for a wanted strength, where one was asked for.
    pub advice: Vec<String>,
    /// Their numbers; null where none was asked for.
    pub recommended: Option<Recommended>,
    /// How many steps training takes, where data were given; null otherwise.
    pub convergence: Option<Convergence>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// A part of w.
#[derive(Clone, Debug, Serialize)]
pub struct BlockRecord {
    /// Its own line.
    pub title: String,
    /// What was asked for.
    pub target: &'static str,
    /// Its coordinates: from, and the first that is another's.
    pub coordinates: [usize; 2],
    /// Its biases as functions of its own coordinates.
    pub biases: Biases,
    /// What the symbols in them are.
    pub symbols: Vec<String>,
    /// Where its law lives.
    pub component: String,
    /// Why its law is only near to R; null where it is exact.
    pub approximation: Option<String>,
}

impl BlockRecord {
    fn new((part, at): (&Part, Range<usize>)) -> Self {
        Self {
            title: part.title(),
            target: part.target.word(),
            coordinates: [at.start, at.end],
            biases: part.biases(),
            symbols: part.symbols(),
            component: part.component(),
            approximation: part.approximation(),
        }
    }
}

impl Record {
    /// Proves a design and says everything about it.
    ///
    /// # Errors
    /// [`DesignError`] of the proof.
    pub fn new(design: &Design) -> Result<Self, DesignError> {
        let proof = prove(design)?;
        let regime = design.settings.regime;
        let biases = design.biases();
        let drift = proof.slice_drift.filter(|_| !proof.exact);
        let approximation = match (design.approximation(), drift) {
            (Some(text), Some(drift)) => Some(format!("{text} (largest |tr(A P_H)| found: {drift:.4})")),
            (None, Some(drift)) => {
                Some(format!("the balanced slice is not invariant: largest |tr(A P_H)| found {drift:.4}"))
            }
            (text, None) => text,
        };
        Ok(Self {
            title: design.title(),
            target: design.target.word(),
            shape: design.shape(),
            parameters: design.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum(),
            shown: biases.of(regime).to_owned(),
            biases,
            symbols: design.symbols(),
            regime,
            meaning: design.meaning(),
            exact: proof.exact,
            approximation,
            measure: "dw, in predictor coordinates",
            component: design.component(),
            blocks: design.placed().map(BlockRecord::new).collect(),
            link: design.link(),
            notes: notes(design, &proof),
            example: example(design)?,
            spec: design.spec_text(),
            advice: Vec::new(),
            recommended: None,
            convergence: None,
            proof,
        })
    }

    /// As text for the terminal.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("{}: {} parameters", self.title, self.parameters)];
        lines.push("bias as a function of w".into());
        if let [_] = self.blocks.as_slice() {
            lines.extend(self.bias_lines(&self.biases));
            lines.extend(self.symbols.iter().map(|line| format!("  {line}")));
        } else {
            lines.push(
                "  R(w) = R_1 + R_2 + …, P(w) = P_1 + P_2 + …, φ(w) = φ_1 + φ_2 + …, the sums over the blocks that have one:".into(),
            );
            for (k, block) in self.blocks.iter().enumerate() {
                let [from, to] = block.coordinates;
                lines.push(format!("block {} on w[{from}:{to}]: {}", k + 1, block.title));
                lines.extend(self.bias_lines(&block.biases));
                lines.extend(block.symbols.iter().map(|line| format!("  {line}")));
            }
        }
        lines.push(format!("  {} shows: {}", self.regime.word(), self.meaning));
        match &self.approximation {
            _ if !self.proof.holds => lines.push("law of R: not proven, since the proof fails".into()),
            None => lines.push(format!("law of R: exact, with respect to {}", self.measure)),
            Some(text) => lines.push(format!("law of R: approximate: {text}")),
        }
        if !self.component.is_empty() {
            lines.push(format!("component: {}", self.component));
        }
        if let Some(link) = &self.link {
            lines.push(format!(
                "link: {} pieces, error {:.1e} in w and {:.1e} in R",
                link.pieces, link.error, link.penalty_error
            ));
        }
        lines.extend(self.proof_lines());
        lines.extend(self.advice.iter().map(|line| format!("advice: {line}")));
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }

    /// R, P and φ, a line each; the one that the regime shows is marked.
    fn bias_lines(&self, biases: &Biases) -> Vec<String> {
        let line = |(regime, symbol): (Regime, &str)| {
            let text = biases.of(regime);
            // A potential may be known by its second derivative only, or not be there.
            let equals = if is_value(text) { format!("{symbol} = ") } else { String::new() };
            let mark = if regime == self.regime { "→" } else { " " };
            format!("{mark} {:<10} {equals}{text}", regime.word())
        };
        [(Regime::Noise, "R"), (Regime::Minibatch, "P"), (Regime::Flow, "φ")].map(line).to_vec()
    }

    fn proof_lines(&self) -> Vec<String> {
        let proof = &self.proof;
        let found = if proof.symmetries.is_empty() { "none".to_owned() } else { proof.symmetries.join("; ") };
        let verdict = if proof.holds { "holds" } else { "FAILS" };
        let flow = proof.flow_error.map_or("no φ".to_owned(), |error| format!("φ'' {error:.1e}"));
        vec![
            format!("proof: {verdict} at {} random points of {} coordinates", proof.points, proof.size),
            format!("  symmetries found in its text: {found}, unexplained {}", proof.unexplained),
            format!(
                "  largest differences: R {:.1e} nats, P {:.1e}, {flow}, F(θ) {:.1e}",
                proof.penalty_error, proof.minibatch_error, proof.predictor_error
            ),
        ]
    }
}

/// Whether a bias is a value, to be written behind `φ =`; not a second derivative or a reason why there is none.
pub(crate) fn is_value(text: &str) -> bool {
    !text.starts_with("none") && !text.starts_with("φ''")
}

fn notes(design: &Design, proof: &Proof) -> Vec<String> {
    let mut notes = Vec::new();
    if proof.size < design.size() {
        notes.push(format!(
            "taken apart at {} coordinates, of {}: the search for symmetries grows with them",
            proof.size,
            design.size()
        ));
    }
    if let Some(link) = design.link().filter(|link| link.core > 0.0) {
        notes.push(format!("R is cut off at its value {:.1e} away from its singularity", link.core));
    }
    if design.settings.regime != Regime::Noise && design.parts.iter().any(Part::starts_on_one_side) {
        notes.push(
            "the printed start is all positive and descent keeps signs: negative entries cannot be had from it; give entries that may be negative a negative start, or take --depth, whose start can go either way"
                .to_owned(),
        );
    }
    if design.is_redundant() && design.settings.regime != Regime::Noise {
        notes.push(
            "the start has charges, so that w can take either sign; from a balanced start each component keeps its own"
                .to_owned(),
        );
    }
    notes
}
