//! Reading what comes in pages, or in several calls, as one.

use std::fmt;

use drift::{Client, Error, wire};
use model::record::{Message, Snapshot};
use model::{ConversationId, Millis};

use super::{conversation, message};

/// Drift answers no meetings older than 30 days (Drift: Get Booked Meetings).
const MEETINGS_BACK_MS: i64 = 30 * DAY_MS;
/// Booked meetings lie in the future too: a year ahead.
const MEETINGS_AHEAD_MS: i64 = 366 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Windows of meetings asked for at most, when a full answer makes us split one.
const MEETING_WINDOWS_MAX: usize = 2_000;

/// A part of a conversation that has a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Conversation,
    Messages,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conversation => "details",
            Self::Messages => "messages",
        })
    }
}

/// A conversation with its details and all its messages. The conversation comes first: so its update time is never newer
/// than the messages that are stored under it.
///
/// # Errors
/// The first failed call, and which part it was for: half a conversation is never stored as if it were one.
pub(crate) async fn whole(
    drift: &Client,
    id: ConversationId,
    fetched_at: Millis,
) -> Result<Snapshot, (Part, Error)> {
    let found = drift.conversation(id).await.map_err(|error| (Part::Conversation, error))?;
    let (conversation, details) = conversation(found);
    let messages = all_messages(drift, id).await.map_err(|error| (Part::Messages, error))?;
    Ok(Snapshot { conversation, details: Some(details), messages: Some(messages), fetched_at })
}

/// All messages, oldest first as Drift gives them.
///
/// # Errors
/// The first failed page fails the whole: half a conversation is never stored as if it were one.
pub(crate) async fn all_messages(drift: &Client, id: ConversationId) -> Result<Vec<Message>, Error> {
    let mut pages = drift.messages(id);
    let mut messages = Vec::new();
    while let Some(page) = pages.next_page().await? {
        messages.extend(page.items.into_iter().map(message));
    }
    Ok(messages)
}

/// The meetings that Drift still lists at `now`. A window with a full answer is split until it is not full.
///
/// # Errors
/// The first failed call fails the whole.
pub(crate) async fn all_meetings(drift: &Client, now: Millis) -> Result<Vec<wire::Meeting>, Error> {
    let mut windows = vec![(now.plus(-MEETINGS_BACK_MS), now.plus(MEETINGS_AHEAD_MS))];
    let (mut found, mut asked) = (Vec::new(), 0);
    while let Some((from, to)) = windows.pop() {
        asked += 1;
        let answer = drift.meetings(from, to).await?;
        let middle = from.plus(to.since(from) / 2);
        if answer.maybe_truncated && middle > from && asked < MEETING_WINDOWS_MAX {
            windows.extend([(from, middle), (middle, to)]);
        } else {
            found.extend(answer.items);
        }
    }
    Ok(found)
}
