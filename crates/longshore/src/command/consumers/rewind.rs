//! `longshore consumers rewind`: read a part of the feed again, or pass over one.

use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::wake::Channel;
use store::{changes, consumers};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::feed_start;
use crate::who;

/// Put a consumer back (or ahead) to a change or a time
///
/// It reads on from there. An endpoint gets the same webhooks again, with the same ids.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// The first change to read: its number, a time such as 2026-11-22T10:00:00Z or 2h (ago), "beginning" or "now"
    #[arg(long, value_name = "WHERE", value_parser = feed_start::parse)]
    to: feed_start::From,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    cursor_before: i64,
    cursor: i64,
}

/// Move its cursor.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let consumer = super::find(app, &db, org, &args.name).await?;
    let moved = async {
        let cursor = changes::position(&db, org, args.to.start(app.clock.now())).await?;
        let mut tx = db.begin().await?;
        consumers::rewind(&mut tx, org, &args.name, cursor).await?;
        let who = who::command();
        let object = Object::new(ObjectKind::Consumer, args.name.as_str());
        audit::append(
            &mut tx,
            &NewEntry::done(app.clock.now(), &who, Action::ConsumerRewind, object).org(org),
        )?;
        tx.ring(Channel::Changes);
        tx.commit().await?;
        Ok(cursor)
    };
    let cursor = moved.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report { name: args.name, cursor_before: consumer.cursor, cursor };
    let text = format!(
        "{} stands after change {}; it stood after {}\n",
        report.name, report.cursor, report.cursor_before
    );
    app.output.report(Exit::Done, &report, &text)
}
