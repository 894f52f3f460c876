//! From one seed: faults, changes at Drift's side, and deaths between any two awaits, in random order. Whatever came,
//! the next archive that is left alone ends complete and equal to Drift.

use std::sync::Arc;

use engine::EngineError;
use engine::archive::{self, ArchiveOutcome, Ask};
use model::{Clock, Entropy, SeededEntropy};
use sandbox::world::{Change, Speaker};
use sandbox::{FaultProfile, Options, RateLimit, Source};

use crate::engines::Database;
use crate::world::World;

const DEATHS: u64 = 8;

async fn live_through(seed: u64, database: Database) {
    let dice = Arc::new(SeededEntropy::new(seed));
    let faults = FaultProfile::preset("rough", seed).unwrap();
    let source = Source::Generated { conversations: 100 + dice.below(150) };
    let options = Options { source, seed, faults, rate: RateLimit::none(), ..Options::default() };
    let mut world = World::start(database, options).await;
    world.limits.passes_max = 12;
    world.connect().await.unwrap();

    for _ in 0..DEATHS {
        let context = world.context().await.unwrap();
        let ask = if dice.below(4) == 0 { Ask::Full } else { Ask::Changed };
        let before = world.sandbox.log().total();
        let life = tokio::spawn(async move { archive::run(&context, ask).await });
        let end = before + dice.below(250);
        while world.sandbox.log().total() < end && !life.is_finished() {
            tokio::task::yield_now().await;
        }
        life.abort();
        let _ = life.await;
        let changes = usize::try_from(dice.below(6)).unwrap();
        world.sandbox.world().traffic(changes, &*dice, world.clock.now());
    }
    world.sandbox.faults().clear();

    let certificate = undisturbed(&world).await.certificate;
    assert!(certificate.complete, "seed {seed}: {:?}", certificate.reasons);
    let verification = world.verify().await;
    assert_eq!(verification.differences, vec![], "seed {seed}");
    assert!(verification.verified, "seed {seed}: {:?}", verification.unread);
}

/// An archive that is left alone, once the server has noticed that the last one is dead.
async fn undisturbed(world: &World) -> ArchiveOutcome {
    loop {
        match world.archive().await {
            Err(EngineError::Busy { .. }) => tokio::task::yield_now().await,
            outcome => return outcome.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_mirror_converges() {
    for seed in 1..=8 {
        for database in Database::each().await {
            live_through(seed, database).await;
        }
    }
}

/// What changes after the last comparison of a run that then dies is found by whoever goes on with the run: what an earlier
/// process listed tells nothing of it.
#[tokio::test]
async fn a_death_after_the_last_comparison_hides_no_change() {
    const CALLS_BEFORE_THE_END: u64 = 6;
    for database in Database::each().await {
        let source = Source::Generated { conversations: 30 };
        let options = Options { source, seed: 5, rate: RateLimit::none(), ..Options::default() };
        let world = World::start(database, options).await;
        world.connect().await.unwrap();
        let mut resumptions = 0;
        for ask in [Ask::Full, Ask::Changed] {
            for left in 0..CALLS_BEFORE_THE_END {
                // The second costs what the next one will, had nothing died.
                archive::run(&world.context().await.unwrap(), ask).await.unwrap();
                let begun = world.sandbox.log().total();
                archive::run(&world.context().await.unwrap(), ask).await.unwrap();
                let end = world.sandbox.log().total() * 2 - begun - left;
                let context = world.context().await.unwrap();
                let life = tokio::spawn(async move { archive::run(&context, ask).await });
                while world.sandbox.log().total() < end && !life.is_finished() {
                    tokio::task::yield_now().await;
                }
                life.abort();
                let _ = life.await;
                let drift = world.sandbox.world();
                let conversation = drift.expected().next().unwrap();
                let said = Change::NewMessage { conversation, from: Speaker::Contact, text: None };
                drift.change(&said, world.clock.now()).unwrap();

                let ArchiveOutcome { certificate, resumed, .. } = undisturbed(&world).await;
                resumptions += u32::from(resumed);
                assert!(certificate.complete, "{ask:?}, {left}: {:?}", certificate.reasons);
                assert_eq!(world.verify().await.differences, vec![], "{ask:?}, {left} calls before the end");
            }
        }
        assert!(resumptions > 0, "some died before their end");
    }
}
