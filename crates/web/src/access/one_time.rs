//! One-time links: their address, and what comes of one that is used.

use model::{AccessUserId, Role, Secret, UserName};
use store::StoreError;
use store::access::attempts::{self, Subject};
use store::access::links::{self, Link};
use store::access::memberships::{self, Membership};
use store::access::password::{self, PasswordError};
use store::access::{Token, sessions, users};
use store::audit::{self, Action, NewEntry, Object, ObjectKind, Who};

use super::{Access, hash};

/// The path and query of a link, to be put behind the node's address.
#[must_use]
pub fn link_path(token: &Token) -> String {
    format!("/setup?code={}", token.expose())
}

/// What comes of a link.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// The password is set.
    Done,
    /// The link is not good, or not any more.
    Void,
    /// The password is not taken.
    Password(PasswordError),
    /// Not a name to sign in with.
    Name,
}

/// Use a link: make the owner, or set a user's password. A password that is not taken leaves the link good.
pub(crate) async fn accept(
    access: &Access,
    who: &Who,
    token: &Token,
    (name, new): (&str, Secret),
) -> Result<Accepted, StoreError> {
    let now = access.clock.now();
    let Some(link) = links::find(&access.db, token, now).await? else { return Ok(Accepted::Void) };
    let name = match &link {
        Link::Owner => match UserName::parse(name) {
            Ok(name) => name,
            Err(_) => return Ok(Accepted::Name),
        },
        Link::Invitation(user) | Link::Reset(user) => match users::get(&access.db, user).await? {
            Some(user) => user.name,
            None => return Ok(Accepted::Void),
        },
    };
    if let Err(error) = password::check(&new, &name) {
        return Ok(Accepted::Password(error));
    }
    let hashed = hash(access, new).await?;
    let mut tx = access.db.begin().await?;
    // Somebody else may have been faster.
    let (user, reason) = match links::take(&mut tx, token, now).await? {
        None => return Ok(Accepted::Void),
        Some(Link::Owner) => {
            let user = AccessUserId::new(access.clock.as_ref(), access.entropy.as_ref());
            users::insert(&mut tx, &user, &name, now).await?;
            memberships::put(&mut tx, &user, &Membership { org: None, role: Role::Owner, since: now })
                .await?;
            let object = || Object::new(ObjectKind::User, user.0.clone());
            audit::append(&mut tx, &NewEntry::done(now, who, Action::UserCreate, object()))?;
            let role = NewEntry::done(now, who, Action::UserRole, object()).because(Role::Owner.as_str());
            audit::append(&mut tx, &role)?;
            (user, "owner_link")
        }
        Some(Link::Invitation(user)) => (user, "invitation"),
        Some(Link::Reset(user)) => (user, "reset_link"),
    };
    let object = Object::new(ObjectKind::User, user.0.as_str());
    audit::append(&mut tx, &NewEntry::done(now, who, Action::UserCredential, object).because(reason))?;
    users::set_password(&mut tx, &user, &hashed).await?;
    sessions::end_of_user(&mut tx, &user, None).await?;
    attempts::succeeded(&mut tx, Subject::Account(&name)).await?;
    tx.commit().await?;
    Ok(Accepted::Done)
}
