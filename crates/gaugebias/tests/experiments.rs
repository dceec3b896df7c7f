//! Every experiment that names a predictor: its generators leave the predictor alone, and close under the bracket.

use std::path::{Path, PathBuf};

use gaugebias::model::spec::{Spec, SpecFile};
use gaugebias::model::{DataBinding, Parametrization, Point, SpecParametrization};
use gaugebias::symmetry::{SearchOptions, Symmetries, find};

/// Their connected parameters are too many for the search, or take it many seconds. [`SMALL_RELU`], the first with four
/// units in place of sixteen, and the catalogue's small models stand in.
const TOO_SLOW: [&str; 8] = [
    "published/shallow-relu.toml",
    "published/matrix-completion.toml",
    "published/attention.toml",
    "published/total-variation.toml",
    "follow-up/matrix-completion-identifiable.toml",
    "follow-up/matrix-completion-volume.toml",
    "follow-up/total-variation-batches.toml",
    "follow-up/total-variation-designed.toml",
];

const SMALL_RELU: &str = "[param]\nW = \"normal(4, 3)\"\nv = \"normal(4)\"\n[batch]\nx = \"normal(8, 3)\"\n[model]\n\
                          predictor = \"relu(x @ W.T) @ v\"\n";

fn spec_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the experiments are there") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            spec_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

/// A fixed stream of numbers between −1.5 and 1.5.
struct Uniforms(u64);

impl Uniforms {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 / (1u64 << 31) as f64 - 0.5) * 3.0
    }
}

/// Largest |dF(ξ)| / (|θ| |F|), by central differences of the predictor along ξ: nothing of the search is used.
fn motion(map: &SpecParametrization, symmetries: &Symmetries) -> f64 {
    const WIDTH: f64 = 1e-5;
    let mut uniforms = Uniforms(3);
    let mut largest = 0.0f64;
    for draw in 0..3 {
        let theta: Vec<f64> = (0..map.parameter_count()).map(|_| uniforms.draw()).collect();
        for generator in &symmetries.generators {
            let field = generator.field(&theta);
            let moved = |sign: f64| Point {
                theta: theta.iter().zip(&field).map(|(x, dx)| x + sign * WIDTH * dx).collect(),
                draw,
            };
            let values = map.predictor(&[moved(1.0), moved(-1.0)]);
            let scale = values[0].iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let change = values[0].iter().zip(&values[1]).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            largest = largest.max(change / (2.0 * WIDTH * scale));
        }
    }
    largest
}

#[track_caller]
fn check(name: &str, spec: &Spec) {
    let map = SpecParametrization::predictor(spec, DataBinding::Drawn).expect("a right predictor");
    let symmetries = find(&map, &SearchOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(symmetries.closed, "{name}");
    assert!(symmetries.info.max_residual <= 1e-10, "{name}: {:?}", symmetries.info);
    let motion = motion(&map, &symmetries);
    assert!(motion < 1e-8, "{name}: the predictor moves by {motion:.1e}");
}

#[test]
fn generators_of_every_experiment_leave_the_predictor_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let mut files = Vec::new();
    spec_files(&root, &mut files);
    let slow = TOO_SLOW.map(|name| root.join(name));
    assert!(slow.iter().all(|path| files.contains(path)));
    let mut checked = 0;
    for path in files.iter().filter(|path| !slow.contains(path)) {
        let file = SpecFile::read(path, &[]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for spec in &file.specs {
            if spec.model.iter().any(|definition| definition.name == "predictor") {
                check(&format!("{} {:?}", path.display(), spec.variant), spec);
                checked += 1;
            }
        }
    }
    assert!(
        checked >= 22,
        "16 of the catalogue, a law, the diabetes data twice, the spectrum three times; {checked} were checked"
    );
}

#[test]
fn a_small_relu_network_has_one_rescaling_for_each_unit() {
    let file = SpecFile::parse("relu", SMALL_RELU.into(), PathBuf::new(), &[]).expect("a right spec");
    check("small relu", &file.specs[0]);
    let map = SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).expect("a right predictor");
    let symmetries = find(&map, &SearchOptions::default()).expect("a search");
    assert_eq!((symmetries.dimension(), symmetries.noncompact, symmetries.unexplained()), (4, 4, 0));
}

/// Symmetric elements carry charges in any algebra, closed under transpose or not: the hidden shift of a linear network
/// with biases is neither, and beside it stand the three charges W1W1ᵀ + b1b1ᵀ − W2ᵀW2.
#[test]
fn a_linear_network_with_biases_has_the_charges_of_its_symmetric_elements() {
    let text = "[param]\nW1 = \"normal(2, 3)\"\nb1 = \"normal(2)\"\nW2 = \"normal(2, 2)\"\nb2 = \"normal(2)\"\n[batch]\n\
                X = \"normal(9, 3)\"\n[model]\npredictor = \"(X @ W1.T + b1) @ W2.T + b2\"";
    let file =
        gaugebias::model::spec::SpecFile::parse("biases", text.to_owned(), ".".into(), &[]).expect("a right spec");
    let map = gaugebias::model::SpecParametrization::predictor(&file.specs[0], gaugebias::model::DataBinding::Drawn)
        .expect("a predictor");
    let found = gaugebias::symmetry::find(&map, &Default::default()).expect("symmetries");
    assert_eq!((found.dimension(), found.noncompact, found.compact, found.unexplained()), (6, 3, 1, 0));
    assert_eq!((found.independent_charges, found.transpose_closed), (3, false));
}

/// A tensor that the predictor ignores can be translated at will; that is reported, and nothing else fails by it.
#[test]
fn an_ignored_tensor_is_a_translation() {
    use gaugebias::geometry::{At, DeriveOptions, derive};
    let text = "[param]\nu = \"normal(2)\"\nv = \"normal(2)\"\n[model]\npredictor = \"u\"";
    let file =
        gaugebias::model::spec::SpecFile::parse("ignored", text.to_owned(), ".".into(), &[]).expect("a right spec");
    let map = gaugebias::model::SpecParametrization::predictor(&file.specs[0], gaugebias::model::DataBinding::Drawn)
        .expect("a predictor");
    let found = derive(&map, "ignored", &At::Balanced, &DeriveOptions::default()).expect("a derivation");
    assert_eq!((found.symmetries.dimension, found.unexplained), (2, 0));
    assert!(found.symmetries.factors.iter().all(|factor| factor.kind == "translation" && factor.acts_on == ["v"]));
}
