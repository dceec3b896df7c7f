//! JSON Schemas of what `--json` prints.
//!
//! One table for each command ([`tables`]) declares the fields, and is printed as a schema (draft 2020-12); the tests hold what
//! the commands print to it, both ways: no field is missing there, none is printed that is not declared. Schemas stay open to further
//! fields, which may be added at any time. Rejected: schemas derived from Rust types; half of the objects have no type of their own, and
//! the crates whose types the others have would depend on a schema library for the sake of this command.

mod design;
mod tables;

use serde_json::{Map, Value, json};

use crate::arguments::JsonCommand;

/// What stands in a field.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    /// A whole number of at least 0.
    Count,
    Truth,
    OneOf(&'static [&'static str]),
    Object(&'static [Field]),
    List(&'static Kind),
    /// Names of the user's choice, each with a value of this kind.
    Named(&'static Kind),
    OrNull(&'static Kind),
    /// Not there in some answers.
    Optional(&'static Kind),
}

/// A field, which is always there unless its kind says otherwise.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
}

/// Short for a [`Field`].
const fn field(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, meaning }
}

/// The schema of one object that the command prints with `--json`.
pub fn of(command: JsonCommand) -> Value {
    let (name, fields) = match command {
        JsonCommand::Run => ("run", tables::RUN),
        JsonCommand::Derive => ("derive", tables::DERIVE),
        JsonCommand::Balance => ("balance", tables::BALANCE),
        JsonCommand::Simulate => ("simulate", tables::SIMULATE),
        JsonCommand::Verify => ("verify", tables::VERIFY),
        JsonCommand::Attribute => ("attribute", tables::ATTRIBUTE),
        JsonCommand::Design => ("design", design::DESIGN),
        JsonCommand::Bench => ("bench", tables::BENCH),
        JsonCommand::Reproduce => ("reproduce", tables::REPRODUCE),
    };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("gaugebias {name} --json"),
        "description": "One object, on a line of its own. Fields may be added.",
    });
    let mut described = object(fields);
    let envelope = [
        ("gaugebias", json!({ "type": "string", "description": "version of the program" })),
        ("schema", json!({ "const": 1, "description": "version of the fields' meaning" })),
    ];
    let own = described["properties"].take();
    let mut properties: Map<String, Value> =
        envelope.map(|(name, schema)| (name.to_owned(), schema)).into_iter().collect();
    properties.extend(own.as_object().cloned().unwrap_or_default());
    let required = described["required"].take();
    let own: Vec<Value> = required.as_array().cloned().unwrap_or_default();
    described["required"] = [json!("gaugebias"), json!("schema")].into_iter().chain(own).collect();
    described["properties"] = properties.into();
    if let (Value::Object(schema), Value::Object(described)) = (&mut schema, described) {
        schema.extend(described);
    }
    schema
}

fn object(fields: &[Field]) -> Value {
    let property = |field: &Field| {
        let mut schema = kind(&field.kind);
        schema["description"] = field.meaning.into();
        (field.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| !matches!(field.kind, Kind::Optional(_))).map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn kind(of: &Kind) -> Value {
    match of {
        Kind::Optional(inner) => kind(inner),
        Kind::Text => json!({ "type": "string" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0 }),
        Kind::Truth => json!({ "type": "boolean" }),
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Object(fields) => object(fields),
        Kind::List(item) => json!({ "type": "array", "items": kind(item) }),
        Kind::Named(value) => json!({ "type": "object", "additionalProperties": kind(value) }),
        Kind::OrNull(other) => json!({ "anyOf": [kind(other), { "type": "null" }] }),
    }
}
