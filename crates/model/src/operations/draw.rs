//! Random tensors.
//!
//! Every draw consumes a fixed number of 32-bit words from each seed's stream, whatever comes out, so that seeds in
//! lanes stay in step; and the same words in f32 and f64, so that both precisions follow the same noise.

use pulp::Simd;

use super::{LaneKernel, Operation};
use crate::graph::{Kind, Mismatch, Node};
use crate::lanes::{Chunk, LANES, Real, Task};
use crate::random::{LaneStream, Stream, box_muller, integer_below, unit};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which of a seed's independent streams a draw takes from; changing how much one purpose consumes never changes
/// what the others see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `[data]`
    Data = 0,
    /// `[param]`
    Param = 1,
    /// `[batch]`
    Batch = 2,
    /// The noise of Langevin dynamics, or of labels.
    Noise = 3,
}

impl Purpose {
    /// Number of purposes.
    pub const COUNT: usize = 4;
}

/// A distribution; probabilities are kept as bits of f64 so that operations can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// N(0, 1), by Box–Muller.
    Normal,
    /// Uniform on (0, 1).
    Uniform,
    /// 1 with the given probability (bits of an f64), else 0; a probability of one half takes one bit for each element,
    /// from the lowest of each word up.
    Bernoulli(u64),
    /// Uniform on {low, …, high − 1}.
    Integer {
        /// First value.
        low: i64,
        /// One past the last value.
        high: i64,
    },
    /// A uniformly random ordered choice of distinct numbers from {0, …, from − 1}, as many as the shape holds.
    Choice {
        /// How many there are to choose from.
        from: usize,
    },
}

/// A random tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draw {
    /// From what it is drawn.
    pub distribution: Distribution,
    /// From which stream.
    pub purpose: Purpose,
    shape: Shape,
    number: usize,
}

impl Draw {
    /// A draw of the given shape.
    pub fn new(distribution: Distribution, shape: impl Into<Shape>, purpose: Purpose) -> Self {
        Self { distribution, purpose, shape: shape.into(), number: 0 }
    }

    pub(crate) fn numbered(self, number: usize) -> Self {
        Self { number, ..self }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape.clone()
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.distribution {
            Distribution::Normal | Distribution::Uniform => Kind::Real,
            Distribution::Bernoulli(_) => Kind::Boolean,
            Distribution::Integer { .. } | Distribution::Choice { .. } => Kind::Integer,
        }
    }

    /// Draws for one seed.
    pub fn sample(&self, stream: &mut Stream) -> Tensor {
        let count = self.shape.count();
        let mut values = vec![0.0; count];
        self.fill(&mut || stream.next_word(), &mut |element, value| values[element] = value);
        Tensor::new(self.shape.clone(), values)
    }

    /// The one definition of every distribution: words in, (element, value) out.
    fn fill(&self, word: &mut impl FnMut() -> u32, set: &mut impl FnMut(usize, f64)) {
        let count = self.shape.count();
        match self.distribution {
            Distribution::Normal => {
                for pair in 0..count.div_ceil(2) {
                    let (first, second) = box_muller(word(), word());
                    set(2 * pair, first);
                    if 2 * pair + 1 < count {
                        set(2 * pair + 1, second);
                    }
                }
            }
            Distribution::Uniform => (0..count).for_each(|element| set(element, unit(word()))),
            Distribution::Bernoulli(bits) if f64::from_bits(bits) == 0.5 => {
                let mut bits = 0;
                for element in 0..count {
                    bits = if element % 32 == 0 { word() } else { bits >> 1 };
                    set(element, f64::from(bits & 1));
                }
            }
            Distribution::Bernoulli(bits) => {
                let threshold = (f64::from_bits(bits) * 4_294_967_296.0).round() as u64;
                (0..count).for_each(|element| set(element, f64::from(u8::from(u64::from(word()) < threshold))));
            }
            Distribution::Integer { low, high } => {
                let range = (high - low) as u64;
                (0..count).for_each(|element| set(element, (low + integer_below(word(), range) as i64) as f64));
            }
            Distribution::Choice { from } => {
                // Fisher–Yates, stopped after `count` places.
                let mut order: Vec<usize> = (0..from).collect();
                for element in 0..count {
                    order.swap(element, element + integer_below(word(), (from - element) as u64) as usize);
                    set(element, order[element] as f64);
                }
            }
        }
    }
}

impl Operation for Draw {
    fn name(&self) -> &'static str {
        "draw"
    }

    fn result(&self, _: &[&Node]) -> Result<(Shape, Kind), Mismatch> {
        Ok((self.shape.clone(), self.kind()))
    }

    fn value(&self, _: &[&Tensor]) -> Tensor {
        unreachable!("evaluators draw themselves")
    }
}

impl LaneKernel for Draw {
    #[inline(always)]
    fn run<T: Real, S: Simd>(&self, simd: S, task: &mut Task<'_, T>) {
        let streams = &mut task.streams[self.purpose as usize];
        match self.distribution {
            Distribution::Normal => return T::normals(simd, streams, &mut [&mut *task.output]),
            Distribution::Bernoulli(bits) => return bernoulli(streams, task.output, f64::from_bits(bits)),
            _ => {}
        }
        for lane in 0..LANES {
            let mut stream = streams.lane(lane);
            let output = &mut *task.output;
            self.fill(&mut || stream.next_word(), &mut |element, value| output[element].0[lane] = T::from_f64(value));
            streams.set_lane(lane, stream);
        }
    }
}

#[inline(always)]
fn bernoulli<T: Real>(streams: &mut LaneStream, output: &mut [Chunk<T>], probability: f64) {
    let value = |truth: bool| if truth { T::ONE } else { T::ZERO };
    if probability == 0.5 {
        for group in output.chunks_mut(32) {
            let mut words = streams.next_words();
            for chunk in group {
                for (x, word) in chunk.0.iter_mut().zip(&mut words) {
                    *x = value(*word & 1 == 1);
                    *word >>= 1;
                }
            }
        }
        return;
    }
    let threshold = (probability * 4_294_967_296.0).round() as u64;
    let Ok(threshold) = u32::try_from(threshold) else { return certain(streams, output) };
    for chunk in output {
        let words = streams.next_words();
        chunk.0.iter_mut().zip(words).for_each(|(x, word)| *x = value(word < threshold));
    }
}

/// Probability one; the words are taken nevertheless.
fn certain<T: Real>(streams: &mut LaneStream, output: &mut [Chunk<T>]) {
    for chunk in output {
        streams.next_words();
        *chunk = Chunk([T::ONE; LANES]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(distribution: Distribution, count: usize) -> Vec<f64> {
        let mut stream = Stream::for_seed(7, Purpose::Data, 0);
        Draw::new(distribution, [count], Purpose::Data).sample(&mut stream).values
    }

    #[test]
    fn lanes_draw_what_their_streams_draw() {
        for probability in [0.5f64, 0.3, 0.0, 1.0] {
            for count in [1, 31, 32, 33, 100] {
                let streams = Stream::for_seeds(3, Purpose::Batch, 0, LANES);
                let draw = Draw::new(Distribution::Bernoulli(probability.to_bits()), [count], Purpose::Batch);
                let mut lanes = LaneStream::new(&streams);
                let mut chunks = vec![Chunk([0f32; LANES]); count];
                bernoulli(&mut lanes, &mut chunks, probability);
                for (lane, stream) in streams.into_iter().enumerate() {
                    let mut stream = stream;
                    let expected = draw.sample(&mut stream).values;
                    let found: Vec<f64> = chunks.iter().map(|chunk| f64::from(chunk.0[lane])).collect();
                    assert_eq!(found, expected, "p = {probability}, {count} elements, lane {lane}");
                    assert_eq!(lanes.lane(lane), stream);
                }
            }
        }
    }

    fn moment(values: &[f64], order: i32) -> f64 {
        values.iter().map(|x| x.powi(order)).sum::<f64>() / values.len() as f64
    }

    #[test]
    fn distributions_have_their_moments() {
        let normal = draw(Distribution::Normal, 400_001);
        for (order, expected, deviation) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let tolerance = 5.0 * f64::sqrt(deviation / normal.len() as f64);
            assert!(
                (moment(&normal, order) - expected).abs() < tolerance,
                "moment {order}: {}",
                moment(&normal, order)
            );
        }
        let uniform = draw(Distribution::Uniform, 100_000);
        assert!((moment(&uniform, 1) - 0.5).abs() < 5.0 * (1.0 / 12.0f64 / 1e5).sqrt());
        assert!(uniform.iter().all(|&x| 0.0 < x && x < 1.0));
        let bernoulli = draw(Distribution::Bernoulli(0.3f64.to_bits()), 100_000);
        assert!((moment(&bernoulli, 1) - 0.3).abs() < 5.0 * (0.21f64 / 1e5).sqrt());
        assert!(draw(Distribution::Bernoulli(1f64.to_bits()), 1000).iter().all(|&x| x == 1.0));
    }

    #[test]
    fn integers_and_choices_cover_their_range() {
        let integers = draw(Distribution::Integer { low: -2, high: 3 }, 5_000);
        for value in -2..3 {
            let count = integers.iter().filter(|&&x| x == f64::from(value)).count() as f64;
            assert!((count - 1000.0).abs() < 5.0 * 800f64.sqrt(), "{value}: {count}");
        }
        let mut permutation = draw(Distribution::Choice { from: 50 }, 50);
        permutation.sort_by(f64::total_cmp);
        assert_eq!(permutation, (0..50).map(f64::from).collect::<Vec<_>>());
    }
}
