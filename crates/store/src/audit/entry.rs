//! What an entry holds, going in and coming out.

use std::borrow::Cow;

use model::{Millis, OrgId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::action::{Action, ActorKind, ObjectKind, Outcome};

/// An id is no longer than this, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Its id within that kind; may be empty where there is only one.
    pub id: String,
}

/// Who did it, in which role, from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Who.
    pub actor: Actor,
    /// The role that allowed it, where there are roles.
    pub role: Option<&'static str>,
    /// The client's network address, or the name of what stands for one.
    pub origin: Option<String>,
}

impl Who {
    /// An actor without role and origin.
    #[must_use]
    pub fn new(kind: ActorKind, id: impl Into<String>) -> Self {
        Self { actor: Actor { kind, id: id.into() }, role: None, origin: None }
    }

    /// The program itself, at work.
    #[must_use]
    pub fn node() -> Self {
        Self::new(ActorKind::Node, "")
    }

    /// The same, in this role.
    #[must_use]
    pub fn in_role(mut self, role: &'static str) -> Self {
        self.role = Some(role);
        self
    }

    /// The same, from there.
    #[must_use]
    pub fn from(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<'a> {
    /// What kind of thing.
    pub kind: ObjectKind,
    /// Its id; never a name or an address of a person.
    pub id: Cow<'a, str>,
}

impl<'a> Object<'a> {
    /// A thing by its id.
    #[must_use]
    pub fn new(kind: ObjectKind, id: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, id: id.into() }
    }

    /// An organization as a whole.
    #[must_use]
    pub fn org(org: OrgId) -> Self {
        Self::new(ObjectKind::Organization, org.to_string())
    }
}

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry<'a> {
    /// When.
    pub at: Millis,
    /// Whose data or grant it is about, where it is about one's.
    pub org: Option<OrgId>,
    /// Who did it.
    pub who: &'a Who,
    /// What.
    pub action: Action,
    /// To what.
    pub object: Object<'a>,
    /// How it went.
    pub outcome: Outcome,
    /// Why, in a word of ours such as `token_expired`; free text has no place here.
    pub reason: Option<&'static str>,
    /// How many rows or things it was about, where that can be counted.
    pub amount: Option<i64>,
}

impl<'a> NewEntry<'a> {
    /// Something that was done.
    #[must_use]
    pub fn done(at: Millis, who: &'a Who, action: Action, object: Object<'a>) -> Self {
        Self { at, org: None, who, action, object, outcome: Outcome::Done, reason: None, amount: None }
    }

    /// Something that was not allowed.
    #[must_use]
    pub fn refused(
        at: Millis,
        who: &'a Who,
        action: Action,
        object: Object<'a>,
        reason: &'static str,
    ) -> Self {
        let entry = Self::done(at, who, action, object);
        Self { outcome: Outcome::Refused, reason: Some(reason), ..entry }
    }

    /// Something that was tried and did not work.
    #[must_use]
    pub fn failed(
        at: Millis,
        who: &'a Who,
        action: Action,
        object: Object<'a>,
        reason: &'static str,
    ) -> Self {
        let entry = Self::done(at, who, action, object);
        Self { outcome: Outcome::Failed, reason: Some(reason), ..entry }
    }

    /// The same, about this organization.
    #[must_use]
    pub fn org(mut self, org: OrgId) -> Self {
        self.org = Some(org);
        self
    }

    /// The same, with a word on why.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same, about so many.
    #[must_use]
    pub fn amount(mut self, amount: i64) -> Self {
        self.amount = Some(amount);
        self
    }

    /// As it will be stored, without its number.
    pub(super) fn stored(&self) -> Entry {
        Entry {
            seq: 0,
            at: self.at,
            org: self.org,
            actor_kind: self.who.actor.kind.as_str().to_owned(),
            actor_id: as_id(&self.who.actor.id),
            role: self.who.role.map(as_id),
            origin: self.who.origin.as_deref().map(as_id),
            action: self.action.as_str().to_owned(),
            object_kind: self.object.kind.as_str().to_owned(),
            object_id: as_id(&self.object.id),
            outcome: self.outcome.as_str().to_owned(),
            reason: self.reason.map(as_id),
            amount: self.amount,
            hash: Vec::new(),
        }
    }
}

/// An entry as it stands in a log. Its words are texts, and its hash is of any length: a log that was tampered with is read,
/// too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number: 1 for the first, without gaps.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// Whose data or grant it is about.
    #[serde(rename = "org_id")]
    pub org: Option<OrgId>,
    /// What kind of actor did it ([`ActorKind`]).
    pub actor_kind: String,
    /// Which.
    pub actor_id: String,
    /// In which role.
    pub role: Option<String>,
    /// From where.
    pub origin: Option<String>,
    /// What was done ([`Action`]).
    pub action: String,
    /// To what kind of thing ([`ObjectKind`]).
    pub object_kind: String,
    /// To which.
    pub object_id: String,
    /// How it went ([`Outcome`]).
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
    /// How many it was about.
    pub amount: Option<i64>,
    /// The SHA-256 of all this and of the hash before it.
    #[serde(with = "super::hexed")]
    pub hash: Vec<u8>,
}

/// A text that is shaped like an id as it is; any other as `sha256-` and the first 32 digits of its hash, by which
/// whoever knows the text can find it. No `@` and no blank, so no mail address and no name passes.
fn as_id(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]{}#+".contains(&byte);
    if text.len() <= ID_BYTES_MAX && text.bytes().all(plain) {
        text.to_owned()
    } else {
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        format!("sha256-{}", &hash[..32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shaped_like_an_id_goes_in_as_it_is() {
        for id in ["", "0199-aa", "10.0.0.1", "[::1]:80", "GET/api/v1/pauses/{kind}", "7_example.com"] {
            assert_eq!(as_id(id), id);
        }
        for text in ["ada@example.com", "Ada Lovelace", "a\nb", "Zoë", "a\0", &"x".repeat(129)] {
            let id = as_id(text);
            assert!(id.starts_with("sha256-") && id.len() == 39 && !id.contains(text), "{id}");
        }
    }
}
