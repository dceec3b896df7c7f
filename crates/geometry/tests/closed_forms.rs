//! Every row of the catalogue: formula against numbers, and what it is called.

#[path = "../../symmetry/tests/zoo/mod.rs"]
mod zoo;

use gaugebias_geometry::{At, Derivation, DeriveOptions, derive};
use zoo::{Model, models};

fn derived(model: &Model) -> Derivation {
    derive(model, &model.name, &At::Balanced, &DeriveOptions::default())
        .unwrap_or_else(|e| panic!("{}: {e}", model.name))
}

fn check(model: &Model, formula: &str) {
    let derivation = derived(model);
    let bias = &derivation.bias;
    assert_eq!(bias.formula.as_deref(), Some(formula), "{}", model.name);
    let error = bias.formula_error.unwrap();
    assert!(error <= 1e-9, "{}: error {error:.1e}", model.name);
    assert_eq!(bias.basis, "canonical", "{}", model.name);
    assert!(!bias.basis_dependent, "{}", model.name);
}

#[test]
fn rescalings() {
    check(&models::hadamard(2, 3), "1/2 sum_{j=0..2} log|w_j| + 3/2 log 2");
    check(&models::hadamard(3, 2), "2/3 sum_{j=0..1} log|w_j| + log 3");
    check(&models::groups(2, 3), "1/2 sum_{j=0..1} log ||w_j|| + log 2");
    check(&models::total_variation(4), "1/2 sum_{j=0..3} log|w_j - w_(j-1)| + 2 log 2");
    check(&models::relu_layer(2, 3, 2, 6), "1/2 sum_{j=0..2} log(||W[j]|| ||v[:,j]||) + 3/2 log 2");
    check(&models::rms_norm(3, 2), "1/2 sum_{j=0..2} log(|gain[j]| ||W[:,j]||) + 3/2 log 2");
    check(&models::swiglu(2, 3), "1/2 sum_{j=0..2} log(||up[j]|| ||down[:,j]||) + 3/2 log 2");
}

#[test]
fn factorizations() {
    check(&models::chain(&[3, 2, 4]), "1/2 sum_{i,j<=2} log(sigma_i(w) + sigma_j(w))");
    check(&models::lora(4, 3, 2), "1/2 sum_{i,j<=2} log(sigma_i(w) + sigma_j(w))");
    check(
        &models::attention(3, 2, 4, true),
        "1/2 sum_{i,j<=2} log(sigma_i(Q K^T) + sigma_j(Q K^T)) + 1/2 sum_{i,j<=2} log(sigma_i(V O) + sigma_j(V O))",
    );
    check(&models::gram(4, 3), "1/2 sum_{i<j<=3} log(lambda_i(w) + lambda_j(w))");
    check(&models::gram(4, 2), "1/2 sum_{i<j<=2} log(lambda_i(w) + lambda_j(w))");
    let deep = derived(&models::chain(&[2, 2, 2, 2]));
    assert!(deep.bias.formula_error.unwrap() <= 1e-9);
    let deeper = derived(&models::chain(&[2, 2, 2, 2, 3]));
    assert!(deeper.bias.formula_error.unwrap() <= 1e-9);
}

#[test]
fn the_others() {
    check(&models::difference_of_squares(3), "1/2 sum_{j=0..2} log|w_j|");
    check(&models::radial(4), "3 log ||w_0||");
    check(&models::normalised_weight(4), "log(||W||)");
    let logits = derived(&models::logits(4));
    // One translation (1, 1, 1, 1): ½ log 4.
    assert_eq!(logits.bias.formula.as_deref(), Some("0.693147"));
    assert!(logits.bias.formula_error.unwrap() < 1e-12);
}

#[test]
fn what_has_no_closed_form_has_none() {
    let wide = derived(&models::chain(&[2, 3, 2]));
    assert!(wide.bias.basis_dependent);
    assert_eq!(wide.bias.formula, None);
    assert!(wide.bias.value.is_some() && wide.bias.coarea.is_some());
    let twisted = derived(&models::twisted(3, 4));
    assert_eq!((twisted.bias.formula, twisted.bias.basis), (None, "orthonormal"));
    // Three translations (1, −1) of length √2: a constant, whatever θ is.
    let sum = derived(&models::sum(3));
    assert!((sum.bias.value.unwrap() - 1.5 * 2.0_f64.ln()).abs() < 1e-12);
}

#[test]
fn on_square_slices_bias_and_coarea_differ_by_a_constant_and_on_others_by_the_stated_power() {
    for (sizes, power) in [([3, 3, 3], 0.0), ([4, 2, 2], -1.0), ([3, 2, 4], -1.5), ([5, 2, 3], -2.0)] {
        let model = models::chain(&sizes);
        let differences: Vec<f64> = (0..4)
            .map(|seed| {
                let start = zoo::normals(seed, sizes[0] * sizes[1] + sizes[1] * sizes[2]);
                let options = DeriveOptions { start: Some(start.clone()), formula_points: 1, ..Default::default() };
                let d = derive(&model, "chain", &At::Balanced, &options).unwrap();
                let left =
                    gaugebias_linalg::Matrix::from_row_major(sizes[0], sizes[1], start[..sizes[0] * sizes[1]].to_vec());
                let right =
                    gaugebias_linalg::Matrix::from_row_major(sizes[1], sizes[2], start[sizes[0] * sizes[1]..].to_vec());
                let sigma = gaugebias_linalg::svdvals(&left.matmul(&right)).unwrap();
                let logs: f64 = sigma[..sizes[1]].iter().map(|s| s.ln()).sum();
                d.bias.value.unwrap() - d.bias.coarea.unwrap() - power * logs
            })
            .collect();
        let spread = differences.iter().fold(0.0_f64, |m, x| m.max((x - differences[0]).abs()));
        assert!(spread < 1e-9, "{sizes:?}: {differences:?}");
    }
}

#[test]
fn orbits_that_shrink_on_the_slice_say_so() {
    // Linear 2-3-5: nine orbit dimensions at generic points, eight on the balanced slice.
    let derivation = derived(&models::chain(&[2, 3, 5]));
    assert_eq!((derivation.orbit_dimension, derivation.bias.orbit_dimension_here), (9, 8));
    assert_eq!((derivation.unexplained, derivation.bias.formula), (2, None));
    assert!(derivation.notes.iter().any(|n| n.contains("8 dimensions at this point")), "{:?}", derivation.notes);
}

#[test]
fn the_page_and_the_latex_carry_the_formula() {
    let derivation = derived(&models::hadamard(2, 3));
    assert!(derivation.to_text().contains("B = 1/2 sum_{j=0..2} log|w_j| + 3/2 log 2"));
    let latex = derivation.to_latex();
    assert!(latex.contains("\\mathbb{R}_{>0}^{3}") && latex.contains("\\log|w_{j}|"), "{latex}");
    assert_eq!(latex.matches('{').count(), latex.matches('}').count());
}
