//! `longshore endpoints test`: one signed webhook, sent now, to see whether it arrives.

use serde::Serialize;
use sinks::webhook::{self, Delivery, Outcome, SigningSecret};
use store::endpoints;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network;

/// Send an endpoint one webhook of the type test.ping, and say what it answered
///
/// Nothing is recorded, and a disabled endpoint is tried all the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The endpoint
    #[arg(value_name = "ID")]
    endpoint: String,
}

#[derive(Debug, Serialize)]
struct Report {
    endpoint_id: String,
    message_id: String,
    outcome: &'static str,
    status: Option<u16>,
    reason: Option<String>,
    elapsed_ms: i64,
}

/// Send one.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let vault = database::vault(app, &db).await?;
    let endpoint = super::find(app, &db, org, &args.endpoint).await?;
    let began = app.clock.now();
    let held = endpoints::secrets(&db, org, &endpoint.endpoint_id, &vault, began).await;
    let held = held.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let secrets: Vec<SigningSecret> =
        held.iter().map(SigningSecret::parse).collect::<Result<_, _>>().map_err(|error| {
            Failure::new(Exit::Database, format!("the stored secret does not sign: {error}"))
        })?;
    let webhooks = network::webhooks(&app.config, vault)?;
    let url = webhooks.reach.url(&endpoint.url).map_err(|error| {
        Failure::usage(format!("the endpoint's address is refused: {error}"))
            .hint("set webhooks_private=true if it is to be reached all the same")
    })?;
    let message_id = format!("msg_test_{:016x}", app.entropy.next_u64());
    let body = webhook::payload::ping(org, began).into();
    let delivery = Delivery { url: &url, secrets: &secrets, id: &message_id, body, trace: None };
    let outcome = webhook::send(webhooks.transport.as_ref(), app.clock.as_ref(), delivery).await;
    let report = report(endpoint.endpoint_id.0, message_id, &outcome, app.clock.now().since(began));
    let exit = if report.status.is_some() { Exit::Done } else { Exit::Unreachable };
    app.output.report(exit, &report, &text(&report))
}

fn report(endpoint_id: String, message_id: String, outcome: &Outcome, elapsed_ms: i64) -> Report {
    let (status, reason) = match outcome {
        Outcome::Taken { status } => (Some(*status), None),
        Outcome::Gone => (None, Some("the receiver answered 410: it wants nothing more".to_owned())),
        Outcome::Unavailable { reason, .. } | Outcome::Refused { reason } => (None, Some(reason.clone())),
    };
    Report { endpoint_id, message_id, outcome: outcome.as_str(), status, reason, elapsed_ms }
}

fn text(report: &Report) -> String {
    match (&report.status, &report.reason) {
        (Some(status), _) => {
            format!("{} was taken with {status} in {} ms\n", report.message_id, report.elapsed_ms)
        }
        (None, reason) => format!(
            "{} was not taken: {} (after {} ms)\n",
            report.message_id,
            reason.as_deref().unwrap_or_default(),
            report.elapsed_ms
        ),
    }
}
