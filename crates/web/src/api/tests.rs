//! Each endpoint against a wrong token, another organization and bad input, and against what it says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use model::record::{Conversation, Snapshot};
use model::{
    Clock, ConnectionId, ConversationId, EventId, FakeClock, JobId, Millis, OrgId, Profile, Secret,
    SeededEntropy, ShareLinkId, WorkerId,
};
use serde_json::{Value, json};
use store::audit;
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::consumers::{self, ConsumerKind};
use store::inbox::{self, NewEvent, Outcome, Payload};
use store::install::links::{self, ShareLink};
use store::notices::{self, NewNotice};
use store::queue::{self, Claim, NewJob};
use store::vault::{Key, Vault};
use store::workers::{self, Registered};
use store::{DatabaseUrl, Db, OpenOptions};
use tower::ServiceExt as _;

use super::describe::{Described, Kind};
use super::{ENDPOINTS, document, open};
use crate::access::{Access, AccessOptions, Needs, SettingsKey};
use crate::install::{Install, NotConnected};

const TOKEN: &str = "a-token-of-the-test";
const NOW: Millis = Millis(1_750_000_000_000);
const OURS: OrgId = OrgId(1);
const THEIRS: OrgId = OrgId(2);
const STRANGE: OrgId = OrgId(3);
const CONVERSATION: ConversationId = ConversationId(42);

/// Two organizations; everything there is belongs to the first.
struct World {
    db: Db,
    router: Router,
    event: EventId,
    dead: JobId,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("store.db"));
        let db = Db::open(&url, OpenOptions::default()).await.unwrap();
        let (clock, entropy) = (Arc::new(FakeClock::at(NOW)), Arc::new(SeededEntropy::new(1)));
        connect(&db, &[OURS, THEIRS], &entropy).await;
        let event = receive(&db, &entropy).await;
        let dead = bury(&db, clock.as_ref(), &entropy).await;
        let mut tx = db.begin().await.unwrap();
        consumers::register(&mut tx, OURS, ("lake", ConsumerKind::Tail), 0, NOW).await.unwrap();
        let notice =
            NewNotice { org: OURS, kind: "vendor", subject: "sunset", message: "an end is announced" };
        notices::raise(&mut tx, &notice, NOW).await.unwrap();
        tx.commit().await.unwrap();
        mirror(&db).await;
        share(&db, &entropy, (OURS, "42")).await;
        share(&db, &entropy, (THEIRS, "43")).await;
        let router = routes(&db, Some(TOKEN), (clock, entropy));
        Self { db, router, event, dead, _folder: folder }
    }

    /// An address of the endpoint at which there is something.
    fn path(&self, endpoint: &Described) -> String {
        let name = if endpoint.path.contains("/consumers/") { "lake" } else { "refresh_conversation" };
        let id = match endpoint.path {
            path if path.contains("/events/") => self.event.0.clone(),
            path if path.contains("/connections/") => format!("connection-{OURS}"),
            _ => "42".to_owned(),
        };
        endpoint.path.replace("{id}", &id).replace("{name}", name).replace("{kind}", name)
    }

    /// The same after other calls: a disconnect has ended the links of its organization.
    async fn path_now(&self, endpoint: &Described) -> String {
        if endpoint.path != "/api/v1/share-links/{id}" {
            return self.path(endpoint);
        }
        share(&self.db, &Arc::new(SeededEntropy::new(2)), (OURS, "44")).await;
        endpoint.path.replace("{id}", "44")
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method.to_uppercase().as_str())
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        send(&self.router, request.body(body).unwrap()).await
    }
}

/// The conversation, in the mirror.
async fn mirror(db: &Db) {
    let conversation = Conversation {
        conversation_id: CONVERSATION,
        contact_id: None,
        inbox_id: None,
        status: "open".into(),
        created_at: Some(NOW),
        updated_at: Some(NOW),
        extra: "{}".into(),
    };
    let snapshot = Snapshot { conversation, details: None, messages: Some(Vec::new()), fetched_at: NOW };
    let mut tx = db.begin().await.unwrap();
    store::mirror::apply(&mut tx, OURS, &[snapshot], NOW).await.unwrap();
    tx.commit().await.unwrap();
}

/// The same key each time.
fn vault(entropy: &Arc<SeededEntropy>) -> Vault {
    Vault::new(Key::generate(&SeededEntropy::new(9)), entropy.clone())
}

/// The API with this key of the settings.
fn routes(db: &Db, token: Option<&str>, (clock, entropy): (Arc<FakeClock>, Arc<SeededEntropy>)) -> Router {
    let vault = vault(&entropy);
    let options = AccessOptions {
        key: token.map(|text| SettingsKey::of(&Secret::new(text))),
        ..AccessOptions::default()
    };
    let install = Install {
        drift: drift::Config::default(),
        client_id: None,
        base: "https://longshore.test".into(),
        connect: Arc::new(|_| Box::pin(async { Err(NotConnected::Inside) })),
    };
    open(&Access::new(db.clone(), vault, (clock, entropy), options), &Arc::new(install)).router
}

/// A link of an organization.
async fn share(db: &Db, entropy: &Arc<SeededEntropy>, (org, id): (OrgId, &str)) {
    let vault = vault(entropy);
    let link = ShareLink::new(
        ShareLinkId(id.into()),
        (Some(org), Profile::Archive),
        (NOW, NOW.plus(links::LIFE_MS)),
        1,
    );
    let key = links::signing_key(db, &vault, NOW).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    links::create(&mut tx, &link, &key).await.unwrap();
    tx.commit().await.unwrap();
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn connect(db: &Db, orgs: &[OrgId], entropy: &Arc<SeededEntropy>) {
    let vault = vault(entropy);
    for org in orgs {
        let connection = Connection {
            connection_id: ConnectionId(format!("connection-{org}")),
            org_id: *org,
            kind: ConnectionKind::Private,
            state: ConnectionState::Active,
            scopes: Vec::new(),
            api_url: "https://driftapi.com".into(),
            created_at: NOW,
            last_used_at: None,
            expires_at: None,
        };
        let tokens = Tokens { access: Secret::new("at-canary"), refresh: None, expires_at: None };
        let mut tx = db.begin().await.unwrap();
        connections::insert(&mut tx, &connection, &tokens, &vault).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn receive(db: &Db, entropy: &Arc<SeededEntropy>) -> EventId {
    let event = NewEvent {
        event_id: EventId::new(NOW, entropy.as_ref()),
        org_id: OURS,
        connection_id: None,
        kind: "new_message".into(),
        spelled: "new_message".into(),
        conversation_id: Some(CONVERSATION),
        contact_id: None,
        user_id: None,
        message_id: None,
        playbook_id: None,
        occurred_at: Some(NOW),
        received_at: NOW,
        key: [1; 16],
        window_ms: 1_000,
        facts: None,
        payload: Payload::None,
        trace: None,
    };
    inbox::commit(db, vec![event.clone()]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let routed = [(event.event_id.clone(), Outcome::Routed)];
    inbox::mark_routed(&mut tx, &routed, NOW).await.unwrap();
    tx.commit().await.unwrap();
    event.event_id
}

async fn bury(db: &Db, clock: &FakeClock, entropy: &Arc<SeededEntropy>) -> JobId {
    let job = NewJob {
        job_id: JobId::new(clock, entropy.as_ref()),
        kind: "refresh_conversation".into(),
        org: OURS,
        key: CONVERSATION.to_string(),
        priority: queue::priority::LIVE,
        due_at: NOW,
        payload: "{}".into(),
        signals: 1,
        trace: None,
    };
    let worker = WorkerId::new(clock, entropy.as_ref());
    let mut tx = db.begin().await.unwrap();
    let lease_until = NOW.plus(workers::LEASE_MS);
    let new = Registered { worker: worker.clone(), host: "host".into(), started_at: NOW, lease_until };
    workers::register(&mut tx, &new).await.unwrap();
    queue::enqueue(&mut tx, std::slice::from_ref(&job), NOW).await.unwrap();
    tx.commit().await.unwrap();
    let ask = Claim {
        worker,
        limit: 1,
        kinds: Arc::new(["refresh_conversation"]),
        per_org_max: 1,
        held: BTreeMap::new(),
        after: OrgId(0),
    };
    let claimed = queue::claim(db, ask, clock.now()).await.unwrap().jobs;
    let mut tx = db.begin().await.unwrap();
    let failure = queue::Failure { class: "refused", reason: "Drift refused it".into() };
    queue::bury(&mut tx, &claimed[0], &failure, NOW).await.unwrap();
    tx.commit().await.unwrap();
    job.job_id
}

/// A body that the endpoint takes, if it takes one.
fn good_body(endpoint: &Described) -> Option<Value> {
    match endpoint.path {
        "/api/v1/replay" => Some(json!({"conversation": 42, "dry_run": true})),
        "/api/v1/dead-letters/replay" => Some(json!({"dry_run": true})),
        "/api/v1/pauses/{kind}" if endpoint.method == "put" => Some(json!({"reason": "a test"})),
        "/api/v1/consumers/{name}/rewind" => Some(json!({"seq": 1})),
        "/api/v1/notices/acknowledge" => Some(json!({"kind": "vendor", "subject": "sunset"})),
        "/api/v1/conversations/{id}/export" => Some(json!({"as": "text", "reason": "a test"})),
        "/api/v1/share-links" if endpoint.method == "post" => Some(json!({"profile": "live"})),
        _ => None,
    }
}

#[tokio::test]
async fn no_endpoint_answers_without_the_right_token() {
    let world = World::new().await;
    let seams = (Arc::new(FakeClock::at(NOW)), Arc::new(SeededEntropy::new(1)));
    let closed = routes(&world.db, None, seams);
    for endpoint in ENDPOINTS {
        let path = format!("{}?org=1", world.path(endpoint));
        for given in [None, Some("Bearer wrong"), Some("Bearer "), Some(TOKEN)] {
            let request = Request::builder().method(endpoint.method.to_uppercase().as_str()).uri(&path);
            let request = match given {
                Some(given) => request.header(header::AUTHORIZATION, given),
                None => request,
            };
            let (status, body) = send(&world.router, request.body(Body::empty()).unwrap()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} {given:?}");
            assert_eq!(body["error"]["code"], "unauthorized", "{path}");
        }
        let request = Request::builder()
            .method(endpoint.method.to_uppercase().as_str())
            .uri(&path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        let (status, body) = send(&closed, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}: {body}");
    }
}

#[tokio::test]
async fn each_endpoint_answers_what_it_says_it_does() {
    let world = World::new().await;
    for endpoint in ENDPOINTS {
        let path = format!("{}?org=1", world.path_now(endpoint).await);
        let (status, body) = world.call(endpoint.method, &path, good_body(endpoint)).await;
        assert_eq!(status, StatusCode::OK, "{} {path}: {body}", endpoint.method);
        let answered: Vec<&String> = body.as_object().unwrap().keys().collect();
        let mut told: Vec<&str> = endpoint.answer.iter().map(|property| property.name).collect();
        told.sort_unstable();
        assert_eq!(answered, told, "{path}");
        for property in endpoint.answer {
            assert!(fits(&body[property.name], property.kind), "{path}: {} is {body}", property.name);
        }
    }
}

fn fits(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Text => value.is_string(),
        Kind::Whole => value.is_i64(),
        Kind::Flag => value.is_boolean(),
        Kind::Object => value.is_object(),
        Kind::Objects => value.as_array().is_some_and(|all| all.iter().all(Value::is_object)),
        Kind::InstantOrNull | Kind::WholeOrNull => value.is_null() || value.is_i64(),
        Kind::TextOrNull => value.is_null() || value.is_string(),
        Kind::ObjectOrNull => value.is_null() || value.is_object(),
    }
}

#[tokio::test]
async fn an_organization_that_is_not_connected_or_not_named_is_refused() {
    let world = World::new().await;
    // What is about a connection that is still to come takes any organization, or none.
    for endpoint in ENDPOINTS.iter().filter(|endpoint| matches!(endpoint.needs, Needs::InOrg(_))) {
        let path = world.path(endpoint);
        let strange = format!("{path}?org={STRANGE}");
        let (status, _) = world.call(endpoint.method, &strange, good_body(endpoint)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{strange}");
        let (status, body) = world.call(endpoint.method, &path, good_body(endpoint)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(body["error"]["hint"], "add ?org=ID to the address", "{path}");
    }
}

#[tokio::test]
async fn one_organization_sees_and_moves_nothing_of_another() {
    let world = World::new().await;
    let empty = [
        ("/api/v1/status?org=2", "jobs"),
        ("/api/v1/status?org=2", "consumers"),
        ("/api/v1/conversations/42/explain?org=2", "lines"),
        ("/api/v1/conversations/42/explain?org=2", "pending"),
        ("/api/v1/dead-letters?org=2", "dead_letters"),
        ("/api/v1/pauses?org=2", "pauses"),
        ("/api/v1/consumers?org=2", "consumers"),
        ("/api/v1/status?org=2", "notices"),
    ];
    world.call("put", "/api/v1/pauses/all?org=1", Some(json!({"reason": "theirs"}))).await;
    for (path, part) in empty {
        let (status, body) = world.call("get", path, None).await;
        assert_eq!((status, &body[part]), (StatusCode::OK, &json!([])), "{path}");
    }
    let missing = [
        ("get", format!("/api/v1/events/{}/explain?org=2", world.event.0), None),
        ("post", "/api/v1/replay?org=2".into(), Some(json!({"event": world.event.0}))),
        ("post", "/api/v1/dead-letters/replay?org=2".into(), Some(json!({"job_id": world.dead.0}))),
        ("delete", "/api/v1/pauses/all?org=2".into(), None),
        ("post", "/api/v1/consumers/lake/pause?org=2".into(), None),
        ("post", "/api/v1/consumers/lake/resume?org=2".into(), None),
        ("post", "/api/v1/consumers/lake/rewind?org=2".into(), Some(json!({"seq": 9}))),
        (
            "post",
            "/api/v1/notices/acknowledge?org=2".into(),
            Some(json!({"kind": "vendor", "subject": "sunset"})),
        ),
        ("get", "/api/v1/connections/connection-1?org=2".into(), None),
        ("post", "/api/v1/connections/connection-1/disconnect?org=2".into(), None),
        ("post", "/api/v1/connections/connection-1/erase?org=2".into(), None),
    ];
    for (method, path, body) in missing {
        let (status, answer) = world.call(method, &path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
    }
    world.call("post", "/api/v1/dead-letters/replay?org=2", Some(json!({}))).await;
    let (_, body) = world.call("get", "/api/v1/dead-letters?org=1", None).await;
    assert_eq!(body["count"], 1);
    assert_eq!(consumers::get(&world.db, OURS, "lake").await.unwrap().unwrap().state.as_str(), "active");
}

#[tokio::test]
async fn bad_input_is_answered_with_what_is_wrong() {
    let world = World::new().await;
    let check = async |method: &str, path: &str, body: Value, expected: &str| {
        let (status, answer) = world.call(method, &format!("{path}?org=1"), Some(body)).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {answer}");
        assert!(message.contains(expected), "{path}: {message}");
    };
    check("post", "/api/v1/replay", json!({}), "must name one of").await;
    check("post", "/api/v1/replay", json!({"conversation": 1, "failed": true}), "must name one of").await;
    check("post", "/api/v1/replay", json!({"since": 2, "until": 1}), "since must lie before until").await;
    check("post", "/api/v1/replay", json!({"conversation": 1, "type": "x"}), "type goes with").await;
    check("post", "/api/v1/replay", json!({"conversatoin": 1}), "unknown field").await;
    check("post", "/api/v1/dead-letters/replay", json!({"job_id": "a", "kind": "b"}), "not name both").await;
    check("put", "/api/v1/pauses/all", json!({"reason": " "}), "reason must be").await;
    check("put", "/api/v1/pauses/all", json!({"reason": "x", "until": 1}), "until has passed").await;
    check("post", "/api/v1/consumers/lake/rewind", json!({}), "one of seq and since").await;
    check("post", "/api/v1/share-links", json!({"profile": "all"}), "one of archive, live").await;
    check("post", "/api/v1/share-links", json!({"days": 91}), "1 to 90 days").await;
    check("post", "/api/v1/share-links", json!({"uses": 0}), "1 to 1000 connections").await;
    for path in ["/api/v1/conversations/x/explain?org=1", "/api/v1/conversations/1/explain?org=1&limit=0"] {
        let (status, answer) = world.call("get", path, None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {answer}");
    }
    let (status, _) = world.call("get", "/api/v1/status?org=one", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let large = json!({"event": "x".repeat(20_000)});
    let (status, answer) = world.call("post", "/api/v1/replay?org=1", Some(large)).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
    let request = Request::builder()
        .method("POST")
        .uri("/api/v1/replay?org=1")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    let (status, answer) = send(&world.router, request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{answer}");
}

#[tokio::test]
async fn a_replay_is_told_first_and_done_then_and_may_be_done_twice() {
    let world = World::new().await;
    let event = json!({"event": world.event.0, "dry_run": true});
    let (_, told) = world.call("post", "/api/v1/replay?org=1", Some(event)).await;
    assert_eq!((&told["plan"]["events"], &told["done"]), (&json!(1), &Value::Null));
    assert_eq!(inbox::counts(&world.db).await.unwrap().unrouted, 0);
    let event = json!({"event": world.event.0});
    let (_, done) = world.call("post", "/api/v1/replay?org=1", Some(event.clone())).await;
    assert_eq!(done["done"]["events"], 1);
    let (_, again) = world.call("post", "/api/v1/replay?org=1", Some(event)).await;
    assert_eq!(again["done"]["events"], 0, "it waits already");
    assert_eq!(inbox::counts(&world.db).await.unwrap().unrouted, 1);

    let (_, done) = world.call("post", "/api/v1/replay?org=1", Some(json!({"failed": true}))).await;
    assert_eq!(done["done"]["dead_letters"], 1);
    let (_, done) = world.call("post", "/api/v1/replay?org=1", Some(json!({"conversation": 42}))).await;
    assert_eq!(done["done"]["conversations"], 1);
    let counts = queue::counts(&world.db).await.unwrap();
    assert_eq!(
        counts.iter().map(|count| (count.state.as_str(), count.jobs)).collect::<Vec<_>>(),
        [("waiting", 1)]
    );
}

#[tokio::test]
async fn a_connection_is_given_up_at_once_and_carried_through_by_the_queue() {
    let world = World::new().await;
    let path = "/api/v1/connections/connection-1";
    for (asked, data) in [("disconnect", "kept"), ("disconnect", "kept"), ("erase", "to_erase")] {
        let (status, body) = world.call("post", &format!("{path}/{asked}?org=1"), None).await;
        assert_eq!(
            (status, &body["state"], &body["data"]),
            (StatusCode::OK, &json!("disconnecting"), &json!(data))
        );
    }
    let waits = queue::Which {
        kind: Some(store::disconnects::REVOKE_KIND.to_owned()),
        ..queue::Which::all(queue::JobState::Waiting)
    };
    assert_eq!(queue::count(&world.db, OrgId(0), &waits).await.unwrap(), 1, "asking again folds");
    let (_, shown) = world.call("get", &format!("{path}?org=1"), None).await;
    assert_eq!(shown["connection"]["disconnect"]["outcome"], Value::Null);
    let (_, listed) = world.call("get", "/api/v1/connections?org=2", None).await;
    let states: Vec<&str> =
        listed["connections"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["active"], "the other organization's is untouched");
}

/// What each endpoint that changes something tells the audit log. An endpoint that is not here, and not a reading one, has
/// no entry: that fails the test.
const TOLD: &[(&str, &str, &str)] = &[
    ("post", "/api/v1/conversations/{id}/export", "export.finish"),
    ("post", "/api/v1/replay", "conversation.refresh"),
    ("post", "/api/v1/dead-letters/replay", "dead_letter.replay"),
    ("put", "/api/v1/pauses/{kind}", "pause.set"),
    ("delete", "/api/v1/pauses/{kind}", "pause.end"),
    ("post", "/api/v1/consumers/{name}/pause", "consumer.pause"),
    ("post", "/api/v1/consumers/{name}/resume", "consumer.resume"),
    ("post", "/api/v1/consumers/{name}/rewind", "consumer.rewind"),
    ("post", "/api/v1/notices/acknowledge", "notice.acknowledge"),
    ("post", "/api/v1/connections/{id}/disconnect", "connection.disconnect"),
    ("post", "/api/v1/connections/{id}/erase", "connection.disconnect"),
    ("post", "/api/v1/share-links", "share_link.create"),
    ("delete", "/api/v1/share-links/{id}", "share_link.revoke"),
];

#[tokio::test]
async fn every_endpoint_that_changes_something_leaves_its_entry_in_the_audit_log() {
    let world = World::new().await;
    let changing = ENDPOINTS.iter().filter(|endpoint| endpoint.method != "get");
    let named: Vec<_> = changing.clone().map(|endpoint| (endpoint.method, endpoint.path)).collect();
    let told: Vec<_> = TOLD.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(named, told);
    for (endpoint, (_, _, action)) in changing.zip(TOLD) {
        let here = world.path_now(endpoint).await;
        let path = format!("{here}?org=1");
        let body = good_body(endpoint).map(|mut body| {
            // What only says what would be done leaves no entry.
            body.as_object_mut().unwrap().remove("dry_run");
            body
        });
        let refused = [format!("{here}?org={STRANGE}"), here];
        for refused in refused.iter().filter(|_| matches!(endpoint.needs, Needs::InOrg(_))) {
            world.call(endpoint.method, refused, body.clone()).await;
        }
        if let Some(dry) = good_body(endpoint).filter(|body| body.get("dry_run").is_some()) {
            world.call(endpoint.method, &path, Some(dry)).await;
        }
        let before = audit::head(&world.db).await.unwrap().0;
        assert_eq!(world.call(endpoint.method, &path, body).await.0, StatusCode::OK, "{path}");
        let entries = audit::page(&world.db, before, 9).await.unwrap();
        let (entry, more) = entries.split_first().unwrap();
        // The link of the organization ends with its connection.
        let expected: &[&str] =
            if endpoint.path.ends_with("/disconnect") { &["share_link.revoke"] } else { &[] };
        assert_eq!(more.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), expected, "{path}");
        assert_eq!((entry.action.as_str(), entry.actor_kind.as_str()), (*action, "admin_token"), "{path}");
        assert_eq!((entry.org, entry.at, entry.outcome.as_str()), (Some(OURS), NOW, "done"), "{path}");
    }
    let written = i64::try_from(TOLD.len()).unwrap() + 1;
    assert_eq!(audit::head(&world.db).await.unwrap().0, written, "refusals and dry runs left none");
}

#[tokio::test]
async fn a_link_is_told_once_and_listed_without_its_text() {
    let world = World::new().await;
    let (_, made) =
        world.call("post", "/api/v1/share-links?org=1", Some(json!({"days": 2, "uses": 3}))).await;
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with("https://longshore.test/connect/drift/invited?link=lsc_"), "{url}");
    assert_eq!(made["link"]["ends_at"], NOW.plus(2 * 86_400_000).0);
    let (_, listed) = world.call("get", "/api/v1/share-links?org=1", None).await;
    let (links, text) = (listed["links"].as_array().unwrap(), listed.to_string());
    assert!(links.len() == 2 && !text.contains("lsc_"), "{text}");
    assert!(links.iter().all(|link| link["organization"] == 1), "{text}");
    let (_, all) = world.call("get", "/api/v1/share-links", None).await;
    assert_eq!(all["links"].as_array().unwrap().len(), 3);
    let id = made["link"]["link_id"].as_str().unwrap();
    let (_, revoked) = world.call("delete", &format!("/api/v1/share-links/{id}"), None).await;
    assert_eq!(revoked["link"]["state"], "revoked");
    let (status, _) = world.call("delete", &format!("/api/v1/share-links/{id}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "once");
    let (_, any) = world.call("post", "/api/v1/share-links", Some(json!({}))).await;
    assert_eq!(any["link"]["organization"], Value::Null);
}

#[test]
fn the_document_is_what_it_was() {
    insta::assert_json_snapshot!("openapi", document());
}

#[test]
fn the_page_names_every_endpoint() {
    let page = include_str!("../../../../docs/admin-api.md");
    for endpoint in ENDPOINTS {
        let named = format!("| `{} {}` |", endpoint.method.to_uppercase(), endpoint.path);
        assert!(page.contains(&named), "{named}");
    }
}
