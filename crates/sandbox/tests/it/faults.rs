//! Every fault, one at a time.

use std::collections::HashSet;

use sandbox::{Fault, FaultProfile, FaultRule, Options};
use serde_json::Value;

use crate::caller::{Caller, small};

fn faulty(rule: FaultRule) -> Caller {
    Caller::with(Options { faults: FaultProfile::new(7).with(rule), ..small() })
}

#[tokio::test]
async fn refusals_have_drifts_body_and_do_nothing() {
    let caller = faulty(FaultRule::once(Fault::TooMany { retry_after_s: Some(3) }));
    let refused = caller.get("/users/list").await;
    assert_eq!((refused.error().0, refused.header("retry-after")), (429, "3"));
    assert_eq!(caller.get("/users/list").await.status, 200);

    for status in [500, 502, 503, 504] {
        caller.sandbox.faults().once(Fault::ServerError { status }, "/contacts");
        let body = serde_json::json!({"attributes": {"email": "ada@example.test"}});
        assert_eq!(caller.post("/contacts", &body).await.error(), (status, "internal_error".to_owned()));
    }
    let found = caller.get("/contacts?email=ada@example.test").await;
    assert_eq!(found.json()["data"], Value::Array(Vec::new()));
    assert_eq!(caller.sandbox.log().totals().by_fault["server_error"], 4);
}

#[tokio::test]
async fn a_cut_answer_promises_more_than_it_sends() {
    let caller = faulty(FaultRule::once(Fault::Cut));
    let cut = caller.get("/users/list").await;
    let promised: usize = cut.header("content-length").parse().unwrap();
    assert!(!cut.whole && cut.body.len() < promised);
    assert!(caller.get("/users/list").await.whole);
}

#[tokio::test]
async fn a_truncated_answer_looks_whole_and_is_no_json() {
    let caller = faulty(FaultRule::once(Fault::Truncated));
    let cut = caller.get("/users/list").await;
    assert!(cut.whole);
    assert_eq!(cut.header("content-length"), cut.body.len().to_string());
    assert!(serde_json::from_slice::<Value>(&cut.body).is_err());
}

#[tokio::test]
async fn wrong_json_is_a_page_with_status_200() {
    let got = faulty(FaultRule::once(Fault::WrongJson)).get("/users/list").await;
    assert_eq!((got.status.as_u16(), got.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(got.text().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn unknown_fields_appear_in_every_thing() {
    let caller = faulty(FaultRule::always(Fault::UnknownField));
    let users = caller.get("/users/list").await.json();
    assert_eq!(users["data"][0]["sandboxNovelty"]["since"], 2027);
    let (_, page) = caller.page("/conversations/list").await;
    assert!(page["data"][3]["sandboxNovelty"].is_object() && page["sandboxNovelty"].is_object());
}

#[tokio::test]
async fn a_slow_answer_waits_for_the_clock() {
    let caller = faulty(FaultRule::once(Fault::Slow { ms: 2_000 }));
    let clock = caller.clock.clone();
    let turn = async move {
        while clock.advance_to_next_sleeper().is_none() {
            tokio::task::yield_now().await;
        }
    };
    let (got, ()) = tokio::join!(caller.get("/users/list"), turn);
    assert_eq!(got.status, 200);
    assert_eq!(caller.sandbox.log().entries()[0].at, crate::caller::NOW.plus(2_000));
}

#[tokio::test]
async fn an_expired_token_needs_one_refresh_and_a_private_one_never_expires() {
    let caller = faulty(FaultRule::always(Fault::ExpiredToken));
    assert_eq!(caller.get("/users/list").await.status, 200, "private");
    let revoked = faulty(FaultRule::once(Fault::RevokedToken).after(1));
    assert_eq!(revoked.get("/users/list").await.status, 200);
    assert!(revoked.get("/users/list").await.text().contains("revoked"));
    assert_eq!(revoked.get("/users/list").await.status, 403, "for good");
}

#[tokio::test]
async fn a_vanished_conversation_is_gone_for_good() {
    let caller = faulty(FaultRule::once(Fault::Vanish).on("/conversations/*/messages"));
    let id = caller.sandbox.world().expected().next().unwrap();
    assert_eq!(caller.get(&format!("/conversations/{id}/messages")).await.error().0, 404);
    assert_eq!(caller.get(&format!("/conversations/{id}")).await.error().0, 404);
    assert!(!caller.page("/conversations/list?limit=50").await.0.contains(&id));
    assert_eq!(caller.sandbox.world().expected().count(), 239);
}

#[tokio::test]
async fn a_page_can_be_lost_for_good() {
    let rule = FaultRule::always(Fault::ServerError { status: 500 }).on("/conversations/list").at_page(100);
    let caller = faulty(rule);
    assert_eq!(caller.get("/conversations/list?limit=50&next=50").await.status, 200);
    for _ in 0..3 {
        assert_eq!(caller.get("/conversations/list?limit=50&next=100").await.status, 500);
    }
    assert_eq!(caller.get("/conversations/list?limit=50&next=150").await.status, 200);
}

#[tokio::test]
async fn rows_repeat_or_are_skipped_between_pages() {
    let repeat = faulty(FaultRule::once(Fault::RepeatRows { rows: 5 }));
    let (first, _) = repeat.page("/conversations/list?limit=50").await;
    let (second, body) = repeat.page("/conversations/list?limit=50&next=50").await;
    assert_eq!(second[..5], first[45..]);
    assert_eq!(body["pagination"]["next"], "95", "what follows is not lost");

    let skip = faulty(FaultRule::once(Fault::SkipRows { rows: 5 }));
    let (second, _) = skip.page("/conversations/list?limit=50&next=50").await;
    assert_eq!(second[0], skip.sandbox.world().expected().nth(55).unwrap());
}

#[tokio::test]
async fn rows_move_under_the_cursor() {
    let caller = faulty(FaultRule::always(Fault::MovingRows { changes: 10 }));
    let before: Vec<i64> = caller.sandbox.world().expected().collect();
    caller.page("/conversations/list?limit=50").await;
    assert_eq!(before, caller.sandbox.world().expected().collect::<Vec<_>>(), "the first page moves nothing");
    caller.page("/conversations/list?limit=50&next=50").await;
    let after: Vec<i64> = caller.sandbox.world().expected().collect();
    assert_ne!(before, after);
    let (before, after): (HashSet<i64>, HashSet<i64>) =
        (before.into_iter().collect(), after.into_iter().collect());
    assert!(before.intersection(&after).count() >= 230, "they move, they do not go");
}

#[tokio::test]
async fn the_same_seed_meets_the_same_faults() {
    let outcome = async || {
        let faults = FaultProfile::preset("hostile", 11).unwrap();
        let caller = Caller::with(Options { faults, ..small() });
        // Nothing in this tale may wait: the clock does not move.
        caller.sandbox.faults().set(FaultProfile {
            seed: 11,
            rules: caller
                .sandbox
                .faults()
                .states()
                .into_iter()
                .map(|state| state.rule)
                .filter(|rule| !matches!(rule.fault, Fault::Slow { .. }))
                .collect(),
        });
        for _ in 0..300 {
            caller.get("/users/list").await;
        }
        let entries = caller.sandbox.log().entries();
        entries.iter().map(|entry| (entry.status, entry.fault)).collect::<Vec<_>>()
    };
    let first = outcome().await;
    assert_eq!(first, outcome().await);
    let failed = first.iter().filter(|(status, _)| *status >= 429).count();
    assert!((30..90).contains(&failed), "{failed} of 300");
}

#[tokio::test]
async fn random_faults_spare_the_token_endpoint() {
    let caller = faulty(FaultRule::always(Fault::ServerError { status: 503 }));
    assert_eq!(caller.form("/oauth2/token", "grant_type=x").await.status, 403);
    caller.sandbox.faults().once(Fault::ServerError { status: 503 }, "/oauth2/token");
    assert_eq!(caller.form("/oauth2/token", "grant_type=x").await.status, 503);
}
