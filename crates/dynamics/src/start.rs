//! The program that computes data and initial parameters, sixteen seeds at once.
//!
//! What is loaded, or otherwise known when the spec is read, is no output of it: that would be there once for each lane. The
//! step's program has it as constants, once for all seeds.

use std::collections::HashMap;

use gaugebias_model::graph::NodeId;
use gaugebias_model::operations::Purpose;
use gaugebias_model::program::{Program, Request};
use gaugebias_model::random::{LaneStream, Stream};
use gaugebias_model::spec::Spec;
use gaugebias_model::{Real, Setup, Tensor};

/// The compiled program and which output is which.
pub(crate) struct Start<T> {
    pub program: Program<T>,
    /// Of each name of `[data]`, its output, if it has to be computed.
    data: HashMap<String, usize>,
    /// The output of the first parameter; the others follow.
    first_param: usize,
}

impl<T: Real> Start<T> {
    pub fn compile(setup: &Setup) -> Self {
        let computed = setup.data.iter().filter(|(_, node)| setup.graph.constant_value(*node).is_none());
        let (names, data): (Vec<&String>, Vec<NodeId>) = computed.map(|(name, node)| (name, *node)).unzip();
        let params = setup.params.iter().map(|(_, node)| *node);
        let needed: Vec<NodeId> = data.iter().copied().chain(params).collect();
        Self {
            program: Program::compile(&setup.graph, &Request { primary: needed, ..Request::default() }),
            first_param: data.len(),
            data: names.into_iter().enumerate().map(|(output, name)| (name.clone(), output)).collect(),
        }
    }

    /// The output of a tensor of `[data]` that differs from seed to seed.
    pub fn data(&self, name: &str) -> usize {
        self.data[name]
    }

    /// The output of a parameter, counted in the order of the spec.
    pub fn parameter(&self, index: usize) -> usize {
        self.first_param + index
    }

    /// The computed data of the first seed, in the run's precision.
    pub fn first_data(&self, spec: &Spec, setup: &Setup) -> HashMap<String, Tensor> {
        let stream = |purpose| LaneStream::new(&Stream::for_seeds(spec.ensemble.seed, purpose, 0, 1));
        let mut workspace =
            self.program.workspace([Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise].map(stream));
        self.program.prepare(&mut workspace);
        self.program.step(&mut workspace, false);
        let computed = setup.data.iter().filter_map(|(name, _)| Some((name, *self.data.get(name)?)));
        computed.map(|(name, output)| (name.clone(), self.program.primary_tensor(&workspace, output, 0))).collect()
    }
}
