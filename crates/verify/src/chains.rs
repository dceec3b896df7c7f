use crate::StatisticsError;
use crate::student::mean_and_error;

/// Samples of one scalar observable from an ensemble of independent chains: finite, and moving in every chain.
///
/// Held chain by chain (`[seeds][records]`), because every statistic walks along a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Chains {
    records: usize,
    values: Vec<f64>,
}

impl Chains {
    /// From `samples[record][seed]`, the layout of a run's log; burn-in already removed.
    ///
    /// # Errors
    /// No samples, a ragged record, a value that is not finite, a chain of two or more records that never moves, or all samples equal.
    pub fn from_records<R: AsRef<[f64]>>(samples: &[R]) -> Result<Self, StatisticsError> {
        let records = samples.len();
        let seeds = samples.first().map_or(0, |record| record.as_ref().len());
        if records * seeds < 2 {
            return Err(StatisticsError::TooFewSamples { found: records * seeds, needed: 2 });
        }
        let mut values = vec![0.0; records * seeds];
        for (record, row) in samples.iter().map(AsRef::as_ref).enumerate() {
            if row.len() != seeds {
                return Err(StatisticsError::RaggedRecord { record, found: row.len(), expected: seeds });
            }
            for (seed, &value) in row.iter().enumerate() {
                if !value.is_finite() {
                    return Err(StatisticsError::NotFinite { record, seed, value });
                }
                values[seed * records + record] = value;
            }
        }
        let chains = Self { records, values };
        chains.check_that_they_move()?;
        Ok(chains)
    }

    fn check_that_they_move(&self) -> Result<(), StatisticsError> {
        let first = self.values[0];
        if self.values.iter().all(|&value| value == first) {
            return Err(StatisticsError::ConstantSample { samples: self.values.len(), value: first });
        }
        let stuck = self.iter().position(|chain| chain.len() > 1 && chain.iter().all(|&value| value == chain[0]));
        match stuck {
            Some(seed) => Err(StatisticsError::ConstantChain {
                seed,
                value: self.values[seed * self.records],
                records: self.records,
            }),
            None => Ok(()),
        }
    }

    /// Mean of the second half of the records less that of the first, and its standard error over chains; `None` for
    /// fewer than eight chains or four records.
    pub(crate) fn drift(&self) -> Option<(f64, f64)> {
        let half = self.records / 2;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / half as f64;
        let own: Vec<f64> =
            self.iter().map(|chain| mean(&chain[self.records - half..]) - mean(&chain[..half])).collect();
        (half >= 2 && own.len() >= 8).then(|| mean_and_error(&own))
    }

    /// Records per chain.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Number of chains.
    pub fn seeds(&self) -> usize {
        self.values.len() / self.records
    }

    /// Records × seeds.
    pub fn samples(&self) -> usize {
        self.values.len()
    }

    /// The chains, one slice of [`records`](Self::records) values each.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.records)
    }

    /// All samples in ascending order.
    pub fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }

    /// All samples, chain by chain.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_chains() {
        let chains = Chains::from_records(&[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]).unwrap();
        assert_eq!((chains.records(), chains.seeds(), chains.samples()), (3, 2, 6));
        assert_eq!(chains.iter().collect::<Vec<_>>(), [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]);
        assert_eq!(chains.sorted(), [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let error = |rows: &[Vec<f64>]| Chains::from_records(rows).unwrap_err();
        assert_eq!(error(&[]), StatisticsError::TooFewSamples { found: 0, needed: 2 });
        assert_eq!(
            error(&[vec![1.0, 2.0], vec![3.0]]),
            StatisticsError::RaggedRecord { record: 1, found: 1, expected: 2 }
        );
        let infinite = error(&[vec![1.0, 2.0], vec![3.0, f64::INFINITY]]);
        assert_eq!(infinite, StatisticsError::NotFinite { record: 1, seed: 1, value: f64::INFINITY });
        assert!(error(&[vec![f64::NAN, 2.0]]).to_string().contains("NaN at record 0 of seed 0"));
        let stuck = error(&[vec![1.0, 2.0], vec![3.0, 2.0]]);
        assert_eq!(stuck, StatisticsError::ConstantChain { seed: 1, value: 2.0, records: 2 });
        assert_eq!(error(&[vec![4.0, 4.0]]), StatisticsError::ConstantSample { samples: 2, value: 4.0 });
    }

    #[test]
    fn one_record_per_chain_is_a_plain_sample() {
        assert_eq!(Chains::from_records(&[[1.0, 2.0, 2.0]]).unwrap().seeds(), 3);
    }
}
