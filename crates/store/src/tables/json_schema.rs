//! The public tables as JSON Schema (2020-12): one row, as NDJSON has it.
//!
//! Columns that are not named are allowed, for later versions add some.

use serde_json::{Map, Value, json};

use crate::tables::ddl::said;
use crate::tables::{Column, ColumnKind, Table, VERSION};

/// The schema of a row of this table.
#[must_use]
pub fn of(table: &Table) -> Value {
    let properties: Map<String, Value> =
        table.columns.iter().map(|column| (column.name.to_owned(), property(column))).collect();
    let required: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:longshore:table:{}:{VERSION}", table.name),
        "title": table.name,
        "description": table.about,
        "type": "object",
        "properties": properties,
        "required": required,
    })
}

fn property(column: &Column) -> Value {
    let mut property = Map::new();
    let type_of = match column.kind {
        ColumnKind::Integer | ColumnKind::Instant => Some("integer"),
        ColumnKind::Flag => Some("boolean"),
        ColumnKind::Real => Some("number"),
        ColumnKind::Text | ColumnKind::Bytes => Some("string"),
        // Any document; what is stored and is no JSON is carried as a text.
        ColumnKind::Json => None,
    };
    if let Some(name) = type_of {
        let value = if column.nullable { json!([name, "null"]) } else { json!(name) };
        property.insert("type".to_owned(), value);
    }
    if column.kind == ColumnKind::Bytes {
        property.insert("contentEncoding".to_owned(), json!("base16"));
        property.insert("pattern".to_owned(), json!("^([0-9a-f]{2})*$"));
    }
    property.insert("description".to_owned(), json!(said(column)));
    Value::Object(property)
}
