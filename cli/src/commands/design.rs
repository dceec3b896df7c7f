//! `design`.

use std::path::Path;

use gaugebias::design::advice::{Advice, Regression, Training, advice};
use gaugebias::design::code::Framework;
use gaugebias::design::proof::prove;
use gaugebias::design::{
    Design as Designed, LinkKind, Penalty, Record, Regime, Settings, Target, check_options, design as designed,
    read_blocks, read_edges,
};

use gaugebias::dynamics::predict_memory;
use gaugebias::model::spec::SpecFile;
use gaugebias::report::designed::{SimulatedLaw, page};
use gaugebias::report::study::RunFolder;
use gaugebias::report::{replace_text, write};
use serde_json::Value;

use super::simulate::attempt;
use super::{envelope, print_json, use_threads};
use crate::arguments::{Design, EmitFlag, LinkFlag, RegimeFlag, TargetFlag};
use crate::outcome::Failure;
use crate::print;

/// Designs a parametrization, proves it, and prints or writes what was asked for.
pub fn design(flags: &Design) -> Result<(), Failure> {
    use_threads(flags.threads);
    let (target, settings) = (target(flags.target), settings(flags)?);
    check_options(target, &settings, &given(flags))?;
    let design = designed(target, &settings)?;
    match flags.emit {
        Some(emit) => {
            proven(prove(&design)?.holds)?;
            print::line(emitted(&design, emit).trim_end());
        }
        None => {
            let mut record = Record::new(&design)?;
            let advice = advised(&design, flags)?;
            record.advice = advice.sentences;
            (record.recommended, record.convergence) = (advice.recommended, advice.convergence);
            let laws = match &flags.out {
                Some(path) => written(&design, &record, path, flags)?,
                None => Vec::new(),
            };
            if flags.json {
                let mut object = serde_json::to_value(&record).map_err(|error| Failure::Ours(error.to_string()))?;
                let of = |k: usize| laws.iter().find(|law| law.block == k).map_or(Value::Null, SimulatedLaw::to_json);
                object["simulation"] = if record.blocks.len() == 1 { of(0) } else { Value::Null };
                (0..record.blocks.len()).for_each(|k| object["blocks"][k]["simulation"] = of(k));
                print_json(envelope(object));
            } else {
                print::line(record.to_text());
                for law in &laws {
                    law.sentences().iter().for_each(|text| print::line(format!("simulation{}: {text}", law.label)));
                }
                if let Some(path) = &flags.out {
                    print::line(format!("report: {}", path.join("report.html").display()));
                }
            }
            proven(record.proof.holds)?;
        }
    }
    Ok(())
}

/// A design that does not keep its promises is answered with no.
fn proven(holds: bool) -> Result<(), Failure> {
    let why = "the proof fails: derivatives of the printed text differ from the closed forms. Take a smaller depth or strength, or fewer orders of differences";
    if holds { Ok(()) } else { Err(Failure::No(why.into())) }
}

/// Names of the options that were given and that not every target takes.
fn given(flags: &Design) -> Vec<&'static str> {
    let all = [
        ("size", flags.size.is_some()),
        ("columns", flags.columns.is_some()),
        ("depth", flags.depth.is_some()),
        ("strength", flags.strength.is_some()),
        ("groups", !flags.groups.is_empty()),
        ("link", flags.link.is_some()),
        ("order", flags.order.is_some()),
        ("edges", flags.edges.is_some()),
        ("spanning-forest", flags.spanning_forest),
        ("negative", flags.negative),
        ("penalty", flags.penalty.is_some()),
        ("penalty-table", flags.penalty_table.is_some()),
        ("domain", !flags.domain.is_empty()),
        ("tolerance", flags.tolerance.is_some()),
    ];
    all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// Simulates the law of every block of a design, and writes spec, code and a report.
fn written(design: &Designed, record: &Record, path: &Path, flags: &Design) -> Result<Vec<SimulatedLaw>, Failure> {
    let mut laws = Vec::new();
    let several = record.blocks.len() > 1;
    for (k, (part, _)) in design.placed().enumerate() {
        let Some(law) = part.law_spec(flags.seeds, flags.steps)? else { continue };
        let name = if several { format!("law_{}.toml", k + 1) } else { "law.toml".to_owned() };
        let spec = SpecFile::parse(&name, law.text.clone(), path.to_owned(), &[])?.specs.remove(0);
        predict_memory(&spec, false)?;
        laws.push((k, name, law, spec));
    }
    let _folder = RunFolder::create(path, flags.force)?;
    replace_text(path, "design.toml", &record.spec)?;
    for (_, name, law, _) in &laws {
        replace_text(path, name, &law.text)?;
    }
    for framework in Framework::ALL {
        replace_text(path, &format!("design_{}.py", framework.word()), &design.code(framework))?;
    }
    let mut simulated = Vec::new();
    for (k, _, law, spec) in &laws {
        let (run, failure) = attempt(spec, flags.threads, None)?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let seen = SimulatedLaw::new(law, spec, &run).map_err(|error| Failure::No(error.to_string()))?;
        simulated.push(if several { seen.of_block(*k) } else { seen });
    }
    write(path, &page(record, &simulated))?;
    Ok(simulated)
}

fn emitted(design: &Designed, emit: EmitFlag) -> String {
    match emit {
        EmitFlag::Spec => design.spec_text(),
        EmitFlag::Torch => design.code(Framework::Torch),
        EmitFlag::Jax => design.code(Framework::Jax),
        EmitFlag::Flax => design.code(Framework::Flax),
    }
}

fn advised(design: &Designed, flags: &Design) -> Result<Advice, Failure> {
    let Some(lambda) = flags.lambda else { return Ok(Advice::default()) };
    if !lambda.is_finite() {
        return Err(Failure::Refused(format!("--lambda is {lambda}; expected a finite number above 0")));
    }
    let data = match &flags.data {
        Some(path) => Some(Regression::read(&path.display().to_string(), &read(path)?)?),
        None => None,
    };
    let training = |data| Training { data, batch: flags.batch, step_size: flags.step_size };
    Ok(advice(design, lambda, data.as_ref().map(training))?)
}

fn contents(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn read(path: &Path) -> Result<String, Failure> {
    contents(path).map_err(Failure::Refused)
}

fn settings(flags: &Design) -> Result<Settings, Failure> {
    let penalty = match (&flags.penalty, &flags.penalty_table) {
        (Some(text), _) => Some(Penalty::expression(text)?),
        (None, Some(path)) => Some(Penalty::table(&path.display().to_string(), &read(path)?)?),
        (None, None) => None,
    };
    let edges = match &flags.edges {
        Some(path) => Some(read_edges(&path.display().to_string(), &read(path)?)?),
        None => None,
    };
    let domain = match flags.domain.as_slice() {
        [] => None,
        &[low, high] => Some((low, high)),
        other => return Err(Failure::Refused(format!("--domain has {} numbers; expected two, LOW,HIGH", other.len()))),
    };
    let mut settings = Settings {
        regime: match flags.regime {
            RegimeFlag::Noise => Regime::Noise,
            RegimeFlag::Minibatch => Regime::Minibatch,
            RegimeFlag::Flow => Regime::Flow,
        },
        size: flags.size,
        columns: flags.columns,
        depth: flags.depth,
        strength: flags.strength,
        groups: flags.groups.clone(),
        link: flags.link.map(|link| match link {
            LinkFlag::Radial => LinkKind::Radial,
            LinkFlag::Product => LinkKind::Product,
            LinkFlag::Direct => LinkKind::Direct,
        }),
        order: flags.order.unwrap_or(1),
        edges,
        spanning_forest: flags.spanning_forest,
        negative: flags.negative,
        penalty,
        domain,
        tolerance: flags.tolerance.unwrap_or(1e-8),
        scale: flags.scale,
        blocks: Vec::new(),
    };
    if let Some(text) = &flags.blocks {
        if flags.target != TargetFlag::Blocks {
            return Err(Failure::Refused("--blocks is given beside another target; expected --target blocks".into()));
        }
        let file = |name: &str| contents(Path::new(name));
        settings.blocks = read_blocks(text, &settings, &file)?;
    }
    Ok(settings)
}

fn target(flag: TargetFlag) -> Target {
    match flag {
        TargetFlag::Sparsity => Target::Sparsity,
        TargetFlag::Sign => Target::Sign,
        TargetFlag::Group => Target::Group,
        TargetFlag::LowRank => Target::LowRank,
        TargetFlag::TotalVariation => Target::TotalVariation,
        TargetFlag::Trend => Target::Trend,
        TargetFlag::Dct => Target::Dct,
        TargetFlag::Fourier => Target::Fourier,
        TargetFlag::Haar => Target::Haar,
        TargetFlag::Graph => Target::Graph,
        TargetFlag::Custom => Target::Custom,
        TargetFlag::Blocks => Target::Blocks,
    }
}
