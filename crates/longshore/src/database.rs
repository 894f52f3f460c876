//! The store as a command opens it: with its key at hand, for the one organization that is meant.

use std::sync::Arc;

use model::OrgId;
use store::vault::{KeyFile, KeyId, KeySource, Ring, Vault, VaultError, Wrapping};
use store::{Db, OpenOptions, StoreError, connections};

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key_command::KeyCommand;

/// Whether a missing database is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Make,
    Refuse,
}

/// Open the database of the configuration.
pub(crate) async fn open(app: &App, missing: Missing) -> Result<Db, Failure> {
    let url = &app.config.database;
    Db::open(url, options(app, missing)).await.map_err(|error| {
        let failure = Failure::store("open the database", url, &error);
        match error {
            StoreError::Missing { .. } => {
                failure.hint("check --database; \"longshore connect\" makes a database")
            }
            _ => failure,
        }
    })
}

/// How the database is opened.
pub(crate) fn options(app: &App, missing: Missing) -> OpenOptions {
    let busy_timeout_ms = app.config.database_wait_ms;
    OpenOptions { create: missing == Missing::Make, busy_timeout_ms, ..OpenOptions::default() }
}

/// The vault of a database: its keys, from where the settings say, held against those the database knows.
pub(crate) async fn vault(app: &App, db: &Db) -> Result<Vault, Failure> {
    let vault = Vault::over(keys(app, db).await?, app.entropy.clone());
    vault.check(db, app.clock.now()).await.map_err(|error| key_failure(app, &error))?;
    Ok(vault)
}

/// The wrapping keys, from where the settings say. A key file is made only for a database that knows no key.
pub(crate) async fn keys(app: &App, db: &Db) -> Result<Arc<dyn Wrapping>, Failure> {
    let noted = store::vault::noted(db).await.map_err(|error| key_failure(app, &error))?;
    ring(app, noted.as_ref()).await.map_err(|error| key_failure(app, &error.into()))
}

async fn ring(app: &App, noted: Option<&KeyId>) -> Result<Arc<dyn Wrapping>, VaultError> {
    let (config, entropy) = (&app.config, app.entropy.clone());
    let source: Box<dyn KeySource> = match &config.key {
        Some(text) => return Ok(Arc::new(Ring::of_text(text, "LONGSHORE_KEY", entropy)?)),
        None if !config.key_command.is_empty() => {
            Box::new(KeyCommand::new(&config.key_command, app.clock.clone()))
        }
        None => Box::new(KeyFile::beside(&config.key_file, noted, entropy.as_ref())?),
    };
    Ok(Arc::new(Ring::read(source, entropy).await?))
}

fn key_failure(app: &App, error: &StoreError) -> Failure {
    Failure::store("use the key of", &app.config.database, error)
}

/// The organization that is meant: the one of the settings, else the only one there is.
pub(crate) async fn organization(app: &App, db: &Db) -> Result<OrgId, Failure> {
    let url = &app.config.database;
    let known = connections::list(db)
        .await
        .map_err(|error| Failure::store("read the connections of", url, &error))?;
    let mut orgs: Vec<OrgId> = known.iter().map(|connection| connection.org_id).collect();
    orgs.sort_unstable();
    orgs.dedup();
    match (app.config.org, orgs.as_slice()) {
        (Some(org), known) if known.contains(&org) => Ok(org),
        (Some(org), _) => {
            Err(Failure::new(Exit::Refused, format!("organization {org} is not connected in {url}"))
                .hint("connect it with \"longshore connect\"; \"longshore status\" lists what is connected"))
        }
        (None, [only]) => Ok(*only),
        (None, []) => Err(Failure::new(Exit::Refused, format!("no organization is connected in {url}"))
            .hint("connect one with \"longshore connect\", or try \"longshore demo\"")),
        (None, several) => Err(Failure::usage(format!("{url} holds {} organizations", several.len()))
            .hint(format!("choose one with --org, such as --org {}", several[0]))),
    }
}
