//! Numbers: each kind of thing has its own range, wide enough for any world, and a way back to its place.
//!
//! Ids leave gaps that differ from seed to seed, so that counting up from a known id does not work, as it does
//! not with Drift. What comes into being while the world runs has ranges of its own.

use model::entropy::mix;

/// The organization.
pub(super) const ORG_ID: i64 = 918_273;

/// More than any conversation has messages: the distance of two conversations in the range of message ids.
pub(super) const MESSAGE_STRIDE: i64 = 4_096;
/// The most files on a generated message.
pub(super) const FILES_MAX: i64 = 2;

const CONVERSATION_FIRST: i64 = 2_147_000_000;
const CONVERSATION_STRIDE: i64 = 7;
const CONTACT_FIRST: i64 = 5_300_000_000;
const CONTACT_STRIDE: i64 = 5;
const MESSAGE_FIRST: i64 = 450_000_000_000;
const FILE_FIRST: i64 = 88_000_000;

/// Contacts that came while the world ran; above `CONTACT_STRIDE * CONVERSATIONS_MAX`.
pub(super) const CONTACT_NEW_FIRST: i64 = 9_000_000_000;
/// Messages that came while the world ran; above `MESSAGE_STRIDE * CONVERSATIONS_MAX`.
pub(super) const MESSAGE_NEW_FIRST: i64 = 900_000_000_000_000;
/// Files that came while the world ran.
pub(super) const FILE_NEW_FIRST: i64 = 1_900_000_000_000_000;

/// A share of randomness that belongs to `index` in one `stream`.
pub(super) const fn hash(seed: u64, stream: u64, index: u64) -> u64 {
    mix(mix(seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93))
        .wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

const fn signed(index: u64) -> i64 {
    index.cast_signed()
}

const fn spread(seed: u64, stream: u64, index: u64, stride: i64) -> i64 {
    (hash(seed, stream, index) % stride.unsigned_abs()).cast_signed()
}

const fn place(id: i64, first: i64, stride: i64) -> Option<u64> {
    if id < first { None } else { Some(((id - first) / stride).unsigned_abs()) }
}

/// The id of conversation `index`.
pub(super) const fn conversation(seed: u64, index: u64) -> i64 {
    CONVERSATION_FIRST + signed(index) * CONVERSATION_STRIDE + spread(seed, 1, index, CONVERSATION_STRIDE)
}

/// The index behind a conversation id, if it is one.
pub(super) fn conversation_index(seed: u64, id: i64) -> Option<u64> {
    place(id, CONVERSATION_FIRST, CONVERSATION_STRIDE).filter(|&index| conversation(seed, index) == id)
}

/// The id of contact `slot`.
pub(super) const fn contact(seed: u64, slot: u64) -> i64 {
    CONTACT_FIRST + signed(slot) * CONTACT_STRIDE + spread(seed, 2, slot, CONTACT_STRIDE)
}

/// The slot behind a contact id of the base.
pub(super) fn contact_slot(seed: u64, id: i64) -> Option<u64> {
    place(id, CONTACT_FIRST, CONTACT_STRIDE)
        .filter(|&slot| id < CONTACT_NEW_FIRST && contact(seed, slot) == id)
}

/// The id of message `j` of conversation `index`.
pub(super) const fn message(index: u64, j: u32) -> i64 {
    MESSAGE_FIRST + signed(index) * MESSAGE_STRIDE + j as i64
}

/// The place within its conversation of a generated message.
pub(super) fn message_place(index: u64, id: i64) -> Option<u32> {
    u32::try_from(id.checked_sub(message(index, 0))?).ok().filter(|&j| i64::from(j) < MESSAGE_STRIDE)
}

/// The id of file `file` on message `j` of conversation `index`.
pub(super) const fn attachment(index: u64, j: u32, file: i64) -> i64 {
    FILE_FIRST + (signed(index) * MESSAGE_STRIDE + j as i64) * FILES_MAX + file
}

/// Conversation, message and number behind a generated file's id.
pub(super) fn attachment_place(id: i64) -> Option<(u64, u32, i64)> {
    if id >= FILE_NEW_FIRST {
        return None;
    }
    let rest = id.checked_sub(FILE_FIRST).filter(|&rest| rest >= 0)?;
    let (message, file) = (rest / FILES_MAX, rest % FILES_MAX);
    let j = u32::try_from(message % MESSAGE_STRIDE).ok()?;
    Some(((message / MESSAGE_STRIDE).unsigned_abs(), j, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_leads_back_and_its_neighbours_do_not() {
        for index in [0, 1, 499, 999_999, super::super::CONVERSATIONS_MAX] {
            let id = conversation(7, index);
            assert_eq!(conversation_index(7, id), Some(index));
            assert!(conversation_index(7, id + 1).is_none_or(|other| other == index + 1));
            assert_eq!(contact_slot(7, contact(7, index)), Some(index));
            assert_eq!(message_place(index, message(index, 12)), Some(12));
            assert_eq!(attachment_place(attachment(index, 12, 1)), Some((index, 12, 1)));
            assert!(contact(7, index) < CONTACT_NEW_FIRST && message(index, 4_095) < MESSAGE_NEW_FIRST);
        }
        assert_eq!(conversation_index(7, 0), None);
    }
}
