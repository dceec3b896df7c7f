//! Samples against predictions.
//!
//! **Idea.** A derivation predicts a law for an observable; a simulation yields correlated samples of it. The two are judged by one number with
//! a known null distribution, the Kolmogorov–Smirnov distance, at the number of *independent* samples that the chains are worth.
//!
//! **The way of the data.** A spec → [`predict`] (its laws, before anything is simulated) → [`Prediction::judge`] with a run → reports that [`settle`]
//! makes one family; and, for a preference, [`attribute()`]. Within: [`Chains`] (validated samples, records × seeds) → [`effective_samples`] and [`ks_distance`] against each [`PredictedCdf`]
//! → [`compare`] → [`Report`], which serialises to one line of `verify --json`.
//!
//! **Rejected.** *Thinning until samples look independent*, then testing at the nominal count: it throws samples away and still needs the
//! autocorrelation time to know when to stop. *χ² on bins*: its power depends on a choice of bins that nobody can defend. *A threshold on the distance that
//! ignores the sample size* (say 0.02): it calls a long wrong run right and a short right run wrong.

mod attribute;
mod chains;
mod distance;
mod effective;
mod energy;
mod error;
mod holm;
mod judge;
mod kolmogorov;
mod law;
mod penalty;
mod student;
#[cfg(test)]
mod test_chains;
mod verdict;

pub use attribute::{AttributeError, Attribution, SettingEffect, Simulate, Term, Unpredicted, attribute};
pub use chains::Chains;
pub use distance::{ks_distance, two_sample_ks_distance, wasserstein_distance};
pub use effective::{effective_sample_size, effective_samples};
pub use energy::EnergyTest;
pub use error::StatisticsError;
pub use holm::holm_adjusted;
pub use judge::{
    ChargeReport, JudgeError, Judgement, LawCurve, LawLabel, NoiseEstimate, Prediction, QuotientReport, judge, predict,
};
pub use kolmogorov::{kolmogorov_survival, ks_critical_value, ks_p_value, two_sample_ks_p_value};
pub use law::PredictedCdf;
pub use penalty::{FEWEST_SEEDS, PenaltyBin, PenaltyEstimate, penalty_estimate};
pub use verdict::{Alternative, FAMILY_WISE_LEVEL, Measured, RESOLUTION, Report, Verdict, compare, settle};
