//! Stationary bias of both Langevin schemes: its order in the step size, and that a run has it.
//!
//! The bias is computed without noise: the density of the chain is carried through many steps on a grid, with Gauss–Hermite nodes for
//! the normal draws. That the program makes these steps and no others is tested in `constraints.rs`, draw by draw; that a long run
//! has the bias is tested here.

use std::path::PathBuf;

use gaugebias_dynamics::{Options, Silent, simulate};
use gaugebias_model::spec::SpecFile;

/// L = x²/2 + sin 2x at temperature 1: two unequal wells, a barrier low enough to mix.
fn slope(x: f64) -> f64 {
    x + 2.0 * (2.0 * x).cos()
}

const LOW: f64 = -7.0;
const CELLS: usize = 1400;
const WIDTH: f64 = 14.0 / CELLS as f64;

fn place(i: usize) -> f64 {
    LOW + WIDTH * i as f64
}

/// E x of e^{−L}, by a plain sum.
fn exact() -> f64 {
    let weight = |x: f64| (-0.5 * x * x - (2.0 * x).sin()).exp();
    let total: f64 = (0..=CELLS).map(|i| weight(place(i))).sum();
    (0..=CELLS).map(|i| place(i) * weight(place(i))).sum::<f64>() / total
}

/// Nodes and weights for a standard normal number: equal steps, which for this integrand are exact to rounding.
fn normal_nodes() -> Vec<(f64, f64)> {
    let nodes: Vec<(f64, f64)> = (-15..=15).map(|k| 0.4 * f64::from(k)).map(|z| (z, (-0.5 * z * z).exp())).collect();
    let total: f64 = nodes.iter().map(|(_, w)| w).sum();
    nodes.into_iter().map(|(z, w)| (z, w / total)).collect()
}

/// Stationary E x of y' = y + σz − hL'(y + cσz), observed at y + cσz: Euler and Maruyama for c = 0, Leimkuhler and Matthews for c = ½
/// (x = y + σz/2 is then its state, z the last draw).
fn stationary_mean(h: f64, c: f64) -> f64 {
    let sigma = (2.0 * h).sqrt();
    let nodes = normal_nodes();
    // The start is near by, and forgotten as fast as e^{−t/4}.
    let mut density: Vec<f64> = (0..=CELLS).map(|i| (-0.5 * place(i).powi(2) - (2.0 * place(i)).sin()).exp()).collect();
    let steps = (30.0 / h) as usize;
    for _ in 0..steps {
        let mut next = vec![0.0; CELLS + 1];
        for (i, mass) in density.iter().enumerate().filter(|(_, mass)| **mass > 1e-16) {
            for &(z, weight) in &nodes {
                let moved = place(i) + sigma * z - h * slope(place(i) + c * sigma * z);
                let cell = ((moved - LOW) / WIDTH).clamp(0.0, CELLS as f64 - 1e-9);
                let (left, share) = (cell as usize, cell.fract());
                next[left] += mass * weight * (1.0 - share);
                next[left + 1] += mass * weight * share;
            }
        }
        density = next;
    }
    let total: f64 = density.iter().sum();
    // E(y + cσz) = E y.
    density.iter().enumerate().map(|(i, mass)| place(i) * mass).sum::<f64>() / total
}

/// Slope of log |bias| over log h, by least squares.
fn order(steps: &[f64], c: f64) -> f64 {
    let points: Vec<(f64, f64)> =
        steps.iter().map(|&h| (h.ln(), (stationary_mean(h, c) - exact()).abs().ln())).collect();
    let count = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    covariance / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

#[test]
fn the_bias_of_the_schemes_has_their_orders() {
    let (first, second) = (order(&[0.06, 0.04, 0.03], 0.0), order(&[0.16, 0.12, 0.08], 0.5));
    println!("Euler and Maruyama {first:.3}, second-order scheme {second:.3}");
    assert!((first - 1.0).abs() < 0.15, "{first}");
    assert!((second - 2.0).abs() < 0.3, "{second}");
}

/// 512 seeds of 4,000 steps have a standard error below 0.004: the bias of Euler steps is twelve of them, that of the other scheme less than three.
#[test]
fn runs_have_the_bias_of_their_scheme() {
    let mean = |scheme: &str| {
        let text = format!(
            "[param]\nx = 0.0\n[model]\npredictor = \"x\"\nloss = \"0.5 * x**2 + sin(2 * x)\"\n[train]\noptimizer = \"langevin\"\n\
             noise = \"isotropic\"\nscheme = \"{scheme}\"\ntemperature = 1.0\nstep_size = 0.2\nsteps = 4000\ndtype = \"f64\"\n\
             [ensemble]\nseeds = 512\n[verify]\nlaw = \"isotropic\"\nobservable = \"x\"\nburn_in = 100\nthin = 5"
        );
        let spec = SpecFile::parse("t.toml", text, PathBuf::new(), &[]).expect("a right spec").specs.remove(0);
        let run = simulate(&spec, Options::default(), &Silent).expect("the run ends well");
        let samples = run.samples.expect("samples").values;
        samples.iter().sum::<f64>() / samples.len() as f64
    };
    for (scheme, c) in [("euler", 0.0), ("second-order", 0.5)] {
        let (found, expected) = (mean(scheme), stationary_mean(0.2, c));
        println!("{scheme}: {found:.5}, predicted {expected:.5}, exact {:.5}", exact());
        assert!((found - expected).abs() < 0.015, "{scheme}: {found}, {expected}");
    }
    assert!(stationary_mean(0.2, 0.0) - exact() > 0.05);
}
