//! The checks on this machine, and the one that asks Drift what the token may do.

use std::path::Path;

use drift::Scope;
use model::Profile;
use store::{Db, StoreError, connections};

use super::Check;
use crate::app::App;
use crate::config::layer::Origin;
use crate::config::setting::SETTINGS;
use crate::database::Missing;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::output::table::size;
use crate::{database, disk};

/// Less free room than this is worth a warning, in bytes: 100,000 conversations take about half of it.
const FREE_BYTES_MIN: u64 = 2_000_000_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The settings were read before the command began; here is where they came from.
pub(super) fn configuration(app: &App) -> Check {
    let config = &app.config;
    let given =
        SETTINGS.iter().filter(|setting| config.layers.get(setting.name).origin != Origin::Default).count();
    let file = match &config.file {
        Some(path) => path.display().to_string(),
        None => "no file".into(),
    };
    Check::passed("configuration", format!("{file}, {given} of {} settings given", SETTINGS.len()))
}

/// Whether the database opens; it is not made.
pub(super) async fn database(app: &App) -> (Check, Option<Db>) {
    let url = &app.config.database;
    match Db::open(url, database::options(app, Missing::Refuse)).await {
        Ok(db) => match db.schema_version().await {
            Ok(version) => (Check::passed("database", format!("{url}, schema version {version}")), Some(db)),
            Err(error) => (Check::failed("database", Failure::store("read", url, &error)), None),
        },
        Err(StoreError::Missing { .. }) => {
            let found = format!("{url} does not exist yet");
            (Check::warning("database", found, "\"longshore connect\" makes it"), None)
        }
        Err(error) => (Check::failed("database", Failure::store("open the database", url, &error)), None),
    }
}

/// Whether there is room, and permission, where files will be written.
pub(super) fn disk(app: &App) -> Check {
    let folder =
        disk::nearest_folder(app.config.database.path().and_then(Path::parent).unwrap_or(Path::new(".")));
    if let Err(failure) = disk::check_writable(&folder) {
        return Check::failed("disk", failure);
    }
    let shown = folder.display();
    match disk::free_bytes(&folder) {
        Some(free) if free < FREE_BYTES_MIN => Check::warning(
            "disk",
            format!("{} free in {shown}", size(free)),
            "an archive of 100,000 conversations takes about 1 GB, its export as much again",
        ),
        Some(free) => Check::passed("disk", format!("{} free in {shown}", size(free))),
        None => Check::passed("disk", format!("{shown} can be written to")),
    }
}

/// Whether Drift accepts the connection, and what it lets us read.
pub(super) async fn connection(app: &App, db: &Db) -> Check {
    const NAME: &str = "connection";
    let known = match connections::list(db).await {
        Ok(known) => known,
        Err(error) => return Check::failed(NAME, Failure::store("read", &app.config.database, &error)),
    };
    if known.is_empty() {
        return Check::warning(NAME, "nothing is connected yet", "connect with \"longshore connect\"");
    }
    match scopes(app, db).await {
        Err(failure) => Check::failed(NAME, failure),
        Ok((org, scopes)) => {
            let missing = missing(&scopes);
            let found = format!("organization {org}, {} scopes", scopes.len());
            if missing.is_empty() {
                return Check::passed(NAME, found);
            }
            let hint = format!(
                "tick {} on the app's page and connect again; without it an archive lacks {}",
                names(&missing),
                missing.iter().map(|(_, what)| *what).collect::<Vec<_>>().join(", ")
            );
            Check::warning(NAME, format!("{found}, {} missing", names(&missing)), hint)
        }
    }
}

/// Whether there are connections that nobody uses.
pub(super) async fn unused(app: &App, db: &Db) -> Check {
    const NAME: &str = "unused connections";
    let known = match connections::list(db).await {
        Ok(known) => known,
        Err(error) => return Check::failed(NAME, Failure::store("read", &app.config.database, &error)),
    };
    let (now, limit_ms) = (app.clock.now(), app.config.connections_unused_ms);
    let unused: Vec<String> = known
        .iter()
        .filter(|one| !one.state.is_given_up() && one.unused_ms(now) >= limit_ms)
        .map(|one| one.connection_id.to_string())
        .collect();
    if unused.is_empty() {
        return Check::passed(NAME, format!("none in {} days", limit_ms / DAY_MS));
    }
    let found = format!("{} in {} days: {}", unused.len(), limit_ms / DAY_MS, unused.join(", "));
    Check::warning(NAME, found, "give up what nobody needs with \"longshore connections disconnect\"")
}

async fn scopes(app: &App, db: &Db) -> Result<(i64, Vec<String>), Failure> {
    let org = database::organization(app, db).await?;
    let opened = network::connections(app, db, Patience::Person, None).await?.open(Some(org)).await?;
    let told = opened
        .client
        .token_info()
        .await
        .map_err(|error| Failure::api("ask what the token may do", &error))?;
    Ok((org.0, told.scopes().map(|scope| scope.to_string()).collect()))
}

/// The scopes of an archive that are not among these, with what each opens.
pub(crate) fn missing(scopes: &[String]) -> Vec<(Scope, &'static str)> {
    let missing = web::scopes::missing(Profile::Archive, scopes).into_iter();
    missing.map(|need| (need.scope, need.scope.opens())).collect()
}

/// Their names, divided by commas.
pub(crate) fn names(scopes: &[(Scope, &str)]) -> String {
    scopes.iter().map(|(scope, _)| scope.as_str()).collect::<Vec<_>>().join(", ")
}
