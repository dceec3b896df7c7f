//! Blocks: parametrizations of a few coordinates z whose M = JJᵀ is known in closed form on the balanced slice.
//!
//! One file for each kind, with everything that is true of it: parameters, text in the array language, the balanced lift, the three biases as
//! numbers and as formulas, Python. Tests hold the numbers of every kind to derivatives of its text.

mod factors;
mod free;
mod linked;
mod power;
mod product;
mod radial;
mod scaled;

pub(crate) use crate::formula::Formulas;
use crate::formula::Regime;
pub use factors::Factors;
pub use free::Free;
pub use linked::Linked;
pub use power::Power;
pub use product::Product;
pub use radial::Radial;
pub use scaled::Scaled;

/// A parameter tensor of a design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name under `[param]`, and in generated code.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Its start, in the array language.
    pub start: String,
}

/// A tensor that is known before anything runs, in the array language and in NumPy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Name under `[data]`; generated code has it in capitals.
    pub name: String,
    /// In the array language.
    pub spec: String,
    /// In NumPy.
    pub numpy: String,
}

/// Python of a block, for PyTorch and JAX alike: `xp` stands for either module, `like` for a tensor of the wanted kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippets {
    /// Statements from the parameters' names to the vector `z`.
    pub forward: Vec<String>,
    /// Statements from the vector `z`, and the number `floor`, to the parameters' names.
    pub inverse: Vec<String>,
    /// Name and expression of each charge.
    pub charges: Vec<(String, String)>,
}

/// Coordinates that leave a small start together.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Orthonormal directions in z in which they go.
    pub directions: Vec<Vec<f64>>,
    /// Directions that are fitted too once they have left, not orthonormal: of a matrix those of the tangent space p⊗ℝᵐ + ℝⁿ⊗q of its rank.
    pub opened: Vec<Vec<f64>>,
    /// ∫ ‖∂L/∂z‖ dt along them until they have come to half of the solution; none where they do not come there.
    pub time: Option<f64>,
}

/// One coordinate of one parameter: z = sign·sgn(x) |x| (s² + x²)^p |x|^q and dx/dt = k (s² + x²)^p |x|^q f sign for a force f by z, from x₀.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// x₀.
    pub start: f64,
    /// s², the level of the charges: the other factors' squares less that of x.
    pub charge: f64,
    /// p.
    pub others: f64,
    /// q.
    pub power: f64,
    /// k.
    pub speed: f64,
    /// Of z against that of x.
    pub sign: f64,
}

impl Motion {
    fn leverage(&self, x: f64) -> f64 {
        (self.charge + x * x).powf(self.others) * x.abs().powf(self.power)
    }

    /// z.
    pub fn value(&self, x: f64) -> f64 {
        self.sign * x * self.leverage(x)
    }

    /// dx/dt under a force by z.
    pub fn velocity(&self, x: f64, force: f64) -> f64 {
        self.sign * self.speed * self.leverage(x) * force
    }
}

/// What the scale of a start decides under flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StartScale {
    /// The width of φ: |z| about which its distance from the start is like a square, as a power of the scale.
    Width(f64),
    /// Only where z begins.
    Place,
    /// There is no φ.
    NoPotential,
}

/// Random numbers in (0, 1) for points at which promises are checked.
pub type Uniform<'a> = &'a mut dyn FnMut() -> f64;

/// A parametrization z = F(θ) of some coordinates. θ holds its parameters one after the other.
pub trait Block: std::fmt::Debug + Send + Sync {
    /// Number of coordinates z.
    fn size(&self) -> usize;

    /// Where R is −∞, and the half-width of the cores within which the design cuts it off.
    fn singular_points(&self) -> (&[f64], f64) {
        (&[], 0.0)
    }

    /// Coordinates that belong together; the code of a block acts on any number of them.
    fn entries_of_unit(&self) -> usize {
        1
    }

    /// Its parameters with the start that suits a regime, whose entries have about the size `scale`.
    fn parameters(&self, regime: Regime, scale: f64) -> Vec<Parameter>;

    /// Tensors that its text uses.
    fn constants(&self) -> Vec<Constant> {
        Vec::new()
    }

    /// Helper lines of `[model]`, and the expression of z, a vector.
    fn text(&self) -> (Vec<(String, String)>, String);

    /// The balanced θ of z, of the component in which all factors but the first are positive.
    fn lift(&self, z: &[f64]) -> Vec<f64>;

    /// A random z of that component, away from its border.
    fn draw(&self, uniform: Uniform<'_>) -> Vec<f64>;

    /// ½ log det(JJᵀ) on the slice, nats.
    fn penalty(&self, z: &[f64]) -> f64;

    /// ‖Jᵀa‖² on the slice for a gradient a = ∂ℓ/∂z.
    fn squared_gradient(&self, z: &[f64], a: &[f64]) -> f64;

    /// Whether its coordinates carry no penalty.
    fn is_free(&self) -> bool {
        false
    }

    /// The sign that descent keeps in every coordinate from the printed start of a regime; none where it can take either.
    fn kept_sign(&self, _regime: Regime) -> Option<f64> {
        None
    }

    /// Whether its coordinates have one sign at every θ.
    fn has_one_sign(&self) -> bool {
        false
    }

    /// ∫ |dz|/M(z) of one coordinate from the start of a regime and `scale` to `reach`, of a sign that it takes: the time, in units of 1/|∂L/∂z|, that the flow takes under a
    /// constant gradient ([`crate::convergence`]). None where coordinates do not move one by one, or never come there.
    fn escape_time(&self, _reach: f64, _regime: Regime, _scale: f64) -> Option<f64> {
        None
    }

    /// How each coordinate moves by itself from the start of a regime and `scale`; none where coordinates move together, or it has no short form.
    fn motion(&self, _regime: Regime, _scale: f64) -> Option<Motion> {
        None
    }

    /// What leaves the start together: single entries; groups and singular directions in their blocks. `solution` is z*.
    fn leaving(&self, solution: &[f64], regime: Regime, scale: f64) -> Vec<Leaving> {
        let sign = self.kept_sign(regime);
        let one = |(i, z): (usize, &f64)| {
            let mut direction = vec![0.0; solution.len()];
            direction[i] = 1.0;
            let reached = sign.is_none_or(|sign| z * sign > 0.0);
            let time = if reached { self.escape_time(0.5 * z, regime, scale) } else { None };
            Leaving { directions: vec![direction], opened: Vec::new(), time }
        };
        solution.iter().enumerate().map(one).collect()
    }

    /// What [`Self::leaving`] counts, in words: one, several.
    fn unit(&self) -> &'static str {
        "entry"
    }

    /// What the scale of its start decides under flow.
    fn start_scale(&self) -> StartScale {
        StartScale::NoPotential
    }

    /// φ(z) with ∇²φ = (JJᵀ)⁻¹, where there is one.
    fn potential(&self, z: &[f64]) -> Option<f64>;

    /// The biases in symbols; `of` is the name of the coordinates, `w` or `(Tw)`, and `a` that of the gradient by them.
    fn formulas(&self, of: &str, a: &str) -> Formulas;

    /// α of R = α·shape.
    fn strength(&self) -> f64 {
        1.0
    }

    /// c of P = c η E(a²)·shape, where a has equal, uncorrelated entries.
    fn minibatch_factor(&self) -> f64;

    /// That shape under noise or mini-batches, as a function of the penalised coordinates.
    fn shape(&self, regime: Regime) -> String;

    /// The component of the slice that a balanced start can reach.
    fn component(&self, of: &str) -> String;

    /// Its code.
    fn snippets(&self) -> Snippets;

    /// Why the horizontal law is only near to the formula, with the measured error; none where it is exact.
    fn approximation(&self) -> Option<String> {
        None
    }
}

/// `u` alone, or `u_2` in the second of several blocks.
pub(crate) fn tagged(name: &str, tag: &str) -> String {
    format!("{name}{tag}")
}

/// A random magnitude, log-uniform on [0.05, 3].
pub(crate) fn magnitude(uniform: Uniform<'_>) -> f64 {
    0.05 * 60.0_f64.powf(uniform())
}

/// A random magnitude with a random sign.
pub(crate) fn signed(uniform: Uniform<'_>) -> f64 {
    let size = magnitude(uniform);
    if uniform() < 0.5 { -size } else { size }
}
