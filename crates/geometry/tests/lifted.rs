//! Lifted derivations against direct ones, at sizes where both are possible.

use gaugebias_geometry::{At, DeriveOptions, derive, lifted_derivation};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Parametrization, SpecParametrization};
use gaugebias_symmetry::SearchOptions;
use gaugebias_symmetry::lifting::find_lifted;

const MATRICES: &str = "[param]\nU = \"normal(6, 5)\"\nV = \"normal(5, 7)\"\n[model]\npredictor = \"U @ V\"";

const LAYER_NORM: &str = "[param]\ngain = \"normal(7)\"\noffset = \"normal(7)\"\nW = \"normal(6, 7)\"\nb = \"normal(6)\"\n\
    [batch]\nx = \"normal(40, 7)\"\n[model]\nc = \"x - mean(x, axis=1, keepdims=True)\"\n\
    n = \"c / sqrt(mean(c**2, axis=1, keepdims=True))\"\npredictor = \"(gain * n + offset) @ W.T + b\"";

const NORMALISED: &str = "[param]\ngain = \"normal(6)\"\nW = \"normal(5, 6)\"\nv = \"normal(7, 5)\"\n[batch]\nx = \"normal(20, 6)\"\n\
    [model]\nn = \"x / sqrt(mean(x**2, axis=1, keepdims=True))\"\npredictor = \"relu((gain * n) @ W.T) @ v.T\"";

/// Translations of the last layer beside the rescalings of its units.
const CLASSIFIER: &str = "[param]\nW = \"normal(6, 4)\"\nb = \"normal(6)\"\nV = \"normal(5, 6)\"\nc = \"normal(5)\"\n\
    [batch]\nx = \"2 * normal(40, 4)\"\n[model]\npredictor = \"softmax(relu(x @ W.T + b) @ V.T + c)\"";

#[test]
fn what_is_lifted_equals_what_is_derived() {
    for text in [MATRICES, LAYER_NORM, NORMALISED, CLASSIFIER] {
        let file = SpecFile::parse("test", text.to_owned(), ".".into(), &[]).expect("a spec");
        let model = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor");
        let start: Vec<f64> = (0..model.parameter_count()).map(|i| (1.0 + 1.3 * (i * i) as f64).sin()).collect();
        let options = SearchOptions::default();
        let direct = derive(&model, "t", &At::Initial(start.clone()), &DeriveOptions::default()).expect("derived");
        let lifted = find_lifted(&file.specs[0], &model, &options).unwrap_or_else(|e| panic!("{text}: {e}"));
        let lifted = lifted_derivation("t", &lifted, &start, &options).expect("lifted");
        assert_eq!(lifted.orbit_dimension, Some(direct.orbit_dimension), "{text}");
        assert_eq!(lifted.charges.independent, direct.charges.independent, "{text}");
        let counts = |s: &gaugebias_geometry::SymmetryInfo| (s.dimension, s.noncompact, s.compact, s.closed);
        assert_eq!(counts(&lifted.symmetries), counts(&direct.symmetries), "{text}");
        assert!(lifted.lifted.closure_residual.is_some_and(|residual| residual <= 1e-14), "{text}");
        let bias = lifted.bias.expect("few entries");
        let near =
            |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + b.abs()));
        assert!(near(bias.value, direct.bias.value), "{text}: {:?}, {:?}", bias.value, direct.bias.value);
        assert!(near(bias.log_det_constraint_gram, direct.bias.log_det_constraint_gram), "{text}");
        // Translations that are not orthogonal to a rescaling share its block of Γ; the direct summands are told apart.
        if text != CLASSIFIER {
            assert_eq!(bias.parts.len(), direct.bias.parts.len(), "{text}");
        }
        // The bounds hold the rank that the direct derivation finds.
        let predictor = &lifted.predictor;
        assert!(predictor.generic_rank_at_least.is_some_and(|least| least <= direct.predictor.generic_rank), "{text}");
        assert!(predictor.generic_rank_at_most >= direct.predictor.generic_rank, "{text}");
        if let Some(rank) = predictor.generic_rank {
            assert_eq!((rank, lifted.unexplained), (direct.predictor.generic_rank, Some(direct.unexplained)), "{text}");
        }
    }
}

/// Where a factor of the copies is no family of axes, what is told are lower bounds, and no bias.
#[test]
fn a_partial_lift_claims_no_more_than_it_has() {
    let text =
        "[param]\nt = \"normal(60)\"\n[model]\npredictor = \"reshape(t[0:30], 10, 3) @ reshape(t[30:60], 3, 10)\"";
    let file = SpecFile::parse("test", text.to_owned(), ".".into(), &[]).expect("a spec");
    let model = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor");
    let options = SearchOptions::default();
    let lifted = find_lifted(&file.specs[0], &model, &options).expect("a lift");
    assert!(!lifted.not_lifted.is_empty());
    let derivation = lifted_derivation("t", &lifted, &vec![0.5; 60], &options).expect("lifted");
    assert!(derivation.bias.is_none());
    let text = derivation.to_text();
    for claim in ["symmetries: dimension at least", "orbit at least", "charges: at least", "bias: withheld"] {
        assert!(text.contains(claim), "{text}");
    }
}
