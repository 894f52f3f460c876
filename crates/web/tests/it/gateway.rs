//! What a sender is answered, and what is stored of it.

use std::sync::Arc;

use axum::body::Body;
use drift::webhook::EXAMPLES;
use drift::{OsEntropy, SystemClock};
use futures_util::future::join_all;
use http::Request;
use model::{Clock, ConnectionId, FakeClock, Millis, OrgId, Secret, SeededEntropy};
use sqlx::Connection as _;
use sqlx::postgres::PgListener;
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::inbox::{self, Payload};
use store::vault::{Key, Vault};
use telemetry::Metrics;
use web::{Console, Gateway, GatewayOptions, GatewayTokens, PayloadSetting, Sources, State, Stopping};

use crate::world::{TOKEN, World, message, on_both, post};

const PATH: &str = "/webhooks/drift";

fn kind(body: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    answer["error"]["type"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_right_token_is_enough_in_either_place_and_none_may_be_wrong() {
    on_both(GatewayOptions::default, async |world| {
        let inside = message(10, TOKEN);
        let without = message(20, "x").replace(r#""token":"x","#, "");
        let wrong = message(30, "vt-canary-wrong");
        let cases = [
            (None, &inside, 200),
            (Some(TOKEN), &message(11, TOKEN), 200),
            (Some("vt-canary-old"), &message(12, TOKEN), 200),
            (Some(TOKEN), &without, 200),
            (None, &without, 401),
            (None, &wrong, 401),
            (Some(TOKEN), &wrong, 401),
            (Some("vt-canary-wrong"), &inside, 401),
            (Some(""), &inside, 401),
            (Some("vt-canary-wrong"), &"nonsense".to_owned(), 401),
        ];
        for (header, body, expected) in cases {
            let answer = world.post(PATH, header, body).await;
            assert_eq!(answer.status(), expected, "{header:?} {body}");
            assert_eq!(answer.body().is_empty(), expected == 200);
            assert!(!answer.body().contains("canary"), "{}", answer.body());
        }
        assert_eq!(world.events().await.len(), 4);
        assert_eq!(world.metrics.gateway_events_refused.of("token").get(), 6);
    })
    .await;
}

/// The store is closed: whatever were looked up would be answered with 503.
#[tokio::test]
async fn for_a_wrong_token_nothing_is_looked_up_or_stored() {
    on_both(GatewayOptions::default, async |world| {
        world.db.close().await;
        for path in [PATH, "/webhooks/drift/c1", "/webhooks/drift/unknown"] {
            let answer = world.post(path, Some("vt-canary-wrong"), &message(1, TOKEN)).await;
            assert_eq!((answer.status().as_u16(), kind(answer.body())), (401, "token".to_owned()), "{path}");
            let answer = world.post(path, None, &message(1, "vt-canary-wrong")).await;
            assert_eq!(answer.status(), 401, "{path}");
        }
        for table in ["events", "jobs", "facts"] {
            assert_eq!(world.rows(table).await, 0, "{table}");
        }
        // With the right one the store would have been needed.
        let answer = world.post(PATH, Some(TOKEN), &message(1, TOKEN)).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (503, "not_stored".to_owned()));
        assert_eq!(answer.headers()["retry-after"], "5");
        assert_eq!(world.rows("events").await, 0);
    })
    .await;
}

#[tokio::test]
async fn bad_input_is_answered_with_its_reason_and_stores_nothing() {
    let options = || GatewayOptions { body_bytes_max: 2_000, ..GatewayOptions::default() };
    on_both(options, async |world| {
        let long = message(1, TOKEN).replace("hello", &"x".repeat(2_000));
        let deep = format!(r#"{{"type":"x","orgId":1,"data":{}{}}}"#, "[".repeat(100), "]".repeat(100));
        for (body, expected) in [
            ("nonsense", "malformed"),
            ("", "malformed"),
            ("[]", "malformed"),
            (r#"{"type":"new_message","orgId":1"#, "malformed"),
            (r#"{"type":"new_message"}"#, "malformed"),
            (r#"{"orgId":7,"data":{}}"#, "malformed"),
            (r#"{"type":"new_message","orgId":7,"data":7}"#, "malformed"),
            (deep.as_str(), "malformed"),
        ] {
            let answer = world.post(PATH, Some(TOKEN), body).await;
            assert_eq!((answer.status().as_u16(), kind(answer.body())), (400, expected.to_owned()), "{body}");
        }
        let answer = world.post(PATH, Some(TOKEN), &long).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (413, "too_large".to_owned()));

        let mut form = post(PATH, Some(TOKEN), &message(1, TOKEN));
        form.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        let answer = world.ask(form).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (415, "content_type".to_owned()));

        for path in ["/", "/webhooks", "/webhooks/drift/a/b", "/webhooks/other"] {
            let answer = world.post(path, Some(TOKEN), &message(1, TOKEN)).await;
            assert_eq!(
                (answer.status().as_u16(), kind(answer.body())),
                (404, "not_found".to_owned()),
                "{path}"
            );
        }
        let answer = world.ask(Request::get(PATH).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (405, "method_not_allowed".to_owned()));
        assert_eq!(answer.headers()["allow"], "POST");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(world.rows("events").await, 0);
    })
    .await;
}

#[tokio::test]
async fn sixty_four_identical_deliveries_at_once_are_one_event() {
    on_both(GatewayOptions::default, async |world| {
        let body = message(1, TOKEN);
        let answers = join_all((0..64).map(|_| world.post(PATH, None, &body))).await;
        assert!(answers.iter().all(|answer| answer.status() == 200));
        assert_eq!(world.events().await.len(), 1);
        assert_eq!(world.post(PATH, None, &body).await.status(), 200);
        assert_eq!(world.events().await.len(), 1);
        assert_eq!(world.metrics.inbox_events_deduplicated.get(), 64);
        assert_eq!(world.metrics.inbox_events_committed.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn every_documented_type_is_kept_with_its_ids_and_by_default_without_its_texts() {
    on_both(GatewayOptions::default, async |world| {
        for example in EXAMPLES {
            let answer = world.post(PATH, None, &example.body(OrgId(4242), TOKEN)).await;
            assert_eq!(answer.status(), 200, "{}", example.kind);
        }
        let unknown = format!(r#"{{"type":"brand_new","token":"{TOKEN}","orgId":9,"data":{{"x":1}}}}"#);
        let mut request = post(PATH, None, &unknown);
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        request.headers_mut().insert("traceparent", parent.parse().unwrap());
        assert_eq!(world.ask(request).await.status(), 200);
        let events = world.events().await;
        let last = events.iter().find(|event| event.kind == "brand_new").unwrap();
        assert_eq!((last.org_id, last.payload_form.as_str()), (OrgId(9), "none"));
        let trace = last.trace.as_deref().unwrap();
        assert!(trace.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && trace != parent, "{trace}");
        let pushed = events.iter().find(|event| event.kind == "conversation_push").unwrap();
        assert_eq!(pushed.conversation_id.map(|id| id.0), Some(3_782_700_001));
        assert_eq!(world.metrics.inbox_events_unknown.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_payload_is_kept_redacted_or_sealed_when_that_is_set() {
    let redacted = || GatewayOptions { payload: PayloadSetting::Redacted, ..GatewayOptions::default() };
    on_both(redacted, async |world| {
        world.post(PATH, None, &message(10, TOKEN)).await;
        let id = world.events().await.remove(0).event_id;
        let (_, payload) = inbox::get(&world.db, &id).await.unwrap().unwrap();
        let Payload::Redacted(text) = payload else { panic!("not redacted") };
        assert!(text.contains("1717400001500") && !text.contains("canary"), "{text}");
    })
    .await;
    let vault = || {
        let entropy = Arc::new(SeededEntropy::new(5));
        Vault::new(Key::generate(entropy.as_ref()), entropy)
    };
    let sealed = || GatewayOptions { payload: PayloadSetting::Sealed(vault()), ..GatewayOptions::default() };
    on_both(sealed, async |world| {
        let body = message(10, TOKEN);
        world.post(PATH, None, &body).await;
        let event = world.events().await.remove(0);
        let (_, payload) = inbox::get(&world.db, &event.event_id).await.unwrap().unwrap();
        let Payload::Sealed(bytes) = payload else { panic!("not sealed") };
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
        let opened = vault().open_event(&world.db, (event.org_id, &event.event_id), &bytes).await.unwrap();
        assert_eq!(opened.expose(), body.as_bytes());
    })
    .await;
}

#[tokio::test]
async fn a_connection_has_a_path_and_a_token_of_its_own() {
    on_both(GatewayOptions::default, async |world| {
        let entropy = Arc::new(SeededEntropy::new(6));
        let vault = Vault::new(Key::generate(entropy.as_ref()), entropy);
        let connection = Connection {
            connection_id: ConnectionId("c1".to_owned()),
            org_id: OrgId(4242),
            kind: ConnectionKind::Private,
            state: ConnectionState::Active,
            scopes: vec![],
            api_url: "https://driftapi.com".to_owned(),
            created_at: Millis(1),
            last_used_at: None,
            expires_at: None,
        };
        let granted = Tokens { access: Secret::new("at"), refresh: None, expires_at: None };
        let mut tx = world.db.begin().await.unwrap();
        connections::insert(&mut tx, &connection, &granted, &vault).await.unwrap();
        let (id, token) = (&connection.connection_id, Secret::new("vt-of-c1"));
        connections::put_secret(&mut tx, id, web::gateway::WEBHOOK_TOKEN, &token, &vault, Millis(1))
            .await
            .unwrap();
        tx.commit().await.unwrap();

        let own = "/webhooks/drift/c1";
        assert_eq!(world.post(own, None, &message(10, "vt-of-c1")).await.status(), 401, "not loaded yet");
        assert_eq!(world.tokens.load(&world.db, &vault).await.unwrap(), 1);
        assert_eq!(world.post(own, None, &message(10, "vt-of-c1")).await.status(), 200);
        assert_eq!(world.post(own, None, &message(11, TOKEN)).await.status(), 401);
        assert_eq!(world.post(PATH, None, &message(12, "vt-of-c1")).await.status(), 401);
        assert_eq!(world.post("/webhooks/drift/c2", None, &message(13, "vt-of-c1")).await.status(), 401);
        let foreign = message(14, "vt-of-c1").replace("4242", "4243");
        let answer = world.post(own, None, &foreign).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (400, "other_organization".to_owned()));
        let events = world.events().await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].connection_id, Some(connection.connection_id.clone()));
    })
    .await;
}

#[tokio::test]
async fn only_listed_addresses_may_send_once_there_is_a_list() {
    let sources = Sources { allowed: vec!["203.0.113.0/24".parse().unwrap()], trusted_proxies: vec![] };
    let options = || GatewayOptions { sources: sources.clone(), ..GatewayOptions::default() };
    on_both(options, async |world| {
        let from = |address: &str| {
            let mut request = post(PATH, Some(TOKEN), &message(1, TOKEN));
            request.extensions_mut().insert(web::Peer(address.parse().unwrap()));
            request
        };
        let answer = world.ask(from("198.51.100.1:5000")).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (403, "source".to_owned()));
        assert_eq!(world.ask(from("203.0.113.9:5000")).await.status(), 200);
    })
    .await;
}

/// A database that takes no writes for a while: those in hand wait, the others are refused at once, none is half-written.
#[tokio::test]
async fn overload_is_answered_at_once_and_loses_nothing_that_was_acknowledged() {
    let options = || GatewayOptions { requests_max: 8, ..GatewayOptions::default() };
    on_both(options, async |world| {
        // SQLite: the one connection that writes. PostgreSQL: all three of the pool.
        let mut held = vec![world.db.begin().await.unwrap()];
        if world.url.path().is_none() {
            held.extend([world.db.begin().await.unwrap(), world.db.begin().await.unwrap()]);
        }
        let bodies: Vec<String> = (0..20).map(|number| message(number, TOKEN)).collect();
        let all = join_all(bodies.iter().map(|body| world.post(PATH, None, body)));
        let release = async {
            while world.metrics.gateway_events_overload.get() < 12 {
                tokio::task::yield_now().await;
            }
            drop(held);
        };
        let (answers, ()) = tokio::join!(all, release);
        let of = |status: u16| answers.iter().filter(|answer| answer.status() == status).count();
        assert_eq!((of(200), of(503)), (8, 12));
        let refused = answers.iter().find(|answer| answer.status() == 503).unwrap();
        assert_eq!(
            (kind(refused.body()), &refused.headers()["retry-after"]),
            ("overload".to_owned(), &"1".parse().unwrap())
        );
        assert_eq!(world.events().await.len(), 8);
        assert_eq!(world.metrics.gateway_events_waiting.get(), 0);
    })
    .await;
}

/// A disk that cannot be reached for a while: the file and its log are not where they were.
#[cfg(unix)]
#[tokio::test]
async fn what_the_disk_does_not_have_is_not_acknowledged() {
    on_both(GatewayOptions::default, async |world| {
        let Some(path) = world.url.path() else { return };
        let files = ["store.db", "store.db-wal"];
        let away = |name: &str| path.with_file_name(format!("{name}.away"));
        assert_eq!(world.post(PATH, None, &message(1, TOKEN)).await.status(), 200);
        files.iter().for_each(|name| std::fs::rename(path.with_file_name(name), away(name)).unwrap());
        let answer = world.post(PATH, None, &message(2, TOKEN)).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (503, "not_stored".to_owned()));
        files.iter().for_each(|name| std::fs::rename(away(name), path.with_file_name(name)).unwrap());
        assert_eq!(world.post(PATH, None, &message(2, TOKEN)).await.status(), 200);
        assert_eq!(world.metrics.inbox_events_deduplicated.get(), 1);
        assert_eq!(world.events().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn bytes_that_wait_are_bounded_too() {
    let options = || GatewayOptions { waiting_bytes_max: 100, ..GatewayOptions::default() };
    on_both(options, async |world: &World| {
        let answer = world.post(PATH, None, &message(1, TOKEN)).await;
        assert_eq!((answer.status().as_u16(), kind(answer.body())), (503, "overload".to_owned()));
        assert_eq!(world.rows("events").await, 0);
    })
    .await;
}

/// A gateway beside that of the world, on the same store, and its doors.
fn another(world: &World, options: GatewayOptions, clock: Arc<dyn Clock>) -> (Arc<Gateway>, axum::Router) {
    let tokens = Arc::new(GatewayTokens::new(&[Secret::new(TOKEN)]));
    let (db, metrics) = (world.db.clone(), Arc::new(Metrics::new()));
    let gateway =
        Gateway::start(db, tokens, options, Arc::clone(&clock), Arc::new(OsEntropy), Arc::clone(&metrics));
    let gateway = Arc::new(gateway);
    let router = web::router(State {
        db: world.db.clone(),
        gateway: Some(Arc::clone(&gateway)),
        metrics,
        clock,
        stopping: Stopping::default(),
        access: world.access.clone(),
        console: Console::Absent,
    });
    (gateway, router)
}

#[tokio::test]
async fn what_was_handed_to_the_committer_is_committed_when_the_gateway_closes() {
    on_both(GatewayOptions::default, async |world| {
        let bodies: Vec<String> = (0..600).map(|number| message(number, TOKEN)).collect();
        let options = GatewayOptions { requests_max: 1_000, ..GatewayOptions::default() };
        let (gateway, router) = another(world, options, Arc::new(SystemClock));
        let answers = join_all(
            bodies.iter().map(|body| tower::ServiceExt::oneshot(router.clone(), post(PATH, None, body))),
        );
        let (answers, ()) = tokio::join!(answers, gateway.close());
        let kept = answers.iter().filter(|answer| answer.as_ref().unwrap().status() == 200).count();
        assert_eq!(world.events().await.len(), kept);
        assert!(!gateway.is_alive());
        let late = router.clone();
        let answer =
            tower::ServiceExt::oneshot(late, post(PATH, None, &message(9_999, TOKEN))).await.unwrap();
        assert_eq!(answer.status(), 503);
    })
    .await;
}

/// To tell them costs as much as a commit: so it is done at once for the first event, and then for all that came in a pause.
#[tokio::test]
async fn other_processes_are_told_at_once_then_once_a_pause_and_of_the_last_at_the_end() {
    on_both(GatewayOptions::default, async |world| {
        if world.url.path().is_some() {
            // There is nobody to tell.
            return;
        }
        let mut others = PgListener::connect(world.url.reveal().expose()).await.unwrap();
        others.listen("longshore_inbox").await.unwrap();
        let mut own = sqlx::PgConnection::connect(world.url.reveal().expose()).await.unwrap();
        let mut heard = async || {
            let next = drift::deadline(&SystemClock, 30_000, others.recv()).await;
            next.expect("the others are told").unwrap().payload().to_owned()
        };
        let mut mark = async |mark: &str| {
            sqlx::query("SELECT pg_notify('longshore_inbox', $1)")
                .bind(mark)
                .execute(&mut own)
                .await
                .unwrap();
        };
        let clock = FakeClock::at(Millis(1_717_400_000_000));
        let (gateway, router) = another(world, GatewayOptions::default(), Arc::new(clock.clone()));
        let keep = async |id: i64| {
            let answer =
                tower::ServiceExt::oneshot(router.clone(), post(PATH, None, &message(id, TOKEN))).await;
            assert_eq!(answer.unwrap().status(), 200);
        };
        keep(1).await;
        assert_eq!(heard().await, "0");
        keep(2).await;
        keep(3).await;
        mark("after three").await;
        assert_eq!(heard().await, "after three", "the pause is not over");
        let pause = async {
            while clock.advance_to_next_sleeper().is_none() {
                tokio::task::yield_now().await;
            }
        };
        drift::deadline(&SystemClock, 30_000, pause).await.expect("there is a pause");
        assert_eq!(clock.now(), Millis(1_717_400_000_020));
        assert_eq!(heard().await, "0");
        keep(4).await;
        mark("after four").await;
        assert_eq!(heard().await, "after four", "two events of one pause are told once");
        gateway.close().await;
        assert_eq!(heard().await, "0", "nobody waits for the end of the pause");
        mark("after the end").await;
        assert_eq!(heard().await, "after the end");
    })
    .await;
}
