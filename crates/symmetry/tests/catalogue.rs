//! Every row of the catalogue: dimensions, names, charges, residuals.

mod zoo;

use gaugebias_symmetry::{BasisKind, FactorKind, SearchOptions, Symmetries, find};
use zoo::{Model, models};

/// kind, size, count, tensors.
type Named = (FactorKind, usize, usize, &'static [&'static str]);

struct Expected {
    factors: &'static [Named],
    dimension: usize,
    orbit: usize,
    fiber: usize,
    compact: usize,
    charges: usize,
}

fn search(model: &Model) -> Symmetries {
    find(model, &SearchOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", model.name))
}

fn check(model: &Model, expected: &Expected) -> Symmetries {
    let found = search(model);
    let name = &model.name;
    let summary: Vec<_> = found.summary().into_iter().map(|f| (f.kind, f.size, f.count, f.acts_on)).collect();
    let wanted: Vec<_> = expected
        .factors
        .iter()
        .map(|(k, s, c, on)| (*k, *s, *c, on.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(summary, wanted, "{name}");
    assert_eq!(found.dimension(), expected.dimension, "{name}: dimension");
    assert_eq!(found.orbit_dimension, expected.orbit, "{name}: orbit");
    assert_eq!(found.fiber_dimension, expected.fiber, "{name}: fiber");
    assert_eq!(found.compact, expected.compact, "{name}: compact");
    assert_eq!(found.noncompact, expected.dimension - expected.compact, "{name}: noncompact");
    assert_eq!(found.independent_charges, expected.charges, "{name}: charges");
    assert_eq!(found.basis, BasisKind::Canonical, "{name}");
    assert!(found.closed && found.transpose_closed, "{name}");
    assert!(found.info.max_residual <= 1e-10, "{name}: residual {}", found.info.max_residual);
    assert!(found.info.spectral_gap.unwrap() >= 1e6, "{name}: gap {:?}", found.info.spectral_gap);
    found
}

use FactorKind::{Boost, Gl, O, Rescaling, Scale, So, Translation};

#[test]
fn products_have_rescalings() {
    let found = check(
        &models::hadamard(2, 3),
        &Expected {
            factors: &[(Rescaling, 1, 3, &["u", "v"])],
            dimension: 3,
            orbit: 3,
            fiber: 3,
            compact: 0,
            charges: 3,
        },
    );
    assert_eq!(found.charge_names[0], "0.5*(u[0]**2 - v[0]**2)");
    check(
        &models::hadamard(3, 2),
        &Expected {
            factors: &[(Rescaling, 1, 4, &["u", "v", "w"])],
            dimension: 4,
            orbit: 4,
            fiber: 4,
            compact: 0,
            charges: 4,
        },
    );
    check(
        &models::hadamard(6, 2),
        &Expected {
            factors: &[(Rescaling, 1, 10, &["u", "v", "w", "x", "y", "z"])],
            dimension: 10,
            orbit: 10,
            fiber: 10,
            compact: 0,
            charges: 10,
        },
    );
    let large = search(&models::hadamard(2, 64));
    assert_eq!((large.dimension(), large.summary().len()), (64, 1));
    assert_eq!(large.info.component_sizes, vec![2; 64]);
}

#[test]
fn coupled_products_are_one_component_and_have_the_same_names() {
    let found = check(
        &models::total_variation(5),
        &Expected {
            factors: &[(Rescaling, 1, 5, &["u", "v"])],
            dimension: 5,
            orbit: 5,
            fiber: 5,
            compact: 0,
            charges: 5,
        },
    );
    assert_eq!(found.info.component_sizes, [10]);
}

#[test]
fn differences_of_squares_have_boosts() {
    let found = check(
        &models::difference_of_squares(3),
        &Expected { factors: &[(Boost, 2, 3, &["u", "v"])], dimension: 3, orbit: 3, fiber: 3, compact: 0, charges: 3 },
    );
    assert_eq!(found.charge_names[1], "u[1]*v[1]");
}

#[test]
fn groups_units_and_channels_have_rescalings() {
    let found = check(
        &models::groups(2, 3),
        &Expected {
            factors: &[(Rescaling, 1, 2, &["s", "x"])],
            dimension: 2,
            orbit: 2,
            fiber: 2,
            compact: 0,
            charges: 2,
        },
    );
    assert_eq!(found.charge_names[0], "0.5*(s[0,0]**2 - sum(x[0]**2))");
    check(
        &models::relu_layer(2, 3, 1, 6),
        &Expected {
            factors: &[(Rescaling, 1, 3, &["W", "v"])],
            dimension: 3,
            orbit: 3,
            fiber: 3,
            compact: 0,
            charges: 3,
        },
    );
    let found = check(
        &models::rms_norm(3, 2),
        &Expected {
            factors: &[(Rescaling, 1, 3, &["gain", "W"])],
            dimension: 3,
            orbit: 3,
            fiber: 3,
            compact: 0,
            charges: 3,
        },
    );
    assert_eq!(found.charge_names[2], "0.5*(gain[2]**2 - sum(W[:,2]**2))");
    check(
        &models::swiglu(2, 3),
        &Expected {
            factors: &[(Rescaling, 1, 3, &["up", "down"])],
            dimension: 3,
            orbit: 3,
            fiber: 3,
            compact: 0,
            charges: 3,
        },
    );
}

#[test]
fn factorizations_have_general_linear_groups() {
    let found = check(
        &models::chain(&[3, 2, 4]),
        &Expected { factors: &[(Gl, 2, 1, &["A", "B"])], dimension: 4, orbit: 4, fiber: 4, compact: 1, charges: 3 },
    );
    assert_eq!(found.charge_names, ["A.T @ A - B @ B.T"]);
    check(
        &models::chain(&[4, 3, 4]),
        &Expected { factors: &[(Gl, 3, 1, &["A", "B"])], dimension: 9, orbit: 9, fiber: 9, compact: 3, charges: 6 },
    );
    check(
        &models::chain(&[3, 1, 3]),
        &Expected {
            factors: &[(Rescaling, 1, 1, &["A", "B"])],
            dimension: 1,
            orbit: 1,
            fiber: 1,
            compact: 0,
            charges: 1,
        },
    );
    check(
        &models::lora(4, 3, 2),
        &Expected { factors: &[(Gl, 2, 1, &["B", "A"])], dimension: 4, orbit: 4, fiber: 4, compact: 1, charges: 3 },
    );
}

#[test]
fn deep_linear_networks_have_one_group_per_inner_layer() {
    check(
        &models::chain(&[2, 2, 2, 2]),
        &Expected {
            factors: &[(Gl, 2, 1, &["A", "B"]), (Gl, 2, 1, &["B", "C"])],
            dimension: 8,
            orbit: 8,
            fiber: 8,
            compact: 2,
            charges: 6,
        },
    );
}

#[test]
fn attention_has_two_general_linear_groups() {
    check(
        &models::attention(3, 2, 4, true),
        &Expected {
            factors: &[(Gl, 2, 1, &["Q", "K"]), (Gl, 2, 1, &["V", "O"])],
            dimension: 8,
            orbit: 8,
            fiber: 8,
            compact: 2,
            charges: 6,
        },
    );
}

#[test]
fn gram_matrices_and_norms_have_rotations() {
    let found = check(
        &models::gram(4, 3),
        &Expected { factors: &[(O, 3, 1, &["U"])], dimension: 3, orbit: 3, fiber: 3, compact: 3, charges: 0 },
    );
    assert!(found.charge_names.is_empty());
    check(
        &models::gram(3, 2),
        &Expected { factors: &[(O, 2, 1, &["U"])], dimension: 1, orbit: 1, fiber: 1, compact: 1, charges: 0 },
    );
    check(
        &models::gram(5, 4),
        &Expected { factors: &[(O, 4, 1, &["U"])], dimension: 6, orbit: 6, fiber: 6, compact: 6, charges: 0 },
    );
    for (size, dimension) in [(2, 1), (3, 3), (4, 6), (5, 10)] {
        let found = search(&models::radial(size));
        let summary = found.summary();
        assert_eq!(summary.len(), 1);
        assert_eq!((summary[0].kind, summary[0].size, summary[0].count), (So, size, 1));
        assert_eq!((found.dimension(), found.orbit_dimension), (dimension, size - 1));
        assert_eq!((found.compact, found.unexplained()), (dimension, 0));
        assert_eq!(found.basis, BasisKind::Canonical);
    }
}

#[test]
fn normalised_weights_have_a_scale_and_logits_a_translation() {
    let found = check(
        &models::normalised_weight(4),
        &Expected { factors: &[(Scale, 1, 1, &["W"])], dimension: 1, orbit: 1, fiber: 1, compact: 0, charges: 1 },
    );
    assert_eq!(found.charge_names, ["0.5*(sum(W**2))"]);
    let found = check(
        &models::logits(5),
        &Expected { factors: &[(Translation, 1, 1, &["z"])], dimension: 1, orbit: 1, fiber: 1, compact: 0, charges: 1 },
    );
    assert_eq!(found.charge_names, ["sum(z)"]);
    assert_eq!(found.info.redundant_sections, 5);
}

#[test]
fn large_systems_go_through_inverse_iteration() {
    // 32 parameters make 1,056 unknowns, beyond the limit of the full SVD.
    let found = check(
        &models::relu_layer(3, 8, 1, 8),
        &Expected {
            factors: &[(Rescaling, 1, 8, &["W", "v"])],
            dimension: 8,
            orbit: 8,
            fiber: 8,
            compact: 0,
            charges: 8,
        },
    );
    assert_eq!(found.info.component_sizes, [32]);
}
