//! What a simulation leaves: logs, samples and final parameters.

use gaugebias_model::spec::DataType;
use indexmap::IndexMap;

/// A tensor with seeds among its axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// [records, seeds, …] for logs, [seeds, …] for parameters.
    pub shape: Vec<usize>,
    /// Row-major; numbers of the run's precision.
    pub values: Vec<f64>,
}

impl Series {
    /// Elements of one record of one seed.
    pub fn elements(&self) -> usize {
        self.shape.iter().skip(2).product()
    }

    /// One record of one seed, for logs.
    pub fn record(&self, record: usize, seed: usize) -> &[f64] {
        let size = self.elements();
        let start = (record * self.shape[1] + seed) * size;
        &self.values[start..start + size]
    }

    /// One element of one seed over all records, for logs.
    pub fn path(&self, seed: usize, element: usize) -> Vec<f64> {
        (0..self.shape[0]).map(|record| self.record(record, seed)[element]).collect()
    }
}

/// A finished (or interrupted) simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Title of the spec.
    pub title: String,
    /// Number of seeds.
    pub seeds: usize,
    /// Steps that every seed has made.
    pub steps: u64,
    /// Precision of the numbers.
    pub dtype: DataType,
    /// Steps at which observables were recorded; 0 is the start.
    pub record_steps: Vec<u64>,
    /// Observables by name, [records, seeds, …].
    pub observables: IndexMap<String, Series>,
    /// Steps at which the verified observable was sampled.
    pub sample_steps: Vec<u64>,
    /// The verified observable, [samples, seeds], where the spec has one.
    pub samples: Option<Series>,
    /// Parameters at the end, [seeds, …].
    pub parameters: IndexMap<String, Series>,
    /// Seconds of wall time.
    pub seconds: f64,
}

impl Run {
    /// θ of one seed at the end: the parameters one after the other.
    pub fn end(&self, seed: usize) -> Vec<f64> {
        let part = |series: &Series| {
            let size = series.values.len() / self.seeds;
            series.values[seed * size..(seed + 1) * size].to_vec()
        };
        self.parameters.values().flat_map(part).collect()
    }
}
