//! From a target to blocks behind an operator.

use crate::blocks::{Block, Constant, Factors, Free, Linked, Parameter, Power, Product, Radial, Scaled, Uniform};
use crate::formula::{Biases, Regime};
use crate::link::{Link, LinkInfo};
use crate::operator::Operator;
use crate::{DesignError, LinkKind, Settings, Target};
use gaugebias_linalg::{Matrix, inv};

/// Most coordinates of a design; code and spec grow with them where an operator is a matrix.
const MOST_COORDINATES: usize = 1 << 16;
/// Most coordinates behind an operator that is a matrix.
const MOST_IN_MATRIX: usize = 4096;

/// A parametrization that has a wanted bias.
#[derive(Debug)]
pub struct Design {
    /// What was asked for.
    pub target: Target,
    /// And how.
    pub settings: Settings,
    pub(crate) operator: Operator,
    pub(crate) blocks: Vec<Box<dyn Block>>,
    link: Option<LinkInfo>,
}

/// Designs a parametrization.
///
/// # Errors
/// [`DesignError`]: what is missing or out of range, and what no parametrization of this kind can do.
pub fn design(target: Target, settings: &Settings) -> Result<Design, DesignError> {
    let operator = operator(target, settings)?;
    let (inner, link) = inner(target, settings, operator.kernel())?;
    let kernel = operator.kernel();
    let mut blocks: Vec<Box<dyn Block>> = Vec::new();
    if kernel > 0 {
        blocks.push(Box::new(Free { size: kernel, tag: String::new() }));
    }
    blocks.extend(inner);
    let design = Design { target, settings: settings.clone(), operator, blocks, link };
    let size = design.size();
    if size > MOST_COORDINATES {
        return Err(out_of_range("the size", size, &format!("at most {MOST_COORDINATES} coordinates")));
    }
    design.operator.check(size)?;
    let in_matrix = matches!(design.operator, Operator::Cosine | Operator::Fourier | Operator::Forest { .. });
    if in_matrix && size > MOST_IN_MATRIX {
        return Err(out_of_range(
            "the size",
            size,
            &format!("at most {MOST_IN_MATRIX}: this operator is a full matrix"),
        ));
    }
    Ok(design)
}

fn out_of_range(what: &'static str, found: impl ToString, expected: &str) -> DesignError {
    DesignError::Setting { what, found: found.to_string(), expected: expected.to_owned() }
}

fn operator(target: Target, settings: &Settings) -> Result<Operator, DesignError> {
    Ok(match target {
        Target::TotalVariation => Operator::Differences { order: 1 },
        Target::Trend => Operator::Differences { order: settings.order + 1 },
        Target::Dct => Operator::Cosine,
        Target::Fourier => Operator::Fourier,
        Target::Haar => Operator::Haar,
        Target::Graph => {
            let missing = DesignError::Missing {
                target: "graph",
                what: "the edges of the graph: --edges FILE.csv, two columns of nodes",
            };
            let edges = settings.edges.as_ref().ok_or(missing)?;
            let largest = edges.iter().map(|(a, b)| a.max(b) + 1).max().unwrap_or(0);
            let nodes = settings.size.unwrap_or(largest);
            if largest > nodes || nodes > MOST_IN_MATRIX {
                return Err(out_of_range(
                    "the number of nodes",
                    largest.max(nodes),
                    &format!("at most {}", nodes.min(MOST_IN_MATRIX)),
                ));
            }
            Operator::forest(nodes, edges, settings.spanning_forest)?
        }
        _ => Operator::Identity,
    })
}

type Inner = (Vec<Box<dyn Block>>, Option<LinkInfo>);

/// The penalised coordinates: links where a penalty is given, groups where there are some, powers for a strength, products otherwise.
fn inner(target: Target, settings: &Settings, kernel: usize) -> Result<Inner, DesignError> {
    if target == Target::LowRank {
        return Ok((vec![Box::new(factors(settings)?)], None));
    }
    if !settings.groups.is_empty() || target == Target::Group {
        return Ok((groups(settings)?, None));
    }
    let size = penalised(target, settings, kernel)?;
    if settings.penalty.is_some() || target == Target::Custom {
        let block = linked(settings, size)?;
        let info = block.link.info;
        return Ok((vec![Box::new(block)], Some(info)));
    }
    let depth = depth(settings)?;
    Ok((
        vec![match (target, depth) {
            (Target::Sign, _) => {
                let sign = Some(if settings.negative { -1.0 } else { 1.0 });
                Box::new(Power { size, exponent: depth.exponent(), sign, tag: String::new() })
            }
            (_, Depth::Factors(depth)) => Box::new(Product { size, depth, tag: String::new() }),
            (_, Depth::Exponent(exponent)) => Box::new(Power { size, exponent, sign: None, tag: String::new() }),
        }],
        None,
    ))
}

fn penalised(target: Target, settings: &Settings, kernel: usize) -> Result<usize, DesignError> {
    let of_graph = || settings.edges.as_ref().and_then(|edges| edges.iter().map(|(a, b)| a.max(b) + 1).max());
    let size = match (settings.size, target) {
        (Some(size), _) => size,
        (None, Target::Graph) => of_graph().unwrap_or(0),
        (None, _) => {
            return Err(DesignError::Missing { target: target.word(), what: "the number of coordinates: --size N" });
        }
    };
    if size <= kernel {
        return Err(out_of_range(
            "the size",
            size,
            &format!("more than {kernel}: that many coordinates are free of the penalty"),
        ));
    }
    Ok(size - kernel)
}

/// D factors, or a power where no whole D has the strength.
#[derive(Clone, Copy)]
enum Depth {
    Factors(usize),
    Exponent(f64),
}

impl Depth {
    fn exponent(self) -> f64 {
        match self {
            Self::Factors(depth) => depth as f64,
            Self::Exponent(exponent) => exponent,
        }
    }
}

fn depth(settings: &Settings) -> Result<Depth, DesignError> {
    match (settings.depth, settings.strength) {
        (Some(_), Some(_)) => {
            Err(out_of_range("--strength beside --depth", "both given", "one of them: a depth D has strength 1 − 1/D"))
        }
        (Some(depth), None) if !(2..=64).contains(&depth) => Err(out_of_range(
            "the depth",
            depth,
            "2 to 64 factors: one factor has no bias, and D of them have (1 − 1/D) log|w|",
        )),
        (Some(depth), None) => Ok(Depth::Factors(depth)),
        (None, None) => Ok(Depth::Factors(2)),
        (None, Some(strength)) => {
            check_strength(strength, 1.0)?;
            let exact = 1.0 / (1.0 - strength);
            let whole = exact.round();
            let is_whole = (exact - whole).abs() < 1e-9 && (2.0..=64.0).contains(&whole);
            Ok(if is_whole { Depth::Factors(whole as usize) } else { Depth::Exponent(exact) })
        }
    }
}

/// α of α log, for a block of which α has to stay below `limit` to leave 0 a finite mass.
fn check_strength(strength: f64, limit: f64) -> Result<(), DesignError> {
    if strength >= limit {
        return Err(if limit == 1.0 {
            DesignError::TooStrong { strength }
        } else {
            out_of_range(
                "the strength",
                strength,
                &format!(
                    "below {limit}: e^(−α log‖w_g‖) has finite mass at 0 in {limit} dimensions only for α < {limit}"
                ),
            )
        });
    }
    if strength.is_nan() || strength <= 0.0 {
        return Err(out_of_range("the strength", strength, "above 0"));
    }
    Ok(())
}

fn factors(settings: &Settings) -> Result<Factors, DesignError> {
    let rows = settings
        .size
        .ok_or(DesignError::Missing { target: "low-rank", what: "the number of rows: --size N (and --columns M)" })?;
    let (columns, depth) = (settings.columns.unwrap_or(rows), settings.depth.unwrap_or(2));
    if rows.min(columns) == 0 || rows * columns > MOST_COORDINATES {
        return Err(out_of_range(
            "the matrix",
            format!("{rows} × {columns}"),
            &format!("1 to {MOST_COORDINATES} entries"),
        ));
    }
    if !(2..=16).contains(&depth) {
        return Err(out_of_range("the depth", depth, "2 to 16 factors"));
    }
    if depth > 2 && rows != columns {
        return Err(out_of_range(
            "a product of more than two factors",
            format!("{rows} × {columns}"),
            "a square matrix; use two factors otherwise",
        ));
    }
    if let Some(strength) = settings.strength {
        return Err(out_of_range(
            "--strength of low-rank",
            strength,
            "none: R has the interaction Σ log(σ_i + σ_j) beside ½ Σ log σ_i, and its strength is set by the temperature (or by --depth)",
        ));
    }
    Ok(Factors { rows, columns, depth, tag: String::new() })
}

/// Runs of groups of equal width, each a block.
fn groups(settings: &Settings) -> Result<Vec<Box<dyn Block>>, DesignError> {
    if settings.groups.is_empty() || settings.groups.contains(&0) {
        return Err(DesignError::Missing {
            target: "group",
            what: "the sizes of the groups, none of them 0: --groups 3,3,5",
        });
    }
    let given = &settings.groups;
    // One width and a size: as many groups of it.
    let widths = match (given.as_slice(), settings.size) {
        (&[width], Some(size)) if size % width == 0 => vec![width; size / width],
        _ => given.clone(),
    };
    let total: usize = widths.iter().sum();
    if let Some(size) = settings.size.filter(|size| *size != total) {
        return Err(out_of_range("the size", size, &format!("{total}, the sum of the groups")));
    }
    let runs: Vec<&[usize]> = widths.chunk_by(|a, b| a == b).collect();
    let alone = runs.len() == 1;
    let block = |(k, run): (usize, &[usize])| -> Result<Box<dyn Block>, DesignError> {
        let (groups, width) = (run.len(), run[0]);
        let tag = if alone { String::new() } else { format!("_{}", k + 1) };
        if settings.link == Some(LinkKind::Product) {
            if let Some(strength) = settings.strength {
                return Err(out_of_range(
                    "--strength of s_g x_g",
                    strength,
                    "none: its strength is k/2; the radial link takes any below k",
                ));
            }
            return Ok(Box::new(Scaled { groups, width, tag }));
        }
        let strength = settings.strength.unwrap_or(0.5 * width as f64);
        check_strength(strength, width as f64)?;
        let exponent = width as f64 / (width as f64 - strength);
        Ok(Box::new(Radial { groups, width, exponent, tag }))
    };
    runs.into_iter().enumerate().map(block).collect()
}

fn linked(settings: &Settings, size: usize) -> Result<Linked, DesignError> {
    let missing = |what| DesignError::Missing { target: "custom", what };
    let penalty = settings
        .penalty
        .clone()
        .ok_or_else(|| missing("the penalty: --penalty 'EXPRESSION OF w', or --penalty-table FILE.csv"))?;
    let domain =
        settings.domain.ok_or_else(|| missing("the interval of w on which the penalty is meant: --domain LOW,HIGH"))?;
    if !(domain.0 < domain.1 && domain.0.is_finite() && domain.1.is_finite()) {
        return Err(out_of_range(
            "the domain",
            format!("{},{}", domain.0, domain.1),
            "two finite numbers, the first below the second",
        ));
    }
    if !(1e-12..=1e-2).contains(&settings.tolerance) {
        return Err(out_of_range("the tolerance", settings.tolerance, "1e-12 to 1e-2"));
    }
    let regime = settings.regime;
    let product = settings.link == Some(LinkKind::Product);
    let link = Link::new(&|w| penalty.as_horizontal(regime, w), domain, settings.tolerance, &penalty.nodes(), product)?;
    Ok(Linked { size, link, penalty, regime, product, tag: String::new() })
}

impl Design {
    /// d, the number of coordinates of w.
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

    /// Size of the factors at the start.
    pub fn scale(&self) -> f64 {
        self.settings.scale.unwrap_or(if self.settings.regime == Regime::Noise { 1.0 } else { 0.1 })
    }

    /// θ, tensor by tensor.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.blocks.iter().flat_map(|block| block.parameters(self.settings.regime, self.scale())).collect()
    }

    /// Tensors that its text uses.
    pub fn constants(&self) -> Vec<Constant> {
        let own = self.blocks.iter().flat_map(|block| block.constants());
        own.chain(self.operator.constants(self.size())).collect()
    }

    /// Quality of the link, where there is one.
    pub fn link(&self) -> Option<LinkInfo> {
        self.link
    }

    /// What coordinates and the gradient by them are called.
    fn names(&self) -> (&'static str, &'static str) {
        match (&self.operator, self.target) {
            (Operator::Identity, Target::LowRank) => ("W", "A"),
            (Operator::Identity, _) => ("w", "a"),
            _ => ("(Tw)", "b"),
        }
    }

    /// The biases as functions of w.
    pub fn biases(&self) -> Biases {
        let (of, a) = self.names();
        let parts: Vec<Biases> = self.blocks.iter().map(|block| block.biases(of, a)).collect();
        Biases::sum(&parts)
    }

    /// What the symbols of [`Self::biases`] are.
    pub fn symbols(&self) -> Vec<String> {
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

    fn analysed(&self, w: &[f64]) -> Vec<f64> {
        if self.operator == Operator::Identity {
            return w.to_vec();
        }
        self.operator.matrix(self.size()).mul_vec(w)
    }

    /// Pieces of a vector of coordinates, block by block.
    fn parts<'a>(&'a self, z: &'a [f64]) -> impl Iterator<Item = (&'a dyn Block, &'a [f64])> {
        let mut from = 0;
        self.blocks.iter().map(move |block| {
            from += block.size();
            (block.as_ref(), &z[from - block.size()..from])
        })
    }

    /// R(w) = ½ log det(JJᵀ) of the blocks at Tw, nats; it differs from that of w by the constant log|det T|.
    pub fn penalty(&self, w: &[f64]) -> f64 {
        let z = self.analysed(w);
        self.parts(&z).map(|(block, z)| block.penalty(z)).sum()
    }

    /// ‖Jᵀa‖² for a gradient a = ∂ℓ/∂w.
    ///
    /// # Errors
    /// [`DesignError::Linalg`].
    pub fn squared_gradient(&self, w: &[f64], a: &[f64]) -> Result<f64, DesignError> {
        let (z, b) = (self.analysed(w), inv(&self.operator.matrix(self.size()))?.transpose_mul_vec(a));
        Ok(self.parts(&z).zip(self.parts(&b)).map(|((block, z), (_, b))| block.squared_gradient(z, b)).sum())
    }

    /// The largest diagonal entry of the blocks' M at coordinates z.
    pub(crate) fn largest_metric(&self, z: &[f64]) -> f64 {
        let one = |(block, z): (&dyn Block, &[f64])| {
            let unit = |i: usize| (0..z.len()).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
            (0..z.len()).map(|i| block.squared_gradient(z, &unit(i))).fold(0.0, f64::max)
        };
        self.parts(z).map(one).fold(0.0, f64::max)
    }

    /// φ(w), where there is one.
    pub fn potential(&self, w: &[f64]) -> Option<f64> {
        let z = self.analysed(w);
        self.parts(&z).map(|(block, z)| block.potential(z)).sum()
    }

    /// The balanced θ of w.
    pub fn lift(&self, w: &[f64]) -> Vec<f64> {
        let z = self.analysed(w);
        self.parts(&z).flat_map(|(block, z)| block.lift(z)).collect()
    }

    /// A random w away from borders of components.
    ///
    /// # Errors
    /// [`DesignError::Linalg`].
    pub fn draw(&self, uniform: Uniform<'_>) -> Result<Vec<f64>, DesignError> {
        let z: Vec<f64> = self.blocks.iter().flat_map(|block| block.draw(uniform)).collect();
        let back: Matrix = inv(&self.operator.matrix(self.size()))?;
        Ok(back.mul_vec(&z))
    }
}
