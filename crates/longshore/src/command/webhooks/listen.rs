//! `longshore webhooks listen`: a receiver that prints what comes and keeps nothing.
//!
//! For whoever wants to see Drift's events before trusting them to a server. It is no gateway: nothing is stored, so
//! nothing is promised to be there later.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use drift::webhook::{BODY_BYTES_MAX, Event};
use model::Secret;
use serde::Serialize;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::output::table::instant;

/// Print events as they come, and keep nothing
///
/// Listens on this machine only; point a tunnel or "longshore webhooks send" at it. One line an event, or one JSON object with
/// --json: ids and times, nothing personal unless --bodies is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port to listen on; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8918)]
    port: u16,
    /// Read the verification token from stdin, and refuse events without it
    #[arg(long)]
    token_stdin: bool,
    /// Print the whole data of each event, people's names and words included
    #[arg(long)]
    bodies: bool,
}

struct Listening {
    app: App,
    token: Option<Secret>,
    bodies: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    received_at: i64,
    organization: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    spelled: &'a str,
    conversation_id: Option<i64>,
    contact_id: Option<i64>,
    user_id: Option<i64>,
    message_id: Option<i64>,
    occurred_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// Listen until somebody stops it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let token = if args.token_stdin { Some(input::secret_from_stdin("verification token")?) } else { None };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {address}: {error}")).hint("give another port with --port")
    })?;
    let port = listener.local_addr().map_or(args.port, |address| address.port());
    app.output.note(&format!(
        "Listening on http://127.0.0.1:{port}/webhooks/drift; try: longshore webhooks send new_message --to http://127.0.0.1:{port}/webhooks/drift"
    ));
    let interrupt = app.interrupt.clone();
    let listening = Arc::new(Listening { app: app.clone(), token, bodies: args.bodies });
    let router = Router::new()
        .route("/webhooks/drift", post(receive))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(listening);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { interrupt.asked().await })
        .await
        .map_err(|error| Failure::unexpected(format!("the listener failed: {error}")))?;
    Ok(Exit::Done)
}

async fn receive(State(listening): State<Arc<Listening>>, body: Bytes) -> (StatusCode, String) {
    let event = match Event::parse(&body) {
        Ok(event) => event,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()),
    };
    let given = event.token.as_ref().map_or("", Secret::expose);
    if listening.token.as_ref().is_some_and(|token| !is_same(token, given)) {
        return (StatusCode::UNAUTHORIZED, "the verification token is missing or wrong".into());
    }
    let line = line(&event, listening.app.clock.now().0, listening.bodies);
    match print(listening.app.output, &line) {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(failure) => (StatusCode::INTERNAL_SERVER_ERROR, failure.message),
    }
}

/// In a time that tells nothing of how much of it is right.
fn is_same(token: &Secret, given: &str) -> bool {
    token.expose().as_bytes().ct_eq(given.as_bytes()).into()
}

fn line<'a>(event: &'a Event<'_>, received_at: i64, bodies: bool) -> Line<'a> {
    Line {
        received_at,
        organization: event.org.0,
        kind: event.kind.as_str(),
        spelled: &event.spelled,
        conversation_id: event.conversation.map(|id| id.0),
        contact_id: event.contact.map(|id| id.0),
        user_id: event.user.map(|id| id.0),
        message_id: event.message.map(|id| id.0),
        occurred_at: event.occurred_at.map(|at| at.0),
        data: bodies.then_some(event.data),
    }
}

fn print(output: Output, line: &Line<'_>) -> Result<(), Failure> {
    let mut text = format!("{}  {}", instant(line.received_at), line.kind);
    if line.spelled != line.kind {
        text += &format!(" (as {})", line.spelled);
    }
    text += &format!("  organization {}", line.organization);
    let ids = [
        ("conversation", line.conversation_id),
        ("message", line.message_id),
        ("contact", line.contact_id),
        ("user", line.user_id),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            text += &format!("  {name} {id}");
        }
    }
    if let Some(data) = line.data {
        text += &format!("  {}", data.get());
    }
    output.line(line, &text)
}
