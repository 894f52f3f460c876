//! The audit log's checkpoints, while a node runs: at its start, every hour, and as the last thing it does.

use store::Db;
use store::audit::AuditError;
use store::vault::Vault;

use crate::app::App;
use crate::command::audit::checkpoint;

/// How often, in milliseconds.
const EVERY_MS: u64 = 3_600_000;
/// How long a node that ends tries, in milliseconds.
const LAST_MS_MAX: u64 = 10_000;

/// Sign at once and every hour, until somebody asks to stop.
pub(super) async fn run(app: App, db: Db, vault: Vault) {
    let mut stop = app.interrupt.stop();
    while !stop.is_set() {
        told(once(&app, &db, &vault).await);
        tokio::select! {
            () = app.clock.sleep(EVERY_MS) => {}
            () = stop.wait() => {}
        }
    }
}

/// Sign what the node did last.
pub(super) async fn last(app: &App, db: &Db, vault: &Vault) {
    let signed = drift::deadline(app.clock.as_ref(), LAST_MS_MAX, once(app, db, vault)).await;
    match signed {
        Ok(signed) => told(signed),
        Err(_) => tracing::warn!("The audit log was not signed in time; the next start signs it"),
    }
}

async fn once(app: &App, db: &Db, vault: &Vault) -> Result<usize, AuditError> {
    checkpoint::sign(app, db, vault).await?;
    Ok(checkpoint::follow(app, db).await?.map_or(0, |(_, followed)| followed.unknown))
}

fn told(signed: Result<usize, AuditError>) {
    match signed {
        Ok(0) => {}
        Ok(unknown) => tracing::error!(
            audit.unknown = unknown,
            "The second place has {unknown} checkpoints that the database does not have: it was put back or replaced"
        ),
        Err(AuditError::Fault(fault)) => tracing::error!("The audit log is not signed: {fault}"),
        Err(error) => tracing::warn!(error = %error, "The audit log could not be signed; it is tried again"),
    }
}
