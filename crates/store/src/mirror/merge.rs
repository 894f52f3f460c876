//! The law by which a snapshot is merged into what is stored. Pure: no database here.
//!
//! A conversation has three parts: its own fields, its details, its messages. Of each part the greatest
//! [`Version`] holds; of equal versions the one with the greater content hash. A message or attachment that
//! was ever listed is never forgotten: when the holding list lacks it, it stays with the content of
//! the newest list that had it, marked as not live, and remembers that list. All of this is a maximum over
//! the set of snapshots delivered, so neither order nor repetition can matter.

use std::borrow::Cow;
use std::collections::BTreeSet;

use model::record::{Attachment, Details, Message, Snapshot, Tag, Version};
use model::{Millis, UserId};
use serde_json::json;

use crate::changes::{ChangeKind, NewChange};
use crate::hash::{self, Encoder, Hash};
use crate::mirror::prepared::Content;
use crate::mirror::state::{ConversationRow, Known, KnownDetails, KnownItems};

/// A list of messages in their order, without doubles, hashed.
pub(crate) struct Listed<'a> {
    pub(crate) messages: Vec<(&'a Message, &'a Content)>,
    pub(crate) hash: Hash,
}

impl<'a> Listed<'a> {
    /// Order by creation and id. Of a message listed twice (rows moved between two pages) the one with the
    /// greater hash is kept.
    pub(crate) fn new(messages: impl Iterator<Item = (&'a Message, &'a Content)>) -> Self {
        let mut listed: Vec<(&Message, &Content)> = messages.collect();
        drop_doubles(&mut listed);
        listed.sort_by_key(|(message, _)| (message.created_at, message.message_id));
        let hash = hash::of_hashes(listed.iter().map(|(_, content)| &content.hash));
        Self { messages: listed, hash }
    }

    /// The attachments with their message and place; of one listed twice on a message the first.
    pub(crate) fn attachments(&self) -> impl Iterator<Item = (&'a Message, &'a Attachment, i64)> {
        self.messages.iter().flat_map(|(message, _)| {
            let all = &message.attachments;
            (0..)
                .zip(all)
                .filter(|(position, attachment)| {
                    let earlier = usize::try_from(*position).unwrap_or_default();
                    !all[..earlier].iter().any(|other| other.attachment_id == attachment.attachment_id)
                })
                .map(|(position, attachment)| (*message, attachment, position))
        })
    }
}

fn drop_doubles(listed: &mut Vec<(&Message, &Content)>) {
    let mut ids: Vec<i64> = listed.iter().map(|(message, _)| message.message_id.0).collect();
    ids.sort_unstable();
    if ids.windows(2).all(|pair| pair[0] != pair[1]) {
        return;
    }
    listed.sort_by_key(|(message, content)| std::cmp::Reverse((message.message_id, content.hash)));
    listed.dedup_by_key(|(message, _)| message.message_id);
}

/// Details in their canonical form: sorted, without doubles; of two tags of one name the greater color.
pub(crate) fn canonical(details: &Details) -> Details {
    let mut details = details.clone();
    details.participants.sort_unstable();
    details.participants.dedup();
    for tag in &mut details.tags {
        tag.name = hash::clean(&tag.name).into_owned();
        tag.color = hash::clean_option(tag.color.as_ref()).map(Cow::into_owned);
    }
    details.tags.sort_unstable_by(|a, b| b.cmp(a));
    details.tags.dedup_by(|next, kept| next.name == kept.name);
    details.tags.reverse();
    details
}

/// A message or attachment to be written, and what it is then.
pub(crate) enum Fate {
    /// Listed by the list that holds.
    Live,
    /// Only listed by an older list.
    Seen(Version, Hash),
}

/// What merging one snapshot into what is stored comes to.
pub(crate) struct Merged<'a> {
    /// The conversation's row, as it is to be.
    pub(crate) row: ConversationRow,
    pub(crate) row_changed: bool,
    /// To be inserted, or to replace the stored content.
    pub(crate) messages: Vec<(&'a Message, &'a Content, Fate)>,
    pub(crate) attachments: Vec<(&'a Message, &'a Attachment, i64, Hash, Fate)>,
    /// No longer listed: ids, to be marked as last seen in the list that held so far.
    pub(crate) messages_dropped: Vec<i64>,
    pub(crate) attachments_dropped: Vec<(i64, i64)>,
    pub(crate) dropped_at: Option<(Version, Hash)>,
    /// To replace participants and tags.
    pub(crate) details: Option<Details>,
    pub(crate) changes: Vec<NewChange>,
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) removed: u64,
}

/// A conversation seen for the first time: everything its snapshot holds, and one change.
pub(crate) fn create<'a>(
    snapshot: &'a Snapshot,
    listed: Option<&Listed<'a>>,
    encoder: &mut Encoder,
) -> Merged<'a> {
    let version = snapshot.version();
    let details = snapshot.details.as_ref().map(canonical);
    let mut row = first_row(snapshot);
    if let Some(details) = &details {
        set_details(&mut row, details, version, encoder.details(details));
    }
    let mut merged = Merged::of(row, true);
    if let Some(listed) = listed {
        set_messages(&mut merged.row, listed, version);
        merged.messages =
            listed.messages.iter().map(|(message, content)| (*message, *content, Fate::Live)).collect();
        for (message, attachment, position) in listed.attachments() {
            let hash = encoder.attachment(attachment, position);
            merged.attachments.push((message, attachment, position, hash, Fate::Live));
        }
        merged.added = listed.messages.len() as u64;
    }
    let detail =
        json!({"messages": listed.map(|listed| listed.messages.len()), "details": details.is_some()});
    merged.change(ChangeKind::ConversationCreated, None, detail.to_string());
    merged.details = details;
    merged
}

/// What a known conversation needs to be read for, before its snapshot can be merged.
pub(crate) struct Needs {
    pub(crate) items: bool,
    pub(crate) details: bool,
}

/// Decide what must be read: contents that are the same need nothing.
pub(crate) fn needs(
    stored: &ConversationRow,
    details_hash: Option<&Hash>,
    list_hash: Option<&Hash>,
) -> Needs {
    Needs {
        items: list_hash.is_some_and(|hash| {
            stored.messages_at().is_some() && stored.messages_hash.as_deref() != Some(hash.as_slice())
        }),
        details: details_hash.is_some_and(|hash| {
            stored.details_at().is_some() && stored.details_hash.as_deref() != Some(hash.as_slice())
        }),
    }
}

/// Merge a snapshot into a known conversation.
pub(crate) fn merge<'a>(
    stored: &ConversationRow,
    snapshot: &'a Snapshot,
    listed: Option<&Listed<'a>>,
    known: (&KnownItems, &KnownDetails),
    encoder: &mut Encoder,
) -> Merged<'a> {
    let mut merged = Merged::of(stored.clone(), false);
    merge_life(&mut merged, snapshot.fetched_at);
    let mut fields = merge_core(&mut merged, snapshot, encoder);
    if let Some(details) = &snapshot.details {
        fields.extend(merge_details(&mut merged, canonical(details), snapshot.version(), known.1, encoder));
    }
    if let Some(listed) = listed {
        merge_messages(&mut merged, listed, snapshot.version(), known.0, encoder);
    }
    // The update time moves with every other change; it is told only when nothing else is.
    if fields.iter().any(|field| *field != "updated_at") || (!fields.is_empty() && merged.changes.is_empty())
    {
        merged.change(ChangeKind::ConversationChanged, None, json!({"fields": fields}).to_string());
    }
    merged.row_changed = merged.row != *stored;
    merged
}

impl Merged<'_> {
    fn of(row: ConversationRow, row_changed: bool) -> Self {
        Self {
            row,
            row_changed,
            messages: Vec::new(),
            attachments: Vec::new(),
            messages_dropped: Vec::new(),
            attachments_dropped: Vec::new(),
            dropped_at: None,
            details: None,
            changes: Vec::new(),
            added: 0,
            changed: 0,
            removed: 0,
        }
    }

    fn change(&mut self, kind: ChangeKind, message_id: Option<i64>, detail: String) {
        let conversation_id = Some(self.row.conversation_id);
        self.changes.push(NewChange { conversation_id, kind, message_id, detail });
    }

    fn message_change(&mut self, kind: ChangeKind, message_id: i64) {
        match kind {
            ChangeKind::MessageAdded => self.added += 1,
            ChangeKind::MessageChanged => self.changed += 1,
            _ => self.removed += 1,
        }
        self.change(kind, Some(message_id), "{}".to_owned());
    }
}

fn first_row(snapshot: &Snapshot) -> ConversationRow {
    let conversation = &snapshot.conversation;
    ConversationRow {
        conversation_id: conversation.conversation_id.0,
        contact_id: conversation.contact_id.map(|id| id.0),
        inbox_id: conversation.inbox_id.map(|id| id.0),
        status: hash::clean(&conversation.status).into_owned(),
        created_at: conversation.created_at.map(|at| at.0),
        updated_at: conversation.updated_at.map(|at| at.0),
        related_playbook_id: None,
        message_count: 0,
        messages_hash: None,
        gone_at: None,
        seen_at: snapshot.fetched_at.0,
        fetched_at: snapshot.fetched_at.0,
        details_updated_at: None,
        details_fetched_at: None,
        details_hash: None,
        messages_updated_at: None,
        messages_fetched_at: None,
        extra: hash::clean(&conversation.extra).into_owned(),
        details_extra: None,
    }
}

fn set_details(row: &mut ConversationRow, details: &Details, version: Version, hash: Hash) {
    row.related_playbook_id = details.related_playbook_id.map(|id| id.0);
    row.details_extra = Some(hash::clean(&details.extra).into_owned());
    row.details_hash = Some(hash.to_vec());
    row.details_updated_at = Some(version.updated_at.0);
    row.details_fetched_at = Some(version.fetched_at.0);
}

fn set_messages(row: &mut ConversationRow, listed: &Listed<'_>, version: Version) {
    row.message_count = listed.messages.len() as i64;
    row.messages_hash = Some(listed.hash.to_vec());
    row.messages_updated_at = Some(version.updated_at.0);
    row.messages_fetched_at = Some(version.fetched_at.0);
}

/// Being seen ends being gone, when it was seen after Drift said so.
fn merge_life(merged: &mut Merged<'_>, fetched_at: Millis) {
    merged.row.seen_at = merged.row.seen_at.max(fetched_at.0);
    if merged.row.gone_at.is_some_and(|gone_at| gone_at < fetched_at.0) {
        merged.row.gone_at = None;
        merged.change(ChangeKind::ConversationRevived, None, "{}".to_owned());
    }
}

/// Answers the names of the fields that changed and have no change of their own.
fn merge_core(merged: &mut Merged<'_>, snapshot: &Snapshot, encoder: &mut Encoder) -> Vec<&'static str> {
    let stored = merged.row.core_at();
    let holds = match snapshot.version().cmp(&stored) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => {
            encoder.core(&snapshot.conversation) > encoder.core(&merged.row.conversation())
        }
    };
    if !holds {
        return Vec::new();
    }
    let new = first_row(snapshot);
    let row = &mut merged.row;
    let mut fields = Vec::new();
    let mut note = |name: &'static str, changed: bool| {
        if changed {
            fields.push(name);
        }
    };
    note("contact_id", row.contact_id != new.contact_id);
    note("inbox_id", row.inbox_id != new.inbox_id);
    note("created_at", row.created_at != new.created_at);
    note("updated_at", row.updated_at != new.updated_at);
    note("extra", row.extra != new.extra);
    let status = std::mem::replace(&mut row.status, new.status);
    (row.contact_id, row.inbox_id) = (new.contact_id, new.inbox_id);
    (row.created_at, row.updated_at, row.fetched_at) = (new.created_at, new.updated_at, new.fetched_at);
    row.extra = new.extra;
    if status != merged.row.status {
        let detail = json!({"from": status, "to": merged.row.status});
        merged.change(ChangeKind::StatusChanged, None, detail.to_string());
    }
    fields
}

/// Answers the names of the fields that changed and have no change of their own.
fn merge_details(
    merged: &mut Merged<'_>,
    details: Details,
    version: Version,
    known: &KnownDetails,
    encoder: &mut Encoder,
) -> Vec<&'static str> {
    let hash = encoder.details(&details);
    let stored = merged.row.details_at().zip(merged.row.details_hash.as_deref());
    if stored.is_some_and(|(at, stored)| (version, hash.as_slice()) <= (at, stored)) {
        return Vec::new();
    }
    let same = stored.is_some_and(|(_, stored)| stored == hash.as_slice());
    let first = stored.is_none();
    let before = (merged.row.related_playbook_id(), merged.row.details_extra.clone());
    set_details(&mut merged.row, &details, version, hash);
    if same {
        return Vec::new();
    }
    let mut fields = Vec::new();
    if first {
        merged.change(ChangeKind::DetailsLoaded, None, "{}".to_owned());
    } else {
        if let Some(detail) =
            difference(&known.participants, &details.participants, |user: &UserId| json!(user.0))
        {
            merged.change(ChangeKind::ParticipantsChanged, None, detail);
        }
        if let Some(detail) = difference(&known.tags, &details.tags, |tag: &Tag| json!(tag.name)) {
            merged.change(ChangeKind::TagsChanged, None, detail);
        }
        let after = (merged.row.related_playbook_id(), merged.row.details_extra.clone());
        fields.extend((before.0 != after.0).then_some("related_playbook_id"));
        fields.extend((before.1 != after.1).then_some("details_extra"));
    }
    merged.details = Some(details);
    fields
}

/// What came and what went, as a JSON object; `None` when nothing did.
fn difference<T: Ord>(before: &[T], after: &[T], show: impl Fn(&T) -> serde_json::Value) -> Option<String> {
    let (before, after): (BTreeSet<&T>, BTreeSet<&T>) = (before.iter().collect(), after.iter().collect());
    let added: Vec<_> = after.difference(&before).map(|item| show(item)).collect();
    let removed: Vec<_> = before.difference(&after).map(|item| show(item)).collect();
    (!added.is_empty() || !removed.is_empty())
        .then(|| json!({"added": added, "removed": removed}).to_string())
}

fn merge_messages<'a>(
    merged: &mut Merged<'a>,
    listed: &Listed<'a>,
    version: Version,
    known: &KnownItems,
    encoder: &mut Encoder,
) {
    let Some((at, held)) = merged.row.messages_at().zip(merged.row.messages_hash.clone()) else {
        merged.change(
            ChangeKind::MessagesLoaded,
            None,
            json!({"messages": listed.messages.len()}).to_string(),
        );
        set_messages(&mut merged.row, listed, version);
        merged.messages =
            listed.messages.iter().map(|(message, content)| (*message, *content, Fate::Live)).collect();
        merged.added += listed.messages.len() as u64;
        for (message, attachment, position) in listed.attachments() {
            let hash = encoder.attachment(attachment, position);
            merged.attachments.push((message, attachment, position, hash, Fate::Live));
        }
        return;
    };
    let holds = (version, listed.hash.as_slice()) > (at, held.as_slice());
    let same = held.as_slice() == listed.hash.as_slice();
    if holds {
        set_messages(&mut merged.row, listed, version);
    }
    if same {
        return;
    }
    if holds {
        let held: Hash = held.as_slice().try_into().expect("a stored hash was written by this program");
        merged.dropped_at = Some((at, held));
        merge_newer(merged, listed, known, encoder);
    } else {
        merge_older(merged, listed, version, known, encoder);
    }
}

/// The list holds from now on: what it has is live, what it lacks was last seen in the list before.
fn merge_newer<'a>(merged: &mut Merged<'a>, listed: &Listed<'a>, known: &KnownItems, encoder: &mut Encoder) {
    let mut listed_ids = BTreeSet::new();
    for (message, content) in &listed.messages {
        let id = message.message_id.0;
        listed_ids.insert(id);
        let kind = match known.messages.get(&id) {
            Some(known) if known.live() && known.hash == content.hash => continue,
            Some(known) if known.live() => ChangeKind::MessageChanged,
            _ => ChangeKind::MessageAdded,
        };
        merged.messages.push((message, content, Fate::Live));
        merged.message_change(kind, id);
    }
    let mut dropped: Vec<i64> = known
        .messages
        .iter()
        .filter(|(id, known)| known.live() && !listed_ids.contains(id))
        .map(|(id, _)| *id)
        .collect();
    dropped.sort_unstable();
    for id in &dropped {
        merged.message_change(ChangeKind::MessageRemoved, *id);
    }
    merged.messages_dropped = dropped;

    let mut listed_keys = BTreeSet::new();
    for (message, attachment, position) in listed.attachments() {
        let key = (message.message_id.0, attachment.attachment_id.0);
        listed_keys.insert(key);
        let hash = encoder.attachment(attachment, position);
        if !known.attachments.get(&key).is_some_and(|known| known.live() && known.hash == hash) {
            merged.attachments.push((message, attachment, position, hash, Fate::Live));
        }
    }
    let attachments = known.attachments.iter();
    merged.attachments_dropped = attachments
        .filter(|(key, known)| known.live() && !listed_keys.contains(key))
        .map(|(key, _)| *key)
        .collect();
}

/// The list comes late: it only adds what no later list had, and what it saw later than what is kept.
fn merge_older<'a>(
    merged: &mut Merged<'a>,
    listed: &Listed<'a>,
    version: Version,
    known: &KnownItems,
    encoder: &mut Encoder,
) {
    let seen = (version, listed.hash);
    let overtaken = |known: Option<&Known>| match known {
        None => false,
        Some(known) => known.seen.is_none_or(|at| at >= seen),
    };
    for (message, content) in &listed.messages {
        let id = message.message_id.0;
        let stored = known.messages.get(&id);
        if overtaken(stored) {
            continue;
        }
        merged.messages.push((message, content, Fate::Seen(version, listed.hash)));
        match stored {
            None => merged.message_change(ChangeKind::MessageRemoved, id),
            Some(known) if known.hash != content.hash => {
                merged.message_change(ChangeKind::MessageChanged, id)
            }
            Some(_) => {}
        }
    }
    for (message, attachment, position) in listed.attachments() {
        let key = (message.message_id.0, attachment.attachment_id.0);
        if !overtaken(known.attachments.get(&key)) {
            let hash = encoder.attachment(attachment, position);
            merged.attachments.push((message, attachment, position, hash, Fate::Seen(version, listed.hash)));
        }
    }
}
