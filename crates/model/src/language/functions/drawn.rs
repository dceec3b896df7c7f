//! Random draws.

use super::super::call::{Call, CallError};
use super::{Allowed, Declaration, Table};
use crate::graph::NodeId;
use crate::operations::{Distribution, Draw};
use crate::shape::Shape;

/// Single precision holds every whole number up to here.
const MOST: i64 = 1 << 24;

pub(super) const TABLE: Table = Table {
    title: "Random draws",
    allowed: Allowed::Draws,
    declarations: &[
        Declaration {
            signature: "normal(sizes...)",
            summary: "independent standard normal numbers",
            shapes: "the given sizes",
            derivative: "none",
            accuracy: "within 4e-15 (f64) or 2e-6 (f32) of Box and Muller; up to 6.66 deviations",
            build: |call| {
                let shape = call.shape_at(0..call.values.len())?;
                draw(call, Distribution::Normal, shape)
            },
        },
        Declaration {
            signature: "uniform(sizes...)",
            summary: "independent numbers uniform on (0, 1)",
            shapes: "the given sizes",
            derivative: "none",
            accuracy: "2³² values",
            build: |call| {
                let shape = call.shape_at(0..call.values.len())?;
                draw(call, Distribution::Uniform, shape)
            },
        },
        Declaration {
            signature: "bernoulli(p, sizes...)",
            summary: "independent: 1 with probability p, else 0",
            shapes: "the given sizes",
            derivative: "none",
            accuracy: "p to 2⁻³²",
            build: |call| {
                let p = call.number(0)?.unwrap_or(0.5);
                if !(0.0..=1.0).contains(&p) {
                    return Err(CallError::about(0, format!("a probability is between 0 and 1, found {p}")));
                }
                let shape = call.shape_at(1..call.values.len())?;
                draw(call, Distribution::Bernoulli(p.to_bits()), shape)
            },
        },
        Declaration {
            signature: "randint(low, high, sizes...)",
            summary: "independent whole numbers from low to high − 1, with replacement",
            shapes: "the given sizes",
            derivative: "none",
            accuracy: "each as probable to 2⁻³²",
            build: |call| {
                let (low, high) = (call.integer(0)?.unwrap_or(0), call.integer(1)?.unwrap_or(0));
                if high <= low {
                    return Err(CallError::about(1, format!("high has to exceed low = {low}, found {high}")));
                }
                if low < -MOST || high > MOST {
                    let message =
                        format!("single precision holds whole numbers from −2^24 to 2^24, found {low} to {high}");
                    return Err(CallError::about(if low < -MOST { 0 } else { 1 }, message));
                }
                let shape = call.shape_at(2..call.values.len())?;
                draw(call, Distribution::Integer { low, high }, shape)
            },
        },
        Declaration {
            signature: "choice(n, k)",
            summary: "k distinct whole numbers from 0 to n − 1, in random order",
            shapes: "(k,)",
            derivative: "none",
            accuracy: "each as probable to 2⁻³²",
            build: |call| {
                let (n, k) = (call.integer(0)?.unwrap_or(0), call.integer(1)?.unwrap_or(0));
                choose(call, n, k)
            },
        },
        Declaration {
            signature: "permutation(n)",
            summary: "the whole numbers from 0 to n − 1 in random order",
            shapes: "(n,)",
            derivative: "none",
            accuracy: "each as probable to 2⁻³²",
            build: |call| {
                let n = call.integer(0)?.unwrap_or(0);
                choose(call, n, n)
            },
        },
    ],
};

fn draw(call: &mut Call<'_>, distribution: Distribution, shape: Shape) -> Result<NodeId, CallError> {
    let purpose = call.purpose()?;
    Ok(call.graph.draw(Draw::new(distribution, shape, purpose)))
}

fn choose(call: &mut Call<'_>, n: i64, k: i64) -> Result<NodeId, CallError> {
    if !(0..=MOST).contains(&n) {
        return Err(CallError::about(0, format!("n is a whole number from 0 to 2^24, found {n}")));
    }
    if !(0..=n).contains(&k) {
        return Err(CallError::about(1, format!("{k} distinct numbers cannot be chosen from {n}")));
    }
    draw(call, Distribution::Choice { from: n as usize }, Shape::from([k as usize]))
}
