//! Under which conditions a law is that of a run: the slice of a constraint, drifts away from the start, fibers without symmetry, observables that
//! rotations change, and ablations that are looked at over one window.

use gaugebias::dynamics::{Options, Silent, simulate};
use gaugebias::model::spec::{Spec, SpecFile};
use gaugebias::verify::{Judgement, judge, predict};

fn spec(param: &str, model: &str, train: &str, verify: &str) -> Spec {
    let text = format!(
        "title = \"t\"\n[param]\n{param}\n[model]\n{model}\n[train]\noptimizer = \"langevin\"\ntemperature = 0.05\nstep_size = 1e-3\nsteps = 4000\n\
         dtype = \"f64\"\n{train}\n[ensemble]\nseeds = 64\n[verify]\n{verify}\nburn_in = 2000\nthin = 500"
    );
    SpecFile::parse("t.toml", text, ".".into(), &[]).unwrap_or_else(|e| panic!("{}", e.message())).specs.remove(0)
}

const PRODUCT: &str = "predictor = \"u * v\"\ngauge = \"0.5 * (u**2 - v**2)\"\nloss = \"0.5 * (predictor - 1.2)**2\"";
const HORIZONTAL: &str = "law = \"horizontal\"\nobservable = \"predictor\"";

fn judged(spec: &Spec) -> Judgement {
    let run = simulate(spec, Options::default(), &Silent).expect("the run ends well");
    judge(spec, &run).expect("a judgement")
}

/// The law of a constraint is on the slice that its gauge names, not on the level of the start.
#[test]
fn a_constraint_is_judged_on_its_own_slice() {
    let rigid = "noise = \"isotropic\"\nconstraint = \"rigid\"";
    let verify = "law = \"rigid\"\nobservable = \"predictor\"";
    let off = spec("u = 2.4\nv = 0.5", PRODUCT, rigid, verify);
    let error = predict(&off).err().expect("a refusal").to_string();
    assert!(error.contains("not on the slice") && error.contains("2.755"), "{error}");
    let moved = PRODUCT.replace("(u**2 - v**2)\"", "(u**2 - v**2) - 1.5\"");
    assert!(predict(&spec("u = 1.1\nv = 1.1", &moved, rigid, verify)).is_err());
    // Rebalanced steps are on Q = 0 whatever the start: E w = 1.17788, and not the 1.19673 of Q = 2.755.
    let rebalanced = "noise = \"horizontal\"\nconstraint = \"rebalanced\"";
    let prediction = predict(&spec("u = 2.4\nv = 0.5", PRODUCT, rebalanced, HORIZONTAL)).expect("a prediction");
    let mean = prediction.means()[0].1;
    assert!((mean - 1.17788).abs() < 1e-4, "{mean}");
}

/// Three equal factors at a multiple of 1: the drift of every charge vanishes there and nowhere near.
#[test]
fn a_drift_that_vanishes_at_the_start_is_seen_elsewhere() {
    let param = "A = \"1.1 * eye(2)\"\nB = \"1.1 * eye(2)\"\nC = \"1.1 * eye(2)\"";
    let model = "predictor = \"A @ B @ C\"\nloss = \"0.5 * sum((predictor - [[1.5, 0], [0, 0.8]])**2)\"";
    let verify = "law = \"horizontal\"\nobservable = \"norm(predictor)\"";
    let report = judged(&spec(param, model, "noise = \"horizontal\"", verify)).report;
    assert_eq!(report.slice_invariant, Some(false), "{report:?}");
    let quotient = report.quotient.expect("a diffusion");
    assert!(!quotient.closes && quotient.charge_drift > 1e-3, "{quotient:?}");
}

/// a + b³ has no symmetry and a fiber: no coefficient is a function of w, though no charge objects.
#[test]
fn fibers_without_symmetry_are_no_equation_of_w() {
    let model = "predictor = \"a + b**3\"\nloss = \"0.5 * (predictor - 1.2)**2\"";
    let judgement = judged(&spec("a = 0.2\nb = 1.0", model, "noise = \"horizontal\"", HORIZONTAL));
    let report = &judgement.report;
    assert!(!report.quotient.as_ref().expect("a diffusion").closes);
    assert_eq!(report.stationary, None);
    assert!(judgement.notes.iter().any(|note| note.contains("explained by no symmetry")), "{:?}", judgement.notes);
    // u / v keeps nothing from growing: tr(A P_H) = 1 everywhere.
    let ratio = "predictor = \"u / v\"\nloss = \"0.5 * (predictor - 1.2)**2\"";
    let judgement = judged(&spec("u = 1.2\nv = 1.0", ratio, "noise = \"horizontal\"", HORIZONTAL));
    assert_eq!(judgement.report.stationary, Some(false), "{:?}", judgement.notes);
    assert!(judgement.notes.iter().any(|note| note.contains("grow for ever")), "{:?}", judgement.notes);
}

/// The law of a coordinate of x is no law of |x|: a rotation changes it.
#[test]
fn observables_that_rotations_change_are_refused() {
    let model = "predictor = \"norm(x)\"\nloss = \"0.5 * (predictor - 1)**2\"";
    let verify = |observable: &str| format!("law = \"isotropic\"\nobservable = \"{observable}\"");
    let made = |observable: &str| spec("x = \"[0.6, 0.5, 0.4]\"", model, "noise = \"isotropic\"", &verify(observable));
    let error = predict(&made("x[0]")).err().expect("a refusal").to_string();
    assert!(error.contains("no function of the predictor"), "{error}");
    assert!(predict(&made("sum(x**2)")).is_ok());
}

/// Noise that the law leaves out, or that is not the law's, is named.
#[test]
fn noise_that_is_not_the_laws_is_named() {
    let isotropic = judged(&spec("u = 1.0\nv = 1.0", PRODUCT, "noise = \"isotropic\"", HORIZONTAL));
    assert!(isotropic.notes.iter().any(|note| note.contains("not that of the law")), "{:?}", isotropic.notes);
    let quotient = isotropic.report.quotient.expect("a diffusion");
    assert!(!quotient.closes && quotient.charge_diffusion > 0.3, "{quotient:?}");
    let stiff = "noise = \"isotropic\"\nconstraint = \"stiff\"\nstiffness = 10.0";
    let near = PRODUCT.replace("1.2)", "0.3)");
    let verify = "law = \"conditioned\"\nobservable = \"predictor\"";
    let error = predict(&spec("u = 0.6\nv = 0.6", &near, stiff, verify)).err().expect("a refusal").to_string();
    assert!(error.contains("crosses it"), "{error}");
}

/// Charges that relax many times over a run are not predicted by steps that cannot follow; those that do not are, to their error.
#[test]
fn charges_are_predicted_by_as_many_steps_as_they_need() {
    let noise = "noise = \"horizontal\"";
    let mut short = spec("u = 1.5\nv = 0.8", PRODUCT, noise, HORIZONTAL);
    let charge = |spec: &Spec| judged(spec).report.charges[0].clone();
    let found = charge(&short);
    // dQ/dt = −2τQ/N on the law: from 0.805 to about 0.73 in a time of 4.
    let predicted = found.predicted.expect("a prediction");
    assert!(predicted < 0.79 && (found.end - predicted).abs() < 5.0 * found.end_error, "{found:?}");
    // A hundred relaxation times in eight steps: rather none than a wrong one.
    short.train.steps = 2_000;
    short.train.step_size = 1e-2;
    short.train.temperature = 5.0;
    let found = charge(&short);
    println!("{found:?}");
    assert!(found.predicted.is_none_or(|q| (q - found.end).abs() < 5.0 * found.end_error), "{found:?}");
}

/// Without noise nothing is due to noise, also where the run has not ended: everything is looked at over the same steps.
#[test]
fn transients_are_not_attributed_to_noise() {
    let mut quiet = spec("u = 0.3\nv = 0.3", PRODUCT, "noise = \"horizontal\"", HORIZONTAL);
    quiet.train.temperature = 1e-8;
    quiet.ensemble.seeds = 16;
    let observable = quiet.verify.as_ref().expect("it has one").observable.clone();
    let simulate = |spec: &Spec, _: Option<&[Vec<f64>]>| simulate(spec, Options::default(), &Silent);
    let found = gaugebias::verify::attribute(&quiet, &observable, &simulate, false).expect("an attribution");
    for term in found.terms.iter().filter(|term| term.name != "flow") {
        assert!(term.ablation.abs() < 1e-4, "{term:?}");
    }
    assert!(found.change.abs() > 1e-3, "{found:?}");
}

/// One parameter has no orbit that noise could not leave: it goes through the zero of J at x = 0, and the law has both signs.
#[test]
fn one_parameter_goes_through_zeros_of_its_derivative() {
    let isotropic = "noise = \"isotropic\"";
    let verify = "law = \"isotropic\"\nobservable = \"predictor\"";
    let by_sum = |w: fn(f64) -> f64| {
        let weight = |i: i32| {
            let x = f64::from(i) * 1e-4 + 5e-5;
            (w(x), (-0.5 * (w(x) - 0.3).powi(2) / 0.05).exp())
        };
        let (total, mean) =
            (-40_000..40_000).map(weight).fold((0.0, 0.0), |(total, mean), (w, p)| (total + p, mean + w * p));
        mean / total
    };
    for (model, w) in [
        ("sign(x) * abs(x)**1.5", (|x| x.signum() * x.abs().powf(1.5)) as fn(f64) -> f64),
        ("x**3", |x| x * x * x),
        ("x**2", |x| x * x),
    ] {
        let model = format!("predictor = \"{model}\"\nloss = \"0.5 * (predictor - 0.3)**2\"");
        let spec = spec("x = 0.7", &model, isotropic, verify);
        let mean = predict(&spec).expect("a prediction").means()[0].1;
        assert!((mean - by_sum(w)).abs() < 1e-5, "{model}: {mean}, {}", by_sum(w));
    }
    let bent = "predictor = \"sign(x) * abs(x)**1.5\"\nloss = \"0.5 * (predictor - 0.3)**2\"";
    let mut spec = spec("x = 0.7", bent, isotropic, verify);
    (spec.train.step_size, spec.train.steps, spec.ensemble.seeds) = (5e-3, 20_000, 128);
    let report = judged(&spec).report;
    assert_eq!(report.verdict, gaugebias::verify::Verdict::Agrees, "{report:?}");
}

/// A burn-in that is too short shows as a mean that still moves; the start of a law does not.
#[test]
fn samples_that_have_not_settled_are_told() {
    let unsettled = |start: &str, burn_in: u64| {
        let mut spec = spec(start, PRODUCT, "noise = \"horizontal\"", HORIZONTAL);
        let verify = spec.verify.as_mut().expect("it has one");
        (verify.burn_in, verify.thin) = (burn_in, 100);
        judged(&spec).notes.iter().any(|note| note.contains("has not settled"))
    };
    assert!(unsettled("u = 1.6\nv = 1.6", 100));
    assert!(!unsettled("u = 1.6\nv = 1.6", 2000));
}
