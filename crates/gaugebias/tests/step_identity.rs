//! What a step of SGD does to a charge is an identity, not an approximation: for θ' = θ − ηg with Jξ = 0 and ξ = Aθ,
//! A symmetric, Q(θ') = Q(θ) + (η²/2) gᵀAg.

use std::path::{Path, PathBuf};

use gaugebias::dynamics::update::Update;
use gaugebias::dynamics::{Options, Silent, simulate};
use gaugebias::model::graph::gradient;
use gaugebias::model::operations::Purpose;
use gaugebias::model::program::{Program, Request, Workspace};
use gaugebias::model::random::{LaneStream, Stream};
use gaugebias::model::spec::{Spec, SpecFile};
use gaugebias::model::{DataBinding, Model, Setup};

const SEEDS: usize = 4;

/// A spec's step in f64, with the gradients of its parameters beside the next states.
struct Step {
    program: Program<f64>,
    workspace: Workspace<f64>,
    parameters: Vec<usize>,
}

impl Step {
    fn of(spec: &Spec) -> Self {
        let model = Model::build(spec, DataBinding::Inputs).expect("a right model");
        let mut update = Update::build(spec, model).expect("a loss to descend");
        let targets: Vec<_> = update.model.params.iter().map(|slot| slot.node).collect();
        let loss = update.model.named("loss").expect("a loss");
        let gradients = gradient(&mut update.model.graph, loss, &targets);
        let request = Request {
            fixed: update.model.data.iter().map(|slot| slot.slot).collect(),
            primary: update.states.iter().map(|state| state.next).collect(),
            secondary: gradients,
            feedback: update.states.iter().enumerate().map(|(index, state)| (index, state.slot)).collect(),
            ..Request::default()
        };
        let program = Program::<f64>::compile(&update.model.graph, &request);
        let purposes = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise];
        let streams = purposes.map(|purpose| LaneStream::new(&Stream::for_seeds(0, purpose, 0, SEEDS)));
        let mut workspace = program.workspace(streams);
        let setup = Setup::build(spec).expect("a right spec");
        for seed in 0..SEEDS {
            let (data, params) = setup.evaluate(0, seed);
            for (slot, values) in update.model.data.iter().map(|slot| (slot, &data)) {
                program.set_lane(&mut workspace, slot.slot, seed, &values[&slot.name].values);
            }
            for (slot, values) in update.model.params.iter().map(|slot| (slot, &params)) {
                program.set_lane(&mut workspace, slot.slot, seed, &values[&slot.name].values);
            }
        }
        program.prepare(&mut workspace);
        let parameters = update.model.params.iter().map(|slot| slot.slot).collect();
        Self { program, workspace, parameters }
    }

    /// Makes the step; θ, g and θ' of every seed, each parameter's elements in order.
    fn take(&mut self) -> Vec<[Vec<Vec<f64>>; 3]> {
        let before = self.read(|step, index| step.program.input(&step.workspace, step.parameters[index]));
        self.program.step(&mut self.workspace, true);
        let gradients = self.read(|step, index| Some(step.program.secondary(&step.workspace, index)));
        let after = self.read(|step, index| Some(step.program.primary(&step.workspace, index)));
        self.program.advance(&mut self.workspace);
        before.into_iter().zip(gradients).zip(after).map(|((theta, g), next)| [theta, g, next]).collect()
    }

    fn read<'a>(
        &'a self,
        chunks: impl Fn(&'a Self, usize) -> Option<&'a [gaugebias::model::Chunk<f64>]>,
    ) -> Vec<Vec<Vec<f64>>> {
        let lane = |seed: usize| {
            let parameter = |index| chunks(self, index).expect("used by the step").iter().map(|c| c.0[seed]).collect();
            (0..self.parameters.len()).map(parameter).collect()
        };
        (0..SEEDS).map(lane).collect()
    }
}

/// ½(v_j² − ‖W_j‖²) of (W, v), or of a gradient: ½ gᵀAg.
fn quadratic_form(theta: &[Vec<f64>], unit: usize) -> f64 {
    let inputs = theta[0].len() / theta[1].len();
    let row = &theta[0][unit * inputs..][..inputs];
    0.5 * (theta[1][unit].powi(2) - row.iter().map(|x| x * x).sum::<f64>())
}

fn squared_norm(theta: &[Vec<f64>]) -> f64 {
    theta.iter().flatten().map(|x| x * x).sum()
}

#[test]
fn charges_of_a_shallow_network_follow_the_identity_over_forty_thousand_steps() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/published/shallow-relu.toml");
    let spec = SpecFile::read(&path, &[]).expect("a right spec").specs.remove(0);
    assert_eq!(spec.train.steps, 40_000);
    let step_size = spec.train.step_size;
    let mut step = Step::of(&spec);
    let mut predicted: Vec<Vec<f64>> = Vec::new();
    let (mut largest_step, mut largest_sum, mut moved) = (0.0f64, 0.0f64, 0.0f64);
    for _ in 0..spec.train.steps {
        let seeds = step.take();
        if predicted.is_empty() {
            let initial = |theta: &Vec<Vec<f64>>| (0..16).map(|unit| quadratic_form(theta, unit)).collect();
            predicted = seeds.iter().map(|[theta, ..]| initial(theta)).collect();
        }
        for ([theta, g, next], predicted) in seeds.iter().zip(&mut predicted) {
            let scale = squared_norm(next);
            for (unit, predicted) in predicted.iter_mut().enumerate() {
                // The gradient's charge is ½ gᵀAg.
                let change = step_size * step_size * quadratic_form(g, unit);
                let found = quadratic_form(next, unit);
                *predicted += change;
                moved = moved.max(change.abs() / scale);
                largest_step = largest_step.max((found - quadratic_form(theta, unit) - change).abs() / scale);
                largest_sum = largest_sum.max((found - *predicted).abs() / scale);
            }
        }
    }
    assert!(largest_step <= 1e-12, "one step is off by {largest_step:.1e} of |θ|²");
    assert!(largest_sum <= 1e-12, "40,000 steps are off by {largest_sum:.1e} of |θ|²");
    // The bound is far below what is claimed: the second-order term itself.
    assert!(moved > 1e-9, "the charges moved by no more than {moved:.1e} in a step");
}

/// f = uwx on one sample: u'² − w'² = (u² − w²)(1 − η²a²) = 3·(1 − 0.01·4).
#[test]
fn one_step_of_the_scalar_example_gives_2_88() {
    let text = "[data]\nx = 1.0\ny = 1.0\n[param]\nu = 2.0\nw = 1.0\n[model]\nloss = \"(u * w * x - y)**2\"\n[train]\n\
                step_size = 0.1\nsteps = 1\ndtype = \"f64\"\n[ensemble]\nseeds = 1\n[log]\nevery = 1\n\
                difference = \"u**2 - w**2\"";
    let spec = SpecFile::parse("scalar", text.into(), PathBuf::new(), &[]).expect("a right spec").specs.remove(0);
    let run = simulate(&spec, Options::default(), &Silent).expect("one step");
    let logged = &run.observables["difference"].values;
    assert_eq!(logged[0], 3.0);
    assert!((logged[1] - 2.88).abs() < 1e-14, "{}", logged[1]);
}
