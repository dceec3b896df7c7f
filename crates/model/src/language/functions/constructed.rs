//! Tensors that are known before anything runs.

use super::super::call::{Call, CallError, constant_list};
use super::Declaration;
use crate::graph::{Kind, NodeId};
use crate::shape::MOST_ELEMENTS;
use crate::tensor::Tensor;

pub(super) const TABLE: &[Declaration] = &[
    Declaration {
        signature: "zeros(sizes...)",
        summary: "zeros in a shape",
        parameters: &["sizes"],
        required: 1,
        variadic: true,
        build: |call| filled(call, 0, 0.0),
    },
    Declaration {
        signature: "ones(sizes...)",
        summary: "ones in a shape",
        parameters: &["sizes"],
        required: 1,
        variadic: true,
        build: |call| filled(call, 0, 1.0),
    },
    Declaration {
        signature: "full(value, sizes...)",
        summary: "a number repeated in a shape",
        parameters: &["value", "sizes"],
        required: 1,
        variadic: true,
        build: |call| {
            let value = call.number(0)?.unwrap_or(0.0);
            filled(call, 1, value)
        },
    },
    Declaration {
        signature: "eye(n)",
        summary: "the n × n identity matrix",
        parameters: &["n"],
        required: 1,
        variadic: false,
        build: |call| {
            let n = count(call, 0)?;
            if n.saturating_mul(n) > MOST_ELEMENTS {
                return Err(CallError::about(0, format!("a tensor of shape ({n}, {n}) has more than 2^26 elements")));
            }
            let values = (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect();
            Ok(call.graph.constant(Tensor::new([n, n], values), Kind::Real))
        },
    },
    Declaration {
        signature: "arange(n)",
        summary: "0, 1, …, n − 1 as whole numbers",
        parameters: &["n"],
        required: 1,
        variadic: false,
        build: |call| {
            let n = count(call, 0)?;
            Ok(constant_list(call.graph, (0..n).map(|at| at as f64).collect(), Kind::Integer))
        },
    },
    Declaration {
        signature: "linspace(start, stop, n)",
        summary: "n numbers from start to stop, both included, equally spaced",
        parameters: &["start", "stop", "n"],
        required: 3,
        variadic: false,
        build: |call| {
            let (start, stop) = (call.number(0)?.unwrap_or(0.0), call.number(1)?.unwrap_or(0.0));
            let n = count(call, 2)?;
            let last = n.saturating_sub(1).max(1) as f64;
            let value = |at: usize| if at + 1 == n && n > 1 { stop } else { start + (stop - start) * at as f64 / last };
            Ok(constant_list(call.graph, (0..n).map(value).collect(), Kind::Real))
        },
    },
    Declaration {
        signature: "load('file.csv')",
        summary: "a matrix of numbers from a file, relative to the spec; one header line is skipped",
        parameters: &["file", "tensor"],
        required: 1,
        variadic: false,
        build: |call| call.load(),
    },
];

fn filled(call: &mut Call<'_>, parameter: usize, value: f64) -> Result<NodeId, CallError> {
    let shape = call.shape_from(parameter)?;
    Ok(call.graph.full(&shape, value))
}

fn count(call: &Call<'_>, parameter: usize) -> Result<usize, CallError> {
    let n = call.integer(parameter)?.unwrap_or(0);
    usize::try_from(n).ok().filter(|&n| n <= MOST_ELEMENTS).ok_or_else(|| {
        CallError::about(parameter, format!("a number of elements from 0 to 2^26 was expected, found {n}"))
    })
}
