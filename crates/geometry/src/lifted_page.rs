//! A lifted derivation as a page for the terminal; numbers that are bounds say so.

use crate::lifted::LiftedDerivation;
use std::fmt::Write as _;

impl LiftedDerivation {
    /// A readable page.
    pub fn to_text(&self) -> String {
        let s = &self.symmetries;
        let mut page = format!(
            "{}\n  parameters {}, predictor {} ({})\n  {}\n\n",
            self.title,
            self.parameters,
            self.predictor.dimension,
            self.rank_line(),
            self.fiber_line()
        );
        let closed = match (s.closed, self.lifted.closure_residual) {
            (true, Some(residual)) => format!("closed (a random bracket leaves by {residual:.1e})"),
            (true, None) => "closed on the copies".to_owned(),
            (false, _) => "NOT closed under brackets".to_owned(),
        };
        let _ = writeln!(
            page,
            "symmetries: dimension {}{} ({} non-compact, {} compact), {closed}, residual {:.1e} at full size",
            self.at_least(),
            s.dimension,
            s.noncompact,
            s.compact,
            s.max_residual
        );
        let parts = self.bias.as_ref().map_or(&[][..], |bias| &bias.parts);
        for line in s.structure.in_words(parts).lines() {
            let _ = writeln!(page, "  {line}");
        }
        let count =
            self.charges.independent.map_or_else(|| "number not computed".to_owned(), |n| format!("{n} independent"));
        let _ = writeln!(page, "\ncharges: {}{count}", self.at_least());
        for name in &self.charges.names {
            let _ = writeln!(page, "  {name}");
        }
        let _ = writeln!(page, "\n{}", self.bias_line());
        let copies: Vec<String> = self.lifted.copy_parameters.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            page,
            "lifted from copies of {} parameters, which agree and leave {} fiber dimensions unexplained",
            copies.join(" and "),
            self.lifted.unexplained_on_copies
        );
        for note in &self.notes {
            let _ = writeln!(page, "note: {note}");
        }
        page
    }

    /// Whether the copies have symmetries that were not lifted; what is counted are lower bounds then.
    pub fn is_partial(&self) -> bool {
        !self.lifted.not_lifted.is_empty()
    }

    fn at_least(&self) -> &'static str {
        if self.is_partial() { "at least " } else { "" }
    }

    /// What is known of the rank of J.
    pub fn rank_line(&self) -> String {
        let p = &self.predictor;
        match (p.generic_rank, p.generic_rank_at_least) {
            (Some(rank), _) => format!("generic rank {rank}"),
            (None, Some(least)) => format!("generic rank between {least} and {}, bounds", p.generic_rank_at_most),
            (None, None) => format!("generic rank at most {}, a bound", p.generic_rank_at_most),
        }
    }

    /// What is known of fiber and orbit.
    pub fn fiber_line(&self) -> String {
        let least = self.parameters - self.predictor.generic_rank_at_most;
        match (self.fiber_dimension, self.orbit_dimension, self.unexplained) {
            (Some(fiber), Some(orbit), Some(unexplained)) => {
                format!("fiber {fiber} = orbit {orbit} + unexplained {unexplained}")
            }
            (_, Some(orbit), _) => format!("fiber at least {least}, a bound; orbit {}{orbit}", self.at_least()),
            _ => format!("fiber at least {least}, a bound; orbit not computed"),
        }
    }

    /// The bias in a line.
    pub fn bias_line(&self) -> String {
        if self.is_partial() {
            return "bias: withheld, not all of the symmetry was lifted".to_owned();
        }
        match self.bias.as_ref().map(|bias| bias.value) {
            Some(Some(value)) => {
                format!("bias at the start: B = ½ log det Γ = {value:.6} (canonical basis, block by block of Γ)")
            }
            Some(None) => "bias: none, there is no symmetry acting at the start".to_owned(),
            None => "bias: not computed".to_owned(),
        }
    }
}
