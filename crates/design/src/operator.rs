//! Analysis operators: invertible maps z = Tw that say in which coordinates w is to be simple. w = T⁻¹z, and log|det T| is a constant, so that
//! R(w) = R_blocks(Tw) + constant, M = T⁻¹ M_z T⁻ᵀ and φ(w) = φ_blocks(Tw).
//!
//! The first coordinates of some operators are their kernel: the level of a signal under differences, one node of each connected part of a graph. They are trained
//! themselves, without a bias.
//!
//! **Rejected.** T as a matrix in every design: cumulative sums and butterflies take n or n log n operations and are read at a glance.

use crate::DesignError;
use crate::blocks::Constant;
use gaugebias_linalg::Matrix;

/// An invertible T.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// T = 1.
    Identity,
    /// (Tw)_i = (Δᵏw)_(i−k) for i ≥ k, and (Δⁱw)_0 below.
    Differences {
        /// k ≥ 1.
        order: usize,
    },
    /// The orthonormal cosine transform (DCT-II).
    Cosine,
    /// The orthonormal real Fourier basis: constant, then cosine and sine of each frequency.
    Fourier,
    /// The orthonormal Haar wavelets of a power of two.
    Haar,
    /// Differences along the edges of a forest, after one node of each tree.
    Forest {
        /// One node of each tree.
        roots: Vec<usize>,
        /// (child, parent), parents first.
        edges: Vec<(usize, usize)>,
        /// Edges of the graph that close cycles and were left out.
        left_out: usize,
    },
}

/// The edges of a CSV file with two columns of nodes, counted from 0; a first line of names is skipped.
///
/// # Errors
/// [`DesignError::Table`].
pub fn read_edges(name: &str, text: &str) -> Result<Vec<(usize, usize)>, DesignError> {
    let mut edges = Vec::new();
    for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
        let cells: Vec<Option<usize>> = row.split(',').map(|cell| cell.trim().parse().ok()).collect();
        match cells.as_slice() {
            [Some(a), Some(b)] => edges.push((*a, *b)),
            [None, None] if line == 0 => {}
            _ => {
                let what = format!("found `{row}`; expected two nodes, whole numbers from 0, with a comma between");
                return Err(DesignError::Table { name: name.to_owned(), line: line + 1, what });
            }
        }
    }
    if edges.is_empty() {
        let what =
            "no edges are there; expected a line for each, two nodes as in `0,1`, whole numbers from 0".to_owned();
        return Err(DesignError::Table { name: name.to_owned(), line: text.lines().count().max(1), what });
    }
    Ok(edges)
}

impl Operator {
    /// Dimensions of the kernel: leading coordinates that are not penalised.
    pub fn kernel(&self) -> usize {
        match self {
            Self::Differences { order } => *order,
            Self::Forest { roots, .. } => roots.len(),
            _ => 0,
        }
    }

    /// The forest that a breadth-first walk finds in a graph on `nodes` nodes. Edges that close cycles have no place in an invertible T: with
    /// more edges than n − (connected parts) the differences are not independent.
    ///
    /// # Errors
    /// [`DesignError::Singular`] for cycles, unless they may be left out; [`DesignError::Setting`] for loops.
    pub fn forest(nodes: usize, graph: &[(usize, usize)], leave_out_cycles: bool) -> Result<Self, DesignError> {
        let mut neighbours = vec![Vec::new(); nodes];
        for &(a, b) in graph {
            if a == b {
                return Err(DesignError::Setting {
                    what: "an edge",
                    found: format!("a loop at node {a}"),
                    expected: "two different nodes".into(),
                });
            }
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
        let (mut roots, mut edges, mut seen) = (Vec::new(), Vec::new(), vec![false; nodes]);
        for root in 0..nodes {
            if seen[root] {
                continue;
            }
            (seen[root], roots) = (true, [roots, vec![root]].concat());
            let mut queue = std::collections::VecDeque::from([root]);
            while let Some(parent) = queue.pop_front() {
                for &child in &neighbours[parent] {
                    if !std::mem::replace(&mut seen[child], true) {
                        edges.push((child, parent));
                        queue.push_back(child);
                    }
                }
            }
        }
        let left_out = graph.len() - edges.len();
        if left_out > 0 && !leave_out_cycles {
            let why = format!(
                "the graph has {} edges on {nodes} nodes in {}, so {left_out} of its differences follow from the others; a product of factors \
                 can only be put on independent ones. Give a forest, or let --spanning-forest keep {} edges, found breadth-first in the order of the file",
                graph.len(),
                if roots.len() == 1 {
                    "one connected part".to_owned()
                } else {
                    format!("{} connected parts", roots.len())
                },
                edges.len()
            );
            return Err(DesignError::Singular { why });
        }
        Ok(Self::Forest { roots, edges, left_out })
    }

    /// Checks the size that it is to act on.
    ///
    /// # Errors
    /// [`DesignError::Singular`].
    pub fn check(&self, size: usize) -> Result<(), DesignError> {
        match self {
            Self::Haar if !size.is_power_of_two() => Err(DesignError::Singular {
                why: format!(
                    "Haar wavelets halve a signal again and again, so that its length is a power of two; {size} is none, the nearest are {} and {}",
                    (size + 1).next_power_of_two() / 2,
                    size.next_power_of_two()
                ),
            }),
            Self::Differences { order } if *order >= size => Err(DesignError::Singular {
                why: format!("differences of order {order} of {size} numbers leave nothing; take a size above {order}"),
            }),
            _ => Ok(()),
        }
    }

    /// T as a matrix, n × n.
    pub fn matrix(&self, n: usize) -> Matrix {
        let unit = |j: usize| (0..n).map(|i| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        match self {
            Self::Identity => Matrix::identity(n),
            Self::Differences { order } => {
                let columns: Vec<Vec<f64>> = (0..n).map(|j| differences(&unit(j), *order)).collect();
                Matrix::from_columns(n, &columns)
            }
            Self::Cosine => Matrix::from_fn(n, n, |k, i| {
                let scale = if k == 0 { 1.0 } else { std::f64::consts::SQRT_2 } / (n as f64).sqrt();
                scale * (std::f64::consts::PI * k as f64 * (i as f64 + 0.5) / n as f64).cos()
            }),
            Self::Fourier => Matrix::from_fn(n, n, |k, i| {
                let frequency = k.div_ceil(2) as f64;
                let angle = std::f64::consts::TAU * frequency * i as f64 / n as f64;
                let alone = k == 0 || 2 * k.div_ceil(2) == n;
                let scale = if alone { 1.0 } else { std::f64::consts::SQRT_2 } / (n as f64).sqrt();
                scale * if k % 2 == 1 || k == 0 { angle.cos() } else { angle.sin() }
            }),
            Self::Haar => haar(n),
            Self::Forest { roots, edges, .. } => {
                let mut matrix = Matrix::zeros(n, n);
                roots.iter().enumerate().for_each(|(row, &node)| matrix[(row, node)] = 1.0);
                for (k, &(child, parent)) in edges.iter().enumerate() {
                    (matrix[(roots.len() + k, child)], matrix[(roots.len() + k, parent)]) = (1.0, -1.0);
                }
                matrix
            }
        }
    }

    /// Tensors that its text uses.
    pub fn constants(&self, n: usize, tag: &str) -> Vec<Constant> {
        let of = |name: &str, spec: String, numpy: String| Constant { name: format!("{name}{tag}"), spec, numpy };
        match self {
            Self::Identity | Self::Differences { .. } | Self::Haar => Vec::new(),
            Self::Cosine => vec![of(
                "basis",
                format!(
                    "sqrt(where(arange({n})[:, None] > 0, 2.0, 1.0) / {n}) * cos(pi * outer(arange({n}), arange({n}) + 0.5) / {n})"
                ),
                format!(
                    "np.sqrt(np.where(np.arange({n})[:, None] > 0, 2.0, 1.0) / {n}) * np.cos(np.pi * np.outer(np.arange({n}), np.arange({n}) + 0.5) / {n})"
                ),
            )],
            Self::Fourier => {
                // Rows 1, 3, … are cosines, rows 2, 4, … the sines of the same frequency, as cosines a quarter behind.
                let text = |np: &str, pi: &str, array: &str| {
                    let (frequency, phase): (Vec<String>, Vec<&str>) = (0..n)
                        .map(|k| (k.div_ceil(2).to_string(), if k > 0 && k % 2 == 0 { "0.5" } else { "0.0" }))
                        .unzip();
                    let alone: Vec<&str> =
                        (0..n).map(|k| if k == 0 || 2 * k.div_ceil(2) == n { "1.0" } else { "2.0" }).collect();
                    let list = |items: Vec<String>| {
                        format!("{array}[{}]{}", items.join(", "), if array.is_empty() { "" } else { ")" })
                    };
                    let owned = |items: Vec<&str>| list(items.into_iter().map(str::to_owned).collect());
                    format!(
                        "{np}sqrt({}[:, None] / {n}) * {np}cos(2 * {pi} * {np}outer({}, {np}arange({n})) / {n} - {pi} * {}[:, None])",
                        owned(alone),
                        list(frequency),
                        owned(phase)
                    )
                };
                vec![of("basis", text("", "pi", ""), text("np.", "np.pi", "np.array("))]
            }
            Self::Forest { roots, edges, .. } => {
                let list = |items: Vec<usize>| {
                    format!("[{}]", items.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
                };
                let (children, parents): (Vec<usize>, Vec<usize>) = edges.iter().copied().unzip();
                let (roots, children, parents) = (list(roots.clone()), list(children), list(parents));
                let rows = |np: &str, join: &str| {
                    format!("{np}{join}([{np}eye({n})[{roots}], {np}eye({n})[{children}] - {np}eye({n})[{parents}]])")
                };
                vec![of(
                    "paths",
                    format!("inv({})", rows("", "concat")),
                    format!("np.linalg.inv({})", rows("np.", "concatenate")),
                )]
            }
        }
    }

    /// Lines of `[model]` from the vector named `z` to the last, the expression of w; names end with `tag`.
    pub fn text(&self, n: usize, z: &str, tag: &str) -> (Vec<(String, String)>, String) {
        match self {
            Self::Identity => (Vec::new(), z.into()),
            Self::Differences { order: 1 } => (Vec::new(), format!("cumsum({z})")),
            Self::Differences { order } => {
                let first = *order - 1;
                let d = |k: usize| format!("d{k}{tag}");
                let mut lines = vec![(d(first), format!("cumsum({z}[{first}:])"))];
                lines.extend(
                    (1..first).rev().map(|k| (d(k), format!("cumsum(concat([{z}[{k}:{}], {}]))", k + 1, d(k + 1)))),
                );
                (lines, format!("cumsum(concat([{z}[0:1], {}]))", d(1)))
            }
            Self::Cosine | Self::Fourier => (Vec::new(), format!("basis{tag}.T @ {z}")),
            Self::Forest { .. } => (Vec::new(), format!("paths{tag} @ {z}")),
            Self::Haar => {
                let levels = n.trailing_zeros();
                let step = |from: &str, level: u32| {
                    let detail = format!("{z}[{}:{}]", 1 << level, 2 << level);
                    format!(
                        "reshape(concat([({from} + {detail})[:, None], ({from} - {detail})[:, None]], axis=1), -1) / sqrt(2.0)"
                    )
                };
                if levels == 0 {
                    return (Vec::new(), z.into());
                }
                let mut lines = Vec::new();
                let mut from = format!("{z}[0:1]");
                for level in 0..levels - 1 {
                    let name = format!("a{}{tag}", level + 1);
                    lines.push((name.clone(), step(&from, level)));
                    from = name;
                }
                (lines, step(&from, levels - 1))
            }
        }
    }

    /// Python from `z` to `w`, and from `w` to `z`; `array` is the type of a tensor.
    pub fn snippets(&self, n: usize, tag: &str, array: &str) -> (Vec<String>, Vec<String>) {
        let line = |text: String| vec![text];
        let (basis, paths) = (format!("BASIS{}", tag.to_uppercase()), format!("PATHS{}", tag.to_uppercase()));
        match self {
            Self::Identity => (line("w = z".into()), line("z = w".into())),
            Self::Differences { order } => {
                let up = if *order == 1 {
                    line("w = xp.cumsum(z, 0)".into())
                } else {
                    vec![
                        format!("w = z[{order}:]"),
                        format!("for k in reversed(range({order})):"),
                        "    w = xp.cumsum(xp.concatenate((z[k : k + 1], w)), 0)".into(),
                    ]
                };
                let down = vec![
                    format!("heads: list[{array}] = []"),
                    format!("for _ in range({order}):"),
                    "    heads.append(w[0:1])".into(),
                    "    w = w[1:] - w[:-1]".into(),
                    "z = xp.concatenate((*heads, w))".into(),
                ];
                (up, down)
            }
            Self::Cosine | Self::Fourier => {
                (line(format!("w = _constant({basis}, z).T @ z")), line(format!("z = _constant({basis}, w) @ w")))
            }
            Self::Forest { .. } => (
                line(format!("w = _constant({paths}, z) @ z")),
                line(format!("z = _constant(np.linalg.inv({paths}), w) @ w")),
            ),
            Self::Haar => {
                let up = vec![
                    "w = z[0:1]".to_owned(),
                    format!("while w.shape[0] < {n}:"),
                    "    detail = z[w.shape[0] : 2 * w.shape[0]]".into(),
                    "    w = xp.stack((w + detail, w - detail), 1).reshape(-1) / 2**0.5".into(),
                ];
                let down = vec![
                    format!("details: list[{array}] = []"),
                    "while w.shape[0] > 1:".into(),
                    "    details.append((w[0::2] - w[1::2]) / 2**0.5)".into(),
                    "    w = (w[0::2] + w[1::2]) / 2**0.5".into(),
                    "z = xp.concatenate((w, *reversed(details)))".into(),
                ];
                (up, down)
            }
        }
    }

    /// What T is, in words; none for the identity.
    pub fn words(&self) -> Option<String> {
        Some(match self {
            Self::Identity => return None,
            Self::Differences { order: 1 } => {
                "T is the first difference, (Tw)_i = w_i − w_(i−1); the level w_0 is free".into()
            }
            Self::Differences { order } => {
                format!(
                    "T is the difference of order {order}, (Tw)_i = (Δ^{order} w)_(i−{order}); the first {order} coordinates, which a polynomial of degree {} has, are free",
                    order - 1
                )
            }
            Self::Cosine => "T is the orthonormal cosine transform (DCT-II)".into(),
            Self::Fourier => {
                "T is the orthonormal real Fourier transform; cosine and sine of a frequency are penalised apart".into()
            }
            Self::Haar => "T is the orthonormal Haar wavelet transform".into(),
            Self::Forest { roots, edges, left_out } => {
                let cycles = match left_out {
                    0 => String::new(),
                    1 => "; 1 edge that closes a cycle is left out, and not penalised".into(),
                    count => format!("; {count} edges that close cycles are left out, and not penalised"),
                };
                format!(
                    "T takes the differences along {} edges; one node of each connected part ({}) is free{cycles}",
                    edges.len(),
                    roots.len()
                )
            }
        })
    }
}

/// T w of [`Operator::Differences`].
fn differences(w: &[f64], order: usize) -> Vec<f64> {
    let (mut heads, mut rest) = (Vec::new(), w.to_vec());
    for _ in 0..order {
        heads.push(rest[0]);
        rest = rest.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    heads.extend(rest);
    heads
}

/// Rows: the mean, then details from coarse to fine.
fn haar(n: usize) -> Matrix {
    let mut matrix = Matrix::zeros(n, n);
    (0..n).for_each(|i| matrix[(0, i)] = 1.0 / (n as f64).sqrt());
    let mut count = 1;
    while count < n {
        let width = n / count;
        for k in 0..count {
            for i in 0..width {
                let sign = if i < width / 2 { 1.0 } else { -1.0 };
                matrix[(count + k, k * width + i)] = sign / (width as f64).sqrt();
            }
        }
        count *= 2;
    }
    matrix
}
