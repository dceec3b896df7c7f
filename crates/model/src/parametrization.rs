//! What the search for symmetries and the geometry of orbits need to know of a model.
//!
//! Two methods are required, the predictor and its Jacobian; everything else has a default. A compiled spec
//! implements the trait with lane programs, a test with three lines of arithmetic, and Python with a callable.
//! Rejected: handing the graph itself to `symmetry`. The search would then work only for models that are
//! written in our language, and its tests could not be independent of our derivatives.

/// A named parameter tensor and its place in the flat parameter vector θ (row-major, declared order).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterTensor {
    /// The name under `[param]`.
    pub name: String,
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Index in θ of its first element.
    pub offset: usize,
}

impl ParameterTensor {
    /// Lays tensors out one after the other, in the given order.
    pub fn layout<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Vec<Self> {
        let mut offset = 0;
        tensors
            .into_iter()
            .map(|(name, shape)| {
                let tensor = Self { name: name.to_owned(), shape: shape.to_vec(), offset };
                offset += tensor.len();
                tensor
            })
            .collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True when a dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One evaluation point of a parametrization: the parameters, and which draw of the inputs goes with them.
///
/// `draw` selects the random inputs (`[batch]`, and `[data]` where function symmetry is asked for) that the
/// predictor sees; a predictor that depends on θ alone ignores it. Equal draws give equal inputs.
#[derive(Clone, Debug)]
pub struct Point {
    /// θ, length p.
    pub theta: Vec<f64>,
    /// Which draw of the inputs.
    pub draw: u64,
}

/// A parametrization w = F(θ; x) from ℝᵖ to ℝᵈ.
pub trait Parametrization: Sync {
    /// The parameter tensors, laid out in θ.
    fn tensors(&self) -> &[ParameterTensor];

    /// F at each point, each of length d.
    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>>;

    /// J = ∂F/∂θ at each point, each d × p, row-major.
    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>>;

    /// Shape of the predictor; the product of its entries is d. The default asks for one value at θ = 1.
    fn predictor_shape(&self) -> Vec<usize> {
        let point = Point { theta: vec![1.0; self.parameter_count()], draw: 0 };
        vec![self.predictor(&[point])[0].len()]
    }

    /// Whether F depends on the draw, so that symmetry has to hold for all inputs.
    fn depends_on_draw(&self) -> bool {
        false
    }

    /// p, the number of parameters.
    fn parameter_count(&self) -> usize {
        self.tensors().iter().map(ParameterTensor::len).sum()
    }

    /// d, the number of predictor coordinates.
    fn predictor_dimension(&self) -> usize {
        self.predictor_shape().iter().product()
    }

    /// Jᵀy at each point, each of length p, for one covector y (length d) a point: a row of the search's
    /// linear system. The default goes through the whole Jacobian; reverse mode does it in one sweep.
    fn covector_gradients(&self, points: &[Point], covectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let p = self.parameter_count();
        let contract = |(jacobian, y): (Vec<f64>, &Vec<f64>)| {
            let mut gradient = vec![0.0; p];
            for (row, &weight) in jacobian.chunks_exact(p).zip(y) {
                gradient.iter_mut().zip(row).for_each(|(g, &j)| *g += weight * j);
            }
            gradient
        };
        self.jacobian(points).into_iter().zip(covectors).map(contract).collect()
    }

    /// vᵀ∇²F_i v at each point, each of length d, for one direction v (length p) a point. The default takes differences of the
    /// Jacobian, good to about nine digits; a compiled spec differentiates its graph twice.
    fn second_derivatives(&self, points: &[Point], directions: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let p = self.parameter_count();
        let second = |(point, v): (&Point, &Vec<f64>)| {
            let h = difference_step(&point.theta, v);
            let slope = |sign: f64| -> Vec<f64> {
                let theta = point.theta.iter().zip(v).map(|(t, v)| t + sign * h * v).collect();
                let jacobian = self.jacobian(&[Point { theta, draw: point.draw }]).swap_remove(0);
                jacobian.chunks_exact(p).map(|row| row.iter().zip(v).map(|(j, v)| j * v).sum()).collect()
            };
            slope(1.0).iter().zip(slope(-1.0)).map(|(up, down)| (up - down) / (2.0 * h)).collect()
        };
        points.iter().zip(directions).map(second).collect()
    }

    /// Σᵢ yᵢ∇²Fᵢ v at each point, each of length p, for one covector y (length d) and one direction v (length p) a point: how Jᵀy
    /// changes along v. The default takes differences of Jᵀy, good to about nine digits; a compiled spec differentiates its graph.
    fn covector_curvature(&self, points: &[Point], covectors: &[Vec<f64>], directions: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let curvature = |((point, y), v): ((&Point, &Vec<f64>), &Vec<f64>)| {
            let h = difference_step(&point.theta, v);
            let gradient = |sign: f64| {
                let theta = point.theta.iter().zip(v).map(|(t, v)| t + sign * h * v).collect();
                self.covector_gradients(&[Point { theta, draw: point.draw }], std::slice::from_ref(y)).swap_remove(0)
            };
            gradient(1.0).iter().zip(gradient(-1.0)).map(|(up, down)| (up - down) / (2.0 * h)).collect()
        };
        points.iter().zip(covectors).zip(directions).map(curvature).collect()
    }
}

/// The multiple of a direction by which central differences lose least.
fn difference_step(theta: &[f64], direction: &[f64]) -> f64 {
    let size = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    f64::EPSILON.cbrt() * (1.0 + size(theta)) / size(direction).max(f64::MIN_POSITIVE)
}
