//! Blocks to a checkpoint and back.

use std::time::{Duration, Instant};

use gaugebias_model::operations::Purpose;
use gaugebias_model::random::Stream;
use gaugebias_model::{LANES, Real};
use safetensors::tensor::Dtype;

use super::folder::{Checkpoints, DiskStorage, Storage};
use super::journal::{self, Journal};
use super::states::{States, Stored, UNDER_WAY};
use super::{CheckpointError, numbers, push_numbers};
use crate::block::{Block, Plan};

/// Names of the streams' tensors, by purpose.
const STREAMS: [&str; Purpose::COUNT] = ["stream.data", "stream.param", "stream.batch", "stream.noise"];

/// Saves the blocks of a run.
pub(crate) struct Saver {
    checkpoints: Checkpoints,
    storage: Box<dyn Storage>,
    journal: Journal,
    /// How far each block was when it was last saved.
    saved: Vec<u64>,
    /// Wall time of the run before this process.
    pub seconds_before: f64,
    started: Instant,
}

/// Puts the blocks where a folder's checkpoint stands, if it has one.
///
/// # Errors
/// [`CheckpointError::Read`] and [`CheckpointError::Other`].
pub(crate) fn restore<T: Real>(
    checkpoints: &Checkpoints,
    plan: &Plan<T>,
    blocks: &mut [Block<T>],
) -> Result<Saver, CheckpointError> {
    let storage = Box::new(DiskStorage { folder: checkpoints.folder.clone() });
    let mut saver = Saver::new(checkpoints, storage, blocks.len());
    let Some(states) = checkpoints.states()?.filter(|states| states.standing == UNDER_WAY) else { return Ok(saver) };
    saver.seconds_before = states.seconds;
    let damaged = |reason: String| checkpoints.damaged(reason);
    saver.journal = journal::read(checkpoints.open_records()?, states.records, plan, blocks).map_err(damaged)?;
    if saver.journal.digest() != states.records_digest {
        return Err(damaged("its records are damaged (their digest does not fit their content)".into()));
    }
    if states.steps() != blocks.iter().map(|block| block.step).collect::<Vec<_>>() {
        return Err(damaged("its records end at other steps than its states".into()));
    }
    saver.saved = states.steps();
    restore_states(&states, plan, blocks).map_err(damaged)?;
    Ok(saver)
}

impl Saver {
    pub fn new(checkpoints: &Checkpoints, storage: Box<dyn Storage>, blocks: usize) -> Self {
        let (checkpoints, journal) = (checkpoints.clone(), Journal::default());
        Self { checkpoints, storage, journal, saved: vec![0; blocks], seconds_before: 0.0, started: Instant::now() }
    }

    /// Wall time of the run.
    pub fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Time to the first save.
    pub fn first_pause(&self) -> Duration {
        self.checkpoints.pause(Duration::ZERO)
    }

    /// Saves all blocks; the time until that should happen again.
    ///
    /// # Errors
    /// [`CheckpointError::Write`]; what was saved before is then untouched.
    pub fn save<T: Real>(&mut self, plan: &Plan<T>, blocks: &[Block<T>]) -> Result<Duration, CheckpointError> {
        let started = Instant::now();
        let at = self.journal.length;
        let moved = blocks.iter().zip(&self.saved).enumerate().filter(|(_, (block, saved))| block.step > **saved);
        let journal = &mut self.journal;
        let mut frames = moved.map(|(index, (block, &saved))| {
            let frame = journal::frame(plan, index, block, saved);
            journal.add(&frame);
            frame
        });
        self.storage.append(at, &mut frames).map_err(|source| self.checkpoints.unwritten(source))?;
        let states = self.states(plan, blocks).encode(&self.checkpoints.identity);
        self.storage.replace(&states).map_err(|source| self.checkpoints.unwritten(source))?;
        self.saved = blocks.iter().map(|block| block.step).collect();
        Ok(self.checkpoints.pause(started.elapsed()))
    }

    fn states<T: Real>(&self, plan: &Plan<T>, blocks: &[Block<T>]) -> States {
        let mut states = States::bare(UNDER_WAY, self.seconds());
        (states.records, states.records_digest) = (self.journal.length, self.journal.digest());
        let steps = blocks.iter().flat_map(|block| block.step.to_le_bytes()).collect();
        states.tensors.push(("step".into(), Stored { shape: vec![blocks.len()], dtype: Dtype::U64, bytes: steps }));
        let seeds: usize = blocks.iter().map(|block| block.active).sum();
        let dtype = if size_of::<T>() == 4 { Dtype::F32 } else { Dtype::F64 };
        for (index, (slot, name)) in plan.states.iter().enumerate() {
            let mut bytes = Vec::new();
            for block in blocks {
                let chunks = plan.program.input(&block.workspace, *slot).unwrap_or(&[]);
                for lane in 0..block.active {
                    push_numbers(chunks.iter().map(|chunk| chunk.0[lane]), &mut bytes);
                }
            }
            let shape = [&[seeds][..], &plan.program.primary_shape(index).0[..]].concat();
            states.tensors.push((format!("state.{name}"), Stored { shape, dtype, bytes }));
        }
        for (purpose, name) in STREAMS.iter().enumerate() {
            let lanes = blocks.iter().flat_map(|block| (0..block.active).map(move |lane| (block, lane)));
            let words = lanes.flat_map(|(block, lane)| block.workspace.streams[purpose].lane(lane).words());
            let bytes = words.flat_map(u32::to_le_bytes).collect();
            let stored = Stored { shape: vec![seeds, Stream::WORDS], dtype: Dtype::U32, bytes };
            states.tensors.push(((*name).into(), stored));
        }
        states
    }
}

/// The bytes of each seed's part of a tensor of the right size.
fn rows<'a>(
    states: &'a States,
    name: &str,
    seeds: usize,
    bytes: usize,
) -> Result<impl Fn(usize) -> &'a [u8] + use<'a>, String> {
    let found = states.tensors.iter().find(|(own, _)| own == name);
    let (_, stored) = found.ok_or_else(|| format!("it has no tensor `{name}`"))?;
    if stored.bytes.len() != seeds * bytes {
        let shape = &stored.shape;
        return Err(format!("`{name}` has shape {shape:?}, expected {seeds} seeds of {bytes} bytes"));
    }
    Ok(move |seed: usize| &stored.bytes[seed * bytes..(seed + 1) * bytes])
}

fn restore_states<T: Real>(states: &States, plan: &Plan<T>, blocks: &mut [Block<T>]) -> Result<(), String> {
    let seeds: usize = blocks.iter().map(|block| block.active).sum();
    // Lanes beyond the last seed repeat it.
    let seed_of = |block: &Block<T>, lane: usize| block.first_seed + lane.min(block.active - 1);
    for (index, (slot, name)) in plan.states.iter().enumerate() {
        let bytes = plan.program.primary_shape(index).count() * size_of::<T>();
        let name = format!("state.{name}");
        let row = rows(states, &name, seeds, bytes)?;
        for block in blocks.iter_mut() {
            let seeds: [usize; LANES] = std::array::from_fn(|lane| seed_of(block, lane));
            let Some(chunks) = plan.program.input_mut(&mut block.workspace, *slot) else { continue };
            for (lane, seed) in seeds.into_iter().enumerate() {
                chunks.iter_mut().zip(numbers::<T>(row(seed))).for_each(|(chunk, x)| chunk.0[lane] = x);
            }
        }
    }
    for (purpose, name) in STREAMS.iter().enumerate() {
        let row = rows(states, name, seeds, 4 * Stream::WORDS)?;
        for block in blocks.iter_mut() {
            for lane in 0..LANES {
                let bytes = row(seed_of(block, lane));
                let word = |at: usize| u32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().expect("four bytes"));
                let stream = Stream::from_words(std::array::from_fn(word));
                block.workspace.streams[purpose].set_lane(lane, stream);
            }
        }
    }
    Ok(())
}
