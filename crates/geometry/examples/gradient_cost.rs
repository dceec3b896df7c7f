//! What the gradient of the bias costs beside the Gram matrix: `cargo run --release -p gaugebias-geometry --example
//! gradient_cost -- SPEC…`. Medians of 21 evaluations.

use gaugebias_geometry::{bias_gradient, bias_hessian_vector, gram};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, find};
use std::time::Instant;

fn median(mut evaluate: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            evaluate();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    1e6 * times[10]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let file = SpecFile::read(path.as_ref(), &[]).map_err(|e| e.message().to_owned())?;
        let model =
            SpecParametrization::predictor(&file.specs[0], DataBinding::Drawn).map_err(|e| e.message().to_owned())?;
        let symmetries = find(&model, &SearchOptions::default())?;
        let theta: Vec<f64> = (0..symmetries.parameters).map(|i| (1.0 + i as f64).sin()).collect();
        let one = median(|| drop(std::hint::black_box(gram(&symmetries, &theta))));
        let gradient = median(|| drop(std::hint::black_box(bias_gradient(&symmetries, &theta))));
        let second = median(|| drop(std::hint::black_box(bias_hessian_vector(&symmetries, &theta, &theta))));
        println!(
            "{path}: p = {}, k = {}: Gram {one:.1} µs, gradient {gradient:.1} µs ({:.1}×), Hessian-vector {second:.1} µs",
            symmetries.parameters,
            symmetries.dimension(),
            gradient / one
        );
    }
    Ok(())
}
