//! What is not there is not found, what is not explained is reported, and what cannot be decided is refused.

mod zoo;

use gaugebias_model::{ParameterTensor, Parametrization, Point};
use gaugebias_symmetry::{BasisKind, FactorKind, Nature, SearchOptions, SymmetryError, find, nearly};
use zoo::{Model, models};

#[test]
fn no_symmetry_is_no_generator() {
    let found = find(&models::cubic_link(3), &SearchOptions::default()).unwrap();
    assert_eq!((found.dimension(), found.fiber_dimension, found.unexplained()), (0, 0, 0));
    assert!(found.info.spectral_gap.is_none());
    assert_eq!(found.info.max_residual, 0.0);
}

#[test]
fn a_curved_fiber_is_reported_as_unexplained() {
    let found = find(&models::sum_with_cube(1), &SearchOptions::default()).unwrap();
    assert_eq!((found.dimension(), found.fiber_dimension), (0, 1));
    assert_eq!(found.unexplained(), 1);
    let wide = find(&models::chain(&[2, 3, 4]), &SearchOptions::default()).unwrap();
    // Linear n-r-m with r strictly between: (r − n)(m − r) dimensions are not affine.
    assert_eq!((wide.dimension(), wide.orbit_dimension, wide.unexplained()), (9, 9, 1));
}

#[test]
fn sums_have_translations_and_their_redundant_sections_are_counted() {
    let found = find(&models::sum(3), &SearchOptions::default()).unwrap();
    let summary = found.summary();
    assert_eq!(summary.len(), 1);
    assert_eq!((summary[0].kind, summary[0].count), (FactorKind::Translation, 3));
    // The full affine algebra of u + v in three dimensions has 21 elements.
    assert_eq!(found.info.redundant_sections + found.dimension(), 21);
    assert_eq!(found.charge_names[0], "u[0] - v[0]");
}

#[test]
fn idle_parameters_are_translations() {
    let found = find(&models::idle(), &SearchOptions::default()).unwrap();
    let summary = found.summary();
    assert_eq!(summary.len(), 1);
    assert_eq!((summary[0].kind, summary[0].count), (FactorKind::Translation, 3));
    assert_eq!(summary[0].acts_on, ["v"]);
    assert_eq!(found.unexplained(), 0);
    assert_eq!(found.unused(), ["v"]);
    let used = find(&models::sum(2), &SearchOptions::default()).unwrap();
    assert!(used.unused().is_empty(), "u + v uses both: {:?}", used.unused());
}

/// Most random points leave units of the third layer dead, and the rank of J below its generic value.
#[test]
fn deep_relu_nets_reach_their_rank() {
    let found = find(&models::relu_chain(&[3, 2, 4, 2], 8), &SearchOptions::default()).unwrap();
    assert_eq!((found.orbit_dimension, found.generic_rank, found.unexplained()), (6, 16, 0));
    assert!(!found.rank_is_bound);
    let hurried = SearchOptions { rank_points: 2, ..SearchOptions::default() };
    let bound = find(&models::relu_chain(&[3, 2, 4, 2], 8), &hurried).unwrap();
    assert!(bound.unexplained() == 0 || bound.rank_is_bound, "a rank seen twice at most is a bound");
}

#[test]
fn unexplained_directions_are_located() {
    let found = find(&models::sum_with_cube(1), &SearchOptions::default()).unwrap();
    // u + v³: moving one of them alone changes the sum.
    assert_eq!(found.unexplained_on, ["u", "v"]);
    assert!(!found.rank_is_bound);
    let explained = find(&models::hadamard(2, 1), &SearchOptions::default()).unwrap();
    assert!(explained.unexplained_on.is_empty());
}

/// Neither the order of declaration nor the neighbours of a unit change its generator, so det Γ is one number.
#[test]
fn canonical_bases_do_not_depend_on_the_order_of_tensors() {
    let square = |names: [&'static str; 2]| {
        Model::new("u v²", &[(names[0], &[1]), (names[1], &[1])], move |t| {
            let (u, v) = if names[0] == "u" { (&t[0], &t[1]) } else { (&t[1], &t[0]) };
            vec![u * &(v * v)]
        })
    };
    let length = |names, theta: [f64; 2]| {
        let found = find(&square(names), &SearchOptions::default()).unwrap();
        assert_eq!(found.summary()[0].kind, FactorKind::Rescaling);
        found.generators[0].field(&theta).iter().map(|x| x * x).sum::<f64>()
    };
    let (a, b) = (length(["u", "v"], [0.7, 1.9]), length(["v", "u"], [1.9, 0.7]));
    assert!((a - b).abs() < 1e-12 && (a - (0.49 + 0.25 * 3.61)).abs() < 1e-12, "{a} against {b}");
    let chained = find(&models::relu_chain(&[3, 4, 3, 2], 12), &SearchOptions::default()).unwrap();
    let sizes: Vec<usize> = chained.generators.iter().map(|g| g.support().len()).collect();
    // Fan-in and fan-out of each unit: 3 + 3 in the first hidden layer, 4 + 2 in the second.
    assert_eq!(sizes, [6; 7]);
    assert_eq!(chained.basis, BasisKind::Canonical);
}

#[test]
fn a_rescaling_about_another_point_is_affine() {
    let found = find(&models::shifted(2), &SearchOptions::default()).unwrap();
    let summary = found.summary();
    assert_eq!((summary[0].kind, summary[0].count), (FactorKind::Rescaling, 2));
    let field = found.generators[0].field(&[3.0, 0.0, 5.0, 0.0]);
    let expected = [4.0, 0.0, -5.0, 0.0];
    assert!(field.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-9), "{field:?}");
    assert_eq!(found.generators[0].nature(), Nature::Symmetric);
}

#[test]
fn a_group_that_is_not_aligned_with_the_axes_keeps_its_name() {
    let found = find(&models::twisted(3, 4), &SearchOptions::default()).unwrap();
    let summary = found.summary();
    assert_eq!((summary.len(), summary[0].kind, summary[0].size), (1, FactorKind::Gl, 2));
    assert_eq!(found.basis, BasisKind::Orthonormal);
    assert_eq!((found.compact, found.noncompact, found.independent_charges), (1, 3, 3));
}

#[test]
fn points_outside_the_domain_are_skipped_and_counted() {
    let found = find(&models::half_defined(), &SearchOptions::default()).unwrap();
    assert_eq!(found.dimension(), 1);
    assert_eq!(found.summary()[0].kind, FactorKind::Rescaling);
    // ln u + ln v has finite derivatives everywhere but at 0.
    let nowhere = Model::new("nowhere", &[("u", &[2])], |t| vec![(t[0].clone() - t[0].clone()).ln()]);
    match find(&nowhere, &SearchOptions::default()) {
        Err(SymmetryError::NotFinite { skipped, tried }) => assert_eq!(skipped, tried),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn a_component_that_is_too_large_is_refused_by_name() {
    let options = SearchOptions { unknown_limit: 200, ..SearchOptions::default() };
    match find(&models::chain(&[6, 6, 6]), &options) {
        Err(SymmetryError::TooLarge { tensors, parameters, unknowns, limit }) => {
            // X and Y of both matrices, the constants; maps between the matrices are left out beyond their own limit.
            assert_eq!((tensors.as_str(), parameters, limit), ("A, B", 72, 200));
            assert!(unknowns >= 4 * 36 + 72, "{unknowns}");
        }
        Err(other) => panic!("expected another refusal, found {other}"),
        Ok(found) => panic!("expected a refusal, found {} generators", found.dimension()),
    }
}

#[test]
fn a_broken_symmetry_is_not_found() {
    // 1e-3 of cubic breaks u∘v visibly; 1e-9 cannot be told from a symmetry by its size and is refused.
    let broken = |size: f64| {
        Model::new("broken", &[("u", &[1]), ("v", &[1])], move |t| {
            let small = zoo::dual::Dual::constant(size);
            vec![&t[0] * &t[1] + &small * &(&(&t[0] * &t[0]) * &t[0])]
        })
    };
    assert_eq!(find(&broken(1e-2), &SearchOptions::default()).unwrap().dimension(), 0);
    assert!(matches!(find(&broken(1e-9), &SearchOptions::default()), Err(SymmetryError::NoGap { .. })));
}

/// What breaks a symmetry by ε leaves a direction that is violated in proportion to ε, and others that are not near.
#[test]
fn nearly_symmetric_directions_are_ranked_by_their_violation() {
    let broken = |size: f64| {
        Model::new("broken", &[("u", &[1]), ("v", &[1])], move |t| {
            let small = zoo::dual::Dual::constant(size);
            vec![&t[0] * &t[1] + &small * &(&(&t[0] * &t[0]) * &t[0])]
        })
    };
    let violations = |size: f64| {
        let found = nearly(&broken(size), &SearchOptions::default(), 3).unwrap();
        let field = found[0].generator.field(&[1.0, 1.0]);
        assert!((field[0] + field[1]).abs() < 0.1 * field[0].abs(), "(u, −v): {field:?}");
        assert_eq!(found[0].acts_on, ["u", "v"]);
        (found[0].violation, found[1].violation)
    };
    let ((first, second), (smaller, unmoved)) = (violations(1e-3), violations(1e-4));
    assert!((first / smaller - 10.0).abs() < 0.5, "{first:.2e} against {smaller:.2e}");
    assert!(second > 0.05 && unmoved > 0.05, "{second:.2e}, {unmoved:.2e}");
    // Exact symmetries are not listed.
    let exact = nearly(&models::hadamard(2, 1), &SearchOptions::default(), 3).unwrap();
    assert!(exact.iter().all(|near| near.violation > 0.05), "{:.1e}", exact[0].violation);
}

/// A wrong Jacobian: the search sees u∘v, fresh points another model.
struct Inconsistent(Model);

impl Parametrization for Inconsistent {
    fn tensors(&self) -> &[ParameterTensor] {
        self.0.tensors()
    }
    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>> {
        self.0.predictor(points)
    }
    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>> {
        let mut jacobians = self.0.jacobian(points);
        jacobians.iter_mut().for_each(|j| j[0] *= 1.01);
        jacobians
    }
    fn covector_gradients(&self, points: &[Point], covectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        self.0.covector_gradients(points, covectors)
    }
}

#[test]
fn a_generator_that_fails_on_fresh_points_is_refused() {
    match find(&Inconsistent(models::hadamard(2, 1)), &SearchOptions::default()) {
        Err(SymmetryError::Unverified { residual, .. }) => assert!(residual > 1e-3),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn equal_seeds_give_equal_results_and_other_seeds_the_same_group() {
    let model = models::chain(&[3, 2, 4]);
    let find_with = |seed| find(&model, &SearchOptions { seed, ..Default::default() }).unwrap();
    let (a, b, c) = (find_with(1), find_with(1), find_with(2));
    assert_eq!(a.info.max_residual, b.info.max_residual);
    assert_eq!(a.info.spectral_gap, b.info.spectral_gap);
    assert_eq!(a.summary(), c.summary());
}
