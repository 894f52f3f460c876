//! `longshore audit checkpoint`: sign how far the log has come, and copy what was signed to the second place.

use std::path::PathBuf;

use model::Millis;
use serde::Serialize;
use store::Db;
use store::audit::{self, AuditError, Followed};
use store::vault::Vault;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;

/// Sign how far the log has come
///
/// A running server does this every hour and when it ends. What was signed is also added to audit_checkpoint_file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    /// What was signed; nothing when the last checkpoint says all there is.
    signed: Option<Signed>,
    public_key: String,
    second_place: Option<SecondPlace>,
}

#[derive(Debug, Serialize)]
struct Signed {
    number: i64,
    at: Millis,
    seq: i64,
    hash: String,
}

#[derive(Debug, Serialize)]
struct SecondPlace {
    file: PathBuf,
    added: usize,
    /// Checkpoints there that the database does not have.
    unknown: usize,
}

/// Sign.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let failed = |error: AuditError| Failure::audit("sign the audit log of", &app.config.database, &error);
    let db = database::open(app, Missing::Refuse).await?;
    let vault = database::vault(app, &db).await?;
    let (made, public_key) = sign(app, &db, &vault).await.map_err(failed)?;
    let followed = follow(app, &db).await.map_err(failed)?;
    db.close().await;
    let signed = made.map(|made| Signed {
        number: made.number,
        at: made.at,
        seq: made.seq,
        hash: hex::encode(made.hash),
    });
    let second_place = followed.map(|(file, followed)| SecondPlace {
        file,
        added: followed.added,
        unknown: followed.unknown,
    });
    let strange = second_place.as_ref().is_some_and(|second| second.unknown > 0);
    let report = Report { signed, public_key: hex::encode(public_key), second_place };
    app.output.report(if strange { Exit::Incomplete } else { Exit::Done }, &report, &text(&report))
}

/// Sign what is new; answers what was signed, and the key that signs.
pub(crate) async fn sign(
    app: &App,
    db: &Db,
    vault: &Vault,
) -> Result<(Option<audit::Checkpoint>, [u8; 32]), AuditError> {
    let now = app.clock.now();
    let signer = audit::signer(db, vault, now).await?;
    Ok((audit::checkpoint(db, &signer, now).await?, signer.public_key()))
}

/// Bring the second place up to date, where there is one.
pub(crate) async fn follow(app: &App, db: &Db) -> Result<Option<(PathBuf, Followed)>, AuditError> {
    let Some(file) = &app.config.audit_checkpoint_file else { return Ok(None) };
    let followed = audit::follow(db, file).await?;
    Ok(Some((file.clone(), followed)))
}

fn text(report: &Report) -> String {
    let mut text = match &report.signed {
        None => "nothing is new since the last checkpoint\n".to_owned(),
        Some(signed) => format!("checkpoint {} signs the entries up to {}\n", signed.number, signed.seq),
    };
    text += &format!("public key {}\n", report.public_key);
    if let Some(second) = &report.second_place {
        text += &format!("{} checkpoints added to {}\n", second.added, second.file.display());
        if second.unknown > 0 {
            text += &format!(
                "NOT the same log: {} checkpoints there are not in the database, which was put back or replaced\n",
                second.unknown
            );
        }
    }
    text
}
