//! The text of `--blocks`: what is asked of each of several blocks side by side.
//!
//! ```text
//! blocks  = block (";" block)*
//! block   = target ":" size ("," key ("=" value)?)*       sparsity:8,depth=3
//! size    = N | N "x" M | N ("+" N)*                      low-rank:4x3, group:3+3+2
//! ```
//!
//! A key is the name of an option of the command line; commas within brackets belong to a value, as in `domain=(-4,4)`.

use crate::options::check_options;
use crate::{DesignError, LinkKind, Penalty, Settings, Target, read_edges};

/// What is asked of one block.
#[derive(Clone, Debug)]
pub struct Request {
    /// As it was written.
    pub text: String,
    /// The target.
    pub target: Target,
    /// Its settings.
    pub settings: Settings,
}

impl Request {
    /// An error with the block that it comes from; `k` counts from 0.
    pub(crate) fn blamed(&self, k: usize, error: DesignError) -> DesignError {
        DesignError::InBlock { number: k + 1, text: self.text.clone(), source: Box::new(error) }
    }
}

/// Reads the text of a file that a block names, or says why it cannot be read.
pub type Reader<'a> = &'a dyn Fn(&str) -> Result<String, String>;

const KEYS: &str = "columns, depth, strength, groups, link, order, edges, spanning-forest, negative, penalty, penalty-table, domain, tolerance or scale";

/// Reads a composition; `base` has what the blocks do not say themselves.
///
/// # Errors
/// [`DesignError::Block`], and [`DesignError::InBlock`] around what a penalty or file has wrong.
pub fn read_blocks(text: &str, base: &Settings, file: Reader<'_>) -> Result<Vec<Request>, DesignError> {
    let mut texts = split(text, ';');
    // One more semicolon at the end does no harm.
    if texts.len() > 1 && texts.last().is_some_and(|last| last.is_empty()) {
        texts.pop();
    }
    let read = |(k, text): (usize, &str)| Place { number: k + 1, text }.read(base, file);
    texts.into_iter().enumerate().map(read).collect()
}

/// Pieces between separators that stand in no brackets, without the blanks around them.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut from, mut pieces) = (0_i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ if c == separator && depth <= 0 => {
                pieces.push(text[from..at].trim());
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(text[from..].trim());
    pieces
}

/// A block and where it stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    number: usize,
    text: &'a str,
}

impl Place<'_> {
    fn fault(self, found: impl Into<String>, expected: impl Into<String>) -> DesignError {
        DesignError::Block {
            number: self.number,
            text: self.text.to_owned(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    fn read(self, base: &Settings, file: Reader<'_>) -> Result<Request, DesignError> {
        if split(self.text, '&').len() > 1 {
            let expected = "one target, since a block owns its coordinates; a sum of penalties of single coordinates is custom:N,penalty=R1(w)+R2(w)";
            return Err(self.fault("two penalties of the same coordinates", expected));
        }
        let pieces = split(self.text, ',');
        let (word, size) =
            pieces[0].split_once(':').map_or((pieces[0], None), |(word, size)| (word.trim(), Some(size.trim())));
        let target = Target::ALL.into_iter().find(|target| target.word() == word && *target != Target::Blocks);
        let words = || {
            Target::ALL.map(Target::word).into_iter().filter(|word| *word != "blocks").collect::<Vec<_>>().join(", ")
        };
        let target = target.ok_or_else(|| {
            self.fault(format!("the target `{word}`"), format!("TARGET:SIZE with one of {}", words()))
        })?;
        let mut settings = base.clone();
        if let Some(size) = size {
            self.set_size(target, size, &mut settings)?;
        }
        let mut given: Vec<&str> = Vec::new();
        for piece in &pieces[1..] {
            let (key, value) = piece.split_once('=').map_or((*piece, ""), |(key, value)| (key.trim(), value.trim()));
            if given.contains(&key) || key == "groups" && target == Target::Group && size.is_some() {
                return Err(self.fault(format!("`{key}` twice"), "each option once"));
            }
            self.set(key, value, &mut settings, file)?;
            given.push(key);
        }
        check_options(target, &settings, &given).map_err(|error| self.inside(error))?;
        Ok(Request { text: self.text.to_owned(), target, settings })
    }

    fn inside(self, error: DesignError) -> DesignError {
        DesignError::InBlock { number: self.number, text: self.text.to_owned(), source: Box::new(error) }
    }

    fn set_size(self, target: Target, text: &str, settings: &mut Settings) -> Result<(), DesignError> {
        let (separator, expected) = match target {
            Target::Group => ('+', "the sizes of the groups, joined by +, as in group:3+3+2"),
            Target::LowRank => ('x', "rows and columns, as in low-rank:4x3, or rows alone"),
            _ => (';', "a whole number of coordinates above 0, as in sparsity:8"),
        };
        let numbers: Option<Vec<usize>> =
            text.split(separator).map(|number| number.trim().parse().ok().filter(|n| *n > 0)).collect();
        let fault = || self.fault(format!("the size `{text}`"), expected);
        let numbers = numbers.ok_or_else(fault)?;
        match (target, numbers.as_slice()) {
            (Target::Group, widths) => settings.groups = widths.to_vec(),
            (Target::LowRank, &[rows, columns]) => (settings.size, settings.columns) = (Some(rows), Some(columns)),
            (_, &[size]) => settings.size = Some(size),
            _ => return Err(fault()),
        }
        Ok(())
    }

    fn number<T: std::str::FromStr>(self, key: &str, value: &str, expected: &str) -> Result<T, DesignError> {
        value.parse().map_err(|_| self.fault(format!("`{key}={value}`"), format!("{key}={expected}")))
    }

    fn numbers<T: std::str::FromStr>(
        self,
        key: &str,
        value: &str,
        separator: char,
        expected: &str,
    ) -> Result<Vec<T>, DesignError> {
        let inner = value.trim_start_matches('(').trim_end_matches(')');
        let found: Option<Vec<T>> = inner.split(separator).map(|number| number.trim().parse().ok()).collect();
        found.ok_or_else(|| self.fault(format!("`{key}={value}`"), format!("{key}={expected}")))
    }

    fn set(self, key: &str, value: &str, settings: &mut Settings, file: Reader<'_>) -> Result<(), DesignError> {
        let inside = |error: DesignError| self.inside(error);
        let contents = || file(value).map_err(|why| self.fault(why, format!("{key}=FILE, a file that can be read")));
        match key {
            "columns" => settings.columns = Some(self.number(key, value, "M, a whole number")?),
            "depth" => settings.depth = Some(self.number(key, value, "D, a whole number of factors")?),
            "strength" => settings.strength = Some(self.number(key, value, "ALPHA, a number")?),
            "order" => settings.order = self.number(key, value, "K, a whole number")?,
            "tolerance" => settings.tolerance = self.number(key, value, "ERROR, a number such as 1e-8")?,
            "scale" => settings.scale = Some(self.number(key, value, "SIZE, a number")?),
            "groups" => settings.groups = self.numbers(key, value, '+', "N+N+…, whole numbers")?,
            "negative" | "spanning-forest" if !value.is_empty() => {
                return Err(self.fault(format!("`{key}={value}`"), format!("`{key}` alone, or nothing")));
            }
            "negative" => settings.negative = true,
            "spanning-forest" => settings.spanning_forest = true,
            "link" => {
                settings.link = Some(match value {
                    "radial" => LinkKind::Radial,
                    "product" => LinkKind::Product,
                    "direct" => LinkKind::Direct,
                    _ => return Err(self.fault(format!("`link={value}`"), "link=radial, product or direct")),
                });
            }
            "domain" => {
                let expected = "(LOW,HIGH), two numbers in brackets";
                match self.numbers::<f64>(key, value, ',', expected)?.as_slice() {
                    &[low, high] => settings.domain = Some((low, high)),
                    _ => return Err(self.fault(format!("`{key}={value}`"), format!("{key}={expected}"))),
                }
            }
            "penalty" => settings.penalty = Some(Penalty::expression(value).map_err(inside)?),
            "penalty-table" => settings.penalty = Some(Penalty::table(value, &contents()?).map_err(inside)?),
            "edges" => settings.edges = Some(read_edges(value, &contents()?).map_err(inside)?),
            _ => return Err(self.fault(format!("`{key}`"), KEYS)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Request>, DesignError> {
        let file =
            |name: &str| if name == "edges.csv" { Ok("0,1\n".to_owned()) } else { Err(format!("{name} is not there")) };
        read_blocks(text, &Settings::default(), &file)
    }

    #[test]
    fn blocks_have_sizes_and_options() {
        let found = read(
            "sparsity:8, depth=3; group:3+3+2;low-rank:4x3; haar:8,groups=2+2+4; graph,edges=edges.csv; \
             custom:3,penalty=where(w < 0, -w, log(1 + w)),domain=(-2,4); free:2;",
        )
        .unwrap();
        let targets: Vec<&str> = found.iter().map(|request| request.target.word()).collect();
        assert_eq!(targets, ["sparsity", "group", "low-rank", "haar", "graph", "custom", "free"]);
        let settings: Vec<&Settings> = found.iter().map(|request| &request.settings).collect();
        assert_eq!((settings[0].size, settings[0].depth), (Some(8), Some(3)));
        assert_eq!(settings[1].groups, [3, 3, 2]);
        assert_eq!((settings[2].size, settings[2].columns), (Some(4), Some(3)));
        assert_eq!((settings[3].size, settings[3].groups.as_slice()), (Some(8), &[2, 2, 4][..]));
        assert_eq!(settings[4].edges.as_deref(), Some(&[(0, 1)][..]));
        assert_eq!(settings[5].domain, Some((-2.0, 4.0)));
    }

    #[test]
    fn faults_say_which_block() {
        for (text, needle) in [
            ("sparsity:8; sparse:3", "block 2 `sparse:3`: found the target `sparse`"),
            ("sparsity:x", "found the size `x`; expected a whole number"),
            ("sparsity:0", "expected a whole number of coordinates above 0"),
            ("group:3+x", "joined by +"),
            ("low-rank:3x3x3", "rows and columns"),
            ("sparsity:8,deep=3", "found `deep`; expected columns, depth"),
            ("sparsity:8,depth=three", "found `depth=three`; expected depth=D"),
            ("custom:2,penalty=abs(v),domain=(-1,1)", "`v` is not known"),
            ("custom:2,penalty=abs(w),domain=-1", "two numbers in brackets"),
            ("graph,edges=none.csv", "none.csv is not there"),
            ("sparsity:8 & group:4+4", "two penalties of the same coordinates"),
            ("", "TARGET:SIZE"),
            ("sign:4,negative=false", "`negative` alone"),
            ("group:6,groups=3", "`groups` twice"),
            ("sparsity:4,depth=2,depth=3", "`depth` twice"),
            ("free:2,depth=3", "--depth is given, which has no meaning for free"),
            ("sparsity:4,order=2", "--order is given"),
            ("sparsity:4,tolerance=3", "--tolerance is given"),
        ] {
            let message = read(text).map(|_| String::new()).unwrap_or_else(|error| error.to_string());
            assert!(message.contains(needle), "{text}: {message}");
        }
    }
}
