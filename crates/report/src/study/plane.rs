//! Level sets of an expression over the plane of two scalar parameters, with the slice on which charges vanish.

use gaugebias_model::spec::{Definition, Spec};
use gaugebias_model::{DataBinding, Model, Parametrization, Point, Setup, SpecError, SpecParametrization};

use super::Study;
use crate::kinds::{contour, quantiles};
use crate::{Content, Curve, Levels};

/// Seeds whose start and end are marked.
pub(super) const MOST_DOTS: usize = 100;

/// Grid points along each axis; odd would put points on the lines u = ±v, where level sets cross.
const GRID: usize = 200;

/// Half the window, in units of the largest coordinate in it.
const MARGIN: f64 = 1.25;

/// Axis names and content; `None` for a study whose parameters are not two numbers, or that lacks the expression.
pub(super) fn levels(study: &Study, name: &str) -> Option<([String; 2], Content)> {
    let spec = &study.spec;
    let [x, y] = spec.param.as_slice() else { return None };
    let axes = [x.name.clone(), y.name.clone()];
    let values = Plane::of(study, &axes)?;
    let sampled = values.sample(&function(spec, name).ok()?)?;
    let charges = study.derivation.as_ref().map_or(&[][..], |derivation| derivation.charge_names());
    let curves = charges.iter().filter_map(|charge| slice(spec, &values, charge)).collect();
    let content = Content::Levels(Levels {
        label: format!("{name} = const"),
        levels: chosen(&sampled),
        values: sampled,
        xs: values.axis.clone(),
        ys: values.axis,
        curves,
        starts: values.starts,
        ends: values.ends,
    });
    Some((axes, content))
}

/// Names the expression, and says what it is where that is short.
pub(super) fn title(spec: &Spec, name: &str) -> String {
    let short = |definition: &&Definition| definition.name == name && definition.text.chars().count() <= 30;
    let written = spec.model.iter().find(short).map_or(String::new(), |definition| format!(" = {}", definition.text));
    format!("Level sets of {name}{written}")
}

/// A square around the origin that holds where the runs start and end.
struct Plane {
    axis: Vec<f64>,
    starts: Vec<(f64, f64)>,
    ends: Vec<(f64, f64)>,
}

impl Plane {
    fn of(study: &Study, axes: &[String; 2]) -> Option<Self> {
        let (spec, run) = (&study.spec, &study.run);
        let setup = Setup::build(spec).ok()?;
        let shown = run.seeds.min(MOST_DOTS);
        let start = |seed| {
            let (_, values) = setup.evaluate(spec.ensemble.seed, seed);
            let [x, y] = axes.each_ref().map(|name| values.get(name).map(|value| value.values[0]));
            Some((x?, y?))
        };
        let starts = (0..shown).map(start).collect::<Option<Vec<_>>>()?;
        let [x, y] = axes.each_ref().map(|name| run.parameters.get(name).filter(|series| series.elements() == 1));
        let ends = x?.values.iter().copied().zip(y?.values.iter().copied()).take(shown);
        let ends: Vec<(f64, f64)> = ends.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        let largest = starts.iter().chain(&ends).map(|(x, y)| x.abs().max(y.abs())).fold(0.0, f64::max);
        let half = if largest > 0.0 { MARGIN * largest } else { 1.0 };
        let axis = (0..GRID).map(|at| half * (2.0 * at as f64 / (GRID - 1) as f64 - 1.0)).collect();
        Some(Self { axis, starts, ends })
    }

    /// A function on the grid, `[ys][xs]`; `None` where it is not of two numbers.
    fn sample(&self, function: &SpecParametrization) -> Option<Vec<f64>> {
        let at = |y: f64| self.axis.iter().map(move |&x| Point { theta: vec![x, y], draw: 0 });
        let points: Vec<Point> = self.axis.iter().flat_map(|&y| at(y)).collect();
        if function.parameter_count() != 2 || function.predictor_shape().iter().product::<usize>() != 1 {
            return None;
        }
        Some(function.predictor(&points).into_iter().map(|value| value[0]).collect())
    }
}

/// An expression of `[model]` on the first seed's data.
fn function(spec: &Spec, name: &str) -> Result<SpecParametrization, SpecError> {
    let (data, _) = Setup::build(spec)?.evaluate(spec.ensemble.seed, 0);
    let model = Model::build(spec, DataBinding::Values(&data))?;
    let missing = || SpecError::in_file(&spec.source.name, format!("[model] names no `{name}`"));
    let node = model.named(name).ok_or_else(missing)?;
    Ok(SpecParametrization::of_node(model, node))
}

/// Where a charge vanishes; `None` where its name is no expression, or it vanishes nowhere in the window.
fn slice(spec: &Spec, plane: &Plane, charge: &str) -> Option<Curve> {
    // No name of a spec has a space.
    let name = "the charge";
    let mut spec = spec.clone();
    spec.model.push(Definition::new(name, charge).ok()?);
    let values = plane.sample(&function(&spec, name).ok()?)?;
    let mut points = Vec::new();
    for line in contour(&plane.axis, &plane.axis, &values, 0.0) {
        points.extend(line);
        points.push((f64::NAN, f64::NAN));
    }
    let written = charge.replace("**2", "²").replace("0.5*", "½").replace(" - ", " − ").replace('*', "·");
    (!points.is_empty()).then(|| Curve { label: format!("Q = {written} = 0"), points })
}

/// About eight levels that are spread as the values are, each of one or two digits.
fn chosen(values: &[f64]) -> Vec<f64> {
    let shares = [0.06, 0.12, 0.24, 0.38, 0.62, 0.76, 0.88, 0.94];
    let mut levels: Vec<f64> =
        quantiles(values, shares).into_iter().filter(|level| level.is_finite()).map(round).collect();
    levels.dedup();
    levels
}

/// The nearest of 1, 1.5, 2, 3, 5, 7 times a power of ten.
fn round(level: f64) -> f64 {
    if level == 0.0 {
        return 0.0;
    }
    let exponent = level.abs().log10().floor() as i32;
    let near = |a: &f64, b: &f64| (a - level.abs()).abs().total_cmp(&(b - level.abs()).abs());
    // Negative powers divide, so that the result is the number that its digits mean.
    let scaled = |step: f64| if exponent < 0 { step / 10f64.powi(-exponent) } else { step * 10f64.powi(exponent) };
    let steps = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0].map(scaled);
    steps.into_iter().min_by(near).unwrap_or(level.abs()).copysign(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_round_numbers() {
        let found = [0.0, 0.32, -0.32, 97.0, 0.0012, 1.2e8, -4.4].map(round);
        assert_eq!(found, [0.0, 0.3, -0.3, 100.0, 0.001, 1e8, -5.0]);
        let values: Vec<f64> = (0..=1000).map(|at| f64::from(at) / 500.0 - 1.0).collect();
        assert_eq!(chosen(&values), [-1.0, -0.7, -0.5, -0.2, 0.2, 0.5, 0.7, 1.0]);
        assert_eq!(chosen(&[3.0; 5]), [3.0]);
        assert!(chosen(&[f64::NAN; 3]).is_empty());
    }
}
