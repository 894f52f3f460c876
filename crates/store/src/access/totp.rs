//! The secrets of authenticators, sealed in the vault and bound to their user.
//!
//! A secret is pending until the user has shown a right code once. A time step whose code was used is not taken again,
//! and none before it: a code that somebody saw over a shoulder is worth nothing.

use model::{AccessUserId, Millis, Secret};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::vault::Vault;

const KIND: &str = "totp";

/// An authenticator's secret.
#[derive(Debug, Clone)]
pub struct Totp {
    /// The secret, as the caller wrote it down.
    pub secret: Secret,
    /// Since when its codes are asked for; `None` while it is pending.
    pub since: Option<Millis>,
    /// The last time step whose code was used.
    pub step: i64,
}

/// Each version of a user's secret opens in its own place alone.
fn subject(user: &AccessUserId, version: i64) -> String {
    format!("{}/{version}", user.0)
}

row! {
    struct TotpRow {
        totp_sealed: Option<Vec<u8>>,
        totp_version: i64,
        totp_since: Option<i64>,
        totp_step: i64,
    }
}

const GET: &str = "
    SELECT totp_sealed, totp_version, totp_since, totp_step FROM access_users WHERE user_id = $1";

/// A user's authenticator, pending or in use.
///
/// # Errors
/// [`StoreError::Vault`] when the secret does not open, or the database's error.
pub async fn get(db: &Db, user: &AccessUserId, vault: &Vault) -> Result<Option<Totp>, StoreError> {
    let row: Option<TotpRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&user.0).fetch_optional(pool).await)?;
    let Some(TotpRow { totp_sealed: Some(sealed), totp_version, totp_since, totp_step }) = row else {
        return Ok(None);
    };
    let secret = vault.open_instance(db, (KIND, &subject(user, totp_version)), &sealed).await?;
    Ok(Some(Totp { secret, since: totp_since.map(Millis), step: totp_step }))
}

const VERSION: &str = "SELECT totp_version FROM access_users WHERE user_id = $1";
const PREPARE: &str = "
    UPDATE access_users SET totp_sealed = $2, totp_version = $3, totp_step = 0
    WHERE user_id = $1 AND totp_since IS NULL";

/// Keep a new secret, pending; whatever was pending before is gone.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such user, or one is in use already; or the database's error.
pub async fn prepare(
    tx: &mut Tx,
    user: &AccessUserId,
    secret: &Secret,
    vault: &Vault,
    now: Millis,
) -> Result<(), StoreError> {
    let version: Option<i64> =
        on_tx!(tx, conn => sqlx::query_scalar(VERSION).bind(&user.0).fetch_optional(conn).await)?;
    let version = version.ok_or(StoreError::NotFound { what: "user" })? + 1;
    let subject = subject(user, version);
    let sealed = vault.seal_instance(tx, (KIND, &subject), secret.expose().as_bytes(), now).await?;
    let found = on_tx!(tx, conn => sqlx::query(PREPARE)
        .bind(&user.0)
        .bind(sealed)
        .bind(version)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 { Err(StoreError::NotFound { what: "user without an authenticator" }) } else { Ok(()) }
}

const USE: &str = "
    UPDATE access_users SET totp_step = $2, totp_since = COALESCE(totp_since, $3)
    WHERE user_id = $1 AND totp_step < $2 AND totp_sealed IS NOT NULL";

/// Use the code of a time step; the first one ends the pending state. Answers whether it was still unused.
///
/// # Errors
/// The database's error.
pub async fn use_step(tx: &mut Tx, user: &AccessUserId, step: i64, now: Millis) -> Result<bool, StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(USE)
        .bind(&user.0)
        .bind(step)
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(found > 0)
}

const REMOVE: &str = "
    UPDATE access_users SET totp_sealed = NULL, totp_since = NULL, totp_step = 0 WHERE user_id = $1";

/// Forget a user's authenticator.
///
/// # Errors
/// The database's error.
pub async fn remove(tx: &mut Tx, user: &AccessUserId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REMOVE).bind(&user.0).execute(conn).await.map(drop))?;
    Ok(())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::totp::GET", GET),
    ("access::totp::VERSION", VERSION),
    ("access::totp::PREPARE", PREPARE),
    ("access::totp::USE", USE),
    ("access::totp::REMOVE", REMOVE),
];
