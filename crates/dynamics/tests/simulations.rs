//! Simulations against what is known of them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use gaugebias_dynamics::{DynamicsError, Observer, Options, Run, Silent, simulate, simulate_from};
use gaugebias_model::spec::{Spec, SpecFile};

fn spec(text: &str) -> Spec {
    SpecFile::parse("test.toml", text.to_owned(), PathBuf::new(), &[]).expect("a right spec").specs.remove(0)
}

fn run(text: &str) -> Run {
    simulate(&spec(text), Options::default(), &Silent).expect("the simulation ends well")
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

#[test]
fn gradient_descent_on_a_parabola_is_a_geometric_sequence() {
    let text = "[param]\nu = \"arange(1 + 2) * 1.0\"\n[model]\nloss = \"0.5 * sum(u**2)\"\n[train]\nsteps = 20\nstep_size = 0.25\n\
                dtype = \"f64\"\n[ensemble]\nseeds = 3\n[log]\nevery = 10\nu = \"u\"\nhalf = \"0.5 * u[1]\"";
    let run = run(text);
    assert_eq!(run.record_steps, [0, 10, 20]);
    assert_eq!(run.observables["u"].shape, [3, 3, 3]);
    assert_eq!(run.observables["half"].shape, [3, 3]);
    for (record, step) in [(0, 0), (1, 10), (2, 20)] {
        for seed in 0..3 {
            let expected = 0.75f64.powi(step);
            assert_eq!(run.observables["u"].record(record, seed), [0.0, expected, 2.0 * expected]);
            assert_eq!(run.observables["half"].record(record, seed), [0.5 * expected]);
        }
    }
    assert_eq!(run.parameters["u"].values[2], 2.0 * 0.75f64.powi(20));
}

#[test]
fn momentum_and_weight_decay_follow_their_recursion() {
    let text = "[param]\nu = 1.0\n[model]\nloss = \"0.5 * 3 * u**2\"\n[train]\nsteps = 5\nstep_size = 0.1\nmomentum = 0.9\n\
                weight_decay = 0.5\ndtype = \"f64\"\n[ensemble]\nseeds = 1";
    let (mut u, mut velocity) = (1.0, 0.0);
    for _ in 0..5 {
        velocity = 0.9 * velocity + (3.0 * u + 0.5 * u);
        u -= 0.1 * velocity;
    }
    assert!((run(text).parameters["u"].values[0] - u).abs() < 1e-15);
}

#[test]
fn adam_follows_its_recursion() {
    let text = "[param]\nu = 1.0\n[model]\nloss = \"u**4 + u\"\n[train]\noptimizer = \"adam\"\nsteps = 30\nstep_size = 0.1\n\
                beta1 = 0.8\nepsilon = 1e-6\ndtype = \"f64\"\n[ensemble]\nseeds = 1";
    let (mut u, mut mean, mut square) = (1.0f64, 0.0, 0.0);
    for step in 1..=30 {
        let g = 4.0 * u.powi(3) + 1.0;
        mean = 0.8 * mean + 0.2 * g;
        square = 0.999 * square + 0.001 * g * g;
        let corrected = (mean / (1.0 - 0.8f64.powi(step)), square / (1.0 - 0.999f64.powi(step)));
        u -= 0.1 * corrected.0 / (corrected.1.sqrt() + 1e-6);
    }
    let found = run(text).parameters["u"].values[0];
    assert!((found - u).abs() < 1e-12, "{found}, expected {u}");
}

/// Isotropic noise on a parabola of curvature k: Euler's stationary variance is τ/k · 1/(1 − hk/2).
#[test]
fn langevin_dynamics_has_the_variance_of_its_discretisation() {
    let text = "[param]\nu = \"0 * zeros(4)\"\n[model]\npredictor = \"u\"\nloss = \"0.5 * 2 * sum(u**2)\"\n[train]\n\
                optimizer = \"langevin\"\nnoise = \"NOISE\"\ntemperature = 0.3\nstep_size = 0.1\nsteps = 4000\n\
                [ensemble]\nseeds = 64\n[log]\nevery = 20\nu = \"u\"";
    for noise in ["isotropic", "horizontal"] {
        let run = run(&text.replace("NOISE", noise));
        let values: Vec<f64> = (10..201)
            .flat_map(|record| (0..64).flat_map(move |seed| (0..4).map(move |at| (record, seed, at))))
            .map(|(record, seed, at)| run.observables["u"].record(record, seed)[at])
            .collect();
        let (mean, variance) = mean_and_variance(&values);
        let expected = 0.15 / (1.0 - 0.1);
        // 48,896 nearly independent values: a relative standard error of √(2/n) = 0.0064.
        assert!(mean.abs() < 5.0 * (expected / 48_896.0f64).sqrt(), "{noise}: mean {mean}");
        assert!((variance / expected - 1.0).abs() < 0.032, "{noise}: variance {variance}, expected {expected}");
    }
}

/// Horizontal noise moves w = uv but not the charge; isotropic noise moves both.
#[test]
fn horizontal_noise_leaves_the_charge_to_the_drift() {
    let text = "[param]\nu = 1.0\nv = 1.0\n[model]\npredictor = \"u * v\"\nloss = \"0.5 * (predictor - 1.2)**2\"\n[train]\n\
                optimizer = \"langevin\"\nnoise = \"NOISE\"\ntemperature = 0.05\nstep_size = 1e-3\nsteps = 500\ndtype = \"f64\"\n\
                [ensemble]\nseeds = 16\n[log]\nevery = 500\ncharge = \"0.5 * (u**2 - v**2)\"\nw = \"u * v\"";
    for (noise, bound) in [("horizontal", 1e-12), ("isotropic", f64::INFINITY)] {
        let run = run(&text.replace("NOISE", noise));
        let largest = (0..16).map(|seed| run.observables["charge"].record(1, seed)[0].abs()).fold(0.0, f64::max);
        assert!(largest <= bound && (noise == "horizontal" || largest > 0.01), "{noise}: {largest}");
        assert!((run.observables["w"].record(1, 0)[0] - 1.0).abs() > 1e-3);
    }
}

const MINI_BATCH: &str = "[data]\nX = \"normal(20, 3)\"\ny = \"X @ [1, -2, 0.5]\"\n[param]\nw = \"0.1 * normal(3)\"\n\
    [batch]\ni = \"choice(20, 4)\"\n[model]\npredictor = \"w\"\nloss = \"mean((X[i] @ w - y[i])**2)\"\n[train]\nsteps = 700\n\
    step_size = 0.02\n[ensemble]\nseeds = 37\n[log]\nevery = 50\nw = \"w\"\nloss = \"loss\"";

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let with = |threads| {
        let mut run = simulate(&spec(MINI_BATCH), Options { threads: Some(threads) }, &Silent).expect("runs");
        run.seconds = 0.0;
        run
    };
    assert_eq!(with(1), with(2));
}

#[test]
fn a_seed_does_not_depend_on_how_many_others_run() {
    let all = run(MINI_BATCH);
    let few = run(&MINI_BATCH.replace("seeds = 37", "seeds = 3"));
    for seed in 0..3 {
        for record in 0..15 {
            assert_eq!(all.observables["w"].record(record, seed), few.observables["w"].record(record, seed));
        }
    }
    assert_ne!(all.observables["w"].record(3, 0), all.observables["w"].record(3, 1));
}

#[test]
fn shared_data_are_the_first_seeds() {
    let base = MINI_BATCH
        .replace("seeds = 37", "seeds = 20\nshared_data = true")
        .replace("\nw = \"w\"", "\nw = \"w\"\nX = \"X\"");
    let shared = run(&base);
    let own = run(&base.replace("shared_data = true", "shared_data = false"));
    for seed in 0..20 {
        assert_eq!(shared.observables["X"].record(0, seed), own.observables["X"].record(0, 0));
    }
    assert_ne!(own.observables["X"].record(0, 1), own.observables["X"].record(0, 0));
}

#[test]
fn logging_more_often_changes_nothing_else() {
    let often = run(&MINI_BATCH.replace("every = 50", "every = 7"));
    assert_eq!(often.parameters, run(MINI_BATCH).parameters);
}

#[test]
fn single_precision_follows_the_same_noise() {
    let single = run(MINI_BATCH);
    let double = run(&MINI_BATCH.replace("steps = 700", "steps = 700\ndtype = \"f64\""));
    for (a, b) in single.parameters["w"].values.iter().zip(&double.parameters["w"].values) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
}

#[test]
fn divergence_names_seed_step_and_tensor() {
    let text = "[data]\nscale = \"where(arange(1 + 19)[17] == 17, 1.0, 0.0) * normal()\"\n[param]\nu = 1.0\n[model]\nhalf = \"0.5 * u\"\n\
                wild = \"exp(exp(half * scale * scale))\"\nloss = \"-wild\"\n[train]\nsteps = 5000\nstep_size = 0.05\n\
                [ensemble]\nseeds = 20\n[log]\nevery = 10\nu = \"u\"";
    match simulate(&spec(text), Options::default(), &Silent) {
        Err(DynamicsError::Diverged { diverged, run }) => {
            assert_eq!(diverged.tensor, "wild");
            assert!(diverged.seed < 20 && diverged.step > 0, "{diverged:?}");
            let expected: Vec<u64> = (0..run.record_steps.len() as u64).map(|record| 10 * record).collect();
            assert_eq!(run.record_steps, expected);
            assert!(run.observables["u"].values.iter().all(|x| x.is_finite()));
        }
        other => panic!("expected a divergence, found {:?}", other.map(|run| run.steps)),
    }
}

#[test]
fn too_large_a_run_is_refused_before_it_starts() {
    let text = MINI_BATCH.replace("seeds = 37", "seeds = 1000000").replace("steps = 700", "steps = 100000000");
    let error = simulate(&spec(&text), Options::default(), &Silent).expect_err("refused");
    assert!(matches!(error, DynamicsError::Memory { .. }), "{error}");
}

#[test]
fn a_jacobian_beyond_reason_is_refused() {
    let text = "[param]\nu = \"ones(6000)\"\nv = \"ones(6000)\"\n[model]\npredictor = \"cumsum(u * v)\"\nloss = \"sum(predictor**2)\"\n\
                [train]\noptimizer = \"langevin\"\nnoise = \"horizontal\"\ntemperature = 0.1\nsteps = 3";
    let error = simulate(&spec(text), Options::default(), &Silent).expect_err("refused");
    assert!(matches!(error, DynamicsError::Spec(_)) && error.to_string().contains("6000 coordinates"), "{error}");
}

#[test]
fn a_run_stops_when_its_observer_says_so() {
    struct Impatient(AtomicU64);
    impl Observer for Impatient {
        fn progress(&self, _: u64, _: u64) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) < 8
        }
    }
    let text = MINI_BATCH.replace("steps = 700", "steps = 100000000").replace("every = 50", "every = 1000");
    match simulate(&spec(&text), Options::default(), &Impatient(AtomicU64::new(0))) {
        Err(DynamicsError::Interrupted { steps, run }) => {
            assert!(steps > 0 && steps < 100_000_000);
            assert_eq!(run.record_steps.len() as u64, (run.steps - 1) / 1000 + 1);
        }
        other => panic!("expected an interruption, found {:?}", other.map(|run| run.steps)),
    }
}

/// A total sees every step: of a constant gradient, of the loss that is descended, through the whole run, in f32 to the last bits.
#[test]
fn totals_are_sums_over_every_step() {
    // w' = w − η(w − 1): the gradients telescope, Σ η g = w(0) − w(t).
    let text = "[param]\nw = \"normal(3)\"\n[model]\nloss = \"0.5 * sum((w - 1)**2)\"\n[total]\nmoved = \"step_size * grad_w\"\n\
                ones = \"1.0 + 0.0 * grad_w[0]\"\n[train]\nstep_size = 1e-4\nsteps = 20_000\n[ensemble]\nseeds = 3\n[log]\nevery = 5_000\n\
                w = \"w\"\nmoved = \"moved\"\nthirds = \"ones / 3\"";
    let spec =
        SpecFile::parse("totals", text.into(), std::path::PathBuf::new(), &[]).expect("a right spec").specs.remove(0);
    let run = simulate(&spec, Options::default(), &Silent).expect("it runs");
    let (w, moved) = (&run.observables["w"].values, &run.observables["moved"].values);
    for record in 0..5 {
        for at in 0..9 {
            let change = w[at] - w[record * 9 + at];
            // Twenty thousand roundings of w itself, each within half a unit in the last place of 2.
            assert!((moved[record * 9 + at] - change).abs() < 2e-4, "{record}, {at}: {change}");
        }
    }
    assert_eq!(moved[..9], [0.0; 9]);
    assert!(run.observables["thirds"].values[12..].iter().all(|&x| (x * 3.0 - 20_000.0).abs() < 0.01));
}

/// Without its compensation a sum in f32 stands still at 2²⁴ times what is added.
#[test]
fn totals_do_not_lose_small_increments() {
    let text = "[param]\nw = 1.0\n[model]\nloss = \"1e-9 * w\"\n[total]\nsum = \"where(t < 0.001, 16777216.0, 1.0) + 0.0 * grad_w\"\n\
                [batch]\nt = \"uniform()\"\n[train]\nsteps = 4_000\n[ensemble]\nseeds = 2\n[log]\nevery = 4_000\nsum = \"sum\"";
    let single = |dtype: &str| {
        let overrides = [format!("train.dtype=\"{dtype}\"")];
        let file = SpecFile::parse("small", text.into(), std::path::PathBuf::new(), &overrides).expect("a right spec");
        simulate(&file.specs[0], Options::default(), &Silent).expect("it runs").observables["sum"].values[2]
    };
    let (single, double) = (single("f32"), single("f64"));
    // A few of the large ones, and thousands of ones that would be lost behind them: 1 part in 20,000.
    assert!((1e7..2e8).contains(&double) && (single / double - 1.0).abs() < 1e-6, "{single}, {double}");
}

/// A step of the parabola ½(u − x)² halves the distance to x: the start is the given one, the data are the seeds' own.
#[test]
fn seeds_start_where_they_are_put() {
    let text = "[data]\nx = \"normal()\"\n[param]\nw = \"normal(2, 2)\"\nu = 5.0\n[model]\nloss = \"0.5 * (u - x)**2 + 0 * sum(w)\"\n\
                [train]\nsteps = 1\nstep_size = 0.5\ndtype = \"f64\"\n[ensemble]\nseeds = 18\n[log]\nevery = 1\nx = \"x\"\nu = \"u\"\nw = \"w\"";
    let spec = spec(text);
    let starts: Vec<Vec<f64>> = (0..18).map(|seed| (0..5).map(|at| f64::from(10 * seed + at)).collect()).collect();
    let run = simulate_from(&spec, &starts, Options::default(), &Silent).expect("the simulation ends well");
    for (seed, start) in starts.iter().enumerate() {
        let at = |name: &str, record: usize| run.observables[name].record(record, seed);
        assert_eq!((at("w", 0), at("u", 0)), (&start[..4], &start[4..]));
        assert_eq!(at("u", 1)[0], start[4] - 0.5 * (start[4] - at("x", 0)[0]));
    }
    let wrong = simulate_from(&spec, &starts[1..], Options::default(), &Silent).expect_err("one start is missing");
    assert!(wrong.to_string().starts_with("17 starts of 5 numbers were given, expected 18"), "{wrong}");
    let short = [starts[..17].to_vec(), vec![vec![0.0]]].concat();
    let wrong = simulate_from(&spec, &short, Options::default(), &Silent).expect_err("one start is short");
    assert!(wrong.to_string().starts_with("18 starts of 1 numbers"), "{wrong}");
}
