//! Memberships: what a user is in which organization. In the table organization 0 stands for every one.

use model::{AccessUserId, Millis, OrgId, Role};

use super::users;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// A user's memberships, at most.
const LIST_MAX: i64 = 1_000;

/// What a user is, where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// `None`: in every organization.
    pub org: Option<OrgId>,
    /// What the user is there.
    pub role: Role,
    /// Since when.
    pub since: Millis,
}

/// The column that stands for an organization or for all.
pub(crate) fn column(org: Option<OrgId>) -> i64 {
    org.map_or(0, |org| org.0)
}

pub(crate) fn org(column: i64) -> Option<OrgId> {
    (column != 0).then_some(OrgId(column))
}

const PUT: &str = "
    INSERT INTO access_memberships (user_id, org_id, role, since) VALUES ($1, $2, $3, $4)
    ON CONFLICT (user_id, org_id) DO UPDATE SET role = excluded.role, since = excluded.since";

/// Make a user something in an organization, or in all of them. The user's sessions go on with the new role.
///
/// # Errors
/// [`StoreError::LastOwner`] when nobody would own the whole, or the database's error.
pub async fn put(tx: &mut Tx, user: &AccessUserId, new: &Membership) -> Result<(), StoreError> {
    if new.org.is_none() && new.role != Role::Owner {
        users::keep_an_owner(tx, user).await?;
    }
    on_tx!(tx, conn => sqlx::query(PUT)
        .bind(&user.0)
        .bind(column(new.org))
        .bind(new.role.as_str())
        .bind(new.since.0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const REMOVE: &str = "DELETE FROM access_memberships WHERE user_id = $1 AND org_id = $2";

/// End a membership; answers whether there was one.
///
/// # Errors
/// [`StoreError::LastOwner`] when nobody would own the whole, or the database's error.
pub async fn remove(tx: &mut Tx, user: &AccessUserId, org: Option<OrgId>) -> Result<bool, StoreError> {
    if org.is_none() {
        users::keep_an_owner(tx, user).await?;
    }
    let found = on_tx!(tx, conn => sqlx::query(REMOVE)
        .bind(&user.0)
        .bind(column(org))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(found > 0)
}

row! {
    struct MembershipRow {
        org_id: i64,
        role: String,
        since: i64,
    }
}

const OF_USER: &str = "
    SELECT org_id, role, since FROM access_memberships WHERE user_id = $1 ORDER BY org_id LIMIT $2";

/// Everything a user is; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn of_user(db: &Db, user: &AccessUserId) -> Result<Vec<Membership>, StoreError> {
    let rows: Vec<MembershipRow> =
        on_db!(db, pool => sqlx::query_as(OF_USER).bind(&user.0).bind(LIST_MAX).fetch_all(pool).await)?;
    rows.into_iter()
        .map(|row| {
            let role = row.role.parse().map_err(|_| StoreError::Stored { what: "role" })?;
            Ok(Membership { org: org(row.org_id), role, since: Millis(row.since) })
        })
        .collect()
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::memberships::PUT", PUT),
    ("access::memberships::REMOVE", REMOVE),
    ("access::memberships::OF_USER", OF_USER),
];
