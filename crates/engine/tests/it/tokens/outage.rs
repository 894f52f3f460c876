//! A provider that is away for an hour, and one that takes the grant no more.

use sandbox::world::{Change, Speaker};
use sandbox::{Fault, FaultProfile, FaultRule};
use store::connections::{self, ConnectionState};
use store::{notices, pauses, queue};

use super::node::{PACE_MS, TOKEN_CALLS, Ticking};
use crate::engines::Database;
use crate::live::harness::{Live, options};

/// How fast an hour without the provider goes by.
const FAST_MS: i64 = 40 * PACE_MS;

/// A world connected by a public app, and archived; its clock stands still.
async fn live(database: Database) -> Live {
    let live = Live::start(database, options(20)).await;
    live.world.connect_oauth().await.unwrap();
    live.world.archive().await.unwrap();
    live.world.sandbox.log().clear();
    live.world.stand_still();
    live
}

fn message(live: &Live) {
    let conversations: Vec<i64> = live.world.sandbox.world().expected().take(5).collect();
    for conversation in conversations {
        live.change(Change::NewMessage { conversation, from: Speaker::Contact, text: None });
    }
}

async fn state_of(live: &Live) -> ConnectionState {
    connections::get(&live.node.db, live.org()).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_the_provider_fails_no_job() {
    for database in Database::each().await {
        let live = live(database).await;
        let (sandbox, db) = (&live.world.sandbox, &live.node.db);
        let away = FaultRule::always(Fault::ServerError { status: 503 }).on("/oauth2/token");
        sandbox.faults().set(FaultProfile::new(1).with(away));
        sandbox.expire_tokens();
        message(&live);
        let ticking = Ticking::start(&live.world.clock, FAST_MS);
        let began = model::Clock::now(&live.world.clock);
        while model::Clock::now(&live.world.clock).since(began) < 3_600_000 {
            live.turn().await;
            live.world.clock.advance(60_000);
        }
        let asked = sandbox.calls(TOKEN_CALLS);
        assert!((8..600).contains(&asked), "asked {asked} times in an hour");
        assert_eq!((state_of(&live).await, sandbox.refreshes()), (ConnectionState::Active, 0));
        assert_eq!(queue::dead_letters(db, live.org(), None, 10).await.unwrap(), []);
        assert_eq!(pauses::list(db, model::Clock::now(&live.world.clock)).await.unwrap(), []);

        drop(ticking);
        let _ticking = Ticking::start(&live.world.clock, PACE_MS);
        sandbox.faults().clear();
        live.settle().await;
        assert_eq!(sandbox.refreshes(), 1);
        live.assert_converged("after an hour without the provider").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_pauses_the_connection_and_says_so() {
    for database in Database::each().await {
        let live = live(database).await;
        let (sandbox, db) = (&live.world.sandbox, &live.node.db);
        let _ticking = Ticking::start(&live.world.clock, PACE_MS);
        sandbox.revoke_tokens();
        message(&live);
        for _ in 0..5 {
            live.turn().await;
            live.world.clock.advance(60_000);
        }
        assert_eq!(state_of(&live).await, ConnectionState::Revoked);
        assert_eq!(sandbox.calls(TOKEN_CALLS), 1, "a grant that was refused is not tried again");
        let now = model::Clock::now(&live.world.clock);
        let [pause] = pauses::list(db, now).await.unwrap().try_into().unwrap();
        assert!(pause.reason.contains("its token was revoked"), "{}", pause.reason);
        let [notice] = notices::list(db, None, 10).await.unwrap().try_into().unwrap();
        assert_eq!(notice.subject, "revoked");
        assert_eq!(queue::dead_letters(db, live.org(), None, 10).await.unwrap(), []);

        live.world.connect_oauth().await.unwrap();
        live.settle().await;
        assert!(pauses::list(db, now).await.unwrap().is_empty());
        assert_eq!(notices::list(db, None, 10).await.unwrap(), []);
        live.assert_converged("after somebody connected again").await;
    }
}
