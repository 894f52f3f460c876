//! The one way in.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use model::record::Snapshot;
use model::{Millis, OrgId};

use crate::changes::{self, NewChange};
use crate::db::Tx;
use crate::error::StoreError;
use crate::hash::{Encoder, Hash};
use crate::mirror::merge::{self, Listed, Merged};
use crate::mirror::prepared::Prepared;
use crate::mirror::state::{self, ConversationRow, KnownDetails, KnownItems, json_ids};
use crate::mirror::write;
use crate::tables::touched;

/// What applying came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Conversations that were not in the mirror.
    pub created: u64,
    /// Conversations of which something differed.
    pub changed: u64,
    /// Snapshots that told nothing new.
    pub unchanged: u64,
    /// Messages that were not there, those of created conversations included.
    pub messages_added: u64,
    /// Messages whose content differed.
    pub messages_changed: u64,
    /// Messages that are no longer listed; the mirror keeps them.
    pub messages_removed: u64,
    /// Rows appended to the change feed.
    pub changes: u64,
}

/// Merge snapshots into the mirror, and append what changed to the feed, in the caller's transaction.
///
/// Idempotent; the end state depends neither on order nor on repetition. Meant for batches of some dozens of
/// snapshots: a batch is held in memory about twice. `now` stamps the changes.
///
/// # Errors
/// [`StoreError::Conflict`] when a message's id is already taken by another conversation (Drift promises that
/// message ids are unique), or the database's error. The transaction is then to be dropped.
pub async fn apply(
    tx: &mut Tx,
    org: OrgId,
    snapshots: &[Snapshot],
    now: Millis,
) -> Result<Applied, StoreError> {
    let prepared: Vec<Prepared<'_>> = snapshots.iter().map(Prepared::of).collect();
    apply_prepared(tx, org, &prepared, now).await
}

/// The same for snapshots that were prepared beforehand.
///
/// # Errors
/// As [`apply`].
pub async fn apply_prepared(
    tx: &mut Tx,
    org: OrgId,
    snapshots: &[Prepared<'_>],
    now: Millis,
) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    if snapshots.is_empty() {
        return Ok(applied);
    }
    write::lock(tx).await?;
    let mut found = Vec::new();
    for round in rounds(snapshots) {
        apply_round(tx, org, &round, &mut applied, &mut found).await?;
    }
    changes::append(tx, org, &found, now).await?;
    applied.changes = found.len() as u64;
    Ok(applied)
}

/// Several snapshots of one conversation are merged one after the other; nearly always there is one round.
fn rounds<'a, 'b>(snapshots: &'a [Prepared<'b>]) -> Vec<Vec<&'a Prepared<'b>>> {
    let mut rounds: Vec<Vec<&Prepared<'b>>> = Vec::new();
    let mut rest: Vec<&Prepared<'b>> = snapshots.iter().collect();
    // Newest first, as the tables are clustered on SQLite.
    rest.sort_by_key(|prepared| Reverse(prepared.snapshot().conversation.conversation_id));
    while !rest.is_empty() {
        let mut seen = HashSet::new();
        let (round, later) = rest
            .into_iter()
            .partition(|snapshot| seen.insert(snapshot.snapshot().conversation.conversation_id));
        rounds.push(round);
        rest = later;
    }
    rounds
}

/// What must be known of the conversations of one round.
struct Stored {
    rows: HashMap<i64, ConversationRow>,
    items: HashMap<i64, KnownItems>,
    details: HashMap<i64, KnownDetails>,
}

async fn apply_round(
    tx: &mut Tx,
    org: OrgId,
    prepared: &[&Prepared<'_>],
    applied: &mut Applied,
    found: &mut Vec<NewChange>,
) -> Result<(), StoreError> {
    let mut encoder = Encoder::default();
    let snapshots: Vec<&Snapshot> = prepared.iter().map(|prepared| prepared.snapshot()).collect();
    let lists: Vec<Option<Listed<'_>>> =
        prepared.iter().map(|prepared| prepared.messages().map(Listed::new)).collect();
    let stored = load(tx, org, &snapshots, &lists, &mut encoder).await?;
    let mut merged: Vec<Merged<'_>> = Vec::with_capacity(snapshots.len());
    for (snapshot, listed) in snapshots.iter().zip(&lists) {
        merged.push(merge_one(snapshot, listed.as_ref(), &stored, &mut encoder));
    }
    write::write(tx, org, &merged, |id| stored.rows.contains_key(&id)).await?;
    touch_silent(tx, org, &merged).await?;
    for mut merged in merged {
        applied.count(&merged, stored.rows.contains_key(&merged.row.conversation_id));
        found.append(&mut merged.changes);
    }
    Ok(())
}

/// Note what was written without a change in the feed: that a conversation was seen again, and attachments that only an
/// older list had.
async fn touch_silent(tx: &mut Tx, org: OrgId, merged: &[Merged<'_>]) -> Result<(), StoreError> {
    let silent = || merged.iter().filter(|one| one.changes.is_empty());
    let rows = silent().filter(|one| one.row_changed).map(|one| one.row.created_at);
    touched::touch(tx, org, "conversations", rows).await?;
    let attachments = silent().filter(|one| !one.attachments.is_empty()).map(|one| one.row.created_at);
    touched::touch(tx, org, "attachments", attachments).await
}

async fn load(
    tx: &mut Tx,
    org: OrgId,
    snapshots: &[&Snapshot],
    lists: &[Option<Listed<'_>>],
    encoder: &mut Encoder,
) -> Result<Stored, StoreError> {
    let ids = snapshots.iter().map(|snapshot| snapshot.conversation.conversation_id.0);
    let rows = state::rows(tx, org, &json_ids(ids)).await?;
    let (mut items, mut details) = (Vec::new(), Vec::new());
    for (snapshot, listed) in snapshots.iter().zip(lists) {
        let id = snapshot.conversation.conversation_id.0;
        let Some(row) = rows.get(&id) else { continue };
        let hash: Option<Hash> =
            snapshot.details.as_ref().map(|details| encoder.details(&merge::canonical(details)));
        let needs = merge::needs(row, hash.as_ref(), listed.as_ref().map(|listed| &listed.hash));
        items.extend(needs.items.then_some(id));
        details.extend(needs.details.then_some(id));
    }
    let mut stored = Stored { rows, items: HashMap::new(), details: HashMap::new() };
    if !items.is_empty() {
        stored.items = state::items(tx, org, &json_ids(items)).await?;
    }
    if !details.is_empty() {
        stored.details = state::details(tx, org, &json_ids(details)).await?;
    }
    Ok(stored)
}

fn merge_one<'a>(
    snapshot: &'a Snapshot,
    listed: Option<&Listed<'a>>,
    stored: &Stored,
    encoder: &mut Encoder,
) -> Merged<'a> {
    let id = snapshot.conversation.conversation_id.0;
    let Some(row) = stored.rows.get(&id) else { return merge::create(snapshot, listed, encoder) };
    let (no_items, no_details) = (KnownItems::default(), KnownDetails::default());
    let items = stored.items.get(&id).unwrap_or(&no_items);
    let details = stored.details.get(&id).unwrap_or(&no_details);
    merge::merge(row, snapshot, listed, (items, details), encoder)
}

impl Applied {
    fn count(&mut self, merged: &Merged<'_>, known: bool) {
        if !known {
            self.created += 1;
        } else if merged.changes.is_empty() {
            self.unchanged += 1;
        } else {
            self.changed += 1;
        }
        self.messages_added += merged.added;
        self.messages_changed += merged.changed;
        self.messages_removed += merged.removed;
    }
}

impl std::ops::AddAssign for Applied {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.messages_added += other.messages_added;
        self.messages_changed += other.messages_changed;
        self.messages_removed += other.messages_removed;
        self.changes += other.changes;
    }
}
