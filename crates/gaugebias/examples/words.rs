//! Raw 32-bit words of the random streams, without end, for a battery of tests that reads them (`bench/generator/run`):
//!
//!     words lane|block|seeds|steps|purposes|families [reversed]
//!
//! Each layout mixes streams in the order in which programs take their words, so that a dependence between streams
//! shows as one within the output: `lane` is one stream; `block` the sixteen lanes of a block, word by word; `seeds`
//! 4,096 consecutive seeds; `steps` one stream cut into steps of 1,000 words, sixteen steps side by side; `purposes`
//! data, parameters, batches and noise of one seed; `families` 4,096 runs with consecutive numbers `ensemble.seed`.
//! With `reversed` the lowest bit of a word comes first: batteries look at the upper bits only, Bernoulli(½) draws
//! use all of them.

use std::io::{self, ErrorKind, Write};

use gaugebias::model::LANES;
use gaugebias::model::operations::Purpose;
use gaugebias::model::random::Stream;

/// Words of a step in the layout `steps`.
const STEP: usize = 1_000;
const SEEDS: usize = 4_096;

fn streams(layout: &str) -> Option<Vec<Stream>> {
    let purposes = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise];
    Some(match layout {
        "lane" | "steps" => vec![Stream::for_seed(0, Purpose::Noise, 0)],
        "block" => Stream::for_seeds(0, Purpose::Noise, 0, LANES),
        "seeds" => Stream::for_seeds(0, Purpose::Noise, 0, SEEDS),
        "purposes" => purposes.map(|purpose| Stream::for_seed(0, purpose, 0)).to_vec(),
        "families" => (0..SEEDS as u64).map(|base| Stream::for_seed(base, Purpose::Data, 0)).collect(),
        _ => return None,
    })
}

/// Sixteen steps of a stream, word by word.
fn interleaved_steps(stream: &mut Stream, words: &mut Vec<u32>) {
    let start = words.len();
    words.resize(start + LANES * STEP, 0);
    for step in 0..LANES {
        for word in 0..STEP {
            words[start + word * LANES + step] = stream.next_word();
        }
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let layout = arguments.first().map_or("", String::as_str);
    let reversed = arguments.get(1).is_some_and(|argument| argument == "reversed");
    let Some(mut streams) = streams(layout) else {
        eprintln!("usage: words lane|block|seeds|steps|purposes|families [reversed]");
        std::process::exit(2);
    };
    let mut output = io::stdout().lock();
    let (mut words, mut bytes) = (Vec::new(), Vec::new());
    loop {
        words.clear();
        while words.len() < 1 << 16 {
            match layout {
                "steps" => interleaved_steps(&mut streams[0], &mut words),
                _ => words.extend(streams.iter_mut().map(Stream::next_word)),
            }
        }
        bytes.clear();
        for &word in &words {
            let word = if reversed { word.reverse_bits() } else { word };
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        match output.write_all(&bytes) {
            // The reader has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            result => result?,
        }
    }
}
