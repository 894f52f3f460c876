//! `longshore sessions revoke`: sign somebody out.

use model::{SessionId, UserName};
use serde::Serialize;
use store::access::sessions;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use crate::app::App;
use crate::command::users::{failed, find};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// End a session, or all of a user, at once
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session, as "longshore sessions list" shows it
    #[arg(value_name = "ID", required_unless_present = "user")]
    session: Option<String>,
    /// All sessions of this user
    #[arg(long, value_name = "NAME", conflicts_with = "session")]
    user: Option<UserName>,
}

#[derive(Debug, Serialize)]
struct Report {
    ended: u64,
}

/// End them.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let user = match &args.user {
        Some(name) => Some(find(app, &db, name).await?.user_id),
        None => None,
    };
    let session = SessionId(args.session.unwrap_or_default());
    let done = async {
        let mut tx = db.begin().await?;
        let ended = match &user {
            Some(user) => sessions::end_of_user(&mut tx, user, None).await?,
            None => u64::from(sessions::end(&mut tx, &session).await?),
        };
        if ended > 0 {
            let (who, now) = (who::command(), app.clock.now());
            let object = match &user {
                Some(user) => Object::new(ObjectKind::User, user.0.as_str()),
                None => Object::new(ObjectKind::Session, session.0.as_str()),
            };
            let entry = NewEntry::done(now, &who, Action::SessionRevoke, object);
            audit::append(&mut tx, &entry.amount(i64::try_from(ended).unwrap_or(i64::MAX)))?;
        }
        tx.commit().await?;
        Ok(ended)
    };
    let ended = done.await.map_err(|error| failed(app, &error))?;
    db.close().await;
    if ended == 0 && user.is_none() {
        return Err(Failure::usage("there is no session of that id")
            .hint("\"longshore sessions list\" shows those there are"));
    }
    let text = format!("{ended} sessions ended\n");
    app.output.report(Exit::Done, &Report { ended }, &text)
}
