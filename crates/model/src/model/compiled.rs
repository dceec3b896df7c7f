//! The predictor of a spec as a [`Parametrization`], evaluated by lane programs in f64.

use super::{DataBinding, Model};
use crate::graph::{Graph, Kind, NodeId, cotangents, tangents};
use crate::lanes::LANES;
use crate::operations::{Concatenate, Purpose};
use crate::parametrization::{ParameterTensor, Parametrization, Point};
use crate::program::{Program, Request, Workspace};
use crate::random::{LaneStream, Stream};
use crate::shape::Shape;
use crate::source::SpecError;
use crate::spec::Spec;
use crate::tensor::Tensor;
use std::sync::OnceLock;

/// Families of streams for evaluation points, apart from those of training runs.
const POINT_STREAMS: u64 = 0x5f3e_9c1d_0b7a_2468;

/// A named scalar or tensor function of the parameters: the spec's predictor, by default.
pub struct SpecParametrization {
    tensors: Vec<ParameterTensor>,
    slots: Vec<usize>,
    shape: Shape,
    random: bool,
    value: Program<f64>,
    gradient: Program<f64>,
    /// Compiled when it is first asked for: few need it.
    second: OnceLock<Program<f64>>,
    curvature: OnceLock<Program<f64>>,
    source: Source,
}

/// What derivatives are compiled from.
struct Source {
    graph: Graph,
    value: NodeId,
    params: Vec<NodeId>,
    covector_slot: usize,
    /// Where directions come in, one slot for each parameter tensor from here on.
    direction_slot: usize,
}

impl Source {
    /// Jᵀy as a node of θ and y.
    fn gradient(&self) -> (Graph, NodeId) {
        let mut graph = self.graph.clone();
        let shape = graph.shape(self.value).clone();
        let covector = graph.input(self.covector_slot, shape, Kind::Real);
        let parts = cotangents(&mut graph, &[(self.value, covector)], &self.params);
        let parts: Vec<NodeId> = parts
            .into_iter()
            .zip(&self.params)
            .map(|(part, &param)| {
                let flat = Shape::from([graph.shape(param).count()]);
                match part {
                    Some(part) => graph.reshape(part, &flat),
                    None => graph.full(&flat, 0.0),
                }
            })
            .collect();
        let gradient = graph.must(Concatenate { axis: 0 }, &parts);
        (graph, gradient)
    }

    /// The inputs for a direction v in θ.
    fn direction(&self, graph: &mut Graph) -> Vec<(NodeId, NodeId)> {
        let input = |(at, &node): (usize, &NodeId)| {
            let shape = graph.shape(node).clone();
            (node, graph.input(self.direction_slot + at, shape, Kind::Real))
        };
        self.params.iter().enumerate().map(input).collect()
    }

    /// d²F(θ + tv)/dt² at t = 0, as a program of θ and v.
    fn compile_second(&self) -> Program<f64> {
        let mut graph = self.graph.clone();
        let seeds = self.direction(&mut graph);
        let first = tangents(&mut graph, &seeds, &[self.value])[0];
        let second = first.and_then(|first| tangents(&mut graph, &seeds, &[first])[0]);
        // Where it is structurally zero: a predictor that is linear in θ.
        let shape = graph.shape(self.value).clone();
        let output = second.unwrap_or_else(|| graph.full(&shape, 0.0));
        compile(&graph, output)
    }

    /// d(Jᵀy)/dt at θ + tv, t = 0, as a program of θ, y and v.
    fn compile_curvature(&self) -> Program<f64> {
        let (mut graph, gradient) = self.gradient();
        let seeds = self.direction(&mut graph);
        let curvature = tangents(&mut graph, &seeds, &[gradient])[0];
        let shape = graph.shape(gradient).clone();
        let output = curvature.unwrap_or_else(|| graph.full(&shape, 0.0));
        compile(&graph, output)
    }
}

fn compile(graph: &Graph, output: NodeId) -> Program<f64> {
    let request = Request { primary: vec![output], only_needed_draws: true, ..Request::default() };
    Program::compile(graph, &request)
}

impl SpecParametrization {
    /// The parametrization w = F(θ) that a spec calls `predictor`. Draws of `[batch]` and `[data]` are made anew at each
    /// point (function symmetry), unless `binding` fixes the data.
    ///
    /// # Errors
    /// [`SpecError`] where the spec has no predictor or an expression does not make sense.
    pub fn predictor(spec: &Spec, binding: DataBinding<'_>) -> Result<Self, SpecError> {
        let model = Model::build(spec, binding)?;
        let node = model.named("predictor").ok_or_else(|| {
            SpecError::in_file(&spec.source.name, "[model] names no `predictor`")
                .help("name what the data can see of the parameters, as in predictor = \"u * v\"")
        })?;
        Ok(Self::of_node(model, node))
    }

    /// Any real node of a model as a function of the parameters.
    ///
    /// # Panics
    /// When data are inputs of the model: bind them to values or draws.
    pub fn of_node(model: Model, node: NodeId) -> Self {
        assert!(model.data.is_empty(), "the data of a parametrization are drawn or given");
        let mut graph = model.graph;
        let shape = graph.shape(node).clone();
        let random = graph.is_random(&[node]);
        let flat = Shape::from([shape.count()]);
        let value = graph.reshape(node, &flat);
        let source = Source {
            value,
            params: model.params.iter().map(|slot| slot.node).collect(),
            covector_slot: model.next_slot,
            direction_slot: model.next_slot + 1,
            graph,
        };
        let (with_covector, gradient) = source.gradient();
        Self {
            tensors: ParameterTensor::layout(
                model.params.iter().map(|slot| (slot.name.as_str(), slot.shape.0.as_slice())),
            ),
            slots: model.params.iter().map(|slot| slot.slot).collect(),
            random,
            value: compile(&source.graph, value),
            gradient: compile(&with_covector, gradient),
            shape,
            second: OnceLock::new(),
            curvature: OnceLock::new(),
            source,
        }
    }

    /// Bytes that an evaluation of the predictor or of a row of its Jacobian takes.
    pub fn workspace_bytes(&self) -> usize {
        self.value.workspace_bytes().max(self.gradient.workspace_bytes())
    }

    /// Evaluates one output at many points with further inputs (slot, values) at each, sixteen points at a time.
    fn evaluate(
        &self,
        program: &Program<f64>,
        points: &[Point],
        inputs: impl Fn(usize) -> Vec<(usize, Vec<f64>)>,
    ) -> Vec<Vec<f64>> {
        let mut results = Vec::with_capacity(points.len());
        let mut workspace = program.workspace(streams(&points[..points.len().min(1)]));
        for (block, chunk) in points.chunks(LANES).enumerate() {
            workspace.streams = streams(chunk);
            for (lane, point) in chunk.iter().enumerate() {
                self.set_parameters(program, &mut workspace, lane, &point.theta);
                for (slot, values) in inputs(block * LANES + lane) {
                    program.set_lane(&mut workspace, slot, lane, &values);
                }
            }
            program.prepare(&mut workspace);
            program.step(&mut workspace, false);
            let output = program.primary(&workspace, 0);
            results.extend((0..chunk.len()).map(|lane| output.iter().map(|chunk| chunk.0[lane]).collect()));
        }
        results
    }

    fn set_parameters(&self, program: &Program<f64>, workspace: &mut Workspace<f64>, lane: usize, theta: &[f64]) {
        for (tensor, &slot) in self.tensors.iter().zip(&self.slots) {
            program.set_lane(workspace, slot, lane, &theta[tensor.offset..tensor.offset + tensor.len()]);
        }
    }

    /// A direction in θ, slot by slot.
    fn direction(&self, v: &[f64]) -> Vec<(usize, Vec<f64>)> {
        let of = |(at, t): (usize, &ParameterTensor)| {
            (self.source.direction_slot + at, v[t.offset..t.offset + t.len()].to_vec())
        };
        self.tensors.iter().enumerate().map(of).collect()
    }

    /// Splits θ into named tensors.
    pub fn split(&self, theta: &[f64]) -> Vec<(String, Tensor)> {
        let part = |tensor: &ParameterTensor| {
            let values = theta[tensor.offset..tensor.offset + tensor.len()].to_vec();
            (tensor.name.clone(), Tensor::new(tensor.shape.clone(), values))
        };
        self.tensors.iter().map(part).collect()
    }
}

/// The streams of a block of evaluation points: equal draws for equal `draw`.
fn streams(points: &[Point]) -> [LaneStream; Purpose::COUNT] {
    std::array::from_fn(|purpose| {
        let of = |draw: u64| Stream::new(POINT_STREAMS ^ draw.wrapping_mul(4).wrapping_add(purpose as u64));
        let mut lanes: Vec<Stream> = points.iter().map(|point| of(point.draw)).collect();
        lanes.extend(points.is_empty().then(|| of(0)));
        LaneStream::new(&lanes)
    })
}

impl Parametrization for SpecParametrization {
    fn tensors(&self) -> &[ParameterTensor] {
        &self.tensors
    }

    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>> {
        self.evaluate(&self.value, points, |_| Vec::new())
    }

    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>> {
        let d = self.shape.count();
        let basis = |row: usize| (0..d).map(|at| f64::from(u8::from(at == row))).collect::<Vec<f64>>();
        points
            .iter()
            .map(|point| {
                let repeated = vec![point.clone(); d];
                self.evaluate(&self.gradient, &repeated, |row| vec![(self.source.covector_slot, basis(row))]).concat()
            })
            .collect()
    }

    fn predictor_shape(&self) -> Vec<usize> {
        self.shape.0.clone()
    }

    fn depends_on_draw(&self) -> bool {
        self.random
    }

    fn covector_gradients(&self, points: &[Point], covectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        self.evaluate(&self.gradient, points, |index| vec![(self.source.covector_slot, covectors[index].clone())])
    }

    fn second_derivatives(&self, points: &[Point], directions: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let program = self.second.get_or_init(|| self.source.compile_second());
        self.evaluate(program, points, |index| self.direction(&directions[index]))
    }

    fn covector_curvature(&self, points: &[Point], covectors: &[Vec<f64>], directions: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let program = self.curvature.get_or_init(|| self.source.compile_curvature());
        let parts = |index: usize| {
            let mut parts = self.direction(&directions[index]);
            parts.push((self.source.covector_slot, covectors[index].clone()));
            parts
        };
        self.evaluate(program, points, parts)
    }
}
