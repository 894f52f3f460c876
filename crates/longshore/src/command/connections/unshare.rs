//! `longshore connections unshare`: a link connects nobody any more.

use model::ShareLinkId;
use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::install::links;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Revoke a link, at once and for good; connections that it made stay
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The link's id, as "longshore connections links" shows it
    #[arg(value_name = "ID")]
    link: String,
}

#[derive(Debug, Serialize)]
struct Report {
    link_id: String,
}

/// Revoke it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let id = ShareLinkId(args.link);
    let done = async {
        let org = links::get(&db, &id).await?.and_then(|link| link.org);
        let mut tx = db.begin().await?;
        let now = app.clock.now();
        let revoked = links::revoke(&mut tx, &id, now).await?;
        if revoked {
            let (who, object) = (who::command(), Object::new(ObjectKind::ShareLink, id.0.as_str()));
            let entry = NewEntry::done(now, &who, Action::ShareLinkRevoke, object);
            audit::append(&mut tx, &NewEntry { org, ..entry })?;
        }
        tx.commit().await?;
        Ok(revoked)
    };
    let revoked = done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    if !revoked {
        return Err(Failure::usage("there is no link of that id that is not revoked")
            .hint("\"longshore connections links\" shows those there are; the link itself is never its id"));
    }
    let text = format!("{id} revoked\n");
    app.output.report(Exit::Done, &Report { link_id: id.0 }, &text)
}
