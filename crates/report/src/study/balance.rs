//! Why a norm ratio went to 1: because its charge decayed, or because the norms grew around it.
//!
//! With norms a and b, ρ = a/b and Q = (a² − b²)/2, the imbalance is x = 2Q/(a² + b²), which the ratio tells, and ln ρ = artanh x. So
//!
//! ```text
//! x(t)/x(0) = [Q(t)/Q(0)] / [S(t)/S(0)],   S = a² + b²,   x = (ρ² − 1)/(ρ² + 1)
//! ```
//!
//! and on a logarithmic scale the fall of the imbalance is the sum of a part that the charge gives and a part that growth gives, exactly.
//! Beside that, the change of the charge itself is split into what the step identity says, summed over all steps
//! (`[total]` of the spec), and the rest, which for plain gradient steps is rounding.

use gaugebias_dynamics::{Run, Series as Logged};
use gaugebias_model::spec::Figure as Wanted;

use super::Study;
use crate::kinds::quantiles;
use crate::{Axis, Content, Figure, Lines, Reference, Series, number};

/// |ln ratio| of a ratio that is said to be at 1: within a tenth.
const NEAR: f64 = 0.1;

/// Records of derived series: more than a plot has room for.
const MOST_RECORDS: usize = 1_200;

/// What is read from a run.
struct Balance<'a> {
    run: &'a Run,
    ratio: &'a Logged,
    charge: &'a Logged,
    predicted: Option<&'a Logged>,
}

impl<'a> Balance<'a> {
    fn of(study: &'a Study, wanted: &Wanted) -> Option<Self> {
        let run = &study.run;
        let named = |name: &str| run.observables.get(name).filter(|logged| !logged.values.is_empty());
        let (ratio, charge) = (named(&wanted.y)?, named(wanted.charge.as_deref()?)?);
        let predicted = wanted.predicted.as_deref().and_then(named);
        let fits = |logged: &Logged| logged.elements() == ratio.elements();
        (fits(charge) && predicted.is_none_or(fits)).then_some(Self { run, ratio, charge, predicted })
    }

    /// Units: elements of all seeds.
    fn units(&self) -> usize {
        self.run.seeds * self.ratio.elements()
    }

    fn first<'b>(&self, logged: &'b Logged) -> &'b [f64] {
        &logged.values[..self.units()]
    }

    fn last<'b>(&self, logged: &'b Logged) -> &'b [f64] {
        &logged.values[logged.values.len() - self.units()..]
    }

    /// Records that are shown.
    fn records(&self) -> Vec<usize> {
        let (count, last) = (self.run.record_steps.len(), self.run.record_steps.len() - 1);
        let stride = count.div_ceil(MOST_RECORDS);
        (0..count).filter(|at| at % stride == 0 || *at == last).collect()
    }

    fn lines(&self, records: &[usize], label: String, value: impl Fn(usize, usize) -> f64) -> Series {
        let units = self.units();
        let values = records.iter().flat_map(|&at| (0..units).map(move |unit| (at, unit)));
        Series { label, values: values.map(|(at, unit)| value(at * units + unit, unit)).collect() }
    }
}

/// The charge's figures, to stand beside the ratio's; none where the study has not logged what they need.
pub(super) fn figures(study: &Study, wanted: &Wanted, name: &str, about: &str) -> Vec<Figure> {
    let Some(balance) = Balance::of(study, wanted) else { return Vec::new() };
    let records = balance.records();
    let steps: Vec<f64> = records.iter().map(|&at| balance.run.record_steps[at] as f64).collect();
    let (charge, start) = (&balance.charge.values, balance.first(balance.charge).to_vec());
    let of_units = format!("{} elements × {} seeds", balance.ratio.elements(), balance.run.seeds);
    let kept = balance.lines(&records, of_units, |at, unit| charge[at] / start[unit]);
    let figure = |suffix: &str, title: &str, caption: &str, y: &str, series: Vec<Series>, reference: f64| Figure {
        name: format!("{name}-{suffix}"),
        title: format!("{about}{title}"),
        caption: format!("{caption} Median and 10–90 % band; single units of the first seed faint."),
        x: Axis::new("step"),
        y: ranged(Axis::new(y), &series, reference),
        content: Content::Lines(Lines {
            steps: steps.clone(),
            series,
            reference: Some(Reference { value: reference, label: number(reference) }),
            band: None,
        }),
    };
    let caption = "What is left of each charge. Where it stays at 1, the ratio does not move by the charge.";
    let mut figures = vec![figure("charge-kept", "Q(t)/Q(0)", caption, "Q(t)/Q(0)", vec![kept], 1.0)];
    if let Some(predicted) = balance.predicted {
        let said = balance.lines(&records, "step identity".into(), |at, unit| predicted.values[at] / start[unit].abs());
        let rest = balance.lines(&records, "the rest".into(), |at, unit| {
            (charge[at] - start[unit] - predicted.values[at]) / start[unit].abs()
        });
        let caption = "The change of each charge, ΔQ/|Q(0)|: the part that the exact step identity (η²/2) Σ gᵀAg gives, summed over all steps, and the rest.";
        figures.push(figure(
            "charge-change",
            "ΔQ/|Q(0)| and where it is from",
            caption,
            "ΔQ/|Q(0)|",
            vec![said, rest],
            0.0,
        ));
    }
    figures
}

/// The axis over most of the values: units whose charge starts near zero would stretch it beyond use.
fn ranged(axis: Axis, series: &[Series], reference: f64) -> Axis {
    let mut bounds = [reference, reference];
    for one in series {
        let [low, high] = quantiles(&one.values, [0.04, 0.96]);
        bounds = [bounds[0].min(low), bounds[1].max(high)];
    }
    let margin = 0.08 * (bounds[1] - bounds[0]);
    if margin > 0.0 && margin.is_finite() { axis.within(bounds[0] - margin, bounds[1] + margin) } else { axis }
}

/// Factors over the whole run, of each unit.
pub struct Factors {
    /// |ln ρ| at the start and at the end.
    pub imbalance: [Vec<f64>; 2],
    /// |Q(T)/Q(0)|.
    pub charge: Vec<f64>,
    /// S(T)/S(0).
    pub growth: Vec<f64>,
    /// Share of growth in the fall of the imbalance, on a logarithmic scale.
    pub share: Vec<f64>,
    /// Root mean square of ΔQ, and of ΔQ without what was predicted.
    pub unexplained: Option<[f64; 2]>,
}

/// The factors of a balancing figure; `None` where the study has not logged what they need.
pub fn factors(study: &Study, wanted: &Wanted) -> Option<Factors> {
    let balance = Balance::of(study, wanted)?;
    let ratios = [balance.first(balance.ratio), balance.last(balance.ratio)];
    let charges = [balance.first(balance.charge), balance.last(balance.charge)];
    let imbalance = |ratio: f64| (ratio * ratio - 1.0) / (ratio * ratio + 1.0);
    let charge: Vec<f64> = charges[0].iter().zip(charges[1]).map(|(from, to)| (to / from).abs()).collect();
    let fall = ratios[0].iter().zip(ratios[1]).map(|(&from, &to)| (imbalance(to) / imbalance(from)).abs());
    let growth: Vec<f64> = charge.iter().zip(fall).map(|(charge, fall)| charge / fall).collect();
    let share = growth.iter().zip(&charge).map(|(growth, charge)| growth.ln() / (growth.ln() - charge.ln())).collect();
    let unexplained = balance.predicted.map(|predicted| {
        let changes = charges[0].iter().zip(charges[1]).map(|(from, to)| to - from);
        let pairs: Vec<(f64, f64)> = changes.zip(balance.last(predicted).iter().copied()).collect();
        let root = |f: fn(&(f64, f64)) -> f64| {
            (pairs.iter().map(|pair| f(pair).powi(2)).sum::<f64>() / pairs.len() as f64).sqrt()
        };
        [root(|(change, _)| *change), root(|(change, predicted)| change - predicted)]
    });
    let logarithms = ratios.map(|ratios| ratios.iter().map(|ratio| ratio.ln().abs()).collect());
    Some(Factors { imbalance: logarithms, charge, growth, share, unexplained })
}

/// Whether the ratio went to 1, and why, with numbers.
pub(super) fn sentence(study: &Study, wanted: &Wanted) -> Option<String> {
    let found = factors(study, wanted)?;
    let spread = |values: &[f64]| {
        let [low, middle, high] = quantiles(values, [0.1, 0.5, 0.9]).map(number);
        format!("{middle} ({low} to {high})")
    };
    let median = |values: &[f64]| quantiles(values, [0.5])[0];
    let [from, to] = found.imbalance.each_ref().map(|values| median(values));
    let share = median(&found.share);
    let moved = to <= 0.5 * from;
    let how_far = match to {
        _ if !moved => "did not go to 1",
        to if to > NEAR => "went part of the way to 1",
        _ => "went to 1",
    };
    let cause = match share {
        _ if !moved => "",
        share if share > 0.9 => " by growth",
        share if share < 0.1 => " by decay of its charge",
        _ => " partly by growth, partly by decay of its charge",
    };
    // Of a fall that there was not, nothing has a share.
    let share = match moved {
        true => format!(", and growth has a share of {} in the logarithm of the fall", spread(&found.share)),
        false => String::new(),
    };
    let identity = found.unexplained.map_or(String::new(), |root| identity_sentence(root, study.run.dtype.name()));
    Some(format!(
        "The ratio {how_far}{cause} ({}, {} steps): the median of |ln ratio| went from {} to {}. Over units and seeds, median (10–90 %): \
         a² + b² grew by a factor of {}, the charge ended at {} of what it was{share}.{identity}",
        wanted.y,
        number(study.run.steps as f64),
        number(from),
        number(to),
        spread(&found.growth),
        spread(&found.charge),
    ))
}

/// What the step identity says of the change of the charges, from root mean squares of the change and of the rest.
fn identity_sentence([change, rest]: [f64; 2], dtype: &str) -> String {
    let share = rest / change;
    if share < 0.5 {
        return format!(
            " The step identity gives the change of the charges (root mean square {}) up to {} of it; the rest is rounding in {dtype}.",
            number(change),
            number(share)
        );
    }
    format!(
        " The change of the charges (root mean square {}) is not what the step identity gives: {} is left of it, rounding in {dtype}, \
         which moves them by more than the steps do.",
        number(change),
        number(rest)
    )
}
