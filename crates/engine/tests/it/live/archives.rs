//! Archives that somebody asked for, and whose grants are taken.

use engine::EngineError;
use engine::connection::{Admits, Proof};
use model::{OrgId, Secret, SeededEntropy};
use sandbox::ScopeSet;
use store::archives;
use store::audit::Who;
use store::connections::{self, ConnectionState};

use super::harness::{Live, options};
use crate::engines::Database;

async fn ask(live: &Live) {
    let mut tx = live.node.db.begin().await.unwrap();
    archives::ask(&mut tx, live.org(), &live.world.clock, &SeededEntropy::new(41)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_was_asked_for_is_made_by_a_worker_and_certified() {
    for database in Database::each().await {
        let live = Live::start(database, options(30)).await;
        live.world.connect().await.unwrap();
        ask(&live).await;
        live.settle().await;

        let standing = archives::standing(&live.node.db, live.org()).await.unwrap();
        let run = standing.run.unwrap();
        assert_eq!((standing.job, run.outcome.as_deref()), (None, Some("complete")));
        assert_eq!(standing.conversations, 30);
        let certificate: serde_json::Value = serde_json::from_str(&run.certificate.unwrap()).unwrap();
        let calls = certificate["calls"]["calls"].as_u64().unwrap_or_default();
        assert!(calls > 30, "{certificate}");
        live.assert_converged("after an archive by a worker").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_without_a_grant_waits_for_one() {
    for database in Database::each().await {
        let live = Live::start(database, options(10)).await;
        live.world.connect().await.unwrap();
        live.world.sandbox.revoke_tokens();
        ask(&live).await;
        for _ in 0..3 {
            live.turn().await;
            live.world.clock.advance(60_000);
        }
        assert!(archives::standing(&live.node.db, live.org()).await.unwrap().job.is_some());

        let token = Secret::new(live.world.sandbox.issue_private_token(ScopeSet::all()));
        live.world.connections().connect_private(token, &Who::node()).await.unwrap();
        live.settle().await;

        let run = archives::standing(&live.node.db, live.org()).await.unwrap().run.unwrap();
        assert_eq!(run.outcome.as_deref(), Some("complete"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_grant_stays_until_a_new_one_is_good_and_of_the_right_organization() {
    for database in Database::each().await {
        let live = Live::start(database, options(10)).await;
        live.world.connect().await.unwrap();
        let (db, all) = (&live.node.db, live.world.connections());
        let before = connections::get(db, live.org()).await.unwrap().unwrap();
        let fresh = || Proof::Token(Secret::new(live.world.sandbox.issue_private_token(ScopeSet::all())));

        let others = Admits::Only(vec![OrgId(1), OrgId(2)]);
        let refused = all.connect_admitted(fresh(), &others, &Who::node()).await;
        assert!(matches!(refused, Err(EngineError::NotAdmitted { org }) if org == live.org()), "{refused:?}");
        let wrong = Proof::Token(Secret::new("sbx-pt-of-nobody"));
        let refused = all.connect_admitted(wrong, &Admits::Any, &Who::node()).await;
        assert!(matches!(refused, Err(EngineError::Refused { .. })), "{refused:?}");
        assert_eq!(connections::get(db, live.org()).await.unwrap().unwrap(), before);
        live.node.clients.client(live.org()).await.unwrap().users().await.unwrap();

        live.world.clock.advance(1_000);
        let ours = Admits::Only(vec![live.org()]);
        let after = all.connect_admitted(fresh(), &ours, &Who::node()).await.unwrap();
        let states =
            connections::list(db).await.unwrap().into_iter().map(|one| (one.connection_id, one.state));
        let expected = [
            (before.connection_id, ConnectionState::Disconnected),
            (after.connection_id, ConnectionState::Active),
        ];
        assert_eq!(states.collect::<Vec<_>>(), expected);
    }
}
