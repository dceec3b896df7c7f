//! Families read off the factors of a small copy, and written at full size.
//!
//! A group of matrices is read from its modules. A one-parameter generator is read as legs: on each tensor the slices that it
//! takes, and what it does with them. Generators with the same legs at different positions are one family if their
//! positions follow a rule that makes sense at any size: one slice each, two of them a fixed distance apart (frequency pairs in
//! halves), neighbours (pairs side by side), or a whole axis. A part of an axis keeps its share of it, as heads do.

use super::family::{Action, Family, Leg, slice};
use crate::factor::{Factor, FactorKind};
use crate::find::Symmetries;
use crate::generator::{Generator, Nature};
use gaugebias_model::ParameterTensor;

/// Weights of equal legs differ by less.
const EQUAL: f64 = 1e-9;

/// A leg of one generator of the copy.
#[derive(Clone, Debug)]
struct Trace {
    tensor: usize,
    axis: usize,
    action: Action,
    weight: f64,
    /// Ascending.
    positions: Vec<usize>,
}

impl Trace {
    fn is_like(&self, other: &Self) -> bool {
        (self.tensor, self.axis, self.action) == (other.tensor, other.axis, other.action)
            && self.positions.len() == other.positions.len()
            && (self.weight - other.weight).abs() < EQUAL
    }
}

/// The factors of a small copy as families at full size, and those that are none, in words.
pub(super) fn lifted_families(small: &Symmetries, full: &[ParameterTensor]) -> (Vec<Family>, Vec<String>) {
    let mut families: Vec<Family> = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    let mut single: Vec<(FactorKind, Vec<Trace>)> = Vec::new();
    for factor in &small.factors {
        let own = &small.generators[factor.generators.clone()];
        if factor.canonical && !factor.modules.is_empty() {
            match matrices(factor, &small.tensors, full) {
                Some(family) => families.push(family),
                None => rest.push(format!("{} on {}", factor.kind, factor.acts_on.join(", "))),
            }
            continue;
        }
        let plane = matches!(factor.kind, FactorKind::O | FactorKind::So) && factor.size == 2;
        let one_parameter = matches!(
            factor.kind,
            FactorKind::Rescaling | FactorKind::Scale | FactorKind::Translation | FactorKind::Shift
        );
        let lifts = one_parameter || (plane && factor.canonical);
        let traces: Option<Vec<Vec<Trace>>> = own.iter().map(|g| traces(g, &small.tensors)).collect();
        match traces.filter(|_| lifts) {
            Some(traces) => single.extend(traces.into_iter().map(|t| (factor.kind, t))),
            None => rest.push(format!("{} on {}", factor.kind, factor.acts_on.join(", "))),
        }
    }
    while let Some((kind, first)) = single.first().cloned() {
        let same = |(other, traces): &(FactorKind, Vec<Trace>)| {
            *other == kind && traces.len() == first.len() && first.iter().zip(traces).all(|(a, b)| a.is_like(b))
        };
        let (mut own, others): (Vec<_>, Vec<_>) = single.into_iter().partition(same);
        single = others;
        own.sort_by_key(|(_, traces)| traces[0].positions[0]);
        let own: Vec<Vec<Trace>> = own.into_iter().map(|(_, traces)| traces).collect();
        match one_parameter(kind, &own, &small.tensors, full) {
            Some(found) => families.extend(found),
            None => {
                let names: Vec<&str> = first.iter().map(|leg| full[leg.tensor].name.as_str()).collect();
                rest.push(format!("{kind} on {}", names.join(", ")));
            }
        }
    }
    (families, rest)
}

/// Families of generators with like legs, in the order of their positions on the first leg: one for each part of an
/// axis that a rule covers.
fn one_parameter(
    kind: FactorKind,
    own: &[Vec<Trace>],
    small: &[ParameterTensor],
    full: &[ParameterTensor],
) -> Option<Vec<Family>> {
    let run = own[0].iter().map(|leg| run(leg, small)).collect::<Option<Vec<Run>>>()?;
    // Whole axes leave the number of generators open; the others have to agree on it.
    let open = run.iter().all(|r| r.count.is_none());
    let count = run.iter().filter_map(|r| r.count).max().map_or(1, |count| if count == 0 { own.len() } else { count });
    if !own.len().is_multiple_of(count) || run.iter().any(|r| r.count.is_some_and(|c| c != 0 && c != count)) {
        return None;
    }
    let mut families = Vec::new();
    for part in own.chunks(count) {
        let mut legs = Vec::new();
        let mut lifted_count = None;
        for (at, leg) in part[0].iter().enumerate() {
            let (short, long) = (small[leg.tensor].shape[leg.axis], full[leg.tensor].shape[leg.axis]);
            let scaled = |n: usize| (n * long).is_multiple_of(short).then_some(n * long / short);
            let mut lifted = Leg {
                tensor: leg.tensor,
                axis: leg.axis,
                start: scaled(leg.positions[0])?,
                parts: leg.positions.len(),
                interleaved: run[at].interleaved,
                action: leg.action,
                weight: leg.weight,
            };
            if run[at].count.is_none() {
                lifted.parts = long;
                legs.push(lifted);
                continue;
            }
            let rule = |i: usize, k: usize| {
                leg.positions[0] + if lifted.interleaved { lifted.parts * i + k } else { k * count + i }
            };
            let follows = |(i, traces): (usize, &Vec<Trace>)| {
                traces[at].positions.iter().enumerate().all(|(k, &position)| position == rule(i, k))
            };
            if !part.iter().enumerate().all(follows) {
                return None;
            }
            let n = scaled(count * lifted.parts)? / lifted.parts;
            if *lifted_count.get_or_insert(n) != n {
                return None;
            }
            legs.push(lifted);
        }
        let size = if matches!(kind, FactorKind::O | FactorKind::So) { 2 } else { 1 };
        families.push(Family { kind, size, count: if open { 1 } else { lifted_count? }, legs });
    }
    let covered = |at: usize| own.iter().map(|traces| traces[at].positions.len()).sum::<usize>();
    let length = |at: usize| small[own[0][at].tensor].shape[own[0][at].axis];
    let whole = (0..run.len()).all(|at| covered(at).is_multiple_of(length(at)));
    whole.then_some(families)
}

/// The rule that one generator's slices suggest.
struct Run {
    /// Generators in a part of the axis; 0 for as many as there are, `None` where one generator takes the whole axis.
    count: Option<usize>,
    interleaved: bool,
}

fn run(leg: &Trace, small: &[ParameterTensor]) -> Option<Run> {
    let length = small[leg.tensor].shape[leg.axis];
    match leg.positions.as_slice() {
        [_] => Some(Run { count: Some(0), interleaved: false }),
        [p, q] if leg.action == Action::Plane || length > 2 => {
            let apart = q - p;
            // Neighbours say nothing of how many there are.
            Some(Run { count: Some(if apart == 1 { 0 } else { apart }), interleaved: apart == 1 })
        }
        all => (all.len() == length && leg.action != Action::Plane).then_some(Run { count: None, interleaved: false }),
    }
}

/// A group of matrices: every tensor's modules lie along one axis, at one range of positions.
fn matrices(factor: &Factor, small: &[ParameterTensor], full: &[ParameterTensor]) -> Option<Family> {
    let mut legs: Vec<Leg> = Vec::new();
    let mut size = None;
    for (t, tensor) in small.iter().enumerate() {
        let range = tensor.offset..tensor.offset + tensor.len();
        let own: Vec<_> = factor.modules.iter().filter(|m| range.contains(&m.indices[0])).collect();
        let Some(first) = own.first() else {
            continue;
        };
        let step = first.indices[1] - first.indices[0];
        let axis = (0..tensor.shape.len()).find(|&a| tensor.shape[a + 1..].iter().product::<usize>() == step)?;
        let start = (first.indices[0] - tensor.offset) / step % tensor.shape[axis];
        let fibres = tensor.len() / tensor.shape[axis];
        let fits = |m: &&&crate::Module| {
            m.dual == first.dual
                && (m.indices[0] - tensor.offset) / step % tensor.shape[axis] == start
                && m.indices.windows(2).all(|w| w[1] - w[0] == step)
        };
        if own.len() != fibres || !own.iter().all(|m| fits(&m)) {
            return None;
        }
        let (short, long) = (tensor.shape[axis], full[t].shape[axis]);
        // A part of an axis keeps its share of it.
        let scaled = |n: usize| (n * long).is_multiple_of(short).then_some(n * long / short);
        let lifted = if factor.size == short { long } else { scaled(factor.size)? };
        if *size.get_or_insert(lifted) != lifted {
            return None;
        }
        legs.push(Leg {
            tensor: t,
            axis,
            start: scaled(start)?,
            parts: 1,
            interleaved: false,
            action: Action::Matrix,
            weight: if first.dual { -1.0 } else { 1.0 },
        });
    }
    Some(Family { kind: factor.kind, size: size?, count: 1, legs })
}

/// The legs of a one-parameter generator; `None` where it is none of slices.
fn traces(generator: &Generator, tensors: &[ParameterTensor]) -> Option<Vec<Trace>> {
    let mut found = slices(Action::Shift, generator.shifts(), tensors)?;
    let entries = generator.entries();
    let diagonal: Vec<(usize, f64)> = entries.iter().filter(|e| e.row == e.column).map(|e| (e.row, e.value)).collect();
    found.extend(slices(Action::Stretch, &diagonal, tensors)?);
    let mixed: Vec<_> = entries.iter().filter(|e| e.row != e.column).collect();
    if mixed.is_empty() {
        return Some(found);
    }
    if generator.nature() == Nature::Antisymmetric {
        let turned: Vec<(usize, usize, f64)> =
            mixed.iter().filter(|e| e.row < e.column).map(|e| (e.row, e.column, e.value)).collect();
        found.extend(planes(&turned, tensors)?);
        return Some(found);
    }
    let owner = |i: usize| tensors.iter().position(|t| (t.offset..t.offset + t.len()).contains(&i));
    let (into, from) = (owner(mixed[0].row)?, owner(mixed[0].column)?);
    let whole = (tensors[into].offset..tensors[into].offset + tensors[into].len()).eq(mixed.iter().map(|e| e.row));
    let columns: Vec<(usize, f64)> = mixed.iter().map(|e| (e.column, e.value)).collect();
    let source = slices(Action::Transfer { into }, &columns, tensors)?;
    let in_order = |t: &Trace| slice(&tensors[from], t.axis, t.positions[0]).eq(columns.iter().map(|(i, _)| *i));
    let single =
        source.len() == 1 && source[0].positions.len() == 1 && source[0].tensor == from && in_order(&source[0]);
    (whole && into != from && single).then(|| {
        found.extend(source);
        found
    })
}

/// One leg for each tensor that holds some of the places, if they are whole slices of one axis with one weight.
fn slices(action: Action, places: &[(usize, f64)], tensors: &[ParameterTensor]) -> Option<Vec<Trace>> {
    let mut found = Vec::new();
    for (t, tensor) in tensors.iter().enumerate() {
        let range = tensor.offset..tensor.offset + tensor.len();
        let mut own: Vec<usize> = places.iter().filter(|(i, _)| range.contains(i)).map(|(i, _)| *i).collect();
        let Some(&(_, weight)) = places.iter().find(|(i, _)| range.contains(i)) else {
            continue;
        };
        if places.iter().any(|(i, w)| range.contains(i) && (w - weight).abs() > EQUAL) {
            return None;
        }
        own.sort_unstable();
        let along = |axis: usize| -> Option<Vec<usize>> {
            let holds = |p: &usize| slice(tensor, axis, *p).all(|i| own.binary_search(&i).is_ok());
            let positions: Vec<usize> = (0..tensor.shape[axis]).filter(holds).collect();
            (positions.len() * (tensor.len() / tensor.shape[axis]) == own.len()).then_some(positions)
        };
        // The axis with the fewest slices says it best; of a whole tensor it is the first one, at any size.
        let axes = (0..tensor.shape.len()).filter_map(|axis| along(axis).map(|positions| (axis, positions)));
        let fewest = |(_, positions): &(usize, Vec<usize>)| if own.len() == tensor.len() { 0 } else { positions.len() };
        let (axis, positions) = axes.min_by_key(fewest)?;
        found.push(Trace { tensor: t, axis, action, weight, positions });
    }
    Some(found)
}

/// Rotations of two slices of an axis, on every tensor that they touch: (first, second, value).
fn planes(turned: &[(usize, usize, f64)], tensors: &[ParameterTensor]) -> Option<Vec<Trace>> {
    let mut found = Vec::new();
    for (t, tensor) in tensors.iter().enumerate() {
        let range = tensor.offset..tensor.offset + tensor.len();
        let own: Vec<&(usize, usize, f64)> = turned.iter().filter(|(i, _, _)| range.contains(i)).collect();
        let Some(&&(_, _, weight)) = own.first() else {
            continue;
        };
        let of_axis = |axis: usize| {
            let count = tensor.shape[axis];
            let mut pairs = (0..count).flat_map(|p| (p + 1..count).map(move |q| (p, q)));
            pairs.find(|&(p, q)| {
                let expected = slice(tensor, axis, p).zip(slice(tensor, axis, q));
                expected.eq(own.iter().map(|(i, j, _)| (*i, *j)))
            })
        };
        let (axis, (p, q)) = (0..tensor.shape.len()).find_map(|axis| of_axis(axis).map(|pair| (axis, pair)))?;
        if own.iter().any(|(_, _, w)| (w - weight).abs() > EQUAL) {
            return None;
        }
        found.push(Trace { tensor: t, axis, action: Action::Plane, weight, positions: vec![p, q] });
    }
    Some(found)
}
