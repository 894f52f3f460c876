//! Who an identity is here: the user it is tied to, an invited one of its verified mail address, or one that a rule makes.

use model::{AccessUserId, OrgId, Role, UserName};
use store::access::{identities, links, rule_roles, users};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use store::{StoreError, Tx};

use super::provider::Identity;
use super::{OidcOptions, rules};
use crate::access::Access;

/// Who it is; a word of ours when it is nobody.
pub(super) type Known = Result<AccessUserId, &'static str>;

/// Find or make the user, and give what the rules give. Whoever is nothing anywhere afterwards is nobody: then the
/// transaction is to be undone.
pub(super) async fn known(
    access: &Access,
    tx: &mut Tx,
    options: &OidcOptions,
    identity: &Identity,
    who: &Who,
) -> Result<Known, StoreError> {
    let is_let_in = |domain: &str| options.domains.iter().any(|one| one.eq_ignore_ascii_case(domain));
    if !options.domains.is_empty() && !rules::domain(identity).is_some_and(is_let_in) {
        return Ok(Err("domain"));
    }
    let roles = rules::roles(&options.rules, identity);
    let place = (options.issuer.as_str(), identity.subject.expose().as_str());
    let user = match identities::find(&access.db, place.0, place.1).await? {
        Some(user) => user,
        None => match tie(access, tx, (identity, place), &roles, who).await? {
            Ok(user) => user,
            Err(reason) => return Ok(Err(reason)),
        },
    };
    let now = access.clock.now();
    for change in rule_roles::apply(tx, &user, &roles, now).await? {
        let object = Object::new(ObjectKind::User, user.0.as_str());
        let role = change.role.map_or("none", Role::as_str);
        let entry = NewEntry::done(now, who, Action::UserRole, object).because(role);
        audit::append(
            tx,
            &match change.org {
                Some(org) => entry.org(org),
                None => entry,
            },
        )?;
    }
    Ok(if rule_roles::is_anything(tx, &user).await? { Ok(user) } else { Err("no_role") })
}

/// Tie an identity that is seen for the first time: to an invited user of its mail address, else to a new one.
async fn tie(
    access: &Access,
    tx: &mut Tx,
    (identity, place): (&Identity, (&str, &str)),
    roles: &[(Option<OrgId>, Role)],
    who: &Who,
) -> Result<Known, StoreError> {
    let name = identity.email.as_ref().and_then(|email| UserName::parse(email.expose()).ok());
    let Some(name) = name else { return Ok(Err("email")) };
    let now = access.clock.now();
    let user = match users::by_name(&access.db, &name).await? {
        // A mail address alone never opens what somebody has a key of their own for.
        Some(user) if user.has_password || identities::count_in(tx, &user.user_id).await? > 0 => {
            return Ok(Err("name_taken"));
        }
        Some(user) => {
            links::void(tx, &user.user_id, now).await?;
            user.user_id
        }
        None if roles.is_empty() => return Ok(Err("no_role")),
        // The first user of all must be able to let others in: the owner's link is void once there is one.
        None if users::count_in(tx).await? == 0 && !roles.contains(&(None, Role::Owner)) => {
            return Ok(Err("no_owner"));
        }
        None => {
            let user = AccessUserId::new(access.clock.as_ref(), access.entropy.as_ref());
            users::insert(tx, &user, &name, now).await?;
            let object = Object::new(ObjectKind::User, user.0.clone());
            audit::append(tx, &NewEntry::done(now, who, Action::UserCreate, object).because("oidc"))?;
            user
        }
    };
    identities::link(tx, place, &user, now).await?;
    let object = Object::new(ObjectKind::User, user.0.clone());
    audit::append(tx, &NewEntry::done(now, who, Action::UserIdentity, object).because("oidc"))?;
    Ok(Ok(user))
}
