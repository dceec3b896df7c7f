//! What an invariant is called: in predictor coordinates where that is numerically true, else in parameters.

use super::cluster::{ClusterForm, chain_values, square_sum};
use gaugebias_linalg::{Matrix, pseudo_inverse, svdvals};
use gaugebias_model::{ParameterTensor, Parametrization, Point};

/// Two numbers agree when they differ by at most this, relative to their size.
const AGREEMENT: f64 = 1e-9;

/// Predictors with more coordinates are not searched for linear combinations.
const LINEAR_LIMIT: usize = 400;

/// The argument of a logarithm (or a matrix whose singular values are taken).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Label {
    /// |w_i|.
    Coordinate(usize),
    /// |(Tw)_i| for a linear T that is the first difference.
    Difference(usize),
    /// |(Tw)_i| for another linear T.
    Linear(usize),
    /// ‖w_g‖ over a set of predictor coordinates; the number counts the sets.
    Group(usize),
    /// The predictor as a matrix.
    PredictorMatrix,
    /// In parameters: a readable expression with the running index `j`, or without one.
    Parameters(String),
}

/// Random points and their predictors.
pub(crate) struct Samples {
    pub thetas: Vec<Vec<f64>>,
    pub predictors: Vec<Vec<f64>>,
    pub shape: Vec<usize>,
    pub usable: bool,
}

impl Samples {
    pub fn new(model: &dyn Parametrization, thetas: Vec<Vec<f64>>) -> Self {
        let points: Vec<Point> = thetas.iter().map(|t| Point { theta: t.clone(), draw: 0 }).collect();
        let predictors = model.predictor(&points);
        let finite = predictors.iter().flatten().all(|x| x.is_finite());
        let shape = model.predictor_shape();
        let small = shape.iter().product::<usize>() <= LINEAR_LIMIT;
        Self { thetas, predictors, shape, usable: finite && small && !model.depends_on_draw() }
    }

    fn agree(&self, f: impl Fn(&[f64]) -> f64, g: impl Fn(&[f64]) -> f64) -> bool {
        self.usable
            && self.thetas.iter().zip(&self.predictors).all(|(theta, w)| {
                let (a, b) = (f(theta), g(w));
                (a - b).abs() <= AGREEMENT * (a.abs() + b.abs())
            })
    }
}

/// Labels of all clusters, in their order.
pub(crate) fn label_all(forms: &[ClusterForm], samples: &Samples, tensors: &[ParameterTensor]) -> Vec<Label> {
    let linear = linear_labels(forms, samples);
    let mut groups = 0;
    let label = |(form, linear): (&ClusterForm, Option<Label>)| {
        if let Some(label) = linear {
            return label;
        }
        if let Some(label) = matrix_label(form, samples) {
            return label;
        }
        if let Some(size) = norm_of(form)
            && is_group(&size, samples)
        {
            groups += 1;
            return Label::Group(groups - 1);
        }
        Label::Parameters(parameter_label(form, tensors))
    };
    forms.iter().zip(linear).map(label).collect()
}

type Invariant<'a> = Box<dyn Fn(&[f64]) -> f64 + 'a>;

/// A signed scalar whose logarithm the form takes, if all its blocks are scalars.
fn signed_scalar(form: &ClusterForm) -> Option<Invariant<'_>> {
    match form {
        ClusterForm::Rescaling { blocks, .. } if form.is_plain_rescaling() => blocks
            .iter()
            .all(|b| b.len() == 1)
            .then(|| Box::new(|t: &[f64]| blocks.iter().map(|b| t[b[0]]).product()) as Invariant<'_>),
        ClusterForm::Boost { pair: [i, j] } => Some(Box::new(|t: &[f64]| t[*i].powi(2) - t[*j].powi(2))),
        _ => None,
    }
}

/// The non-negative size whose logarithm the form takes.
fn norm_of(form: &ClusterForm) -> Option<Invariant<'_>> {
    match form {
        ClusterForm::Rescaling { blocks, .. } if form.is_plain_rescaling() => {
            Some(Box::new(|t: &[f64]| blocks.iter().map(|b| square_sum(b, t).sqrt()).product()))
        }
        ClusterForm::Sphere { indices } | ClusterForm::Scale { indices } => {
            Some(Box::new(|t: &[f64]| square_sum(indices, t).sqrt()))
        }
        _ => None,
    }
}

/// Scalars that are linear in the predictor: T by least squares, recognised when it is 1 or the first difference.
fn linear_labels(forms: &[ClusterForm], samples: &Samples) -> Vec<Option<Label>> {
    let none = vec![None; forms.len()];
    let scalars: Vec<_> = forms.iter().map(signed_scalar).collect();
    if !samples.usable || scalars.iter().all(Option::is_none) {
        return none;
    }
    let d = samples.predictors[0].len();
    let inputs = Matrix::from_fn(samples.predictors.len(), d, |i, j| samples.predictors[i][j]);
    let Ok(inverse) = pseudo_inverse(&inputs, 1e-12) else {
        return none;
    };
    let row = |scalar: &Invariant<'_>| {
        let target: Vec<f64> = samples.thetas.iter().map(|t| scalar(t)).collect();
        let row = inverse.mul_vec(&target);
        let fitted = inputs.mul_vec(&row);
        let scale = target.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let fits = fitted.iter().zip(&target).all(|(a, b)| (a - b).abs() <= AGREEMENT * scale);
        fits.then_some(row)
    };
    let rows: Vec<Option<Vec<f64>>> = scalars.iter().map(|s| s.as_ref().and_then(row)).collect();
    let differences =
        rows.len() == d && rows.iter().enumerate().all(|(i, r)| r.as_ref().is_some_and(|r| is_difference(r, i)));
    let name = |(i, row): (usize, &Option<Vec<f64>>)| {
        let row = row.as_ref()?;
        let large: Vec<usize> = (0..d).filter(|&j| row[j].abs() > 1e-8).collect();
        Some(match large.as_slice() {
            [j] if (row[*j].abs() - 1.0).abs() < 1e-8 => Label::Coordinate(*j),
            _ if differences => Label::Difference(i),
            _ => Label::Linear(i),
        })
    };
    let labels: Vec<Option<Label>> = rows.iter().enumerate().map(name).collect();
    // The first row of a difference is a plain coordinate; one name for all of them reads better.
    if differences && labels.iter().any(|l| matches!(l, Some(Label::Difference(_)))) {
        return (0..d).map(|i| Some(Label::Difference(i))).collect();
    }
    labels
}

fn is_difference(row: &[f64], i: usize) -> bool {
    let expected = |j: usize| match (j == i, j + 1 == i) {
        (true, _) => 1.0,
        (_, true) => -1.0,
        _ => 0.0,
    };
    row.iter().enumerate().all(|(j, x)| (x - expected(j)).abs() < 1e-8)
}

/// Whether the size is the norm of some predictor coordinates: those that vary with it while the others do not is
/// found by fitting its square with the squares of the coordinates.
fn is_group(size: &Invariant<'_>, samples: &Samples) -> bool {
    if !samples.usable {
        return false;
    }
    let d = samples.predictors[0].len();
    let squares = Matrix::from_fn(samples.predictors.len(), d, |i, j| samples.predictors[i][j].powi(2));
    let target: Vec<f64> = samples.thetas.iter().map(|t| size(t).powi(2)).collect();
    let Ok(inverse) = pseudo_inverse(&squares, 1e-12) else {
        return false;
    };
    let weights = inverse.mul_vec(&target);
    let members: Vec<usize> = (0..d).filter(|&j| (weights[j] - 1.0).abs() < 1e-6).collect();
    !members.is_empty() && samples.agree(size, |w| members.iter().map(|&j| w[j] * w[j]).sum::<f64>().sqrt())
}

/// Singular values (or their squares) of the predictor as a matrix.
fn matrix_label(form: &ClusterForm, samples: &Samples) -> Option<Label> {
    let (matrices, size, power) = match form {
        ClusterForm::Chain { matrices, size } => (matrices.as_slice(), *size, 1.0),
        ClusterForm::Rotations { rows, size } => (std::slice::from_ref(rows), *size, 2.0),
        _ => return None,
    };
    let &[rows, columns] = matrix_shape(&samples.shape, matrices, power)?.as_slice() else {
        return None;
    };
    let equal = samples.thetas.iter().zip(&samples.predictors).all(|(theta, w)| {
        let own = chain_values(matrices, size, theta, power);
        let whole = svdvals(&Matrix::from_row_major(rows, columns, w.clone())).unwrap_or_default();
        let scale = whole.first().copied().unwrap_or(0.0);
        whole.len() >= size && own.iter().zip(&whole).all(|(a, b)| (a - b).abs() < AGREEMENT * scale)
    });
    (samples.usable && equal).then_some(Label::PredictorMatrix)
}

/// The declared shape, or for a flat predictor the outer sizes of the product.
fn matrix_shape(shape: &[usize], matrices: &[Vec<Vec<usize>>], power: f64) -> Option<Vec<usize>> {
    if shape.len() == 2 {
        return Some(shape.to_vec());
    }
    let rows = matrices[0].len();
    let columns = if power == 2.0 { rows } else { matrices.last()?[0].len() };
    let flat = shape.iter().product::<usize>();
    (flat == rows * columns).then(|| vec![rows, columns])
}

fn parameter_label(form: &ClusterForm, tensors: &[ParameterTensor]) -> String {
    let norm = |block: &Vec<usize>| match block.as_slice() {
        [single] => format!("|{}|", gaugebias_symmetry::element_name(*single, tensors)),
        _ => format!("||{}||", block_label(block, tensors)),
    };
    match form {
        ClusterForm::Rescaling { blocks, multiplicities, .. } => {
            let power = |(block, n): (&Vec<usize>, &f64)| {
                if *n == 1.0 { norm(block) } else { format!("{}^{n}", norm(block)) }
            };
            blocks.iter().zip(multiplicities).map(power).collect::<Vec<_>>().join(" ")
        }
        ClusterForm::Chain { matrices, .. } => {
            matrices.iter().map(|m| stacked_label(m, tensors)).collect::<Vec<_>>().join(" ")
        }
        ClusterForm::Rotations { rows, .. } => stacked_label(rows, tensors),
        ClusterForm::Sphere { indices } | ClusterForm::Scale { indices } => norm(indices),
        ClusterForm::Boost { pair: [i, j] } => {
            let name = |i: usize| gaugebias_symmetry::element_name(i, tensors);
            format!("|{}^2 - {}^2|", name(*i), name(*j))
        }
    }
}

/// A matrix by its rows of parameter indices: `W`, `W^T` where its columns are stored as rows, `[W; b]` where tensors lie below
/// each other and `[U, V]` where they lie side by side.
fn stacked_label(matrix: &[Vec<usize>], tensors: &[ParameterTensor]) -> String {
    let transposed = matrix.len() > 1 && matrix[1][0] == matrix[0][0] + 1;
    let of = |i: usize| tensors.iter().position(|t| (t.offset..t.offset + t.len()).contains(&i));
    let parts: Vec<String> = tensors
        .iter()
        .map(|t| matrix.iter().flatten().copied().filter(|i| (t.offset..t.offset + t.len()).contains(i)).collect())
        .filter(|own: &Vec<usize>| !own.is_empty())
        .map(|own| block_label(&own, tensors))
        .collect();
    let row_spans_several = matrix[0].iter().any(|&i| of(i) != of(matrix[0][0]));
    let separator = if row_spans_several == transposed { "; " } else { ", " };
    let name = if parts.len() == 1 { parts[0].clone() } else { format!("[{}]", parts.join(separator)) };
    name + if transposed { "^T" } else { "" }
}

/// A tensor, its row or column, or the names of the tensors that hold the indices.
pub(crate) fn block_label(indices: &[usize], tensors: &[ParameterTensor]) -> String {
    let mut sorted = indices.to_vec();
    sorted.sort_unstable();
    let holds = |t: &&ParameterTensor| sorted.iter().any(|i| (t.offset..t.offset + t.len()).contains(i));
    let parts: Vec<String> = tensors
        .iter()
        .filter(holds)
        .map(|t| {
            let own: Vec<usize> =
                sorted.iter().filter(|i| (t.offset..t.offset + t.len()).contains(*i)).map(|i| i - t.offset).collect();
            tensor_part(&own, t)
        })
        .collect();
    parts.join(", ")
}

fn tensor_part(own: &[usize], tensor: &ParameterTensor) -> String {
    if own.len() == tensor.len() {
        // With more than two axes it enters as a matrix.
        return if tensor.shape.len() > 2 { format!("mat({})", tensor.name) } else { tensor.name.clone() };
    }
    if let &[rows, columns] = tensor.shape.as_slice() {
        let step = |by: usize| own.windows(2).all(|w| w[1] - w[0] == by);
        if own.len() == columns && own[0].is_multiple_of(columns) && step(1) {
            return format!("{}[{}]", tensor.name, own[0] / columns);
        }
        if own.len() == rows && own[0] < columns && step(columns) {
            return format!("{}[:,{}]", tensor.name, own[0]);
        }
        let mut places: Vec<usize> = own.iter().map(|i| i % columns).collect();
        places.sort_unstable();
        places.dedup();
        if places.len() < columns && places.len() * rows == own.len() {
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            return format!("{}[:,[{}]]", tensor.name, places.join(","));
        }
    }
    if own.len() == 1 && tensor.shape.len() == 1 {
        return format!("{}[{}]", tensor.name, own[0]);
    }
    format!("{}[{} entries]", tensor.name, own.len())
}
