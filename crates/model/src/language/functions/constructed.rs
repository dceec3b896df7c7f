//! Tensors that are known before anything runs.

use super::super::call::{Call, CallError, constant_list};
use super::{Allowed, Declaration, Table};
use crate::graph::{Kind, NodeId};
use crate::shape::{MOST_ELEMENTS, Shape};
use crate::tensor::Tensor;

pub(super) const TABLE: Table = Table {
    title: "Tensors that are known before anything runs",
    allowed: Allowed::Everywhere,
    declarations: &[
        Declaration {
            signature: "zeros(sizes...)",
            summary: "zeros in a shape",
            shapes: "the given one",
            derivative: "none",
            accuracy: "exact",
            build: |call| filled(call, 0, 0.0),
        },
        Declaration {
            signature: "ones(sizes...)",
            summary: "ones in a shape",
            shapes: "the given one",
            derivative: "none",
            accuracy: "exact",
            build: |call| filled(call, 0, 1.0),
        },
        Declaration {
            signature: "full(shape, fill_value)",
            summary: "a number repeated in a shape",
            shapes: "the given one",
            derivative: "none",
            accuracy: "exact",
            build: |call| {
                let shape = call.shape_at(0..1)?;
                let value = call.node(1)?;
                if call.graph.shape(value).rank() > 0 {
                    return Err(CallError::about(1, "one number was expected"));
                }
                Ok(call.graph.broadcast(value, &shape)?)
            },
        },
        Declaration {
            signature: "eye(n, m=None, k=0)",
            summary: "the n × m matrix with ones on its k-th diagonal; without m, square",
            shapes: "(n, m)",
            derivative: "none",
            accuracy: "exact",
            build: eye,
        },
        Declaration {
            signature: "arange(start, stop=None, step=1)",
            summary: "start, start + step, … below stop; arange(n) counts from 0 to n − 1",
            shapes: "one axis",
            derivative: "none",
            accuracy: "one rounding",
            build: arange,
        },
        Declaration {
            signature: "linspace(start, stop, num=50)",
            summary: "num numbers from start to stop, both included, equally spaced",
            shapes: "(num,)",
            derivative: "none",
            accuracy: "one rounding; both ends exact",
            build: linspace,
        },
    ],
};

fn filled(call: &mut Call<'_>, parameter: usize, value: f64) -> Result<NodeId, CallError> {
    let shape = call.shape_at(parameter..call.values.len())?;
    Ok(call.graph.full(&shape, value))
}

fn count(call: &Call<'_>, parameter: usize, default: i64) -> Result<usize, CallError> {
    let n = call.integer(parameter)?.unwrap_or(default);
    let count = usize::try_from(n).ok().filter(|&n| n <= MOST_ELEMENTS).ok_or_else(|| {
        CallError::about(parameter, format!("a number of elements from 0 to 2^26 was expected, found {n}"))
    })?;
    call.check_room(parameter, &Shape::from([count]))?;
    Ok(count)
}

fn eye(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let n = count(call, 0, 0)?;
    let m = if call.is_given(1) { count(call, 1, 0)? } else { n };
    let k = call.integer(2)?.unwrap_or(0);
    let shape = Shape::from([n, m]);
    call.check_room(0, &shape)?;
    let mut values = vec![0.0; n * m];
    for row in 0..n {
        let column = (row as i64).checked_add(k).and_then(|column| usize::try_from(column).ok());
        if let Some(column) = column.filter(|&column| column < m) {
            values[row * m + column] = 1.0;
        }
    }
    Ok(call.graph.constant(Tensor { shape, values }, Kind::Real))
}

fn arange(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let whole = (0..3).all(|parameter| call.is_whole(parameter));
    let first = call.number(0)?.unwrap_or(0.0);
    let (start, stop) = call.number(1)?.map_or((0.0, first), |stop| (first, stop));
    let step = call.number(2)?.unwrap_or(1.0);
    let count = ((stop - start) / step).ceil().max(0.0);
    if step == 0.0 || count.is_nan() || count > MOST_ELEMENTS as f64 {
        let message = format!("from {start} to {stop} by {step} is no range of at most 2^26 numbers");
        return Err(CallError::new(message));
    }
    call.check_room(0, &Shape::from([count as usize]))?;
    let values = (0..count as usize).map(|at| start + at as f64 * step).collect();
    Ok(constant_list(call.graph, values, if whole { Kind::Integer } else { Kind::Real }))
}

fn linspace(call: &mut Call<'_>) -> Result<NodeId, CallError> {
    let (start, stop) = (call.number(0)?.unwrap_or(0.0), call.number(1)?.unwrap_or(0.0));
    let n = count(call, 2, 50)?;
    let last = n.saturating_sub(1).max(1) as f64;
    let value = |at: usize| if at + 1 == n && n > 1 { stop } else { start + (stop - start) * at as f64 / last };
    Ok(constant_list(call.graph, (0..n).map(value).collect(), Kind::Real))
}
