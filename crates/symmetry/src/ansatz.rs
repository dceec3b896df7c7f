//! What is searched: a list of linear coordinates of the affine map (A, b).
//!
//! Each coordinate switches on some entries of the n × (n + 1) matrix [A b], all with value one. Small components
//! have one coordinate for each entry, the full affine ansatz. Larger ones get, for every tensor and axis, the maps of
//! that axis (X W, W Y), the constants, and the maps between tensors that share their other axes: a bias beside its
//! matrix acts as one more column, [W|b]. Everything after the choice of coordinates is the same for both. Rejected:
//! one search for small models and another for tensors; they would not be tested against each other.
//!
//! Coordinates may depend on each other (the identity of every axis is one map). What they give is a span of maps; the
//! search takes a basis of that.

/// Entries of [A b] that a coordinate switches on: (row, column), the column n standing for b.
type Pattern = Vec<(u32, u32)>;

/// A tensor of a component: its component-local parameter indices in row-major order, and its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalTensor {
    pub indices: Vec<usize>,
    pub shape: Vec<usize>,
}

/// The coordinates of a search over n parameters.
#[derive(Clone, Debug)]
pub(crate) struct Ansatz {
    size: usize,
    coordinates: Vec<Pattern>,
    /// Whether every affine map is among them.
    affine: bool,
}

/// A sum of products is zero where it is smaller than this times the sum of their sizes.
const CANCELS: f64 = 1e-12;

/// A tensor seen as a matrix: fibres along one axis, and what they are numbered by.
struct View {
    /// Shape of the other axes, without ones.
    rest: Vec<usize>,
    /// Parameter index at (position along the axis, number of the fibre).
    fibres: Vec<Vec<usize>>,
}

impl Ansatz {
    /// Every affine map of `size` parameters.
    pub fn affine(size: usize) -> Self {
        let n = size as u32;
        let coordinates = (0..n).flat_map(|i| (0..=n).map(move |j| vec![(i, j)])).collect();
        Self { size, coordinates, affine: true }
    }

    /// Maps of single axes, constants, and maps between tensors: always where one of the two is a vector, between
    /// matrices only while the number of coordinates stays within `mixing_limit`.
    ///
    /// # Errors
    /// The number of coordinates, where it is above `limit`; then nothing is built.
    pub fn tensors(size: usize, tensors: &[LocalTensor], mixing_limit: usize, limit: usize) -> Result<Self, usize> {
        let views: Vec<Vec<View>> = tensors.iter().map(views).collect();
        let mut pairs: Vec<(&View, &View)> = Vec::new();
        for own in &views {
            let real = own.len().saturating_sub(1).max(1);
            pairs.extend(own[..real].iter().map(|view| (view, view)));
        }
        let is_vector = |t: usize| tensors[t].shape.iter().filter(|&&s| s > 1).count() <= 1;
        let mut between_matrices = Vec::new();
        for (s, target) in views.iter().enumerate() {
            for (t, source) in views.iter().enumerate().filter(|(t, _)| *t != s) {
                let vectors = is_vector(s) || is_vector(t);
                if vectors { &mut pairs } else { &mut between_matrices }.extend(mixing(target, source));
            }
        }
        let count = |pairs: &[(&View, &View)]| {
            pairs.iter().map(|(to, from)| to.fibres.len() * from.fibres.len()).sum::<usize>()
        };
        if size + count(&pairs) + count(&between_matrices) <= mixing_limit {
            pairs.extend(between_matrices);
        }
        let total = size + count(&pairs);
        if total > limit {
            return Err(total);
        }
        let mut coordinates: Vec<Pattern> = (0..size as u32).map(|i| vec![(i, size as u32)]).collect();
        pairs.into_iter().for_each(|(to, from)| between(to, from, &mut coordinates));
        Ok(Self { size, coordinates, affine: false })
    }

    /// Whether every affine map is searched.
    pub fn is_affine(&self) -> bool {
        self.affine
    }

    /// Number of parameters.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of coordinates.
    pub fn len(&self) -> usize {
        self.coordinates.len()
    }

    /// gᵀ(A_c θ + b_c) for every coordinate c: a row of the linear system. Where a coordinate is a symmetry by itself (the scale of a row
    /// before a normalisation) its products cancel, to zero here: columns are equilibrated, and rounding would pass for a number.
    pub fn row(&self, theta: &[f64], gradient: &[f64]) -> Vec<f64> {
        let mut homogeneous = theta.to_vec();
        homogeneous.push(1.0);
        let value = |pattern: &Pattern| {
            let products = pattern.iter().map(|&(i, j)| gradient[i as usize] * homogeneous[j as usize]);
            let (sum, size) = products.fold((0.0_f64, 0.0_f64), |(sum, size), x| (sum + x, size + x.abs()));
            if sum.abs() <= CANCELS * size { 0.0 } else { sum }
        };
        self.coordinates.iter().map(value).collect()
    }

    /// The entries of [A b] with the given coordinates, where they are not zero; not in order, not unique.
    pub fn entries(&self, values: &[f64]) -> Vec<(usize, usize, f64)> {
        let present = self.coordinates.iter().zip(values).filter(|(_, x)| **x != 0.0);
        present.flat_map(|(pattern, &x)| pattern.iter().map(move |&(i, j)| (i as usize, j as usize, x))).collect()
    }
}

/// The views along each axis longer than one, then the view along an axis of length one.
fn views(tensor: &LocalTensor) -> Vec<View> {
    let shape = &tensor.shape;
    let mut found = Vec::new();
    for axis in (0..shape.len()).filter(|&a| shape[a] > 1) {
        let inner: usize = shape[axis + 1..].iter().product();
        let outer: usize = shape[..axis].iter().product();
        let fibre = |i: usize| -> Vec<usize> {
            let at = |o: usize, r: usize| tensor.indices[(o * shape[axis] + i) * inner + r];
            (0..outer).flat_map(|o| (0..inner).map(move |r| (o, r))).map(|(o, r)| at(o, r)).collect()
        };
        let rest = (0..shape.len()).filter(|&a| a != axis && shape[a] > 1).map(|a| shape[a]).collect();
        found.push(View { rest, fibres: (0..shape[axis]).map(fibre).collect() });
    }
    let rest = shape.iter().copied().filter(|&s| s > 1).collect();
    found.push(View { rest, fibres: vec![tensor.indices.clone()] });
    found
}

/// δtarget[i, ·] += source[k, ·] for every i and k.
fn between(target: &View, source: &View, coordinates: &mut Vec<Pattern>) {
    for to in &target.fibres {
        for from in &source.fibres {
            coordinates.push(to.iter().zip(from).map(|(&i, &j)| (i as u32, j as u32)).collect());
        }
    }
}

/// The pairs of views of two tensors whose other axes agree.
fn mixing<'a>(target: &'a [View], source: &'a [View]) -> Vec<(&'a View, &'a View)> {
    let mut pairs: Vec<(&View, &View)> = Vec::new();
    for to in target {
        for from in source {
            let both_whole = to.fibres.len() == 1 && from.fibres.len() == 1;
            if to.rest == from.rest && (!both_whole || pairs.is_empty()) {
                pairs.push((to, from));
            }
        }
    }
    pairs
}
