//! `longshore users reset-link`: let somebody set another password.

use model::UserName;
use serde::Serialize;
use store::access::links::Link;
use store::access::totp;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::links;
use crate::output::table::instant;
use crate::who;

/// Print a link with which a user sets another password
///
/// It works once, within an hour; older links of the user are void. Using it ends the user's sessions and lifts a lock.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user
    #[arg(value_name = "NAME")]
    name: UserName,
    /// Forget the user's authenticator, too: it is lost
    #[arg(long)]
    authenticator: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    link: String,
    link_ends_at: i64,
    authenticator_forgotten: bool,
}

/// Make the link.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let user = super::find(app, &db, &args.name).await?.user_id;
    let made = async {
        if args.authenticator {
            let mut tx = db.begin().await?;
            totp::remove(&mut tx, &user).await?;
            let (who, object) = (who::command(), Object::new(ObjectKind::User, user.0.as_str()));
            let entry = NewEntry::done(app.clock.now(), &who, Action::UserCredential, object);
            audit::append(&mut tx, &entry.because("authenticator_off"))?;
            tx.commit().await?;
        }
        links::make(app, &db, &Link::Reset(user), &app.config.serving.listen.to_string()).await
    };
    let link = made.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report {
        name: args.name.expose().to_owned(),
        link: link.url,
        link_ends_at: link.ends_at.0,
        authenticator_forgotten: args.authenticator,
    };
    let text = format!("works once until {}:\n{}\n", instant(report.link_ends_at), report.link);
    app.output.report(Exit::Done, &report, &text)
}
