//! All blocks of an ensemble at their start: data and initial parameters drawn, prologues run.

use std::collections::HashMap;

use gaugebias_model::operations::Purpose;
use gaugebias_model::program::{Program, Workspace};
use gaugebias_model::random::{LaneStream, Stream};
use gaugebias_model::spec::Spec;
use gaugebias_model::{LANES, Real, Setup};

use crate::block::{Block, Plan};
use crate::update::Update;

/// Everything that blocks are set up from.
pub(crate) struct Blocks<'a, T> {
    pub spec: &'a Spec,
    pub setup: &'a Setup,
    pub start: &'a Program<T>,
    pub update: &'a Update,
    pub plan: &'a Plan<T>,
}

impl<T: Real> Blocks<'_, T> {
    /// Draws data and initial parameters of every seed.
    pub fn build(&self) -> Vec<Block<T>> {
        let seeds = self.spec.ensemble.seeds;
        let base = self.spec.ensemble.seed;
        let streams = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise]
            .map(|purpose| Stream::for_seeds(base, purpose, 0, seeds));
        let lanes = |first: usize| -> [LaneStream; Purpose::COUNT] {
            let last = seeds.min(first + LANES);
            std::array::from_fn(|purpose| LaneStream::new(&streams[purpose][first..last]))
        };
        // One for all blocks: what would be allocated and freed between workspaces that stay leaves holes.
        let mut drawn = self.start.workspace(lanes(0));
        (0..seeds).step_by(LANES).map(|first| self.block(first, lanes(first), &mut drawn)).collect()
    }

    /// Numbers that a block of `active` seeds records of an observable.
    fn log_length(&self, index: usize, active: usize) -> usize {
        let records = self.plan.schedule.records_before(u64::MAX) as usize;
        records * active * self.plan.program.secondary_shape(index).count()
    }

    fn block(&self, first: usize, lanes: [LaneStream; Purpose::COUNT], drawn: &mut Workspace<T>) -> Block<T> {
        let active = LANES.min(self.spec.ensemble.seeds - first);
        drawn.streams = lanes.clone();
        self.start.prepare(drawn);
        self.start.step(drawn, false);
        let mut workspace = self.plan.program.workspace(lanes);
        let by_name: HashMap<&str, usize> =
            self.setup.data.iter().enumerate().map(|(index, (name, _))| (name.as_str(), index)).collect();
        let data = self.update.model.data.iter().map(|slot| (slot.slot, by_name[slot.name.as_str()]));
        let params = self.update.model.params.iter().enumerate();
        let params = params.map(|(index, slot)| (slot.slot, self.setup.data.len() + index));
        for (slot, output) in data.chain(params) {
            if let Some(target) = self.plan.program.input_mut(&mut workspace, slot) {
                target.copy_from_slice(self.start.primary(drawn, output));
            }
        }
        self.plan.program.prepare(&mut workspace);
        Block {
            workspace,
            active,
            first_seed: first,
            step: 0,
            // As large as they will be: growing would double them.
            logs: (0..self.plan.observables).map(|index| Vec::with_capacity(self.log_length(index, active))).collect(),
            samples: Vec::with_capacity(self.plan.schedule.samples_before(u64::MAX) as usize * active),
            diverged: None,
            stretch: 1,
        }
    }
}
