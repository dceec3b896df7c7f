//! A design beside a simulation of its law: the estimate R̂ with its band and the target R in one picture.

use gaugebias_design::{LawSpec, Record, Regime};
use gaugebias_dynamics::Run;
use gaugebias_model::spec::Spec;
use gaugebias_verify::{Chains, FEWEST_SEEDS, Judgement, PenaltyEstimate, StatisticsError, judge, penalty_estimate};
use serde_json::{Value, json};

use crate::{
    AlternativeRow, Axis, Band, Content, Curve, Density, Derivation, Fact, Figure, Lines, Page, Series, VerdictRow,
};

/// A run shorter than this many relaxation times is not judged.
const SHORTEST: f64 = 5.0;

/// What a run of a design's law shows.
pub struct SimulatedLaw {
    /// The block of a composition that it is of, from 0; 0 where there is one.
    pub block: usize,
    /// ` of block 2`, or nothing where there is one.
    pub label: String,
    observable: &'static str,
    of: Option<&'static str>,
    spec: String,
    seeds: usize,
    steps: u64,
    samples: Vec<f64>,
    judgement: Result<Judgement, String>,
    estimate: Result<PenaltyEstimate, String>,
}

impl SimulatedLaw {
    /// Judges a run of a law's spec and reads R off its samples.
    ///
    /// # Errors
    /// [`StatisticsError`] where the run has no samples that can be looked at.
    pub fn new(law: &LawSpec, spec: &Spec, run: &Run) -> Result<Self, StatisticsError> {
        let mut why = format!(
            "the run covers {:.1e} relaxation times of the law, at least {SHORTEST} are needed: R changes so much that only short steps are stable. Take more --steps, or a smaller domain",
            law.relaxations
        );
        let mut unjudged = law.relaxations < SHORTEST;
        if let Some((at, share)) = law.unresolved() {
            unjudged = true;
            why = format!(
                "{:.1} % of the law lie within 1e-5 of w = {at}, where R is singular: neither samples nor the tabulated law resolve them. Take a weaker singularity, or a domain without it",
                100.0 * share
            );
        }
        let samples = run.samples.as_ref().map_or(&[][..], |series| &series.values);
        let records: Vec<&[f64]> = samples.chunks_exact(run.seeds).collect();
        let chains = Chains::from_records(&records)?;
        let estimate = match law.log_weight(chains.sorted()[0]) {
            None => Err("the observable has no penalty of its own".to_owned()),
            Some(_) if unjudged => Err(why.clone()),
            Some(_) if run.seeds < FEWEST_SEEDS => Err(format!(
                "bands come from the variance over seeds, and there are {}; take --seeds {FEWEST_SEEDS} or more",
                run.seeds
            )),
            Some(_) => {
                let weight = |x: f64| law.log_weight(x).unwrap_or(f64::NEG_INFINITY);
                Ok(penalty_estimate(&chains, &weight, &|x| law.penalty(x), &law.singular_points())?)
            }
        };
        Ok(Self {
            block: 0,
            label: String::new(),
            observable: law.observable,
            of: law.of,
            spec: law.text.clone(),
            seeds: run.seeds,
            steps: run.steps,
            samples: samples.to_vec(),
            judgement: if unjudged { Err(why) } else { judge(spec, run).map_err(|error| error.to_string()) },
            estimate,
        })
    }

    /// As one of the laws of a composition.
    #[must_use]
    pub fn of_block(self, block: usize) -> Self {
        Self { block, label: format!(" of block {}", block + 1), ..self }
    }

    /// Words joined by hyphens, for the names of files.
    fn suffix(&self) -> String {
        if self.label.is_empty() { String::new() } else { format!("-{}", self.block + 1) }
    }

    /// What `design --json` says of it.
    pub fn to_json(&self) -> Value {
        let report = self.judgement.as_ref().ok().map(|judgement| &judgement.report);
        let estimate = self.estimate.as_ref().ok();
        json!({
            "seeds": self.seeds,
            "steps": self.steps,
            "of": self.of,
            "verdict": report.map(|report| &report.verdict),
            "ks": report.map(|report| report.ks),
            "ks_threshold": report.map(|report| report.ks_threshold),
            "effective_samples": report.map(|report| report.effective_samples),
            "not_judged": self.judgement.as_ref().err(),
            "within_band": estimate.map(|estimate| estimate.within),
            "within_pointwise": estimate.map(|estimate| estimate.within_pointwise),
            "band_errors": estimate.map(|estimate| estimate.simultaneous),
            "strength": estimate.map(|estimate| estimate.strength),
            "strength_error": estimate.map(|estimate| estimate.strength_error),
            "rms": estimate.map(|estimate| estimate.rms),
            "range": estimate.map(|estimate| estimate.range),
        })
    }

    /// In sentences.
    pub fn sentences(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.of.map(|of| format!("{of}.")).into_iter().collect();
        match &self.judgement {
            Ok(judgement) => lines.push(judgement.report.reason.clone()),
            Err(reason) => lines.push(format!("The law was not judged: {reason}")),
        }
        lines.push(match &self.estimate {
            Ok(estimate) => format!(
                "R read off the samples: the 95 % band of all {} bins together holds the target in {:.0} % of them (95 % bands of single bins in {:.0} %), its strength is {:.3} ± {:.3} of the target's, root mean square difference {:.3} nats, {:.1} % of R's range {:.2}.",
                estimate.bins.len(),
                100.0 * estimate.within,
                100.0 * estimate.within_pointwise,
                estimate.strength,
                estimate.strength_error,
                estimate.rms,
                100.0 * estimate.rms / estimate.range,
                estimate.range
            ),
            Err(reason) => format!("R was not read off the samples: {reason}."),
        });
        lines
    }
}

/// The page of a design.
pub fn page(record: &Record, simulated: &[SimulatedLaw]) -> Page {
    let mut page = Page {
        title: record.title.clone(),
        subtitle: format!("a parametrization of {} parameters", record.parameters),
        summary: vec![
            format!("Under {} training this shows {}.", record.regime.word(), record.shown),
            match &record.approximation {
                None => "The law of R is exact.".to_owned(),
                Some(text) => format!("The law of R is approximate: {text}."),
            },
        ],
        derivations: vec![Derivation { title: "Biases and proof".into(), rows: facts(record), tree: Vec::new() }],
        spec: record.spec.clone(),
        ..Page::default()
    };
    for law in simulated {
        page.summary.extend(law.sentences());
        page.question.push(format!(
            "The law of one coordinate, group or small matrix{} was simulated with {} seeds and {} steps; its spec is law{}.toml.",
            if law.label.is_empty() { " of the design" } else { &law.label },
            law.seeds,
            law.steps,
            law.suffix().replace('-', "_")
        ));
        page.figures.extend(law.estimate.as_ref().ok().map(|estimate| estimated(law, estimate)));
        if let Ok(judgement) = &law.judgement {
            page.verdicts.push(VerdictRow { title: law.label.trim().to_owned(), ..verdict(judgement) });
            page.figures.push(density(law, judgement));
        }
        page.spec = format!("{}\n# law{}.toml\n\n{}", page.spec, law.suffix().replace('-', "_"), law.spec);
    }
    page
}

fn facts(record: &Record) -> Vec<Fact> {
    let fact = |label: &str, value: String| Fact { label: label.into(), value, latex: None };
    let proof = &record.proof;
    let mut rows: Vec<Fact> = [Regime::Noise, Regime::Minibatch, Regime::Flow]
        .map(|regime| fact(regime.word(), record.biases.of(regime).to_owned()))
        .into();
    rows.push(fact("symbols", record.symbols.join("; ")));
    rows.push(fact("component", record.component.clone()));
    rows.push(fact(
        "symmetries found",
        if proof.symmetries.is_empty() { "none".into() } else { proof.symmetries.join("; ") },
    ));
    rows.push(fact(
        "largest difference of ½ log det(JJᵀ) and R",
        format!("{:.1e} nats at {} points", proof.penalty_error, proof.points),
    ));
    rows.push(fact("largest relative difference of ‖Jᵀa‖²", format!("{:.1e}", proof.minibatch_error)));
    rows.extend(proof.flow_error.map(|error| fact("largest relative difference of φ''", format!("{error:.1e}"))));
    rows.extend(record.notes.iter().map(|note| fact("note", note.clone())));
    rows
}

fn estimated(law: &SimulatedLaw, estimate: &PenaltyEstimate) -> Figure {
    let line = |label: &str, value: &dyn Fn(&gaugebias_verify::PenaltyBin) -> f64| Series {
        label: label.into(),
        values: estimate.bins.iter().map(value).collect(),
    };
    Figure {
        name: format!("penalty{}", law.suffix()),
        title: format!("R wanted and R read off the samples{}", law.label),
        caption: format!(
            "R̂ = −log p̂ − L/τ (with the volume of the shell or fiber, for groups and matrices), averaged over bins, up to one constant. The band is one for all bins together, {:.2} standard errors over seeds; it holds the target in {:.0} % of the bins.",
            estimate.simultaneous,
            100.0 * estimate.within
        ),
        x: Axis::new(law.observable),
        y: Axis::new("R (nats)"),
        content: Content::Lines(Lines {
            steps: estimate.bins.iter().map(|bin| bin.place).collect(),
            series: vec![line("target R", &|bin| bin.target), line("estimate", &|bin| bin.estimate)],
            reference: None,
            band: Some(Band {
                label: format!("95 % band of all {} bins", estimate.bins.len()),
                ends: estimate.bins.iter().map(|bin| estimate.band(bin)).collect(),
                series: 1,
            }),
        }),
    }
}

fn density(law: &SimulatedLaw, judgement: &Judgement) -> Figure {
    let mut curves =
        judgement.curves.iter().map(|curve| Curve { label: curve.name.clone(), points: curve.points.clone() });
    Figure {
        name: format!("law{}", law.suffix()),
        title: format!("Samples and laws{}", law.label),
        caption: "The observable in the simulation, against its predicted law and the alternatives.".into(),
        x: Axis::new(judgement.report.observable.clone()),
        y: Axis::new("density"),
        content: Content::Density(Density {
            label: "samples".into(),
            samples: law.samples.clone(),
            effective_samples: judgement.report.effective_samples,
            laws: curves.by_ref().take(1).collect(),
            alternatives: curves.collect(),
        }),
    }
}

fn verdict(judgement: &Judgement) -> VerdictRow {
    let report = &judgement.report;
    let word = |verdict: &gaugebias_verify::Verdict| {
        serde_json::to_value(verdict).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    };
    VerdictRow {
        title: String::new(),
        law: report.law.clone(),
        observable: report.observable.clone(),
        ks: report.ks,
        ks_threshold: report.ks_threshold,
        effective_samples: report.effective_samples,
        verdict: word(&report.verdict),
        reason: report.reason.clone(),
        alternatives: report
            .alternatives
            .iter()
            .map(|other| AlternativeRow { law: other.law.clone(), ks: other.ks, verdict: word(&other.verdict) })
            .collect(),
    }
}
