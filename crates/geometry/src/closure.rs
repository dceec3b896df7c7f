//! Whether the span of generators is closed under brackets, for algebras too large for a basis of dense matrices.
//!
//! The bracket is bilinear, so the span is closed exactly if it holds the bracket of two generic elements. These are random
//! combinations X and Y; XY − YX is projected on the span in the inner product of entries, whose Gram matrix falls into blocks of
//! generators with common entries. Rejected: all brackets of pairs, of which GL(60) has six million.

use crate::GeometryError;
use crate::fields::OrbitFields;
use gaugebias_linalg::inverse_positive_definite;
use gaugebias_symmetry::{Entry, Generator};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::collections::HashMap;

/// Part of the bracket XY − YX outside the span, for two random elements X and Y of unit Frobenius norm of (A, b); 0 without generators.
///
/// # Errors
/// Generators that depend on each other.
pub fn closure_residual(generators: &[Generator], parameters: usize, seed: u64) -> Result<f64, GeometryError> {
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0xb7ac);
    let mut element = || {
        let parts: Vec<(f64, &Generator)> =
            generators.iter().map(|g| (StandardNormal.sample(&mut stream), g)).collect();
        let sum = Generator::combine(&parts);
        let size = entry_norm(&sum).max(f64::MIN_POSITIVE);
        Generator::combine(&[(1.0 / size, &sum)])
    };
    let (x, y) = (element(), element());
    outside(&bracket(&x, &y, parameters), generators, parameters)
}

fn entry_norm(generator: &Generator) -> f64 {
    let linear = generator.entries().iter().map(|e| e.value * e.value);
    linear.chain(generator.shifts().iter().map(|s| s.1 * s.1)).sum::<f64>().sqrt()
}

/// (XY − YX, X b_Y − Y b_X).
fn bracket(x: &Generator, y: &Generator, parameters: usize) -> Generator {
    let mut entries = product(x, y, parameters, 1.0);
    entries.extend(product(y, x, parameters, -1.0));
    let constant = |of: &Generator| {
        let mut b = vec![0.0; parameters];
        of.shifts().iter().for_each(|&(i, value)| b[i] = value);
        b
    };
    let shifts = x.apply_linear(&constant(y)).into_iter().zip(y.apply_linear(&constant(x))).map(|(a, b)| a - b);
    Generator::new(entries, shifts.enumerate().filter(|(_, b)| *b != 0.0).collect())
}

/// Entries of weight · A_X A_Y, row by row.
fn product(x: &Generator, y: &Generator, parameters: usize, weight: f64) -> Vec<Entry> {
    let mut starts = vec![0; parameters + 1];
    y.entries().iter().for_each(|e| starts[e.row + 1] += 1);
    (0..parameters).for_each(|i| starts[i + 1] += starts[i]);
    let mut row = vec![0.0; parameters];
    let mut touched: Vec<usize> = Vec::new();
    let mut entries = Vec::new();
    for own in x.entries().chunk_by(|a, b| a.row == b.row) {
        for e in own {
            for f in &y.entries()[starts[e.column]..starts[e.column + 1]] {
                if row[f.column] == 0.0 {
                    touched.push(f.column);
                }
                row[f.column] += weight * e.value * f.value;
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for column in touched.drain(..) {
            entries.push(Entry { row: own[0].row, column, value: row[column] });
            row[column] = 0.0;
        }
    }
    entries
}

/// Norm of what is left of a map when its projection on the span is taken off.
fn outside(map: &Generator, generators: &[Generator], parameters: usize) -> Result<f64, GeometryError> {
    // An entry of [A b] becomes a coordinate, a generator a constant vector.
    let mut coordinate: HashMap<(usize, usize), usize> = HashMap::new();
    let mut vector = |generator: &Generator| -> Vec<(usize, f64)> {
        let places = generator.entries().iter().map(|e| ((e.row, e.column), e.value));
        let places = places.chain(generator.shifts().iter().map(|s| ((s.0, parameters), s.1)));
        places
            .map(|(place, value)| {
                let next = coordinate.len();
                (*coordinate.entry(place).or_insert(next), value)
            })
            .collect()
    };
    let target = vector(map);
    let vectors: Vec<Generator> = generators.iter().map(|g| Generator::new(Vec::new(), vector(g))).collect();
    let mut rest = vec![0.0; coordinate.len()];
    target.into_iter().for_each(|(i, value)| rest[i] += value);
    let span = OrbitFields::new(&vectors, coordinate.len());
    let mut coefficients = vec![0.0; vectors.len()];
    for block in span.blocks() {
        let inverse = inverse_positive_definite(&block.gram(&block.values(&rest)))?.inverse;
        let along: Vec<f64> = block.generators.iter().map(|&a| vectors[a].quadratic_form(&rest)).collect();
        block.generators.iter().zip(inverse.mul_vec(&along)).for_each(|(&a, c)| coefficients[a] = c);
    }
    for (vector, c) in vectors.iter().zip(coefficients) {
        vector.shifts().iter().for_each(|&(i, value)| rest[i] -= c * value);
    }
    Ok(rest.iter().map(|x| x * x).sum::<f64>().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(size: usize, i: usize, j: usize) -> Generator {
        // On (U, V) as E_ij on U and −E_ji on V.
        let entries =
            vec![Entry { row: i, column: j, value: 1.0 }, Entry { row: size + j, column: size + i, value: -1.0 }];
        Generator::new(entries, Vec::new())
    }

    #[test]
    fn matrices_close_and_a_part_of_them_does_not() {
        let pairs = (0..5).flat_map(|i| (0..5).map(move |j| (i, j)));
        let all: Vec<Generator> = pairs.map(|(i, j)| unit(5, i, j)).collect();
        assert!(closure_residual(&all, 10, 3).unwrap() < 1e-14);
        // Symmetric matrices alone: their brackets are rotations.
        let symmetric: Vec<Generator> = (0..5)
            .flat_map(|i| (i..5).map(move |j| (i, j)))
            .map(|(i, j)| Generator::combine(&[(1.0, &unit(5, i, j)), (1.0, &unit(5, j, i))]))
            .collect();
        assert!(closure_residual(&symmetric, 10, 3).unwrap() > 1e-2);
    }

    #[test]
    fn shifts_take_part() {
        // (x, y) ↦ x grows by 1, y by x: the bracket is the shift of y.
        let grow = Generator::new(Vec::new(), vec![(0, 1.0)]);
        let shear = Generator::new(vec![Entry { row: 1, column: 0, value: 1.0 }], Vec::new());
        let both = [grow, shear];
        assert!(closure_residual(&both, 2, 1).unwrap() > 1e-2);
        let with_bracket = [both[0].clone(), both[1].clone(), Generator::new(Vec::new(), vec![(1, 1.0)])];
        assert!(closure_residual(&with_bracket, 2, 1).unwrap() < 1e-14);
    }
}
