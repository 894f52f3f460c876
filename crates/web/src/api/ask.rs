//! What a request says, read so that whatever is wrong with it is answered in the API's own shape.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::problem::Failed;

/// The part of the address after `?`.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        without_nul(parts.uri.query().unwrap_or_default(), "%00")?;
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Self(value))
            .map_err(|refused: QueryRejection| Failed::new(refused.status(), refused.body_text()))
    }
}

/// The variable part of the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        without_nul(parts.uri.path(), "%00")?;
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Self(value))
            .map_err(|refused: PathRejection| Failed::new(refused.status(), refused.body_text()))
    }
}

/// The character that ends texts elsewhere: PostgreSQL takes none of them, and nothing here has one in its name.
fn without_nul(text: &str, spelled: &str) -> Result<(), Failed> {
    if text.contains(spelled) {
        return Err(Failed::new(StatusCode::BAD_REQUEST, "the request holds a character of the number 0"));
    }
    Ok(())
}

/// The body, as JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let read = axum::Json::<Box<RawValue>>::from_request(request, state).await;
        let axum::Json(raw) = read.map_err(|refused: JsonRejection| {
            // A body of the wrong shape is as bad as one that is no JSON.
            let status = match refused.status() {
                StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                status => status,
            };
            Failed::new(status, refused.body_text())
        })?;
        // A list would be read as an object whose names are left out.
        if !raw.get().starts_with('{') {
            return Err(Failed::new(StatusCode::BAD_REQUEST, "the body is no JSON object"));
        }
        without_nul(raw.get(), "\\u0000")?;
        serde_json::from_str(raw.get()).map(Self).map_err(|error| {
            Failed::new(StatusCode::BAD_REQUEST, format!("the body is not understood: {error}"))
        })
    }
}
