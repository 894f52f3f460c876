//! `longshore endpoints add`: send every change to an address.

use model::EndpointId;
use serde::Serialize;
use sinks::webhook::{SigningSecret, UrlError};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::changes::{self, ChangeKind};
use store::endpoints::{self, NewEndpoint};
use store::wake::Channel;

use crate::app::App;
use crate::command::tail;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;
use crate::{feed_start, input};

/// Add an endpoint, and show the secret that signs its webhooks
///
/// The secret is shown this once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the webhooks go: an https:// address
    #[arg(value_name = "URL")]
    url: String,
    /// Only changes of this kind; may be given several times
    #[arg(long, value_name = "KIND", value_parser = tail::kind)]
    kind: Vec<ChangeKind>,
    /// Where to begin: a change's number, a time such as 2026-11-22T10:00:00Z or 2h (ago), "beginning" or "now"
    #[arg(long, value_name = "WHERE", value_parser = feed_start::parse, default_value = "now")]
    from: feed_start::From,
    /// Read the secret (whsec_ and base64) from stdin instead of making one
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    endpoint_id: String,
    url: String,
    kinds: Vec<&'static str>,
    cursor: i64,
    /// Shown where it is made, for it cannot be had any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Add it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let url = super::reach(app).url(&args.url).map_err(refused)?;
    let given =
        args.secret_stdin.then(|| super::rotate::given_secret(input::secret_from_stdin)).transpose()?;
    let made = given.is_none();
    let secret = given.unwrap_or_else(|| SigningSecret::generate(app.entropy.as_ref()));
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let vault = database::vault(app, &db).await?;
    let now = app.clock.now();
    let endpoint_id = EndpointId::new(app.clock.as_ref(), app.entropy.as_ref());
    let added = async {
        let cursor = changes::position(&db, org, args.from.start(now)).await?;
        let (url, secret, endpoint_id) = (url.to_string(), secret.text().clone(), endpoint_id.clone());
        let new = NewEndpoint { org, endpoint_id, url, kinds: args.kind.clone(), cursor, secret };
        let mut tx = db.begin().await?;
        endpoints::add(&mut tx, &new, &vault, now).await?;
        let who = who::command();
        let object = Object::new(ObjectKind::Endpoint, new.endpoint_id.0.as_str());
        audit::append(&mut tx, &NewEntry::done(now, &who, Action::EndpointCreate, object).org(org))?;
        tx.ring(Channel::Changes);
        tx.commit().await?;
        Ok(cursor)
    };
    let cursor = added.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report {
        endpoint_id: endpoint_id.0,
        url: url.to_string(),
        kinds: args.kind.iter().map(|kind| kind.as_str()).collect(),
        cursor,
        secret: made.then(|| secret.text().expose().to_owned()),
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn refused(error: UrlError) -> Failure {
    let failure = Failure::usage(format!("the endpoint cannot be added: {error}"));
    match error {
        UrlError::Private | UrlError::Scheme => failure.hint(
            "set webhooks_private=true to allow addresses of this machine and of private networks, and http://",
        ),
        UrlError::Form => failure.hint("give a whole address, such as https://example.com/hooks/drift"),
        UrlError::Credentials => failure.hint("the receiver can tell our webhooks by their signature"),
        UrlError::Length => failure,
    }
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "endpoint {}\nurl      {}\nfrom     the first change after {}\n",
        report.endpoint_id, report.url, report.cursor
    );
    if let Some(secret) = &report.secret {
        text +=
            &format!("secret   {secret}\n\nKeep the secret at the receiver now: it is not shown again.\n");
    }
    text
}
