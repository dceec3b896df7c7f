//! `bench`.

use gaugebias::dynamics::{Measurement, Options, measure};
use gaugebias::model::spec::Spec;
use serde_json::{Value, json};

use super::{envelope, print_json, use_threads};
use crate::arguments::Bench;
use crate::outcome::Failure;
use crate::print;
use crate::specs;

/// Times the compiled step of each spec of a file, or of all published experiments.
pub fn bench(flags: &Bench) -> Result<(), Failure> {
    use_threads(flags.threads);
    if flags.flags.steps.is_some() {
        let message = "bench chooses how many steps it times: leave --steps out";
        return Err(Failure::Refused(message.into()));
    }
    let names = match &flags.spec {
        Some(spec) => vec![spec.clone()],
        None => specs::published().map(str::to_owned).collect(),
    };
    for name in names {
        for spec in specs::read(&name, &flags.flags)? {
            let found = measure(&spec, Options { threads: flags.threads.threads.map(usize::from) })?;
            if flags.json {
                print_json(envelope(object(&spec, &found)));
            } else {
                tell(&spec, &found);
            }
            if flags.explain {
                eprint!("{}", found.plan);
            }
        }
    }
    Ok(())
}

fn gigaflops(found: &Measurement) -> f64 {
    found.flops_per_step as f64 / found.us_per_seed_step[0] / 1e3
}

fn object(spec: &Spec, found: &Measurement) -> Value {
    let [fastest, median, slowest] = found.us_per_seed_step;
    json!({
        "title": spec.title,
        "seeds": found.seeds,
        "steps": found.steps,
        "dtype": spec.train.dtype.name(),
        "lanes": found.lanes,
        "threads": found.threads,
        "us_per_seed_step": fastest,
        "us_median": median,
        "us_slowest": slowest,
        "gflops": gigaflops(found),
        "flops_per_step": found.flops_per_step,
        "compile_seconds": found.compile_seconds,
        "memory_predicted_bytes": found.memory_predicted_bytes,
        "times_isotropic": found.times_isotropic,
    })
}

fn tell(spec: &Spec, found: &Measurement) {
    let [fastest, median, slowest] = found.us_per_seed_step;
    let projected = found.times_isotropic.map(|times| format!("; {times:.2} times the step with isotropic noise"));
    print::line(format_args!(
        "{}: {fastest:.4} µs per seed and step (median {median:.4}, slowest {slowest:.4}), {:.0} Gflop/s; {} seeds, {}, {} threads{}",
        spec.title,
        gigaflops(found),
        found.seeds,
        spec.train.dtype.name(),
        found.threads,
        projected.unwrap_or_default(),
    ));
}
