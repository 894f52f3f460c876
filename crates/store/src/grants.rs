//! What is known of a grant beside its secrets and its state: who made it, and what its token was last seen to allow.

use model::{ConnectionId, Millis};

use crate::audit::Actor;
use crate::db::{Db, Tx};
use crate::error::StoreError;

row! {
    struct GrantRow {
        installed_by: Option<String>,
        scopes_seen: Option<String>,
        scopes_seen_at: Option<i64>,
        renewed_at: Option<i64>,
    }
}

/// What is known of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Who made it: a kind of actor, a colon and its id; `None` where that is not known.
    pub installed_by: Option<String>,
    /// What Drift last said the token may do, in Drift's order; empty where nothing was asked since it was granted.
    pub scopes_seen: Vec<String>,
    /// When Drift said so.
    pub scopes_seen_at: Option<Millis>,
    /// When the token was last renewed; `None` where it never was.
    pub renewed_at: Option<Millis>,
}

const INSTALLED_BY: &str = "UPDATE connections SET installed_by = $2 WHERE connection_id = $1";

/// Note who made a grant.
///
/// # Errors
/// The database's error.
pub async fn installed_by(tx: &mut Tx, connection: &ConnectionId, by: &Actor) -> Result<(), StoreError> {
    let kind = by.kind.as_str();
    let text = if by.id.is_empty() { kind.to_owned() } else { format!("{kind}:{}", by.id) };
    on_tx!(tx, conn => sqlx::query(INSTALLED_BY).bind(&connection.0).bind(text).execute(conn).await.map(drop))?;
    Ok(())
}

const SCOPES_SEEN: &str =
    "UPDATE connections SET scopes_seen = $2, scopes_seen_at = $3 WHERE connection_id = $1";

/// Note what Drift says that a token may do, the scopes divided by spaces or commas.
///
/// # Errors
/// The database's error.
pub async fn scopes_seen(
    tx: &mut Tx,
    connection: &ConnectionId,
    scopes: &str,
    at: Millis,
) -> Result<(), StoreError> {
    let words: Vec<&str> = scopes.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    on_tx!(tx, conn => sqlx::query(SCOPES_SEEN)
        .bind(&connection.0)
        .bind(words.join(" "))
        .bind(at.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const GET: &str = "
    SELECT connections.installed_by AS installed_by, connections.scopes_seen AS scopes_seen,
           connections.scopes_seen_at AS scopes_seen_at, renewals.renewed_at AS renewed_at
    FROM connections LEFT JOIN renewals ON renewals.connection_id = connections.connection_id
    WHERE connections.connection_id = $1";

/// What is known of a grant; nothing of one that there is not.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, connection: &ConnectionId) -> Result<Grant, StoreError> {
    let row: Option<GrantRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&connection.0).fetch_optional(pool).await)?;
    let Some(row) = row else { return Ok(Grant::default()) };
    Ok(Grant {
        installed_by: row.installed_by,
        scopes_seen: row.scopes_seen.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        scopes_seen_at: row.scopes_seen_at.map(Millis),
        renewed_at: row.renewed_at.map(Millis),
    })
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("grants::INSTALLED_BY", INSTALLED_BY), ("grants::SCOPES_SEEN", SCOPES_SEEN), ("grants::GET", GET)];
