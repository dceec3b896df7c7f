//! Simulated training against predicted laws: the right one is confirmed, wrong ones are rejected.

use std::path::Path;
use std::sync::OnceLock;

use gaugebias::dynamics::{Options, Run, Silent, simulate};
use gaugebias::model::spec::{Law, Spec, SpecFile};
use gaugebias::verify::{Verdict, judge};

/// The spec of the law experiment at a smaller size, and its run, made once.
fn experiment() -> &'static (Spec, Run) {
    static EXPERIMENT: OnceLock<(Spec, Run)> = OnceLock::new();
    EXPERIMENT.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/laws/hadamard.toml");
        let smaller = ["ensemble.seeds=512", "train.steps=18000", "verify.burn_in=3000"].map(str::to_owned);
        let spec = SpecFile::read(&path, &smaller).expect("a right spec").specs.remove(0);
        let run = simulate(&spec, Options::default(), &Silent).expect("the run ends well");
        (spec, run)
    })
}

#[test]
fn the_horizontal_law_is_confirmed_and_its_alternatives_are_not() {
    let (spec, run) = experiment();
    let report = judge(spec, run).expect("a law in one coordinate").report;
    assert_eq!(report.samples, 16 * 512);
    assert!(report.effective_samples > 4_000.0, "{report:?}");
    assert_eq!(report.verdict, Verdict::Agrees, "{report:?}");
    assert_eq!(report.slice_invariant, Some(true));
    assert!(report.alternatives.len() >= 3, "{report:?}");
    for alternative in &report.alternatives {
        assert_ne!(alternative.law, report.law);
        assert_eq!(alternative.verdict, Verdict::Disagrees, "{alternative:?}");
    }
    // The samples' own mean, against quadrature done elsewhere: 1.17788.
    let samples = &run.samples.as_ref().expect("samples").values;
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    let variance = samples.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / samples.len() as f64;
    let error = (variance / report.effective_samples).sqrt();
    assert!((mean - 1.17788).abs() < 4.0 * error, "{mean} ± {error}");
    assert!((mean - 1.2).abs() > 4.0 * error && (mean - 1.15472).abs() > 4.0 * error, "{mean} ± {error}");
}

/// Noise that is horizontal does not realise the law of a stiff gauge potential, nor one at another temperature.
#[test]
fn a_wrong_law_is_rejected() {
    let (spec, run) = experiment();
    let mut conditioned = spec.clone();
    conditioned.verify.as_mut().expect("a law").law = Law::Conditioned;
    let report = judge(&conditioned, run).expect("a law in one coordinate").report;
    assert_eq!((report.law.as_str(), report.verdict), ("conditioned", Verdict::Disagrees), "{report:?}");

    let mut colder = spec.clone();
    colder.train.temperature = 0.04;
    let report = judge(&colder, run).expect("a law in one coordinate").report;
    assert_eq!((report.law.as_str(), report.verdict), ("horizontal", Verdict::Disagrees), "{report:?}");
}
