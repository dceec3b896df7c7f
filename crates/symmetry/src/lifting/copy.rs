//! Smaller copies of a spec: whole numbers that are sizes of parameters are replaced everywhere.

use gaugebias_model::spec::{Definition, Spec};
use gaugebias_model::syntax::parse;
use gaugebias_model::{DataBinding, ParameterTensor, Parametrization, SpecParametrization};

/// Sizes below this stay as they are: they are numbers of heads, taps or outputs, and literals like exponents and axes.
const SMALLEST_REPLACED: usize = 5;

/// A multiple of another size by at most this factor may be made of that many parts.
const MOST_PARTS: usize = 16;

/// A spec with smaller sizes.
pub(super) struct Copy {
    pub spec: Spec,
    /// (full size, small size).
    pub sizes: Vec<(usize, usize)>,
}

/// How the small sizes are chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// Smallest size of each copy.
    pub smallest: [usize; 2],
    /// Whether multiples stay multiples, as slices of heads need; where that fails every size is one of its own.
    pub multiples: bool,
}

/// In the order in which they are tried: copies that are too large to search give way to the next choice.
pub(super) const CHOICES: [Choice; 3] = [
    Choice { smallest: [3, 4], multiples: true },
    Choice { smallest: [2, 3], multiples: true },
    Choice { smallest: [3, 4], multiples: false },
];

/// Two copies with different sizes, or why there are none.
pub(super) fn copies(spec: &Spec, tensors: &[ParameterTensor], choice: Choice) -> Result<Vec<Copy>, String> {
    let mut sizes: Vec<usize> = tensors.iter().flat_map(|t| &t.shape).copied().collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes.retain(|&s| s >= SMALLEST_REPLACED);
    if sizes.is_empty() {
        return Err("no tensor has an axis long enough to be shortened".to_owned());
    }
    let own = sizes.clone();
    sizes.extend(parts(spec, &sizes));
    sizes.sort_unstable();
    sizes.dedup();
    let mut found = Vec::new();
    let mut reason = String::new();
    for first in choice.smallest {
        let attempts = if choice.multiples {
            vec![proportional(&sizes, first), independent(&sizes, first)]
        } else {
            vec![independent(&own, first)]
        };
        let mut tried = attempts.into_iter().map(|map| smaller(spec, tensors, map));
        match tried.find_map(|copy| copy.map_err(|e| reason = e).ok()) {
            Some(copy) => found.push(copy),
            None => return Err(format!("the sizes in the spec cannot be made smaller consistently ({reason})")),
        }
    }
    Ok(found)
}

/// Whole numbers in the spec that divide a size into a few parts: the bounds of the slices of heads.
fn parts(spec: &Spec, sizes: &[usize]) -> Vec<usize> {
    let texts = [&spec.data, &spec.param, &spec.batch, &spec.model].into_iter().flatten().map(|d| d.text.as_str());
    let words = texts.flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')));
    let numbers = words.filter_map(|word| word.replace('_', "").parse::<usize>().ok());
    let divides = |n: &usize| sizes.iter().any(|s| s > n && s % n == 0 && s / n <= MOST_PARTS);
    numbers.filter(|n| *n >= SMALLEST_REPLACED && divides(n)).collect()
}

/// Ascending sizes become first, first + 1, and so on.
fn independent(sizes: &[usize], first: usize) -> Vec<(usize, usize)> {
    sizes.iter().enumerate().map(|(at, &s)| (s, first + at)).collect()
}

/// As `independent` for sizes that are no multiple of a smaller one; the others keep their number of parts.
fn proportional(sizes: &[usize], first: usize) -> Vec<(usize, usize)> {
    let mut map: Vec<(usize, usize)> = Vec::new();
    for &size in sizes {
        let part = map.iter().find(|(s, _)| size % s == 0 && size / s <= MOST_PARTS).copied();
        let small = match part {
            Some((whole, small)) => size / whole * small,
            None => {
                let mut next = first + map.len();
                while map.iter().any(|&(_, used)| used == next) {
                    next += 1;
                }
                next
            }
        };
        map.push((size, small));
    }
    // Places inside an axis, such as the bounds of the slices of heads, are multiples of a part too.
    let largest = sizes.last().copied().unwrap_or(0);
    let base: Vec<(usize, usize)> = map.clone();
    for &(whole, small) in &base {
        for parts in 2..=MOST_PARTS {
            let place = whole * parts;
            if place <= largest && !map.iter().any(|&(s, _)| s == place) {
                map.push((place, small * parts));
            }
        }
    }
    map
}

fn smaller(spec: &Spec, tensors: &[ParameterTensor], map: Vec<(usize, usize)>) -> Result<Copy, String> {
    let mut copy = spec.clone();
    for section in [&mut copy.data, &mut copy.param, &mut copy.batch, &mut copy.model] {
        for definition in section {
            replace(definition, &map)?;
        }
    }
    let model = SpecParametrization::predictor(&copy, DataBinding::Drawn).map_err(|e| e.message().to_owned())?;
    let small = |s: usize| map.iter().find(|(full, _)| *full == s).map_or(s, |(_, small)| *small);
    for (full, found) in tensors.iter().zip(model.tensors()) {
        let expected: Vec<usize> = full.shape.iter().map(|&s| small(s)).collect();
        if found.shape != expected {
            return Err(format!("`{}` became {:?}, expected {expected:?}", full.name, found.shape));
        }
    }
    Ok(Copy { spec: copy, sizes: map })
}

fn replace(definition: &mut Definition, map: &[(usize, usize)]) -> Result<(), String> {
    let text = replaced(&definition.text, map);
    definition.expression = parse(&text).map_err(|e| e.message)?;
    definition.text = text;
    Ok(())
}

/// The text with every whole number of the map replaced, where it stands alone: not in a name, a decimal number, an
/// exponent or a text.
fn replaced(text: &str, map: &[(usize, usize)]) -> String {
    let bytes = text.as_bytes();
    let mut result = String::with_capacity(text.len());
    let (mut at, mut quote) = (0, None);
    while at < bytes.len() {
        let byte = bytes[at];
        if quote.is_none() && byte.is_ascii_digit() && !is_part_of_word(&result) {
            let end =
                at + bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
            let number = text[at..end].replace('_', "").parse::<usize>().ok();
            let exponent = result.trim_end().ends_with("**");
            match number.and_then(|n| map.iter().find(|(full, _)| *full == n)) {
                Some((_, small)) if !exponent => result += &small.to_string(),
                _ => result += &text[at..end],
            }
            at = end;
            continue;
        }
        quote = match (quote, byte) {
            (None, b'\'' | b'"') => Some(byte),
            (Some(open), _) if open == byte => None,
            (quote, _) => quote,
        };
        let character = text[at..].chars().next().expect("at is a boundary of a character");
        result.push(character);
        at += character.len_utf8();
    }
    result
}

fn is_part_of_word(before: &str) -> bool {
    before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sizes_are_replaced() {
        let map = [(64, 3), (16, 4)];
        let text = "normal(64, 16) / sqrt(64) * x16 ** 16 + q[:, 16:64] - 1.64 - load('64.csv') * 6.4e16 + 164";
        let expected = "normal(3, 4) / sqrt(3) * x16 ** 16 + q[:, 4:3] - 1.64 - load('64.csv') * 6.4e16 + 164";
        assert_eq!(replaced(text, &map), expected);
    }

    #[test]
    fn parts_of_an_axis_stay_parts() {
        let map = proportional(&[16, 64, 100], 3);
        let small = |s: usize| map.iter().find(|(full, _)| *full == s).map(|x| x.1);
        assert_eq!((small(16), small(64), small(32), small(48)), (Some(3), Some(12), Some(6), Some(9)));
        assert!(small(100).is_some_and(|s| s > 3 && s != 12));
    }
}
