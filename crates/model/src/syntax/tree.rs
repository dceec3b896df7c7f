//! The syntax tree of an expression. Spans count bytes from the expression's start.

use std::ops::Range;

/// An expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Bytes of the expression text.
    pub span: Range<usize>,
    /// Height of the tree below it, bounded by the parser so that recursion is safe.
    pub height: usize,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// `3`, `1e-4`, `50_000`; written without point or exponent it is an integer.
    Number {
        /// Its value.
        value: f64,
        /// Whether it was written as an integer.
        integer: bool,
    },
    /// `'truth.csv'`
    Text(String),
    /// A name defined in the spec.
    Name(String),
    /// `[1, 2, 3]`, nested for more axes.
    Array(Vec<Expression>),
    /// `-x`
    Negate(Box<Expression>),
    /// `a + b` and the like.
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// `f(a, key=b)`
    Call {
        /// The function's name.
        function: String,
        /// Where the name stands.
        function_span: Range<usize>,
        /// In order; named ones after the others.
        arguments: Vec<Argument>,
    },
    /// `a[i, 2:5, None]`
    Index(Box<Expression>, Vec<IndexItem>),
    /// `a.T`
    Transposed(Box<Expression>),
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// For `key=value`.
    pub name: Option<String>,
    /// The value.
    pub value: Expression,
}

/// One item between the brackets of an index.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexItem {
    /// An integer or an integer array.
    At(Expression),
    /// `start:stop:step`
    Slice {
        /// First index.
        start: Option<Expression>,
        /// One past the last index.
        stop: Option<Expression>,
        /// Stride.
        step: Option<Expression>,
    },
    /// `None`: a new axis of size one.
    NewAxis,
}

/// Operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the operators' names")]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Matmul,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

impl BinaryOperator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Power => "**",
            Self::Matmul => "@",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// How tightly it binds; larger is tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual | Self::Equal | Self::NotEqual => 1,
            Self::Add | Self::Subtract => 2,
            Self::Multiply | Self::Divide | Self::Matmul => 3,
            Self::Power => 5,
        }
    }
}
