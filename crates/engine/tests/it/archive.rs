//! From a fresh store to a complete, proven copy; and what a second run asks for.

use engine::EngineError;
use engine::archive::{self, Ask};
use engine::certificate::{Reader, write_json};
use engine::verify::against_certificate;
use model::Clock;
use sandbox::world::Change;
use sandbox::{Options, RateLimit, Source};

use crate::engines::Database;
use crate::world::World;

fn options(conversations: u64) -> Options {
    Options { source: Source::Generated { conversations }, rate: RateLimit::none(), ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_store_becomes_a_complete_and_verified_copy() {
    for database in Database::each().await {
        let world = World::start(database, options(500)).await;
        world.connect().await.unwrap();

        let certificate = world.archive().await.unwrap().certificate;

        assert_eq!(certificate.reasons, Vec::<String>::new());
        assert!(certificate.complete);
        let there = world.sandbox.world().counts();
        assert_eq!((certificate.conversations, certificate.messages), (there.conversations, there.messages));
        let verification = world.verify().await;
        assert_eq!(verification.differences, vec![]);
        assert!(verification.verified, "{:?}", verification.unread);
        assert_eq!(world.sandbox.log().totals().refused_by_bucket, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_asks_only_for_what_changed() {
    for database in Database::each().await {
        let world = World::start(database, options(300)).await;
        world.connect().await.unwrap();
        world.archive().await.unwrap();
        world.clock.advance(60_000);
        for _ in 0..3 {
            let change = Change::NewConversation { contact: None, text: None };
            world.sandbox.world().change(&change, world.clock.now()).unwrap();
        }
        world.sandbox.log().clear();

        let outcome = world.archive().await.unwrap();

        assert!(outcome.certificate.complete, "{:?}", outcome.certificate.reasons);
        let messages = world.sandbox.log().count(|entry| entry.path().ends_with("/messages"));
        assert!(messages <= 6, "{messages} calls for messages");
        assert!(world.verify().await.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_holds_the_store_to_account_offline() {
    for database in Database::each().await {
        let world = World::start(database, options(60)).await;
        world.connect().await.unwrap();
        let certificate = world.archive().await.unwrap().certificate;
        let mut text = Vec::new();
        write_json(&world.database.db, &certificate, &mut text).await.unwrap();
        let text = String::from_utf8(text).unwrap();

        let reader = Reader::parse(&text).unwrap();
        assert!(against_certificate(&world.database.db, &reader).await.unwrap().verified);

        let mut altered = reader.clone();
        altered.conversations[3].2 = "00".repeat(32);
        altered.conversations.remove(7);
        let found = against_certificate(&world.database.db, &altered).await.unwrap();
        assert_eq!(found.differences.len(), 2);
        assert!(matches!(Reader::parse("{}"), Err(EngineError::Certificate(_))));
        assert!(matches!(
            Reader::parse(&text.replace("longshore-certificate/1", "longshore-certificate/9")),
            Err(EngineError::Certificate(_))
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_goes_on_where_it_was() {
    for database in Database::each().await {
        let mut world = World::start(database, options(200)).await;
        world.connect().await.unwrap();
        world.stop.set();
        assert!(matches!(world.archive().await, Err(EngineError::Stopped)));

        world.stop = engine::StopSwitch::new();
        let outcome = world.archive().await.unwrap();
        assert!(outcome.resumed && outcome.certificate.complete);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_everything_replaces_an_unfinished_run_of_changes() {
    for database in Database::each().await {
        let mut world = World::start(database, options(60)).await;
        world.connect().await.unwrap();
        world.archive().await.unwrap();
        world.stop.set();
        assert!(matches!(world.archive().await, Err(EngineError::Stopped)));
        world.stop = engine::StopSwitch::new();

        let outcome = archive::run(&world.context().await.unwrap(), Ask::Full).await.unwrap();

        assert!(!outcome.resumed && outcome.certificate.complete);
        assert_eq!(outcome.certificate.mode, archive::Mode::Full);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_archives_at_once_are_one_too_many() {
    for database in Database::each().await {
        let world = World::start(database, options(30)).await;
        world.connect().await.unwrap();
        let org = world.context().await.unwrap().org;
        let _other =
            store::exclusive::hold(&world.database.db, org, archive::RUN_KIND).await.unwrap().unwrap();
        assert!(matches!(world.archive().await, Err(EngineError::Busy { .. })));
    }
}
