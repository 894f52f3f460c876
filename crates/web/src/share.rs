//! Links to connect with, as pages and API make, show and revoke them.
//!
//! A link for one organization is its own; a link for any is everybody's, and takes a permission in every organization.

use model::{Millis, OrgId, Permission, Profile, ShareLinkId};
use store::StoreError;
use store::access::Token;
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::install::links::{self, ShareLink};

use crate::access::{Access, Caller};

/// The permission that links take.
pub(crate) const PERMISSION: Permission = Permission::ConnectionsWrite;
/// Days that a link may live.
pub(crate) const DAYS_MAX: i64 = links::LIFE_MS_MAX / MS_PER_DAY;
/// Days that it lives unless told otherwise.
pub(crate) const DAYS: i64 = links::LIFE_MS / MS_PER_DAY;
const MS_PER_DAY: i64 = 86_400_000;

/// A link that somebody wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) org: Option<OrgId>,
    pub(crate) profile: Profile,
    pub(crate) days: i64,
    pub(crate) uses: i64,
}

/// Why there is no such link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("a link lives 1 to {DAYS_MAX} days")]
    Days,
    #[error("a link makes 1 to {} connections", links::USES_MAX)]
    Uses,
    #[error("a link for any organization takes {PERMISSION} in every organization: name one")]
    Org,
}

/// Whether this caller may make it.
pub(crate) fn check(caller: &Caller, wanted: &Wanted) -> Result<(), Unfit> {
    if !(1..=DAYS_MAX).contains(&wanted.days) {
        return Err(Unfit::Days);
    }
    if !(1..=links::USES_MAX).contains(&wanted.uses) {
        return Err(Unfit::Uses);
    }
    if wanted.org.is_none() && !caller.may_everywhere(PERMISSION) {
        return Err(Unfit::Org);
    }
    Ok(())
}

/// Make it; its text, too.
pub(crate) async fn create(
    access: &Access,
    who: &Who,
    wanted: &Wanted,
) -> Result<(ShareLink, Token), StoreError> {
    let now = access.clock.now();
    let id = ShareLinkId::new(access.clock.as_ref(), access.entropy.as_ref());
    let until = now.plus(wanted.days * MS_PER_DAY);
    let link = ShareLink::new(id, (wanted.org, wanted.profile), (now, until), wanted.uses);
    let key = links::signing_key(&access.db, &access.vault, now).await?;
    let mut tx = access.db.begin().await?;
    let token = links::create(&mut tx, &link, &key).await?;
    audit::append(
        &mut tx,
        &entry(&link, (who, now), Action::ShareLinkCreate).because(link.profile.as_str()),
    )?;
    tx.commit().await?;
    Ok((link, token))
}

/// Whether a link exists for this caller.
pub(crate) fn is_visible(caller: &Caller, link: &ShareLink) -> bool {
    match link.org {
        Some(org) => caller.may(org, PERMISSION),
        None => caller.may_everywhere(PERMISSION),
    }
}

/// The links that exist for this caller, the newest first.
pub(crate) async fn visible(access: &Access, caller: &Caller) -> Result<Vec<ShareLink>, StoreError> {
    let mut all = links::list(&access.db).await?;
    all.retain(|link| is_visible(caller, link));
    Ok(all)
}

/// Revoke a link; `None`: there is none for this caller that was not revoked already.
pub(crate) async fn revoke(
    access: &Access,
    caller: &Caller,
    who: &Who,
    id: &ShareLinkId,
) -> Result<Option<ShareLink>, StoreError> {
    let found = links::get(&access.db, id).await?.filter(|link| is_visible(caller, link));
    let Some(link) = found else { return Ok(None) };
    let now = access.clock.now();
    let mut tx = access.db.begin().await?;
    let revoked = links::revoke(&mut tx, id, now).await?;
    if revoked {
        audit::append(&mut tx, &entry(&link, (who, now), Action::ShareLinkRevoke))?;
    }
    tx.commit().await?;
    Ok(revoked.then_some(ShareLink { revoked_at: Some(now), ..link }))
}

/// What the audit log is told of a link.
pub(crate) fn entry<'a>(link: &'a ShareLink, (who, now): (&'a Who, Millis), action: Action) -> NewEntry<'a> {
    let object = Object::new(ObjectKind::ShareLink, link.link_id.0.as_str());
    NewEntry { org: link.org, ..NewEntry::done(now, who, action, object) }
}
