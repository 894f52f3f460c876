//! The end of the consent's way: a server on this machine that waits for the one answer with our state.
//!
//! It listens on the port of the redirect address, on the loopback interface only, and goes away with the answer.
//! An answer with another state is refused and the waiting goes on, so that another page in the same browser
//! can neither end nor take over a connection that is being made.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use drift::oauth::{Callback, CallbackError};
use model::{Clock, Secret};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::Interrupt;

/// A server that waits for one answer.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    path: String,
}

/// What became of the consent.
type Answered = Result<Secret, Failure>;

#[derive(Clone)]
struct Waiting {
    state: Secret,
    answer: Arc<Mutex<Option<oneshot::Sender<Answered>>>>,
}

impl Server {
    /// Listen where the redirect address leads; port 0 takes any free one.
    pub(crate) async fn bind(redirect_uri: &Url) -> Result<Self, Failure> {
        let address = loopback(redirect_uri)?;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::usage(format!("cannot listen on {address} for the answer of the consent page: {error}"))
                .hint("end the program that uses the port, or save another redirect address with the app and set redirect_uri")
        })?;
        Ok(Self { listener, path: redirect_uri.path().to_owned() })
    }

    /// The address it listens on, as a redirect address.
    pub(crate) fn redirect_uri(&self) -> Result<String, Failure> {
        let address = self.listener.local_addr();
        let address = address.map_err(|error| Failure::unexpected(format!("no local address: {error}")))?;
        Ok(format!("http://{address}{}", self.path))
    }

    /// Wait for the answer with this state, at most `wait_ms` milliseconds, and give its code.
    pub(crate) async fn code(
        self,
        state: Secret,
        wait_ms: u64,
        clock: &dyn Clock,
        interrupt: &Interrupt,
    ) -> Answered {
        let (sender, receiver) = oneshot::channel();
        let waiting = Waiting { state, answer: Arc::new(Mutex::new(Some(sender))) };
        let router = Router::new().route(&self.path, axum::routing::get(answer)).with_state(waiting);
        let (done, ended) = oneshot::channel::<()>();
        let server = axum::serve(self.listener, router).with_graceful_shutdown(async {
            // An error means that the sender was dropped: an end all the same.
            let _ = ended.await;
        });
        let server = tokio::spawn(server.into_future());
        let answered = tokio::select! {
            answered = drift::deadline(clock, wait_ms, receiver) => match answered {
                Ok(Ok(answered)) => answered,
                Ok(Err(_)) => Err(Failure::unexpected("the callback server ended without an answer")),
                Err(_) => Err(Failure::new(Exit::Refused, "nobody allowed the connection in time")
                    .hint("run \"longshore connect\" again and open the address it prints")),
            },
            () = interrupt.asked() => Err(Failure::interrupted("stopped while waiting for the consent")),
        };
        drop(done);
        // The page has to reach the browser before the process goes; a server that hangs is left behind.
        let _ = drift::deadline(clock, FAREWELL_MS, server).await;
        answered
    }
}

/// How long the answer's page may take to reach the browser, in milliseconds.
const FAREWELL_MS: u64 = 2_000;

/// Where the redirect address leads on this machine.
fn loopback(redirect_uri: &Url) -> Result<SocketAddr, Failure> {
    let address = match redirect_uri.host() {
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
        Some(url::Host::Domain("localhost")) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    if redirect_uri.scheme() != "http" || !address.is_loopback() {
        return Err(Failure::usage(format!("redirect_uri {redirect_uri} does not lead to this machine"))
            .hint("save an address such as http://127.0.0.1:8917/callback with the app, and set redirect_uri to the same"));
    }
    Ok(SocketAddr::new(address, redirect_uri.port_or_known_default().unwrap_or(80)))
}

async fn answer(State(waiting): State<Waiting>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let (state, answered) = match Callback::parse(query) {
        Ok(callback) => (callback.state, Ok(callback.code)),
        Err(CallbackError::Refused(word)) => (state_of(query), Err(denied(&word))),
        Err(CallbackError::NoCode) => {
            return page(StatusCode::BAD_REQUEST, "This is not the answer of a consent page.");
        }
    };
    if !state.is_some_and(|state| same(&state, waiting.state.expose())) {
        return page(StatusCode::BAD_REQUEST, "This answer belongs to another connection. Nothing was done.");
    }
    let text = match &answered {
        Ok(_) => "Connected. You can close this window and go back to the terminal.",
        Err(_) => "The connection was not allowed. Nothing was stored.",
    };
    let sender = waiting.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    match sender {
        Some(sender) => {
            // The receiver is gone only when the wait is over; the page then says too much, and the terminal does not.
            let _ = sender.send(answered);
            page(StatusCode::OK, text)
        }
        None => page(StatusCode::CONFLICT, "This answer was already used."),
    }
}

/// The state of a refusal: one without it, or with another, ends nothing.
fn state_of(query: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "state").map(|(_, value)| value.into_owned())
}

fn denied(word: &str) -> Failure {
    Failure::new(Exit::Refused, format!("the connection was not allowed: {word}"))
        .hint("run \"longshore connect\" again, and allow it as an administrator of the Drift workspace")
}

/// Compared whole, so that the time tells nothing about how much was right.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn page(status: StatusCode, text: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Longshore</title>\
         <body style=\"font: 1.1rem/1.5 system-ui; max-width: 36rem; margin: 20vh auto; padding: 0 1rem\"><p>{text}</p>"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_listened_on() {
        let check = |text: &str| loopback(&Url::parse(text).unwrap()).map(|address| address.to_string());
        assert_eq!(check("http://127.0.0.1:8917/callback").unwrap(), "127.0.0.1:8917");
        assert_eq!(check("http://localhost:80/").unwrap(), "127.0.0.1:80");
        assert_eq!(check("http://[::1]:1/").unwrap(), "[::1]:1");
        for text in
            ["https://127.0.0.1/x", "http://192.168.0.7/", "http://0.0.0.0:1/", "http://longshore.test/"]
        {
            assert_eq!(check(text).unwrap_err().exit, Exit::Usage, "{text}");
        }
    }
}
