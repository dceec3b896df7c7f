//! A penalty of one coordinate that the user writes: an expression of `w` in the array language, or a table.

use crate::DesignError;
use crate::formula::Regime;
use gaugebias_model::graph::{Graph, Interpreter, Kind, NodeId, cotangents};
use gaugebias_model::language::{Scope, Section};
use gaugebias_model::spec::Definition;
use gaugebias_model::{Shape, SpecError, Tensor};
use std::path::PathBuf;

/// How a penalty is written.
const FOR_ONE: &str = "R is a function of one number w, and the design adds it up over all coordinates: leave sum, mean, norm and @ out, as in abs(w) for sum(abs(w)) or w**2 for w @ w";

/// A function of one coordinate w.
#[derive(Clone, Debug)]
pub enum Penalty {
    /// An expression of `w`, element by element.
    Expression(Definition),
    /// Values at ascending places, joined by the cubic pieces of Fritsch and Carlson (1980), which do not overshoot.
    Table {
        /// Where it comes from.
        name: String,
        /// (w, value, slope).
        nodes: Vec<(f64, f64, f64)>,
    },
}

impl Penalty {
    /// From a text such as `log(1 + w**2)`.
    ///
    /// # Errors
    /// [`DesignError::Spec`] for a text that is no expression of `w`, or whose value has another shape.
    pub fn expression(text: &str) -> Result<Self, DesignError> {
        let penalty = Self::Expression(Definition::new("penalty", text)?);
        let together = penalty.values(&[0.5, 1.0])?;
        let alone = [penalty.values(&[0.5])?, penalty.values(&[1.0])?].concat();
        let same = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan();
        match &penalty {
            Self::Expression(definition) if !together.iter().zip(&alone).all(same) => {
                let message = "the value of the penalty at one coordinate depends on the others";
                Err(SpecError::at(&definition.location, message).help(FOR_ONE).into())
            }
            _ => Ok(penalty),
        }
    }

    /// From the text of a CSV file with two columns, w and the penalty; a first line of names is skipped.
    ///
    /// # Errors
    /// [`DesignError::Table`].
    pub fn table(name: &str, text: &str) -> Result<Self, DesignError> {
        let mut points: Vec<(f64, f64)> = Vec::new();
        let fault = |line: usize, what: String| DesignError::Table { name: name.to_owned(), line, what };
        for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            let cells: Vec<Option<f64>> = row.split(',').map(|cell| cell.trim().parse().ok()).collect();
            match cells.as_slice() {
                [Some(w), Some(value)] if w.is_finite() && value.is_finite() => {
                    if points.last().is_some_and(|last| last.0 >= *w) {
                        return Err(fault(
                            line + 1,
                            format!("w = {w} does not ascend; expected values above the last one"),
                        ));
                    }
                    points.push((*w, *value));
                }
                [None, None] if points.is_empty() && line == 0 => {}
                _ => {
                    return Err(fault(
                        line + 1,
                        format!("found `{row}`; expected two finite numbers, w and R, with a comma between"),
                    ));
                }
            }
        }
        if points.len() < 3 {
            return Err(fault(text.lines().count(), format!("{} points; expected at least three", points.len())));
        }
        let slopes = monotone_slopes(&points);
        let nodes = points.into_iter().zip(slopes).map(|((w, value), slope)| (w, value, slope)).collect();
        Ok(Self::Table { name: name.to_owned(), nodes })
    }

    /// As it was given.
    pub fn text(&self) -> String {
        match self {
            Self::Expression(definition) => definition.text.clone(),
            Self::Table { name, nodes } => format!("table {name} of {} values", nodes.len()),
        }
    }

    /// Places where a derivative may jump.
    pub fn nodes(&self) -> Vec<f64> {
        match self {
            Self::Expression(_) => vec![0.0],
            Self::Table { nodes, .. } => nodes.iter().map(|node| node.0).collect(),
        }
    }

    /// Where a table begins and ends; none for an expression.
    pub(crate) fn ends(&self) -> Option<(f64, f64)> {
        match self {
            Self::Expression(_) => None,
            Self::Table { nodes, .. } => Some((nodes[0].0, nodes[nodes.len() - 1].0)),
        }
    }

    /// Its values at places w.
    ///
    /// # Errors
    /// [`DesignError::Spec`].
    pub fn values(&self, w: &[f64]) -> Result<Vec<f64>, DesignError> {
        match self {
            Self::Expression(definition) => {
                let mut expression = Written::new(definition, w.len())?;
                let node = expression.value;
                Ok(expression.evaluate(node, w))
            }
            Self::Table { nodes, .. } => Ok(w.iter().map(|&w| interpolated(nodes, w)).collect()),
        }
    }

    /// Its second derivatives at places w.
    fn curvatures(&self, w: &[f64]) -> Result<Vec<f64>, DesignError> {
        match self {
            Self::Expression(definition) => {
                let mut expression = Written::new(definition, w.len())?;
                let slope = expression.derivative(expression.value);
                let curvature = expression.derivative(slope);
                Ok(expression.evaluate(curvature, w))
            }
            Self::Table { .. } => Err(DesignError::Setting {
                what: "a table under --regime flow",
                found: "values without second derivatives".into(),
                expected: "an expression (--penalty): the flow sees φ''".into(),
            }),
        }
    }

    /// R of the horizontal law whose design shows this penalty in a regime: R itself; ½ log P, since P ∝ M; −½ log φ'', since φ'' = 1/M.
    ///
    /// # Errors
    /// [`DesignError::Spec`]; [`DesignError::Shape`] for a negative P or a φ that is not convex.
    pub fn as_horizontal(&self, regime: Regime, w: &[f64]) -> Result<Vec<f64>, DesignError> {
        let (values, expected) = match regime {
            Regime::Noise => return self.values(w),
            Regime::Minibatch => (self.values(w)?, "a multiple of M(w) = JJᵀ, so at least 0"),
            Regime::Flow => (self.curvatures(w)?, "strictly convex: φ'' = 1/M(w), so above 0"),
        };
        let sign = if regime == Regime::Flow { -0.5 } else { 0.5 };
        let wrong = |x: f64| x < 0.0 || regime == Regime::Flow && x == 0.0;
        if let Some((&found, &at)) = values.iter().zip(w).find(|(x, _)| wrong(**x)) {
            return Err(DesignError::Shape { regime: regime.word(), expected, found, at });
        }
        Ok(values.iter().map(|x| sign * x.ln()).collect())
    }
}

/// An expression of a vector w as a graph.
struct Written {
    graph: Graph,
    w: NodeId,
    value: NodeId,
}

impl Written {
    fn new(definition: &Definition, count: usize) -> Result<Self, SpecError> {
        let mut scope = Scope::new(PathBuf::new());
        let w = scope.graph.input(0, Shape::from([count]), Kind::Real);
        scope.names.insert("w".to_owned(), w);
        let node = scope.evaluate(definition, Section::Model)?;
        let shape = scope.graph.shape(node).clone();
        if !(shape.is_scalar() || shape.0 == [count]) {
            let message =
                format!("the penalty has shape {shape} for a vector w of {count}; it is a function of each entry");
            return Err(SpecError::at(&definition.location, message).help(FOR_ONE));
        }
        let zeros = scope.graph.full(&Shape::from([count]), 0.0);
        let value = scope.graph.add(node, zeros);
        Ok(Self { graph: scope.graph, w, value })
    }

    /// The derivative of an element-wise node: the cotangent of ones.
    fn derivative(&mut self, node: NodeId) -> NodeId {
        let shape = self.graph.shape(self.w).clone();
        let ones = self.graph.full(&shape, 1.0);
        let found = cotangents(&mut self.graph, &[(node, ones)], &[self.w])[0];
        found.unwrap_or_else(|| self.graph.full(&shape, 0.0))
    }

    fn evaluate(&mut self, node: NodeId, w: &[f64]) -> Vec<f64> {
        let inputs = [(0, Tensor::new([w.len()], w.to_vec()))].into_iter().collect();
        Interpreter::new(&self.graph).evaluate(&[node], &inputs, &mut []).remove(0).values
    }
}

/// Slopes at the nodes: harmonic means of the neighbouring secants, 0 at extrema (Fritsch and Butland 1984).
fn monotone_slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let secant = |i: usize| (points[i + 1].1 - points[i].1) / (points[i + 1].0 - points[i].0);
    let width = |i: usize| points[i + 1].0 - points[i].0;
    let last = points.len() - 1;
    let slope = |i: usize| {
        if i == 0 || i == last {
            return secant(i.min(last - 1));
        }
        let (before, after) = (secant(i - 1), secant(i));
        if before * after <= 0.0 {
            return 0.0;
        }
        let share = (width(i - 1) + 2.0 * width(i)) / (3.0 * (width(i - 1) + width(i)));
        before * after / (share * after + (1.0 - share) * before)
    };
    (0..=last).map(slope).collect()
}

/// The cubic piece that holds w; constant beyond the table.
fn interpolated(nodes: &[(f64, f64, f64)], w: f64) -> f64 {
    let (first, last) = (nodes[0], nodes[nodes.len() - 1]);
    if w <= first.0 || w >= last.0 {
        return if w <= first.0 { first.1 } else { last.1 };
    }
    let right = nodes.partition_point(|node| node.0 <= w);
    let ((x0, y0, d0), (x1, y1, d1)) = (nodes[right - 1], nodes[right]);
    let (h, t) = (x1 - x0, (w - x0) / (x1 - x0));
    let (t2, t3) = (t * t, t * t * t);
    y0 * (2.0 * t3 - 3.0 * t2 + 1.0) + h * d0 * (t3 - 2.0 * t2 + t) + y1 * (3.0 * t2 - 2.0 * t3) + h * d1 * (t3 - t2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_values_and_curvatures() {
        let penalty = Penalty::expression("0.3 * log(abs(w)) + w**4").unwrap();
        let found = penalty.values(&[0.0, 2.0]).unwrap();
        assert_eq!(found[0], f64::NEG_INFINITY);
        assert!((found[1] - (0.3 * 2.0_f64.ln() + 16.0)).abs() < 1e-14);
        assert!((penalty.curvatures(&[2.0]).unwrap()[0] - (-0.3 / 4.0 + 48.0)).abs() < 1e-12);
        assert_eq!(Penalty::expression("1.5").unwrap().values(&[1.0, 2.0]).unwrap(), [1.5, 1.5]);
        assert!(Penalty::expression("sum(w) * ones(3)").unwrap_err().to_string().contains("each entry"));
        assert!(Penalty::expression("abs(v)").is_err());
    }

    #[test]
    fn a_penalty_of_another_regime_becomes_one_of_the_horizontal_law() {
        let w = [0.25, 4.0];
        let l1 = Penalty::expression("abs(w)").unwrap().as_horizontal(Regime::Minibatch, &w).unwrap();
        assert!(l1.iter().zip(&w).all(|(r, w)| (r - 0.5 * w.ln()).abs() < 1e-14));
        let quadratic = Penalty::expression("2 * w**2").unwrap().as_horizontal(Regime::Flow, &w).unwrap();
        assert!(quadratic.iter().all(|r| (r + 0.5 * 4.0_f64.ln()).abs() < 1e-14));
        let error = Penalty::expression("-abs(w)").unwrap().as_horizontal(Regime::Minibatch, &w).unwrap_err();
        assert!(error.to_string().contains("at least 0"), "{error}");
        let error = Penalty::expression("abs(w)").unwrap().as_horizontal(Regime::Flow, &w).unwrap_err();
        assert!(error.to_string().contains("convex"), "{error}");
    }

    #[test]
    fn tables_are_joined_without_overshoot() {
        let table = Penalty::table("r.csv", "w,R\n-1,2\n0,0\n1,0\n3,5\n").unwrap();
        let found = table.values(&[-2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 9.0]).unwrap();
        assert_eq!(found, [2.0, 2.0, 0.0, 0.0, 0.0, 5.0, 5.0]);
        let between: Vec<f64> = (0..100).map(|i| -1.0 + 0.01 * f64::from(i)).collect();
        let falling = table.values(&between).unwrap();
        assert!(falling.windows(2).all(|pair| pair[1] <= pair[0]) && falling.iter().all(|x| *x >= 0.0));
        for (text, needle) in [
            ("1,2\n0,1\n2,2", "line 2: w = 0 does not ascend"),
            ("1,2", "at least three"),
            ("0,1\n1,x\n2,2", "line 2: found `1,x`"),
        ] {
            assert!(Penalty::table("r.csv", text).unwrap_err().to_string().contains(needle), "{text}");
        }
    }
}
