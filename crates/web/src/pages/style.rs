//! `GET /style.css`: how the pages look.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

const STYLE: &str = include_str!("../../templates/style.css");

/// The same at every call.
pub(super) async fn show() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
