//! What the commands print with `--json` satisfies the schemas that `gaugebias schema` prints, and holds nothing that they do not
//! declare.

mod common;

use common::Folder;
use serde_json::{Value, json};

/// A law that can be judged, with a variant; an observable that is no number at the end would be null.
const SPEC: &str = "\
[param]
u = 1.0
v = 1.0
[model]
predictor = \"u * v\"
loss = \"0.5 * (predictor - 1.2)**2\"
[train]
optimizer = \"langevin\"
noise = \"horizontal\"
temperature = 0.05
steps = 400
[log]
w = \"predictor\"
both = \"[u, v]\"
[verify]
law = \"horizontal\"
observable = \"predictor\"
[[variant]]
name = \"slow\"
train = { step_size = 1e-4 }
";

/// What a derivation lifted from smaller copies has not got.
const OPTIONAL: [&str; 5] = ["unexplained_on", "slice", "slice_invariance", "unused", "nearly"];

/// Without symmetry, noise or law: what may be null is null.
const PLAIN: &str =
    "[param]\nw = \"normal(3)\"\n[model]\npredictor = \"w\"\nloss = \"sum((w - 1)**2)\"\n[train]\nsteps = 3";

/// The keywords that the schemas use, checked; a field that no schema declares is a fault too.
fn validate(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let fault = |what: &str| format!("{path}: {what}, found {value}");
    if let Some(choices) = schema["anyOf"].as_array() {
        let of = |choice: &Value| {
            let mut found = Vec::new();
            validate(choice, value, path, &mut found);
            found
        };
        let found: Vec<Vec<String>> = choices.iter().map(of).collect();
        if found.iter().all(|faults| !faults.is_empty()) {
            faults.extend(found.into_iter().flatten());
        }
        return;
    }
    let right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("{path}: the validator does not know the type {other}"),
        None => schema["enum"].as_array().map_or(schema["const"] == *value, |words| words.contains(value)),
    };
    if !right {
        faults.push(fault(&format!("expected {}", schema["type"])));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(&schema["items"], item, &format!("{path}[{index}]"), faults);
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            faults.push(fault(&format!("`{name}` is missing")));
        }
    }
    for (name, item) in value.as_object().into_iter().flatten() {
        let declared = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        match declared {
            Some(schema) => validate(schema, item, &format!("{path}.{name}"), faults),
            None => faults.push(fault(&format!("`{name}` is not declared"))),
        }
    }
}

fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    validate(schema, value, "$", &mut found);
    found
}

fn schema(folder: &Folder, command: &str) -> Value {
    let printed = folder.run(&["schema", command]).ends_with(0).stdout;
    let schema: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!((&schema["schema"], &schema["properties"]["schema"]["const"]), (&1.into(), &1.into()));
    schema
}

#[test]
fn every_command_prints_what_its_schema_says() {
    let folder = Folder::new();
    folder.write("law.toml", SPEC);
    folder.write("plain.toml", PLAIN);
    folder.write("data.csv", "1,0.5,1\n-0.3,1,2\n0.7,-1,0.2\n1.5,0.1,-1\n");
    let commands: [(&str, &[&str], usize); 15] = [
        ("derive", &["derive", "law.toml", "--json"], 2),
        ("derive", &["derive", "plain.toml", "--json"], 1),
        ("balance", &["balance", "law.toml", "--at", "initial", "-o", "theta.safetensors", "--json"], 1),
        ("simulate", &["simulate", "law.toml", "--json"], 2),
        ("simulate", &["simulate", "plain.toml", "--json"], 1),
        ("verify", &["verify", "law.toml", "--json"], 2),
        ("attribute", &["attribute", "law.toml", "--json"], 1),
        ("design", &["design", "--target", "trend", "--size", "30", "--json"], 1),
        (
            "design",
            &["design", "--target", "custom", "--penalty", "abs(w)", "--domain=-2,2", "--size", "2", "--json"],
            1,
        ),
        ("design", &[&ADVISED[..], &["--regime", "flow"]].concat(), 1),
        ("design", &[&ADVISED[..], &["--regime", "minibatch", "--step-size", "0.01", "--batch", "2"]].concat(), 1),
        ("run", &["run", "law.toml", "--json", "--out", "law"], 1),
        ("run", &["run", "plain.toml", "--json", "--out", "plain"], 1),
        ("bench", &["bench", "law.toml", "--json", "--threads", "1"], 2),
        ("reproduce", &["reproduce", "total-variation", "--json", "--seeds", "2", "--steps", "20"], 1),
    ];
    for (name, command, count) in commands {
        let schema = schema(&folder, name);
        let objects = folder.run(command).objects();
        assert_eq!(objects.len(), count, "{command:?}");
        for object in &objects {
            assert_eq!(faults(&schema, object), [""; 0], "{command:?}");
        }
    }
}

/// A design with an advice on the rows of `data.csv`.
const ADVISED: [&str; 10] =
    ["design", "--target", "sparsity", "--size", "2", "--lambda", "0.001", "--data", "data.csv", "--json"];

/// Each scalar and list of an object, put in the place of another type, is refused.
#[test]
fn wrong_types_and_missing_fields_are_refused() {
    let folder = Folder::new();
    folder.write("law.toml", SPEC);
    for command in ["derive", "verify", "simulate"] {
        let schema = schema(&folder, command);
        let object = folder.run(&[command, "law.toml", "--json"]).objects().remove(0);
        let names: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
        assert!(names.len() > 7, "{names:?}");
        for name in &names {
            let mut wrong = object.clone();
            wrong[name] = json!({ "of another type": [1] });
            assert!(!faults(&schema, &wrong).is_empty(), "{command}: {name} may be an object");
            wrong.as_object_mut().expect("an object").remove(name);
            let optional = command == "derive" && OPTIONAL.contains(&name.as_str());
            assert_eq!(faults(&schema, &wrong).is_empty(), optional, "{command}: {name} is missing");
        }
        let mut wrong = object.clone();
        wrong["schema"] = 2.into();
        assert_eq!(faults(&schema, &wrong).len(), 1);
    }
}

#[test]
fn a_command_without_json_has_no_schema() {
    let folder = Folder::new();
    for wrong in [&["schema", "report"][..], &["schema", "deriv"], &["schema"]] {
        assert_eq!(folder.run(wrong).ends_with(2).stdout, "");
    }
}
