//! Networks beyond forty connected parameters, centres of groups, and what must not be claimed: specs of a kind that users bring.

use gaugebias_geometry::{At, Derivation, DeriveOptions, GeometryError, balance, bias, derive};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, SymmetryError, find};

fn model(param: &str, rest: &str) -> SpecParametrization {
    let text = format!("[param]\n{param}\n{rest}");
    let file = SpecFile::parse("test", text, ".".into(), &[]).expect("a spec");
    SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor")
}

fn derived(param: &str, rest: &str) -> Derivation {
    derive(&model(param, rest), "t", &At::Balanced, &DeriveOptions::default())
        .unwrap_or_else(|e| panic!("{param}: {e}"))
}

/// Before a softmax, or with an offset that others share, a tensor has translations beside its group; the group is found all the same.
/// Expected: GL(r) or one rescaling a unit, and one translation for each column.
#[test]
fn translations_do_not_hide_groups_of_large_models() {
    let cases = [
        ("E = \"normal(9, 4)\"\nU = \"normal(8, 4)\"", "[model]\npredictor = \"softmax(E @ U.T)\"", 16 + 4),
        (
            "W = \"normal(6, 4)\"\nb = \"normal(6)\"\nV = \"normal(5, 6)\"\nc = \"normal(5)\"",
            "[batch]\nx = \"2 * normal(40, 4)\"\n[model]\npredictor = \"softmax(relu(x @ W.T + b) @ V.T + c)\"",
            6 + 7,
        ),
        (
            "E = \"normal(9, 4)\"\nU = \"normal(4, 7)\"\nb = \"normal(7)\"",
            "[batch]\ni = \"randint(0, 9, 40)\"\n[model]\npredictor = \"softmax(E[i] @ U + b)\"",
            16 + 4 + 5,
        ),
        ("A = \"normal(8, 5)\"\nB = \"normal(9, 5)\"", "[model]\npredictor = \"(A - mean(A, axis=0)) @ B.T\"", 25 + 5),
    ];
    for (param, rest, dimension) in cases {
        let found = derived(param, rest);
        assert_eq!((found.fiber_dimension, found.unexplained), (dimension, 0), "{param}: {}", found.to_text());
        assert_eq!((found.symmetries.dimension, found.symmetries.closed), (dimension, true), "{param}");
        let parts: f64 = found.bias.parts.iter().map(|part| part.value).sum();
        assert!((parts - found.bias.value.unwrap()).abs() < 1e-9, "{param}: {parts}, {:?}", found.bias.value);
    }
    let untied = derived(cases[0].0, cases[0].1);
    assert!(untied.charges.names.contains(&"E.T @ E - U.T @ U".to_owned()), "{:?}", untied.charges.names);
    assert_eq!(untied.charges.independent, Some(14));
}

/// The scale of one row before a normalisation is a coordinate of the search by itself, whose rows cancel.
#[test]
fn scales_of_rows_are_found_in_large_models() {
    let found = derived(
        "V = \"normal(7, 4)\"\nW = \"normal(2, 7)\"",
        "[batch]\nx = \"normal(60, 4)\"\n[model]\npredictor = \"tanh(x @ (V / norm(V, axis=1, keepdims=True)).T) @ W.T\"",
    );
    assert_eq!((found.fiber_dimension, found.orbit_dimension, found.unexplained), (7, 7, 0), "{}", found.to_text());
    assert_eq!(found.symmetries.factors[0].text, "scale × 7 on V");
    assert!(!found.slice.balanced_point);
}

/// A residual pair acts about W = −1; its charge is one of W + 1, and it is zero there, not elsewhere.
#[test]
fn charges_are_about_the_point_that_the_group_leaves_in_place() {
    let pair = "W1 = \"normal(3, 3)\"\nW2 = \"normal(3, 3)\"";
    let rest = "[batch]\nx = \"normal(8, 3)\"\n[model]\nh = \"x + x @ W1.T\"\npredictor = \"h + h @ W2.T\"";
    let found = derived(pair, rest);
    assert_eq!(found.charges.names, ["(W1 + eye(3)) @ (W1 + eye(3)).T - (W2 + eye(3)).T @ (W2 + eye(3))"]);
    let map = model(pair, rest);
    let symmetries = find(&map, &SearchOptions::default()).unwrap();
    let start: Vec<f64> = (0..18).map(|i| (0.3 + 1.1 * f64::from(i)).sin()).collect();
    let theta = balance(&symmetries, &start).unwrap().theta;
    let plus_one = |at: usize, i: usize, j: usize| theta[at + 3 * i + j] + f64::from(u8::from(i == j));
    for i in 0..3 {
        for j in 0..3 {
            let rows: f64 = (0..3).map(|k| plus_one(0, i, k) * plus_one(0, j, k)).sum();
            let columns: f64 = (0..3).map(|k| plus_one(9, k, i) * plus_one(9, k, j)).sum();
            assert!((rows - columns).abs() < 1e-9, "{i}, {j}: {rows} against {columns}");
        }
    }
    let map = model("a = 0.3\nb = 0.5", "[model]\npredictor = \"(1 + a) * b\"");
    let options = DeriveOptions { start: Some(vec![0.3, 0.5]), ..DeriveOptions::default() };
    let shifted = derive(&map, "t", &At::Balanced, &options).unwrap();
    assert_eq!(shifted.charges.names, ["0.5*((a + 1)**2 - b**2)"]);
    // u·v with a moved origin: B = ½ log 2|w|, and the slice is invariant.
    let b = 0.5 * (2.0 * 1.3 * 0.5_f64).ln();
    assert!((shifted.bias.value.unwrap() - b).abs() < 1e-12, "{:?}", shifted.bias.value);
    assert!(shifted.slice_invariance.unwrap() < 1e-12);
    let definite = derived("W = \"normal(3)\"", "[model]\npredictor = \"(W - 1) / norm(W - 1)\"").slice;
    assert_eq!((definite.balanced_point, definite.held.len()), (false, 1), "{definite:?}");
}

/// Stacked factors and moved centres look like catalogued groups and have other volumes: there is no formula, rather than a false one.
#[test]
fn formulas_that_disagree_with_the_numbers_are_not_told() {
    let train = derived(
        "G1 = \"normal(3, 2)\"\nG2 = \"normal(2, 3, 2)\"\nG3 = \"normal(2, 3)\"",
        "[model]\nh = \"G1 @ reshape(G2, 2, 6)\"\npredictor = \"reshape(h, 9, 2) @ G3\"",
    );
    let residual = derived(
        "W1 = \"normal(2, 2)\"\nW2 = \"normal(2, 2)\"",
        "[batch]\nx = \"normal(8, 2)\"\n[model]\nh = \"x + x @ W1.T\"\npredictor = \"h + h @ W2.T\"",
    );
    let distance = derived("a = \"normal(3)\"", "[model]\npredictor = \"norm(a - [1.0, 2.0, 3.0])\"");
    for found in [train, residual, distance] {
        assert!(found.symmetries.closed && found.unexplained == 0, "{}", found.to_text());
        let forms = found.bias.parts.iter().filter_map(|part| part.formula_error).chain(found.bias.formula_error);
        assert!(forms.into_iter().all(|error| error < 1e-8), "{}", found.to_text());
        assert_eq!((found.bias.formula, found.bias.latex), (None, None));
    }
}

/// A hidden layer wider than the rank of the product: its orbits come near to points where all charges vanish, and hold none.
#[test]
fn a_balanced_point_in_the_limit_is_none() {
    let (param, rest) = ("W1 = \"normal(3, 5)\"\nW2 = \"normal(2, 3)\"", "[model]\npredictor = \"W2 @ W1\"");
    let found = derived(param, rest);
    assert!(!found.slice.balanced_point && found.slice.text.contains("in the limit only"), "{:?}", found.slice);
    assert!(found.notes.iter().any(|note| note.contains("lies on another orbit")), "{:?}", found.notes);
    let square = derived("W1 = \"normal(3, 5)\"\nW2 = \"normal(4, 3)\"", rest);
    assert!(square.slice.balanced_point, "{:?}", square.slice);
}

/// No derivative sees a sign, and it is no symmetry to change it.
#[test]
fn parameters_that_act_through_jumps_are_refused() {
    for predictor in ["tanh(sign(u)) * v", "where(u > 0, v, 2 * v)"] {
        let map = model("u = \"normal(3)\"\nv = \"normal(3)\"", &format!("[model]\npredictor = \"{predictor}\""));
        match derive(&map, "t", &At::Balanced, &DeriveOptions::default()) {
            Err(GeometryError::Symmetry(SymmetryError::Jumps { tensors, .. })) => assert_eq!(tensors, "u"),
            other => panic!("{predictor}: {other:?}"),
        }
    }
}

/// Where the balanced point is not determined by its orbit, the number told for it is one of many, and that is said.
#[test]
fn directions_without_a_charge_leave_the_balanced_point_open() {
    let param = "W1 = \"normal(3, 2)\"\nb1 = \"normal(3)\"\nW2 = \"normal(2, 3)\"\nb2 = \"normal(2)\"";
    let found = derived(param, "[batch]\nx = \"normal(9, 2)\"\n[model]\npredictor = \"(x @ W1.T + b1) @ W2.T + b2\"");
    assert!(found.notes.iter().any(|note| note.contains("neither a charge")), "{:?}", found.notes);
    let screw = derived(
        "a = \"normal(2)\"\nt = 0.3",
        "[model]\npredictor = \"[a[0]*cos(t) - a[1]*sin(t), a[0]*sin(t) + a[1]*cos(t)]\"",
    );
    assert_eq!((screw.symmetries.compact, screw.orbit_dimension, screw.unexplained), (0, 1, 0));
}

/// B at any point is ½ log det Γ of all generators, translations that are not orthogonal to the others included.
#[test]
fn parts_of_the_bias_add_up_off_the_slice() {
    let (param, rest) = ("E = \"normal(9, 4)\"\nU = \"normal(8, 4)\"", "[model]\npredictor = \"softmax(E @ U.T)\"");
    let map = model(param, rest);
    let theta: Vec<f64> = (0..map.parameter_count()).map(|i| (0.2 + 0.9 * (i * i) as f64).cos()).collect();
    let found = derive(&map, "t", &At::Initial(theta.clone()), &DeriveOptions::default()).unwrap();
    let parts: f64 = found.bias.parts.iter().map(|part| part.value).sum();
    let whole = bias(&find(&map, &SearchOptions::default()).unwrap(), &theta).unwrap().unwrap();
    assert!((parts - whole).abs() < 1e-9 && (found.bias.value.unwrap() - whole).abs() < 1e-12, "{parts}, {whole}");
    // Two points of one orbit keep the predictor.
    let balanced = balance(&find(&map, &SearchOptions::default()).unwrap(), &theta).unwrap().theta;
    let values = map.predictor(&[Point { theta, draw: 0 }, Point { theta: balanced, draw: 0 }]);
    assert!(values[0].iter().zip(&values[1]).all(|(a, b)| (a - b).abs() < 1e-10));
}
