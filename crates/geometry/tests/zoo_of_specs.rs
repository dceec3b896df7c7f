//! Every spec of `experiments/zoo`: the answer that its comment gives, and the identities that hold for any model.

use gaugebias_geometry::{
    ClosedForm, GeometryError, OrbitFields, balance_holding_definite, bias, bias_gradient, bias_hessian_vector,
    bias_parts, closed_form, gram,
};
use gaugebias_linalg::Matrix;
use gaugebias_model::spec::{Spec, SpecFile};
use gaugebias_model::{DataBinding, ParameterTensor, Parametrization, Point, SpecParametrization};
use gaugebias_symmetry::{Entry, Generator, SearchOptions, Symmetries, SymmetryError, find};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::path::Path;

/// What the comment at the top of a spec says of one variant.
#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    variant: Option<String>,
    groups: Vec<String>,
    charges: usize,
    /// `3 on W`, or `0`.
    unexplained: String,
    formula: bool,
}

/// The answers in a comment: lines `# key: value`, a line `# variant name` between variants.
fn answers(text: &str) -> Vec<Answer> {
    let mut found = vec![Answer::default()];
    for line in text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim) {
        if let Some(name) = line.strip_prefix("variant ") {
            found.push(Answer { variant: Some(name.to_owned()), ..Answer::default() });
        }
        let answer = found.last_mut().expect("there is always one");
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number: {text}"));
        match line.split_once(": ") {
            Some(("group", group)) => answer.groups.push(group.to_owned()),
            Some(("charges", count)) => answer.charges = number(count),
            Some(("unexplained", what)) => answer.unexplained = what.to_owned(),
            Some(("formula", whether)) => answer.formula = whether == "yes",
            _ => {}
        }
    }
    found
}

struct Subject {
    spec: Spec,
    answer: Answer,
    model: SpecParametrization,
    symmetries: Symmetries,
}

fn search(model: &dyn Parametrization) -> Result<Symmetries, SymmetryError> {
    find(model, &SearchOptions::default())
}

/// All specs and variants of the zoo, or those whose file has the given name.
fn zoo(only: Option<&str>) -> Vec<Subject> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/zoo");
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("the zoo").map(|f| f.expect("a file").path()).collect();
    files.retain(|f| only.is_none_or(|name| f.file_stem().is_some_and(|stem| stem == name)));
    files.sort();
    let mut subjects = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let answers = answers(&text);
        let specs = SpecFile::read(&file, &[]).unwrap_or_else(|e| panic!("{}: {e}", file.display())).specs;
        let variants: Vec<Option<String>> = specs.iter().map(|s| s.variant.clone()).collect();
        assert_eq!(variants, answers.iter().map(|a| a.variant.clone()).collect::<Vec<_>>(), "{}", file.display());
        for (spec, answer) in specs.into_iter().zip(answers) {
            let model = SpecParametrization::predictor(&spec, DataBinding::Drawn).expect("a predictor");
            let symmetries = search(&model).unwrap_or_else(|e| panic!("{}: {e}", spec.title));
            subjects.push(Subject { spec, answer, model, symmetries });
        }
    }
    subjects
}

struct Random(Xoshiro256PlusPlus);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn normals(&mut self, count: usize, scale: f64) -> Vec<f64> {
        let normal = |_| -> f64 { StandardNormal.sample(&mut self.0) };
        (0..count).map(normal).map(|x| scale * x).collect()
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// |Jξ| / (|J||ξ|) of a generator at a point.
fn residual(jacobian: &Matrix, generator: &Generator, theta: &[f64]) -> f64 {
    let field = generator.field(theta);
    norm(&jacobian.mul_vec(&field)) / (jacobian.frobenius_norm() * norm(&field))
}

/// What differs from the comment, if anything.
fn difference_from_the_comment(subject: &Subject) -> Option<String> {
    let Subject { spec, answer, symmetries, .. } = subject;
    let groups: Vec<String> = symmetries.summary().iter().map(ToString::to_string).collect();
    let found = Answer {
        variant: answer.variant.clone(),
        groups,
        charges: symmetries.independent_charges,
        unexplained: match symmetries.unexplained() {
            0 => "0".to_owned(),
            count => format!("{count} on {}", symmetries.unexplained_on.join(", ")),
        },
        formula: answer.formula,
    };
    assert!(symmetries.closed, "{}", spec.title);
    (&found != answer).then(|| format!("{}: found {found:?}, the comment says {answer:?}", spec.title))
}

/// 100 points that the search has not seen, none of them with its seed.
fn generators_hold_on_fresh_points_and_a_planted_fault_does_not(subject: &Subject, random: &mut Random) {
    let (symmetries, title) = (&subject.symmetries, &subject.spec.title);
    let (d, p) = (subject.model.predictor_dimension(), symmetries.parameters);
    // A unit that is dead at a point hides its fault there.
    let mut faults = vec![0.0_f64; symmetries.generators.len()];
    for draw in 0..100 {
        let theta = random.normals(p, 0.9);
        let point = Point { theta: theta.clone(), draw: 1_000_003 + draw };
        let jacobian = Matrix::from_row_major(d, p, subject.model.jacobian(&[point]).swap_remove(0));
        for (generator, fault) in symmetries.generators.iter().zip(&mut faults) {
            let size = residual(&jacobian, generator, &theta);
            assert!(size <= 1e-9, "{title}: {size:.1e} of {generator:?}");
            *fault = fault.max(residual(&jacobian, &perturbed(generator), &theta));
        }
    }
    let smallest = faults.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(smallest > 1e-9, "{title}: one entry wrong by 1e-6 gives {smallest:.1e}");
}

/// One entry wrong by 1e-6.
fn perturbed(generator: &Generator) -> Generator {
    let mut entries = generator.entries().to_vec();
    let mut shifts = generator.shifts().to_vec();
    match entries.first_mut() {
        Some(Entry { value, .. }) => *value *= 1.0 + 1e-6,
        None => shifts[0].1 *= 1.0 + 1e-6,
    }
    Generator::new(entries, shifts)
}

fn predictor(subject: &Subject, theta: &[f64]) -> Vec<f64> {
    subject.model.predictor(&[Point { theta: theta.to_vec(), draw: 5 }]).swap_remove(0)
}

fn balancing_keeps_the_predictor(subject: &Subject, random: &mut Random) {
    for _ in 0..3 {
        let theta = random.normals(subject.symmetries.parameters, 0.8);
        let balanced = match balance_holding_definite(&subject.symmetries, &theta) {
            // Some orbits have no balanced point; none of the points here may be one of them silently.
            Err(GeometryError::NotConverged { .. }) if !subject.answer.formula => continue,
            other => other.unwrap_or_else(|e| panic!("{}: {e}", subject.spec.title)).theta,
        };
        let (before, after) = (predictor(subject, &theta), predictor(subject, &balanced));
        let moved = before.iter().zip(&after).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        let size = before.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert!(moved <= 1e-10 * size, "{}: F moved by {moved:.1e} of {size:.1e}", subject.spec.title);
    }
}

fn formula_equals_the_numbers(subject: &Subject) {
    let title = &subject.spec.title;
    let form = closed_form(&subject.model, &subject.symmetries, 3, 10).unwrap_or_else(|e| panic!("{title}: {e}"));
    match form {
        Some(ClosedForm { error, points, text, .. }) => {
            assert!(subject.answer.formula, "{title}: unexpected formula {text}");
            assert!(error <= 1e-9 && points > 0, "{title}: {text} is wrong by {error:.1e} at {points} points");
        }
        None => assert!(!subject.answer.formula, "{title}: the promised formula is missing"),
    }
}

/// Differences of fourth order along a random direction.
fn gradient_is_the_slope(subject: &Subject, random: &mut Random) {
    let (symmetries, p) = (&subject.symmetries, subject.symmetries.parameters);
    let (theta, direction) = (random.normals(p, 1.0), random.normals(p, 1.0));
    let along = |t: f64| {
        let moved: Vec<f64> = theta.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
        bias(symmetries, &moved).expect("a decomposition").unwrap_or(0.0)
    };
    let h = 3e-4;
    let slope = (8.0 * (along(h) - along(-h)) - along(2.0 * h) + along(-2.0 * h)) / (12.0 * h);
    let gradient = bias_gradient(symmetries, &theta).expect("a decomposition");
    let exact: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
    assert!(
        (slope - exact).abs() <= 1e-7 * (1.0 + exact.abs()),
        "{}: slope {slope}, gradient {exact}",
        subject.spec.title
    );
}

/// Multiplications, so that nothing is timed: ∇B within five times the Gram matrix as the product of its blocks. Time, which
/// is nearer to the multiplications that are not by zero, is in docs/checks.md.
fn gradient_costs_little_more_than_the_gram_matrix(subject: &Subject) {
    let work = OrbitFields::of(&subject.symmetries).work();
    assert!(work.gram <= work.dense_gram, "{}: {work:?}", subject.spec.title);
    assert!(work.gradient <= 5 * work.dense_gram, "{}: {work:?}", subject.spec.title);
}

/// Γ by blocks against the product of the whole.
fn gram_is_the_product_of_the_fields(subject: &Subject, random: &mut Random) {
    let theta = random.normals(subject.symmetries.parameters, 1.0);
    let columns: Vec<Vec<f64>> = subject.symmetries.generators.iter().map(|g| g.field(&theta)).collect();
    let whole = Matrix::from_columns(theta.len(), &columns).gram();
    let found = gram(&subject.symmetries, &theta);
    assert!(found.add_scaled(-1.0, &whole).max_abs() <= 1e-13 * (1.0 + whole.max_abs()), "{}", subject.spec.title);
}

fn second_derivative_is_the_slope_of_the_first(subject: &Subject, random: &mut Random) {
    let (symmetries, p) = (&subject.symmetries, subject.symmetries.parameters);
    let (theta, direction) = (random.normals(p, 1.0), random.normals(p, 1.0));
    let along = |t: f64| {
        let moved: Vec<f64> = theta.iter().zip(&direction).map(|(x, d)| x + t * d).collect();
        bias_gradient(symmetries, &moved).expect("a decomposition")
    };
    let h = 1e-4;
    let (a, b, c, d) = (along(h), along(-h), along(2.0 * h), along(-2.0 * h));
    let exact = bias_hessian_vector(symmetries, &theta, &direction).expect("a decomposition");
    let size = norm(&exact).max(1.0);
    for i in 0..p {
        let slope = (8.0 * (a[i] - b[i]) - c[i] + d[i]) / (12.0 * h);
        assert!((slope - exact[i]).abs() <= 1e-6 * size, "{}: {slope}, {}", subject.spec.title, exact[i]);
    }
}

fn parts_add_up(subject: &Subject, random: &mut Random) {
    let theta = random.normals(subject.symmetries.parameters, 1.0);
    let parts = bias_parts(&subject.symmetries, &theta, 1e-9).expect("a decomposition");
    let whole = bias(&subject.symmetries, &theta).expect("a decomposition").unwrap_or(0.0);
    let sum: f64 = parts.iter().map(|p| p.value).sum();
    assert!((sum - whole).abs() <= 1e-9 * (1.0 + whole.abs()), "{}: {sum} of {whole}", subject.spec.title);
    assert_eq!(parts.iter().map(|p| p.rank).sum::<usize>(), subject.symmetries.orbit_dimension);
}

#[test]
fn the_whole_zoo() {
    let subjects = zoo(None);
    assert!(subjects.len() >= 23, "{}", subjects.len());
    let differences: Vec<String> = subjects.iter().filter_map(difference_from_the_comment).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let mut random = Random::new(20);
    for subject in &subjects {
        generators_hold_on_fresh_points_and_a_planted_fault_does_not(subject, &mut random);
        balancing_keeps_the_predictor(subject, &mut random);
        formula_equals_the_numbers(subject);
        gram_is_the_product_of_the_fields(subject, &mut random);
        gradient_costs_little_more_than_the_gram_matrix(subject);
        gradient_is_the_slope(subject, &mut random);
        second_derivative_is_the_slope_of_the_first(subject, &mut random);
        parts_add_up(subject, &mut random);
    }
}

/// The model with one weight seen through a curve: θ_i + 1e-6 θ_i².
struct Bent<'a> {
    model: &'a SpecParametrization,
    index: usize,
}

const BEND: f64 = 1e-6;

impl Bent<'_> {
    fn points(&self, points: &[Point]) -> Vec<Point> {
        let bend = |point: &Point| {
            let mut point = point.clone();
            point.theta[self.index] += BEND * point.theta[self.index].powi(2);
            point
        };
        points.iter().map(bend).collect()
    }

    fn slope(&self, point: &Point) -> f64 {
        1.0 + 2.0 * BEND * point.theta[self.index]
    }
}

impl Parametrization for Bent<'_> {
    fn tensors(&self) -> &[ParameterTensor] {
        self.model.tensors()
    }
    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>> {
        self.model.predictor(&self.points(points))
    }
    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>> {
        let (p, mut jacobians) = (self.parameter_count(), self.model.jacobian(&self.points(points)));
        for (jacobian, point) in jacobians.iter_mut().zip(points) {
            jacobian.iter_mut().skip(self.index).step_by(p).for_each(|x| *x *= self.slope(point));
        }
        jacobians
    }
    fn predictor_shape(&self) -> Vec<usize> {
        self.model.predictor_shape()
    }
    fn depends_on_draw(&self) -> bool {
        self.model.depends_on_draw()
    }
    fn covector_gradients(&self, points: &[Point], covectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let mut gradients = self.model.covector_gradients(&self.points(points), covectors);
        gradients.iter_mut().zip(points).for_each(|(g, point)| g[self.index] *= self.slope(point));
        gradients
    }
}

/// Only the symmetries that move the bent weight may go, and they have to: silently, or with a refusal.
#[test]
fn a_weight_bent_by_a_millionth_is_noticed() {
    for name in ["relu-net-bias", "lora", "softmax-regression", "tied-embeddings", "rms-norm-block"] {
        for subject in zoo(Some(name)) {
            let moved = subject.symmetries.generators[0].support()[0];
            match search(&Bent { model: &subject.model, index: moved }) {
                Ok(found) => {
                    let (left, whole) = (found.dimension(), subject.symmetries.dimension());
                    assert!(left < whole, "{}: {left} of {whole} left", subject.spec.title);
                }
                Err(SymmetryError::NoGap { .. } | SymmetryError::Unverified { .. }) => {}
                Err(other) => panic!("{}: {other}", subject.spec.title),
            }
        }
    }
}
