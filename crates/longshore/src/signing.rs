//! The key that signs what leaves the store, where the vault's key is at hand.

use store::Db;
use store::audit::{self, Signer};

use crate::app::App;
use crate::database;
use crate::failure::Failure;

/// Whether the settings name a key of the vault that is there.
pub(crate) fn is_at_hand(app: &App) -> bool {
    let config = &app.config;
    let at_hand = config.key.is_some() || !config.key_command.is_empty() || config.key_file.exists();
    #[cfg(feature = "transit")]
    let at_hand = at_hand || config.transit.is_some();
    at_hand
}

/// What signs. A key that is not there, or is the wrong one, must not keep anybody from carrying their data out: then there is
/// none, and it is said.
pub(crate) async fn signer(app: &App, db: &Db) -> Option<Signer> {
    if !is_at_hand(app) {
        return None;
    }
    match open(app, db).await {
        Ok(signer) => Some(signer),
        Err(failure) => {
            app.output.note(&format!("not signed: {failure}"));
            None
        }
    }
}

async fn open(app: &App, db: &Db) -> Result<Signer, Failure> {
    let vault = database::vault(app, db).await?;
    let signer = audit::signer(db, &vault, app.clock.now()).await;
    signer.map_err(|error| Failure::store("open the signing key of", &app.config.database, &error))
}
