//! Conserved charges Q = ½ θᵀAθ + bᵀθ of the symmetric generators, and readable names for them.

use crate::factor::{Factor, FactorKind, Module};
use crate::generator::{Entry, Generator, Nature};
use gaugebias_model::ParameterTensor;

/// More terms than this are not spelt out.
const TERM_LIMIT: usize = 8;

/// A conserved charge; its gradient is the field of its generator. Where the generator fixes a point c the charge is ½(θ − c)ᵀA(θ − c), so
/// that its zero does not depend on the origin of the parameters; else ½θᵀAθ + bᵀθ.
#[derive(Clone, Debug)]
pub struct Charge {
    generator: Generator,
    /// ½cᵀAc.
    constant: f64,
}

impl Charge {
    /// The charge of a generator with symmetric A.
    pub(crate) fn new(generator: Generator) -> Self {
        debug_assert_ne!(generator.nature(), Nature::Antisymmetric);
        let constant = generator.fixed_point().map_or(0.0, |c| 0.5 * generator.linear_form(&c));
        Self { generator, constant }
    }

    /// The symmetric generator, ∇Q = ξ.
    pub fn generator(&self) -> &Generator {
        &self.generator
    }

    /// Q(θ), in parameter².
    pub fn value(&self, theta: &[f64]) -> f64 {
        self.generator.quadratic_form(theta) + self.constant
    }

    /// The part of the charge that does not depend on θ: ½cᵀAc.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// ∇Q(θ) = Aθ + b.
    pub fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        self.generator.field(theta)
    }
}

/// The symmetric elements of a canonical factor: its symmetric generators, and E_ij + E_ji of a gl.
pub(crate) fn factor_charges(factor: &Factor, generators: &[Generator]) -> Vec<Charge> {
    let own = &generators[factor.generators.clone()];
    if factor.kind != FactorKind::Gl {
        let symmetric = own.iter().filter(|g| g.nature() == Nature::Symmetric);
        return symmetric.cloned().map(Charge::new).collect();
    }
    let size = factor.size;
    let mut charges = Vec::new();
    for i in 0..size {
        for j in i..size {
            charges.push(Charge::new(if i == j {
                own[i * size + i].clone()
            } else {
                Generator::combine(&[(1.0, &own[i * size + j]), (1.0, &own[j * size + i])])
            }));
        }
    }
    charges
}

/// The antisymmetric elements of a canonical factor: its rotations, and E_ij − E_ji of a gl.
pub(crate) fn factor_rotations(factor: &Factor, generators: &[Generator]) -> Vec<Generator> {
    let own = &generators[factor.generators.clone()];
    if factor.kind != FactorKind::Gl {
        let rotations = own.iter().filter(|g| g.nature() == Nature::Antisymmetric);
        return rotations.cloned().collect();
    }
    let size = factor.size;
    let pairs = (0..size).flat_map(|i| (i + 1..size).map(move |j| (i, j)));
    pairs.map(|(i, j)| Generator::combine(&[(1.0, &own[i * size + j]), (-1.0, &own[j * size + i])])).collect()
}

/// Readable names of the charges of one factor; a gl has one matrix-valued charge.
pub(crate) fn factor_names(
    factor: &Factor,
    generators: &[Generator],
    charges: &[Charge],
    tensors: &[ParameterTensor],
) -> Vec<String> {
    if factor.kind == FactorKind::Gl
        && factor.canonical
        && let Some(centre) = centre(factor, generators)
        && let Some(name) = matrix_name(&factor.modules, &centre, tensors)
    {
        return vec![name];
    }
    charges.iter().map(|charge| charge_name(charge.generator(), tensors)).collect()
}

/// Name of the tensor element at a parameter index, such as `W[2,0]`; a scalar has no brackets.
pub fn element_name(index: usize, tensors: &[ParameterTensor]) -> String {
    let Some(tensor) = tensors.iter().find(|t| (t.offset..t.offset + t.len()).contains(&index)) else {
        return format!("theta[{index}]");
    };
    let mut rest = index - tensor.offset;
    let mut places = Vec::new();
    for &size in tensor.shape.iter().rev() {
        places.push((rest % size).to_string());
        rest /= size;
    }
    places.reverse();
    if places.is_empty() { tensor.name.clone() } else { format!("{}[{}]", tensor.name, places.join(",")) }
}

/// The point about which a gl acts, as (parameter, value) where it is not zero: that which its trace leaves in place.
fn centre(factor: &Factor, generators: &[Generator]) -> Option<Vec<(usize, f64)>> {
    let own = &generators[factor.generators.clone()];
    let diagonal: Vec<(f64, &Generator)> = (0..factor.size).map(|i| (1.0, &own[i * factor.size + i])).collect();
    let trace = Generator::combine(&diagonal);
    if own.iter().all(Generator::is_linear) {
        return Some(Vec::new());
    }
    let point = trace.fixed_point()?;
    Some(trace.support().iter().copied().zip(point).filter(|(_, c)| c.abs() > 1e-9).collect())
}

/// A tensor about its part of the centre: `W`, `(W + eye(3))`; `None` where that is no multiple of the identity.
fn about(tensor: &ParameterTensor, centre: &[(usize, f64)]) -> Option<String> {
    let range = tensor.offset..tensor.offset + tensor.len();
    let own: Vec<(usize, f64)> = centre.iter().copied().filter(|(i, _)| range.contains(i)).collect();
    let Some(&(_, value)) = own.first() else {
        return Some(tensor.name.clone());
    };
    let &[rows, columns] = tensor.shape.as_slice() else {
        return None;
    };
    let diagonal = |(i, c): &(usize, f64)| (i - tensor.offset).is_multiple_of(columns + 1) && (c - value).abs() < 1e-9;
    if rows != columns || own.len() != rows || !own.iter().all(diagonal) {
        return None;
    }
    let factor = if (value.abs() - 1.0).abs() < 1e-9 { String::new() } else { format!("{}*", round(value.abs())) };
    Some(format!("({} {} {factor}eye({rows}))", tensor.name, if value < 0.0 { '+' } else { '-' }))
}

/// `U.T @ U - V @ V.T`, where every tensor is covered by modules along one axis.
fn matrix_name(modules: &[Module], centre: &[(usize, f64)], tensors: &[ParameterTensor]) -> Option<String> {
    let mut name = String::new();
    for tensor in tensors {
        let range = tensor.offset..tensor.offset + tensor.len();
        let own: Vec<&Module> = modules.iter().filter(|m| range.contains(&m.indices[0])).collect();
        let Some(first) = own.first() else {
            continue;
        };
        let whole = own.iter().map(|m| m.indices.len()).sum::<usize>() == tensor.len()
            && own.iter().all(|m| m.dual == first.dual && m.indices.iter().all(|i| range.contains(i)));
        let along_rows = first.indices.windows(2).all(|w| w[1] == w[0] + 1);
        let name_of = about(tensor, centre)?;
        let term = match (tensor.shape.len(), along_rows, whole) {
            (1, true, true) => format!("outer({name_of}, {name_of})"),
            (2, true, true) => format!("{name_of}.T @ {name_of}"),
            (2, false, true) => format!("{name_of} @ {name_of}.T"),
            _ => return None,
        };
        match (name.is_empty(), first.dual) {
            (true, false) => name = term,
            (true, true) => name = format!("-{term}"),
            (false, false) => name += &format!(" + {term}"),
            (false, true) => name += &format!(" - {term}"),
        }
    }
    (!name.is_empty()).then_some(name)
}

/// A readable expression of a charge in the array language.
pub(crate) fn charge_name(generator: &Generator, tensors: &[ParameterTensor]) -> String {
    if let Some(name) = centred_name(generator, tensors).or_else(|| squares_about_a_point(generator, tensors)) {
        return name;
    }
    let terms = if generator.is_diagonal() && generator.is_linear() {
        return format!("0.5*({})", join(&square_terms(generator, tensors)));
    } else if generator.is_translation() {
        linear_terms(generator, tensors)
    } else {
        let mut terms = quadratic_terms(generator, tensors);
        terms.extend(linear_terms(generator, tensors));
        terms
    };
    if terms.len() > TERM_LIMIT {
        let size = generator.support().len();
        let kind = if generator.is_linear() { "quadratic form" } else { "quadratic form with linear terms" };
        return format!("{kind} of {size} parameters of {}", touched(generator, tensors));
    }
    join(&terms)
}

fn touched(generator: &Generator, tensors: &[ParameterTensor]) -> String {
    crate::find::acting_on(generator.support(), tensors).join(", ")
}

/// `0.5*((a + 1)**2 - b**2)`: a diagonal A with a fixed point.
fn squares_about_a_point(generator: &Generator, tensors: &[ParameterTensor]) -> Option<String> {
    if generator.is_linear() || !generator.is_diagonal() || generator.support().len() > TERM_LIMIT {
        return None;
    }
    let centre = generator.fixed_point()?;
    let term = |e: &Entry| {
        let name = element_name(e.row, tensors);
        let c = centre[generator.support().iter().position(|i| *i == e.row)?];
        let sign = if c < 0.0 { '+' } else { '-' };
        let about = if c == 0.0 { name } else { format!("({name} {sign} {})", round(c.abs())) };
        Some((e.value, format!("{about}**2")))
    };
    let terms: Vec<(f64, String)> = generator.entries().iter().map(term).collect::<Option<_>>()?;
    Some(format!("0.5*({})", join(&terms)))
}

/// `0.5*sum((w - mean(w))**2)` of a tensor, row or column: A = c(1 − 11ᵀ/n), the scale of what is centred first.
fn centred_name(generator: &Generator, tensors: &[ParameterTensor]) -> Option<String> {
    let n = generator.support().len() as f64;
    if !generator.shifts().is_empty() || n < 2.0 || generator.entries().len() as f64 != n * n {
        return None;
    }
    let weight = generator.entries()[0].value * n / (n - 1.0);
    let expected = |e: &Entry| weight * (f64::from(u8::from(e.row == e.column)) - 1.0 / n);
    if generator.entries().iter().any(|e| (e.value - expected(e)).abs() > 1e-9 * weight.abs()) {
        return None;
    }
    let name = tensors.iter().find_map(|t| {
        let inside = generator.support().iter().all(|i| (t.offset..t.offset + t.len()).contains(i));
        if inside { block_name(generator.support(), t) } else { None }
    })?;
    Some(join(&[(0.5 * weight, format!("sum(({name} - mean({name}))**2)"))]))
}

/// Sums of squares with a common weight, a tensor, row or column at a time.
fn square_terms(generator: &Generator, tensors: &[ParameterTensor]) -> Vec<(f64, String)> {
    let mut terms = Vec::new();
    for tensor in tensors {
        let range = tensor.offset..tensor.offset + tensor.len();
        let own = generator.entries().iter().filter(|e| range.contains(&e.row));
        let mut left: Vec<(usize, f64)> = own.map(|e| (e.row, e.value)).collect();
        while let Some(&(_, weight)) = left.first() {
            let (same, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, w)| *w == weight);
            let indices: Vec<usize> = same.iter().map(|(i, _)| *i).collect();
            for block in blocks(indices, tensor) {
                match block_name(&block, tensor) {
                    Some(name) => terms.push((weight, format!("sum({name}**2)"))),
                    None => terms.extend(block.iter().map(|&i| (weight, format!("{}**2", element_name(i, tensors))))),
                }
            }
            left = rest;
        }
    }
    terms
}

/// Indices of a matrix apart by columns or by rows, where these are whole; else as they are.
fn blocks(indices: Vec<usize>, tensor: &ParameterTensor) -> Vec<Vec<usize>> {
    let &[_, columns] = tensor.shape.as_slice() else {
        return vec![indices];
    };
    if block_name(&indices, tensor).is_some() {
        return vec![indices];
    }
    let apart = |key: &dyn Fn(usize) -> usize| {
        let mut groups: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
        indices.iter().for_each(|&i| groups.entry(key(i - tensor.offset)).or_default().push(i));
        let groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.iter().all(|g| block_name(g, tensor).is_some()).then_some(groups)
    };
    apart(&|i| i % columns).or_else(|| apart(&|i| i / columns)).unwrap_or_else(|| vec![indices.clone()])
}

/// The tensor, a row or a column, when the indices are exactly that and more than one.
fn block_name(indices: &[usize], tensor: &ParameterTensor) -> Option<String> {
    let count = indices.len();
    if count < 2 {
        return None;
    }
    if count == tensor.len() {
        return Some(tensor.name.clone());
    }
    let &[rows, columns] = tensor.shape.as_slice() else {
        return None;
    };
    let first = indices[0] - tensor.offset;
    let step = |by: usize| indices.windows(2).all(|w| w[1] - w[0] == by);
    if count == columns && first.is_multiple_of(columns) && step(1) {
        Some(format!("{}[{}]", tensor.name, first / columns))
    } else if count == rows && first < columns && step(columns) {
        Some(format!("{}[:,{}]", tensor.name, first))
    } else {
        None
    }
}

fn quadratic_terms(generator: &Generator, tensors: &[ParameterTensor]) -> Vec<(f64, String)> {
    let mut terms = Vec::new();
    for e in generator.entries() {
        if e.row == e.column {
            terms.push((0.5 * e.value, format!("{}**2", element_name(e.row, tensors))));
        } else if e.row < e.column {
            let product = format!("{}*{}", element_name(e.row, tensors), element_name(e.column, tensors));
            terms.push((e.value, product));
        }
    }
    terms
}

fn linear_terms(generator: &Generator, tensors: &[ParameterTensor]) -> Vec<(f64, String)> {
    let b = generator.shifts();
    for tensor in tensors {
        let whole =
            b.len() == tensor.len() && b[0].0 == tensor.offset && b[b.len() - 1].0 + 1 == tensor.offset + b.len();
        if whole && tensor.len() > 1 && b.iter().all(|x| x.1 == b[0].1) {
            return vec![(b[0].1, format!("sum({})", tensor.name))];
        }
    }
    b.iter().map(|&(i, w)| (w, element_name(i, tensors))).collect()
}

fn join(terms: &[(f64, String)]) -> String {
    let mut text = String::new();
    for (weight, term) in terms {
        let size = weight.abs();
        let factor = if size == 1.0 { String::new() } else { format!("{}*", round(size)) };
        let sign = match (text.is_empty(), *weight < 0.0) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        };
        text += &format!("{sign}{factor}{term}");
    }
    text
}

/// Six significant digits, without trailing zeros.
fn round(x: f64) -> String {
    let digits = (5 - x.log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{x:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
