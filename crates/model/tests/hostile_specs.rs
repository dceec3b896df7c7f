//! Specs that nobody would write: the reader and the shape checker answer every one with a model or an error, never
//! with a panic, a hang, or memory without bound.
//!
//! Three kinds, in turn: the published specs with a few mutations (of characters, tokens, numbers, lines, halves of
//! two files), specs that a grammar makes from the language's own functions (right syntax, random shapes), and text
//! that is hardly a spec. An input is a function of its number alone. `HOSTILE_INPUTS` says how many (10,000 where it
//! is not set; a million is a recorded check, docs/checks.md), `HOSTILE_FIRST` from which on. What is being read is
//! kept in `hostile.toml` in Cargo's folder for temporary files of tests, so that an abort or a hang names its input.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gaugebias_model::random::{Stream, integer_below};
use gaugebias_model::spec::SpecFile;
use gaugebias_model::{DataBinding, Model, Setup};

/// Resident memory that no number of inputs may exceed.
const MOST_MEMORY: u64 = 2 << 30;

const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "0.5",
    "1e-3",
    "64",
    "1_000",
    "4096",
    "1000000",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "-9223372036854775808",
    "1e308",
    "1e999",
    "-0.0",
    "nan",
    "inf",
    "0x10",
    "1e-320",
];
const SYMBOLS: [&str; 30] = [
    "+", "-", "*", "/", "**", "@", "(", ")", "[", "]", ",", ":", "::", "...", "=", "==", "<", ">=", "!=", ".T", ".",
    "\"", "'", "\n", "#", "[[", "]]", "None", "True", "pi",
];
const KEYS: [&str; 26] = [
    "[data]",
    "[param]",
    "[batch]",
    "[model]",
    "[train]",
    "[ensemble]",
    "[log]",
    "[verify]",
    "[variant.other]",
    "[variant.other.model]",
    "[[figure]]",
    "title = ",
    "optimizer = \"sgd\"",
    "optimizer = \"adam\"",
    "noise = 0.1",
    "step_size = ",
    "steps = ",
    "seeds = ",
    "seed = ",
    "dtype = \"f64\"",
    "every = ",
    "law = \"horizontal\"",
    "observable = ",
    "kind = \"lines\"",
    "y = ",
    "loss = ",
];

/// Functions that take any array.
const SMOOTH: [&str; 8] = ["exp", "tanh", "relu", "sin", "abs", "sum", "mean", "sigmoid"];

/// A source of choices.
struct Chance(Stream);

impl Chance {
    fn below(&mut self, range: usize) -> usize {
        integer_below(self.0.next_word(), range as u64) as usize
    }

    fn one_in(&mut self, range: usize) -> bool {
        self.below(range) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// A stretch of text, mostly short.
    fn stretch(&mut self, text: &str) -> (usize, usize) {
        let start = self.place(text);
        let most = if self.one_in(8) { text.len() } else { 12 };
        let mut end = (start + self.below(most + 1)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        (start, end)
    }
}

/// What inputs are made of.
struct Material {
    specs: Vec<String>,
    functions: Vec<String>,
}

impl Material {
    fn new() -> Self {
        let experiments = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
        let mut paths: Vec<PathBuf> = ["", "catalogue", "laws", "published"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(experiments.join(folder)).expect("the folders of experiments"))
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        paths.sort();
        let specs: Vec<String> =
            paths.iter().map(|path| std::fs::read_to_string(path).expect("a readable spec")).collect();
        let page = gaugebias_model::language::reference::page();
        let functions: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|row| row.split_once('('))
            .map(|(name, _)| name.to_owned())
            .filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
            .collect();
        assert!(specs.len() > 20 && functions.len() > 40, "{} specs, {functions:?}", specs.len());
        Self { specs, functions }
    }

    fn input(&self, number: u64) -> String {
        let mut chance = Chance(Stream::new(number));
        match number % 8 {
            0..4 => self.mutated(&mut chance),
            4..7 => self.made(&mut chance),
            _ => self.noise(&mut chance),
        }
    }

    fn token<'a>(&'a self, chance: &mut Chance) -> &'a str {
        match chance.below(4) {
            0 => chance.pick(&NUMBERS),
            1 => chance.pick(&SYMBOLS),
            2 => chance.pick(&KEYS),
            _ => &self.functions[chance.below(self.functions.len())],
        }
    }

    fn mutated(&self, chance: &mut Chance) -> String {
        let mut text = self.specs[chance.below(self.specs.len())].clone();
        for _ in 0..1 + chance.below(4) {
            self.mutate(&mut text, chance);
        }
        text
    }

    fn mutate(&self, text: &mut String, chance: &mut Chance) {
        match chance.below(9) {
            0 => text.replace_range(span(chance.stretch(text)), ""),
            1 => {
                let copied = text[span(chance.stretch(text))].to_owned();
                text.insert_str(chance.place(text), &copied);
            }
            2 => text.insert_str(chance.place(text), self.token(chance)),
            3 => text.replace_range(span(chance.stretch(text)), self.token(chance)),
            4 | 5 => replace_word(text, chance, |letter| letter.is_ascii_digit(), chance_number),
            6 => replace_word(
                text,
                chance,
                |letter| letter.is_alphanumeric() || letter == '_',
                |chance| self.token(chance).to_owned(),
            ),
            7 => exchange_lines(text, chance),
            _ => {
                let other = &self.specs[chance.below(self.specs.len())];
                text.truncate(chance.place(text));
                text.push_str(&other[chance.place(other)..]);
            }
        }
    }

    /// A spec of right form with random expressions.
    fn made(&self, chance: &mut Chance) -> String {
        let mut text = String::new();
        let mut names: Vec<String> = Vec::new();
        for section in ["data", "param", "batch", "model"] {
            let most = if section == "param" { 30 } else { 3 };
            if section != "model" && chance.one_in(most) {
                continue;
            }
            writeln!(text, "[{section}]").expect("a string takes everything");
            for _ in 0..1 + chance.below(3) {
                let name = format!(
                    "{}{}",
                    if chance.one_in(50) { "θ" } else { chance.pick(&["a", "b", "W", "x_1"]) },
                    names.len()
                );
                let drawn = section != "model" && !chance.one_in(3);
                let value = if drawn { self.draw(chance) } else { self.expression(chance, &names, 4) };
                writeln!(text, "{name} = \"{value}\"").expect("a string takes everything");
                names.push(name);
            }
        }
        let loss = self.expression(chance, &names, 5);
        let steps = if chance.one_in(20) { chance.pick(&NUMBERS) } else { "100" };
        write!(text, "loss = \"mean(({loss})**2)\"\n[train]\nsteps = {steps}\n").expect("a string takes everything");
        if chance.one_in(2) {
            write!(text, "[log]\nevery = 1\nseen = \"{}\"\n", self.expression(chance, &names, 3))
                .expect("a string takes everything");
        }
        text
    }

    fn draw(&self, chance: &mut Chance) -> String {
        let shape: Vec<&str> = (0..chance.below(4)).map(|_| chance.pick(&["2", "3", "3", "3"])).collect();
        let law = chance.pick(&["normal", "uniform", "zeros", "ones", "normal", "normal"]);
        format!("{law}({})", shape.join(", "))
    }

    fn expression(&self, chance: &mut Chance, names: &[String], depth: usize) -> String {
        if depth == 0 || chance.one_in(6) {
            return match names {
                [] => chance.pick(&NUMBERS[..10]).to_owned(),
                _ if chance.one_in(4) => chance.pick(&NUMBERS[..16]).to_owned(),
                _ => names[chance.below(names.len())].clone(),
            };
        }
        let inner = self.expression(chance, names, depth - 1);
        match chance.below(8) {
            0..3 => {
                let right = self.expression(chance, names, depth - 1);
                format!("({inner}) {} ({right})", chance.pick(&["+", "-", "*", "+", "-", "*", "/", "**", "@", "<"]))
            }
            3 => format!(
                "({inner})[{}]",
                chance.pick(&["0", "-1", ":", "None", "..., 0", "::2", "...", "1:", ":, 1:", "5", "::0"])
            ),
            4 => format!("({inner}).T"),
            5 if chance.one_in(10) => {
                // Deep, and long.
                let many = 1 << chance.below(13);
                match chance.below(3) {
                    0 => format!("{}{inner}{}", "(".repeat(many), ")".repeat(many)),
                    1 => format!("{}{inner}", "-".repeat(many)),
                    _ => format!("{inner}{}", " + 1".repeat(many)),
                }
            }
            5 | 6 => format!("{}({inner})", chance.pick(&SMOOTH)),
            _ => {
                let function = &self.functions[chance.below(self.functions.len())];
                let mut call = format!("{function}({inner}");
                for _ in 0..chance.below(3) {
                    let more = self.expression(chance, names, depth.min(2) - 1);
                    write!(call, ", {}{more}", chance.pick(&["", "", "", "axis=", "k=", "low=", "p="]))
                        .expect("a string takes everything");
                }
                call + ")"
            }
        }
    }

    fn noise(&self, chance: &mut Chance) -> String {
        let mut text = String::new();
        for _ in 0..chance.below(200) {
            match chance.below(6) {
                0 => text.extend(char::from_u32(chance.0.next_word() % 0x11_0000)),
                1 => text.push(char::from(chance.below(128) as u8)),
                2 => text.push_str(chance.pick(&[" ", "\n", " = ", "\""])),
                _ => text.push_str(self.token(chance)),
            }
        }
        text
    }
}

fn span((start, end): (usize, usize)) -> std::ops::Range<usize> {
    start..end
}

fn chance_number(chance: &mut Chance) -> String {
    match chance.below(3) {
        0 => format!("{}", chance.0.next_word()),
        1 => format!("{}", chance.below(20)),
        _ => chance.pick(&NUMBERS).to_owned(),
    }
}

/// Replaces the run of such letters after a random place.
fn replace_word(text: &mut String, chance: &mut Chance, of: impl Fn(char) -> bool, by: impl Fn(&mut Chance) -> String) {
    let from = chance.place(text);
    let Some(start) = text[from..].find(&of).map(|at| from + at) else { return };
    let end = text[start..].find(|letter| !of(letter)).map_or(text.len(), |length| start + length);
    text.replace_range(start..end, &by(chance));
}

fn exchange_lines(text: &mut String, chance: &mut Chance) {
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
    match chance.below(3) {
        0 => lines.swap(one, other),
        1 => lines.insert(one, lines[other]),
        _ => drop(lines.remove(one)),
    }
    *text = lines.join("\n");
}

/// How far an input comes: refused as text, refused as a model, accepted.
fn read(text: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let file = match SpecFile::parse("hostile.toml", text.to_owned(), folder, &[]) {
        Ok(file) => file,
        Err(error) => {
            assert!(!error.message().is_empty());
            return 0;
        }
    };
    let mut reached = 2;
    for spec in &file.specs {
        let errors = [
            Setup::build(spec).err(),
            Model::build(spec, DataBinding::Inputs).err(),
            Model::build(spec, DataBinding::Drawn).err(),
        ];
        for error in errors.into_iter().flatten() {
            assert!(!error.message().is_empty());
            reached = 1;
        }
    }
    reached
}

/// The most memory that this process ever held, where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number: {text}")))
}

#[test]
fn no_spec_brings_the_reader_down() {
    let material = Material::new();
    let first = setting("HOSTILE_FIRST", 0);
    let count = setting("HOSTILE_INPUTS", 10_000);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.toml");
    let mut reached = [[0u64; 3]; 3];
    let mut slowest = (0, 0);
    for number in first..first + count {
        let text = material.input(number);
        std::fs::write(&kept, &text).expect("the folder for temporary files of tests can be written");
        let start = std::time::Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| read(&text)));
        slowest = slowest.max((start.elapsed().as_micros(), number));
        let Ok(end) = result else { panic!("input {number} brings the reader down:\n{text}") };
        reached[[0, 0, 0, 0, 1, 1, 1, 2][number as usize % 8]][end] += 1;
    }
    let peak = peak_memory();
    for (kind, [text, model, accepted]) in ["mutated", "made", "noise"].iter().zip(reached) {
        println!("{kind}: {text} refused as text, {model} refused as a model, {accepted} accepted");
    }
    println!("slowest: input {} ({} µs); peak memory: {} MiB", slowest.1, slowest.0, peak.unwrap_or(0) >> 20);
    assert!(peak.unwrap_or(0) < MOST_MEMORY, "{peak:?} bytes");
    if count >= 1_000 {
        // The inputs must reach the shape checker and its end.
        assert!(reached[..2].iter().all(|[_, model, accepted]| model.min(accepted) * 200 > count), "{reached:?}");
    }
}
