//! All blocks of an ensemble at their start: data and initial parameters drawn, prologues run.

use gaugebias_model::operations::Purpose;
use gaugebias_model::program::Workspace;
use gaugebias_model::random::{LaneStream, Stream};
use gaugebias_model::spec::Spec;
use gaugebias_model::{LANES, Real};

use crate::block::{Block, Plan};
use crate::start::Start;
use crate::update::Update;

/// Everything that blocks are set up from.
pub(crate) struct Blocks<'a, T> {
    pub spec: &'a Spec,
    pub start: &'a Start<T>,
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
        let mut drawn = self.start.program.workspace(lanes(0));
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
        self.start.program.prepare(drawn);
        self.start.program.step(drawn, false);
        let mut workspace = self.plan.program.workspace(lanes);
        let model = &self.update.model;
        let data = model.data.iter().map(|slot| (slot.slot, self.start.data(&slot.name)));
        let params = model.params.iter().enumerate();
        let params = params.map(|(index, slot)| (slot.slot, self.start.parameter(index)));
        for (slot, output) in data.chain(params) {
            if let Some(target) = self.plan.program.input_mut(&mut workspace, slot) {
                target.copy_from_slice(self.start.program.primary(drawn, output));
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
