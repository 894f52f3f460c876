//! `longshore endpoints rotate`: sign with a new secret.

use model::Secret;
use serde::Serialize;
use sinks::webhook::SigningSecret;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::endpoints::{self, Replaced};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::who;

/// Sign an endpoint's webhooks with a new secret, and show it
///
/// For 24 hours the old secret signs beside it, so that the receiver may change over at any moment.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The endpoint
    #[arg(value_name = "ID")]
    endpoint: String,
    /// Let the old secret end at once: somebody else knows it
    #[arg(long)]
    end_old: bool,
    /// Read the new secret (whsec_ and base64) from stdin instead of making one
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    endpoint_id: String,
    /// Shown where it is made, for it cannot be had any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    old_ends_at: i64,
}

/// Rotate.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let given = args.secret_stdin.then(|| given_secret(input::secret_from_stdin)).transpose()?;
    let made = given.is_none();
    let secret = given.unwrap_or_else(|| SigningSecret::generate(app.entropy.as_ref()));
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let vault = database::vault(app, &db).await?;
    let endpoint = super::find(app, &db, org, &args.endpoint).await?;
    let (now, replaced) = (app.clock.now(), if args.end_old { Replaced::End } else { Replaced::SignOn });
    let rotated = async {
        let mut tx = db.begin().await?;
        let id = (org, &endpoint.endpoint_id);
        endpoints::rotate(&mut tx, id, secret.text(), replaced, &vault, now).await?;
        let who = who::command();
        let object = Object::new(ObjectKind::Endpoint, endpoint.endpoint_id.0.as_str());
        audit::append(&mut tx, &NewEntry::done(now, &who, Action::EndpointRotate, object).org(org))?;
        tx.commit().await
    };
    rotated.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let old_ends_at = match replaced {
        Replaced::SignOn => now.plus(endpoints::ROTATED_MS),
        Replaced::End => now,
    };
    let report = Report {
        endpoint_id: endpoint.endpoint_id.0,
        secret: made.then(|| secret.text().expose().to_owned()),
        old_ends_at: old_ends_at.0,
    };
    app.output.report(Exit::Done, &report, &text(&report, replaced))
}

/// A secret of the receiver's own, read by `read`.
pub(super) fn given_secret(
    read: impl FnOnce(&str) -> Result<Secret, Failure>,
) -> Result<SigningSecret, Failure> {
    let text = read("signing secret")?;
    SigningSecret::parse(&text).map_err(|error| {
        Failure::usage(error.to_string()).hint("give whsec_ and 24 to 64 random bytes in base64")
    })
}

fn text(report: &Report, replaced: Replaced) -> String {
    let mut text = String::new();
    if let Some(secret) = &report.secret {
        text +=
            &format!("secret   {secret}\n\nKeep the secret at the receiver now: it is not shown again.\n");
    }
    text += match replaced {
        Replaced::SignOn => "The old secret signs beside it for 24 hours.\n",
        Replaced::End => "The old secret signs no more.\n",
    };
    text
}
