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

/// A shallow ReLU network under an optimiser, in f64.
fn trained(settings: &str) -> Spec {
    let text = format!(
        "[data]\nteacher = \"normal(3)\"\n[param]\nW = \"0.5 * normal(4, 3)\"\nv = \"0.7 * normal(4)\"\n[batch]\n\
         x = \"normal(8, 3)\"\n[model]\npredictor = \"relu(x @ W.T) @ v\"\n\
         loss = \"mean((predictor - sin(x @ teacher))**2)\"\n[train]\ndtype = \"f64\"\nsteps = 1000\n{settings}"
    );
    SpecFile::parse("charges", text, PathBuf::new(), &[]).expect("a right spec").specs.remove(0)
}

const UNITS: usize = 4;

/// θᵀAm of unit `unit`.
fn bilinear_form(theta: &[Vec<f64>], m: &[Vec<f64>], unit: usize) -> f64 {
    let row = |t: &[Vec<f64>]| t[0][unit * 3..][..3].to_vec();
    let inner: f64 = row(theta).iter().zip(row(m)).map(|(x, y)| x * y).sum();
    theta[1][unit] * m[1][unit] - inner
}

/// (θ − θ')/η: what the optimiser has subtracted.
fn update(theta: &[Vec<f64>], next: &[Vec<f64>], step_size: f64) -> Vec<Vec<f64>> {
    let part = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(x, y)| (x - y) / step_size).collect();
    theta.iter().zip(next).map(part).collect()
}

/// The law that `derive` states for weight decay: Q' = (1 − ηλ)² Q + (η²/2) gᵀAg.
#[test]
fn weight_decay_shrinks_a_charge_by_its_square_in_every_step() {
    let spec = trained("step_size = 0.05\nweight_decay = 0.1");
    let law = gaugebias::geometry::charge_law::charge_law(&spec.train);
    let decay = law.decay.expect("a factor");
    assert!(law.exact && (decay - 0.995_f64.powi(2)).abs() < 1e-15);
    let mut step = Step::of(&spec);
    let (mut largest, mut without, mut first) = (0.0f64, 0.0f64, 0.0f64);
    for _ in 0..spec.train.steps {
        for [theta, g, next] in step.take() {
            let scale = squared_norm(&theta).max(1e-3);
            for unit in 0..UNITS {
                let (q, found) = (quadratic_form(&theta, unit), quadratic_form(&next, unit));
                let source = 0.05 * 0.05 * quadratic_form(&g, unit);
                largest = largest.max((found - decay * q - source).abs() / scale);
                without = without.max((found - decay * q).abs() / scale);
                first = first.max((found - (1.0 - 2.0 * 0.05 * 0.1) * q - source).abs() / scale);
            }
        }
    }
    assert!(largest <= 1e-12, "{largest:.1e} of |θ|²");
    // Neither the gradient's part nor the square of ηλ is below the bound.
    assert!(without > 1e-6 && first > 1e-7, "{without:.1e}, {first:.1e}");
}

#[test]
fn momentum_follows_its_own_identity_and_not_that_of_plain_steps() {
    let (eta, mu, lambda) = (0.02, 0.9, 0.1);
    let spec = trained("step_size = 0.02\nmomentum = 0.9\nweight_decay = 0.1");
    assert!(!gaugebias::geometry::charge_law::charge_law(&spec.train).exact);
    let mut step = Step::of(&spec);
    let mut momenta: Option<Vec<Vec<Vec<f64>>>> = None;
    let (mut largest, mut plain) = (0.0f64, 0.0f64);
    for _ in 0..200 {
        let seeds = step.take();
        let new: Vec<_> = seeds.iter().map(|[theta, _, next]| update(theta, next, eta)).collect();
        for (seed, [theta, g, next]) in seeds.iter().enumerate() {
            let scale = squared_norm(theta).max(1e-3);
            for unit in 0..UNITS {
                let (q, found) = (quadratic_form(theta, unit), quadratic_form(next, unit));
                let carried = momenta.as_ref().map_or(0.0, |m| bilinear_form(theta, &m[seed], unit));
                let law = q - eta * (mu * carried + 2.0 * lambda * q) + eta * eta * quadratic_form(&new[seed], unit);
                largest = largest.max((found - law).abs() / scale);
                let wrong = (1.0 - eta * lambda).powi(2) * q + eta * eta * quadratic_form(g, unit);
                plain = plain.max((found - wrong).abs() / scale);
            }
        }
        momenta = Some(new);
    }
    assert!(largest <= 1e-12, "{largest:.1e} of |θ|²");
    assert!(plain > 1e-4, "{plain:.1e}");
}

/// The first-order term −η θᵀAu of Adam does not vanish, so a charge moves in proportion to the step size, where SGD
/// moves it by the square.
#[test]
fn adam_keeps_no_charge() {
    let moved = |optimizer: &str, eta: f64| {
        let spec = trained(&format!("optimizer = \"{optimizer}\"\nstep_size = {eta}"));
        let law = gaugebias::geometry::charge_law::charge_law(&spec.train);
        assert_eq!(law.exact, optimizer == "sgd");
        let mut step = Step::of(&spec);
        let mut largest = 0.0f64;
        // The first steps are alike at both step sizes.
        for _ in 0..3 {
            for [theta, _, next] in step.take() {
                for unit in 0..UNITS {
                    let u = update(&theta, &next, eta);
                    let (q, found) = (quadratic_form(&theta, unit), quadratic_form(&next, unit));
                    let law = q - eta * bilinear_form(&theta, &u, unit) + eta * eta * quadratic_form(&u, unit);
                    assert!((found - law).abs() <= 1e-12, "{:.1e}", found - law);
                    largest = largest.max((found - q).abs());
                }
            }
        }
        largest
    };
    let adam = moved("adam", 2e-4) / moved("adam", 1e-4);
    let sgd = moved("sgd", 2e-4) / moved("sgd", 1e-4);
    assert!((adam - 2.0).abs() < 0.1 && (sgd - 4.0).abs() < 0.1, "ratios {adam}, {sgd}");
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
