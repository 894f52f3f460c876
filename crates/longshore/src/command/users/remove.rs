//! `longshore users remove`: let somebody in no more.

use model::UserName;
use serde::Serialize;
use store::access::users;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Remove a user, with roles, sessions and links, at once
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user
    #[arg(value_name = "NAME")]
    name: UserName,
}

#[derive(Debug, Serialize)]
struct Report {
    user_id: String,
    name: String,
}

/// Remove the user.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let user = super::find(app, &db, &args.name).await?.user_id;
    let done = async {
        let mut tx = db.begin().await?;
        users::remove(&mut tx, &user).await?;
        let (who, object) = (who::command(), Object::new(ObjectKind::User, user.0.as_str()));
        audit::append(&mut tx, &NewEntry::done(app.clock.now(), &who, Action::UserRemove, object))?;
        tx.commit().await
    };
    done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report { user_id: user.0, name: args.name.expose().to_owned() };
    let text = format!("{} removed\n", report.name);
    app.output.report(Exit::Done, &report, &text)
}
