//! `longshore webhooks token`: the verification token of the Drift app, from stdin into the vault.

use model::{ConnectionId, OrgId};
use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::{StoreError, connections};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::who;

/// Keep a connection's verification token
///
/// Drift shows it on the app's page and sends it with every webhook: longshore webhooks token < token.txt
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    organization: OrgId,
    connection_id: ConnectionId,
}

/// Read it, seal it, store it.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let organization = database::organization(app, &db).await?;
    let failed =
        |error: StoreError| Failure::store("keep the verification token in", &app.config.database, &error);
    let connection = connections::get(&db, organization).await.map_err(failed)?;
    let connection = connection.ok_or(StoreError::NotFound { what: "connection" }).map_err(failed)?;
    let connection_id = connection.connection_id;
    let token = input::secret_from_stdin("verification token")?;
    let vault = database::vault(app, &db).await?;
    let mut tx = db.begin().await.map_err(failed)?;
    connections::put_secret(
        &mut tx,
        &connection_id,
        web::gateway::WEBHOOK_TOKEN,
        &token,
        &vault,
        app.clock.now(),
    )
    .await
    .map_err(failed)?;
    let who = who::command();
    let object = Object::new(ObjectKind::Connection, connection_id.0.as_str());
    let entry = NewEntry::done(app.clock.now(), &who, Action::WebhookTokenSet, object).org(organization);
    audit::append(&mut tx, &entry).map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    db.close().await;
    let text = format!("The verification token of organization {organization} is kept, sealed\n");
    app.output.report(Exit::Done, &Report { organization, connection_id }, &text)
}
