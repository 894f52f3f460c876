//! What an endpoint says of itself, and the OpenAPI document made of all of them.
//!
//! Written by hand beside each handler instead of derived: the answers are the store's own types, which know nothing of
//! HTTP. A test holds what each endpoint answers against what it says here.

use axum::routing::MethodRouter;
use serde_json::{Map, Value, json};

use super::Api;
use crate::access::Needs;

/// One endpoint.
pub(super) struct Described {
    /// `get`, `post`, `put` or `delete`.
    pub(super) method: &'static str,
    /// With `{name}` for what is variable.
    pub(super) path: &'static str,
    /// What its door asks for.
    pub(super) needs: Needs,
    /// What it does, in a line.
    pub(super) summary: &'static str,
    /// What it takes in the path or after `?`, besides `org`.
    pub(super) parameters: &'static [Parameter],
    /// The properties of the body it takes; empty for none.
    pub(super) body: &'static [Property],
    /// The properties of what it answers.
    pub(super) answer: &'static [Property],
    /// Who answers.
    pub(super) route: fn() -> MethodRouter<Api>,
}

/// Something in the address.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `path` or `query`.
    pub(super) place: &'static str,
    pub(super) kind: Kind,
    pub(super) meaning: &'static str,
}

/// Something in a body or an answer.
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) meaning: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Flag,
    /// An object whose properties `docs/admin-api.md` tells.
    Object,
    /// Objects whose properties `docs/admin-api.md` tells.
    Objects,
    /// Milliseconds since 1970, or nothing.
    InstantOrNull,
    ObjectOrNull,
    WholeOrNull,
    TextOrNull,
}

impl Kind {
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Whole => json!({"type": "integer", "format": "int64"}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Object => json!({"type": "object"}),
            Self::Objects => json!({"type": "array", "items": {"type": "object"}}),
            Self::InstantOrNull | Self::WholeOrNull => {
                json!({"type": ["integer", "null"], "format": "int64"})
            }
            Self::TextOrNull => json!({"type": ["string", "null"]}),
            Self::ObjectOrNull => json!({"type": ["object", "null"]}),
        }
    }
}

/// A parameter of the path.
pub(super) const fn in_path(name: &'static str, kind: Kind, meaning: &'static str) -> Parameter {
    Parameter { name, place: "path", kind, meaning }
}

/// A parameter after `?`.
pub(super) const fn in_query(name: &'static str, kind: Kind, meaning: &'static str) -> Parameter {
    Parameter { name, place: "query", kind, meaning }
}

/// A property.
pub(super) const fn property(name: &'static str, kind: Kind, meaning: &'static str) -> Property {
    Property { name, kind, meaning }
}

const ORG: Parameter =
    in_query("org", Kind::Whole, "The organization, by Drift's number; needed where several are connected.");

/// The document.
pub(super) fn document(endpoints: &[Described]) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method] = operation(endpoint);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Longshore admin API", "version": "1"},
        "security": [{"key": []}],
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {
                    "type": "object",
                    "required": ["code", "message", "hint"],
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "hint": {"type": ["string", "null"]},
                    },
                }},
            }},
        },
        "paths": paths,
    })
}

fn operation(endpoint: &Described) -> Value {
    let org = is_of_org(endpoint).then_some(&ORG);
    let parameters: Vec<Value> = endpoint.parameters.iter().chain(org).map(parameter).collect();
    let mut operation = json!({
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": responses(endpoint),
    });
    if let Needs::InOrg(permission) | Needs::Everywhere(permission) | Needs::Somewhere(permission) =
        endpoint.needs
    {
        operation["x-permission"] = permission.as_str().into();
    }
    if !endpoint.body.is_empty() {
        operation["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": {
                "type": "object",
                "additionalProperties": false,
                "properties": properties(endpoint.body),
            }}},
        });
    }
    operation
}

/// Whether it is about one organization.
fn is_of_org(endpoint: &Described) -> bool {
    matches!(endpoint.needs, Needs::InOrg(_))
}

/// Every status that it answers with: a scanner holds the server to that.
fn responses(endpoint: &Described) -> Value {
    let mut refusals = vec![
        ("401", "The key is missing or wrong."),
        ("500", "It failed inside; the log says why."),
        ("503", "Not now; try again in a moment."),
    ];
    if matches!(endpoint.needs, Needs::InOrg(_) | Needs::Somewhere(_) | Needs::SomewhereAgain(_)) {
        refusals.push(("400", "Something in the request is wrong."));
        refusals.push(("403", "The key may not do that."));
        refusals.push(("404", "There is no such organization, or not what is asked for in it."));
    }
    if !endpoint.body.is_empty() {
        refusals.push(("413", "The body is too large."));
        refusals.push(("415", "The body is not declared to be JSON."));
    }
    let mut responses = Map::new();
    let done = json!({
        "description": "Done.",
        "content": {"application/json": {"schema": object(endpoint.answer)}},
    });
    responses.insert("200".to_owned(), done);
    for (status, meaning) in refusals {
        let refused = json!({
            "description": meaning,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
        responses.insert(status.to_owned(), refused);
    }
    Value::Object(responses)
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.meaning,
        "schema": parameter.kind.schema(),
    })
}

/// An answer has all of its properties.
fn object(all: &[Property]) -> Value {
    let names: Vec<&str> = all.iter().map(|property| property.name).collect();
    json!({"type": "object", "required": names, "properties": properties(all)})
}

fn properties(all: &[Property]) -> Value {
    let described = |property: &Property| {
        let mut schema = property.kind.schema();
        schema["description"] = property.meaning.into();
        (property.name.to_owned(), schema)
    };
    Value::Object(all.iter().map(described).collect())
}
