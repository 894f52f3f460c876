//! What can go wrong on the way, goes wrong; the archive ends complete, or says what is missing and why.

use engine::EngineError;
use model::Secret;
use sandbox::world::Change;
use sandbox::{Fault, FaultProfile, FaultRule, Options, RateLimit, Scope, ScopeSet, Source};
use store::audit::{self, Who};

use crate::engines::Database;
use crate::world::{NOW, World};

fn options(conversations: u64, faults: FaultProfile) -> Options {
    Options {
        source: Source::Generated { conversations },
        rate: RateLimit::none(),
        faults,
        ..Options::default()
    }
}

/// The storm of an average bad day: 5 % server errors, 1 % truncated, 1 % cut, 1 % refused with and without a time.
fn storm() -> FaultProfile {
    FaultProfile::new(99)
        .with(FaultRule::percent(Fault::ServerError { status: 502 }, 3.0))
        .with(FaultRule::percent(Fault::ServerError { status: 500 }, 2.0))
        .with(FaultRule::percent(Fault::Truncated, 1.0))
        .with(FaultRule::percent(Fault::Cut, 1.0))
        .with(FaultRule::percent(Fault::TooMany { retry_after_s: Some(2) }, 0.5))
        .with(FaultRule::percent(Fault::TooMany { retry_after_s: None }, 0.5))
        .with(FaultRule::percent(Fault::WrongJson, 0.5))
        .with(FaultRule::always(Fault::MovingRows { changes: 2 }).on("/conversations/list").times(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_with_moving_rows_ends_complete() {
    for database in Database::each().await {
        let mut world = World::start(database, options(500, storm())).await;
        world.connect().await.unwrap();
        world.limits.passes_max = 12;

        let certificate = world.archive().await.unwrap().certificate;

        assert_eq!(certificate.reasons, Vec::<String>::new());
        assert!(certificate.complete);
        world.sandbox.faults().clear();
        // Rows move while lists are read, the last ones too: what moved after its page was read is new, and the next run's to find.
        let found = world.verify().await.differences;
        let is_new = |id| {
            found.iter().any(|one| one.conversation_id == id && one.what.ends_with("it has changed since"))
        };
        assert!(found.iter().all(|one| is_new(one.conversation_id)), "{found:?}");
        assert!(world.archive().await.unwrap().certificate.complete);
        assert_eq!(world.verify().await.differences, vec![]);
        let faults = world.sandbox.log().totals().by_fault;
        assert!(faults.len() >= 6, "the storm did not blow: {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_appears_tomorrow_is_kept() {
    for database in Database::each().await {
        let faults = FaultProfile::new(4).with(FaultRule::always(Fault::UnknownField));
        let world = World::start(database, options(60, faults)).await;
        world.connect().await.unwrap();

        assert!(world.archive().await.unwrap().certificate.complete);

        assert!(world.verify().await.verified);
        world.sandbox.faults().clear();
        let found = world.verify().await;
        assert!(
            !found.verified && found.differences.iter().all(|one| one.what.contains("extra")),
            "{found:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_twice_is_refreshed_exactly_twice() {
    for database in Database::each().await {
        let world = World::start(database, options(300, FaultProfile::new(1))).await;
        world.connect_oauth().await.unwrap();
        world.sandbox.faults().set(
            FaultProfile::new(1)
                .with(FaultRule::always(Fault::ExpiredToken).after(40).times(1))
                .with(FaultRule::always(Fault::ExpiredToken).after(400).times(1)),
        );

        let certificate = world.archive().await.unwrap().certificate;

        assert!(certificate.complete, "{:?}", certificate.reasons);
        assert_eq!(world.sandbox.refreshes(), 2);
        let filter = audit::Filter { action: Some("token.refresh"), ..audit::Filter::default() };
        assert_eq!(audit::list(&world.database.db, &filter, 9).await.unwrap().len(), 2);
        assert!(world.verify().await.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_makes_it_incomplete_and_is_named() {
    for database in Database::each().await {
        let world = World::start(database, options(60, FaultProfile::new(1))).await;
        let scopes = ScopeSet::all().without(Scope::AccountRead).without(Scope::ContactRead);
        let token = Secret::new(world.sandbox.issue_private_token(scopes));
        world.connections().connect_private(token, &Who::node()).await.unwrap();

        let certificate = world.archive().await.unwrap().certificate;

        assert!(!certificate.complete);
        let reasons = certificate.reasons.join("\n");
        assert!(reasons.contains("account_read") && reasons.contains("contact_read"), "{reasons}");
        assert_eq!(certificate.conversations, world.sandbox.world().counts().conversations);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_comes_is_named_and_the_rest_is_saved() {
    for database in Database::each().await {
        let world = World::start(database, options(300, FaultProfile::new(1))).await;
        world.connect().await.unwrap();
        let rule =
            FaultRule::always(Fault::ServerError { status: 500 }).on("/conversations/list").at_page(100);
        world.sandbox.faults().set(FaultProfile::new(1).with(rule));

        let certificate = world.archive().await.unwrap().certificate;

        assert!(!certificate.complete);
        let reasons = certificate.reasons.join("\n");
        assert!(reasons.contains("the list could not be read to its end"), "{reasons}");
        assert_eq!(certificate.conversations, 300, "the reports name what the list does not show");

        world.sandbox.faults().clear();
        assert!(world.archive().await.unwrap().certificate.complete);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vanished_conversations_become_tombstones() {
    for database in Database::each().await {
        let world = World::start(database, options(120, FaultProfile::new(1))).await;
        world.connect().await.unwrap();
        world.archive().await.unwrap();
        let vanishing: Vec<i64> = world.sandbox.world().expected().step_by(20).take(5).collect();
        for conversation in vanishing {
            world.sandbox.world().change(&Change::Vanish { conversation }, NOW).unwrap();
        }

        let certificate = world.archive().await.unwrap().certificate;

        assert!(certificate.complete, "{:?}", certificate.reasons);
        assert_eq!(certificate.conversations, 115);
        assert!(world.verify().await.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_the_run_and_says_so() {
    for database in Database::each().await {
        let world = World::start(database, options(120, FaultProfile::new(1))).await;
        world.connect().await.unwrap();
        world.sandbox.revoke_tokens();

        let error = world.archive().await.unwrap_err();

        assert!(matches!(error, EngineError::Unauthorized { .. }), "{error}");
        assert!(error.hint().unwrap().contains("longshore connect"));
        let known = store::connections::list(&world.database.db).await.unwrap();
        assert_eq!(known[0].state, store::connections::ConnectionState::Revoked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_bound_is_named_and_asked_for_once_a_run() {
    for database in Database::each().await {
        let mut world = World::start(database, options(200, FaultProfile::new(1))).await;
        world.connect().await.unwrap();
        world.limits.attachment_bytes_max = 2_000;

        let certificate = world.archive().await.unwrap().certificate;

        assert!(!certificate.complete);
        let named: Vec<&str> = certificate
            .failures
            .iter()
            .filter(|one| one.kind == "attachments")
            .map(|one| one.key.as_str())
            .collect();
        assert!(!named.is_empty() && certificate.reasons.iter().any(|reason| reason.contains("attachments")));
        for id in named {
            let path = format!("/attachments/{id}/data");
            assert_eq!(world.sandbox.log().count(|entry| entry.path() == path), 1);
        }
        world.limits = engine::Limits::default();
        world.clock.advance(1_000);
        assert!(world.archive().await.unwrap().certificate.complete);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_for_a_part_of_a_conversation_does_not_make_it_gone() {
    for database in Database::each().await {
        let world = World::start(database, options(60, FaultProfile::new(1))).await;
        world.connect().await.unwrap();
        let id = world.sandbox.world().expected().nth(7).unwrap();
        *world.not_found.lock().unwrap() = Some(format!("/conversations/{id}/messages"));

        let certificate = world.archive().await.unwrap().certificate;

        assert!(!certificate.complete);
        let named = certificate.failures.iter().find(|one| one.key == id.to_string()).unwrap();
        assert!(named.reason.contains("404 for its messages"), "{}", named.reason);
        *world.not_found.lock().unwrap() = None;
        world.clock.advance(1_000);
        assert!(world.archive().await.unwrap().certificate.complete);
        assert!(world.verify().await.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_the_list_hides_are_found_by_the_reports() {
    for database in Database::each().await {
        let world = World::start(database, options(300, FaultProfile::new(1))).await;
        world.connect().await.unwrap();
        world.archive().await.unwrap();
        world.clock.advance(60_000);
        for conversation in world.sandbox.world().expected().step_by(2).take(120).collect::<Vec<_>>() {
            let change =
                Change::NewMessage { conversation, from: sandbox::world::Speaker::Contact, text: None };
            world.sandbox.world().change(&change, model::Clock::now(&world.clock)).unwrap();
        }
        let skipping = FaultRule::always(Fault::SkipRows { rows: 20 }).on("/conversations/list");
        world.sandbox.faults().set(FaultProfile::new(1).with(skipping));

        let certificate = world.archive().await.unwrap().certificate;

        let verification = world.verify().await;
        assert_eq!(verification.differences, vec![], "what the list hides is compared by id");
        assert_eq!(verification.conversations, 300);
        world.sandbox.faults().clear();
        assert!(certificate.complete && world.verify().await.verified, "{:?}", certificate.reasons);
    }
}
