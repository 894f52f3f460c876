//! Health and metrics.

use axum::body::Body;
use http::Request;
use store::DatabaseUrl;
use web::GatewayOptions;

use crate::world::{Place, TOKEN, World, message, on_both};

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_process_lives_and_is_ready_until_it_stops_or_its_store_is_gone() {
    on_both(GatewayOptions::default, async |world| {
        assert_eq!(world.ask(get("/livez")).await.status(), 200);
        let answer = world.ask(get("/readyz")).await;
        assert_eq!(
            (answer.status().as_u16(), answer.body().as_str()),
            (200, r#"{"ready":true,"reasons":[]}"#)
        );
        world.stopping.begin();
        world.gateway.close().await;
        world.db.close().await;
        let answer = world.ask(get("/readyz")).await;
        assert_eq!(answer.status(), 503);
        for reason in ["stopping", "the gateway takes no events", "the database does not answer"] {
            assert!(answer.body().contains(reason), "{reason}: {}", answer.body());
        }
        assert_eq!(world.ask(get("/livez")).await.status(), 200);
    })
    .await;
}

#[tokio::test]
async fn what_was_received_is_in_the_metrics() {
    on_both(GatewayOptions::default, async |world| {
        world.post("/webhooks/drift", None, &message(1, TOKEN)).await;
        let answer = world.ask(get("/metrics")).await;
        assert!(
            answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text")
        );
        for line in [
            "longshore_gateway_requests_total{status=\"200\"} 1",
            "longshore_inbox_events_committed_total 1",
            "longshore_inbox_unrouted 1",
            "longshore_gateway_events_waiting 0",
        ] {
            assert!(answer.body().lines().any(|found| found == line), "{line} is not in\n{}", answer.body());
        }
        assert!(!answer.body().contains("4242"), "no organization is named");
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_whose_disk_has_refused_says_that_it_is_to_be_started_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("store.db"), folder.path().join("store.db-wal"));
    let world =
        World::new(DatabaseUrl::file(file), GatewayOptions::default(), Place::Folder { _folder: folder })
            .await;
    let kept = world.post("/webhooks/drift", None, &message(1, TOKEN)).await;
    // What is no file cannot be brought to the disk.
    let aside = log.with_extension("aside");
    std::fs::rename(&log, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/null", &log).unwrap();
    let refused = world.post("/webhooks/drift", None, &message(2, TOKEN)).await;
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    let afterwards = world.post("/webhooks/drift", None, &message(3, TOKEN)).await;
    assert_eq!([kept.status(), refused.status(), afterwards.status()].map(|it| it.as_u16()), [200, 503, 503]);
    let answer = world.ask(get("/readyz")).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.body().contains("start the process anew"), "{}", answer.body());
    world.end().await;
}
