//! Parameters that cancel to rounding only, charges that cannot vanish, and what is said where not everything is known.

use gaugebias_geometry::{At, Derivation, DeriveOptions, GeometryError, derive, derive_from};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, SymmetryError, find};

fn model(text: &str) -> SpecParametrization {
    let file = SpecFile::parse("test", text.to_owned(), ".".into(), &[]).expect("a spec");
    SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor")
}

fn derived(text: &str) -> Derivation {
    derive(&model(text), "t", &At::Balanced, &DeriveOptions::default()).expect("derived")
}

fn attention(scale: &str) -> String {
    format!(
        "[param]\nWQ = \"normal(4, 2)\"\nbq = \"normal(2)\"\nWK = \"normal(4, 2)\"\nbk = \"normal(2)\"\nWV = \"normal(4, 2)\"\n\
         WO = \"normal(2, 3)\"\n[batch]\nx = \"normal(4, 5, 4)\"\n[model]\nq = \"x @ WQ + bq\"\nk = \"x @ WK + bk\"\n\
         predictor = \"softmax(q @ transpose(k, 0, 2, 1) / {scale}) @ (x @ WV) @ WO\""
    )
}

const BATCH_NORM: &str = "[param]\nW = \"normal(4, 3)\"\nb = \"normal(3)\"\ng = \"normal(3)\"\n[batch]\nx = \"normal(8, 4)\"\n[model]\n\
                          h = \"x @ W + b\"\nc = \"h - mean(h, axis=0)\"\npredictor = \"c / sqrt(mean(c**2, axis=0)) * g\"";

const CENTRED: &str = "[param]\nw = \"normal(3)\"\nb = \"normal(1)\"\n[batch]\nx = \"normal(8, 3)\"\n[model]\nh = \"x @ w + b[0]\"\n\
                       predictor = \"h - mean(h)\"";

/// (text, parameters that cancel, fiber): a constant added before centring; keys' bias, the same to every score of a query.
#[test]
fn biases_that_cancel_are_translations() {
    for (text, unused, fiber) in
        [(BATCH_NORM, "b", 6), (CENTRED, "b", 1), (&attention("1"), "bk", 10), (&attention("sqrt(2)"), "bk", 10)]
    {
        let found = derived(text);
        assert_eq!((found.fiber_dimension, found.orbit_dimension, found.unexplained), (fiber, fiber, 0), "{text}");
        assert_eq!((found.symmetries.dimension, found.unused.join(",")), (fiber, unused.to_owned()), "{text}");
        assert!(found.symmetries.closed, "{text}");
    }
    assert_eq!(derived(&attention("sqrt(2)")).charges.independent, Some(8));
}

/// The test above is about rounding: in exact arithmetic the columns are zero, here they are not.
#[test]
fn what_cancels_is_not_zero_in_floating_point() {
    let model = model(&attention("sqrt(2)"));
    let theta: Vec<f64> = (0..model.parameter_count()).map(|i| (1.7 * i as f64).sin()).collect();
    let jacobian = model.jacobian(&[Point { theta, draw: 3 }]).swap_remove(0);
    let keys = model.tensors().iter().find(|t| t.name == "bk").unwrap();
    let column = |i: usize| jacobian.chunks_exact(model.parameter_count()).map(move |row| row[i].abs());
    let largest = (keys.offset..keys.offset + 2).flat_map(column).fold(0.0, f64::max);
    assert!(largest > 0.0 && largest < 1e-12, "{largest:e}");
}

/// A predictor coordinate of small unit is no noise, and neither is a parameter that only it sees.
#[test]
fn small_units_are_not_taken_for_rounding() {
    let text = "[param]\nu = \"normal(2)\"\nv = \"normal(2)\"\n[model]\npredictor = \"u * v * [1e9, 1e-9]\"";
    let found = derived(text);
    assert_eq!((found.fiber_dimension, found.orbit_dimension), (2, 2));
    assert_eq!(found.symmetries.factors.iter().map(|f| f.text.as_str()).collect::<Vec<_>>(), ["rescaling × 2 on u, v"]);
}

#[test]
fn stacked_matrices_are_named_in_brackets() {
    let formula = derived(&attention("1")).bias.formula.expect("a closed form");
    assert!(formula.contains("sigma_i([WQ; bq] WK^T)"), "{formula}");
    let beside = "[param]\nU = \"normal(3, 2)\"\nV = \"normal(2, 3)\"\nW = \"normal(2, 4)\"\n[model]\npredictor = \"U @ concat([V, W], axis=1)\"";
    let formula = derived(beside).bias.formula.expect("a closed form");
    assert!(formula.contains("sigma_i(w)") || formula.contains("sigma_i(U [V, W])"), "{formula}");
}

/// Weights before a layer normalisation have a norm that no symmetry changes to zero; where the mean is taken off along one axis
/// and the scale along the other, what is held is no whole tensor.
#[test]
fn semidefinite_charges_are_held() {
    let found =
        derived("[param]\nw = \"normal(5)\"\n[model]\nc = \"w - mean(w)\"\npredictor = \"c / sqrt(sum(c**2))\"");
    assert_eq!((found.slice.balanced_point, found.slice.held.as_slice()), (false, ["½‖w‖²".to_owned()].as_slice()));
    assert_eq!(found.charges.names, ["sum(w)", "0.5*(sum(w**2))"]);
    assert_eq!((found.symmetries.dimension, found.unexplained, found.bias.at), (2, 0, "balanced"));
    // Of w the part along (1, 1) is seen as it is, and what is orthogonal to it by its direction.
    let found = derived(
        "[param]\nw = \"normal(3)\"\n[model]\nm = \"mean(w)\"\nc = \"w - m\"\npredictor = \"[c[0], c[1], m * norm(c)] / norm(c)\"",
    );
    let name = "0.5*sum((w - mean(w))**2)";
    assert_eq!(
        (found.slice.held.as_slice(), found.charges.names.as_slice()),
        ([name.to_owned()].as_slice(), [name.to_owned()].as_slice())
    );
    assert_eq!((found.symmetries.dimension, found.unexplained, found.bias.at), (1, 0, "balanced"));
}

#[test]
fn a_predictor_without_values_is_refused() {
    let map = model("[param]\nu = \"normal(3)\"\n[model]\npredictor = \"log(0*u - 1)\"");
    match derive(&map, "t", &At::Balanced, &DeriveOptions::default()) {
        Err(GeometryError::Symmetry(SymmetryError::NotFinite { skipped, tried })) => assert_eq!(skipped, tried),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// exp(b)·v: b moves by a constant, v by a factor. At the usual random points few values are more than rounding beside the largest.
#[test]
fn exponential_units_are_searched_closer_to_zero() {
    let found = derived(
        "[param]\nW = \"normal(3, 2)\"\nb = \"normal(3)\"\nv = \"normal(3)\"\n[batch]\nx = \"normal(16, 2)\"\n\
         [model]\npredictor = \"exp(x @ W.T + b) @ v\"",
    );
    assert_eq!((found.fiber_dimension, found.orbit_dimension, found.symmetries.dimension), (3, 3, 3));
    assert!(found.charges.names.iter().all(|name| name.contains("with linear terms")), "{:?}", found.charges.names);
}

#[test]
fn simple_algebras_are_known_up_to_isomorphism() {
    let lorentz = derived(
        "[param]\nx = \"normal(3)\"\ny = \"normal(3)\"\n[model]\n\
         predictor = \"[x[0]*y[0]+x[1]*y[1]-x[2]*y[2], x[0]**2+x[1]**2-x[2]**2, y[0]**2+y[1]**2-y[2]**2]\"",
    );
    let areas = derived(
        "[param]\na = \"normal(2)\"\nb = \"normal(2)\"\nc = \"normal(2)\"\n[model]\n\
         predictor = \"[a[0]*b[1]-a[1]*b[0], a[0]*c[1]-a[1]*c[0], b[0]*c[1]-b[1]*c[0]]\"",
    );
    for (found, on) in [(lorentz, "x, y"), (areas, "a, b, c")] {
        let text = found.to_text();
        assert!(text.contains(&format!("sl(2) ≅ so(2,1) on {on}: 2 non-compact, 1 compact; 2 charges")), "{text}");
        assert_eq!(found.symmetries.structure.unrecognised, 0);
    }
}

/// Of a span that is not all of the algebra the directions are told, and nothing that would need all of them.
#[test]
fn claims_about_a_span_that_is_not_closed_are_withheld() {
    let map = model("[param]\nU = \"normal(3, 2)\"\nV = \"normal(2, 3)\"\n[model]\npredictor = \"U @ V\"");
    let mut symmetries = find(&map, &SearchOptions::default()).unwrap();
    let options = DeriveOptions::default();
    let whole = derive_from(&map, &symmetries, "t", &At::Balanced, &options).unwrap();
    assert!(whole.bias.value.is_some() && whole.charges.independent == Some(3) && whole.slice.balanced_point);
    symmetries.closed = false;
    let part = derive_from(&map, &symmetries, "t", &At::Balanced, &options).unwrap();
    assert_eq!((part.bias.value, part.bias.formula.as_ref(), part.bias.parts.len()), (None, None, 0));
    assert_eq!((part.charges.independent, part.charges.names.len(), part.slice.balanced_point), (None, 0, false));
    assert_eq!(part.symmetries.dimension, 4);
    let text = part.to_text();
    for claim in ["NOT closed", "charges: withheld", "bias: withheld"] {
        assert!(text.contains(claim), "{text}");
    }
}
