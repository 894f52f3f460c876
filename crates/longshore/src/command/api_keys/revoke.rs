//! `longshore api-keys revoke`: a key opens nothing any more.

use model::ApiKeyId;
use serde::Serialize;
use store::access::keys;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Revoke a key, at once and for good
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key's id, as "longshore api-keys list" shows it
    #[arg(value_name = "ID")]
    key: String,
}

#[derive(Debug, Serialize)]
struct Report {
    key_id: String,
}

/// Revoke it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let key = ApiKeyId(args.key);
    let done = async {
        let mut tx = db.begin().await?;
        let now = app.clock.now();
        let revoked = keys::revoke(&mut tx, &key, now).await?;
        if revoked {
            let (who, object) = (who::command(), Object::new(ObjectKind::ApiKey, key.0.as_str()));
            audit::append(&mut tx, &NewEntry::done(now, &who, Action::ApiKeyRevoke, object))?;
        }
        tx.commit().await?;
        Ok(revoked)
    };
    let revoked = done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    if !revoked {
        return Err(Failure::usage("there is no good key of that id")
            .hint("\"longshore api-keys list\" shows those there are; a key itself is never its id"));
    }
    let text = format!("{key} revoked\n");
    app.output.report(Exit::Done, &Report { key_id: key.0 }, &text)
}
