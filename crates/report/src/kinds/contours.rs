//! Level sets of sampled functions: marching squares.

use std::collections::BTreeMap;

/// A side of a grid cell: `(row, column, vertical)`; it starts at the grid point (row, column).
type Side = (usize, usize, bool);

/// A function's values on a grid.
pub struct Grid<'a> {
    pub xs: &'a [f64],
    pub ys: &'a [f64],
    /// `[ys][xs]`, row-major.
    pub values: &'a [f64],
}

impl Grid<'_> {
    fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.xs.len() + column]
    }

    /// Lines on which the function equals `level`; cells with a value that is not finite are left out.
    pub fn contour(&self, level: f64) -> Vec<Vec<(f64, f64)>> {
        let mut neighbours: BTreeMap<Side, Vec<Side>> = BTreeMap::new();
        for row in 1..self.ys.len() {
            for column in 1..self.xs.len() {
                for (a, b) in self.crossings(row - 1, column - 1, level) {
                    neighbours.entry(a).or_default().push(b);
                    neighbours.entry(b).or_default().push(a);
                }
            }
        }
        // Open lines first, from one of their ends; what is left then are loops.
        let ends = neighbours.iter().filter(|(_, next)| next.len() == 1).map(|(side, _)| *side);
        let starts: Vec<Side> = ends.chain(neighbours.keys().copied()).collect();
        let walk = |start| {
            let mut line = vec![start];
            let mut here = start;
            while let Some(next) = step(&mut neighbours, here) {
                line.push(next);
                here = next;
            }
            line
        };
        let lines: Vec<Vec<Side>> = starts.into_iter().map(walk).filter(|line| line.len() > 1).collect();
        lines.iter().map(|line| line.iter().map(|&side| self.crossing(side, level)).collect()).collect()
    }

    /// Pairs of sides of one cell that the level set joins.
    fn crossings(&self, row: usize, column: usize, level: f64) -> Vec<(Side, Side)> {
        // Corners and sides counter-clockwise from (row, column); side k leads from corner k to corner k + 1.
        let corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)];
        let sides = [(row, column, false), (row, column + 1, true), (row + 1, column, false), (row, column, true)];
        let values = corners.map(|(r, c)| self.value(r, c));
        if values.iter().any(|v| !v.is_finite()) {
            return Vec::new();
        }
        let above = values.map(|v| v >= level);
        let crossed: Vec<usize> = (0..4).filter(|&k| above[k] != above[(k + 1) % 4]).collect();
        match crossed[..] {
            [a, b] => vec![(sides[a], sides[b])],
            // A saddle: the mean tells which two corners hang together.
            [..] if crossed.len() == 4 => {
                let centre_above = values.iter().sum::<f64>() / 4.0 >= level;
                let first = if centre_above == above[0] { 0 } else { 3 };
                vec![(sides[first], sides[(first + 1) % 4]), (sides[(first + 2) % 4], sides[(first + 3) % 4])]
            }
            _ => Vec::new(),
        }
    }

    fn crossing(&self, (row, column, vertical): Side, level: f64) -> (f64, f64) {
        let (to_row, to_column) = if vertical { (row + 1, column) } else { (row, column + 1) };
        let (from, to) = (self.value(row, column), self.value(to_row, to_column));
        let share = (level - from) / (to - from);
        let between = |a: f64, b: f64| a + share * (b - a);
        (between(self.xs[column], self.xs[to_column]), between(self.ys[row], self.ys[to_row]))
    }
}

/// Takes the link from `here` to a neighbour out of the map, in both directions.
fn step(neighbours: &mut BTreeMap<Side, Vec<Side>>, here: Side) -> Option<Side> {
    let next = neighbours.get_mut(&here)?.pop()?;
    let back = neighbours.get_mut(&next)?;
    let position = back.iter().position(|&side| side == here)?;
    back.swap_remove(position);
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64, count: usize) -> Vec<f64> {
        (0..count).map(|i| low + (high - low) * i as f64 / (count - 1) as f64).collect()
    }

    fn contour(f: impl Fn(f64, f64) -> f64, level: f64) -> Vec<Vec<(f64, f64)>> {
        let (xs, ys) = (axis(-2.0, 2.0, 81), axis(-2.0, 2.0, 61));
        let values: Vec<f64> = ys.iter().flat_map(|&y| xs.iter().map(move |&x| (x, y))).map(|(x, y)| f(x, y)).collect();
        Grid { xs: &xs, ys: &ys, values: &values }.contour(level)
    }

    #[test]
    fn a_circle_is_one_closed_line() {
        let lines = contour(|x, y| x * x + y * y, 1.0);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|(x, y)| (x.hypot(*y) - 1.0).abs() < 2e-3));
        let length: f64 = lines[0].windows(2).map(|p| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1)).sum();
        assert!((length - std::f64::consts::TAU).abs() < 0.01, "{length}");
    }

    #[test]
    fn a_hyperbola_is_two_open_lines() {
        let lines = contour(|x, y| x * y, 0.3);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().flatten().all(|(x, y)| (x * y - 0.3).abs() < 2e-3));
        assert!(lines.iter().all(|line| line.first() != line.last()));
    }

    #[test]
    fn holes_are_left_out_and_saddles_do_not_cross() {
        let lines = contour(|x, y| if x.hypot(y) < 0.5 { f64::NAN } else { x * y }, 0.0);
        assert!(lines.iter().flatten().all(|(x, y)| x.hypot(*y) > 0.4));
        assert_eq!(contour(|x, y| x * y, 1e-9).len(), 2);
        assert!(contour(|x, y| x * y, 99.0).is_empty());
    }
}
