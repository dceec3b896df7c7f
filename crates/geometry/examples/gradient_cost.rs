//! What the gradient of the bias costs beside the Gram matrix: `cargo run --release -p gaugebias-geometry --example
//! gradient_cost [SPEC…]`, without specs for every spec and variant of `experiments/zoo`. Medians over random points; the
//! pattern of the fields is made once, for both.

use gaugebias_geometry::OrbitFields;
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, SpecParametrization};
use gaugebias_symmetry::{SearchOptions, find};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Random points, each evaluated this many times in a row.
const POINTS: usize = 101;
const REPEATS: usize = 40;

/// Median over the points of the mean over repeats, µs.
fn median(points: &[Vec<f64>], mut evaluate: impl FnMut(&[f64])) -> f64 {
    let time = |theta: &Vec<f64>| {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| evaluate(theta));
        start.elapsed().as_secs_f64() / REPEATS as f64
    };
    let mut times: Vec<f64> = points.iter().map(time).collect();
    times.sort_by(f64::total_cmp);
    1e6 * times[points.len() / 2]
}

fn zoo() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/zoo");
    let files = std::fs::read_dir(folder).map(|files| files.filter_map(|f| f.ok().map(|f| f.path())).collect());
    let mut files: Vec<PathBuf> = files.unwrap_or_default();
    files.sort();
    files
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    println!("| model | p | k | blocks of Γ | Γ, µs | ∇B, µs | ratio | multiplications of Γ; of ΞᵀΞ; of ∇B |");
    println!("|---|---|---|---|---|---|---|---|");
    for path in if given.is_empty() { zoo() } else { given } {
        for spec in SpecFile::read(&path, &[]).map_err(|e| e.message().to_owned())?.specs {
            let model =
                SpecParametrization::predictor(&spec, DataBinding::Drawn).map_err(|e| e.message().to_owned())?;
            let symmetries = find(&model, &SearchOptions::default())?;
            if symmetries.generators.is_empty() {
                continue;
            }
            let fields = OrbitFields::of(&symmetries);
            let mut stream = Xoshiro256PlusPlus::seed_from_u64(1);
            let mut point = || (0..symmetries.parameters).map(|_| StandardNormal.sample(&mut stream)).collect();
            let points: Vec<Vec<f64>> = (0..POINTS).map(|_| point()).collect();
            let gram = median(&points, |theta| drop(std::hint::black_box(fields.gram(theta))));
            let gradient = median(&points, |theta| drop(std::hint::black_box(fields.bias_gradient(theta))));
            let (sizes, work) = (fields.block_sizes(), fields.work());
            let largest = sizes.iter().max().copied().unwrap_or(0);
            println!(
                "| {} | {} | {} | {}, largest {largest} | {gram:.2} | {gradient:.2} | {:.1} | {}; {}; {} |",
                spec.title,
                symmetries.parameters,
                symmetries.dimension(),
                sizes.len(),
                gradient / gram,
                work.gram,
                work.dense_gram,
                work.gradient
            );
        }
    }
    Ok(())
}
