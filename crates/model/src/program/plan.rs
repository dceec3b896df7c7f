//! A compiled program in words and numbers: the golden work counters, and what `bench --explain` prints.

use std::fmt;

use super::work::{Access, Instruction, Work};
use super::{Program, Store};
use crate::lanes::{Action, Chunk, Epilogue, Fused, LANES, Pack, Real, Rows};

/// One instruction of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What it does, with its sizes.
    pub text: String,
    /// Floating-point operations of one seed.
    pub flops: u64,
    /// Bytes of the buffers that it reads and writes, for one seed.
    pub bytes: u64,
    /// Time for one seed, where it was measured.
    pub picoseconds: Option<u64>,
}

/// What a graph was compiled to. Numbers of work are those of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Nodes of the graph.
    pub nodes: usize,
    /// Buffers, and the bytes of all of them for a block of lanes.
    pub buffers: usize,
    /// Bytes of a block.
    pub block_bytes: usize,
    /// Instructions that run once for each block.
    pub prologue: Vec<Planned>,
    /// Instructions of every step.
    pub step: Vec<Planned>,
    /// Instructions of logged steps only.
    pub log: Vec<Planned>,
}

impl Plan {
    /// Floating-point operations of one seed's step.
    pub fn flops(&self) -> u64 {
        self.step.iter().map(|planned| planned.flops).sum()
    }

    /// Bytes that one seed's step reads and writes.
    pub fn bytes(&self) -> u64 {
        self.step.iter().map(|planned| planned.bytes).sum()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [&self.prologue, &self.step, &self.log].map(Vec::len);
        let [prologue, step, log] = counts;
        writeln!(f, "{} nodes; {prologue} + {step} + {log} instructions (once, each step, each log)", self.nodes)?;
        writeln!(f, "{} buffers, {:.1} KiB a block of {LANES} seeds", self.buffers, self.block_bytes as f64 / 1024.0)?;
        writeln!(f, "{} flops and {} bytes a step, for one seed", self.flops(), self.bytes())?;
        for (name, part) in [("once", &self.prologue), ("each step", &self.step), ("each log", &self.log)] {
            if !part.is_empty() {
                writeln!(f, "{name}:")?;
            }
            for planned in part {
                let time =
                    planned.picoseconds.map(|time| format!("{:>9.2} ns ", time as f64 / 1e3)).unwrap_or_default();
                writeln!(f, "{time}  {:>9} flops {:>9} bytes  {}", planned.flops, planned.bytes, planned.text)?;
            }
        }
        Ok(())
    }
}

impl<T: Real> Program<T> {
    /// What the graph was compiled to.
    pub fn plan(&self) -> Plan {
        let part = |instructions: &[Instruction<T>]| instructions.iter().map(|one| self.planned(one)).collect();
        Plan {
            nodes: self.nodes,
            buffers: self.buffers.len(),
            block_bytes: self.workspace_bytes(),
            prologue: part(&self.prologue),
            step: part(&self.step),
            log: part(&self.log),
        }
    }

    fn planned(&self, instruction: &Instruction<T>) -> Planned {
        let mut touched = Vec::new();
        instruction.clone().visit_buffers(&mut |buffer, _: Access| touched.push(*buffer));
        touched.sort_unstable();
        touched.dedup();
        let chunks: usize = touched.iter().map(|&buffer| self.buffers[buffer]).sum();
        let bytes = (chunks * size_of::<Chunk<T>>() / LANES) as u64;
        Planned { text: text(instruction), flops: instruction.flops(), bytes, picoseconds: None }
    }
}

fn text<T: Real>(instruction: &Instruction<T>) -> String {
    match &instruction.work {
        Work::Operation(operated) => {
            let from: Vec<String> = operated
                .inputs
                .iter()
                .map(|place| match place.store {
                    Store::Constant(_) => format!("constant {}", place.view.shape),
                    Store::Buffer(_) => place.view.shape.to_string(),
                })
                .collect();
            format!("{}({}) -> {}", operated.op.operation().name(), from.join(", "), operated.shape)
        }
        Work::Normals(normals) => {
            let counts: Vec<String> = normals.counts.iter().map(ToString::to_string).collect();
            format!("draw {} normals", counts.join(" + "))
        }
        Work::Pack(Pack { packed, .. }) => format!("pack ({}, {}) seed by seed", packed.rows, packed.columns),
        Work::Rows(rows) => along_rows(rows),
        Work::Fused(fused) => format!("{} over {} elements", chain(fused), fused.count),
        Work::Product(product) => {
            let stack = if product.items.len() == 1 { String::new() } else { format!("{} x ", product.items.len()) };
            let kernel = match (product.kernel.rows, product.kernel.columns) {
                (0, columns) => format!("strips of {columns}"),
                (rows, columns) => format!("tiles of {rows} x {columns}"),
            };
            let transposed = if product.kernel.transposed { ", transposed" } else { "" };
            let after = match &product.epilogue {
                Epilogue::None => String::new(),
                Epilogue::Rectify => ", then relu".into(),
                Epilogue::Gate(_) => ", then keep positive".into(),
                Epilogue::Scale { addends, .. } => match addends.len() {
                    0 => ", then scale".into(),
                    1 => ", then scale and add".into(),
                    _ => ", then scale and add two".into(),
                },
                Epilogue::Group { group, .. } => format!(", then {}", chain(group)),
            };
            let (n, k, m) = (product.n, product.k, product.m);
            format!("{stack}({n}, {k}) @ ({k}, {m}) in {kernel}{transposed}{after}")
        }
    }
}

fn along_rows<T: Real>(rows: &Rows<T>) -> String {
    let (n, m) = (rows.matrix.rows, rows.matrix.columns);
    let forward = rows.forward.as_ref().map(|forward| match forward.addends.len() {
        0 => format!("({n}, {m}) @ ({m}, 1) along rows"),
        count => format!("({n}, {m}) @ ({m}, 1) along rows, then scale and add {count}"),
    });
    let backward = rows.backward.map(|_| format!("({m}, {n}) @ ({n}, 1) along columns"));
    forward.into_iter().chain(backward).collect::<Vec<_>>().join(", and back: ")
}

/// The micro-operations of a group by their names.
fn chain<T: Real>(fused: &Fused<T>) -> String {
    let name = |action: &Action<T>| match action {
        Action::Load => "load",
        Action::Unary(unary) => unary.name(),
        Action::Binary(function) | Action::Reversed(function) => function.name(),
        Action::AddScaled(_) => "add scaled",
        Action::KeepPositive => "keep positive",
        Action::Select { .. } => "where",
        Action::Keep { .. } => "keep",
        Action::Store { .. } => "store",
    };
    fused.micros.iter().map(|micro| name(&micro.action)).collect::<Vec<_>>().join(", ")
}
