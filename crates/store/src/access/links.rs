//! Links that work once: to make the owner, to accept an invitation, to set a forgotten password.
//!
//! A link for the owner works only while there is no user at all.

use model::{AccessUserId, Millis};

use super::token::Token;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// A link to make the owner, or to set a forgotten password, lives for so long, in milliseconds: an hour.
pub const SHORT_MS: i64 = 3_600_000;
/// An invitation lives for so long, in milliseconds: three days.
pub const INVITATION_MS: i64 = 3 * 86_400_000;

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// To make the first user, who owns the whole.
    Owner,
    /// To set the first password.
    Invitation(AccessUserId),
    /// To set another password.
    Reset(AccessUserId),
}

impl Link {
    fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Owner => ("owner", None),
            Self::Invitation(user) => ("invitation", Some(&user.0)),
            Self::Reset(user) => ("reset", Some(&user.0)),
        }
    }

    fn parse_stored(row: LinkRow) -> Result<Self, StoreError> {
        match (row.kind.as_str(), row.user_id.map(AccessUserId)) {
            ("owner", None) => Ok(Self::Owner),
            ("invitation", Some(user)) => Ok(Self::Invitation(user)),
            ("reset", Some(user)) => Ok(Self::Reset(user)),
            _ => Err(StoreError::Stored { what: "link" }),
        }
    }

    /// How long such a link lives, in milliseconds.
    #[must_use]
    pub const fn life_ms(&self) -> i64 {
        match self {
            Self::Invitation(_) => INVITATION_MS,
            Self::Owner | Self::Reset(_) => SHORT_MS,
        }
    }
}

row! {
    struct LinkRow {
        kind: String,
        user_id: Option<String>,
    }
}

const PRUNE: &str = "DELETE FROM access_links WHERE ends_at <= $1 OR user_id = $2";
const INSERT: &str = "
    INSERT INTO access_links (hash, kind, user_id, created_at, ends_at) VALUES ($1, $2, $3, $4, $5)";

/// Keep a link; the user's older ones are void from now on. Answers when it ends.
///
/// # Errors
/// The database's error.
pub async fn insert(tx: &mut Tx, link: &Link, token: &Token, now: Millis) -> Result<Millis, StoreError> {
    let (kind, user) = link.columns();
    let ends_at = now.plus(link.life_ms());
    on_tx!(tx, conn => sqlx::query(PRUNE).bind(now.0).bind(user).execute(conn).await.map(drop))?;
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(token.hash())
        .bind(kind)
        .bind(user)
        .bind(now.0)
        .bind(ends_at.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(ends_at)
}

/// Forget a user's links: they are void from now on.
///
/// # Errors
/// The database's error.
pub async fn void(tx: &mut Tx, user: &AccessUserId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(PRUNE).bind(now.0).bind(&user.0).execute(conn).await.map(drop))?;
    Ok(())
}

const FIND: &str = "
    SELECT kind, user_id FROM access_links
    WHERE hash = $1 AND ends_at > $2
      AND (kind <> 'owner' OR NOT EXISTS (SELECT 1 FROM access_users))";

/// What a link is for, if it is still good. It stays so.
///
/// # Errors
/// The database's error.
pub async fn find(db: &Db, token: &Token, now: Millis) -> Result<Option<Link>, StoreError> {
    let row: Option<LinkRow> =
        on_db!(db, pool => sqlx::query_as(FIND).bind(token.hash()).bind(now.0).fetch_optional(pool).await)?;
    row.map(Link::parse_stored).transpose()
}

const TAKE: &str = "
    DELETE FROM access_links
    WHERE hash = $1 AND ends_at > $2
      AND (kind <> 'owner' OR NOT EXISTS (SELECT 1 FROM access_users))
    RETURNING kind, user_id";

/// Use a link: it is good no more. `None` when it was not good.
///
/// # Errors
/// The database's error.
pub async fn take(tx: &mut Tx, token: &Token, now: Millis) -> Result<Option<Link>, StoreError> {
    let row: Option<LinkRow> =
        on_tx!(tx, conn => sqlx::query_as(TAKE).bind(token.hash()).bind(now.0).fetch_optional(conn).await)?;
    row.map(Link::parse_stored).transpose()
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::links::PRUNE", PRUNE),
    ("access::links::INSERT", INSERT),
    ("access::links::FIND", FIND),
    ("access::links::TAKE", TAKE),
];
