//! `longshore users add`: let somebody in.

use model::{AccessUserId, Role, UserName};
use serde::Serialize;
use store::StoreError;
use store::access::links::Link;
use store::access::memberships::{self, Membership};
use store::access::users;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use super::{Place, place};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::links;
use crate::output::table::instant;
use crate::who;

/// Add a user, and print the link with which the user sets a password
///
/// The link works once, within three days.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name to sign in with, such as a mail address
    #[arg(value_name = "NAME")]
    name: UserName,
    /// What the user is: owner, admin, analyst, reviewer, agent, auditor
    #[arg(long, value_name = "ROLE")]
    role: Role,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Report {
    user_id: String,
    name: String,
    role: &'static str,
    /// None: every one.
    organization: Option<i64>,
    link: String,
    link_ends_at: i64,
}

/// Add the user.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    if args.role == Role::Service {
        return Err(Failure::usage("a service is no person")
            .hint("make a key for it with \"longshore api-keys create\""));
    }
    let db = database::open(app, Missing::Refuse).await?;
    let org = args.place.organization(app, &db).await?;
    let user = AccessUserId::new(app.clock.as_ref(), app.entropy.as_ref());
    let added = async {
        let mut tx = db.begin().await?;
        let now = app.clock.now();
        users::insert(&mut tx, &user, &args.name, now).await?;
        memberships::put(&mut tx, &user, &Membership { org, role: args.role, since: now }).await?;
        let (who, object) = (who::command(), Object::new(ObjectKind::User, user.0.as_str()));
        audit::append(&mut tx, &NewEntry::done(now, &who, Action::UserCreate, object))?;
        super::append_role(&mut tx, &who, &user, (org, args.role.as_str()), now)?;
        tx.commit().await?;
        links::make(app, &db, &Link::Invitation(user.clone()), &app.config.serving.listen.to_string()).await
    };
    let link = added.await.map_err(|error| match error {
        StoreError::Conflict { .. } => Failure::usage("there is a user of that name already")
            .hint("\"longshore users reset-link\" makes a new link"),
        other => super::failed(app, &other),
    })?;
    db.close().await;
    let report = Report {
        user_id: user.0,
        name: args.name.expose().to_owned(),
        role: args.role.as_str(),
        organization: org.map(|org| org.0),
        link: link.url,
        link_ends_at: link.ends_at.0,
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

fn text(report: &Report) -> String {
    format!(
        "{} is {} of {}\ngive this link, which works once until {}:\n{}\n",
        report.name,
        report.role,
        place(report.organization),
        instant(report.link_ends_at),
        report.link
    )
}
