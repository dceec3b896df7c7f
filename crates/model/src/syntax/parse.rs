//! Precedence climbing over the tokens, with a bound on the height of the tree.
//!
//! Operators of one precedence that follow one another become one flat node, so that only brackets, signs and powers
//! count as levels: everything that walks the tree recurses as deep as the text is nested, never as far as it is long.

use std::ops::Range;

use super::SyntaxError;
use super::token::{Token, tokens};
use super::tree::{Argument, BinaryOperator, Expression, ExpressionKind, IndexItem};

/// The deepest tree that is accepted, so that no recursion over it can exhaust the stack.
pub const MOST_HEIGHT: usize = 200;

const UNARY_PRECEDENCE: u8 = 4;

/// Parses an expression.
pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.len(), depth: 0 };
    if parser.tokens.is_empty() {
        return Err(SyntaxError { message: "the expression is empty".into(), span: 0..text.len(), help: None });
    }
    let expression = parser.expression(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected("an operator or the end of the expression")),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    end: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn previous_end(&self) -> usize {
        self.tokens[self.next - 1].1.end
    }

    fn at_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let message = match self.peek() {
            None => format!("the expression ends where {expected} was expected"),
            Some(Token::Symbol(symbol)) => format!("found `{symbol}` where {expected} was expected"),
            Some(Token::Name(name)) => format!("found the name `{name}` where {expected} was expected"),
            Some(Token::Number { value, .. }) => format!("found the number {value} where {expected} was expected"),
            Some(Token::Text(_)) => format!("found a quoted text where {expected} was expected"),
        };
        SyntaxError { message, span: self.span(), help: None }
    }

    fn too_deep(span: Range<usize>) -> SyntaxError {
        SyntaxError {
            message: format!("the expression is nested more than {MOST_HEIGHT} levels deep"),
            span,
            help: Some("name intermediate results as entries of their own".into()),
        }
    }

    /// Builds a node above `children`, refusing trees that are too high.
    fn node(kind: ExpressionKind, span: Range<usize>, children: usize) -> Parsed<Expression> {
        if children >= MOST_HEIGHT {
            return Err(Self::too_deep(span));
        }
        Ok(Expression { kind, span, height: children + 1 })
    }

    fn expression(&mut self, least: u8) -> Parsed<Expression> {
        self.depth += 1;
        if self.depth > MOST_HEIGHT {
            return Err(Self::too_deep(self.span()));
        }
        let mut left = self.prefix()?;
        // The precedence of the chain that `left` is, if it was begun here.
        let mut open = None;
        while let Some(operator) = self.operator() {
            let precedence = operator.precedence();
            if precedence < least {
                break;
            }
            self.next += 1;
            // Powers group from the right, and take a sign in the exponent: 2**-3.
            let right = match operator {
                BinaryOperator::Power => self.expression(UNARY_PRECEDENCE)?,
                _ => self.expression(precedence + 1)?,
            };
            left = Self::chained(left, operator, right, open == Some(precedence))?;
            open = Some(precedence);
            if precedence == 1 && self.operator().is_some_and(|next| next.precedence() == 1) {
                return Err(self.unexpected("no second comparison (they do not chain)"));
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    /// `left operator right`; as one more operand where `left` is an open chain of the same precedence.
    fn chained(left: Expression, operator: BinaryOperator, right: Expression, open: bool) -> Parsed<Expression> {
        let span = left.span.start..right.span.end;
        let height = left.height.max(right.height);
        match left.kind {
            ExpressionKind::Chain(first, mut rest) if open => {
                let below = right.height.max(left.height - 1);
                rest.push((operator, right));
                Self::node(ExpressionKind::Chain(first, rest), span, below)
            }
            _ => Self::node(ExpressionKind::Chain(Box::new(left), vec![(operator, right)]), span, height),
        }
    }

    fn operator(&self) -> Option<BinaryOperator> {
        let Some(Token::Symbol(symbol)) = self.peek() else { return None };
        Some(match *symbol {
            "+" => BinaryOperator::Add,
            "-" => BinaryOperator::Subtract,
            "*" => BinaryOperator::Multiply,
            "/" => BinaryOperator::Divide,
            "@" => BinaryOperator::Matmul,
            "**" => BinaryOperator::Power,
            "<" => BinaryOperator::Less,
            "<=" => BinaryOperator::LessEqual,
            ">" => BinaryOperator::Greater,
            ">=" => BinaryOperator::GreaterEqual,
            "==" => BinaryOperator::Equal,
            "!=" => BinaryOperator::NotEqual,
            _ => return None,
        })
    }

    fn prefix(&mut self) -> Parsed<Expression> {
        let start = self.span().start;
        if self.take_symbol("-") {
            let operand = self.expression(UNARY_PRECEDENCE)?;
            let (span, height) = (start..operand.span.end, operand.height);
            return Self::node(ExpressionKind::Negate(Box::new(operand)), span, height);
        }
        if self.take_symbol("+") {
            return self.expression(UNARY_PRECEDENCE);
        }
        let primary = self.primary()?;
        self.postfix(primary)
    }

    fn primary(&mut self) -> Parsed<Expression> {
        let span = self.span();
        match self.peek().cloned() {
            Some(Token::Number { value, integer }) => {
                self.next += 1;
                Self::node(ExpressionKind::Number { value, integer }, span, 0)
            }
            Some(Token::Text(text)) => {
                self.next += 1;
                Self::node(ExpressionKind::Text(text), span, 0)
            }
            Some(Token::Name(name)) => {
                self.next += 1;
                if self.at_symbol("(") {
                    self.call(name, span)
                } else {
                    Self::node(ExpressionKind::Name(name), span, 0)
                }
            }
            Some(Token::Symbol("(")) => {
                self.next += 1;
                self.parentheses(span)
            }
            Some(Token::Symbol("[")) => {
                self.next += 1;
                let items = self.list("]", Self::whole)?;
                let height = items.iter().map(|item| item.height).max().unwrap_or(0);
                Self::node(ExpressionKind::Array(items), span.start..self.previous_end(), height)
            }
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    /// What stands after `(`: one expression, or a tuple, which is an array.
    fn parentheses(&mut self, span: Range<usize>) -> Parsed<Expression> {
        let mut items = Vec::new();
        if !self.at_symbol(")") {
            let mut inside = self.expression(0)?;
            if self.take_symbol(")") {
                inside.span = span.start..self.previous_end();
                return Ok(inside);
            }
            if !self.take_symbol(",") {
                return Err(self.unexpected("`)`"));
            }
            items.push(inside);
        }
        items.extend(self.list(")", Self::whole)?);
        let height = items.iter().map(|item| item.height).max().unwrap_or(0);
        Self::node(ExpressionKind::Array(items), span.start..self.previous_end(), height)
    }

    fn whole(&mut self) -> Parsed<Expression> {
        self.expression(0)
    }

    /// Items between commas up to `close`; a trailing comma is allowed.
    fn list<T>(&mut self, close: &str, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.take_symbol(close) {
            items.push(item(self)?);
            if !self.take_symbol(",") && !self.at_symbol(close) {
                return Err(self.unexpected(&format!("`,` or `{close}`")));
            }
        }
        Ok(items)
    }

    fn call(&mut self, function: String, function_span: Range<usize>) -> Parsed<Expression> {
        self.expect("(")?;
        let arguments = self.list(")", Self::argument)?;
        if let Some(late) = arguments.windows(2).find(|pair| pair[0].name.is_some() && pair[1].name.is_none()) {
            let message = "an argument without a name follows a named one".to_owned();
            return Err(SyntaxError { message, span: late[1].value.span.clone(), help: None });
        }
        let height = arguments.iter().map(|argument| argument.value.height).max().unwrap_or(0);
        let span = function_span.start..self.previous_end();
        Self::node(ExpressionKind::Call { function, function_span, arguments }, span, height)
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let named = matches!(self.tokens.get(self.next + 1), Some((Token::Symbol("="), _)));
        let name = match self.peek() {
            Some(Token::Name(name)) if named => Some(name.clone()),
            _ => None,
        };
        self.next += if name.is_some() { 2 } else { 0 };
        Ok(Argument { name, value: self.expression(0)? })
    }

    fn postfix(&mut self, mut base: Expression) -> Parsed<Expression> {
        loop {
            let start = base.span.start;
            if self.take_symbol("[") {
                let items = self.list("]", Self::index_item)?;
                if items.is_empty() {
                    let message = "the index is empty".to_owned();
                    return Err(SyntaxError { message, span: start..self.previous_end(), help: None });
                }
                let height = items.iter().map(IndexItem::height).max().unwrap_or(0).max(base.height);
                let kind = ExpressionKind::Index(Box::new(base), items);
                base = Self::node(kind, start..self.previous_end(), height)?;
            } else if self.take_symbol(".") {
                if self.peek() != Some(&Token::Name("T".into())) {
                    return Err(self.unexpected("`T` (the only attribute is .T, the transpose)"));
                }
                self.next += 1;
                let height = base.height;
                base = Self::node(ExpressionKind::Transposed(Box::new(base)), start..self.previous_end(), height)?;
            } else {
                return Ok(base);
            }
        }
    }

    fn index_item(&mut self) -> Parsed<IndexItem> {
        if self.take_symbol("...") {
            return Ok(IndexItem::Ellipsis);
        }
        let slices = matches!(self.tokens.get(self.next + 1), Some((Token::Symbol(":"), _)));
        if self.peek() == Some(&Token::Name("None".into())) && !slices {
            self.next += 1;
            return Ok(IndexItem::NewAxis);
        }
        let parenthesis = self.at_symbol("(");
        let first = self.next;
        let start = self.bound()?;
        if !self.take_symbol(":") {
            let at = start.ok_or_else(|| self.unexpected("an index"))?;
            // A tuple indexes axis by axis, an array picks along one: the brackets have to say which.
            if parenthesis && matches!(at.kind, ExpressionKind::Array(_)) && at.span.start == self.tokens[first].1.start
            {
                let message = "an index stands in brackets of one kind".to_owned();
                let help = Some("write a[0, 1] for one element, a[[0, 1]] for two rows".to_owned());
                return Err(SyntaxError { message, span: at.span, help });
            }
            return Ok(IndexItem::At(at));
        }
        let stop = self.bound()?;
        let step = if self.take_symbol(":") { self.bound()? } else { None };
        Ok(IndexItem::Slice { start, stop, step })
    }

    fn bound(&mut self) -> Parsed<Option<Expression>> {
        let absent = self.at_symbol(":") || self.at_symbol(",") || self.at_symbol("]");
        if absent { Ok(None) } else { self.expression(0).map(Some) }
    }
}

impl IndexItem {
    fn height(&self) -> usize {
        match self {
            IndexItem::At(expression) => expression.height,
            IndexItem::Slice { start, stop, step } => {
                [start, stop, step].into_iter().flatten().map(|bound| bound.height).max().unwrap_or(0)
            }
            IndexItem::NewAxis | IndexItem::Ellipsis => 0,
        }
    }
}
