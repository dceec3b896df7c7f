//! The figures that a spec asks for, from what its runs logged.

use gaugebias_dynamics::{Run, Series as Logged};
use gaugebias_model::Setup;
use gaugebias_model::spec::{Figure as Wanted, FigureKind};

use super::{Study, balance, flow, plane};
use crate::{Axis, Content, Curve, Density, Figure, Lines, Reference, Scatter, Series, Stem};

/// Elements of an observable that get a line of their own; more are shown together as one band.
const MOST_LINES: usize = 4;

/// What the figures of balances and flows find, in sentences.
pub fn findings(studies: &[Study]) -> Vec<String> {
    let named = |study: &Study, sentence: String| match label(studies, study).as_str() {
        "" => sentence,
        label => format!("{label}: {sentence}"),
    };
    let found = |wanted: &Wanted, study: &Study| {
        let sentence = match wanted.kind {
            FigureKind::Balance => balance::sentence(study, wanted),
            FigureKind::Flow => flow::sentence(study, wanted),
            _ => None,
        };
        sentence.map(|sentence| named(study, sentence))
    };
    studies[0]
        .spec
        .figures
        .iter()
        .flat_map(|wanted| studies.iter().filter_map(move |study| found(wanted, study)))
        .collect()
}

/// Entries of a vector that are shown as stems; longer ones are lines along the index.
const MOST_STEMS: usize = 100;

/// All figures of a set of studies (base and variants): those that can show every study together do.
pub(crate) fn figures(studies: &[Study]) -> Vec<Figure> {
    let wanted = studies[0].spec.figures.iter().enumerate();
    wanted.flat_map(|(index, wanted)| figure(studies, index, wanted)).collect()
}

/// A study's label in a legend.
fn label(studies: &[Study], study: &Study) -> String {
    match (&study.spec.variant, studies.len()) {
        (Some(variant), _) => variant.clone(),
        (None, 1) => String::new(),
        (None, _) => "base".into(),
    }
}

/// The studies that logged at least one record of an observable.
fn logging<'a>(studies: &'a [Study], name: &'a str) -> impl Iterator<Item = (&'a Study, &'a Logged)> {
    let logged = move |study: &'a Study| study.run.observables.get(name).map(|series| (study, series));
    studies.iter().filter_map(logged).filter(|(study, _)| !study.run.record_steps.is_empty())
}

fn figure(studies: &[Study], index: usize, wanted: &Wanted) -> Vec<Figure> {
    let name = format!("{}-{}", index + 1, file_name(&wanted.y));
    let make = |name: String, title: String, x: Axis, y: Axis, content: Content| Figure {
        name,
        title,
        caption: caption(studies, wanted),
        x,
        y: if wanted.log_y { y.logarithmic() } else { y },
        content,
    };
    let own = Axis::new(wanted.y.clone());
    match wanted.kind {
        FigureKind::Lines => lines(studies, wanted)
            .into_iter()
            .map(|content| make(name.clone(), wanted.y.clone(), Axis::new("step"), own.clone(), content))
            .collect(),
        FigureKind::Balance => balanced(studies, wanted, &name),
        FigureKind::Flow => studies
            .iter()
            .filter_map(|study| {
                let title = format!("{}: found and predicted", label_or(studies, study, &wanted.y));
                flow::figure(study, wanted, format!("{name}-flow{}", suffix(study)), title)
            })
            .collect(),
        FigureKind::Stem => stem(studies, wanted)
            .into_iter()
            .map(|content| {
                make(name.clone(), format!("{} at the end", wanted.y), Axis::new("index"), own.clone(), content)
            })
            .collect(),
        FigureKind::Scatter => scatter(studies, wanted)
            .into_iter()
            .map(|content| {
                let x = Axis::new(wanted.x.clone().unwrap_or_default());
                make(name.clone(), format!("{} at the end", wanted.y), x, own.clone(), content)
            })
            .collect(),
        FigureKind::Levels => studies
            .iter()
            .filter_map(|study| plane::levels(study, &wanted.y).map(|(axes, content)| (study, axes, content)))
            .map(|(study, [x, y], content)| {
                let name = format!("{name}{}", suffix(study));
                make(name, plane::title(&study.spec, &wanted.y), Axis::new(x), Axis::new(y), content)
            })
            .collect(),
        FigureKind::Density => logging(studies, &wanted.y)
            .map(|(study, series)| {
                let content = density(study, &wanted.y, series);
                make(
                    format!("{name}{}", suffix(study)),
                    study.spec.title.clone(),
                    own.clone(),
                    Axis::new("density"),
                    content,
                )
            })
            .collect(),
    }
}

/// Sets a variant's figure apart from the base's.
fn suffix(study: &Study) -> String {
    study.spec.variant.as_deref().map_or(String::new(), |variant| format!("-{}", file_name(variant)))
}

fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Whether the first seed is shown alone.
fn alone(study: &Study, wanted: &Wanted) -> bool {
    let Some(name) = &wanted.truth else { return false };
    let setup = Setup::build(&study.spec);
    study.run.seeds > 1 && !study.spec.ensemble.shared_data && setup.is_ok_and(|setup| setup.is_random(name))
}

fn caption(studies: &[Study], wanted: &Wanted) -> String {
    let seeds = studies[0].run.seeds;
    let runs = if seeds == 1 { "one seed".to_owned() } else { format!("{seeds} seeds") };
    let bands = match wanted.kind {
        FigureKind::Stem if alone(&studies[0], wanted) => {
            format!("The first of {runs}; the truth is another one for each.")
        }
        FigureKind::Lines | FigureKind::Stem if seeds > 1 => {
            format!("Median and 10–90 % band over {runs}; single ones faint.")
        }
        FigureKind::Levels if seeds > plane::MOST_DOTS => {
            format!("The first {} of {runs} are shown.", plane::MOST_DOTS)
        }
        _ => format!("From {runs}."),
    };
    match &wanted.caption {
        Some(own) => format!("{own} {bands}"),
        None => bands,
    }
}

/// One element of an observable, [records][seeds]; or, of many elements, all of them as if they were seeds.
fn series_of(run: &Run, logged: &Logged, label: &str) -> Vec<Series> {
    let elements = logged.elements();
    let named = |element: usize| match (elements, label.is_empty()) {
        (1, true) => "median".to_owned(),
        (1, false) => label.to_owned(),
        (_, true) => format!("element {element}"),
        (_, false) => format!("{label}, element {element}"),
    };
    if elements <= MOST_LINES {
        let picked = |element| logged.values.iter().skip(element).step_by(elements).copied().collect();
        return (0..elements).map(|element| Series { label: named(element), values: picked(element) }).collect();
    }
    let all = format!("{} elements × {} seeds", elements, run.seeds);
    let label = if label.is_empty() { all } else { format!("{label}: {all}") };
    vec![Series { label, values: logged.values.clone() }]
}

fn lines(studies: &[Study], wanted: &Wanted) -> Option<Content> {
    let (first, _) = logging(studies, &wanted.y).next()?;
    let steps: Vec<f64> = first.run.record_steps.iter().map(|&step| step as f64).collect();
    let mut series = Vec::new();
    for (study, logged) in logging(studies, &wanted.y) {
        for mut one in series_of(&study.run, logged, &label(studies, study)) {
            let members = one.values.len() / study.run.record_steps.len();
            // Studies that ended early, or ran longer, are shown over the first one's steps.
            one.values.resize(steps.len() * members, f64::NAN);
            series.push(one);
        }
    }
    let reference = wanted.reference.map(|value| Reference { value, label: crate::number(value) });
    Some(Content::Lines(Lines { steps, series, reference, band: None }))
}

fn last_record(study: &Study, logged: &Logged) -> Vec<f64> {
    let size = study.run.seeds * logged.elements();
    logged.values[logged.values.len() - size..].to_vec()
}

/// The ratio, then its charge.
fn balanced(studies: &[Study], wanted: &Wanted, name: &str) -> Vec<Figure> {
    let ratio = Wanted { kind: FigureKind::Lines, log_y: true, reference: Some(1.0), ..wanted.clone() };
    let ratio = lines(studies, &ratio).map(|content| Figure {
        name: name.to_owned(),
        title: wanted.y.clone(),
        caption: caption(studies, &ratio),
        x: Axis::new("step"),
        y: Axis::new(wanted.y.clone()).logarithmic(),
        content,
    });
    let charges = studies.iter().flat_map(|study| {
        let about = if studies.len() > 1 { format!("{}: ", label(studies, study)) } else { String::new() };
        balance::figures(study, wanted, &format!("{name}{}", suffix(study)), &about)
    });
    ratio.into_iter().chain(charges).collect()
}

/// A study's label where there are several, else the given word.
fn label_or(studies: &[Study], study: &Study, word: &str) -> String {
    match label(studies, study) {
        label if label.is_empty() => word.to_owned(),
        label => label,
    }
}

/// The true values of the first seed, and whether those of others differ.
fn truth(study: &Study, wanted: &Wanted, elements: usize) -> Option<(Vec<f64>, bool)> {
    let name = wanted.truth.as_deref()?;
    let setup = Setup::build(&study.spec).ok()?;
    let values = setup.datum(name, study.spec.ensemble.seed, 0)?.values;
    let differs = setup.is_random(name) && !study.spec.ensemble.shared_data;
    (values.len() == elements).then_some((values, differs))
}

/// Where the truth differs between seeds, medians over them mean nothing: the first seed is shown.
fn stem(studies: &[Study], wanted: &Wanted) -> Option<Content> {
    let name = wanted.y.as_str();
    let (study, first) = logging(studies, name).next()?;
    let elements = first.elements();
    let truth = truth(study, wanted, elements);
    let alone = truth.as_ref().is_some_and(|(_, differs)| *differs);
    let series = logging(studies, name)
        .filter(|(_, logged)| logged.elements() == elements)
        .map(|(study, logged)| {
            let record = last_record(study, logged);
            // [seeds][elements] → [elements][seeds]
            let shown = if alone { &record[..elements] } else { &record[..] };
            let at = |element| shown.iter().skip(element).step_by(elements).copied().collect::<Vec<_>>();
            Series { label: label_or(studies, study, name), values: (0..elements).flat_map(at).collect() }
        })
        .collect();
    let positions: Vec<f64> = (0..elements).map(|at| at as f64).collect();
    let truth = truth.map(|(values, _)| values);
    if elements > MOST_STEMS {
        // Rods that stand too close to be told apart.
        let mut series: Vec<Series> = series;
        series.extend(truth.map(|values| Series { label: "truth".into(), values }));
        return Some(Content::Lines(Lines { steps: positions, series, reference: None, band: None }));
    }
    let borders = wanted.borders.as_deref().and_then(|name| {
        let first = Setup::build(&study.spec).ok()?.datum(name, study.spec.ensemble.seed, 0)?.values;
        Some(first.into_iter().map(|entry| entry - 0.5).collect())
    });
    Some(Content::Stem(Stem { positions, series, truth, borders: borders.unwrap_or_default() }))
}

fn scatter(studies: &[Study], wanted: &Wanted) -> Option<Content> {
    let x_name = wanted.x.as_deref()?;
    let groups: Vec<Curve> = logging(studies, &wanted.y)
        .filter_map(|(study, y)| {
            let x = study.run.observables.get(x_name).filter(|x| x.elements() == y.elements())?;
            let points = last_record(study, x).into_iter().zip(last_record(study, y)).collect();
            Some(Curve { label: label(studies, study), points })
        })
        .collect();
    (!groups.is_empty()).then_some(Content::Scatter(Scatter { groups, diagonal: None }))
}

/// Samples and laws of the verified observable where the figure shows that expression, else the last half of the records.
fn density(study: &Study, name: &str, logged: &Logged) -> Content {
    let definition = study.spec.log.observables.iter().find(|definition| definition.name == name);
    let verified = study.spec.verify.as_ref().map(|verify| verify.observable.text.trim());
    let same = definition.is_some_and(|definition| Some(definition.text.trim()) == verified);
    let judged = study.judgement.as_ref().and_then(|judgement| judgement.as_ref().ok()).filter(|_| same);
    let (samples, effective_samples) = match (&study.run.samples, judged) {
        (Some(samples), Some(judgement)) => (samples.values.clone(), judgement.report.effective_samples),
        _ => {
            let half = logged.values[logged.values.len() / 2..].to_vec();
            (half, (study.run.seeds * logged.elements()) as f64)
        }
    };
    let curve = |law: &gaugebias_verify::LawCurve| Curve { label: law.name.clone(), points: law.points.clone() };
    let curves: Vec<Curve> = judged.map_or(Vec::new(), |judgement| judgement.curves.iter().map(curve).collect());
    let (laws, alternatives) = curves.split_at(curves.len().min(1));
    Content::Density(Density {
        label: format!("{} samples", samples.len()),
        samples,
        effective_samples,
        laws: laws.to_vec(),
        alternatives: alternatives.to_vec(),
    })
}
