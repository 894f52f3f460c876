//! `longshore users role`: make somebody something else.

use model::{Role, UserName};
use serde::Serialize;
use store::access::memberships::{self, Membership};

use super::{Place, place};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Set what a user is in an organization, or in every one
///
/// It holds from the user's next request on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user
    #[arg(value_name = "NAME")]
    name: UserName,
    /// What the user is from now on: owner, admin, analyst, reviewer, agent, auditor
    #[arg(value_name = "ROLE", required_unless_present = "none")]
    role: Option<Role>,
    /// The user is nothing there any more
    #[arg(long, conflicts_with = "role")]
    none: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    /// None: nothing.
    role: Option<&'static str>,
    /// None: every one.
    organization: Option<i64>,
}

/// Set it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    if args.role == Some(Role::Service) {
        return Err(Failure::usage("a service is no person")
            .hint("make a key for it with \"longshore api-keys create\""));
    }
    let db = database::open(app, Missing::Refuse).await?;
    let org = args.place.organization(app, &db).await?;
    let user = super::find(app, &db, &args.name).await?.user_id;
    let done = async {
        let mut tx = db.begin().await?;
        let now = app.clock.now();
        let word = args.role.map_or("none", Role::as_str);
        super::append_role(&mut tx, &who::command(), &user, (org, word), now)?;
        match args.role {
            Some(role) => {
                memberships::put(&mut tx, &user, &Membership { org, role, since: now }).await?;
            }
            None => {
                memberships::remove(&mut tx, &user, org).await?;
            }
        }
        tx.commit().await
    };
    done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report {
        name: args.name.expose().to_owned(),
        role: args.role.map(Role::as_str),
        organization: org.map(|org| org.0),
    };
    let role = report.role.unwrap_or("nothing");
    let text = format!("{} is {role} of {}\n", report.name, place(report.organization));
    app.output.report(Exit::Done, &report, &text)
}
