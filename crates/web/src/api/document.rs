//! `GET /api/v1/openapi.json`: what the API takes and answers, as OpenAPI 3.1.

use axum::Json;
use axum::routing::get;
use serde_json::Value;

use super::describe::{Described, Kind, property};
use crate::access::Needs;

/// The document; the same at every call.
async fn handler() -> Json<Value> {
    Json(super::document())
}

pub(super) const DESCRIBED: Described = Described {
    method: "get",
    path: "/api/v1/openapi.json",
    needs: Needs::SignedIn,
    summary: "This document.",
    parameters: &[],
    body: &[],
    answer: &[
        property("openapi", Kind::Text, "The version of the form."),
        property("info", Kind::Object, "What this is."),
        property("security", Kind::Objects, "What opens it."),
        property("components", Kind::Object, "Shapes that several answers share."),
        property("paths", Kind::Object, "The endpoints."),
    ],
    route: || get(handler),
};
