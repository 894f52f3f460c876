//! The store as a command opens it: with its key at hand, for the one organization that is meant.

use std::sync::Arc;

use model::OrgId;
use store::vault::{KeyFile, KeySource, KeyText, Ring, Vault, Wrapping};
use store::{Db, OpenOptions, StoreError, connections};

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
#[cfg(feature = "transit")]
use crate::key_chain::KeyChain;
use crate::key_command::KeyCommand;
#[cfg(feature = "transit")]
use crate::network;
#[cfg(feature = "transit")]
use crate::transit::{Transit, TransitOptions};

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
    #[cfg(feature = "transit")]
    if let Some(options) = &app.config.transit {
        return keys_at_transit(app, options).await;
    }
    let config = &app.config;
    let source: Box<dyn KeySource> = match own_source(app) {
        Some(source) => source,
        None => {
            let file = KeyFile::beside(&config.key_file, noted.as_ref(), app.entropy.as_ref());
            Box::new(file.map_err(|error| key_failure(app, &error.into()))?)
        }
    };
    Ok(Arc::new(ring(app, source).await?))
}

/// The service's keys; behind those that this program holds, where it holds any.
#[cfg(feature = "transit")]
async fn keys_at_transit(app: &App, options: &TransitOptions) -> Result<Arc<dyn Wrapping>, Failure> {
    let transport = network::transport_to(&app.config, &options.url)?;
    let service = Transit::new(options.clone(), transport, app.clock.clone());
    let file = &app.config.key_file;
    let source =
        own_source(app).or_else(|| file.exists().then(|| Box::new(KeyFile::at(file)) as Box<dyn KeySource>));
    Ok(match source {
        Some(source) => Arc::new(KeyChain { older: ring(app, source).await?, service }),
        None => Arc::new(service),
    })
}

/// Where keys come from, if that is no file.
fn own_source(app: &App) -> Option<Box<dyn KeySource>> {
    let config = &app.config;
    match &config.key {
        Some(text) => Some(Box::new(KeyText::new(text.clone(), "LONGSHORE_KEY"))),
        None if !config.key_command.is_empty() => {
            Some(Box::new(KeyCommand::new(&config.key_command, app.clock.clone())))
        }
        None => None,
    }
}

async fn ring(app: &App, source: Box<dyn KeySource>) -> Result<Ring, Failure> {
    let ring = Ring::read(source, app.entropy.clone()).await;
    ring.map_err(|error| key_failure(app, &error.into()))
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
