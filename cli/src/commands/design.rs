//! `design`.

use std::path::Path;

use gaugebias::design::code::Framework;
use gaugebias::design::{
    Design as Designed, LinkKind, Penalty, Record, Regime, Settings, Target, design as designed, read_edges,
};

use super::{envelope, print_json, use_threads};
use crate::arguments::{Design, EmitFlag, LinkFlag, RegimeFlag, TargetFlag};
use crate::outcome::Failure;
use crate::print;

/// Designs a parametrization, proves it, and prints or writes what was asked for.
pub fn design(flags: &Design) -> Result<(), Failure> {
    use_threads(flags.threads);
    let design = designed(target(flags.target), &settings(flags)?)?;
    match flags.emit {
        Some(emit) => print::line(emitted(&design, emit).trim_end()),
        None => {
            let record = Record::new(&design)?;
            if flags.json {
                let object = serde_json::to_value(&record).map_err(|error| Failure::Ours(error.to_string()))?;
                print_json(envelope(object));
            } else {
                print::line(record.to_text());
            }
        }
    }
    Ok(())
}

fn emitted(design: &Designed, emit: EmitFlag) -> String {
    match emit {
        EmitFlag::Spec => design.spec_text(),
        EmitFlag::Torch => design.code(Framework::Torch),
        EmitFlag::Jax => design.code(Framework::Jax),
        EmitFlag::Flax => design.code(Framework::Flax),
    }
}

fn settings(flags: &Design) -> Result<Settings, Failure> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::Refused(format!("{} cannot be read: {error}", path.display())))
    };
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
    Ok(Settings {
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
        order: flags.order,
        edges,
        spanning_forest: flags.spanning_forest,
        negative: flags.negative,
        penalty,
        domain,
        tolerance: flags.tolerance,
        scale: flags.scale,
    })
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
    }
}
