//! The reference page of the language, printed from the declarations of its operators and functions.
//!
//! The page in `docs/language.md` is this text; a test compares them. To write it anew:
//! `cargo run -p gaugebias-model --example language_reference > docs/language.md`.

use std::fmt::Write;

use super::functions::{self, Function};
use crate::syntax::BinaryOperator;

const HEAD: &str = "\
# Language reference

<!-- Printed from the declarations in crates/model/src/language/functions and crates/model/src/operations:
     cargo run -p gaugebias-model --example language_reference > docs/language.md -->

Every operator and function of the array language, as the program declares them. How expressions are written, where they stand in a spec and what
indices mean is told in [spec files](spec.md#the-array-language).

*Shape* says which shape the result has. *Derivative* says whether training and the search for symmetries can differentiate through it; whole
numbers and truth values have none. *Accuracy* is that of a run, in the run's precision; constants are evaluated in f64 by plain loops.

In a signature `x=…` may be left out, `x...` takes any number of arguments (or one list), and what follows `*` is given by its name. `True`, `False`, `None` and `pi`
are words of the language.
";

/// The whole page, as Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Operators\n\n");
    page.push_str(
        "From the loosest to the tightest; those of equal tightness group from the left, `**` from the right.\n\n",
    );
    page.push_str("| operator | value | shape | derivative |\n|---|---|---|---|\n");
    for operator in BinaryOperator::ALL {
        let symbol = operator.symbol();
        line(&mut page, &[&format!("`a {symbol} b`"), operator.summary(), operator.shapes(), operator.derivative()]);
    }
    line(&mut page, &["`-a`, `+a`", "the sign; tighter than `*`, looser than `**`", "that of a", "yes"]);
    line(&mut page, &["`a[…]`", "an [index](spec.md#the-array-language)", "by NumPy's rules", "yes, in a"]);
    line(&mut page, &["`a.T`", "the axes reversed", "reversed", "yes"]);
    let mut title = "";
    for function in functions::all() {
        if function.title != title {
            title = function.title;
            heading(&mut page, function);
        }
        let signature = format!("`{}`", function.signature);
        let parts = [signature.as_str(), function.summary, function.shapes, function.derivative, function.accuracy];
        line(&mut page, &parts);
    }
    page
}

fn heading(page: &mut String, function: &Function) {
    let allowed = match function.allowed {
        functions::Allowed::Everywhere => String::new(),
        other => format!("In {} only.\n\n", other.sections()),
    };
    write!(
        page,
        "\n## {}\n\n{allowed}| function | value | shape | derivative | accuracy |\n|---|---|---|---|---|\n",
        function.title
    )
    .expect("a string can be written to");
}

fn line(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    writeln!(page, "| {} |", cells.join(" | ")).expect("a string can be written to");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/language.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "docs/language.md is not what the declarations say; write it anew:\n\
             cargo run -p gaugebias-model --example language_reference > docs/language.md"
        );
    }

    #[test]
    fn every_declaration_is_complete() {
        for function in functions::all() {
            for (what, text) in [
                ("summary", function.summary),
                ("shapes", function.shapes),
                ("derivative", function.derivative),
                ("accuracy", function.accuracy),
            ] {
                assert!(!text.is_empty() && !text.contains('\n'), "{}: {what}", function.name);
            }
            assert!(function.signature.starts_with(&format!("{}(", function.name)), "{}", function.name);
            assert!(!function.parameters.is_empty(), "{}", function.name);
            let same = functions::all().filter(|other| other.name == function.name).count();
            assert_eq!(same, 1, "{} is declared twice", function.name);
        }
    }
}
