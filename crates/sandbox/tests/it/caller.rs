//! Somebody who calls the sandbox in process, on a clock that moves when told.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use model::{FakeClock, Millis, SeededEntropy};
use sandbox::{Options, Sandbox, Source};
use serde_json::Value;
use tower::ServiceExt as _;

/// When the world of most tests ends: a day in 2025.
pub(crate) const NOW: Millis = Millis(1_750_000_000_000);

pub(crate) struct Caller {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: FakeClock,
    pub(crate) token: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to an end of its own.
    pub(crate) whole: bool,
}

impl Caller {
    pub(crate) fn with(options: Options) -> Self {
        let clock = FakeClock::at(NOW);
        let entropy = Arc::new(SeededEntropy::new(1));
        let sandbox = Sandbox::new(options, Arc::new(clock.clone()), entropy).unwrap();
        let token = sandbox.private_token().to_owned();
        Self { sandbox, clock, token }
    }

    /// A world of 240 conversations.
    pub(crate) fn new() -> Self {
        Self::with(small())
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send("GET", path, "", "").await
    }

    pub(crate) async fn post(&self, path: &str, json: &Value) -> Got {
        self.send("POST", path, "application/json", &json.to_string()).await
    }

    pub(crate) async fn form(&self, path: &str, fields: &str) -> Got {
        self.send("POST", path, "application/x-www-form-urlencoded", fields).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Got {
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let (mut bytes, mut whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        Got { status: parts.status, headers: parts.headers, body: bytes, whole }
    }

    /// The ids on one page of the conversation list, and where it leads.
    pub(crate) async fn page(&self, path: &str) -> (Vec<i64>, Value) {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        (page["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect(), page)
    }
}

/// The default world, smaller.
pub(crate) fn small() -> Options {
    Options { source: Source::Generated { conversations: 240 }, ..Options::default() }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `error.type`.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"]["type"].as_str().unwrap_or_default().to_owned())
    }
}
