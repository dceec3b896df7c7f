//! Singular strata near a point, balanced points that do not exist, and the gradient where Γ is ill-conditioned.

use gaugebias_geometry::{At, DeriveOptions, bias_gradient, derive, strata};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, Symmetries, find};

fn model(text: &str) -> SpecParametrization {
    let file = SpecFile::parse("test", text.to_owned(), ".".into(), &[]).expect("a spec");
    SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a predictor")
}

fn symmetries(text: &str) -> Symmetries {
    find(&model(text), &SearchOptions::default()).expect("symmetries")
}

const RELU: &str = "[param]\nW = \"normal(3, 2)\"\nv = \"normal(2, 3)\"\n[batch]\nx = \"normal(16, 2)\"\n\
                    [model]\npredictor = \"relu(x @ W.T) @ v.T\"";

/// Unit 1 is dead: its weights all but vanish, and nothing else.
#[test]
fn a_unit_that_vanishes_is_named() {
    let found = symmetries(RELU);
    let mut theta = vec![1.0, -0.6, 1e-6, 2e-6, 0.3, 0.8, 0.7, 1e-6, -1.0, 0.4, -1e-6, 0.9];
    let near = strata(&found, &theta, 0).unwrap();
    assert_eq!(near.len(), 1, "{near:?}");
    assert_eq!(near[0].acts_on, ["W", "v"]);
    assert_eq!(near[0].combination.len(), 1);
    assert_eq!(near[0].combination[0].generator, "rescaling of W[1], v[:,1]");
    assert!(near[0].length < 1e-5 && near[0].length > 1e-8, "{}", near[0].length);
    for i in [2, 3, 7, 10] {
        theta[i] = 0.5;
    }
    assert_eq!(strata(&found, &theta, 0).unwrap(), []);
}

/// On U = (a, 0), V = (b, 0)ᵀ the second hidden direction is unused: exactly the combination E_11 vanishes.
#[test]
fn a_hidden_direction_that_is_not_used_is_a_combination() {
    let found = symmetries("[param]\nU = \"normal(3, 2)\"\nV = \"normal(2, 3)\"\n[model]\npredictor = \"U @ V\"");
    let theta = [1.0, 0.0, 0.5, 0.0, -0.7, 0.0, 0.9, -0.2, 0.4, 0.0, 0.0, 0.0];
    let near = strata(&found, &theta, 0).unwrap();
    assert_eq!(near.len(), 1, "{near:?}");
    assert_eq!((near[0].length, near[0].combination.len()), (near[0].length.min(1e-15), 1));
    assert_eq!(near[0].combination[0].generator, "E[1,1] of GL(2) on U, V");
    assert!((near[0].combination[0].weight - 1.0).abs() < 1e-12);
    // Rotated by 45° it is E_11 in the new frame, a combination of four generators.
    let turn = |x: &[f64; 2]| [(x[0] - x[1]) / 2f64.sqrt(), (x[0] + x[1]) / 2f64.sqrt()];
    let mut turned = theta;
    for row in 0..3 {
        let u = turn(&[theta[2 * row], theta[2 * row + 1]]);
        let v = turn(&[theta[6 + row], theta[9 + row]]);
        (turned[2 * row], turned[2 * row + 1], turned[6 + row], turned[9 + row]) = (u[0], u[1], v[0], v[1]);
    }
    let near = strata(&found, &turned, 0).unwrap();
    assert_eq!((near.len(), near[0].combination.len()), (1, 4));
    assert!(near[0].combination.iter().all(|t| (t.weight.abs() - 0.5).abs() < 1e-12), "{near:?}");
}

#[test]
fn balanced_points_exist_or_not() {
    let derived = |text: &str| derive(&model(text), "t", &At::Balanced, &DeriveOptions::default()).expect("derived");
    let relu = derived(RELU).slice;
    assert!(relu.balanced_point && relu.held.is_empty(), "{relu:?}");
    let scale = derived("[param]\nW = \"normal(3)\"\n[model]\npredictor = \"W / sqrt(sum(W**2))\"").slice;
    assert_eq!((scale.balanced_point, scale.held), (false, vec!["½‖W‖²".to_owned()]));
    assert!(scale.text.contains("Q = const"), "{}", scale.text);
    let rotations = derived("[param]\nU = \"normal(3, 2)\"\n[model]\npredictor = \"U @ U.T\"").slice;
    assert!(rotations.balanced_point && rotations.text.contains("no charges"), "{rotations:?}");
}

/// Far out on the orbit Γ has a condition of 1e12; the gradient there is that of the balanced point carried along: B is
/// invariant along a compact direction and changes at a known rate along the orbit of a rescaling.
#[test]
fn the_gradient_is_right_where_cholesky_is_not_enough() {
    let found = symmetries("[param]\nU = \"normal(2, 2)\"\nV = \"normal(2, 2)\"\n[model]\npredictor = \"U @ V\"");
    // Γ = UᵀU ⊗ 1 + 1 ⊗ VVᵀ: with U = diag(1, ε) and V = diag(1, ε) its eigenvalues are 2, 1 + ε² twice, 2ε².
    let epsilon = 1e-5;
    let theta = [1.0, 0.0, 0.0, epsilon, 1.0, 0.0, 0.0, epsilon];
    let gradient = bias_gradient(&found, &theta).unwrap();
    // B = ½ log det: ∂B/∂U_11 = ½ (2 U_11)(1/(U_11² + V_11²) + 1/(U_11² + ε²)) and so on, U_22 alike.
    let mixed = 1.0 / (1.0 + epsilon * epsilon);
    let (large, small) = (0.5 + mixed, epsilon * (0.5 / (epsilon * epsilon) + mixed));
    let expected = [large, 0.0, 0.0, small, large, 0.0, 0.0, small];
    for (found, expected) in gradient.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-8 * (1.0 + expected.abs()), "{gradient:?}");
    }
}
