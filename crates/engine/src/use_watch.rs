//! Whether grants and our own doors are used as they always were: four questions asked of what was counted, and an alarm for
//! each answer that a person should see.
//!
//! Any process may ask, as often as it likes, several at once: an alarm is raised once for its cause, by one of them. The
//! counts are some seconds old when they are looked at. What is usual is told in `baseline`, what an intruder's reading
//! looks like in `pattern`; both are pure. Nothing is stopped here: a person decides that.

mod baseline;
mod pattern;

use std::collections::BTreeMap;

use model::{ConnectionId, Millis, OrgId};
use store::audit::{ActorKind, ObjectKind};
use store::uses::alarms::{self, AlarmKind, NewAlarm};
use store::uses::inward::{self, ClientUse, Reader, StepUse};
use store::uses::outward::{self, Total};
use store::uses::{DAY_MS, day_of, minute_of};
use store::{Db, StoreError};

use self::baseline::Baseline;

/// How long after a grant woke it is still looked at, in milliseconds: a node may have been down meanwhile.
const WOKEN_MS: i64 = 2 * DAY_MS;

/// What counts as unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchOptions {
    /// A grant that was not used for so long is dormant, in milliseconds; at least a day.
    pub dormant_ms: i64,
    /// So many times a usual day is far above it.
    pub volume_factor: i64,
    /// Fewer calls on a day than this raise nothing.
    pub volume_calls_min: i64,
    /// Fewer records on a day than this raise nothing.
    pub volume_rows_min: i64,
    /// Within this time the steps of a pattern belong together, in milliseconds.
    pub pattern_ms: i64,
    /// So many records read after a sample are a bulk.
    pub pattern_rows_min: i64,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            dormant_ms: 14 * DAY_MS,
            volume_factor: 5,
            volume_calls_min: 10_000,
            volume_rows_min: 50_000,
            pattern_ms: 60 * 60 * 1_000,
            pattern_rows_min: 1_000,
        }
    }
}

/// Look at everything that was counted, raise what is unusual, and answer the alarms that are new.
///
/// # Errors
/// The database's error.
pub async fn look(db: &Db, options: &WatchOptions, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let mut raised = look_at_news(db, options, now).await?;
    raised.extend(raise(db, volume(db, options, now).await?, now).await?);
    Ok(raised)
}

/// The same without the volumes, for which the whole day is summed: this costs a few small statements.
///
/// # Errors
/// The database's error.
pub async fn look_at_news(db: &Db, options: &WatchOptions, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let mut found = dormant(db, options, now).await?;
    found.extend(patterns(db, options, now).await?);
    let mut raised = new_clients(db, now).await?;
    raised.extend(raise(db, found, now).await?);
    Ok(raised)
}

/// Those of them that are new.
async fn raise(db: &Db, found: Vec<NewAlarm>, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let mut raised = Vec::new();
    for alarm in found {
        let mut tx = db.begin().await?;
        let is_new = alarms::raise(&mut tx, &alarm, now).await?;
        tx.commit().await?;
        if is_new {
            raised.push(alarm);
        }
    }
    Ok(raised)
}

/// Grants that were used after a long silence.
async fn dormant(db: &Db, options: &WatchOptions, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let woken = outward::woken(db, now.plus(-WOKEN_MS)).await?.into_iter();
    let long = woken.filter_map(|one| {
        let (from, woke) = (one.quiet_from?, one.woke_at?);
        let quiet_ms = woke.since(from);
        (quiet_ms >= options.dormant_ms).then(|| NewAlarm {
            org: one.org,
            kind: AlarmKind::Dormancy,
            object_kind: ObjectKind::Connection,
            object_id: one.connection.0.clone(),
            cause: woke.to_string(),
            amount: None,
            message: format!(
                "connection {} of organization {} was used after {} days without use: end it with \"longshore connections disconnect\" if nobody knows why; see docs/use.md",
                one.connection,
                one.org,
                quiet_ms / DAY_MS
            ),
        })
    });
    Ok(long.collect())
}

/// Grants that were used today far more than on other days.
async fn volume(db: &Db, options: &WatchOptions, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let today = day_of(now);
    let mut found = Vec::new();
    for total in outward::since(db, today).await? {
        if total.calls < options.volume_calls_min && total.rows < options.volume_rows_min {
            continue;
        }
        let from = today.plus(-baseline::DAYS * DAY_MS);
        let Some(usual) = Baseline::of(&outward::days(db, &total, from, today).await?) else { continue };
        let factor = options.volume_factor;
        let measures = [
            ("calls", total.calls, usual.calls, options.volume_calls_min),
            ("rows", total.rows, usual.rows, options.volume_rows_min),
        ];
        for (what, amount, usual, least) in measures {
            if baseline::is_far_above(amount, usual, (factor, least)) {
                found.push(volume_alarm(&total, today, (what, amount, usual)));
            }
        }
    }
    Ok(found)
}

fn volume_alarm(total: &Total, today: Millis, (what, amount, usual): (&str, i64, i64)) -> NewAlarm {
    let Total { org, connection, .. } = total;
    let words = if what == "rows" { "records read" } else { "calls made" };
    NewAlarm {
        org: *org,
        kind: AlarmKind::Volume,
        object_kind: ObjectKind::Connection,
        object_id: connection.0.clone(),
        cause: format!("{what}/{today}"),
        amount: Some(amount),
        message: format!(
            "{amount} {words} today by connection {connection} of organization {org}, {usual} on a usual day: look at \"longshore incident\" for what they were; see docs/use.md"
        ),
    }
}

/// Callers that asked what there is, how much of it, read a few, and then many.
async fn patterns(db: &Db, options: &WatchOptions, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let from = minute_of(now.plus(-options.pattern_ms));
    let steps = inward::steps(db, from).await?;
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    // What an alarm has told of is not told again: only what was read after it counts.
    let told = alarms::list(db, None, (from, now.plus(1))).await?;
    let mut found = Vec::new();
    for (reader, mut steps) in by_reader(steps) {
        let is_of = |alarm: &&alarms::Alarm| {
            alarm.kind == AlarmKind::Pattern.as_str()
                && (alarm.org, alarm.object_id.as_str()) == (reader.org, reader.id.as_str())
        };
        if let Some(last) = told.iter().rev().find(is_of) {
            steps.retain(|step| step.minute > last.at);
        }
        if let Some(seen) = pattern::find(&steps, options.pattern_rows_min) {
            found.push(pattern_alarm(&reader, &seen));
        }
    }
    Ok(found)
}

fn pattern_alarm(reader: &Reader, seen: &pattern::Seen) -> NewAlarm {
    let (org, who) = (reader.org, named(reader));
    NewAlarm {
        org,
        kind: AlarmKind::Pattern,
        object_kind: object_kind(reader.kind),
        object_id: reader.id.clone(),
        cause: seen.since.to_string(),
        amount: Some(seen.rows),
        message: format!(
            "{who} asked what there is of organization {org}, how much, read a few and then {} records in all: {}; see docs/use.md",
            seen.rows,
            cut_off(reader.kind)
        ),
    }
}

/// The steps of each caller in each organization, with those it took that are about none, in their order.
fn by_reader(steps: Vec<StepUse>) -> BTreeMap<Reader, Vec<StepUse>> {
    let (about_none, about_one): (Vec<StepUse>, Vec<StepUse>) =
        steps.into_iter().partition(|step| step.reader.org == NO_ORG);
    let mut by: BTreeMap<Reader, Vec<StepUse>> = BTreeMap::new();
    for step in about_one {
        by.entry(step.reader.clone()).or_default().push(step);
    }
    for (reader, steps) in &mut by {
        let same = |step: &&StepUse| (step.reader.kind, &step.reader.id) == (reader.kind, &reader.id);
        steps.extend(about_none.iter().filter(same).cloned());
        steps.sort_by_key(|step| (step.minute, step.step));
    }
    by
}

/// What requests are about that are about no organization.
const NO_ORG: OrgId = OrgId(0);

/// Callers that came from a network or with a program they had not come with before.
async fn new_clients(db: &Db, now: Millis) -> Result<Vec<NewAlarm>, StoreError> {
    let mut raised = Vec::new();
    for client in inward::unjudged(db).await? {
        let mut tx = db.begin().await?;
        // The first client of a caller is how it is known; what is about no organization has nobody to tell.
        let is_other = inward::judge(&mut tx, &client).await?.is_some_and(|before| before > 0);
        let alarm = client_alarm(&client);
        let is_new = is_other && client.reader.org != NO_ORG && alarms::raise(&mut tx, &alarm, now).await?;
        tx.commit().await?;
        if is_new {
            raised.push(alarm);
        }
    }
    Ok(raised)
}

fn client_alarm(client: &ClientUse) -> NewAlarm {
    let ClientUse { reader, network, client, .. } = client;
    let place = if network.is_empty() { "an unknown network" } else { network };
    NewAlarm {
        org: reader.org,
        kind: AlarmKind::NewClient,
        object_kind: object_kind(reader.kind),
        object_id: reader.id.clone(),
        cause: format!("{network}/{client}"),
        amount: None,
        message: format!(
            "{} read of organization {} from {place} with {client}, which it had not come with before: {} unless that is known; see docs/use.md",
            named(reader),
            reader.org,
            cut_off(reader.kind)
        ),
    }
}

fn named(reader: &Reader) -> String {
    match reader.kind {
        ActorKind::User => format!("user {}", reader.id),
        ActorKind::ApiKey => format!("API key {}", reader.id),
        _ => "whoever holds the server's admin token".to_owned(),
    }
}

const fn object_kind(kind: ActorKind) -> ObjectKind {
    match kind {
        ActorKind::User => ObjectKind::User,
        _ => ObjectKind::ApiKey,
    }
}

/// What ends a caller's access.
const fn cut_off(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::User => "end the sessions with \"longshore sessions revoke\"",
        ActorKind::ApiKey => "revoke it with \"longshore api-keys revoke\"",
        _ => "set another LONGSHORE_ADMIN_TOKEN",
    }
}

/// Watch every grant that is good for calls from now on, those that are watched already left as they are.
///
/// # Errors
/// The database's error.
pub async fn watch(db: &Db, grants: &[(OrgId, ConnectionId)], now: Millis) -> Result<(), StoreError> {
    if grants.is_empty() {
        return Ok(());
    }
    let one = |(org, connection): &(OrgId, ConnectionId)| outward::LastUse {
        org: *org,
        connection: connection.clone(),
        at: now,
    };
    let mut tx = db.begin().await?;
    outward::watch(&mut tx, &grants.iter().map(one).collect::<Vec<_>>()).await?;
    tx.commit().await
}
