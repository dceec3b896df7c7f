//! Least squares of a quadratic loss in which some entries have to keep a sign.
//!
//! min ½ (z − z*)ᵀ H (z − z*) over directions that are free, entries of a stated sign, and 0 elsewhere: Lawson and Hanson's active sets (*Solving least squares problems*, 1974, ch. 23). They end
//! after finitely many fits, with exact zeros; projected descent would need as many steps as the condition of H.

use crate::DesignError;
use gaugebias_linalg::{Matrix, least_squares};

/// Forces below this share of the largest are rounding, and rates below this share belong to directions that the data do not see.
pub(super) const UNSEEN: f64 = 1e-10;

/// An entry and its sign.
pub(super) type Signed = (usize, f64);

/// The loss: H, and the forces H z* at 0.
pub(super) struct Quadratic<'a> {
    pub(super) curvature: &'a Matrix,
    pub(super) pull: Vec<f64>,
}

impl Quadratic<'_> {
    /// −∂L/∂z.
    pub(super) fn force(&self, z: &[f64]) -> Vec<f64> {
        self.pull.iter().zip(self.curvature.mul_vec(z)).map(|(pull, back)| pull - back).collect()
    }

    /// What counts as force.
    pub(super) fn rounding(&self) -> f64 {
        UNSEEN * self.pull.iter().fold(0.0_f64, |m, x| m.max(x.abs()))
    }

    /// The fit z with exact zeros where an entry would take the other sign.
    ///
    /// # Errors
    /// [`DesignError::Linalg`].
    pub(super) fn fit(&self, free: &[Vec<f64>], signed: &[Signed]) -> Result<Vec<f64>, DesignError> {
        let mut used = signed.to_vec();
        let mut z = self.unsigned(free, &used)?;
        while used.iter().any(|entry| wrong(entry, &z)) {
            used.retain(|entry| !wrong(entry, &z));
            z = self.unsigned(free, &used)?;
        }
        for _ in 0..3 * signed.len() {
            let force = self.force(&z);
            let gain = |(i, sign): &Signed| sign * force[*i];
            let unused = signed.iter().filter(|entry| !used.contains(entry) && gain(entry) > self.rounding());
            let Some(next) = unused.max_by(|a, b| gain(a).total_cmp(&gain(b))) else { break };
            used.push(*next);
            z = self.towards(z, free, &mut used)?;
        }
        Ok(z)
    }

    /// The fit of the used entries, or the point before it where none of them is left, coming from z.
    fn towards(&self, mut z: Vec<f64>, free: &[Vec<f64>], used: &mut Vec<Signed>) -> Result<Vec<f64>, DesignError> {
        loop {
            let end = self.unsigned(free, used)?;
            let share = |(i, _): &Signed| z[*i] / (z[*i] - end[*i]);
            let first = used.iter().filter(|entry| wrong(entry, &end)).min_by(|a, b| share(a).total_cmp(&share(b)));
            let Some(first) = first.copied() else { return Ok(end) };
            let share = share(&first).clamp(0.0, 1.0);
            z.iter_mut().zip(&end).for_each(|(z, end)| *z += share * (end - *z));
            z[first.0] = 0.0;
            used.retain(|entry| *entry != first);
        }
    }

    /// Without regard to signs.
    fn unsigned(&self, free: &[Vec<f64>], entries: &[Signed]) -> Result<Vec<f64>, DesignError> {
        let (n, fixed) = (self.pull.len(), free.len());
        let size = fixed + entries.len();
        let basis = Matrix::from_fn(n, size, |i, k| match k.checked_sub(fixed) {
            None => free[k][i],
            Some(k) => f64::from(u8::from(entries[k].0 == i)),
        });
        let own = basis.transpose().matmul(self.curvature).matmul(&basis);
        // Directions that the data do not see at all stay where they are.
        if size == 0 || (0..size).all(|i| own[(i, i)] == 0.0) {
            return Ok(vec![0.0; n]);
        }
        Ok(basis.mul_vec(&least_squares(&own, &basis.transpose_mul_vec(&self.pull), UNSEEN)?))
    }
}

fn wrong((i, sign): &Signed, z: &[f64]) -> bool {
    sign * z[*i] <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the best of all subsets of four entries, whose least squares have two wrong signs.
    #[test]
    fn signed_fits_are_the_best_of_all_subsets() {
        let root = Matrix::from_fn(4, 4, |i, j| 1.0 + ((3 * i + 5 * j) as f64).sin() + f64::from(u8::from(i == j)));
        let curvature = root.gram();
        for solution in [[1.0, -0.4, 0.6, -0.2], [-0.5, 1.0, 0.3, 0.2], [-1.0, -0.2, -0.3, -0.1]] {
            let loss = Quadratic { curvature: &curvature, pull: curvature.mul_vec(&solution) };
            let value = |z: &[f64]| {
                -loss.pull.iter().zip(loss.force(z)).zip(z).map(|((a, b), z)| 0.5 * (a + b) * z).sum::<f64>()
            };
            let subset = |mask: usize| (0..4).filter(|i| mask >> i & 1 == 1).map(|i| (i, 1.0)).collect::<Vec<_>>();
            let all = (0..16).map(|mask| loss.unsigned(&[], &subset(mask)).unwrap());
            let best = all.filter(|z| z.iter().all(|z| *z >= 0.0)).map(|z| value(&z)).fold(f64::INFINITY, f64::min);
            let found = loss.fit(&[], &subset(15)).unwrap();
            assert!(found.iter().all(|z| *z >= 0.0) && (value(&found) - best).abs() < 1e-10, "{found:?} {best}");
        }
    }
}
