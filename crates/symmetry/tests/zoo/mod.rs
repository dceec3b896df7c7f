//! Parametrizations written by hand, for tests of the search and of the geometry.
#![allow(dead_code, missing_docs)]

pub mod dual;
pub mod models;

use dual::Dual;
use gaugebias_model::{ParameterTensor, Parametrization, Point};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

type Function = Box<dyn Fn(&[Dual], u64) -> Vec<Dual> + Sync + Send>;

/// A model from a plain function of θ (in dual numbers) and the draw.
pub struct Model {
    pub name: String,
    tensors: Vec<ParameterTensor>,
    function: Function,
    draws: bool,
}

impl Model {
    pub fn new(
        name: &str,
        tensors: &[(&str, &[usize])],
        function: impl Fn(&[Dual]) -> Vec<Dual> + Sync + Send + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            tensors: ParameterTensor::layout(tensors.iter().copied()),
            function: Box::new(move |theta, _| function(theta)),
            draws: false,
        }
    }

    pub fn drawn(
        name: &str,
        tensors: &[(&str, &[usize])],
        function: impl Fn(&[Dual], u64) -> Vec<Dual> + Sync + Send + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            tensors: ParameterTensor::layout(tensors.iter().copied()),
            function: Box::new(function),
            draws: true,
        }
    }
}

impl Parametrization for Model {
    fn tensors(&self) -> &[ParameterTensor] {
        &self.tensors
    }

    fn predictor(&self, points: &[Point]) -> Vec<Vec<f64>> {
        let evaluate = |point: &Point| {
            let theta: Vec<Dual> = point.theta.iter().map(|&x| Dual::constant(x)).collect();
            (self.function)(&theta, point.draw).into_iter().map(|d| d.value).collect()
        };
        points.iter().map(evaluate).collect()
    }

    fn jacobian(&self, points: &[Point]) -> Vec<Vec<f64>> {
        let evaluate = |point: &Point| {
            let p = point.theta.len();
            let theta: Vec<Dual> = point.theta.iter().enumerate().map(|(i, &x)| Dual::variable(x, i, p)).collect();
            let rows = (self.function)(&theta, point.draw);
            rows.into_iter().flat_map(|d| if d.gradient.is_empty() { vec![0.0; p] } else { d.gradient }).collect()
        };
        points.iter().map(evaluate).collect()
    }

    fn depends_on_draw(&self) -> bool {
        self.draws
    }
}

/// `count` standard normal constants that belong to a draw.
pub fn inputs(draw: u64, count: usize) -> Vec<Dual> {
    normals(draw, count).into_iter().map(Dual::constant).collect()
}

pub fn normals(seed: u64, count: usize) -> Vec<f64> {
    let mut stream = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut stream)).collect()
}
