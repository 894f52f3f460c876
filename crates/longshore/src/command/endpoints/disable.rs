//! `longshore endpoints disable`: send nothing more to an address.

use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::endpoints;
use store::wake::Channel;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Send nothing to an endpoint until it is enabled; what it is owed is kept
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The endpoint
    #[arg(value_name = "ID")]
    endpoint: String,
}

#[derive(Debug, Serialize)]
struct Report {
    endpoint_id: String,
}

/// Disable it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let endpoint = super::find(app, &db, org, &args.endpoint).await?;
    let id = &endpoint.endpoint_id;
    let done = async {
        let mut tx = db.begin().await?;
        endpoints::disable(&mut tx, org, id, Some("disabled by hand"), app.clock.now()).await?;
        let who = who::command();
        let object = Object::new(ObjectKind::Endpoint, id.0.as_str());
        audit::append(
            &mut tx,
            &NewEntry::done(app.clock.now(), &who, Action::EndpointDisable, object).org(org),
        )?;
        tx.ring(Channel::Changes);
        tx.commit().await
    };
    done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let text = format!("{id} disabled; what it is owed is kept\n");
    app.output.report(Exit::Done, &Report { endpoint_id: id.0.clone() }, &text)
}
