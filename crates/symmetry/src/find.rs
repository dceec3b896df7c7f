//! The search as a whole: sample, split, solve, name, verify, measure.

use crate::ansatz::{Ansatz, LocalTensor};
use crate::blocks::MapEntry;
use crate::charges::{Charge, charge_name, factor_charges, factor_names, factor_rotations};
use crate::components::Pattern;
use crate::factor::{Factor, FactorKind, FactorSummary, Module, summarise};
use crate::generator::{Entry, Generator};
use crate::naming::{LocalModule, NamedCluster, name_component};
use crate::sampling::{SEARCH_SCALES, Sampler};
use crate::search::{ComponentSymmetry, rows_wanted, search_component, smaller};
use crate::verification::{Dimensions, measure_dimensions, refuse_jumps, verify};
use crate::{SearchOptions, SymmetryError};
use gaugebias_model::{ParameterTensor, Parametrization};

/// The span of the generators and what is canonical about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasisKind {
    /// Every factor has its canonical generators, so det Γ is a fixed number.
    Canonical,
    /// Some generators are only orthonormal, so log det Γ has an arbitrary constant.
    Orthonormal,
}

/// How the result was obtained.
#[derive(Clone, Debug)]
pub struct SearchInfo {
    /// Sizes of the connected components of parameters.
    pub component_sizes: Vec<usize>,
    /// Rows of the largest linear system.
    pub rows: usize,
    /// Random points tried.
    pub points_tried: usize,
    /// Of these, skipped because a derivative was not finite.
    pub points_skipped: usize,
    /// Smallest last kept / first dropped singular value over all rank decisions; `None` when nothing was dropped.
    pub spectral_gap: Option<f64>,
    /// Largest |Jξ|/(|J||ξ|) on fresh points; 0 without generators.
    pub max_residual: f64,
    /// Largest part of a bracket of unit elements outside the algebra.
    pub closure_residual: f64,
    /// Whether some component was searched among the maps of single axes of tensors, not among all affine maps.
    pub by_tensors: bool,
    /// Independent affine fields that lie in the translations at every θ; they were quotiented out.
    pub redundant_sections: usize,
}

/// The affine symmetries of a parametrization: J(θ; x)(Aθ + b) = 0 for every θ and x.
#[derive(Clone, Debug)]
pub struct Symmetries {
    /// The parameter tensors.
    pub tensors: Vec<ParameterTensor>,
    /// p.
    pub parameters: usize,
    /// d.
    pub predictor_dimension: usize,
    /// Generators, factor by factor.
    pub generators: Vec<Generator>,
    /// Named factors; their ranges cover the generators.
    pub factors: Vec<Factor>,
    /// Charges of the symmetric elements.
    pub charges: Vec<Charge>,
    /// The antisymmetric elements: the compact part of the algebra.
    pub rotations: Vec<Generator>,
    /// Readable names; a gl factor has one name for its matrix of charges.
    pub charge_names: Vec<String>,
    /// Rank of the charges' gradients at generic points.
    pub independent_charges: usize,
    /// Whether det Γ is a fixed number.
    pub basis: BasisKind,
    /// Whether the algebra is closed under brackets.
    pub closed: bool,
    /// Whether it is closed under transpose; if not, compact + noncompact is less than the dimension.
    pub transpose_closed: bool,
    /// Dimension of the symmetric part, translations included.
    pub noncompact: usize,
    /// Dimension of the antisymmetric part.
    pub compact: usize,
    /// Rank of J at generic θ (over draws, where the predictor depends on them).
    pub generic_rank: usize,
    /// Rank of Ξ at generic θ.
    pub orbit_dimension: usize,
    /// p − generic rank.
    pub fiber_dimension: usize,
    /// Whether the generic rank of J may be larger than what was found, and the fiber smaller.
    pub rank_is_bound: bool,
    /// Tensors on which alone the unexplained directions can be chosen; empty where nothing is unexplained, or where
    /// there are too many parameters to look.
    pub unexplained_on: Vec<String>,
    /// Quality numbers.
    pub info: SearchInfo,
}

impl Symmetries {
    /// Dimension of the algebra, redundant sections removed.
    pub fn dimension(&self) -> usize {
        self.generators.len()
    }

    /// Fiber dimensions that no affine generator explains.
    pub fn unexplained(&self) -> usize {
        self.fiber_dimension.saturating_sub(self.orbit_dimension)
    }

    /// Parameters that the predictor ignores: each is a translation by itself. A tensor by its name, with the number of
    /// its entries where the others are used.
    pub fn unused(&self) -> Vec<String> {
        let ignored = self.unused_parameters();
        let describe = |t: &ParameterTensor| {
            let count = ignored.iter().filter(|i| (t.offset..t.offset + t.len()).contains(i)).count();
            match count {
                0 => None,
                all if all == t.len() => Some(t.name.clone()),
                some => Some(format!("{} ({some} of {} entries)", t.name, t.len())),
            }
        };
        self.tensors.iter().filter_map(describe).collect()
    }

    /// Their indices.
    pub fn unused_parameters(&self) -> Vec<usize> {
        let alone = |g: &&Generator| g.is_translation() && g.support().len() == 1;
        self.generators.iter().filter(alone).map(|g| g.support()[0]).collect()
    }

    /// Q = ½ θᵀAθ + bᵀθ of a symmetric generator, in words.
    pub fn charge_name(&self, generator: &Generator) -> String {
        charge_name(generator, &self.tensors)
    }

    /// Names of the tensors that a generator moves or looks at.
    pub fn acted_on(&self, generator: &Generator) -> Vec<String> {
        acting_on(generator.support(), &self.tensors)
    }

    /// Factors of equal kind, size and tensors counted together.
    pub fn summary(&self) -> Vec<FactorSummary> {
        summarise(&self.factors)
    }
}

/// Finds, verifies and names the affine symmetries of a parametrization.
///
/// # Errors
/// See [`SymmetryError`]; in particular an undecided rank, an unverified generator and a component
/// that is too large are refused instead of being reported half right.
pub fn find(model: &dyn Parametrization, options: &SearchOptions) -> Result<Symmetries, SymmetryError> {
    let mut sampler = Sampler::new(model, options.seed)?;
    let components = split(&mut sampler, options)?;
    let found = search_all(&mut sampler, &components, options)?;
    let mut named = Vec::with_capacity(found.len());
    for component in &found {
        named.push(named_or_orthogonal(component, options, &mut sampler)?);
    }
    let assembled = assemble(&found, named, model.tensors());
    refuse_jumps(&mut sampler, &assembled.generators)?;
    let max_residual = verify(&mut sampler, &assembled.generators, model.tensors(), options)?;
    let dimensions = measure_dimensions(&mut sampler, &components, &assembled.generators, &assembled.charges, options)?;
    let gap = found.iter().fold(None, |gap, c| smaller(gap, c.gap));
    let translations: usize = found.iter().map(|c| c.translations.len()).sum();
    let info = SearchInfo {
        component_sizes: components.iter().map(Vec::len).collect(),
        rows: found.iter().map(|c| c.rows).max().unwrap_or(0),
        points_tried: sampler.tried,
        points_skipped: sampler.skipped,
        spectral_gap: gap,
        max_residual,
        closure_residual: assembled.closure_residual,
        redundant_sections: translations * sampler.parameters,
        by_tensors: components.iter().any(|c| c.len() > options.affine_limit),
    };
    Ok(finish(&sampler, assembled, dimensions, info, options))
}

/// Names of the sparse representatives; of the orthogonal ones where those are no algebra.
fn named_or_orthogonal(
    component: &ComponentSymmetry,
    options: &SearchOptions,
    sampler: &mut Sampler<'_>,
) -> Result<Vec<NamedCluster>, SymmetryError> {
    let tensors = acting_on(&component.indices, sampler.model.tensors()).join(", ");
    let named = name_component(component, options, &mut || sampler.normal()).map_err(|error| match error {
        SymmetryError::AlgebraTooLarge { dimension, limit, .. } => {
            SymmetryError::AlgebraTooLarge { tensors, dimension, limit }
        }
        other => other,
    })?;
    let closes = named.iter().all(|cluster| cluster.closure_residual <= options.closure_ceiling);
    match &component.orthogonal {
        Some(elements) if !closes => {
            let other = ComponentSymmetry { elements: elements.clone(), orthogonal: None, ..component.clone() };
            name_component(&other, options, &mut || sampler.normal())
        }
        _ => Ok(named),
    }
}

fn finish(
    sampler: &Sampler<'_>,
    assembled: Assembled,
    dimensions: Dimensions,
    info: SearchInfo,
    options: &SearchOptions,
) -> Symmetries {
    let canonical = assembled.factors.iter().all(|f| f.canonical);
    Symmetries {
        tensors: sampler.model.tensors().to_vec(),
        parameters: sampler.parameters,
        predictor_dimension: sampler.predictor,
        generators: assembled.generators,
        factors: assembled.factors,
        charges: assembled.charges,
        rotations: assembled.rotations,
        charge_names: assembled.charge_names,
        independent_charges: dimensions.independent_charges,
        basis: if canonical { BasisKind::Canonical } else { BasisKind::Orthonormal },
        closed: info.closure_residual <= options.closure_ceiling,
        transpose_closed: assembled.transpose_closed,
        noncompact: assembled.noncompact,
        compact: assembled.compact,
        generic_rank: dimensions.predictor,
        orbit_dimension: dimensions.orbit,
        fiber_dimension: sampler.parameters - dimensions.predictor,
        rank_is_bound: dimensions.rank_is_bound,
        unexplained_on: dimensions.unexplained_on,
        info,
    }
}

/// Connected components of parameters; from here on the sampler is silent where J is noise.
pub(crate) fn split(sampler: &mut Sampler<'_>, options: &SearchOptions) -> Result<Vec<Vec<usize>>, SymmetryError> {
    // One point shows one draw; a predictor with random inputs needs more of them to show its pattern.
    let per_point = if sampler.model.depends_on_draw() { 4 } else { 1 };
    let mut pattern = Pattern::new(sampler.parameters);
    for _ in 0..options.pattern_points * per_point {
        for (_, jacobian) in sampler.jacobians(1, SEARCH_SCALES)? {
            pattern.add(&jacobian);
        }
        if pattern.is_connected() {
            break;
        }
    }
    sampler.silence(pattern.unseen());
    Ok(pattern.components())
}

/// The ansatz of a component; refused where it has too many coordinates.
pub(crate) fn ansatz(
    component: &[usize],
    tensors: &[ParameterTensor],
    options: &SearchOptions,
) -> Result<Ansatz, SymmetryError> {
    if component.len() <= options.affine_limit {
        return Ok(Ansatz::affine(component.len()));
    }
    let local: Vec<LocalTensor> = tensors.iter().filter_map(|t| local_tensor(component, t)).collect();
    Ansatz::tensors(component.len(), &local, options.mixing_limit, options.unknown_limit).map_err(|unknowns| {
        SymmetryError::TooLarge {
            tensors: acting_on(component, tensors).join(", "),
            parameters: component.len(),
            unknowns,
            limit: options.unknown_limit,
        }
    })
}

/// The part of a tensor in a component: with its own shape if that is a block of rows, columns and so on, else as a
/// vector.
fn local_tensor(component: &[usize], tensor: &ParameterTensor) -> Option<LocalTensor> {
    let range = tensor.offset..tensor.offset + tensor.len();
    let places: Vec<usize> = (0..component.len()).filter(|&at| range.contains(&component[at])).collect();
    if places.is_empty() {
        return None;
    }
    let mut along: Vec<Vec<usize>> = vec![Vec::new(); tensor.shape.len()];
    for &at in &places {
        let mut rest = component[at] - tensor.offset;
        for (axis, &size) in tensor.shape.iter().enumerate().rev() {
            along[axis].push(rest % size);
            rest /= size;
        }
    }
    along.iter_mut().for_each(|positions| {
        positions.sort_unstable();
        positions.dedup();
    });
    let block: Vec<usize> = along.iter().map(Vec::len).collect();
    let shape = if block.iter().product::<usize>() == places.len() { block } else { vec![places.len()] };
    Some(LocalTensor { indices: places, shape })
}

/// One batch of gradients serves all components. A component short of rows gets twice as many, up to sixteen times; where hardly
/// any row counts beside the largest (exponentials, saturation), points closer to zero take their place.
fn search_all(
    sampler: &mut Sampler<'_>,
    components: &[Vec<usize>],
    options: &SearchOptions,
) -> Result<Vec<ComponentSymmetry>, SymmetryError> {
    let plans: Vec<Ansatz> = components
        .iter()
        .map(|component| ansatz(component, sampler.model.tensors(), options))
        .collect::<Result<_, _>>()?;
    let largest = plans.iter().map(Ansatz::len).max().unwrap_or(0);
    let mut samples = sampler.gradients(rows_wanted(largest, options))?;
    let mut found = Vec::with_capacity(components.len());
    for (component, ansatz) in components.iter().zip(&plans) {
        let tensors = acting_on(component, sampler.model.tensors()).join(", ");
        let mut rows = rows_wanted(ansatz.len(), options);
        let mut attempt = 0;
        let result = loop {
            if samples.len() < rows {
                samples.extend(sampler.gradients(rows - samples.len())?);
            }
            match search_component(component, ansatz, &samples[..rows], &tensors, options) {
                Err(SymmetryError::TooFewRows { nonzero, rows: of, .. }) if attempt < 4 && 4 * nonzero < of => {
                    attempt += 1;
                    sampler.move_closer();
                    samples.clear();
                }
                Err(SymmetryError::TooFewRows { .. } | SymmetryError::NoGap { .. }) if attempt < 4 => {
                    attempt += 1;
                    rows *= 2;
                }
                other => break other?,
            }
        };
        found.push(result);
    }
    Ok(found)
}

struct Assembled {
    generators: Vec<Generator>,
    factors: Vec<Factor>,
    charges: Vec<Charge>,
    rotations: Vec<Generator>,
    charge_names: Vec<String>,
    noncompact: usize,
    compact: usize,
    closure_residual: f64,
    transpose_closed: bool,
}

/// From component coordinates to θ, in the order of the components.
fn assemble(found: &[ComponentSymmetry], named: Vec<Vec<NamedCluster>>, tensors: &[ParameterTensor]) -> Assembled {
    let mut all = Assembled {
        generators: Vec::new(),
        factors: Vec::new(),
        charges: Vec::new(),
        rotations: Vec::new(),
        charge_names: Vec::new(),
        noncompact: 0,
        compact: 0,
        closure_residual: 0.0,
        transpose_closed: true,
    };
    for (component, clusters) in found.iter().zip(named) {
        for cluster in clusters {
            all.add(&component.indices, cluster, tensors);
        }
    }
    all
}

impl Assembled {
    fn add(&mut self, indices: &[usize], cluster: NamedCluster, tensors: &[ParameterTensor]) {
        for local in &cluster.factors {
            let start = self.generators.len();
            self.generators.extend(local.elements.iter().map(|e| lift(indices, e)));
            let support: Vec<usize> =
                self.generators[start..].iter().flat_map(|g| g.support().iter().copied()).collect();
            let module =
                |m: &LocalModule| Module { indices: m.indices.iter().map(|&i| indices[i]).collect(), dual: m.dual };
            let one_parameter = matches!(
                local.kind,
                FactorKind::Rescaling
                    | FactorKind::Scale
                    | FactorKind::Boost
                    | FactorKind::Translation
                    | FactorKind::Shift
            );
            self.factors.push(Factor {
                kind: local.kind,
                size: local.size,
                count: if one_parameter { local.elements.len() } else { 1 },
                generators: start..self.generators.len(),
                acts_on: acting_on(&support, tensors),
                canonical: local.canonical,
                modules: local.modules.iter().map(module).collect(),
            });
        }
        if cluster.factors.iter().all(|f| f.canonical) {
            let new = self.factors.len() - cluster.factors.len();
            for factor in &self.factors[new..] {
                let charges = factor_charges(factor, &self.generators);
                self.charge_names.extend(factor_names(factor, &self.generators, &charges, tensors));
                self.charges.extend(charges);
                self.rotations.extend(factor_rotations(factor, &self.generators));
            }
        } else {
            self.charges.extend(cluster.symmetric.iter().map(|e| Charge::new(lift(indices, e))));
            self.rotations.extend(cluster.antisymmetric.iter().map(|e| lift(indices, e)));
            let names = acting_on(indices, tensors).join(", ");
            let shifted = cluster.symmetric.iter().flatten().any(|&(_, column, _)| column == indices.len());
            let kind = if shifted { "quadratic forms with linear terms" } else { "quadratic forms" };
            if !cluster.symmetric.is_empty() {
                self.charge_names.push(format!("{} {kind} of {names}", cluster.symmetric.len()));
            }
        }
        self.noncompact += cluster.noncompact;
        self.compact += cluster.compact;
        self.closure_residual = self.closure_residual.max(cluster.closure_residual);
        self.transpose_closed &= cluster.transpose_closed;
    }
}

/// A generator of θ from entries in component coordinates.
pub(crate) fn lift(indices: &[usize], entries: &[MapEntry]) -> Generator {
    let (shifts, linear): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, j, _)| *j == indices.len());
    Generator::new(
        linear.into_iter().map(|&(i, j, value)| Entry { row: indices[i], column: indices[j], value }).collect(),
        shifts.into_iter().map(|&(i, _, value)| (indices[i], value)).collect(),
    )
}

/// Names of the tensors that hold the given parameters, in declared order.
pub(crate) fn acting_on(indices: &[usize], tensors: &[ParameterTensor]) -> Vec<String> {
    let holds = |t: &&ParameterTensor| indices.iter().any(|i| (t.offset..t.offset + t.len()).contains(i));
    tensors.iter().filter(holds).map(|t| t.name.clone()).collect()
}
