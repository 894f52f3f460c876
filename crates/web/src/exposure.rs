//! What a grant lays open: if its token leaked, these scopes would open these objects, so many rows, so many people.
//!
//! What a scope opens is `drift`'s table of endpoints; how much that is, is counted in the mirror, which may hold more than Drift
//! still gives, or less; what a scope was used for is what the calls of the last 30 days were counted as. One answer for the
//! command line and the admin API. Nothing of a person comes in: counts, words and ids of ours.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use drift::{Opens, Route, Scope, Way};
use model::{ConnectionId, Millis, OrgId};
use serde::Serialize;
use store::connections::Connection;
use store::mirror::Counts;
use store::uses::DAY_MS;
use store::uses::outward::{self, CallUse};
use store::{Db, StoreError, connections, inbox, mirror};

/// A scope that was not used for so long is one too many, in days.
pub const UNUSED_DAYS: i64 = 30;
/// Events that Drift sends for a scope, by which it is used without a call.
const EVENTS: [(Scope, &str); 3] = [
    (Scope::ContactRead, "contact_identified"),
    (Scope::AllContactRead, "contact_updated"),
    (Scope::ConversationRead, "new_message"),
];

/// What a grant lays open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// Whose grant.
    pub organization: OrgId,
    /// Which.
    pub connection_id: ConnectionId,
    /// What it is good for.
    pub state: &'static str,
    /// People its scopes open, each counted once as far as the mirror can tell.
    pub people: i64,
    /// Rows of the mirror that its reading scopes open.
    pub rows: i64,
    /// Its scopes, in Drift's order.
    pub scopes: Vec<Scoped>,
    /// Endpoints whose scope Drift documents nowhere: any grant may open them.
    pub without_scope: Vec<String>,
    /// Since when its use is recorded.
    pub watched_since: Option<Millis>,
    /// What to do about scopes that nobody uses; `None` when there is nothing to do, or too little is known.
    pub proposal: Option<Proposal>,
}

/// What one scope opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scoped {
    /// Drift's word.
    pub scope: String,
    /// Whether this program knows what it opens.
    pub known: bool,
    /// What it opens.
    pub opens: Vec<Opened>,
    /// People that opens, as far as the mirror can tell.
    pub people: i64,
    /// The endpoints that take it.
    pub endpoints: Vec<String>,
    /// Calls made with it in the last 30 days.
    pub calls: i64,
    /// Records they brought.
    pub rows: i64,
    /// The hour of the last of them.
    pub last_used_at: Option<Millis>,
    /// Whether nothing used it in the last 30 days, neither a call nor a webhook.
    pub unused: bool,
}

/// One kind of object that a scope opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// What.
    pub objects: &'static str,
    /// `read` or `write`.
    pub way: &'static str,
    /// How many the mirror holds; `None` for what it does not hold.
    pub rows: Option<i64>,
}

/// How to make the grant smaller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Scopes to untick on the app's page.
    pub remove: Vec<String>,
    /// Scopes to leave ticked; empty: give the connection up.
    pub keep: Vec<String>,
}

/// What the mirror holds of an organization.
struct Held {
    counts: Counts,
    wrote: i64,
}

impl Held {
    fn rows(&self, table: &str) -> i64 {
        self.counts.tables.get(table).copied().unwrap_or_default()
    }

    /// People outside that anything of these opens.
    fn outside(&self, opens: &[Opens]) -> i64 {
        let of = |what: &Opens| match what {
            Opens::Contacts | Opens::Person => self.rows("contacts").max(self.wrote),
            Opens::Conversations | Opens::Messages | Opens::Attachments => self.wrote,
            _ => 0,
        };
        opens.iter().map(of).max().unwrap_or_default()
    }

    /// People of the organization itself.
    fn inside(&self, opens: &[Opens]) -> i64 {
        let of = |what: &Opens| matches!(what, Opens::Users | Opens::Teams | Opens::Meetings);
        if opens.iter().any(of) { self.rows("users") } else { 0 }
    }
}

/// What the connection of an organization lays open, or that of every one; one that was given up lays nothing open and is
/// left out.
///
/// # Errors
/// The database's error.
pub async fn read(db: &Db, org: Option<OrgId>, now: Millis) -> Result<Vec<Exposure>, StoreError> {
    let known = connections::list(db).await?.into_iter();
    let live = known.filter(|one| !one.state.is_given_up() && org.is_none_or(|org| org == one.org_id));
    let mut held: BTreeMap<OrgId, Held> = BTreeMap::new();
    let mut found = Vec::new();
    for connection in live {
        let org = connection.org_id;
        let held = match held.entry(org) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let counts = mirror::counts(db, org).await?;
                let wrote = mirror::count_people_of_conversations(db, org).await?;
                new.insert(Held { counts, wrote })
            }
        };
        found.push(of_connection(db, &connection, held, now).await?);
    }
    Ok(found)
}

async fn of_connection(
    db: &Db,
    connection: &Connection,
    held: &Held,
    now: Millis,
) -> Result<Exposure, StoreError> {
    let (org, since) = (connection.org_id, now.plus(-UNUSED_DAYS * DAY_MS));
    let mut uses = outward::by_endpoint(db, Some(org), (since, now.plus(1))).await?;
    uses.retain(|one| one.connection == connection.connection_id);
    let watched = outward::watched(db, Some(org)).await?;
    let watched = watched.into_iter().find(|one| one.connection == connection.connection_id);
    let mut scopes = Vec::with_capacity(connection.scopes.len());
    for word in &connection.scopes {
        let mut scoped = scoped(word, &uses, held);
        if scoped.unused && told_by_event(db, org, word, since).await? {
            scoped.unused = false;
        }
        scopes.push(scoped);
    }
    let watched_since = watched.map(|one| one.since);
    let opened: Vec<Opens> = reading_routes(&connection.scopes).map(|route| route.opens).collect();
    let mut tables: Vec<&str> = opened.iter().filter_map(|opens| table(*opens)).collect();
    tables.sort_unstable();
    tables.dedup();
    let without = Route::ALL.iter().filter(|route| route.scope.is_none() && is_of_the_api(route));
    Ok(Exposure {
        organization: org,
        connection_id: connection.connection_id.clone(),
        state: connection.state.as_str(),
        people: held.outside(&opened) + held.inside(&opened),
        rows: tables.iter().map(|table| held.rows(table)).sum(),
        proposal: propose(&scopes, watched_since, since),
        scopes,
        without_scope: without.map(ToString::to_string).collect(),
        watched_since,
    })
}

async fn told_by_event(db: &Db, org: OrgId, word: &str, since: Millis) -> Result<bool, StoreError> {
    match EVENTS.iter().find(|(scope, _)| scope.as_str() == word) {
        Some((_, kind)) => inbox::any_of_kind(db, org, kind, since).await,
        None => Ok(false),
    }
}

/// The app's own calls and the collector of events open nothing.
const fn is_of_the_api(route: &Route) -> bool {
    !matches!(route.opens, Opens::App | Opens::Events)
}

fn routes_of(word: &str) -> impl Iterator<Item = &'static Route> {
    let scope = word.parse::<Scope>().ok();
    Route::ALL.iter().filter(move |route| scope.is_some() && route.scope == scope)
}

fn reading_routes(words: &[String]) -> impl Iterator<Item = &'static Route> {
    words.iter().flat_map(|word| routes_of(word)).filter(|route| route.way == Way::Read)
}

fn scoped(word: &str, uses: &[CallUse], held: &Held) -> Scoped {
    let routes: Vec<&Route> = routes_of(word).collect();
    let mut ways: Vec<(Opens, Way)> = routes.iter().map(|route| (route.opens, route.way)).collect();
    ways.sort_by_key(|(opens, way)| (*opens, *way == Way::Write));
    ways.dedup();
    let reading: Vec<Opens> = ways.iter().filter(|(_, way)| *way == Way::Read).map(|one| one.0).collect();
    let opened = |(opens, way): &(Opens, Way)| Opened {
        objects: opens.as_str(),
        way: if *way == Way::Read { "read" } else { "write" },
        rows: table(*opens).map(|table| held.rows(table)),
    };
    let endpoints: Vec<String> = routes.iter().map(ToString::to_string).collect();
    let used: Vec<&CallUse> = uses.iter().filter(|one| endpoints.contains(&one.endpoint)).collect();
    Scoped {
        scope: word.to_owned(),
        known: !routes.is_empty(),
        opens: ways.iter().map(opened).collect(),
        people: held.outside(&reading) + held.inside(&reading),
        calls: used.iter().map(|one| one.calls).sum(),
        rows: used.iter().map(|one| one.rows).sum(),
        last_used_at: used.iter().map(|one| one.hour).max(),
        // A call that Drift refused for want of the scope is no use of it.
        unused: !used.iter().any(|one| one.calls > one.failed),
        endpoints,
    }
}

/// The public table that objects are kept in.
const fn table(opens: Opens) -> Option<&'static str> {
    match opens {
        Opens::Reports => Some("report_values"),
        Opens::Attributes => Some("contact_attributes"),
        Opens::Person | Opens::App | Opens::Events => None,
        other => Some(other.as_str()),
    }
}

/// Only of a grant that was watched for the whole time can it be said what it does not need. A scope this program does not
/// know may be somebody else's need, and is left alone.
fn propose(scopes: &[Scoped], watched_since: Option<Millis>, since: Millis) -> Option<Proposal> {
    let long_enough = watched_since.is_some_and(|watched| watched <= since);
    let words = |unused: bool| -> Vec<String> {
        let these = scopes.iter().filter(|one| (one.unused && one.known) == unused);
        these.map(|one| one.scope.clone()).collect()
    };
    let (remove, keep) = (words(true), words(false));
    (long_enough && !remove.is_empty()).then_some(Proposal { remove, keep })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held {
        let tables =
            BTreeMap::from([("conversations", 100), ("messages", 900), ("contacts", 40), ("users", 5)]);
        Held { counts: Counts { tables, ..Counts::default() }, wrote: 60 }
    }

    fn used(endpoint: &str, calls: i64, failed: i64) -> CallUse {
        CallUse {
            org: OrgId(1),
            connection: ConnectionId("c".into()),
            hour: Millis(7),
            endpoint: endpoint.into(),
            calls,
            failed,
            rows: calls * 10,
        }
    }

    #[test]
    fn a_scope_tells_what_it_opens_and_what_it_was_used_for() {
        let uses = [used("GET /conversations/list", 3, 1), used("GET /contacts/{id}", 2, 2)];
        let read = scoped("conversation_read", &uses, &held());
        assert_eq!((read.calls, read.rows, read.last_used_at, read.unused), (3, 30, Some(Millis(7)), false));
        assert_eq!(read.people, 60);
        let conversations = Opened { objects: "conversations", way: "read", rows: Some(100) };
        assert!(read.opens.contains(&conversations), "{:?}", read.opens);
        assert!(read.endpoints.contains(&"GET /conversations/{id}/messages".to_owned()));
        assert!(scoped("contact_read", &uses, &held()).unused, "every call was refused");
        assert_eq!(scoped("contact_write", &uses, &held()).people, 0, "it tells of nobody");
        assert_eq!(scoped("gdpr_read", &uses, &held()).people, 60);
        let strange = scoped("moon_read", &uses, &held());
        assert!(!strange.known && strange.endpoints.is_empty());
    }

    #[test]
    fn only_what_was_watched_for_long_and_is_known_is_proposed() {
        let words = ["conversation_read", "contact_write", "moon_read"];
        let uses = [used("GET /conversations/list", 3, 0)];
        let scopes: Vec<Scoped> = words.iter().map(|word| scoped(word, &uses, &held())).collect();
        let proposal = propose(&scopes, Some(Millis(5)), Millis(5)).unwrap();
        assert_eq!(proposal.remove, ["contact_write"]);
        assert_eq!(proposal.keep, ["conversation_read", "moon_read"]);
        assert_eq!(propose(&scopes, Some(Millis(6)), Millis(5)), None);
        assert_eq!(propose(&scopes, None, Millis(5)), None);
    }
}
