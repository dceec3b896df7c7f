//! The documentation, run: specs are derived, console blocks are executed and compared, links lead somewhere, and
//! the tables of functions and fields are complete.
//!
//! A console block shows `$ gaugebias …` lines, each followed by what it prints (standard output, then standard error). `…`
//! stands for the rest of a line, or alone on its line for any lines. A comment before the block may say
//! `<!-- exit status N -->` or, for what takes long, `<!-- not run: takes N s -->`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use gaugebias::geometry::{At, DeriveOptions, derive};
use gaugebias::model::spec::SpecFile;
use gaugebias::model::{DataBinding, SpecParametrization};
use serde_json::Value;

/// Console blocks that may be left out because they take long; raise it with a reason.
const MOST_NOT_RUN: usize = 4;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the command line lives in the workspace")
}

/// README and the pages of docs/ and docs/designs/, by their path from the root, with their text.
fn pages() -> Vec<(String, String)> {
    let listed = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let names = entries.map(|entry| entry.expect("a folder can be listed").file_name().into_string());
        let pages = names.map(|name| name.expect("names are UTF-8")).filter(|name| name.ends_with(".md"));
        pages.map(|name| format!("{folder}/{name}")).collect()
    };
    let mut names = [listed("docs"), listed("docs/designs"), vec!["README.md".to_owned()]].concat();
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(&name))).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A fenced block: where it stands, its language, the last line before it, its text.
struct Block {
    place: String,
    language: String,
    before: String,
    lines: Vec<String>,
}

fn blocks(language: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for (name, text) in pages() {
        let (mut open, mut before) = (None, String::new());
        for (number, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(language), None) => {
                    let place = format!("{name}, line {}", number + 1);
                    let before = std::mem::take(&mut before);
                    open = Some(Block { place, language: language.trim().into(), before, lines: Vec::new() });
                }
                (Some(_), Some(_)) => found.extend(open.take()),
                (None, Some(block)) => block.lines.push(line.to_owned()),
                (None, None) => before = line.to_owned(),
            }
        }
        assert!(open.is_none(), "{name}: a block is not closed");
    }
    found.retain(|block| block.language == language);
    found
}

#[test]
fn every_spec_is_read_and_derived() {
    let mut derived = 0;
    for block in blocks("toml") {
        let text = block.lines.join("\n");
        if !text.contains("[model]") {
            continue;
        }
        let place = &block.place;
        let file = SpecFile::parse(place, text, root().join("experiments"), &[])
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        for spec in &file.specs {
            if spec.model.iter().any(|definition| definition.name == "predictor") {
                let map = SpecParametrization::predictor(spec, DataBinding::Drawn)
                    .unwrap_or_else(|error| panic!("{place}: {error}"));
                derive(&map, &spec.title, &At::Balanced, &DeriveOptions::default())
                    .unwrap_or_else(|error| panic!("{place}: {error}"));
                derived += 1;
            }
        }
    }
    assert!(derived >= 4, "only {derived} specs were found");
}

#[test]
fn every_console_block_prints_what_it_shows() {
    let (mut run, mut left_out) = (0, Vec::new());
    for block in blocks("console") {
        if block.before.starts_with("<!-- not run: takes ") {
            left_out.push(block.place);
            continue;
        }
        let status = block.before.strip_prefix("<!-- exit status ").map_or(0, |rest| {
            rest.trim_end_matches(" -->").parse().unwrap_or_else(|_| panic!("{}: {}", block.place, block.before))
        });
        for (command, shown) in commands(&block) {
            let printed = execute(&command, status, &block.place);
            if let Err(difference) = compare(&shown, &printed) {
                panic!("{}: $ gaugebias {}\n{difference}\nprinted:\n{}", block.place, command, printed.join("\n"));
            }
            run += 1;
        }
    }
    println!("{run} commands were run, {} blocks were left out: {}", left_out.len(), left_out.join("; "));
    assert!(left_out.len() <= MOST_NOT_RUN, "too much is not run: {left_out:?}");
    assert!(run >= 4, "only {run} commands were found");
}

/// (arguments, shown output) of each command of a block.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.lines {
        if let Some(typed) = line.strip_prefix("$ ") {
            let arguments = typed.strip_prefix("gaugebias ");
            let arguments = arguments.unwrap_or_else(|| panic!("{}: only gaugebias is run here", block.place));
            found.push((arguments.to_owned(), Vec::new()));
        } else {
            let (_, shown) = found.last_mut().unwrap_or_else(|| panic!("{} starts with no command", block.place));
            shown.push(line.clone());
        }
    }
    found
}

fn execute(arguments: &str, status: i32, place: &str) -> Vec<String> {
    let mut command = Command::cargo_bin("gaugebias").expect("the program is built");
    // Quotes are the shell's; nothing that is quoted here has a space in it.
    command.current_dir(root()).args(arguments.split_whitespace().map(|word| word.trim_matches('\'')));
    let output = command.output().expect("the program can be started");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("the program prints UTF-8");
    assert_eq!(output.status.code(), Some(status), "{place}: $ gaugebias {arguments}\n{text}");
    text.lines().map(str::to_owned).collect()
}

/// Line by line; a shown `…` alone skips lines up to the next one that fits.
fn compare(shown: &[String], printed: &[String]) -> Result<(), String> {
    let mut rest = printed.iter().filter(|line| !line.trim().is_empty());
    let mut skip = false;
    for line in shown.iter().filter(|line| !line.trim().is_empty()) {
        if line.trim() == "…" {
            skip = true;
            continue;
        }
        let found = if skip { rest.find(|printed| alike(line, printed)) } else { rest.next() };
        match found {
            None => return Err(format!("shown, but not printed: {line}")),
            Some(printed) if !alike(line, printed) => return Err(format!("shown:   {line}\nprinted: {printed}")),
            Some(_) => skip = false,
        }
    }
    match rest.next() {
        Some(line) if !skip => Err(format!("printed, but not shown: {line}")),
        _ => Ok(()),
    }
}

/// Equal up to numbers at rounding level and times; a `…` at the end of what is shown stands for any rest.
fn alike(shown: &str, printed: &str) -> bool {
    let (shown, open_end) = shown.strip_suffix('…').map_or((shown, false), |start| (start, true));
    let (shown, printed) = (pieces(shown), pieces(printed));
    if shown.len() > printed.len() || shown.len() < printed.len() && !open_end {
        return false;
    }
    (0..shown.len()).all(|at| match (&shown[at], &printed[at]) {
        (Piece::Number(a), Piece::Number(b)) => close(*a, *b) || is_time(&printed, at),
        (Piece::Text(a), Piece::Text(b)) => a == b || open_end && at + 1 == shown.len() && b.starts_with(a.as_str()),
        _ => false,
    })
}

enum Piece {
    Text(String),
    Number(f64),
}

/// Texts and the numbers between them; a minus belongs to a number that no letter or digit precedes.
fn pieces(line: &str) -> Vec<Piece> {
    let characters: Vec<char> = line.chars().collect();
    let digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
    let is = |at: usize, set: &[char]| characters.get(at).is_some_and(|c| set.contains(c));
    let (mut found, mut text, mut at) = (Vec::new(), String::new(), 0);
    while at < characters.len() {
        let free = at == 0 || !characters[at - 1].is_alphanumeric();
        if !(digit(at) || is(at, &['-']) && digit(at + 1) && free) {
            text.push(characters[at]);
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        while digit(at) || is(at, &['.']) && digit(at + 1) {
            at += 1;
        }
        if is(at, &['e']) && (digit(at + 1) || is(at + 1, &['-', '+']) && digit(at + 2)) {
            at += 2;
            while digit(at) {
                at += 1;
            }
        }
        let number: String = characters[start..at].iter().collect();
        match number.parse() {
            Ok(number) => found.extend([Piece::Text(std::mem::take(&mut text)), Piece::Number(number)]),
            Err(_) => text.push_str(&number),
        }
    }
    found.push(Piece::Text(text));
    found
}

/// Rounding errors (below 1e-8) and the gaps that they leave (above 1e8) are not compared; other numbers to five digits.
fn close(a: f64, b: f64) -> bool {
    let (a, b) = (a.abs().min(b.abs()).copysign(a * b), a.abs().max(b.abs()));
    b < 1e-8 || a > 1e8 || (b - a) <= 1e-6 + 1e-5 * b
}

/// `in 0.8 s`
fn is_time(pieces: &[Piece], at: usize) -> bool {
    let text = |at: usize| match pieces.get(at) {
        Some(Piece::Text(text)) => text.as_str(),
        _ => "",
    };
    at > 0 && text(at - 1).ends_with("in ") && text(at + 1).starts_with(" s")
}

#[test]
fn the_comparison_tells_outputs_apart() {
    for (shown, printed) in [
        ("gap 2.1e15, residual 0.0e0", "gap 2.0e15, residual 6e-17"),
        ("B = -3.805531", "B = -3.805532"),
        ("16 seeds in 0.8 s", "16 seeds in 1.3 s"),
        ("B − C = 0.000000", "B − C = -0.000000"),
        ("{\"title\":\"Log…", "{\"title\":\"Logits\",\"p\":4}"),
    ] {
        assert!(alike(shown, printed), "{shown} / {printed}");
    }
    for (shown, printed) in [
        ("B = 0.437734", "B = 0.437834"),
        ("B = 0.437734", "B = -0.437734"),
        ("gap 2.1e15", "gap 2.1e5"),
        ("residual 0.0e0", "residual 1.0e-3"),
        ("16 seeds in 0.8 s", "17 seeds in 0.8 s"),
        ("w_0", "w_1"),
        ("agrees", "disagrees"),
        ("a", "a 1"),
    ] {
        assert!(!alike(shown, printed), "{shown} / {printed}");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(compare(&lines("a\n…\nd"), &lines("a\nb\n\nc\nd")).is_ok());
    assert!(compare(&lines("a\n…"), &lines("a\nb\nc")).is_ok());
    for (shown, printed) in [("a\n…\ne", "a\nb"), ("a", "a\nb"), ("a\nb", "a"), ("a\n…\nb", "a\nb\nc")] {
        assert!(compare(&lines(shown), &lines(printed)).is_err(), "{shown} / {printed}");
    }
}

/// Every target of `design` has a page: a picture that is there, code to paste, and what it says where it fails.
#[test]
fn every_target_has_its_page() {
    let help = Command::cargo_bin("gaugebias").expect("the program is built").args(["design", "--help"]).output();
    let help = String::from_utf8(help.expect("it starts").stdout).expect("help is UTF-8");
    let targets =
        help.split("What the weights are to be").nth(1).expect("the flag is described").split("--size").next();
    let names = targets.expect("the list has an end").lines().filter_map(|line| line.trim().strip_prefix("- "));
    let names: Vec<&str> = names.filter_map(|line| line.split(':').next()).collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        let page = read(&format!("docs/designs/{name}.md"));
        for part in
            [&format!("](../images/design-{name}.svg)"), "```python", "## When it fails", "<!-- exit status 2 -->"]
        {
            assert!(page.contains(part), "docs/designs/{name}.md lacks `{part}`");
        }
        assert!(page.lines().count() < 90, "docs/designs/{name}.md is long");
    }
}

#[test]
fn relative_links_lead_somewhere() {
    let others =
        ["CONTRIBUTING.md", "CHANGELOG.md", "experiments/data/README.md"].map(|name| (name.into(), read(name)));
    let mut seen = 0;
    for (name, text) in pages().into_iter().chain(others) {
        for target in links(&text).filter(|target| !target.contains("://")) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let file: PathBuf = match path {
                "" => root().join(&name),
                _ => root().join(&name).parent().expect("a page lies in a folder").join(path),
            };
            assert!(file.exists(), "{name} links to {target}, which is not there");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{target}: {error}"));
                assert!(headings(&text).contains(heading), "{name} links to {target}: there is no such heading");
            }
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} links were found");
}

/// Targets of `](target)` outside of code blocks.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next()))
}

/// Headings as they are addressed: small letters, words joined by hyphens.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = text.split("```").step_by(2).flat_map(str::lines).filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then_some(title.trim())
    });
    let slug = |title: &str| -> String {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(slug).collect()
}

const SMALL: &str = r#"
[param]
u = 1
v = 1
[model]
predictor = "u * v"
loss = "0.5 * (predictor - 1.2)**2"
[train]
optimizer = "langevin"
noise = "horizontal"
temperature = 0.05
steps = 400
[log]
w = "predictor"
[verify]
law = "horizontal"
observable = "predictor"
"#;

#[test]
fn every_json_field_is_documented() {
    let documented = read("docs/run-folder.md");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("small.toml"), SMALL).expect("a temporary file can be written");
    let json = |arguments: &str| -> Value {
        let mut command = Command::cargo_bin("gaugebias").expect("the program is built");
        let output = command.current_dir(folder.path()).args(arguments.split(' ')).output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments}: {error}: {text}"))
    };
    let mut objects = vec![
        json("derive small.toml --json"),
        json("simulate small.toml --json"),
        json("verify small.toml --json"),
        json("balance small.toml --at initial -o out.safetensors --json"),
        json("run small.toml --out run --json"),
    ];
    let record = std::fs::read_to_string(folder.path().join("run/run.json")).expect("a run leaves run.json");
    objects.push(serde_json::from_str(&record).expect("run.json is JSON"));
    let mut fields = BTreeSet::new();
    objects.iter().for_each(|object| collect_fields(object, &mut fields));
    assert!(fields.len() > 60, "only {} fields were found", fields.len());
    for field in fields.iter().filter(|field| *field != "w") {
        assert!(documented.contains(&format!("`{field}`")), "docs/run-folder.md does not name the field `{field}`");
    }
    for file in ["run.json", "log.safetensors", "final.safetensors", "report.html"] {
        assert!(folder.path().join("run").join(file).exists(), "{file}");
    }
}

fn collect_fields(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, inner)| {
            fields.insert(name.clone());
            collect_fields(inner, fields);
        }),
        Value::Array(items) => items.iter().for_each(|item| collect_fields(item, fields)),
        _ => {}
    }
}
