//! The algebra as a tree: centre, simple ideals and the rest; in each the factors that it comes from.
//!
//! A reductive algebra is its centre and its simple ideals. The named factors say which they are: a gl has its trace in
//! the centre and its sl among the simple ideals, a rescaling is central, so(4) is so(3) twice. Translations and
//! shifts are ideals of their own kind. Beside the algebra stand what it does not explain and what the predictor ignores, so that
//! one tree accounts for all of the fiber. Rejected: computing ideals a second time from structure constants; the search has done
//! so to find the names.

use crate::derivation::{FactorInfo, PartInfo};
use serde::Serialize;

/// Simple ideals of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimpleIdeals {
    /// As `sl(3)`.
    pub name: String,
    /// How many.
    pub count: usize,
}

/// The algebra as a sum of ideals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StructureInfo {
    /// Dimension of the centre: rescalings, scales, boosts, plane rotations, the trace of each gl.
    pub centre: usize,
    /// Simple ideals with their number.
    pub simple: Vec<SimpleIdeals>,
    /// Translations.
    pub translations: usize,
    /// Shifts that others make up for.
    pub shifts: usize,
    /// Dimension that is not recognised.
    pub unrecognised: usize,
    /// The same as a tree: branches with their members.
    pub tree: Vec<Branch>,
}

/// A branch of the tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Branch {
    /// centre, simple, translations, shifts, unrecognised; beside the algebra: unexplained, unused.
    pub role: &'static str,
    /// Its dimension; of unused parameters their number (they are among the translations too).
    pub dimension: usize,
    /// Names of the tensors, in declared order.
    pub acts_on: Vec<String>,
    /// What it is made of; empty beside the algebra.
    pub members: Vec<Member>,
}

/// Equal ideals on the same tensors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    /// The algebra of one copy, as `R`, `sl(3)`, `so(2)`.
    pub name: String,
    /// The factor that it belongs to: `GL(3) × 2 on W_Q, W_K`.
    pub factor: String,
    /// Number of copies.
    pub count: usize,
    /// Dimension of all copies.
    pub dimension: usize,
    /// Symmetric elements among them, each with a charge; null where the factor is not recognised.
    pub noncompact: Option<usize>,
    /// Rotations among them; null where the factor is not recognised.
    pub compact: Option<usize>,
    /// Names of the tensors.
    pub acts_on: Vec<String>,
    /// Places in `bias.parts` of the summands that hold its share of the bias.
    pub bias_parts: Vec<usize>,
}

/// What stands beside the algebra.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside<'a> {
    /// Fiber dimensions without a generator, and where.
    pub unexplained: (usize, &'a [String]),
    /// Number of parameters that the predictor ignores, and where.
    pub unused: (usize, &'a [String]),
}

const ROLES: [&str; 5] = ["centre", "simple", "translations", "shifts", "unrecognised"];

/// Centre, simple ideals and the rest from the named factors, with the summands of the bias that are theirs.
pub(crate) fn structure(factors: &[FactorInfo], parts: &[PartInfo], beside: &Beside<'_>) -> StructureInfo {
    let members: Vec<(&'static str, Member)> = factors.iter().flat_map(|f| members(f, parts)).collect();
    let of = |role: &str| members.iter().filter(|(r, _)| *r == role).map(|(_, m)| m.clone()).collect::<Vec<Member>>();
    let dimension = |role: &str| of(role).iter().map(|m| m.dimension).sum::<usize>();
    let mut simple: Vec<SimpleIdeals> = Vec::new();
    for Member { name, count, .. } in of("simple") {
        match simple.iter_mut().find(|ideals| ideals.name == name) {
            Some(ideals) => ideals.count += count,
            None => simple.push(SimpleIdeals { name, count }),
        }
    }
    let branch = |role: &'static str| {
        let members = of(role);
        let mut acts_on: Vec<String> = Vec::new();
        for name in members.iter().flat_map(|m| &m.acts_on) {
            if !acts_on.contains(name) {
                acts_on.push(name.clone());
            }
        }
        Branch { role, dimension: dimension(role), acts_on, members }
    };
    let mut tree: Vec<Branch> = ROLES.into_iter().map(branch).filter(|b| !b.members.is_empty()).collect();
    for (role, (dimension, on)) in [("unexplained", beside.unexplained), ("unused", beside.unused)] {
        if dimension > 0 {
            tree.push(Branch { role, dimension, acts_on: on.to_vec(), members: Vec::new() });
        }
    }
    StructureInfo {
        centre: dimension("centre"),
        simple,
        translations: dimension("translations"),
        shifts: dimension("shifts"),
        unrecognised: dimension("unrecognised"),
        tree,
    }
}

/// The ideals of a factor, with the branch of each.
fn members(factor: &FactorInfo, parts: &[PartInfo]) -> Vec<(&'static str, Member)> {
    let r = factor.size;
    let rotations = r * r.saturating_sub(1) / 2;
    let holds = |part: &PartInfo| part.factors.iter().any(|f| f.is_same_group(factor));
    let member = |name: String, each: usize, compact: Option<usize>, noncompact: Option<usize>| Member {
        name,
        factor: factor.text.clone(),
        count: factor.count,
        dimension: each * factor.count,
        noncompact: noncompact.map(|n| n * factor.count),
        compact: compact.map(|n| n * factor.count),
        acts_on: factor.acts_on.clone(),
        bias_parts: (0..parts.len()).filter(|&at| holds(&parts[at])).collect(),
    };
    let line = |name: &str| member(name.to_owned(), 1, Some(0), Some(1));
    match factor.kind {
        "gl" => {
            let rest = r * r - 1;
            let special = member(format!("sl({r})"), rest, Some(rotations), Some(rest - rotations));
            let ideals = [("centre", line("R")), ("simple", special)];
            // GL(1) is its trace alone.
            ideals.into_iter().filter(|(_, m)| m.dimension > 0).collect()
        }
        "o" | "so" if r == 2 => vec![("centre", member("so(2)".to_owned(), 1, Some(1), Some(0)))],
        "o" | "so" if r == 4 => {
            let mut halves = member("so(3)".to_owned(), 6, Some(6), Some(0));
            halves.count *= 2;
            vec![("simple", halves)]
        }
        "o" | "so" => vec![("simple", member(format!("so({r})"), rotations, Some(rotations), Some(0)))],
        "translation" => vec![("translations", line("R"))],
        "shift" => vec![("shifts", member("R".to_owned(), 1, Some(0), Some(0)))],
        "boost" => vec![("centre", line("so(1,1)"))],
        "other" if factor.simple_rotations.is_some() => {
            let rotations = factor.simple_rotations;
            let name = gaugebias_symmetry::simple_name(r, rotations.unwrap_or(0));
            vec![("simple", member(name, r, rotations, rotations.map(|k| r - k)))]
        }
        "other" => vec![("unrecognised", member("?".to_owned(), r, None, None))],
        _ => vec![("centre", line("R"))],
    }
}

/// A text with what hangs below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// One line.
    pub text: String,
    /// Its children, in reading order.
    pub children: Vec<Tree>,
}

impl Tree {
    fn leaf(text: String) -> Self {
        Self { text, children: Vec::new() }
    }

    /// The children as lines with branches drawn before them; the text itself is left to the caller.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, child) in self.children.iter().enumerate() {
            let last = at + 1 == self.children.len();
            let (own, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            lines.push(format!("{own}{}", child.text));
            lines.extend(child.lines().into_iter().map(|line| format!("{below}{line}")));
        }
        lines
    }
}

impl StructureInfo {
    /// The tree in words; `parts` are the summands of the bias, for their values.
    pub fn in_words(&self, parts: &[PartInfo]) -> Tree {
        // A part is told once; where several members hold it together they say so.
        let holders = |at: usize| {
            let members = self.tree.iter().flat_map(|b| &b.members).filter(|m| m.bias_parts.contains(&at));
            let mut factors: Vec<&str> = members.map(|m| m.factor.as_str()).collect();
            factors.dedup();
            factors.sort_unstable();
            factors.dedup();
            factors.len()
        };
        let share = |at: &usize| {
            let shared = if holders(*at) > 1 { ", shared" } else { "" };
            format!("{:.6} of B{shared}", parts[*at].value)
        };
        let describe = |member: &Member| {
            let mut facts: Vec<String> = Vec::new();
            let traced = member.factor.starts_with("GL(") && member.name.starts_with("sl(");
            match (member.noncompact, member.compact) {
                (Some(0), Some(0)) => facts.push("neither symmetric nor a rotation, no charge".to_owned()),
                (Some(0), Some(_)) => facts.push("compact".to_owned()),
                (Some(n), Some(0)) => facts.push(format!("non-compact, {}", charges(n))),
                (Some(n), Some(c)) => facts.push(format!("{n} non-compact, {c} compact; {}", charges(n))),
                _ => {}
            }
            // The trace of a gl leaves its share to the sl, where there is one.
            let leaves_share =
                member.name == "R" && member.factor.starts_with("GL(") && !member.factor.starts_with("GL(1)");
            if !leaves_share {
                let with = if traced { " with its trace" } else { "" };
                facts.extend(member.bias_parts.iter().map(|at| share(at) + with));
            }
            let copies = if member.count > 1 { format!(" × {}", member.count) } else { String::new() };
            let name = match member.name.as_str() {
                "R" if leaves_share => format!("trace of {}", member.factor),
                // A name that the factor has itself is not told twice.
                "R" | "so(2)" | "so(1,1)" | "?" => member.factor.clone(),
                name if member.factor.starts_with(name) => member.factor.clone(),
                name => format!("{name}{copies} of {}", member.factor),
            };
            Tree::leaf(if facts.is_empty() { name } else { format!("{name}: {}", facts.join("; ")) })
        };
        let branch = |branch: &Branch| {
            let Branch { dimension, acts_on, .. } = branch;
            let on = if acts_on.is_empty() { String::new() } else { format!(" on {}", acts_on.join(", ")) };
            let text = match branch.role {
                "centre" => format!("centre, dimension {dimension}"),
                "simple" => format!("simple ideals, dimension {dimension}"),
                "translations" => format!("translations, dimension {dimension}"),
                "shifts" => format!("shifts that others make up for, dimension {dimension}"),
                "unrecognised" => format!("not recognised, dimension {dimension}"),
                "unexplained" => format!("beside it, unexplained: {dimension} fiber dimensions{on}"),
                _ => format!("parameters that the predictor ignores: {dimension}, {}", acts_on.join(", ")),
            };
            Tree { text, children: branch.members.iter().map(describe).collect() }
        };
        Tree { text: "algebra".to_owned(), children: self.tree.iter().map(branch).collect() }
    }
}

fn charges(count: usize) -> String {
    if count == 1 { "1 charge".to_owned() } else { format!("{count} charges") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(kind: &'static str, size: usize, count: usize, on: &[&str]) -> FactorInfo {
        let acts_on: Vec<String> = on.iter().map(|n| (*n).to_owned()).collect();
        let text = format!("{}({size}) × {count}", kind.to_uppercase());
        FactorInfo { kind, size, count, acts_on, text, simple_rotations: None }
    }

    #[test]
    fn ideals_add_up_to_the_factors() {
        let factors = [
            factor("gl", 3, 2, &["Q", "K"]),
            factor("gl", 1, 1, &["a"]),
            factor("o", 2, 2, &["Q", "K"]),
            factor("so", 4, 1, &["x"]),
            factor("o", 5, 1, &["y"]),
            factor("rescaling", 1, 7, &["w", "v"]),
            factor("translation", 1, 3, &["b"]),
            factor("shift", 1, 4, &["c", "d"]),
            factor("other", 6, 1, &["z"]),
        ];
        let unused = ["n".to_owned()];
        let found = structure(&factors, &[], &Beside { unexplained: (2, &[]), unused: (1, &unused) });
        assert_eq!((found.centre, found.translations, found.shifts, found.unrecognised), (12, 3, 4, 6));
        let simple: Vec<(&str, usize)> = found.simple.iter().map(|s| (s.name.as_str(), s.count)).collect();
        assert_eq!(simple, [("sl(3)", 2), ("so(3)", 2), ("so(5)", 1)]);
        let algebra = found.tree.iter().filter(|b| ROLES.contains(&b.role));
        assert_eq!(algebra.map(|b| b.dimension).sum::<usize>(), 2 * 9 + 1 + 2 + 6 + 10 + 7 + 3 + 4 + 6);
        for member in found.tree.iter().flat_map(|b| &b.members).filter(|m| m.name.starts_with("so(")) {
            assert_eq!((member.noncompact, member.compact), (Some(0), Some(member.dimension)));
        }
        let roles: Vec<&str> = found.tree.iter().map(|b| b.role).collect();
        assert_eq!(roles, ["centre", "simple", "translations", "shifts", "unrecognised", "unexplained", "unused"]);
        let lines = found.in_words(&[]).lines();
        assert_eq!(lines[0], "├─ centre, dimension 12");
        assert_eq!(lines.last().unwrap(), "└─ parameters that the predictor ignores: 1, n");
    }
}
