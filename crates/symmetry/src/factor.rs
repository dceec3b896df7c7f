//! The named pieces of a symmetry algebra.

use std::fmt;

/// What a factor of the group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactorKind {
    /// ℝ>0 that stretches some directions and shrinks others.
    Rescaling,
    /// GL(size, ℝ).
    Gl,
    /// Rotations of an axis that several copies share (the continuous part of O(size)).
    O,
    /// Rotations of a single vector.
    So,
    /// θ ↦ θ + c·b.
    Translation,
    /// ℝ>0 that stretches all its directions, F(cθ) = F(θ).
    Scale,
    /// SO(1, 1), (v, u) on a pair (u, v).
    Boost,
    /// Some parameters shift by constants, others make up for it by amounts that depend on the state.
    Shift,
    /// A simple algebra without canonical generators here, known up to isomorphism; the number of its rotations.
    Simple(usize),
    /// Found and verified, but not recognised.
    Other,
}

impl FactorKind {
    /// The word used in machine-readable output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rescaling => "rescaling",
            Self::Gl => "gl",
            Self::O => "o",
            Self::So => "so",
            Self::Translation => "translation",
            Self::Scale => "scale",
            Self::Boost => "boost",
            Self::Shift => "shift",
            Self::Simple(_) | Self::Other => "other",
        }
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Parameters that transform together like one vector under a gl, o or so factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Parameter indices, ascending; as many as the factor's size.
    pub indices: Vec<usize>,
    /// Whether X acts as −Xᵀ here (the first module of a factor is never dual).
    pub dual: bool,
}

/// One factor: generators that act on overlapping parameters and have one name.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its name.
    pub kind: FactorKind,
    /// r of GL(r), n of SO(n); 2 for a boost; 1 for one-parameter groups; the dimension for `Simple` and `Other`.
    pub size: usize,
    /// Number of copies of the group: one-parameter groups count their generators, others are 1.
    pub count: usize,
    /// Indices into the list of generators.
    pub generators: std::ops::Range<usize>,
    /// Names of the tensors it acts on, in declared order.
    pub acts_on: Vec<String>,
    /// Whether the generators are the canonical ones of the kind (else orthonormal).
    pub canonical: bool,
    /// The modules of a canonical gl, o or so factor; empty otherwise.
    pub modules: Vec<Module>,
}

/// Factors of equal kind, size and tensors, counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorSummary {
    /// Its name.
    pub kind: FactorKind,
    /// As [`Factor::size`].
    pub size: usize,
    /// Total count.
    pub count: usize,
    /// Names of the tensors.
    pub acts_on: Vec<String>,
}

/// `GL(2) × 2 on W_Q, W_K`
impl fmt::Display for FactorSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FactorKind::Gl => write!(f, "GL({})", self.size)?,
            FactorKind::O => write!(f, "O({})", self.size)?,
            FactorKind::So => write!(f, "SO({})", self.size)?,
            FactorKind::Simple(rotations) => f.write_str(&simple_name(self.size, rotations))?,
            FactorKind::Other => write!(f, "unrecognised, dimension {}", self.size)?,
            kind => write!(f, "{kind}")?,
        }
        if self.count > 1 {
            write!(f, " × {}", self.count)?;
        }
        write!(f, " on {}", self.acts_on.join(", "))
    }
}

/// Counts equal factors together, in order of first appearance.
pub(crate) fn summarise(factors: &[Factor]) -> Vec<FactorSummary> {
    let mut summary: Vec<FactorSummary> = Vec::new();
    for factor in factors {
        let same =
            |s: &&mut FactorSummary| s.kind == factor.kind && s.size == factor.size && s.acts_on == factor.acts_on;
        match summary.iter_mut().find(same) {
            Some(found) => found.count += factor.count,
            None => summary.push(FactorSummary {
                kind: factor.kind,
                size: factor.size,
                count: factor.count,
                acts_on: factor.acts_on.clone(),
            }),
        }
    }
    summary
}

/// Classical simple real algebras of a dimension with that many rotations (elements of a maximal compact subalgebra), at most two of them:
/// joined by ≅ where they are isomorphic, as all are up to dimension 15.
pub fn simple_name(dimension: usize, rotations: usize) -> String {
    let fits = |d: usize, k: usize| (d, k) == (dimension, rotations);
    let (mut linear, mut orthogonal, mut symplectic, mut unitary) = (vec![], vec![], vec![], vec![]);
    for n in 2..=dimension + 1 {
        if fits(n * n - 1, n * (n - 1) / 2) {
            linear.push(format!("sl({n})"));
        }
        if n % 2 == 0 && fits(n * (n + 1) / 2, n * n / 4) {
            symplectic.push(format!("sp({n})"));
        }
        for q in 0..=n / 2 {
            let p = n - q;
            let name = |family: &str| if q == 0 { format!("{family}({n})") } else { format!("{family}({p},{q})") };
            // so(4) and so(2,2) are sums of two ideals.
            let simple = n > 2 && !(n == 4 && q != 1);
            if simple && fits(n * (n - 1) / 2, p * (p - 1) / 2 + q * q.saturating_sub(1) / 2) {
                orthogonal.push(name("so"));
            }
            if fits(n * n - 1, if q == 0 { n * n - 1 } else { p * p + q * q - 1 }) {
                unitary.push(name("su"));
            }
        }
    }
    let names = [linear, orthogonal, symplectic, unitary].concat();
    match names.as_slice() {
        [] => format!("simple, dimension {dimension}"),
        [name] => name.clone(),
        [first, second, ..] => format!("{first} {} {second}", if dimension <= 15 { "≅" } else { "or" }),
    }
}

#[cfg(test)]
mod tests {
    use super::simple_name;

    #[test]
    fn simple_algebras_by_dimension_and_rotations() {
        let expected = [
            ((3, 1), "sl(2) ≅ so(2,1)"),
            ((6, 3), "so(3,1)"),
            ((8, 3), "sl(3)"),
            ((8, 4), "su(2,1)"),
            ((10, 4), "so(3,2) ≅ sp(4)"),
            ((15, 6), "sl(4) ≅ so(3,3)"),
            ((15, 7), "so(4,2) ≅ su(2,2)"),
            ((21, 9), "so(4,3) or sp(6)"),
            ((14, 6), "simple, dimension 14"),
        ];
        for ((dimension, rotations), name) in expected {
            assert_eq!(simple_name(dimension, rotations), name);
        }
    }
}
