//! What becomes of events and jobs when the connection is not there.

use engine::clients;
use model::Secret;
use sandbox::ScopeSet;
use sandbox::world::{Change, Speaker};
use store::audit::{self, Who};
use store::connections::{self, ConnectionState};
use store::{inbox, notices, pauses, schedules};

use super::harness::{Live, options};
use crate::engines::Database;

fn message(live: &Live) -> Change {
    let conversation = live.world.sandbox.world().expected().next().unwrap();
    Change::NewMessage { conversation, from: Speaker::Contact, text: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_an_organization_that_is_not_connected_wait_for_that() {
    for database in Database::each().await {
        let live = Live::start(database, options(20)).await;
        live.change(message(&live));
        live.settle().await;
        assert_eq!(live.world.sandbox.log().total(), 0);
        let [kept] = inbox::unconnected(&live.node.db, 10).await.unwrap().try_into().unwrap();
        assert_eq!(kept.org_id, live.org());

        live.world.connect().await.unwrap();
        live.settle().await;

        assert!(inbox::unconnected(&live.node.db, 10).await.unwrap().is_empty());
        assert_eq!(live.world.sandbox.calls("GET /conversations/{id}"), 1);
        assert_eq!(schedules::list(&live.node.db, live.org()).await.unwrap().len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_pauses_the_organization_until_somebody_connects_again() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        let db = &live.node.db;
        live.change(message(&live));
        live.world.sandbox.revoke_tokens();
        for _ in 0..3 {
            live.turn().await;
            live.world.clock.advance(60_000);
        }

        let state = connections::get(db, live.org()).await.unwrap().unwrap().state;
        assert_eq!(state, ConnectionState::Revoked);
        let now = model::Clock::now(&live.world.clock);
        assert_eq!(pauses::list(db, now).await.unwrap().len(), 1);
        let [notice] = notices::list(db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!((notice.kind.as_str(), notice.subject.as_str()), (clients::NOTICE, "revoked"));

        let token = live.world.sandbox.issue_private_token(ScopeSet::all());
        live.world.connections().connect_private(Secret::new(token), &Who::node()).await.unwrap();
        live.settle().await;

        assert!(pauses::list(db, now).await.unwrap().is_empty());
        assert!(notices::list(db, None, 10).await.unwrap().is_empty());
        let told = audit::page(db, 0, 100).await.unwrap();
        let told = told.iter().map(|entry| (entry.action.as_str(), entry.reason.as_deref().unwrap_or("")));
        let expected = [
            ("connection.connect", ""),
            ("connection.state", "revoked"),
            ("pause.set", "job_asked"),
            ("connection.connect", ""),
            ("connection.disconnect", "replaced"),
            ("pause.end", "connected"),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        live.assert_converged("after somebody connected again").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_refused_says_so() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        live.world.sandbox.revoke_tokens();
        live.world.archive().await.unwrap_err();
        let [notice] = notices::list(&live.node.db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!((notice.kind.as_str(), notice.subject.as_str()), (clients::NOTICE, "revoked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goodbye_of_the_organization_closes_its_connection() {
    for database in Database::each().await {
        let live = Live::archived(database, options(20)).await;
        live.world.clock.advance(3_600_000);
        live.world.sandbox.post_webhook("app_disconnected", &serde_json::json!({}));
        live.change(message(&live));
        live.world.sandbox.log().clear();
        for _ in 0..3 {
            live.turn().await;
            live.world.clock.advance(60_000);
        }

        assert_eq!(live.world.sandbox.log().total(), 0);
        let [notice] = notices::list(&live.node.db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!(notice.subject, "disconnected");
    }
}
