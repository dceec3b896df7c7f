//! What figures of balances and flows say of runs whose cause is known.

use std::path::PathBuf;

use gaugebias_dynamics::{Options, Silent, simulate};
use gaugebias_model::spec::SpecFile;
use gaugebias_report::published::Experiment;
use gaugebias_report::study::{Study, compare, factors, findings};

fn study(text: &str) -> Study {
    let spec = SpecFile::parse("finding.toml", text.into(), PathBuf::new(), &[]).expect("a right spec").specs.remove(0);
    let run = simulate(&spec, Options::default(), &Silent).expect("it runs");
    Study { spec, derivation: Err("not asked for".into()), run, early_end: None, judgement: None }
}

/// Two factors of one number; `start` of the larger one, and noise on the label at every step.
fn pair(start: &str, noise: f64, step_size: f64, steps: u64) -> Study {
    study(&format!(
        "[param]\nu = \"{start}\"\nv = \"0.2 * ({start})\"\n[batch]\nz = \"normal()\"\n[model]\npredictor = \"u * v\"\n\
         loss = \"(predictor - 1 - {noise} * z)**2\"\n[total]\nidentity = \"0.5 * step_size**2 * (grad_u**2 - grad_v**2)\"\n[train]\n\
         step_size = {step_size}\nsteps = {steps}\ndtype = \"f64\"\n[ensemble]\nseeds = 8\n[log]\nratio = \"u / v\"\n\
         charge = \"0.5 * (u**2 - v**2)\"\nidentity = \"identity\"\n[[figure]]\nkind = \"balance\"\ny = \"ratio\"\ncharge = \"charge\"\n\
         predicted = \"identity\"\n"
    ))
}

#[test]
fn growth_and_decay_are_told_apart() {
    let small = pair("0.05", 0.0, 1e-3, 20_000);
    let found = factors(&small, &small.spec.figures[0]).expect("factors");
    assert!(found.share.iter().all(|share| (0.99..1.01).contains(share)), "{:?}", found.share);
    // From (0.05, 0.01) to (1, 1).
    assert!(found.growth.iter().all(|growth| (growth / (2.0 / 0.0026) - 1.0).abs() < 0.01), "{:?}", found.growth);
    let said = findings(std::slice::from_ref(&small));
    assert!(said.len() == 1 && said[0].starts_with("The ratio went to 1 by growth"), "{said:?}");

    // A shorter run goes part of the way, and says so.
    let halfway = pair("0.05", 0.0, 1e-3, 400);
    let found = factors(&halfway, &halfway.spec.figures[0]).expect("factors");
    assert!(found.imbalance[1].iter().all(|to| (0.1..0.8).contains(to)), "{:?}", found.imbalance);
    assert!(findings(std::slice::from_ref(&halfway))[0].starts_with("The ratio went part of the way to 1 by growth"));

    let noisy = pair("2.2", 3.0, 0.01, 2_000);
    let found = factors(&noisy, &noisy.spec.figures[0]).expect("factors");
    assert!(found.charge.iter().all(|&charge| charge < 0.05), "{:?}", found.charge);
    assert!(found.growth.iter().all(|&growth| growth < 1.0), "{:?}", found.growth);
    let [change, rest] = found.unexplained.expect("the identity is logged");
    assert!(change > 1.0 && rest < 1e-10 * change, "{change}, {rest}");
    let said = findings(std::slice::from_ref(&noisy));
    assert!(said[0].starts_with("The ratio went to 1 by decay of its charge"), "{said:?}");

    let still = pair("2.2", 0.0, 1e-5, 10);
    let said = findings(std::slice::from_ref(&still));
    assert!(said[0].starts_with("The ratio did not go to 1") && !said[0].contains("share"), "{said:?}");
}

/// Three coordinates seen through one number, by the product and by w itself.
fn seen([param, model, log]: [&str; 3], noise: f64, step_size: f64, steps: u64) -> Study {
    study(&format!(
        "[data]\nX = \"[[1.0, 0.5, -0.7], [0.2, -0.4, 1.0]]\"\n[param]\n{param}\n[batch]\nz = \"normal(2)\"\n[model]\n{model}\n\
         loss = \"sum((X @ predictor - [1.0, 0.5] - {noise} * z)**2)\"\n[train]\nstep_size = {step_size}\nsteps = {steps}\ndtype = \"f64\"\n\
         [ensemble]\nseeds = 3\n[log]\nevery = 1000\nw = \"predictor\"\ncharge = \"{log}\"\n[[figure]]\nkind = \"flow\"\ny = \"w\"\n\
         charge = \"charge\"\ndesign = \"X\"\n"
    ))
}

#[test]
fn flow_and_noise_are_told_apart() {
    let product = ["u = \"0.1 * normal(3)\"\nv = \"0.1 * normal(3)\"", "predictor = \"u * v\"", "0.5 * (u**2 - v**2)"];
    let flow = seen(product, 0.0, 2e-4, 200_000);
    let found = compare(&flow, &flow.spec.figures[0]).expect("a comparison");
    assert!(found.failures.is_empty() && found.hadamard, "{:?}", found.failures);
    assert!(found.distances.iter().all(|&d| d < 0.005), "{:?}", found.distances);
    assert!(found.euclidean.iter().all(|&d| d > 0.05), "{:?}", found.euclidean);
    let noisy = seen(product, 3.0, 0.005, 20_000);
    let found = compare(&noisy, &noisy.spec.figures[0]).expect("a comparison");
    assert!(found.distances.iter().any(|&d| d > 0.05), "{:?}", found.distances);
    // A charge of another shape is no charge of the product: what is nearest is so in the Euclidean distance.
    let plain = seen(["w = \"0.1 * normal(3)\"", "predictor = \"w\"", "sum(w)"], 0.0, 0.005, 20_000);
    let found = compare(&plain, &plain.spec.figures[0]).expect("a comparison");
    assert!(!found.hadamard && found.distances.iter().all(|&d| d < 1e-9), "{:?}", found.distances);
}

/// The shorter stage is the beginning of the longer run, to the bit.
#[test]
fn a_stage_is_read_from_the_longer_run() {
    let text = |steps: u64| {
        format!(
            "[param]\nw = \"normal(2)\"\n[batch]\nx = \"normal()\"\n[model]\nloss = \"sum((w - x)**2)\"\n[train]\nsteps = {steps}\n[ensemble]\n\
             seeds = 3\n[log]\nevery = 10\nw = \"w\"\n[published]\naccuracy_steps = 90\n[[published.number]]\nwhat = \"first\"\nvalue = 0.5\n\
             ours = \"w[0]\""
        )
    };
    let (long, short) =
        (Experiment::new("e", 40, vec![study(&text(90))]), Experiment::new("e", 40, vec![study(&text(40))]));
    assert_eq!(
        long.stages.iter().map(|stage| (stage.name, stage.steps())).collect::<Vec<_>>(),
        [("plot", 40), ("accuracy", 90)]
    );
    assert_eq!(short.stages.len(), 1);
    let run = |experiment: &Experiment| experiment.stages[0].studies[0].run.clone();
    assert_eq!(run(&long).observables, run(&short).observables);
    assert_eq!(run(&long).record_steps, run(&short).record_steps);
    let rows = (long.rows().expect("numbers"), short.rows().expect("numbers"));
    assert_eq!((rows.0.len(), rows.1.len()), (2, 1));
    assert_eq!(rows.0[0].ours, rows.1[0].ours);
    assert_ne!(rows.0[1].ours, rows.1[0].ours);
    let other = Experiment::new("e", 40, vec![study(&text(50))]);
    assert_eq!(other.stages[0].name, "other");
}
