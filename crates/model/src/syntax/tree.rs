//! The syntax tree of an expression. Spans count bytes from the expression's start.

use std::cell::RefCell;
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
    /// `a + b - c`: operands with operators of one precedence, from the left. Kept flat, so that a long sum is no
    /// deeper than a short one.
    Chain(Box<Expression>, Vec<(BinaryOperator, Expression)>),
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
    /// `...`: as many whole axes as are left.
    Ellipsis,
}

impl Expression {
    /// Whether it is the word `None`.
    pub fn is_none(&self) -> bool {
        matches!(&self.kind, ExpressionKind::Name(name) if name == "None")
    }

    /// Whether a name stands anywhere in it.
    pub fn mentions(&self, wanted: &str) -> bool {
        self.any(&|part| matches!(&part.kind, ExpressionKind::Name(name) if name == wanted))
    }

    /// Whether one of these functions is called anywhere in it.
    pub fn calls(&self, wanted: &[&str]) -> bool {
        self.any(
            &|part| matches!(&part.kind, ExpressionKind::Call { function, .. } if wanted.contains(&function.as_str())),
        )
    }

    /// The names in it with their places in the text, from the left.
    pub fn names(&self) -> Vec<(Range<usize>, String)> {
        let found = RefCell::new(Vec::new());
        self.any(&|part| {
            if let ExpressionKind::Name(name) = &part.kind {
                found.borrow_mut().push((part.span.clone(), name.clone()));
            }
            false
        });
        let mut names = found.into_inner();
        names.sort_by_key(|(span, _)| span.start);
        names
    }

    /// Whether a test holds for it or anything in it.
    fn any(&self, test: &dyn Fn(&Expression) -> bool) -> bool {
        let bound = |bound: &Option<Expression>| bound.as_ref().is_some_and(|bound| bound.any(test));
        test(self)
            || match &self.kind {
                ExpressionKind::Number { .. } | ExpressionKind::Text(_) | ExpressionKind::Name(_) => false,
                ExpressionKind::Array(items) => items.iter().any(|item| item.any(test)),
                ExpressionKind::Negate(operand) | ExpressionKind::Transposed(operand) => operand.any(test),
                ExpressionKind::Chain(first, rest) => first.any(test) || rest.iter().any(|(_, part)| part.any(test)),
                ExpressionKind::Call { arguments, .. } => arguments.iter().any(|argument| argument.value.any(test)),
                ExpressionKind::Index(base, items) => {
                    base.any(test)
                        || items.iter().any(|item| match item {
                            IndexItem::At(at) => at.any(test),
                            IndexItem::Slice { start, stop, step } => bound(start) || bound(stop) || bound(step),
                            IndexItem::NewAxis | IndexItem::Ellipsis => false,
                        })
                }
            }
    }
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

    /// All of them, from the loosest to the tightest.
    pub const ALL: [BinaryOperator; 12] = [
        Self::Less,
        Self::LessEqual,
        Self::Greater,
        Self::GreaterEqual,
        Self::Equal,
        Self::NotEqual,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Matmul,
        Self::Power,
    ];

    /// What it gives, in words for the reference.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Less => "whether a is below b; comparisons do not chain",
            Self::LessEqual => "whether a is at most b",
            Self::Greater => "whether a is above b",
            Self::GreaterEqual => "whether a is at least b",
            Self::Equal => "whether both are equal",
            Self::NotEqual => "whether they differ",
            Self::Add => "the sum, element by element",
            Self::Subtract => "the difference, element by element",
            Self::Multiply => "the product, element by element",
            Self::Divide => "the quotient, element by element; always a real number",
            Self::Matmul => "the matrix product; of stacks of matrices one by one, and with vectors",
            Self::Power => {
                "the power, element by element; exponents 2, 3, 4, ½ and −1 are products, roots and quotients, others within 2 units in the last place of the power with b in the run's precision (rounding b moves it by the logarithm of a), but 0 or infinite within 10⁻⁵ of the ends of the normal numbers"
            }
        }
    }

    /// The shape of the result, in words.
    pub fn shapes(self) -> &'static str {
        match self {
            Self::Matmul => "(…, n, m) of (…, n, k) and (…, k, m); leading axes broadcast",
            _ => "broadcast",
        }
    }

    /// Whether it has a derivative, in words.
    pub fn derivative(self) -> &'static str {
        match self {
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual | Self::Equal | Self::NotEqual => "0",
            Self::Power => "yes; in b where a is above 0",
            _ => "yes",
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
