//! The specs of experiments/laws at reduced size: what each says to expect at its top is what comes out, or too little to decide.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the command line lives in the workspace").to_owned()
}

/// (variant, law, verdict) of each `# expected VARIANT: LAW VERDICT, …` at the top of a spec.
fn expected(text: &str) -> Vec<(String, String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# expected"));
    let mut found = Vec::new();
    for line in lines {
        let (variant, laws) = line.split_once(':').expect("a colon stands before what is expected");
        for law in laws.split(',') {
            let (law, verdict) = law.trim().rsplit_once(' ').expect("a law and a verdict");
            found.push((variant.trim().to_owned(), law.to_owned(), verdict.to_owned()));
        }
    }
    found
}

fn specs() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("experiments/laws")).expect("the folder can be listed");
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.expect("the folder can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
}

fn verdict(object: &Value, law: &str) -> String {
    if object["law"] == law {
        return object["verdict"].as_str().expect("a verdict is a word").to_owned();
    }
    let others = object["alternatives"].as_array().expect("alternatives are a list");
    let other = others.iter().find(|other| other["law"] == law);
    let other = other.unwrap_or_else(|| panic!("{} judges no law `{law}`: {object}", object["title"]));
    other["verdict"].as_str().expect("a verdict is a word").to_owned()
}

/// At a sixteenth of the seeds no law that is to agree may be rejected, and most of those that are to be rejected must be: some need more samples.
#[test]
fn every_law_spec_is_told_what_to_expect_and_it_comes_out() {
    let (mut kept, mut seen, mut missed) = (0, 0, Vec::new());
    for path in specs() {
        let text = std::fs::read_to_string(&path).expect("a spec can be read");
        let expected = expected(&text);
        assert!(!expected.is_empty(), "{} names no expected verdicts", path.display());
        let seeds = text.lines().find_map(|line| line.strip_prefix("seeds = ")).expect("a spec of a law has seeds");
        let seeds: u64 = seeds.replace('_', "").parse().expect("seeds are a number");
        let mut command = Command::cargo_bin("gaugebias").expect("the program is built");
        command.current_dir(root()).arg("verify").arg(&path).arg("--json");
        command.args(["--seeds", &(seeds / 16).max(1).to_string()]);
        let output = command.output().expect("the program can be started");
        let printed = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let read = |line| serde_json::from_str(line).expect("a line is an object");
        let objects: Vec<Value> = printed.lines().map(read).collect();
        assert!(!objects.is_empty(), "{}: {errors}", path.display());
        for (variant, law, wanted) in expected {
            let object = objects.iter().find(|object| {
                let title = object["title"].as_str().expect("titles are words");
                title.split_once('/').map_or("", |(_, name)| name) == variant
            });
            let object = object.unwrap_or_else(|| panic!("{} has no variant `{variant}`", path.display()));
            let found = verdict(object, &law);
            match wanted.as_str() {
                "agrees" => {
                    assert_ne!(found, "disagrees", "{}, {variant} {law}: {object}", path.display());
                    kept += 1;
                }
                "disagrees" if found == "disagrees" => seen += 1,
                "disagrees" => missed.push(format!("{} {variant}: {law}", path.display())),
                other => panic!("{} expects `{other}`", path.display()),
            }
        }
    }
    println!("{kept} laws kept, {seen} rejected, too few samples for {missed:?}");
    assert!(kept >= 20 && seen >= 20, "{kept} kept, {seen} rejected, not {missed:?}");
}

#[test]
fn expectations_are_read_from_comments() {
    let found = expected(
        "# A law.\n#\n# expected: sgd agrees, no correction disagrees\n# expected stiff: conditioned agrees\nx = 1",
    );
    let words = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    let wanted =
        [words("", "sgd", "agrees"), words("", "no correction", "disagrees"), words("stiff", "conditioned", "agrees")];
    assert_eq!(found, wanted);
}
