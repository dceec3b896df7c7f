//! Energy distance of two samples of vectors, with a permutation test.
//!
//! ```text
//! E = 2 E|X − Y| − E|X − X'| − E|Y − Y'|   (Székely and Rizzo 2013), at least 0, and 0 only for equal laws
//! ```
//!
//! Its null distribution depends on the law, so it is made from the samples: they are dealt into two hands at random, again and
//! again. Rejected: margins alone; two laws with equal margins can differ in how coordinates go together.

use serde::Serialize;

use crate::StatisticsError;

/// The distance of a run's final predictors to those of a law.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EnergyTest {
    /// The distance, in the predictor's unit.
    pub distance: f64,
    /// Share of random deals with a distance at least as large.
    pub p_value: f64,
    /// Vectors in each sample.
    pub samples: usize,
}

impl EnergyTest {
    /// Most vectors of a sample that are used.
    pub const MOST: usize = 400;
    /// Deals of the permutation test.
    const DEALS: u32 = 199;

    /// Of two samples of equally long vectors.
    ///
    /// # Errors
    /// [`StatisticsError::TooFewSamples`] with fewer than two in either; [`StatisticsError::NotFinite`].
    pub fn new(left: &[Vec<f64>], right: &[Vec<f64>]) -> Result<Self, StatisticsError> {
        let fewest = left.len().min(right.len());
        if fewest < 2 {
            return Err(StatisticsError::TooFewSamples { found: fewest, needed: 2 });
        }
        let all: Vec<&Vec<f64>> = left.iter().chain(right).collect();
        for (record, vector) in all.iter().enumerate() {
            if let Some(value) = vector.iter().copied().find(|x| !x.is_finite()) {
                return Err(StatisticsError::NotFinite { record, seed: record, value });
            }
        }
        let count = all.len();
        let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
        let matrix: Vec<f64> = (0..count * count).map(|k| distance(all[k / count], all[k % count])).collect();
        let energy = |hand: &[bool]| {
            let mut sums = [0.0; 3];
            let sizes = [hand.iter().filter(|x| **x).count() as f64, hand.iter().filter(|x| !**x).count() as f64];
            for i in 0..count {
                for j in 0..i {
                    sums[usize::from(hand[i]) + usize::from(hand[j])] += 2.0 * matrix[i * count + j];
                }
            }
            sums[1] / (sizes[0] * sizes[1]) - sums[2] / sizes[0].powi(2) - sums[0] / sizes[1].powi(2)
        };
        let mut hand: Vec<bool> = (0..count).map(|i| i < left.len()).collect();
        let found = energy(&hand);
        let mut shuffle = Shuffle(0x2545_f491_4f6c_dd1d);
        let as_large = (0..Self::DEALS).filter(|_| {
            shuffle.deal(&mut hand);
            energy(&hand) >= found
        });
        let p_value = (1.0 + as_large.count() as f64) / (1.0 + f64::from(Self::DEALS));
        Ok(Self { distance: found, p_value, samples: fewest })
    }
}

/// Fisher and Yates' shuffle, with Marsaglia's xorshift; the same deals every time.
struct Shuffle(u64);

impl Shuffle {
    fn deal(&mut self, hand: &mut [bool]) {
        for last in (1..hand.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            hand.swap(last, (self.0 % (last as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_chains::normal_chains;

    fn vectors(seed: u64, count: usize) -> Vec<Vec<f64>> {
        normal_chains(count, 2, seed)
    }

    #[test]
    fn single_points_have_a_known_distance() {
        let test = EnergyTest::new(&vec![vec![0.0]; 2], &vec![vec![3.0]; 2]).unwrap();
        assert!((test.distance - 6.0).abs() < 1e-12, "{test:?}");
        assert!(EnergyTest::new(&[vec![0.0]], &[vec![1.0], vec![2.0]]).is_err());
    }

    /// 100 pairs of equal laws at level 0.05: 5 ± 2.2 rejections.
    #[test]
    fn equal_laws_are_rejected_at_the_nominal_rate() {
        let rejected = (0..100)
            .filter(|&k| EnergyTest::new(&vectors(2 * k, 60), &vectors(2 * k + 1, 60)).unwrap().p_value <= 0.05);
        let rejected = rejected.count();
        assert!((1..=12).contains(&rejected), "{rejected} of 100");
    }

    /// Equal margins, opposite correlation.
    #[test]
    fn what_margins_do_not_show_is_seen() {
        let bent = |sign: f64, seed: u64| -> Vec<Vec<f64>> {
            vectors(seed, 300).into_iter().map(|v| vec![v[0], sign * 0.9 * v[0] + 0.436 * v[1]]).collect()
        };
        assert!(EnergyTest::new(&bent(1.0, 1), &bent(-1.0, 2)).unwrap().p_value <= 0.01);
        assert!(EnergyTest::new(&bent(1.0, 1), &bent(1.0, 3)).unwrap().p_value > 0.05);
    }
}
