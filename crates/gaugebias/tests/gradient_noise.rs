//! The laws of SGD's own noise against simulated training, coordinate by coordinate.

use std::path::Path;

use gaugebias::dynamics::{Options, Run, Silent, simulate};
use gaugebias::model::spec::{Spec, SpecFile};
use gaugebias::verify::{Verdict, predict};

fn experiment(name: &str, smaller: &[&str]) -> (Spec, Run) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/laws").join(name);
    let smaller: Vec<String> = smaller.iter().map(|change| (*change).to_owned()).collect();
    let spec = SpecFile::read(&path, &smaller).expect("a right spec").specs.remove(0);
    let run = simulate(&spec, Options::default(), &Silent).expect("the run ends well");
    (spec, run)
}

/// Means over the records after `first`, per seed and element: [seed][element].
fn means(run: &Run, name: &str, first: usize) -> Vec<Vec<f64>> {
    let series = &run.observables[name];
    let records = series.shape[0];
    (0..run.seeds)
        .map(|seed| {
            let mut sum = vec![0.0; series.elements()];
            for record in first..records {
                sum.iter_mut().zip(series.record(record, seed)).for_each(|(s, x)| *s += x / (records - first) as f64);
            }
            sum
        })
        .collect()
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

/// Theory §3: with XᵀX/n = 1 the stationary mean is w_ls − (η/2) E[a_i²] E[w_i/√(w_i² + Q_i²)], here with Q = 0. The gauge
/// correction at the temperature of the gradients would shift w_i by −τ/2w_i, which is another profile.
#[test]
fn mini_batches_shift_every_coordinate_like_an_l1_penalty() {
    let (spec, run) = experiment("mini-batch.toml", &["log.every=200", "ensemble.seeds=512"]);
    let eta = spec.train.step_size;
    let charges = &run.observables["charge"].values;
    assert!(charges.iter().all(|q| q.abs() < 1e-12), "a balanced start stays balanced");
    let first = run.record_steps.iter().position(|&step| step >= 8_000).expect("a long run");
    let (w, squares) = (means(&run, "w", first), means(&run, "square", first));
    let least_squares = least_squares(&spec);
    let report = predict(&spec).expect("a law").judge(&run).expect("samples").report;
    let temperature = report.noise_estimate.expect("gradients are noisy").temperature;
    let mut rejected = 0;
    for i in 0..8 {
        // Shift and prediction seed by seed, so that the error is that of their difference.
        let off = |seed: usize| w[seed][i] - least_squares[i] + 0.5 * eta * squares[seed][i];
        let gauge = |seed: usize| w[seed][i] - least_squares[i] + 0.5 * temperature / w[seed][i];
        let (mean, error) = mean_and_error(&(0..run.seeds).map(off).collect::<Vec<_>>());
        let (other, other_error) = mean_and_error(&(0..run.seeds).map(gauge).collect::<Vec<_>>());
        let shift = mean_and_error(&w.iter().map(|w| w[i] - least_squares[i]).collect::<Vec<_>>());
        println!(
            "{i}: shift {:.5} ± {:.5}, off by {:.2} σ, gauge off by {:.1} σ",
            shift.0,
            shift.1,
            mean / error,
            other / other_error
        );
        assert!(mean.abs() < 3.0 * error, "coordinate {i}: {mean} ± {error}");
        assert!(shift.0.abs() > 2.0 * shift.1, "coordinate {i} hardly shifts");
        rejected += usize::from(other.abs() > 3.0 * other_error);
    }
    // Near the mean of w both corrections are equal; small coordinates tell them apart.
    assert!(rejected >= 2, "the gauge correction is rejected in {rejected} of 8 coordinates");
}

/// Xᵀy/n.
fn least_squares(spec: &Spec) -> Vec<f64> {
    let setup = gaugebias::model::Setup::build(spec).expect("a right spec");
    let (data, _) = setup.evaluate(spec.ensemble.seed, 0);
    let (x, y) = (&data["X"].values, &data["y"].values);
    (0..8).map(|j| (0..64).map(|i| x[8 * i + j] * y[i]).sum::<f64>() / 64.0).collect()
}

/// The Gamma law is confirmed, and what an isotropic or a horizontal law at the same temperature would be is not.
#[test]
fn label_noise_has_its_own_law() {
    let (spec, run) = experiment("label-noise.toml", &["ensemble.seeds=512"]);
    let report = predict(&spec).expect("a law").judge(&run).expect("samples").report;
    assert_eq!((report.law.as_str(), report.verdict), ("sgd", Verdict::Agrees), "{report:?}");
    assert!((report.mean - 0.99875).abs() < 4.0 * report.mean_error, "{} ± {}", report.mean, report.mean_error);
    assert!((report.predicted_mean.expect("a mean") - 0.99875).abs() < 2e-5);
    for other in &report.alternatives {
        assert_eq!(other.verdict, Verdict::Disagrees, "{other:?}");
    }
    let noise = report.noise_estimate.expect("gradients are noisy");
    assert!((noise.temperature - 0.0025).abs() < 4.0 * noise.temperature_error + 2e-5, "{noise:?}");
    assert!((noise.horizontal_share - 1.0).abs() < 1e-9 && (noise.anisotropy.expect("small") - 1.0).abs() < 1e-9);
}

/// From an unbalanced start Q' = Q(1 − η²a²) in every step: over 20,000 steps Q decays by e^(−η²(σ² + …)·20,000) = e^(−0.5).
#[test]
fn the_decay_of_a_charge_is_predicted() {
    let start = ["ensemble.seeds=256", "param.u=1.6", "param.v=0.625"];
    let (spec, run) = experiment("label-noise.toml", &start);
    let report = predict(&spec).expect("a law").judge(&run).expect("samples").report;
    let charge = &report.charges[0];
    println!("{charge:?}");
    let predicted = charge.predicted.expect("a drift");
    assert!(charge.start.abs() > 1.0 && (charge.end / charge.start) < 0.7);
    assert!((charge.end - predicted).abs() < 3.0 * charge.end_error + 0.005 * charge.start.abs(), "{charge:?}");
}

/// Data that leave a direction of w free, or that the model fits row for row, give gradient noise no law.
#[test]
fn a_valley_and_a_minimum_without_noise_have_no_law() {
    let refusal = |rows: &str, y: &str| {
        let text = format!(
            "[data]\nX = \"{rows}\"\ny = \"{y}\"\n[param]\nu = \"[1.0, 0.8]\"\nv = \"[1.0, 0.8]\"\n[batch]\ni = \"choice(3, 1)\"\n\
             [model]\npredictor = \"u * v\"\nloss = \"mean((X[i] @ predictor - y[i])**2)\"\n[train]\nsteps = 1000\ndtype = \"f64\"\n\
             [verify]\nlaw = \"sgd\"\nobservable = \"predictor[0]\"\nthin = 100"
        );
        let file = SpecFile::parse("valley.toml", text, std::path::PathBuf::new(), &[]).expect("a right spec");
        predict(&file.specs[0]).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let whole = "[[1.0, 0.5], [0.3, 1.0], [1.1, -0.2]]";
    let valley = refusal("[[1.0, 0.5], [2.0, 1.0], [-1.0, -0.5]]", "[1.0, 1.5, -1.2]");
    assert!(valley.contains("flat along 1 of 2 directions"), "{valley}");
    let fitted = refusal(whole, "X @ [1.0, 0.8]");
    assert!(fitted.contains("no noise at w"), "{fitted}");
    assert_eq!(refusal(whole, "X @ [1.0, 0.8] + [0.1, -0.2, 0.3]"), "");
}
