//! The expression language: text → tokens → tree.

mod parse;
mod token;
mod tree;

pub use parse::{MOST_HEIGHT, parse};
pub use tree::{Argument, BinaryOperator, Expression, ExpressionKind, IndexItem};

use std::ops::Range;

/// A text that is not an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What was found and what was expected.
    pub message: String,
    /// Where, in bytes from the expression's start.
    pub span: Range<usize>,
    /// What to do.
    pub help: Option<String>,
}

#[cfg(test)]
mod tests;
