//! A derivation as a page for the terminal and as LaTeX.

use crate::derivation::{Derivation, FactorInfo};
use std::fmt::Write as _;

/// Charges beyond this many are counted, not listed.
const CHARGES_SHOWN: usize = 8;

/// What a formula means: the basis of the algebra fixes its constant, and the measure what it is the weight of.
const CONVENTION: &str = "; basis: $E_{ij}$ of each $\\mathrm{GL}$, largest weight 1 of each rescaling; \\
     $e^{-B}$ weighs the surface measure of the slice in the Euclidean metric of the parameters";

impl Derivation {
    /// A readable page, one fact a line.
    pub fn to_text(&self) -> String {
        let mut page = String::new();
        let mut line = |text: String| {
            page.push_str(&text);
            page.push('\n');
        };
        line(self.title.clone());
        line(format!(
            "  parameters {}, predictor {} (rank {}, generic {})",
            self.parameters, self.predictor.dimension, self.predictor.rank, self.predictor.generic_rank
        ));
        line(format!(
            "  fiber {} = orbit {} + unexplained {}",
            self.fiber_dimension, self.orbit_dimension, self.unexplained
        ));
        line(String::new());
        line(self.symmetry_line());
        for text in self.symmetries.structure.in_words(&self.bias.parts).lines() {
            line(format!("  {text}"));
        }
        line(String::new());
        line(match self.charges.independent {
            Some(count) => format!("charges: {count} independent"),
            None => "charges: withheld".to_owned(),
        });
        for name in self.charges.names.iter().take(CHARGES_SHOWN) {
            line(format!("  {name}"));
        }
        if self.charges.names.len() > CHARGES_SHOWN {
            line(format!("  … and {} more", self.charges.names.len() - CHARGES_SHOWN));
        }
        let left = match self.symmetries.compact {
            n if n == 0 || !self.symmetries.closed => String::new(),
            n => format!("; a compact group of dimension {n} is left there"),
        };
        line(format!("  balanced point: {}{left}", self.slice.text));
        if let Some(law) = &self.charges.law {
            line(format!("  under [train]: {}", law.text));
        }
        line(String::new());
        for text in self.bias_lines() {
            line(text);
        }
        for near in &self.nearly {
            line(format!("nearly a symmetry: violated by {:.1e}, on {}", near.violation, near.acts_on.join(", ")));
        }
        for note in &self.notes {
            line(format!("note: {note}"));
        }
        page
    }

    fn symmetry_line(&self) -> String {
        let s = &self.symmetries;
        let gap = s.spectral_gap.map_or_else(|| "nothing dropped".to_owned(), |g| format!("gap {g:.1e}"));
        let closed = if s.closed { "closed" } else { "NOT closed under brackets" };
        let mut text = format!(
            "symmetries: dimension {} ({} non-compact, {} compact), {closed}, {gap}, residual {:.1e}",
            s.dimension, s.noncompact, s.compact, s.max_residual
        );
        if s.redundant_sections > 0 {
            let _ = write!(text, ", {} redundant sections left out", s.redundant_sections);
        }
        text
    }

    fn bias_lines(&self) -> Vec<String> {
        let bias = &self.bias;
        let Some(value) = bias.value else {
            let reason =
                if self.symmetries.closed { "none, there is no symmetry acting at this point" } else { "withheld" };
            return vec![format!("bias: {reason}")];
        };
        let mut lines = vec![format!(
            "bias at the {} point: B = ½ log det Γ = {value:.6} ({} basis{})",
            bias.at,
            bias.basis,
            if bias.basis_dependent { ", basis-dependent: use the coarea form" } else { "" }
        )];
        if let Some(coarea) = bias.coarea {
            lines.push(format!("  ½ log det(JJᵀ) = {coarea:.6}, B − ½ log det(JJᵀ) = {:.6}", value - coarea));
        }
        if let Some(constraint) = bias.log_det_constraint_gram {
            let gram = 2.0 * value;
            lines.push(format!(
                "  log det Γ = {gram:.6} of the generators, log det(J_Q J_Qᵀ) = {constraint:.6} of the charges"
            ));
        }
        if let (Some(formula), Some(error)) = (&bias.formula, bias.formula_error) {
            lines.push(format!("  on the balanced slice B = {formula}   (error {error:.1e})"));
        }
        if bias.formula.is_none() && !bias.basis_dependent {
            let mut numeric: Vec<String> = Vec::new();
            for part in &bias.parts {
                let on = part.acts_on.join(", ");
                match (&part.formula, part.formula_error) {
                    (Some(formula), Some(error)) => {
                        lines.push(format!(
                            "  on the balanced slice its part on {on} = {formula}   (error {error:.1e})"
                        ));
                    }
                    _ => numeric.push(on),
                }
            }
            if !numeric.is_empty() {
                lines.push(format!("  no closed form, numeric: its part on {}", numeric.join("; on ")));
            }
        }
        if let Some(drift) = self.slice_invariance {
            lines.push(format!("  slice invariance: largest |tr(A P_H)| = {drift:.3e}"));
        }
        lines
    }

    /// The same facts as LaTeX for a document.
    pub fn to_latex(&self) -> String {
        let mut page = String::from("\\begin{description}\n");
        let factors: Vec<String> = self.symmetries.factors.iter().map(factor_latex).collect();
        let group = if factors.is_empty() { "1".to_owned() } else { factors.join(" \\times ") };
        let _ = writeln!(page, "\\item[Group] $G = {group}$, of dimension ${}$", self.symmetries.dimension);
        let _ = writeln!(
            page,
            "\\item[Dimensions] $p = {}$, $d = {}$, fiber ${}$, orbit ${}$, unexplained ${}$",
            self.parameters, self.predictor.dimension, self.fiber_dimension, self.orbit_dimension, self.unexplained
        );
        match (&self.bias.latex, self.bias.value) {
            (Some(latex), _) => {
                let _ = writeln!(
                    page,
                    "\\item[Bias] $B = \\tfrac12 \\log\\det\\Gamma = {latex}$ on the balanced slice{CONVENTION}"
                );
            }
            (None, Some(value)) => {
                let _ = writeln!(
                    page,
                    "\\item[Bias] $B = \\tfrac12 \\log\\det\\Gamma = {value:.6}$ at the {} point{CONVENTION}",
                    self.bias.at
                );
            }
            (None, None) if !self.symmetries.closed => {
                page.push_str("\\item[Bias] withheld: the directions found are not closed under brackets\n");
            }
            (None, None) => page.push_str("\\item[Bias] none: there is no symmetry\n"),
        }
        page.push_str("\\end{description}\n");
        page
    }
}

fn factor_latex(factor: &FactorInfo) -> String {
    let name = match factor.kind {
        "gl" => format!("\\mathrm{{GL}}({})", factor.size),
        "o" => format!("\\mathrm{{O}}({})", factor.size),
        "so" => format!("\\mathrm{{SO}}({})", factor.size),
        "boost" => "\\mathrm{SO}(1,1)".to_owned(),
        "translation" | "shift" => "\\mathbb{R}".to_owned(),
        "other" => format!("G_{{{}}}", factor.size),
        _ => "\\mathbb{R}_{>0}".to_owned(),
    };
    if factor.count == 1 { name } else { format!("{name}^{{{}}}", factor.count) }
}
