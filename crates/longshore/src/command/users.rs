//! `longshore users`: who may sign in, and as what.

mod add;
mod list;
mod remove;
mod reset_link;
mod role;

use clap::Subcommand;
use model::{AccessUserId, Millis, OrgId, UserName};
use store::access::users::{self, User};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::{Db, StoreError, Tx};

use crate::app::App;
use crate::database;
use crate::exit::Exit;
use crate::failure::Failure;

/// Add and look after the people who may sign in to "longshore serve"
///
/// docs/access.md tells what each role may.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(add::Args),
    List(list::Args),
    Role(role::Args),
    ResetLink(reset_link::Args),
    Remove(remove::Args),
}

/// Do what was asked.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    match args.what {
        What::Add(args) => add::run(app, args).await,
        What::List(args) => list::run(app, args).await,
        What::Role(args) => role::run(app, args).await,
        What::ResetLink(args) => reset_link::run(app, args).await,
        What::Remove(args) => remove::run(app, args).await,
    }
}

/// Where a role holds.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::command) struct Place {
    /// In every organization, those to come included, instead of in one
    #[arg(long)]
    everywhere: bool,
}

impl Place {
    /// The organization that is meant; `None` for every one.
    pub(in crate::command) async fn organization(self, app: &App, db: &Db) -> Result<Option<OrgId>, Failure> {
        if self.everywhere { Ok(None) } else { database::organization(app, db).await.map(Some) }
    }
}

/// An organization as a table tells it.
pub(in crate::command) fn place(org: Option<i64>) -> String {
    org.map_or_else(|| "every organization".to_owned(), |org| format!("organization {org}"))
}

/// Write down what a user is from now on, and where.
fn append_role(
    tx: &mut Tx,
    who: &Who,
    user: &AccessUserId,
    (org, role): (Option<OrgId>, &'static str),
    now: Millis,
) -> Result<(), StoreError> {
    let entry = NewEntry::done(now, who, Action::UserRole, Object::new(ObjectKind::User, user.0.as_str()));
    audit::append(tx, &NewEntry { org, ..entry.because(role) })
}

/// The user of that name, which a person typed.
pub(in crate::command) async fn find(app: &App, db: &Db, name: &UserName) -> Result<User, Failure> {
    let found = users::by_name(db, name).await.map_err(|error| failed(app, &error))?;
    found.ok_or_else(|| {
        Failure::usage("there is no user of that name").hint("\"longshore users list\" shows those there are")
    })
}

pub(in crate::command) fn failed(app: &App, error: &StoreError) -> Failure {
    let failure = Failure::store("read or change the users of", &app.config.database, error);
    match error {
        StoreError::LastOwner => Failure { exit: Exit::Usage, ..failure },
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use model::{Permission, Role};

    use crate::documents;

    #[test]
    fn the_page_of_roles_tells_the_table_of_the_program() {
        let mut table = format!("| permission | {} |\n|---|", Role::ALL.map(Role::as_str).join(" | "));
        table += &"---|".repeat(Role::ALL.len());
        table += "\n";
        for permission in Permission::ALL {
            let star = if permission.needs_step_up() { " *" } else { "" };
            let has = |role: Role| if role.permissions().contains(&permission) { "yes" } else { "" };
            table += &format!("| `{permission}`{star} | {} |\n", Role::ALL.map(has).join(" | "));
        }
        documents::holds("access.md", "roles", &table);
    }
}
