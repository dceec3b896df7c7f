//! Label noise against recursions that draw the same noise by hand, and against the law of its quotient SDE.

use std::path::{Path, PathBuf};

use gaugebias_dynamics::{DynamicsError, Options, Run, Silent, simulate};
use gaugebias_model::operations::{Distribution, Draw, Purpose};
use gaugebias_model::random::Stream;
use gaugebias_model::spec::{Spec, SpecFile};

fn spec(text: &str) -> Result<Spec, DynamicsError> {
    Ok(SpecFile::parse("test.toml", text.to_owned(), PathBuf::new(), &[])?.specs.remove(0))
}

fn run(text: &str) -> Run {
    let simulated = spec(text).and_then(|spec| simulate(&spec, Options::default(), &Silent));
    simulated.unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// u·v against 1, from (1.5, 0.4); `TRAIN` stands for further settings.
const PRODUCT: &str = "[param]\nu = 1.5\nv = 0.4\n[model]\ny = 1.0\npredictor = \"u * v\"\n\
    loss = \"0.5 * (predictor - y)**2\"\n[train]\nnoise = \"label\"\nlabel_noise = 0.5\ndtype = \"f64\"\nTRAIN\n\
    [ensemble]\nseeds = 3\n[log]\nevery = 1\nu = \"u\"\nv = \"v\"\nloss = \"loss\"";

/// The noise of a seed's steps on a scalar label: the stream's definition, by plain loops.
fn normals(seed: usize, steps: usize) -> Vec<f64> {
    let draw = Draw::new(Distribution::Normal, [], Purpose::Noise);
    let mut stream = Stream::for_seed(0, Purpose::Noise, seed);
    (0..steps).map(|_| draw.sample(&mut stream).values[0]).collect()
}

/// Largest difference of the logged (u, v) from a recursion; `update` changes (u, v) by the gradient's (g_u, g_v) at a step.
fn difference(run: &Run, steps: usize, mut update: impl FnMut(usize, usize, &mut [f64; 2], [f64; 2])) -> f64 {
    let mut largest = 0.0f64;
    for seed in 0..run.seeds {
        let mut theta = [1.5, 0.4];
        for (step, z) in normals(seed, steps).into_iter().enumerate() {
            let a = theta[0] * theta[1] - (1.0 + 0.5 * z);
            let gradient = [a * theta[1], a * theta[0]];
            update(seed, step, &mut theta, gradient);
            for (name, expected) in [("u", theta[0]), ("v", theta[1])] {
                largest = largest.max((run.observables[name].record(step + 1, seed)[0] - expected).abs());
            }
        }
    }
    largest
}

#[test]
fn sgd_with_momentum_and_decay_sees_the_noisy_label() {
    let train = "steps = 300\nstep_size = 0.02\nmomentum = 0.9\nweight_decay = 0.01";
    let mut velocities = [[0.0; 2]; 3];
    let off = difference(&run(&PRODUCT.replace("TRAIN", train)), 300, |seed, _, theta, gradient| {
        for at in 0..2 {
            let velocity = &mut velocities[seed][at];
            *velocity = 0.9 * *velocity + gradient[at] + 0.01 * theta[at];
            theta[at] -= 0.02 * *velocity;
        }
    });
    assert!(off < 1e-11, "{off:.1e}");
}

#[test]
fn adam_sees_the_noisy_label() {
    let train = "steps = 300\noptimizer = \"adam\"\nstep_size = 0.02";
    let mut moments = [[[0.0; 2]; 2]; 3];
    let off = difference(&run(&PRODUCT.replace("TRAIN", train)), 300, |seed, step, theta, gradient| {
        let t = i32::try_from(step + 1).expect("few steps");
        for at in 0..2 {
            let [mean, square] = &mut moments[seed][at];
            *mean = 0.9 * *mean + 0.1 * gradient[at];
            *square = 0.999 * *square + 0.001 * gradient[at].powi(2);
            let corrected = (*mean / (1.0 - 0.9f64.powi(t)), *square / (1.0 - 0.999f64.powi(t)));
            theta[at] -= 0.02 * corrected.0 / (corrected.1.sqrt() + 1e-8);
        }
    });
    assert!(off < 1e-11, "{off:.1e}");
}

/// Q' = Q(1 − η²a²) with a = ∂ℓ/∂w = w − y − σz, at every step and exactly, here in f64.
#[test]
fn the_charge_shrinks_by_the_square_of_the_noisy_residual() {
    let run = run(&PRODUCT.replace("TRAIN", "steps = 4000\nstep_size = 0.05"));
    let (mut largest, mut kept) = (0.0f64, 1.0f64);
    for seed in 0..3 {
        let theta = |step: usize| ["u", "v"].map(|name| run.observables[name].record(step, seed)[0]);
        let charge = |[u, v]: [f64; 2]| 0.5 * (u * u - v * v);
        for (step, z) in normals(seed, 4000).into_iter().enumerate() {
            let (before, after) = (theta(step), theta(step + 1));
            let a = before[0] * before[1] - 1.0 - 0.5 * z;
            let expected = charge(before) * (1.0 - (0.05 * a).powi(2));
            largest = largest.max((charge(after) - expected).abs() / (after[0].powi(2) + after[1].powi(2)));
        }
        kept = kept.min(charge(theta(4000)) / charge(theta(0)));
    }
    assert!(largest < 1e-14, "a step is off by {largest:.1e} of |θ|²");
    // Without noise the residual would be gone after a hundred steps; the charge decays as exp(−η²σ²·steps) = e^−2.5.
    assert!(kept < 0.2, "{kept}");
}

/// Theory: T = ησ² = 0.0025, w ~ Gamma(m/T − ½, T), mean m − T/2 = 0.99875; a step of finite size widens it by 1/√(1 − ηm).
///
/// 361 records of each seed, 50 steps apart, as long as the correlation time 1/2η: the next value of w is correlated by e^−1, that of its
/// square by e^−2, so that a record is worth tanh(½) = 0.46 independent values for the mean and tanh(1) = 0.76 for the spread. Bounds of
/// four standard errors reject a right program once in 15,000 choices of the seeds; with 2,048 seeds the mean's shift of T/2 is fourteen.
#[test]
fn the_product_follows_the_law_of_its_quotient() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/laws/label-noise.toml");
    let spec = SpecFile::read(&path, &[]).expect("a right spec").specs.remove(0);
    let run = simulate(&spec, Options::default(), &Silent).expect("the simulation ends well");
    let temperature = 0.01 * 0.5 * 0.5;
    let values = &run.observables["w"].values[40 * run.seeds..];
    let count = values.len() as f64;
    assert_eq!(count, 361.0 * run.seeds as f64);
    let independent = [0.5f64, 1.0].map(|rate| rate.tanh() * count);
    let mean = values.iter().sum::<f64>() / count;
    let spread = (values.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / count).sqrt();
    let expected = ((temperature - 0.5 * temperature * temperature) / (1.0 - 0.01f64)).sqrt();
    println!("mean {mean:.5}, spread {spread:.5} (expected {expected:.5})");
    assert!((mean - (1.0 - 0.5 * temperature)).abs() < 4.0 * expected / independent[0].sqrt(), "mean {mean}");
    assert!((spread / expected - 1.0).abs() < 4.0 / (2.0 * independent[1]).sqrt(), "spread {spread}");
    // A balanced start stays balanced: noise of the label is orthogonal to the orbits.
    assert!(run.observables["charge"].values.iter().all(|charge| *charge == 0.0));
}

const BATCHES: &str = "[data]\nX = \"normal(20, 3)\"\ny = \"X @ [1, -2, 0.5]\"\n[param]\nw = \"zeros(3)\"\n[batch]\n\
    i = \"choice(20, 4)\"\n[model]\npredictor = \"w\"\nloss = \"mean((X[i] @ w - y[i])**2)\"\n[train]\nsteps = 50\nNOISE\n\
    [ensemble]\nseeds = 17\n[log]\nevery = 1\nbatch = \"i * 1.0\"\nlabel = \"y[i]\"\nloss = \"loss\"\nw = \"w\"";

#[test]
fn batches_and_records_are_those_without_noise() {
    let clean = run(&BATCHES.replace("NOISE", ""));
    let noisy = run(&BATCHES.replace("NOISE", "noise = \"label\"\nlabel_noise = 2.0"));
    for name in ["batch", "label"] {
        assert_eq!(clean.observables[name], noisy.observables[name], "{name}");
    }
    let first = |run: &Run, name: &str, step| run.observables[name].record(step, 0).to_vec();
    // The first loss is recorded at the common start: that of the label without noise.
    assert_eq!(first(&clean, "loss", 0), first(&noisy, "loss", 0));
    assert_ne!(first(&clean, "w", 1), first(&noisy, "w", 1));
}

/// A label of [batch] that is made from [data] is noisy where [model] reads it, like a plain name of [data].
#[test]
fn the_label_may_stand_in_any_section() {
    let indexed =
        BATCHES.replace("i = \"choice(20, 4)\"", "i = \"choice(20, 4)\"\nt = \"y[i]\"").replace("- y[i]", "- t");
    let noise = "noise = \"label\"\nlabel_noise = 0.5\nlabel = \"t\"";
    let in_batch = run(&indexed.replace("NOISE", noise));
    let moved = indexed.replace("\nt = \"y[i]\"", "").replace("[model]\n", "[model]\nt = \"y[i]\"\n");
    let in_model = run(&moved.replace("NOISE", noise));
    assert_eq!(in_batch.observables["w"], in_model.observables["w"]);
}

#[test]
fn labels_that_make_no_sense_are_refused() {
    let settings = "[train]\nnoise = \"label\"\nlabel_noise = 0.5\n";
    let model = "[data]\ntarget = 1.0\ncount = 3\n[param]\nu = 1.5\n[batch]\nx = \"normal(2)\"\n[model]\ny = \"1.0 * target\"\n\
                 twice = \"2 * u\"\nloss = \"sum((u * x - y)**2) + count\"\n";
    let with = |label: &str| format!("{model}{settings}label = \"{label}\"");
    let cases = [
        (with("taget"), "`taget` is not named in [data], [batch] or [model]", "did you mean `target`?"),
        (with("u"), "`u` depends on parameters", "what the output is compared with"),
        (with("twice"), "`twice` depends on parameters", "what the output is compared with"),
        (with("loss"), "`loss` depends on parameters", "what the output is compared with"),
        (with("count"), "`count` is made of whole numbers", "write 1.0 instead of 1"),
        (with("target"), "", ""),
        (with("y"), "", ""),
        (with("x"), "", ""),
        (
            model.replace("+ count", "").replace("- y)", "- target)") + settings,
            "the loss does not read the label `y`",
            "train.label",
        ),
        (model.to_owned() + "[train]\nnoise = \"label\"", "needs its standard deviation", "label_noise = 0.5"),
        (with("y").replace("0.5", "0"), "train.label_noise is a number greater than 0, found 0", ""),
        (with("y").replace("0.5", "-1.0"), "found -1", ""),
        (with("y").replace("0.5", "nan"), "found NaN", ""),
        (with("y").replace("0.5", "inf"), "found inf", ""),
        (
            with("y").replace("\"label\"", "\"none\""),
            "label_noise belongs to noise = \"label\"",
            "leave label_noise out",
        ),
        (model.to_owned() + "[train]\nlabel = \"y\"", "label belongs to noise = \"label\"", "leave label out"),
        (
            with("y") + "\noptimizer = \"langevin\"",
            "label noise belongs to optimizer = \"sgd\" or \"adam\"",
            "temperature",
        ),
        (with("y") + "\ntemperature = 0.1", "a temperature needs noise", ""),
    ];
    for (text, message, help) in cases {
        let result = spec(&text).and_then(|spec| simulate(&spec, Options { threads: Some(1) }, &Silent));
        match result {
            Ok(_) => assert_eq!(message, "", "accepted: {text}"),
            Err(DynamicsError::Spec(error)) => {
                assert!(!message.is_empty() && error.message().contains(message), "{}: {text}", error.message());
                let found = miette_help(&error);
                assert!(found.contains(help), "{found}: {text}");
                assert!(error.line_column().is_some(), "{message}");
            }
            Err(other) => panic!("{other}: {text}"),
        }
    }
}

fn miette_help(error: &gaugebias_model::SpecError) -> String {
    miette::Diagnostic::help(error).map_or(String::new(), |help| help.to_string())
}
