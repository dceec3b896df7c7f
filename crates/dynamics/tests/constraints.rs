//! Constrained Langevin steps and the second-order scheme, against recursions that draw the same noise by hand.

use std::path::PathBuf;

use gaugebias_dynamics::{DynamicsError, Options, Run, Silent, simulate};
use gaugebias_model::operations::{Distribution, Draw, Purpose};
use gaugebias_model::random::Stream;
use gaugebias_model::spec::{Spec, SpecFile};

const H: f64 = 0.01;
const TAU: f64 = 0.05;
const STEPS: usize = 200;

fn spec(text: &str) -> Result<Spec, DynamicsError> {
    Ok(SpecFile::parse("test.toml", text.to_owned(), PathBuf::new(), &[])?.specs.remove(0))
}

fn run(text: &str) -> Run {
    let simulated = spec(text).and_then(|spec| simulate(&spec, Options { threads: Some(1) }, &Silent));
    simulated.unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// u·v against 1.2 from the slice u² = v²; `TRAIN` stands for noise and constraint.
const PRODUCT: &str = "[param]\nu = 1.1\nv = 1.1\n[model]\npredictor = \"u * v\"\ngauge = \"0.5 * (u**2 - v**2)\"\n\
    loss = \"0.5 * (predictor - 1.2)**2\"\n[train]\noptimizer = \"langevin\"\ntemperature = 0.05\nstep_size = 0.01\nsteps = 200\n\
    dtype = \"f64\"\nTRAIN\n[ensemble]\nseeds = 3\n[log]\nevery = 1\nu = \"u\"\nv = \"v\"";

/// (z_u, z_v) of each step of a seed.
fn normals(seed: usize) -> Vec<[f64; 2]> {
    let draw = Draw::new(Distribution::Normal, [], Purpose::Noise);
    let mut stream = Stream::for_seed(0, Purpose::Noise, seed);
    let mut one = || draw.sample(&mut stream).values[0];
    (0..STEPS).map(|_| [one(), one()]).collect()
}

fn gradient([u, v]: [f64; 2]) -> [f64; 2] {
    let a = u * v - 1.2;
    [a * v, a * u]
}

/// θ − h(∇L + force) + √(2τh) z
fn euler(theta: [f64; 2], force: [f64; 2], z: [f64; 2]) -> [f64; 2] {
    let g = gradient(theta);
    std::array::from_fn(|i| theta[i] - H * (g[i] + force[i]) + (2.0 * TAU * H).sqrt() * z[i])
}

/// Largest difference of a run from a recursion.
fn difference(train: &str, step: impl Fn([f64; 2], [f64; 2], [f64; 2]) -> [f64; 2]) -> f64 {
    let run = run(&PRODUCT.replace("TRAIN", train));
    let mut largest = 0.0_f64;
    for seed in 0..run.seeds {
        let (mut theta, mut last) = ([1.1, 1.1], [0.0, 0.0]);
        for (k, z) in normals(seed).into_iter().enumerate() {
            theta = step(theta, z, last);
            last = z;
            for (name, expected) in [("u", theta[0]), ("v", theta[1])] {
                largest = largest.max((run.observables[name].record(k + 1, seed)[0] - expected).abs());
            }
        }
    }
    largest
}

fn projected(z: [f64; 2], [u, v]: [f64; 2]) -> [f64; 2] {
    // The row space of J = (v, u).
    let along = (z[0] * v + z[1] * u) / (u * u + v * v);
    [along * v, along * u]
}

/// θ* − λ(u, −v) with (u* − λu)² = (v* + λv)², by Newton's method in λ.
fn on_slice(proposed: [f64; 2], [u, v]: [f64; 2]) -> [f64; 2] {
    let mut lambda = 0.0;
    for _ in 0..50 {
        let at = [proposed[0] - lambda * u, proposed[1] + lambda * v];
        let (value, slope) = (0.5 * (at[0] * at[0] - at[1] * at[1]), -at[0] * u - at[1] * v);
        lambda -= value / slope;
    }
    [proposed[0] - lambda * u, proposed[1] + lambda * v]
}

#[test]
fn a_stiff_potential_is_a_force() {
    let off = difference("noise = \"isotropic\"\nconstraint = \"stiff\"\nstiffness = 7.0", |theta, z, _| {
        let q = 0.5 * (theta[0] * theta[0] - theta[1] * theta[1]);
        euler(theta, [7.0 * q * theta[0], -7.0 * q * theta[1]], z)
    });
    assert!(off < 1e-11, "{off:.1e}");
}

#[test]
fn multipliers_return_to_the_slice() {
    let off = difference("noise = \"isotropic\"\nconstraint = \"rigid\"", |theta, z, _| {
        on_slice(euler(theta, [0.0; 2], z), theta)
    });
    assert!(off < 1e-9, "{off:.1e}");
}

#[test]
fn the_conditioned_slice_has_the_log_determinant_as_potential() {
    let off = difference("noise = \"isotropic\"\nconstraint = \"conditioned\"", |theta, z, _| {
        // ∇ (τ/2) log(u² + v²)
        let square = theta[0] * theta[0] + theta[1] * theta[1];
        on_slice(euler(theta, [TAU * theta[0] / square, TAU * theta[1] / square], z), theta)
    });
    assert!(off < 1e-9, "{off:.1e}");
}

#[test]
fn rebalancing_keeps_the_product() {
    let off = difference("noise = \"horizontal\"\nconstraint = \"rebalanced\"", |theta, z, _| {
        let moved = euler(theta, [0.0; 2], projected(z, theta));
        let side = (moved[0] * moved[1]).sqrt();
        [side, side]
    });
    assert!(off < 1e-9, "{off:.1e}");
}

#[test]
fn the_second_order_scheme_averages_two_draws() {
    let off = difference("noise = \"isotropic\"\nscheme = \"second-order\"", |theta, z, last| {
        euler(theta, [0.0; 2], [0.5 * (z[0] + last[0]), 0.5 * (z[1] + last[1])])
    });
    assert!(off < 1e-11, "{off:.1e}");
}

/// Three charges and four coordinates: U Uᵀ-like balance of a product of matrices is kept, by multipliers and by rebalancing.
#[test]
fn several_charges_are_held_at_once() {
    let text = "[param]\nU = \"[[1.2, 0.1], [0.1, 0.9]]\"\nV = \"[[1.2, 0.1], [0.1, 0.9]]\"\n[model]\npredictor = \"U @ V\"\n\
        gap = \"U.T @ U - V @ V.T\"\ngauge = \"concat([gap[0, :], gap[1, 1:]])\"\nloss = \"0.5 * sum((predictor - eye(2))**2)\"\n\
        [train]\noptimizer = \"langevin\"\nnoise = \"NOISE\"\nconstraint = \"KIND\"\ntemperature = 0.02\nstep_size = 0.002\nsteps = 300\n\
        dtype = \"f64\"\n[ensemble]\nseeds = 5\n[log]\nevery = 50\ngauge = \"gauge\"\nw = \"predictor\"";
    for (noise, kind) in [("isotropic", "rigid"), ("isotropic", "conditioned"), ("horizontal", "rebalanced")] {
        let run = run(&text.replace("NOISE", noise).replace("KIND", kind));
        let largest = run.observables["gauge"].values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert!(largest < 1e-9, "{kind}: {largest:.1e}");
        assert!(run.observables["w"].record(6, 0) != run.observables["w"].record(0, 0));
    }
}

#[test]
fn constraints_that_make_no_sense_are_refused() {
    let with = |train: &str| PRODUCT.replace("TRAIN", train);
    let isotropic = "noise = \"isotropic\"\n";
    let cases = [
        (with(isotropic).replace("gauge = \"0.5 * (u**2 - v**2)\"\n", "") + "\n[train2]", "`train2` is not a section"),
        (
            with(&format!("{isotropic}constraint = \"rigid\"")).replace("gauge = \"0.5 * (u**2 - v**2)\"\n", ""),
            "[model] names no `gauge`",
        ),
        (with(&format!("{isotropic}constraint = \"stiff\"")), "needs train.stiffness"),
        (with(&format!("{isotropic}stiffness = 3.0")), "stiffness belongs to constraint"),
        (with(&format!("{isotropic}constraint = \"hard\"")), "train.constraint is one of"),
        (with("noise = \"horizontal\"\nscheme = \"second-order\""), "belongs to isotropic Langevin dynamics"),
        (
            with("constraint = \"rigid\"").replace("\"langevin\"", "\"sgd\"").replace("temperature = 0.05\n", ""),
            "a constraint belongs to optimizer",
        ),
    ];
    for (text, message) in cases {
        match spec(&text).and_then(|spec| simulate(&spec, Options { threads: Some(1) }, &Silent)) {
            Err(DynamicsError::Spec(error)) => {
                assert!(error.message().contains(message), "{}: {text}", error.message());
            }
            other => panic!("{:?}: {text}", other.map(|run| run.steps)),
        }
    }
}
