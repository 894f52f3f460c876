//! What Drift posts to us, read.
//!
//! Drift's webhooks have four keys (`type`, `token`, `orgId`, `data`), no signature, no id of their own, no documented
//! retry, and a dozen shapes of `data` of which several were never documented. So an [`Event`] is read leniently: what
//! cannot be attributed to an organization is an [`EventError`], anything else is an event, with the ids that could be
//! found, the [`EventFacts`] that no later call to the API would give, and the whole of `data` as it came. An unknown
//! type is an event like any other.
//!
//! Reading is pure: nothing is verified, stored or looked up here. A second delivery is known by [`Event::identity`];
//! what may be kept of a payload in the clear is what [`redact`] leaves of it.
//!
//! Refused: one Rust type for the `data` of each event. Nothing downstream would read them, since an event is a hint
//! and the truth is fetched; and each would be one more way to fail on what Drift changes.

mod error;
mod event;
mod examples;
mod facts;
mod fields;
mod identity;
mod kind;
mod parse;
mod redact;
mod subjects;

pub use error::EventError;
pub use event::Event;
pub use examples::{EXAMPLES, Example};
pub use facts::{EventFacts, MeetingFacts};
pub use identity::Identity;
pub use kind::{EventKind, Presence};
pub use parse::{BODY_BYTES_MAX, DEPTH_MAX, TYPE_BYTES_MAX};
pub use redact::redact;
