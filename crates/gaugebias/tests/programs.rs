//! Compiled programs of the published experiments: against plain loops, with and without the compiler's passes, and what
//! work they do.

use std::path::Path;

use gaugebias::dynamics::update::Update;
use gaugebias::model::graph::{Interpreter, Simplify, Values};
use gaugebias::model::operations::Purpose;
use gaugebias::model::program::{Passes, Plan, Program, Request, Workspace};
use gaugebias::model::random::{LaneStream, Stream};
use gaugebias::model::spec::{Spec, SpecFile};
use gaugebias::model::{DataBinding, LANES, Model, Setup, Tensor};

const PURPOSES: [Purpose; 4] = [Purpose::Data, Purpose::Param, Purpose::Batch, Purpose::Noise];

/// Steps that the program and the plain loops make side by side.
const STEPS: usize = 2_000;

fn published(name: &str) -> Vec<Spec> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/published").join(name);
    SpecFile::read(&path.with_extension("toml"), &[]).expect("a published experiment is right").specs
}

fn update(spec: &Spec) -> Update {
    Update::build(spec, Model::build(spec, DataBinding::Inputs).expect("a right model")).expect("a loss to descend")
}

fn compile(update: &Update, passes: Passes) -> Program<f64> {
    let request = Request {
        fixed: update.model.data.iter().map(|slot| slot.slot).collect(),
        primary: update.states.iter().map(|state| state.next).collect(),
        feedback: update.states.iter().enumerate().map(|(index, state)| (index, state.slot)).collect(),
        passes,
        ..Request::default()
    };
    Program::compile(&update.model.graph, &request)
}

/// Data, parameters and other states of a seed at the start, by slot.
fn start(spec: &Spec, update: &Update, seed: usize) -> Values {
    let (data, params) = Setup::build(spec).expect("a right spec").evaluate(0, seed);
    let data = update.model.data.iter().map(|slot| (slot.slot, data[&slot.name].clone()));
    let zeros = update.states[params.len()..].iter().map(|state| (state.slot, Tensor::full(state.shape.clone(), 0.0)));
    let params = update.model.params.iter().map(|slot| (slot.slot, params[&slot.name].clone()));
    data.chain(params).chain(zeros).collect()
}

fn workspace(spec: &Spec, update: &Update, program: &Program<f64>) -> Workspace<f64> {
    let streams = PURPOSES.map(|purpose| LaneStream::new(&Stream::for_seeds(0, purpose, 0, LANES)));
    let mut workspace = program.workspace(streams);
    for seed in 0..2 {
        for (slot, tensor) in start(spec, update, seed) {
            program.set_lane(&mut workspace, slot, seed, &tensor.values);
        }
    }
    program.prepare(&mut workspace);
    workspace
}

/// Parameters after some steps, in one lane.
fn after(spec: &Spec, update: &Update, passes: Passes, steps: usize, lane: usize) -> Vec<f64> {
    let program = compile(update, passes);
    let mut workspace = workspace(spec, update, &program);
    for _ in 0..steps {
        program.step(&mut workspace, false);
        program.advance(&mut workspace);
    }
    let state = |slot: usize| program.input(&workspace, slot).unwrap_or(&[]).iter().map(|chunk| chunk.0[lane]);
    update.states.iter().flat_map(|one| state(one.slot)).collect()
}

/// The same by plain loops over whole tensors.
fn by_plain_loops(spec: &Spec, update: &Update, steps: usize, seed: usize) -> Vec<f64> {
    let next: Vec<_> = update.states.iter().map(|state| state.next).collect();
    let interpreter = Interpreter::new(&update.model.graph);
    let mut values = start(spec, update, seed);
    let mut streams = PURPOSES.map(|purpose| Stream::for_seed(0, purpose, seed)).to_vec();
    for _ in 0..steps {
        let found = interpreter.evaluate(&next, &values, &mut streams);
        for (state, tensor) in update.states.iter().zip(found) {
            values.insert(state.slot, tensor);
        }
    }
    update.states.iter().flat_map(|state| values[&state.slot].values.clone()).collect()
}

fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    found.iter().zip(expected).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) / scale
}

#[track_caller]
fn agrees(name: &str) {
    for spec in published(name) {
        let update = update(&spec);
        let found = after(&spec, &update, Passes::default(), STEPS, 1);
        let expected = by_plain_loops(&spec, &update, STEPS, 1);
        let difference = difference(&found, &expected);
        assert!(difference <= 1e-10, "{}: {difference:.1e} after {STEPS} steps", spec.title);
        assert!(found.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn shallow_relu_agrees_with_plain_loops() {
    agrees("shallow-relu");
}

#[test]
fn matrix_completion_agrees_with_plain_loops() {
    agrees("matrix-completion");
}

#[test]
fn attention_agrees_with_plain_loops() {
    agrees("attention");
}

#[test]
fn spectral_sparse_agrees_with_plain_loops() {
    agrees("spectral-sparse");
}

#[test]
fn total_variation_agrees_with_plain_loops() {
    agrees("total-variation");
}

/// Every spec in `experiments`, variants included.
fn all_specs() -> Vec<Spec> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments")];
    let mut specs = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the experiments are there") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                specs.extend(SpecFile::read(&path, &[]).expect("an experiment is right").specs);
            }
        }
    }
    specs
}

/// The update of a spec, its graph made with some simplifications. Without a loss, the one that makes the predictor small.
fn update_with(spec: &Spec, simplify: Simplify) -> Update {
    let mut model = Model::build_with(spec, DataBinding::Inputs, simplify).expect("a right model");
    if model.named("loss").is_none() {
        let predictor = model.named("predictor").expect("a spec has a loss or a predictor");
        let square = model.graph.multiply(predictor, predictor);
        let sum = model.graph.sum(square);
        model.names.insert("loss".to_owned(), sum);
    }
    Update::build(spec, model).expect("a loss to descend")
}

#[test]
fn every_pass_can_be_switched_off() {
    let on = Passes::default();
    let passes = [
        Passes { hoist: false, ..on },
        Passes { fuse: false, ..on },
        Passes { products: false, ..on },
        Passes { rows: false, ..on },
        Passes { reuse: false, ..on },
        Passes::OFF,
    ];
    let simple = Simplify::default();
    let simplifications = [
        Simplify { share: false, ..simple },
        Simplify { fold: false, ..simple },
        Simplify { identities: false, ..simple },
        Simplify { share: false, fold: false, identities: false },
    ];
    let specs = all_specs();
    assert!(specs.len() >= 23, "only {} specs", specs.len());
    for spec in specs {
        let update = update_with(&spec, simple);
        let expected = after(&spec, &update, on, 3, 0);
        let check = |found: Vec<f64>, without: String| {
            let difference = difference(&found, &expected);
            assert!(difference <= 1e-12, "{}, {without}: {difference:.1e}", spec.title);
        };
        for passes in passes {
            check(after(&spec, &update, passes, 3, 0), format!("{passes:?}"));
        }
        for simplify in simplifications {
            check(after(&spec, &update_with(&spec, simplify), on, 3, 0), format!("{simplify:?}"));
        }
    }
}

/// Work of one seed's step: instructions, floating-point operations, bytes.
type Work = (usize, u64, u64);

/// That of `gaugebias bench`: without what is only there for the log.
fn work(spec: &Spec) -> Work {
    let mut spec = spec.clone();
    spec.total.clear();
    spec.log.observables.clear();
    let plan: Plan = compile(&update(&spec), Passes::default()).plan();
    (plan.step.len(), plan.flops(), plan.bytes())
}

/// Golden numbers: a change that costs work fails here, and one that saves work is written down here.
#[test]
fn work_of_the_published_experiments() {
    let golden: [(&str, &[Work]); 5] = [
        ("shallow-relu", &[(8, 3_872, 11_584)]),
        ("matrix-completion", &[(4, 52_000, 48_928)]),
        ("attention", &[(32, 449_920, 646_144)]),
        ("spectral-sparse", &[(4, 8_704, 24_576), (2, 8_576, 21_632), (2, 8_576, 20_480)]),
        ("total-variation", &[(6, 49_920, 131_328), (2, 49_120, 115_456)]),
    ];
    let found: Vec<(&str, Vec<_>)> =
        golden.iter().map(|(name, _)| (*name, published(name).iter().map(work).collect())).collect();
    let expected: Vec<(&str, Vec<_>)> = golden.iter().map(|(name, work)| (*name, work.to_vec())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_plan_reads_as_text() {
    let text = compile(&update(&published("shallow-relu")[0]), Passes::default()).plan().to_string();
    for part in ["nodes", "each step:", "flops", "then relu", "keep positive", "draw"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}
