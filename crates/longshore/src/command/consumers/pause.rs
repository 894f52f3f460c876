//! `longshore consumers pause`: let a reader of the feed stand still.

use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::consumers;
use store::wake::Channel;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Let a consumer stand still until it is resumed
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

/// Pause it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let consumer = super::find(app, &db, org, &args.name).await?;
    let done = async {
        let mut tx = db.begin().await?;
        consumers::pause(&mut tx, org, &args.name).await?;
        let who = who::command();
        let object = Object::new(ObjectKind::Consumer, args.name.as_str());
        audit::append(
            &mut tx,
            &NewEntry::done(app.clock.now(), &who, Action::ConsumerPause, object).org(org),
        )?;
        tx.ring(Channel::Changes);
        tx.commit().await
    };
    done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report { name: args.name, cursor: consumer.cursor };
    let text = format!("{} paused; it stands at change {}\n", report.name, report.cursor);
    app.output.report(Exit::Done, &report, &text)
}
