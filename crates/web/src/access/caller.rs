//! Who comes: the key of the settings, an API key, or a browser's session.

use http::{HeaderMap, header};
use model::{AccessUserId, ApiKeyId, Millis, OrgId, Permission, Role, UserName};
use store::access::keys::{self, ApiKey};
use store::access::sessions::{self, Found, Session};
use store::access::{Token, memberships, users};
use store::audit::{self, Action, ActorKind, NewEntry, Object, ObjectKind};
use store::{StoreError, honey};

use super::Access;
use super::cookies::{Cookie, read};

/// Somebody who is known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub who: Who,
    grants: Vec<Grant>,
    /// The browser's session, for whoever has one.
    pub(crate) session: Option<Session>,
}

/// How a caller is known.
#[derive(Debug, Clone)]
pub enum Who {
    /// By the key of the settings.
    Settings,
    /// By an API key.
    Key(ApiKeyId),
    /// By a session.
    User(AccessUserId, UserName),
}

/// What a caller may, where. No organization: in every one.
#[derive(Debug, Clone)]
struct Grant {
    org: Option<OrgId>,
    permissions: Vec<Permission>,
}

impl Caller {
    /// Whether this organization exists for the caller.
    #[must_use]
    pub fn sees(&self, org: OrgId) -> bool {
        self.grants.iter().any(|grant| grant.org.is_none_or(|one| one == org))
    }

    /// Whether the caller holds a permission in an organization.
    #[must_use]
    pub fn may(&self, org: OrgId, permission: Permission) -> bool {
        let here = |grant: &&Grant| grant.org.is_none_or(|one| one == org);
        self.grants.iter().filter(here).any(|grant| grant.permissions.contains(&permission))
    }

    /// Whether the caller holds a permission in every organization.
    #[must_use]
    pub fn may_everywhere(&self, permission: Permission) -> bool {
        let whole = |grant: &&Grant| grant.org.is_none();
        self.grants.iter().filter(whole).any(|grant| grant.permissions.contains(&permission))
    }

    /// Whether the caller holds a permission in any organization.
    #[must_use]
    pub fn may_somewhere(&self, permission: Permission) -> bool {
        self.grants.iter().any(|grant| grant.permissions.contains(&permission))
    }

    /// The organizations in which the caller holds a permission; `None`: every one.
    pub(crate) fn orgs_of(&self, permission: Permission) -> Option<Vec<OrgId>> {
        let holding = self.grants.iter().filter(|grant| grant.permissions.contains(&permission));
        holding.map(|grant| grant.org).collect()
    }

    /// Whether what asks for the password once more is open: a key names such permissions one by one instead.
    pub(crate) fn is_stepped_up(&self, now: Millis) -> bool {
        self.session.as_ref().is_none_or(|session| session.is_stepped_up(now))
    }

    /// Who the audit says it was.
    pub(crate) fn actor(&self) -> audit::Who {
        match &self.who {
            Who::Settings => audit::Who::new(ActorKind::AdminToken, ""),
            Who::Key(key) => audit::Who::new(ActorKind::ApiKey, key.0.as_str()),
            Who::User(user, _) => audit::Who::new(ActorKind::User, user.0.as_str()),
        }
    }

    fn of_settings() -> Self {
        let grant = Grant { org: None, permissions: Role::Owner.permissions().to_vec() };
        Self { who: Who::Settings, grants: vec![grant], session: None }
    }

    /// A key has what it names; one that names nothing has what its role has, but for what asks for a password.
    fn of_key(key: &ApiKey) -> Self {
        let permissions = if key.scopes.is_empty() {
            key.role.permissions().iter().copied().filter(|one| !one.needs_step_up()).collect()
        } else {
            key.scopes.clone()
        };
        let grants = vec![Grant { org: key.org, permissions }];
        Self { who: Who::Key(key.key_id.clone()), grants, session: None }
    }
}

/// What a request showed.
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// Something that opens nothing.
    Wrong,
    /// A key.
    Key(Caller),
    /// A session; the browser's new text, where it is to be replaced.
    Session(Caller, Option<Token>),
}

/// Find out who comes. A key in the header is looked at alone, whatever cookies there are.
pub(super) async fn meet(access: &Access, headers: &HeaderMap, https: bool) -> Result<Shown, StoreError> {
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let given = given.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        return by_key(access, given).await;
    }
    match read(headers, Cookie::Session, https) {
        Some(token) => by_session(access, &token).await,
        None => Ok(Shown::Nothing),
    }
}

async fn by_key(access: &Access, given: &str) -> Result<Shown, StoreError> {
    if access.options.key.as_ref().is_some_and(|key| key.is(given)) {
        return Ok(Shown::Key(Caller::of_settings()));
    }
    let now = access.clock.now();
    let key = match Token::parse(given) {
        Some(token) => keys::find(&access.db, &token, now).await?,
        None => None,
    };
    let Some(key) = key else {
        // Whoever shows a decoy is told what everybody is told who shows a wrong key.
        if honey::shown(&access.db, given.as_bytes()).await? {
            tracing::warn!("A honey token was shown as a key of the API");
        }
        return Ok(Shown::Wrong);
    };
    if keys::is_used_due(&key, now) {
        let mut tx = access.db.begin().await?;
        keys::used(&mut tx, &key.key_id, now).await?;
        tx.commit().await?;
    }
    Ok(Shown::Key(Caller::of_key(&key)))
}

async fn by_session(access: &Access, token: &Token) -> Result<Shown, StoreError> {
    let now = access.clock.now();
    let (session, is_present) = match sessions::find(&access.db, token, now).await? {
        Found::Nothing => return Ok(Shown::Wrong),
        Found::Held(session) => (session, true),
        Found::Replaced(session) => (session, false),
        Found::Copied(session) => {
            tracing::warn!(session.id = %session, "A session was ended: somebody showed a text of it that was replaced");
            let mut tx = access.db.begin().await?;
            if sessions::end(&mut tx, &session).await? {
                let (node, object) =
                    (audit::Who::node(), Object::new(ObjectKind::Session, session.0.as_str()));
                let entry = NewEntry::done(now, &node, Action::SessionRevoke, object).because("copied");
                audit::append(&mut tx, &entry)?;
            }
            tx.commit().await?;
            return Ok(Shown::Wrong);
        }
    };
    let Some(user) = users::get(&access.db, &session.user).await? else { return Ok(Shown::Wrong) };
    let grants = memberships::of_user(&access.db, &session.user).await?;
    let grant =
        |one: memberships::Membership| Grant { org: one.org, permissions: one.role.permissions().to_vec() };
    let grants = grants.into_iter().map(grant).collect();
    let renewed = if is_present { keep(access, &session, token, now).await? } else { None };
    let who = Who::User(user.user_id, user.name);
    Ok(Shown::Session(Caller { who, grants, session: Some(session) }, renewed))
}

/// Note that a session was seen, and replace the browser's text where it is time to.
async fn keep(
    access: &Access,
    session: &Session,
    token: &Token,
    now: Millis,
) -> Result<Option<Token>, StoreError> {
    if !session.is_stale(now) && !sessions::is_seen_due(session, now) {
        return Ok(None);
    }
    let mut tx = access.db.begin().await?;
    sessions::seen(&mut tx, &session.session_id, now).await?;
    let mut renewed = None;
    if session.is_stale(now) {
        let new = Token::generate("", access.entropy.as_ref());
        let rotated = sessions::rotate(&mut tx, &session.session_id, (token, &new), now).await?;
        renewed = rotated.then_some(new);
    }
    tx.commit().await?;
    Ok(renewed)
}
