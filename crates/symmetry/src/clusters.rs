//! From the null space of a component to clusters: parts of the algebra that share no parameters.
//!
//! A random basis of the null space mixes everything. The reduced row echelon form of its entries is unique for given
//! pivots and splits where the algebra splits: rows that belong to different parts have no column in common. Each part
//! is named by itself, on one representative of each of its equal blocks.

use crate::blocks::{BlockMap, Layout, MapEntry};
use crate::components::groups;
use gaugebias_linalg::Matrix;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Reduced entries below this are zero: pivots are one, noise stays below 1e-11.
const ENTRY_FLOOR: f64 = 1e-9;

/// Pivots below this, relative to the entries at the start, are noise.
const RANK_FLOOR: f64 = 1e-8;

/// Two copies of a block agree when their entries differ by at most this.
const EQUAL: f64 = 1e-8;

/// Elements of an algebra on blocks, and the parameters these stand for.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub layout: Layout,
    pub elements: Vec<BlockMap>,
}

/// A basis of the span of maps given by entries, in reduced echelon form; maps that vanish are dropped.
pub(crate) fn reduced_basis(maps: &[Vec<MapEntry>]) -> Vec<Vec<MapEntry>> {
    let mut places: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for &(i, j, _) in maps.iter().flatten() {
        places.insert((i, j), 0);
    }
    places.values_mut().enumerate().for_each(|(at, place)| *place = at);
    let mut rows = Matrix::zeros(maps.len(), places.len());
    for (row, map) in maps.iter().enumerate() {
        map.iter().for_each(|&(i, j, x)| rows[(row, places[&(i, j)])] += x);
    }
    // Coordinates that cancel leave noise; it is measured against what they were before they were added.
    let scale = maps.iter().flatten().fold(0.0_f64, |m, x| m.max(x.2.abs()));
    let rank = eliminate(&mut rows, scale);
    let keys: Vec<(usize, usize)> = places.into_keys().collect();
    let entries = |row: usize| {
        let values = rows.row(row).iter().zip(&keys);
        values.filter(|(x, _)| x.abs() > ENTRY_FLOOR).map(|(&x, &(i, j))| (i, j, x)).collect()
    };
    (0..rank).map(entries).collect()
}

/// Gauss–Jordan elimination with the largest entry of all as the next pivot; the rank. Rows of rank are first.
/// Entries far below `scale` are zero.
fn eliminate(rows: &mut Matrix, scale: f64) -> usize {
    let count = rows.rows();
    for rank in 0..count {
        let mut best = (0.0_f64, rank, 0);
        for i in rank..count {
            for (j, x) in rows.row(i).iter().enumerate() {
                if x.abs() > best.0 {
                    best = (x.abs(), i, j);
                }
            }
        }
        let (pivot, row, column) = best;
        if pivot <= RANK_FLOOR * scale {
            return rank;
        }
        if row != rank {
            let moved = rows.row(row).to_vec();
            let other = rows.row(rank).to_vec();
            rows.row_mut(row).copy_from_slice(&other);
            rows.row_mut(rank).copy_from_slice(&moved);
        }
        let value = rows[(rank, column)];
        rows.row_mut(rank).iter_mut().for_each(|x| *x /= value);
        let pivot_row = rows.row(rank).to_vec();
        for i in (0..count).filter(|&i| i != rank) {
            let factor = rows[(i, column)];
            if factor != 0.0 {
                rows.row_mut(i).iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
            }
        }
    }
    count
}

/// Splits reduced elements of a component of `size` parameters into clusters, ordered by their first parameter.
pub(crate) fn clusters(elements: &[Vec<MapEntry>], size: usize) -> Vec<Cluster> {
    let mut owner: Vec<Option<usize>> = vec![None; size];
    let mut links: Vec<(usize, usize)> = Vec::new();
    for (e, map) in elements.iter().enumerate() {
        for index in map.iter().flat_map(|&(i, j, _)| [i, j]).filter(|&i| i < size) {
            match owner[index] {
                None => owner[index] = Some(e),
                Some(first) => links.push((first, e)),
            }
        }
    }
    links.sort_unstable();
    links.dedup();
    let related = |a: usize, b: usize| links.binary_search(&(a, b)).is_ok() || links.binary_search(&(b, a)).is_ok();
    let mut found: Vec<Cluster> = groups(elements.len(), related)
        .into_iter()
        .map(|members| cluster(&members.iter().map(|&m| elements[m].as_slice()).collect::<Vec<_>>(), size))
        .collect();
    found.sort_by_key(|c| c.layout.classes.iter().flatten().map(|copy| copy[0]).min());
    found
}

fn cluster(elements: &[&[MapEntry]], size: usize) -> Cluster {
    let mut support: Vec<usize> = elements.iter().flat_map(|e| e.iter()).flat_map(|&(i, j, _)| [i, j]).collect();
    support.retain(|&i| i < size);
    support.sort_unstable();
    support.dedup();
    let place = |i: usize| support.binary_search(&i).expect("the support holds every index");
    let mut linked: Vec<(usize, usize)> = elements
        .iter()
        .flat_map(|e| e.iter())
        .filter(|&&(_, j, _)| j < size)
        .map(|&(i, j, _)| (place(i).min(place(j)), place(i).max(place(j))))
        .collect();
    linked.sort_unstable();
    linked.dedup();
    let blocks = crate::components::linked_groups(support.len(), &linked);
    let blocks: Vec<Vec<usize>> = blocks.into_iter().map(|b| b.into_iter().map(|at| support[at]).collect()).collect();
    let maps = block_maps(elements, &blocks, size);
    merge_equal(blocks, maps, size)
}

/// Per element and block: (A, b).
fn block_maps(elements: &[&[MapEntry]], blocks: &[Vec<usize>], size: usize) -> Vec<Vec<(Matrix, Vec<f64>)>> {
    let mut home = BTreeMap::new();
    for (b, block) in blocks.iter().enumerate() {
        home.extend(block.iter().enumerate().map(|(at, &i)| (i, (b, at))));
    }
    let fill = |entries: &&[MapEntry]| {
        let mut maps: Vec<(Matrix, Vec<f64>)> =
            blocks.iter().map(|b| (Matrix::zeros(b.len(), b.len()), vec![0.0; b.len()])).collect();
        for &(i, j, x) in *entries {
            let (b, row) = home[&i];
            if j == size {
                maps[b].1[row] = x;
            } else {
                maps[b].0[(row, home[&j].1)] = x;
            }
        }
        maps
    };
    elements.iter().map(fill).collect()
}

/// One representative of each set of blocks on which all elements agree.
fn merge_equal(blocks: Vec<Vec<usize>>, maps: Vec<Vec<(Matrix, Vec<f64>)>>, size: usize) -> Cluster {
    let equal = |a: usize, b: usize| {
        blocks[a].len() == blocks[b].len()
            && maps.iter().all(|element| {
                let ((x, s), (y, t)) = (&element[a], &element[b]);
                x.data().iter().chain(s).zip(y.data().iter().chain(t)).all(|(x, y)| (x - y).abs() <= EQUAL)
            })
    };
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for b in 0..blocks.len() {
        match classes.iter_mut().find(|class| equal(class[0], b)) {
            Some(class) => class.push(b),
            None => classes.push(vec![b]),
        }
    }
    let copies: Rc<[f64]> = classes.iter().map(|c| c.len() as f64).collect();
    let sizes: Vec<usize> = classes.iter().map(|c| blocks[c[0]].len()).collect();
    let elements = maps
        .iter()
        .map(|element| {
            let mut map = BlockMap::zeros(&sizes, &copies);
            for (c, class) in classes.iter().enumerate() {
                (map.linear[c], map.shifts[c]) = element[class[0]].clone();
            }
            map
        })
        .collect();
    let classes = classes.into_iter().map(|c| c.into_iter().map(|b| blocks[b].clone()).collect()).collect();
    Cluster { layout: Layout { classes, size }, elements }
}
