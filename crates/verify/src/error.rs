use thiserror::Error;

/// Why samples cannot be judged. Every case names the place and the number found there.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StatisticsError {
    /// Fewer samples than the statistic needs.
    #[error(
        "{found} samples of the observable, at least {needed} are needed: run more seeds or more steps, or shorten the burn-in"
    )]
    TooFewSamples {
        /// Samples given (records × seeds).
        found: usize,
        /// Least number that works.
        needed: usize,
    },
    /// A record does not have one value per seed.
    #[error(
        "record {record} holds {found} values, but the first record holds {expected}: every record must have one value per seed"
    )]
    RaggedRecord {
        /// Index of the record.
        record: usize,
        /// Its number of values.
        found: usize,
        /// Number of values in record 0.
        expected: usize,
    },
    /// A sample is NaN or infinite.
    #[error(
        "the observable is {value} at record {record} of seed {seed}: that seed diverged, or the observable is undefined there"
    )]
    NotFinite {
        /// Record of the first such sample.
        record: usize,
        /// Its seed.
        seed: usize,
        /// What was found.
        value: f64,
    },
    /// One chain never moves, so it says nothing about a law.
    #[error(
        "the observable stays at {value} in all {records} records of seed {seed}: a chain that never moves has no law \
         (no noise, a step size below rounding, or a dead unit?)"
    )]
    ConstantChain {
        /// The seed of the chain.
        seed: usize,
        /// Its only value.
        value: f64,
        /// Its number of records.
        records: usize,
    },
    /// All samples are equal.
    #[error("all {samples} samples of the observable equal {value}: there is nothing to compare with a law")]
    ConstantSample {
        /// Number of samples.
        samples: usize,
        /// Their only value.
        value: f64,
    },
    /// A predicted law is not a distribution function.
    #[error("law `{law}`: cdf({at}) = {found}, but {expected}")]
    NotACdf {
        /// Name of the law.
        law: String,
        /// Where it was evaluated.
        at: f64,
        /// What it gave.
        found: f64,
        /// What a distribution function would give.
        expected: &'static str,
    },
    /// The range that a law gives for its mass is empty or infinite.
    #[error("law `{law}`: its range [{low}, {high}] must be finite and not empty")]
    BadRange {
        /// Name of the law.
        law: String,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}
