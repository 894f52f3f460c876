//! Users: the people who may sign in.
//!
//! There is always an owner of every organization once there was one: whoever is the last is neither removed nor made
//! less.

use model::{AccessUserId, Millis, UserName};

use super::password::PasswordHash;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Users listed at once, at most.
const LIST_MAX: usize = 10_000;

/// A user, without what opens the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Ours.
    pub user_id: AccessUserId,
    /// What the user signs in with.
    pub name: UserName,
    /// Whether a password has been set.
    pub has_password: bool,
    /// Since when a code of an authenticator is asked for; `None`: it is not.
    pub totp_since: Option<Millis>,
    /// When the user was added.
    pub created_at: Millis,
    /// When the user last signed in.
    pub signed_in_at: Option<Millis>,
}

const COUNT: &str = "SELECT COUNT(*) FROM access_users";

/// How many users there are.
///
/// # Errors
/// The database's error.
pub async fn count(db: &Db) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(COUNT).fetch_one(pool).await)?)
}

/// The same within a transaction.
///
/// # Errors
/// The database's error.
pub async fn count_in(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query_scalar(COUNT).fetch_one(conn).await)?)
}

const INSERT: &str = "
    INSERT INTO access_users (user_id, name, password, totp_version, totp_step, created_at)
    VALUES ($1, $2, NULL, 0, 0, $3)";

/// Add a user, who has no password yet and no role.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken, or the database's error.
pub async fn insert(
    tx: &mut Tx,
    user: &AccessUserId,
    name: &UserName,
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(&user.0)
        .bind(name.expose())
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

row! {
    struct UserRow {
        user_id: String,
        name: String,
        has_password: i64,
        totp_since: Option<i64>,
        created_at: i64,
        signed_in_at: Option<i64>,
    }
}

const GET: &str = "
    SELECT user_id, name, CAST(CASE WHEN password IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, totp_since,
           created_at, signed_in_at
    FROM access_users WHERE user_id = $1";

/// The user of that id.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, user: &AccessUserId) -> Result<Option<User>, StoreError> {
    let row: Option<UserRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&user.0).fetch_optional(pool).await)?;
    row.map(User::try_from).transpose()
}

const BY_NAME: &str = "
    SELECT user_id, name, CAST(CASE WHEN password IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, totp_since,
           created_at, signed_in_at
    FROM access_users WHERE name = $1";

/// The user of that name.
///
/// # Errors
/// The database's error.
pub async fn by_name(db: &Db, name: &UserName) -> Result<Option<User>, StoreError> {
    let row: Option<UserRow> =
        on_db!(db, pool => sqlx::query_as(BY_NAME).bind(name.expose()).fetch_optional(pool).await)?;
    row.map(User::try_from).transpose()
}

const LIST: &str = "
    SELECT user_id, name, CAST(CASE WHEN password IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, totp_since,
           created_at, signed_in_at
    FROM access_users ORDER BY name LIMIT $1";

/// All users by name; at most 10,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db) -> Result<Vec<User>, StoreError> {
    let limit = i64::try_from(LIST_MAX).unwrap_or(i64::MAX);
    let rows: Vec<UserRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(User::try_from).collect()
}

const PASSWORD: &str = "SELECT password FROM access_users WHERE user_id = $1";

/// The hash of a user's password; `None` when there is no such user or no password yet.
///
/// # Errors
/// The database's error.
pub async fn password(db: &Db, user: &AccessUserId) -> Result<Option<PasswordHash>, StoreError> {
    let found: Option<Option<String>> =
        on_db!(db, pool => sqlx::query_scalar(PASSWORD).bind(&user.0).fetch_optional(pool).await)?;
    found.flatten().map(PasswordHash::parse_stored).transpose()
}

const SET_PASSWORD: &str = "UPDATE access_users SET password = $2 WHERE user_id = $1";

/// Set a user's password. Whoever does so ends the user's other sessions.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such user, or the database's error.
pub async fn set_password(
    tx: &mut Tx,
    user: &AccessUserId,
    password: &PasswordHash,
) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(SET_PASSWORD)
        .bind(&user.0)
        .bind(password.stored())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 { Err(StoreError::NotFound { what: "user" }) } else { Ok(()) }
}

const SIGNED_IN: &str = "UPDATE access_users SET signed_in_at = $2 WHERE user_id = $1";

/// Note that a user signed in.
///
/// # Errors
/// The database's error.
pub async fn signed_in(tx: &mut Tx, user: &AccessUserId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(SIGNED_IN).bind(&user.0).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

const OTHER_OWNERS: &str = "
    SELECT COUNT(*) FROM access_memberships WHERE org_id = 0 AND role = 'owner' AND user_id <> $1";
const IS_OWNER: &str = "
    SELECT COUNT(*) FROM access_memberships WHERE org_id = 0 AND role = 'owner' AND user_id = $1";

/// Refuse what would leave nobody who owns the whole.
pub(super) async fn keep_an_owner(tx: &mut Tx, user: &AccessUserId) -> Result<(), StoreError> {
    let is: i64 = on_tx!(tx, conn => sqlx::query_scalar(IS_OWNER).bind(&user.0).fetch_one(conn).await)?;
    let others: i64 =
        on_tx!(tx, conn => sqlx::query_scalar(OTHER_OWNERS).bind(&user.0).fetch_one(conn).await)?;
    if is > 0 && others == 0 { Err(StoreError::LastOwner) } else { Ok(()) }
}

const REMOVE: &str = "DELETE FROM access_users WHERE user_id = $1";
const REMOVE_MEMBERSHIPS: &str = "DELETE FROM access_memberships WHERE user_id = $1";
const REMOVE_SESSIONS: &str = "DELETE FROM access_sessions WHERE user_id = $1";
const REMOVE_LINKS: &str = "DELETE FROM access_links WHERE user_id = $1";
const REMOVE_IDENTITIES: &str = "DELETE FROM access_identities WHERE user_id = $1";
const REMOVE_RULE_ROLES: &str = "DELETE FROM access_rule_roles WHERE user_id = $1";

/// Remove a user, with roles, sessions, links, and what the user is at an identity provider.
///
/// # Errors
/// [`StoreError::LastOwner`], [`StoreError::NotFound`] when there is no such user, or the database's error.
pub async fn remove(tx: &mut Tx, user: &AccessUserId) -> Result<(), StoreError> {
    keep_an_owner(tx, user).await?;
    let beside = [REMOVE_MEMBERSHIPS, REMOVE_SESSIONS, REMOVE_LINKS, REMOVE_IDENTITIES, REMOVE_RULE_ROLES];
    for statement in beside {
        on_tx!(tx, conn => sqlx::query(statement).bind(&user.0).execute(conn).await.map(drop))?;
    }
    let found = on_tx!(tx, conn => sqlx::query(REMOVE).bind(&user.0).execute(conn).await.map(|done| done.rows_affected()))?;
    if found == 0 { Err(StoreError::NotFound { what: "user" }) } else { Ok(()) }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;
    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: AccessUserId(row.user_id),
            name: UserName::parse(&row.name).map_err(|_| StoreError::Stored { what: "user name" })?,
            has_password: row.has_password != 0,
            totp_since: row.totp_since.map(Millis),
            created_at: Millis(row.created_at),
            signed_in_at: row.signed_in_at.map(Millis),
        })
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::users::COUNT", COUNT),
    ("access::users::INSERT", INSERT),
    ("access::users::GET", GET),
    ("access::users::BY_NAME", BY_NAME),
    ("access::users::LIST", LIST),
    ("access::users::PASSWORD", PASSWORD),
    ("access::users::SET_PASSWORD", SET_PASSWORD),
    ("access::users::SIGNED_IN", SIGNED_IN),
    ("access::users::OTHER_OWNERS", OTHER_OWNERS),
    ("access::users::IS_OWNER", IS_OWNER),
    ("access::users::REMOVE", REMOVE),
    ("access::users::REMOVE_MEMBERSHIPS", REMOVE_MEMBERSHIPS),
    ("access::users::REMOVE_SESSIONS", REMOVE_SESSIONS),
    ("access::users::REMOVE_LINKS", REMOVE_LINKS),
    ("access::users::REMOVE_IDENTITIES", REMOVE_IDENTITIES),
    ("access::users::REMOVE_RULE_ROLES", REMOVE_RULE_ROLES),
];
