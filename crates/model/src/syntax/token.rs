//! Tokens of the expression language.

use std::ops::Range;

use winnow::ascii::multispace0;
use winnow::combinator::{alt, delimited, opt, preceded};
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, one_of, take_while};

use super::SyntaxError;

/// A token without its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number { value: f64, integer: bool },
    Text(String),
    Name(String),
    Symbol(&'static str),
}

/// Longest first, so that `**` is not read as two stars.
const SYMBOLS: [&str; 22] = [
    "...", "**", "<=", ">=", "==", "!=", "+", "-", "*", "/", "@", "<", ">", "(", ")", "[", "]", ",", ":", "=", ".", ";",
];

type Input<'a> = LocatingSlice<&'a str>;

/// Splits an expression into tokens with their byte ranges.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, SyntaxError> {
    let mut input = LocatingSlice::new(text);
    let mut found = Vec::new();
    loop {
        space(&mut input);
        if input.is_empty() {
            return Ok(found);
        }
        let start = text.len() - input.len();
        match token.with_span().parse_next(&mut input) {
            Ok(spanned) => found.push(spanned),
            Err(_) => return Err(unreadable(text, start)),
        }
    }
}

fn space(input: &mut Input<'_>) {
    let _: ModalResult<&str> = multispace0.parse_next(input);
}

fn unreadable(text: &str, start: usize) -> SyntaxError {
    let character = text[start..].chars().next().expect("a token starts before the end of the text");
    let (what, help) = match character {
        '\'' | '"' => ("this text has no closing quote".to_owned(), "close it with the quote it was opened with"),
        '0'..='9' => ("this number cannot be read".to_owned(), "write numbers as 3, 0.5, 1e-4 or 50_000"),
        '%' => ("`%` is not an operator here".to_owned(), "operators are + - * / ** @ < <= > >= == !="),
        '^' => ("`^` is not an operator here".to_owned(), "powers are written x**2"),
        other => {
            (format!("the character `{}` has no meaning here", other.escape_default()), "see the language reference")
        }
    };
    SyntaxError { message: what, span: start..start + character.len_utf8(), help: Some(help.to_owned()) }
}

fn token(input: &mut Input<'_>) -> ModalResult<Token> {
    alt((number, text, name, symbol)).parse_next(input)
}

fn digits<'a>(input: &mut Input<'a>) -> ModalResult<&'a str> {
    (one_of('0'..='9'), take_while(0.., |c: char| c.is_ascii_digit() || c == '_')).take().parse_next(input)
}

fn number(input: &mut Input<'_>) -> ModalResult<Token> {
    let fraction = preceded('.', opt(digits)).take();
    let bare_fraction = ('.', digits).take();
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digits).take();
    let written = alt((
        (digits, opt(fraction), opt(exponent)).take(),
        (bare_fraction, opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digits))).take(),
    ))
    .parse_next(input)?;
    let integer = written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    match written.replace('_', "").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Token::Number { value, integer }),
        _ => Err(winnow::error::ErrMode::Backtrack(winnow::error::ContextError::new())),
    }
}

fn text(input: &mut Input<'_>) -> ModalResult<Token> {
    let single = delimited('\'', take_while(0.., |c| c != '\''), '\'');
    let double = delimited('"', take_while(0.., |c| c != '"'), '"');
    alt((single, double)).map(|inside: &str| Token::Text(inside.to_owned())).parse_next(input)
}

fn name(input: &mut Input<'_>) -> ModalResult<Token> {
    let first = any.verify(|c: &char| c.is_alphabetic() || *c == '_');
    (first, take_while(0.., |c: char| c.is_alphanumeric() || c == '_'))
        .take()
        .map(|name: &str| Token::Name(name.to_owned()))
        .parse_next(input)
}

fn symbol(input: &mut Input<'_>) -> ModalResult<Token> {
    for candidate in SYMBOLS {
        if input.starts_with(candidate) {
            let _: ModalResult<&str> = winnow::token::take(candidate.len()).parse_next(input);
            return Ok(Token::Symbol(candidate));
        }
    }
    Err(winnow::error::ErrMode::Backtrack(winnow::error::ContextError::new()))
}
