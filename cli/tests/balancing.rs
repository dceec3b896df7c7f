//! `balance` keeps the predictor and brings every charge to zero, judged by the library's evaluation of the model and
//! by charges written out here.

mod common;

use std::collections::BTreeMap;

use common::{Folder, Normals, Tensor, read_tensors, specs_in, write_tensors};
use gaugebias::model::spec::SpecFile;
use gaugebias::model::{DataBinding, Parametrization, Point, SpecParametrization};

/// A matrix as (rows, columns, values); vectors are columns.
type Matrix = (usize, usize, Vec<f64>);

fn matrix(tensor: &Tensor) -> Matrix {
    match tensor.shape[..] {
        [rows] => (rows, 1, tensor.values.clone()),
        [rows, columns] => (rows, columns, tensor.values.clone()),
        _ => panic!("no matrix of shape {:?}", tensor.shape),
    }
}

/// All products of two rows of a matrix.
fn rows_gram((rows, columns, values): &Matrix) -> Vec<f64> {
    let product = |i: usize, j: usize| (0..*columns).map(|k| values[i * columns + k] * values[j * columns + k]).sum();
    (0..rows * rows).map(|at| product(at / rows, at % rows)).collect()
}

fn transposed((rows, columns, values): Matrix) -> Matrix {
    let flipped = (0..rows * columns).map(|at| values[(at % rows) * columns + at / rows]).collect();
    (columns, rows, flipped)
}

/// Squared lengths of rows.
fn rows_squared(matrix: &Matrix) -> Vec<f64> {
    let gram = rows_gram(matrix);
    (0..matrix.0).map(|i| gram[i * matrix.0 + i]).collect()
}

fn difference(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| a - b).collect()
}

/// The charges of a catalogue spec in closed form, up to factors; `None` for a spec without a balanced point.
fn charges(name: &str, theta: &BTreeMap<String, Tensor>) -> Option<Vec<f64>> {
    let rows = |name: &str| matrix(&theta[name]);
    let columns = |name: &str| transposed(rows(name));
    let rescaling = |a: Matrix, b: Matrix| difference(rows_squared(&a), rows_squared(&b));
    let linear = |a: Matrix, b: Matrix| difference(rows_gram(&a), rows_gram(&b));
    Some(match name {
        "attention" => [linear(columns("W_Q"), columns("W_K")), linear(columns("W_V"), rows("W_O"))].concat(),
        "batch-norm" => return None,
        "deep-linear" => [linear(rows("W1"), columns("W2")), linear(rows("W2"), columns("W3"))].concat(),
        "difference-of-squares" => theta["u"].values.iter().zip(&theta["v"].values).map(|(u, v)| u * v).collect(),
        "gram-factorization" | "radial" => vec![],
        "group" => rescaling(rows("s"), rows("x")),
        "hadamard" | "total-variation" => rescaling(rows("u"), rows("v")),
        "hadamard-depth-3" => [rescaling(rows("a"), rows("b")), rescaling(rows("b"), rows("c"))].concat(),
        "logits" => vec![theta["z"].values.iter().sum()],
        "lora" => linear(columns("B"), rows("A")),
        "matrix-factorization" => linear(columns("U"), rows("V")),
        "relu-unit" => rescaling(rows("W"), rows("v")),
        "rms-norm" => rescaling(columns("W"), rows("gain")),
        "swiglu" => rescaling(rows("up"), columns("down")),
        other => panic!("write down the charges of {other}"),
    })
}

fn flat(map: &SpecParametrization, theta: &BTreeMap<String, Tensor>) -> Vec<f64> {
    map.tensors().iter().flat_map(|tensor| theta[&tensor.name].values.clone()).collect()
}

fn predictor(map: &SpecParametrization, theta: &BTreeMap<String, Tensor>) -> Vec<f64> {
    map.predictor(&[Point { theta: flat(map, theta), draw: 0 }]).remove(0)
}

#[test]
fn balancing_keeps_the_predictor_and_removes_the_charges() {
    let mut balanced_specs = 0;
    for (name, path) in specs_in("catalogue") {
        let spec = SpecFile::read(&path, &[]).expect("a right spec").specs.remove(0);
        let map = SpecParametrization::predictor(&spec, DataBinding::Drawn).expect("a right predictor");
        let folder = Folder::new();
        let mut normals = Normals::new(7);
        for _ in 0..3 {
            let theta: BTreeMap<String, Tensor> =
                map.tensors().iter().map(|tensor| (tensor.name.clone(), normals.tensor(&tensor.shape))).collect();
            write_tensors(&folder.path("theta.safetensors"), &theta);
            let spec = path.to_str().unwrap();
            let command = ["balance", spec, "--at", "theta.safetensors", "-o", "balanced.safetensors", "--json"];
            let finished = folder.run(&command);
            let Some(before) = charges(&name, &theta) else {
                let finished = finished.ends_with(1);
                assert!(finished.stderr.contains("no balanced point"), "{name}: {}", finished.stderr);
                assert_eq!(finished.stdout, "");
                assert!(!folder.path("balanced.safetensors").exists());
                continue;
            };
            finished.ends_with(0).object();
            let balanced = read_tensors(&folder.path("balanced.safetensors"));
            let shapes = |tensors: &BTreeMap<String, Tensor>| -> Vec<(String, Vec<usize>)> {
                tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect()
            };
            assert_eq!(shapes(&balanced), shapes(&theta), "{name}");
            let (w, kept) = (predictor(&map, &theta), predictor(&map, &balanced));
            let scale = w.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let moved = difference(kept, w).iter().fold(0.0f64, |m, x| m.max(x.abs()));
            assert!(moved <= 1e-12 * scale, "{name}: the predictor moved by {:.1e}", moved / scale);
            let squared: f64 = flat(&map, &balanced).iter().map(|x| x * x).sum();
            let left = charges(&name, &balanced).unwrap().iter().fold(0.0f64, |m, q| m.max(q.abs()));
            assert!(left <= 1e-12 * squared, "{name}: a charge of {:.1e} of |θ|² is left", left / squared);
            // The points were not balanced to begin with.
            assert!(before.is_empty() || before.iter().any(|q| q.abs() > 1e-3), "{name}");
            balanced_specs += 1;
        }
    }
    assert_eq!(balanced_specs, 45, "15 specs have balanced points, three are tried for each");
}
