//! Why a body is no event, told without repeating any of it.

use super::{BODY_BYTES_MAX, DEPTH_MAX, TYPE_BYTES_MAX};

/// Why a body is no event. The text may be answered to the sender: it holds names and places, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Nothing was posted.
    #[error("the body is empty")]
    Empty,
    /// Longer than any event may be.
    #[error("the body is longer than {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// Not text.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// Not JSON.
    #[error("malformed JSON at byte {at}")]
    Malformed {
        /// Offset at which it stops being JSON.
        at: usize,
    },
    /// Cut off on its way.
    #[error("the JSON ends early, after {at} bytes")]
    EndsEarly {
        /// Bytes that there were.
        at: usize,
    },
    /// Objects in lists in objects, more than anybody would send.
    #[error("the JSON is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// JSON of another kind.
    #[error("the body is not an object")]
    NotAnObject,
    /// Nothing says what happened.
    #[error("no type")]
    NoType,
    /// A type that cannot be one.
    #[error("type is not a text of 1 to {TYPE_BYTES_MAX} bytes")]
    BadType,
    /// Nothing says whose event it is.
    #[error("no orgId")]
    NoOrg,
    /// An organization that cannot be one.
    #[error("orgId is not a whole number above 0")]
    BadOrg,
    /// The event's own part is no object.
    #[error("data is not an object")]
    DataNotAnObject,
}
