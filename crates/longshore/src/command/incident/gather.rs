//! What happened in a window, from the database: counts, words and ids of ours, and the addresses requests came from. No secret is
//! read, so no decoy is touched.

use std::collections::{BTreeMap, BTreeSet};

use drift::Route;
use model::{ConnectionId, Millis, OrgId};
use serde::Serialize;
use store::audit::{self, Filter};
use store::connections::{self, Connection};
use store::uses::alarms;
use store::uses::inward::{self, RequestUse};
use store::uses::outward::{self, CallUse, Watched};
use store::vault::{self, SecretState};
use store::{Db, StoreError, call_stats, notices};

/// Notices told, at most.
const NOTICES_MAX: u32 = 1_000;
/// Audit entries read at once, and in all: a window of more is told by its log alone.
const ENTRIES_PAGE: u32 = 4_000;
const ENTRIES_MAX: u64 = 1_000_000;

/// What happened.
#[derive(Debug, Serialize)]
pub(super) struct Incident {
    pub(super) made_at: Millis,
    pub(super) since: Millis,
    pub(super) until: Millis,
    /// `None`: every organization.
    pub(super) organization: Option<OrgId>,
    pub(super) connections: Vec<Grant>,
    pub(super) requests: Vec<Request>,
    pub(super) alarms: Vec<Alarm>,
    pub(super) notices: Vec<Notice>,
    pub(super) audit: Entries,
}

/// A grant, how it stands now, and what it was used for in the window.
#[derive(Debug, Serialize)]
pub(super) struct Grant {
    pub(super) organization: OrgId,
    pub(super) connection_id: ConnectionId,
    pub(super) kind: &'static str,
    pub(super) state: &'static str,
    pub(super) scopes: Vec<String>,
    pub(super) created_at: Millis,
    /// When the access token ends; `None` when it does not.
    pub(super) token_ends_at: Option<Millis>,
    pub(super) secrets: Vec<Kept>,
    pub(super) watched_since: Option<Millis>,
    pub(super) last_used_at: Option<Millis>,
    pub(super) calls: i64,
    pub(super) failed: i64,
    pub(super) rows_read: i64,
    /// Addresses that asked our doors about its organization, or changed something of it.
    pub(super) addresses: BTreeSet<String>,
    pub(super) objects: BTreeMap<&'static str, Sum>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// A secret in the vault, without what it is.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    pub(super) kind: String,
    pub(super) version: i64,
    pub(super) saved_at: Millis,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Sum {
    pub(super) calls: i64,
    pub(super) rows_read: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Endpoint {
    pub(super) endpoint: String,
    pub(super) scope: Option<&'static str>,
    pub(super) calls: i64,
    pub(super) failed: i64,
    pub(super) rows_read: i64,
    /// The hour of the last of them.
    pub(super) last_hour: Millis,
}

/// Requests at our doors. Organization 0: about none.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) organization: OrgId,
    pub(super) actor_kind: &'static str,
    pub(super) actor_id: String,
    pub(super) address: String,
    pub(super) client: String,
    pub(super) endpoint: String,
    pub(super) requests: i64,
    pub(super) refused: i64,
    pub(super) rows_read: i64,
    pub(super) last_hour: Millis,
}

#[derive(Debug, Serialize)]
pub(super) struct Alarm {
    pub(super) organization: OrgId,
    pub(super) kind: String,
    pub(super) object_kind: String,
    pub(super) object_id: String,
    pub(super) at: Millis,
    pub(super) message: String,
}

/// A notice that stands now, whenever it was raised.
#[derive(Debug, Serialize)]
pub(super) struct Notice {
    pub(super) organization: OrgId,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) message: String,
    pub(super) first_at: Millis,
    pub(super) last_at: Millis,
}

/// What the log tells of the window; the entries themselves are in its file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Entries {
    pub(super) first_entry: Option<i64>,
    pub(super) last_entry: Option<i64>,
    pub(super) entries: u64,
    /// How many of each action, and how many of those were refused or failed.
    pub(super) actions: BTreeMap<String, Told>,
    /// Whether there are more than were counted.
    pub(super) more: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Told {
    pub(super) entries: u64,
    pub(super) not_done: u64,
}

/// Read it. Use is counted by the hour: the hours that the window touches are told whole.
pub(super) async fn read(
    db: &Db,
    (since, until): (Millis, Millis),
    organization: Option<OrgId>,
    made_at: Millis,
) -> Result<Incident, StoreError> {
    let hours = (call_stats::hour_of(since), until);
    let calls = outward::by_endpoint(db, organization, hours).await?;
    let watched = outward::watched(db, organization).await?;
    let requests = inward::requests(db, organization, hours).await?;
    let (audit, origins) = entries(db, (since, until), organization).await?;
    let known = connections::list(db).await?.into_iter();
    let mut grants = Vec::new();
    for connection in known.filter(|one| organization.is_none_or(|org| org == one.org_id)) {
        let secrets = vault::secrets_of(db, &connection.connection_id).await?;
        let mut grant = grant(connection, secrets, &calls, &watched);
        let of_doors = requests.iter().filter(|one| one.reader.org == grant.organization);
        grant.addresses = of_doors.map(|one| one.address.clone()).filter(|one| !one.is_empty()).collect();
        grant.addresses.extend(origins.get(&grant.organization).into_iter().flatten().cloned());
        grants.push(grant);
    }
    Ok(Incident {
        made_at,
        since,
        until,
        organization,
        connections: grants,
        requests: requests.into_iter().map(request).collect(),
        alarms: alarms::list(db, organization, (since, until)).await?.into_iter().map(alarm).collect(),
        notices: notices::list(db, organization, NOTICES_MAX).await?.into_iter().map(notice).collect(),
        audit,
    })
}

fn grant(connection: Connection, secrets: Vec<SecretState>, calls: &[CallUse], watched: &[Watched]) -> Grant {
    let watched = watched.iter().find(|one| one.connection == connection.connection_id);
    let seen = watched.filter(|one| one.last_use_at > one.since).map(|one| one.last_use_at);
    let used: Vec<&CallUse> = calls.iter().filter(|one| one.connection == connection.connection_id).collect();
    let mut objects: BTreeMap<&'static str, Sum> = BTreeMap::new();
    for one in &used {
        let what = Route::named(&one.endpoint).map_or("other", |route| route.opens.as_str());
        let sum = objects.entry(what).or_default();
        sum.calls += one.calls;
        sum.rows_read += one.rows;
    }
    let kept = |one: SecretState| Kept { kind: one.kind, version: one.version, saved_at: one.saved_at };
    Grant {
        organization: connection.org_id,
        kind: connection.kind.as_str(),
        state: connection.state.as_str(),
        created_at: connection.created_at,
        token_ends_at: connection.expires_at,
        secrets: secrets.into_iter().map(kept).collect(),
        watched_since: watched.map(|one| one.since),
        last_used_at: seen.max(connection.last_used_at),
        calls: used.iter().map(|one| one.calls).sum(),
        failed: used.iter().map(|one| one.failed).sum(),
        rows_read: used.iter().map(|one| one.rows).sum(),
        addresses: BTreeSet::new(),
        objects,
        endpoints: used.into_iter().map(endpoint).collect(),
        scopes: connection.scopes,
        connection_id: connection.connection_id,
    }
}

fn endpoint(one: &CallUse) -> Endpoint {
    let scope = Route::named(&one.endpoint).and_then(|route| route.scope).map(drift::Scope::as_str);
    Endpoint {
        endpoint: one.endpoint.clone(),
        scope,
        calls: one.calls,
        failed: one.failed,
        rows_read: one.rows,
        last_hour: one.hour,
    }
}

fn request(one: RequestUse) -> Request {
    Request {
        organization: one.reader.org,
        actor_kind: one.reader.kind.as_str(),
        actor_id: one.reader.id,
        address: one.address,
        client: one.client,
        endpoint: one.endpoint,
        requests: one.requests,
        refused: one.refused,
        rows_read: one.rows,
        last_hour: one.hour,
    }
}

fn alarm(one: alarms::Alarm) -> Alarm {
    let alarms::Alarm { org, kind, object_kind, object_id, at, message, .. } = one;
    Alarm { organization: org, kind, object_kind, object_id, at, message }
}

fn notice(one: notices::Notice) -> Notice {
    let notices::Notice { org, kind, subject, message, first_at, last_at, .. } = one;
    Notice { organization: org, kind, subject, message, first_at, last_at }
}

/// Count the entries of the window, and gather from where each organization's came.
async fn entries(
    db: &Db,
    (from, to): (Millis, Millis),
    org: Option<OrgId>,
) -> Result<(Entries, BTreeMap<OrgId, BTreeSet<String>>), StoreError> {
    let (mut told, mut origins) = (Entries::default(), BTreeMap::<OrgId, BTreeSet<String>>::new());
    let mut before_seq = None;
    loop {
        let filter = Filter { org, from: Some(from), to: Some(to), action: None, before_seq };
        let page = audit::list(db, &filter, ENTRIES_PAGE).await?;
        let Some(last) = page.last() else { return Ok((told, origins)) };
        if told.entries >= ENTRIES_MAX {
            told.more = true;
            return Ok((told, origins));
        }
        (before_seq, told.first_entry) = (Some(last.seq), Some(last.seq));
        for entry in page {
            told.last_entry = told.last_entry.max(Some(entry.seq));
            told.entries += 1;
            let action = told.actions.entry(entry.action).or_default();
            action.entries += 1;
            action.not_done += u64::from(entry.outcome != "done");
            if let (Some(org), Some(origin)) = (entry.org, entry.origin) {
                origins.entry(org).or_default().insert(origin);
            }
        }
    }
}
