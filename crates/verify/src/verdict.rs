//! From distances to verdicts.

use crate::energy::EnergyTest;
use crate::judge::{ChargeReport, LawLabel, NoiseEstimate, QuotientReport};
use crate::kolmogorov::samples_to_resolve;
use crate::{
    Chains, PredictedCdf, StatisticsError, effective_sample_size, effective_samples, holm_adjusted, ks_critical_value,
    ks_distance, ks_p_value, wasserstein_distance,
};
use serde::Serialize;

/// Probability that any of the true laws of one family (all laws of all reports of a call) is rejected.
pub const FAMILY_WISE_LEVEL: f64 = 0.01;

/// Kolmogorov–Smirnov distance that a verdict of "agrees" must be able to see: 0.05, i.e. five per cent of the mass in the wrong place.
pub const RESOLUTION: f64 = 0.05;

/// Below this many effective samples the estimate of that number is itself too rough to lean on.
const FEWEST_EFFECTIVE_SAMPLES: f64 = 30.0;

/// What the samples say about a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not rejected, by a sample that could have seen a distance of [`RESOLUTION`].
    Agrees,
    /// Rejected at [`FAMILY_WISE_LEVEL`].
    Disagrees,
    /// Not rejected, but the sample is too small for that to mean much.
    Undecided,
}

/// An alternative law, judged by the same threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// Its name.
    pub law: String,
    /// Kolmogorov–Smirnov distance of the samples to it.
    pub ks: f64,
    /// What the samples say about it.
    pub verdict: Verdict,
    /// Probability of a distance this large if this law were true.
    pub p_value: f64,
    /// The conditions under which this law is meant.
    pub prediction: Option<LawLabel>,
}

/// What is known about the run besides its samples; copied into the [`Report`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Title of the spec.
    pub title: String,
    /// The observable, as the spec writes it.
    pub observable: String,
    /// Change of the distance between step sizes h and h/2, where it was measured.
    pub step_size_bias: Option<f64>,
    /// Whether the balanced slice is invariant under the noise, where the law asks for it.
    pub slice_invariant: Option<bool>,
    /// Largest relative change of a charge over the run, where there are charges.
    pub charge_drift: Option<f64>,
}

/// Samples against a law and its alternatives. Serialises to the fields of `verify --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Title of the spec.
    pub title: String,
    /// Name of the predicted law.
    pub law: String,
    /// The observable, as the spec writes it.
    pub observable: String,
    /// Records × seeds.
    pub samples: usize,
    /// Number of independent samples that they are worth; n and m draws of a law that is known by draws are worth nm/(n + m).
    pub effective_samples: f64,
    /// Kolmogorov–Smirnov distance to the predicted law.
    pub ks: f64,
    /// Largest distance that is not rejected; one threshold for the law and its alternatives.
    pub ks_threshold: f64,
    /// Wasserstein-1 distance to the predicted law, in the observable's unit.
    pub wasserstein: f64,
    /// What the samples say about the predicted law.
    pub verdict: Verdict,
    /// The alternatives, in the order given.
    pub alternatives: Vec<Alternative>,
    /// See [`Measured::step_size_bias`].
    pub step_size_bias: Option<f64>,
    /// See [`Measured::slice_invariant`].
    pub slice_invariant: Option<bool>,
    /// See [`Measured::charge_drift`].
    pub charge_drift: Option<f64>,
    /// Probability of a distance this large if the predicted law were true.
    pub p_value: f64,
    /// The verdict in one sentence, with its numbers.
    pub reason: String,
    /// The conditions under which the predicted law is meant.
    pub prediction: Option<LawLabel>,
    /// Mean of the samples.
    pub mean: f64,
    /// Its standard error, at the number of samples that the mean is worth.
    pub mean_error: f64,
    /// Mean of the predicted law.
    pub predicted_mean: Option<f64>,
    /// Standard error of the predicted distribution function, where it is known by weighted points.
    pub prediction_error: Option<f64>,
    /// The smallest distance that a sample of this size would have seen with probability one half at least.
    pub power: Option<f64>,
    /// Whether θ has a stationary law under the noise of the run, charges included; null where that is not known.
    pub stationary: Option<bool>,
    /// What the run did to its charges.
    pub charges: Vec<ChargeReport>,
    /// The noise of the gradients at the end of the run; null where they have none.
    pub noise_estimate: Option<NoiseEstimate>,
    /// The motion of the predictor under the noise of the run, at its start; null where θ does not diffuse, or the model is large.
    pub quotient: Option<QuotientReport>,
    /// Whole predictors at the end of the run against those of the law; null in one coordinate.
    pub energy: Option<EnergyTest>,
}

/// Judge `samples[record][seed]` (burn-in removed) against a predicted law and alternatives to it.
///
/// The report is a family of its own until [`settle`] makes one of several: see there for the rule.
///
/// # Errors
/// Those of [`Chains::from_records`], and a law that is not a distribution function.
pub fn compare<R: AsRef<[f64]>>(
    measured: Measured,
    samples: &[R],
    law: &dyn PredictedCdf,
    alternatives: &[&dyn PredictedCdf],
) -> Result<Report, StatisticsError> {
    let chains = Chains::from_records(samples)?;
    let sorted = chains.sorted();
    // Two samples of sizes n and m are as far apart as one of nm/(n + m) from its law.
    let effective_samples = effective_samples(&chains)?;
    let effective_samples = effective_samples / (1.0 + effective_samples / law.independent_draws());
    let ks = ks_distance(&sorted, law)?;
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let variance = sorted.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let mean_error = (variance / effective_sample_size(&chains)?).sqrt();
    let alternatives = alternatives
        .iter()
        .map(|&alternative| {
            let ks = ks_distance(&sorted, alternative)?;
            Ok(Alternative {
                law: alternative.name().to_owned(),
                ks,
                verdict: Verdict::Undecided,
                p_value: ks_p_value(ks, effective_samples),
                prediction: None,
            })
        })
        .collect::<Result<_, StatisticsError>>()?;
    let mut report = Report {
        title: measured.title,
        law: law.name().to_owned(),
        observable: measured.observable,
        samples: chains.samples(),
        effective_samples,
        ks,
        ks_threshold: 1.0,
        wasserstein: wasserstein_distance(&sorted, law)?,
        verdict: Verdict::Undecided,
        alternatives,
        step_size_bias: measured.step_size_bias,
        slice_invariant: measured.slice_invariant,
        charge_drift: measured.charge_drift,
        p_value: ks_p_value(ks, effective_samples),
        reason: String::new(),
        prediction: None,
        mean,
        mean_error,
        predicted_mean: None,
        prediction_error: None,
        power: None,
        stationary: None,
        charges: Vec::new(),
        noise_estimate: None,
        quotient: None,
        energy: None,
    };
    settle(&mut [&mut report]);
    Ok(report)
}

/// Makes one family of several reports: all their laws and alternatives are judged together by Holm's (1979) steps at
/// [`FAMILY_WISE_LEVEL`].
///
/// Of m comparisons Holm rejects R; all that are kept have p-values above, and all that are rejected below, level/(m − R) (level/m
/// where nothing is rejected). So one level explains every verdict, and each report prints the distance that belongs to it at its own
/// number of effective samples (Stephens' correction). A law that is not rejected *agrees* if that distance is at most
/// [`RESOLUTION`], and is *undecided* otherwise; below 30 effective samples nothing is decided. Laws of runs without noise
/// (threshold 0) are points, and no part of the family.
pub fn settle(reports: &mut [&mut Report]) {
    let judged = |report: &&mut Report| report.law != "flow";
    let p_values: Vec<f64> = reports
        .iter()
        .filter(|report| judged(report))
        .flat_map(|report| std::iter::once(report.p_value).chain(report.alternatives.iter().map(|other| other.p_value)))
        .collect();
    let rejected = holm_adjusted(&p_values).iter().filter(|p| **p <= FAMILY_WISE_LEVEL).count();
    let (laws, kept) = (p_values.len(), (p_values.len() - rejected).max(1));
    for report in reports.iter_mut().filter(|report| judged(report)) {
        let test = Test::new(report.effective_samples, laws, kept);
        report.ks_threshold = test.threshold;
        report.verdict = test.verdict(report.ks);
        report.reason = test.reason(report.ks);
        report.power = Some(test.power());
        report.alternatives.iter_mut().for_each(|other| other.verdict = test.verdict(other.ks));
    }
}

/// One test for every law of a report.
struct Test {
    effective_samples: f64,
    laws: usize,
    kept: usize,
    threshold: f64,
}

impl Test {
    fn new(effective_samples: f64, laws: usize, kept: usize) -> Self {
        let threshold = ks_critical_value(FAMILY_WISE_LEVEL / kept as f64, effective_samples).min(1.0);
        Self { effective_samples, laws, kept, threshold }
    }

    /// A law at this distance d of the true one is seen with probability one half or more: the distance of the samples to it is at
    /// least d minus that of the samples to their own law, which is below its median with probability one half.
    fn power(&self) -> f64 {
        (self.threshold + ks_critical_value(0.5, self.effective_samples)).min(1.0)
    }

    fn verdict(&self, ks: f64) -> Verdict {
        if self.effective_samples < FEWEST_EFFECTIVE_SAMPLES {
            Verdict::Undecided
        } else if ks > self.threshold {
            Verdict::Disagrees
        } else if self.threshold <= RESOLUTION {
            Verdict::Agrees
        } else {
            Verdict::Undecided
        }
    }

    fn reason(&self, ks: f64) -> String {
        let Self { effective_samples, laws, threshold, kept } = self;
        let rule = format!(
            "{threshold:.4}, the threshold at {effective_samples:.0} effective samples (family-wise level {FAMILY_WISE_LEVEL} over {laws} laws)"
        );
        match self.verdict(ks) {
            Verdict::Agrees => format!("The distance {ks:.4} is within {rule}."),
            Verdict::Disagrees => format!("The distance {ks:.4} exceeds {rule}."),
            Verdict::Undecided if *effective_samples < FEWEST_EFFECTIVE_SAMPLES => format!(
                "{effective_samples:.0} effective samples are too few to judge by (at least {FEWEST_EFFECTIVE_SAMPLES:.0}): run more seeds or more steps."
            ),
            Verdict::Undecided => format!(
                "The distance {ks:.4} is within {rule}, but that threshold is above {RESOLUTION}, so a wrong law could pass: about {:.0} effective samples are needed.",
                samples_to_resolve(FAMILY_WISE_LEVEL / *kept as f64, RESOLUTION).ceil()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_chains::{autoregressive, normal_chains};
    use statrs::distribution::{ContinuousCDF, Normal};

    struct Gaussian(&'static str, f64);

    impl PredictedCdf for Gaussian {
        fn name(&self) -> &str {
            self.0
        }
        fn cdf(&self, x: f64) -> f64 {
            Normal::new(self.1, 1.0).expect("a unit standard deviation is valid").cdf(x)
        }
        fn range(&self) -> (f64, f64) {
            (self.1 - 8.0, self.1 + 8.0)
        }
    }

    const TRUE: Gaussian = Gaussian("horizontal", 0.0);

    fn judged(samples: &[Vec<f64>], alternatives: &[&dyn PredictedCdf]) -> Report {
        let measured = Measured { title: "t".into(), observable: "w[0]".into(), ..Measured::default() };
        compare(measured, samples, &TRUE, alternatives).expect("these samples are finite and move")
    }

    /// 4,000 exact samples of 1,500 values: rejections are Binomial(4000, 0.01), 40 ± 6.3; outside 4 standard deviations with probability 6e-5.
    #[test]
    fn exact_samples_are_rejected_at_the_nominal_rate() {
        let trials = 4_000;
        let rejected = (0..trials)
            .filter(|&trial| judged(&normal_chains(1, 1_500, trial), &[]).verdict == Verdict::Disagrees)
            .count();
        assert!((15..=65).contains(&rejected), "{rejected} of {trials} rejected, expected 40");
    }

    /// A law that is known by draws is the other sample: 400 comparisons of 1,500 samples with 500 draws each, at level 0.05. Taken
    /// for exact, the draws reject the truth far more often.
    #[test]
    fn a_law_known_by_draws_is_a_second_sample() {
        struct Drawn(Vec<f64>, f64);
        impl PredictedCdf for Drawn {
            fn name(&self) -> &str {
                "drawn"
            }
            fn cdf(&self, x: f64) -> f64 {
                self.0.partition_point(|y| *y <= x) as f64 / self.0.len() as f64
            }
            fn range(&self) -> (f64, f64) {
                (-8.0, 8.0)
            }
            fn independent_draws(&self) -> f64 {
                self.1
            }
        }
        let rejected = |draws: f64| {
            let runs = (0..400).filter(|&trial| {
                let mut drawn = normal_chains(1, 500, 90_000 + trial).concat();
                drawn.sort_by(f64::total_cmp);
                let measured = Measured::default();
                let samples = normal_chains(1, 1_500, trial);
                compare(measured, &samples, &Drawn(drawn, draws), &[]).expect("samples").p_value <= 0.05
            });
            runs.count() as f64 / 400.0
        };
        assert!((0.02..0.085).contains(&rejected(500.0)), "{}", rejected(500.0));
        assert!(rejected(f64::INFINITY) > 0.25, "{}", rejected(f64::INFINITY));
    }

    /// Correlated exact samples may be rejected less often than nominally, never more: 300 runs, at most 3 ± 1.7 expected.
    #[test]
    fn correlation_does_not_raise_the_rate() {
        let trials = 300;
        let rejected = (0..trials)
            .filter(|&trial| judged(&autoregressive(0.9, 2_000, 16, trial), &[]).verdict == Verdict::Disagrees)
            .count();
        assert!(rejected <= 9, "{rejected} of {trials} rejected");
    }

    /// 2,000 null runs at level 0.05 of one record a seed: 100 ± 9.7 rejections. Correlated records are rejected less often, because the
    /// least of several effective sample sizes is taken: 4 of 400 where 20 would be nominal.
    #[test]
    fn null_runs_are_rejected_at_the_stated_level() {
        let rate = |runs: u64, samples: &dyn Fn(u64) -> Vec<Vec<f64>>| {
            let rejected = (0..runs).filter(|&trial| judged(&samples(7_000 + trial), &[]).p_value <= 0.05);
            rejected.count() as f64 / runs as f64
        };
        let independent = rate(2_000, &|trial| normal_chains(1, 1_500, trial));
        let correlated = rate(400, &|trial| autoregressive(0.5, 400, 32, trial));
        println!("independent {independent}, correlated {correlated}");
        assert!((0.03..=0.075).contains(&independent), "{independent}");
        assert!(correlated <= 0.075, "{correlated}");
    }

    /// Holm over two reports: what one of them alone would keep can be rejected, and one level explains every verdict.
    #[test]
    fn reports_are_settled_as_one_family() {
        let (wrong, right) = (Gaussian("wrong", 0.3), Gaussian("right", 0.0));
        let mut reports =
            [judged(&normal_chains(100, 100, 1), &[&wrong, &wrong]), judged(&normal_chains(100, 100, 2), &[&right])];
        let [first, second] = &mut reports;
        settle(&mut [first, second]);
        // Five comparisons, two of them rejected: the level of the others is 0.01/3.
        let expected = ks_critical_value(FAMILY_WISE_LEVEL / 3.0, reports[0].effective_samples);
        assert!((reports[0].ks_threshold - expected).abs() < 1e-12);
        assert_eq!(reports[0].alternatives[0].verdict, Verdict::Disagrees);
        assert!(reports.iter().all(|report| report.verdict == Verdict::Agrees), "{reports:?}");
        assert!(reports[0].reason.contains("over 5 laws"), "{}", reports[0].reason);
        // A distance at the power is seen about every second time: here, of two normal laws that far apart.
        let power = reports[0].power.expect("a settled report has a power");
        assert!(power > expected && power < 2.0 * expected, "{power}");
    }

    #[test]
    fn a_shifted_law_is_told_from_the_true_one() {
        let report = judged(&normal_chains(100, 200, 9), &[&Gaussian("isotropic", 0.1)]);
        assert_eq!(report.verdict, Verdict::Agrees, "{}", report.reason);
        assert_eq!(report.alternatives[0].verdict, Verdict::Disagrees);
        // sup |Φ(x) − Φ(x − δ)| = 2Φ(δ/2) − 1 ≈ δ/√(2π)
        assert!((report.alternatives[0].ks - 0.0399).abs() < 0.01, "{}", report.alternatives[0].ks);
        assert!(report.ks <= report.ks_threshold && report.alternatives[0].ks > report.ks_threshold);
        assert!(report.p_value > FAMILY_WISE_LEVEL / 2.0 && report.alternatives[0].p_value < 1e-6);
    }

    #[test]
    fn small_samples_decide_only_what_they_can() {
        let small = normal_chains(1, 200, 4);
        let report = judged(&small, &[&Gaussian("far", 1.0)]);
        assert_eq!(report.verdict, Verdict::Undecided);
        assert!(report.reason.contains("effective samples are needed"), "{}", report.reason);
        assert_eq!(report.alternatives[0].verdict, Verdict::Disagrees, "a gross error is seen by 200 samples");
        let tiny = judged(&normal_chains(1, 20, 4), &[&Gaussian("far", 9.0)]);
        assert_eq!((tiny.verdict, tiny.alternatives[0].verdict), (Verdict::Undecided, Verdict::Undecided));
    }

    #[test]
    fn the_object_has_the_promised_fields_in_order() {
        let report = judged(&normal_chains(1, 100, 4), &[&Gaussian("rigid", 0.5)]);
        let json = serde_json::to_value(&report).unwrap();
        let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let promised = "title law observable samples effective_samples ks ks_threshold wasserstein verdict alternatives \
                        step_size_bias slice_invariant charge_drift";
        assert_eq!(keys[..13].join(" "), promised);
        assert_eq!((json["verdict"].as_str(), json["step_size_bias"].is_null()), (Some("undecided"), true));
        assert_eq!(json["alternatives"][0]["law"], "rigid");
    }
}
