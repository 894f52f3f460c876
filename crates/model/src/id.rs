//! Identifiers as types: a conversation's number can never stand where a contact's is meant.
//!
//! Numbers are Drift's own and 64 bits wide: message ids exceed 2^32 (Drift: Message model).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that should have been a number of some kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError {
    /// What kind of id was expected, for the message.
    pub kind: &'static str,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {}: expected a whole number", self.kind)
    }
}

impl std::error::Error for IdError {}

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.trim().parse().map(Self).map_err(|_| IdError { kind: $kind })
            }
        }
    )*};
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number_id! {
    /// One Drift workspace (`orgId`).
    OrgId, "organization id";
    /// One conversation.
    ConversationId, "conversation id";
    /// One message; unique within its organization.
    MessageId, "message id";
    /// One contact: the person on the site's side.
    ContactId, "contact id";
    /// One Drift user: a person of the team, or a bot.
    UserId, "user id";
    /// One team of users.
    TeamId, "team id";
    /// One inbox. No endpoint lists inboxes.
    InboxId, "inbox id";
    /// One playbook.
    PlaybookId, "playbook id";
    /// One attachment (`documentId` in Drift's path).
    AttachmentId, "attachment id";
}

text_id! {
    /// One account: a UUID, or `<orgId>_<domain>`.
    AccountId;
    /// One meeting (Drift's `slug`).
    MeetingId;
    /// One run of an archive, a verification or an export: a UUID v7, so runs sort by age.
    RunId;
    /// One connection: the grant by which we act for an organization.
    ConnectionId;
    /// One received event: a UUID v7 of the instant of its receipt, so events sort by arrival.
    EventId;
    /// One address that outgoing webhooks go to: a UUID v7.
    EndpointId;
    /// One job: a UUID v7, so jobs sort by age.
    JobId;
    /// One person who may use Longshore: a UUID v7. Not a Drift user.
    AccessUserId;
    /// One signed-in browser: a UUID v7. What the browser holds is another, secret text.
    SessionId;
    /// One key of the API: a UUID v7. The key itself is another, secret text.
    ApiKeyId;
    /// One link to connect with, for somebody who is no user: a UUID v7. The link itself is another, secret text.
    ShareLinkId;
    /// One worker's registration: a UUID v7. A worker that lost its lease takes a new one.
    WorkerId;
}

impl RunId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl ConnectionId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl EventId {
    /// A new id of an event received at this instant (UUID version 7).
    #[must_use]
    pub fn new(received_at: crate::Millis, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7_at(received_at, entropy.next_u64(), entropy.next_u64()))
    }

    /// The least id of an instant: where the events received from then on begin.
    #[must_use]
    pub fn first_of(received_at: crate::Millis) -> Self {
        Self(uuid_v7_at(received_at, 0, 0))
    }
}

impl AccessUserId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl SessionId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl ApiKeyId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl ShareLinkId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl EndpointId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl JobId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }

    /// An id below which all ids of earlier instants lie, and none of this one or later.
    #[must_use]
    pub fn first_of(at: crate::Millis) -> Self {
        Self(uuid_v7_at(at, 0, 0))
    }
}

impl WorkerId {
    /// A new id from the given instant and randomness (UUID version 7).
    #[must_use]
    pub fn new(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

/// RFC 9562, version 7: 48 bits of Unix milliseconds, then randomness.
fn uuid_v7(clock: &dyn crate::Clock, entropy: &dyn crate::Entropy) -> String {
    uuid_v7_at(clock.now(), entropy.next_u64(), entropy.next_u64())
}

/// RFC 9562, version 7: 48 bits of Unix milliseconds, then randomness.
fn uuid_v7_at(at: crate::Millis, high: u64, low: u64) -> String {
    let ms = at.0.unsigned_abs() & 0xffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        ms >> 16,
        ms & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FakeClock, Millis, SeededEntropy};

    #[test]
    fn ids_parse_from_text_and_say_what_was_expected() {
        assert_eq!("42".parse(), Ok(ConversationId(42)));
        assert_eq!(
            "x".parse::<ConversationId>().unwrap_err().to_string(),
            "not a conversation id: expected a whole number"
        );
    }

    #[test]
    fn events_begin_at_the_least_id_of_their_instant() {
        let event = EventId::new(Millis(1_700_000_000_000), &SeededEntropy::new(1));
        assert!(EventId::first_of(Millis(1_700_000_000_000)) < event);
        assert!(event < EventId::first_of(Millis(1_700_000_000_001)));
    }

    #[test]
    fn run_ids_are_version_seven_and_sort_by_time() {
        let entropy = SeededEntropy::new(1);
        let early = RunId::new(&FakeClock::at(Millis(1_700_000_000_000)), &entropy);
        let late = RunId::new(&FakeClock::at(Millis(1_700_000_000_001)), &entropy);
        assert!(early < late, "{early} {late}");
        assert_eq!(early.0.len(), 36);
        assert_eq!(early.0.as_bytes()[14], b'7');
        let job = JobId::new(&FakeClock::at(Millis(1_700_000_000_000)), &entropy);
        assert!(JobId::first_of(Millis(1_700_000_000_000)) <= job);
        assert!(JobId::first_of(Millis(1_700_000_000_001)) > job);
    }
}
