//! Roles that rules about an identity provider's claims give: given anew at each sign-in, and taken back when no rule gives
//! them any more. What a person gave by hand stays untouched.

use model::{AccessUserId, Millis, OrgId, Role};

use super::memberships::{self, Membership, column, org};
use crate::db::Tx;
use crate::error::StoreError;

/// What became different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// `None`: in every organization.
    pub org: Option<OrgId>,
    /// `None`: nothing any more.
    pub role: Option<Role>,
}

const GIVEN: &str = "SELECT org_id FROM access_rule_roles WHERE user_id = $1 ORDER BY org_id";
const HELD: &str = "SELECT role FROM access_memberships WHERE user_id = $1 AND org_id = $2";
const GIVE: &str = "
    INSERT INTO access_rule_roles (user_id, org_id) VALUES ($1, $2) ON CONFLICT (user_id, org_id) DO NOTHING";
const TAKE: &str = "DELETE FROM access_rule_roles WHERE user_id = $1 AND org_id = $2";

/// Make a user what the rules say now; answers what became different. Of an owner who would be the last one nothing is taken.
///
/// # Errors
/// The database's error.
pub async fn apply(
    tx: &mut Tx,
    user: &AccessUserId,
    roles: &[(Option<OrgId>, Role)],
    now: Millis,
) -> Result<Vec<Change>, StoreError> {
    let given: Vec<i64> = on_tx!(tx, conn => sqlx::query_scalar(GIVEN).bind(&user.0).fetch_all(conn).await)?;
    let mut changes = Vec::new();
    for (place, role) in roles {
        let held = held(tx, user, *place).await?;
        let is_by_hand = held.is_some() && !given.contains(&column(*place));
        if is_by_hand || held.as_deref() == Some(role.as_str()) {
            continue;
        }
        match memberships::put(tx, user, &Membership { org: *place, role: *role, since: now }).await {
            Err(StoreError::LastOwner) => continue,
            outcome => outcome?,
        }
        let place = column(*place);
        on_tx!(tx, conn => sqlx::query(GIVE).bind(&user.0).bind(place).execute(conn).await.map(drop))?;
        changes.push(Change { org: org(place), role: Some(*role) });
    }
    for place in given.into_iter().filter(|place| !roles.iter().any(|(one, _)| column(*one) == *place)) {
        match memberships::remove(tx, user, org(place)).await {
            Err(StoreError::LastOwner) => continue,
            outcome => outcome?,
        };
        on_tx!(tx, conn => sqlx::query(TAKE).bind(&user.0).bind(place).execute(conn).await.map(drop))?;
        changes.push(Change { org: org(place), role: None });
    }
    Ok(changes)
}

async fn held(tx: &mut Tx, user: &AccessUserId, org: Option<OrgId>) -> Result<Option<String>, StoreError> {
    let place = column(org);
    Ok(on_tx!(tx, conn => sqlx::query_scalar(HELD).bind(&user.0).bind(place).fetch_optional(conn).await)?)
}

const ANY: &str = "SELECT COUNT(*) FROM access_memberships WHERE user_id = $1";

/// Whether a user is anything anywhere.
///
/// # Errors
/// The database's error.
pub async fn is_anything(tx: &mut Tx, user: &AccessUserId) -> Result<bool, StoreError> {
    let count: i64 = on_tx!(tx, conn => sqlx::query_scalar(ANY).bind(&user.0).fetch_one(conn).await)?;
    Ok(count > 0)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::rule_roles::GIVEN", GIVEN),
    ("access::rule_roles::HELD", HELD),
    ("access::rule_roles::GIVE", GIVE),
    ("access::rule_roles::TAKE", TAKE),
    ("access::rule_roles::ANY", ANY),
];
