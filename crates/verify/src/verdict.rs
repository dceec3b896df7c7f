//! From distances to verdicts.

use crate::kolmogorov::samples_to_resolve;
use crate::{
    Chains, PredictedCdf, StatisticsError, effective_samples, ks_critical_value, ks_distance, ks_p_value,
    wasserstein_distance,
};
use serde::Serialize;

/// Probability that any of the true laws of one report (the predicted one and its alternatives) is rejected.
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
    /// Number of independent samples that they are worth.
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
}

/// Judge `samples[record][seed]` (burn-in removed) against a predicted law and alternatives to it.
///
/// With n effective samples and m laws in all (alternatives included), a law is rejected where its distance exceeds Kolmogorov's critical value (Stephens'
/// correction) at level [`FAMILY_WISE_LEVEL`]/m and n: Bonferroni's division, chosen over Holm's steps so that one printed threshold explains every verdict
/// of the report. A law that is not rejected *agrees* if that threshold is at most [`RESOLUTION`], and is *undecided* otherwise; below 30 effective samples
/// nothing is decided. A family of several reports is adjusted with [`holm_adjusted`](crate::holm_adjusted) on their p-values.
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
    let test = Test::new(effective_samples(&chains)?, 1 + alternatives.len());
    let ks = ks_distance(&sorted, law)?;
    let alternatives = alternatives
        .iter()
        .map(|&alternative| {
            let ks = ks_distance(&sorted, alternative)?;
            Ok(Alternative {
                law: alternative.name().to_owned(),
                ks,
                verdict: test.verdict(ks),
                p_value: test.p_value(ks),
            })
        })
        .collect::<Result<_, StatisticsError>>()?;
    Ok(Report {
        title: measured.title,
        law: law.name().to_owned(),
        observable: measured.observable,
        samples: chains.samples(),
        effective_samples: test.effective_samples,
        ks,
        ks_threshold: test.threshold,
        wasserstein: wasserstein_distance(&sorted, law)?,
        verdict: test.verdict(ks),
        alternatives,
        step_size_bias: measured.step_size_bias,
        slice_invariant: measured.slice_invariant,
        charge_drift: measured.charge_drift,
        p_value: test.p_value(ks),
        reason: test.reason(ks),
    })
}

/// One test for every law of a report.
struct Test {
    effective_samples: f64,
    laws: usize,
    threshold: f64,
}

impl Test {
    fn new(effective_samples: f64, laws: usize) -> Self {
        let threshold = ks_critical_value(FAMILY_WISE_LEVEL / laws as f64, effective_samples).min(1.0);
        Self { effective_samples, laws, threshold }
    }

    /// Level of each single comparison.
    fn level(&self) -> f64 {
        FAMILY_WISE_LEVEL / self.laws as f64
    }

    fn p_value(&self, ks: f64) -> f64 {
        ks_p_value(ks, self.effective_samples)
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
        let Self { effective_samples, laws, threshold } = self;
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
                samples_to_resolve(self.level(), RESOLUTION).ceil()
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

    /// Correlated exact samples may be rejected less often than nominally, never more: 300 runs, at most 3 ± 1.7 expected.
    #[test]
    fn correlation_does_not_raise_the_rate() {
        let trials = 300;
        let rejected = (0..trials)
            .filter(|&trial| judged(&autoregressive(0.9, 2_000, 16, trial), &[]).verdict == Verdict::Disagrees)
            .count();
        assert!(rejected <= 9, "{rejected} of {trials} rejected");
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
