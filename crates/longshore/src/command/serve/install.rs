//! Connections that are made from the pages: the engine makes them, with the Drift app of the settings.

use std::sync::Arc;

use drift::App as DriftApp;
use engine::EngineError;
use engine::connection::{Admits, Connections, Proof};
use store::Db;
use store::connections::Connection;
use store::vault::Vault;
use web::install::{self, Grant, Install, NotConnected};

use crate::app::App;
use crate::command::connect::AppSecret;
use crate::failure::{Failure, chain};
use crate::links;
use crate::network::{self, Patience};

/// What the pages are given.
pub(super) fn install(app: &App, db: &Db, vault: &Vault, listening: &str) -> Result<Install, Failure> {
    let connections = network::connections_with(app, db, vault.clone(), Patience::Person, None)?;
    let base = links::base(app, listening);
    let maker = Maker { app: drift_app(app)?, redirect_uri: install::redirect_uri(&base), connections };
    let maker = Arc::new(maker);
    Ok(Install {
        drift: maker.connections.config.clone(),
        client_id: maker.app.as_ref().map(|app| app.client_id.clone()),
        base,
        connect: Arc::new(move |grant| {
            let maker = Arc::clone(&maker);
            Box::pin(async move { maker.connect(grant).await.map_err(|error| told(&error)) })
        }),
    })
}

/// The Drift app of the settings.
struct Registered {
    client_id: String,
    secret: AppSecret,
}

impl Registered {
    fn read(&self) -> Result<DriftApp, EngineError> {
        let secret = self.secret.read().map_err(|failure| EngineError::Connection(failure.message))?;
        Ok(DriftApp { client_id: self.client_id.clone(), client_secret: secret })
    }
}

/// The app, where the settings have one.
fn drift_app(app: &App) -> Result<Option<Registered>, Failure> {
    let Some(client_id) = app.config.client_id.clone() else { return Ok(None) };
    let Some(secret) = AppSecret::of(app) else {
        app.output.note(
            "client_id is set without a secret: the pages cannot ask Drift for access; set LONGSHORE_CLIENT_SECRET or client_secret_file",
        );
        return Ok(None);
    };
    // What is wrong with a file is told now, and not to the first who connects.
    secret.read()?;
    Ok(Some(Registered { client_id, secret }))
}

struct Maker {
    connections: Connections,
    app: Option<Registered>,
    redirect_uri: String,
}

impl Maker {
    async fn connect(&self, grant: Grant) -> Result<Connection, EngineError> {
        let admits = grant.admits.map_or(Admits::Any, Admits::Only);
        let proof = match (grant.proof, &self.app) {
            (install::Proof::Token(token), _) => {
                return self.connections.connect_admitted(Proof::Token(token), &admits, &grant.who).await;
            }
            (install::Proof::Code(code), Some(app)) => (code, app.read()?),
            (install::Proof::Code(_), None) => {
                return Err(EngineError::Connection("there is no Drift app".into()));
            }
        };
        let (code, app) = proof;
        let proof = Proof::Code { app, code: &code, redirect_uri: &self.redirect_uri };
        self.connections.connect_admitted(proof, &admits, &grant.who).await
    }
}

/// What a browser is told; the rest is for the log.
fn told(error: &EngineError) -> NotConnected {
    match error {
        EngineError::Refused { .. } | EngineError::Connection(_) => NotConnected::Refused,
        EngineError::NotAdmitted { .. } => NotConnected::NotAdmitted,
        EngineError::Unreachable { .. } | EngineError::Api { .. } => {
            tracing::warn!(error = chain(error), "Drift could not be asked for a connection");
            NotConnected::Unreachable
        }
        _ => {
            tracing::error!(error = chain(error), "A connection could not be made");
            NotConnected::Inside
        }
    }
}
