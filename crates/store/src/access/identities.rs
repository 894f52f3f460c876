//! Identities: who a user is at an identity provider, by the provider's address and its own id of the person.
//!
//! Nothing else ties a user to a provider: a mail address may be given to somebody else tomorrow, an issuer's subject may not.

use model::{AccessUserId, Millis};

use crate::db::{Db, Tx};
use crate::error::StoreError;

const FIND: &str = "SELECT user_id FROM access_identities WHERE issuer = $1 AND subject = $2";

/// Whose identity this is.
///
/// # Errors
/// The database's error.
pub async fn find(db: &Db, issuer: &str, subject: &str) -> Result<Option<AccessUserId>, StoreError> {
    let found: Option<String> = on_db!(db, pool => sqlx::query_scalar(FIND)
        .bind(issuer)
        .bind(subject)
        .fetch_optional(pool)
        .await)?;
    Ok(found.map(AccessUserId))
}

const LINK: &str = "
    INSERT INTO access_identities (issuer, subject, user_id, linked_at) VALUES ($1, $2, $3, $4)";

/// Tie an identity to a user, for as long as there is that user.
///
/// # Errors
/// [`StoreError::Conflict`] when it is somebody's already, or the database's error.
pub async fn link(
    tx: &mut Tx,
    (issuer, subject): (&str, &str),
    user: &AccessUserId,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(LINK)
        .bind(issuer)
        .bind(subject)
        .bind(&user.0)
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const COUNT: &str = "SELECT COUNT(*) FROM access_identities WHERE user_id = $1";

/// How many identities a user has.
///
/// # Errors
/// The database's error.
pub async fn count(db: &Db, user: &AccessUserId) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(COUNT).bind(&user.0).fetch_one(pool).await)?)
}

/// The same within a transaction.
///
/// # Errors
/// The database's error.
pub async fn count_in(tx: &mut Tx, user: &AccessUserId) -> Result<i64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query_scalar(COUNT).bind(&user.0).fetch_one(conn).await)?)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::identities::FIND", FIND),
    ("access::identities::LINK", LINK),
    ("access::identities::COUNT", COUNT),
];
