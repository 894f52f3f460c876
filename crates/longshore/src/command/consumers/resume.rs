//! `longshore consumers resume`: let a reader of the feed go on.

use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::consumers;
use store::wake::Channel;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Let a paused consumer read on from where it stands
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    cursor: i64,
}

/// Resume it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let consumer = super::find(app, &db, org, &args.name).await?;
    let done = async {
        let mut tx = db.begin().await?;
        consumers::resume(&mut tx, org, &args.name).await?;
        let who = who::command();
        let object = Object::new(ObjectKind::Consumer, args.name.as_str());
        audit::append(
            &mut tx,
            &NewEntry::done(app.clock.now(), &who, Action::ConsumerResume, object).org(org),
        )?;
        tx.ring(Channel::Changes);
        tx.commit().await
    };
    done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report { name: args.name, cursor: consumer.cursor };
    let text = format!("{} resumed; it stands at change {}\n", report.name, report.cursor);
    app.output.report(Exit::Done, &report, &text)
}
