//! `longshore api-keys create`: a key for a program.

use model::{ApiKeyId, Permission, Role};
use serde::Serialize;
use store::access::Token;
use store::access::keys::{self, ApiKey};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};

use crate::app::App;
use crate::command::users::{Place, place};
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::instant;
use crate::who;

const NAME_CHARACTERS_MAX: usize = 100;
const MS_PER_DAY: i64 = 86_400_000;

/// Make a key, and print it
///
/// The key is shown this once. It may what its scopes name; without scopes, what its role may but for what asks a person for
/// the password once more.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What it is for, such as "prometheus"
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// What it may, such as metrics:read; may be given several times
    #[arg(long, value_name = "PERMISSION")]
    scope: Vec<Permission>,
    /// What it is: a role of docs/access.md
    #[arg(long, value_name = "ROLE", default_value = "service")]
    role: Role,
    /// After how many days it ends, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Report {
    key_id: String,
    name: String,
    role: &'static str,
    scopes: Vec<&'static str>,
    /// None: every one.
    organization: Option<i64>,
    ends_at: i64,
    /// Shown this once.
    key: String,
}

/// A name that can stand in a table.
fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX;
    if !fits || name.chars().any(char::is_control) {
        return Err(format!("expected 1 to {NAME_CHARACTERS_MAX} characters on one line"));
    }
    Ok(name.to_owned())
}

/// Make it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    check(&args)?;
    let db = database::open(app, Missing::Refuse).await?;
    let org = args.place.organization(app, &db).await?;
    let now = app.clock.now();
    let token = Token::generate(keys::PREFIX, app.entropy.as_ref());
    let key = ApiKey {
        key_id: ApiKeyId::new(app.clock.as_ref(), app.entropy.as_ref()),
        name: args.name,
        org,
        role: args.role,
        scopes: args.scope,
        created_at: now,
        ends_at: now.plus(i64::from(args.days) * MS_PER_DAY),
        last_used_at: None,
        revoked_at: None,
    };
    let done = async {
        let mut tx = db.begin().await?;
        keys::insert(&mut tx, &key, &token).await?;
        let (who, object) = (who::command(), Object::new(ObjectKind::ApiKey, key.key_id.0.as_str()));
        let entry = NewEntry::done(now, &who, Action::ApiKeyCreate, object).because(key.role.as_str());
        audit::append(&mut tx, &NewEntry { org, ..entry })?;
        tx.commit().await
    };
    done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = Report {
        key_id: key.key_id.0,
        name: key.name,
        role: key.role.as_str(),
        scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
        organization: key.org.map(|org| org.0),
        ends_at: key.ends_at.0,
        key: token.expose().to_owned(),
    };
    app.output.report(Exit::Done, &report, &text(&report))
}

/// A service has what it names, and any other role at most what it may.
fn check(args: &Args) -> Result<(), Failure> {
    if args.role == Role::Service {
        if args.scope.is_empty() {
            return Err(Failure::usage("a service may nothing by itself").hint(
                "name what it may with --scope, or give it another --role; docs/access.md lists both",
            ));
        }
        return Ok(());
    }
    let beyond = args.scope.iter().find(|scope| !args.role.permissions().contains(scope));
    match beyond {
        Some(scope) => Err(Failure::usage(format!("the role {} does not hold {scope}", args.role))
            .hint("leave --role away: a service may what its scopes name")),
        None => Ok(()),
    }
}

fn text(report: &Report) -> String {
    let may =
        if report.scopes.is_empty() { format!("what {} may", report.role) } else { report.scopes.join(", ") };
    format!(
        "{} may {may} in {}, until {}\nthe key, shown this once:\n{}\n",
        report.name,
        place(report.organization),
        instant(report.ends_at),
        report.key
    )
}
