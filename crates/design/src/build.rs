//! From a target to blocks behind an operator.

use crate::blocks::{Block, Factors, Free, Linked, Power, Product, Radial, Scaled};
use crate::link::{Link, LinkInfo};
use crate::operator::Operator;
use crate::part::Part;
use crate::{DesignError, LinkKind, Settings, Target};

/// Most coordinates of a design; code and spec grow with them where an operator is a matrix.
pub(crate) const MOST_COORDINATES: usize = 1 << 16;
/// Most factors of a product: beyond, the search for its symmetries takes minutes.
pub(crate) const MOST_FACTORS: usize = 20;
/// Largest γ of |x|^γ: beyond, powers of numbers of order one leave the range of f64.
const LARGEST_EXPONENT: f64 = 128.0;
/// Least strength: below it, formulas would round to no bias at all.
const LEAST_STRENGTH: f64 = 1e-3;
/// Most coordinates behind an operator that is a matrix.
const MOST_IN_MATRIX: usize = 4096;

pub(crate) fn out_of_range(what: &'static str, found: impl ToString, expected: &str) -> DesignError {
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

impl Part {
    /// Designs the coordinates of one target; names of its tensors end with `tag`.
    ///
    /// # Errors
    /// [`DesignError`].
    pub(crate) fn new(target: Target, settings: &Settings, tag: &str) -> Result<Self, DesignError> {
        let operator = operator(target, settings)?;
        let kernel = operator.kernel();
        let (inner, link) = inner(target, settings, kernel, tag)?;
        let mut blocks: Vec<Box<dyn Block>> = Vec::new();
        if kernel > 0 {
            blocks.push(Box::new(Free { size: kernel, tag: tag.to_owned() }));
        }
        blocks.extend(inner);
        let part = Self { target, settings: settings.clone(), operator, blocks, link, tag: tag.to_owned() };
        let size = part.size();
        if size > MOST_COORDINATES {
            return Err(out_of_range("the size", size, &format!("at most {MOST_COORDINATES} coordinates")));
        }
        part.operator.check(size)?;
        let in_matrix = matches!(part.operator, Operator::Cosine | Operator::Fourier | Operator::Forest { .. });
        if in_matrix && size > MOST_IN_MATRIX {
            let expected = format!("at most {MOST_IN_MATRIX}: this operator is a full matrix");
            return Err(out_of_range("the size", size, &expected));
        }
        Ok(part)
    }
}

/// The penalised coordinates: links where a penalty is given, groups where there are some, powers for a strength, products otherwise.
fn inner(target: Target, settings: &Settings, kernel: usize, tag: &str) -> Result<Inner, DesignError> {
    let tag = tag.to_owned();
    if target == Target::LowRank {
        return Ok((vec![Box::new(factors(settings, tag)?)], None));
    }
    if !settings.groups.is_empty() || target == Target::Group {
        refuse_sums(target, settings)?;
        return Ok((groups(settings, &tag)?, None));
    }
    let size = penalised(target, settings, kernel)?;
    if target == Target::Free {
        return Ok((vec![Box::new(Free { size, tag })], None));
    }
    if settings.penalty.is_some() || target == Target::Custom {
        let block = linked(settings, size, tag)?;
        let info = block.link.info;
        return Ok((vec![Box::new(block)], Some(info)));
    }
    let depth = depth(settings)?;
    Ok((
        vec![match (target, depth) {
            (Target::Sign, _) => {
                let sign = Some(if settings.negative { -1.0 } else { 1.0 });
                Box::new(Power { size, exponent: depth.exponent(), sign, tag })
            }
            (_, Depth::Factors(depth)) => Box::new(Product { size, depth, tag }),
            (_, Depth::Exponent(exponent)) => Box::new(Power { size, exponent, sign: None, tag }),
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
            Err(out_of_range("the strength", "given beside a depth", "one of them: a depth D has strength 1 − 1/D"))
        }
        (Some(depth), None) if !(2..=MOST_FACTORS).contains(&depth) => {
            let expected = format!(
                "2 to {MOST_FACTORS} factors, up to which a product can be proven: one factor has no bias, and D of them have (1 − 1/D) log|w|; \
                 --strength {:.4} has the same R by a power of one parameter",
                1.0 - 1.0 / (depth as f64).max(2.0)
            );
            Err(out_of_range("the depth", depth, &expected))
        }
        (Some(depth), None) => Ok(Depth::Factors(depth)),
        (None, None) => Ok(Depth::Factors(2)),
        (None, Some(strength)) => {
            check_strength(strength, 1.0)?;
            let exact = 1.0 / (1.0 - strength);
            let whole = exact.round();
            let is_whole = (exact - whole).abs() < 1e-9 && (2.0..=MOST_FACTORS as f64).contains(&whole);
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
    if strength.is_nan() || strength < LEAST_STRENGTH {
        return Err(out_of_range(
            "the strength",
            strength,
            &format!("a number above 0, and at least {LEAST_STRENGTH}"),
        ));
    }
    let most = limit * (1.0 - 1.0 / LARGEST_EXPONENT);
    if strength > most {
        let expected = format!(
            "at most {most:.4}, where w = |x|^{LARGEST_EXPONENT}: closer to {limit} powers of numbers of order one leave the range of f64"
        );
        return Err(out_of_range("the strength", strength, &expected));
    }
    Ok(())
}

fn factors(settings: &Settings, tag: String) -> Result<Factors, DesignError> {
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
    if rows * columns == 1 {
        let expected = "at least two rows or columns: one number has no rank that could be low. --target sparsity has ½ log|w| for a number";
        return Err(out_of_range("the matrix", "1 × 1", expected));
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
    Ok(Factors { rows, columns, depth, tag })
}

/// Two penalties of the same coordinates: a block owns its coordinates, since M is one matrix and R its determinant.
fn refuse_sums(target: Target, settings: &Settings) -> Result<(), DesignError> {
    let of_entries = match (target, settings) {
        (Target::Sparsity | Target::Sign | Target::Custom, _) => target.word(),
        (_, Settings { penalty: Some(_), .. }) => "--penalty",
        (_, Settings { depth: Some(_), .. }) => "--depth",
        _ => return Ok(()),
    };
    Err(DesignError::Sum { of_entries })
}

/// Runs of groups of equal width, each a block.
fn groups(settings: &Settings, tag: &str) -> Result<Vec<Box<dyn Block>>, DesignError> {
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
        let tag = if alone { tag.to_owned() } else { format!("{tag}_{}", k + 1) };
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

fn linked(settings: &Settings, size: usize, tag: String) -> Result<Linked, DesignError> {
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
    if let Some((low, high)) = penalty.ends().filter(|ends| domain.0 < ends.0 || domain.1 > ends.1) {
        let expected = format!("within {low},{high}: there the table ends, and nothing is known beyond");
        return Err(out_of_range("the domain", format!("{},{}", domain.0, domain.1), &expected));
    }
    if !(1e-12..=1e-2).contains(&settings.tolerance) {
        return Err(out_of_range("the tolerance", settings.tolerance, "1e-12 to 1e-2"));
    }
    let regime = settings.regime;
    let product = settings.link == Some(LinkKind::Product);
    let link = Link::new(&|w| penalty.as_horizontal(regime, w), domain, settings.tolerance, &penalty.nodes(), product)
        .map_err(|error| error.in_regime(regime))?;
    Ok(Linked { size, link, penalty, regime, product, tag })
}
