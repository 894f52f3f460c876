//! One process at a time renews a connection's tokens, what it spends is noted before, and no answer is lost or put over a newer
//! one.

use model::{ConnectionId, Millis, OrgId, Secret};
use store::audit::{ActorKind, Who};
use store::connections::{self, ConnectionState, Tokens};
use store::renewals::{self, Ask, Asked, Right, Sent};
use store::{Db, grants};

use crate::engines::{Store, on_both};
use crate::samples::NOW;
use crate::vault::{insert, tokens, vault};

const LIFE_MS: i64 = 40_000;

fn c1() -> ConnectionId {
    ConnectionId("c1".to_owned())
}

async fn ask(db: &Db, version: i64, now: Millis) -> Asked {
    let (id, mut tx) = (c1(), db.begin().await.unwrap());
    let ask = Ask { connection: &id, version, holder: "it", until: now.plus(LIFE_MS) };
    let asked = renewals::ask(&mut tx, &ask, now).await.unwrap();
    match asked {
        Asked::Granted(_) => tx.commit().await.unwrap(),
        _ => tx.rollback().await.unwrap(),
    }
    asked
}

async fn granted(db: &Db, version: i64, now: Millis) -> Right {
    match ask(db, version, now).await {
        Asked::Granted(right) => right,
        other => panic!("not granted: {other:?}"),
    }
}

/// Keep a pair of this name; answers whether it was.
async fn keep(store: &Store, right: &Right, name: &str) -> bool {
    let mut tx = store.db.begin().await.unwrap();
    let kept = renewals::keep(&mut tx, &c1(), right, NOW).await.unwrap();
    if kept {
        let (access, refresh) = (Secret::new(name), Some(Secret::new(format!("refresh of {name}"))));
        let pair = Tokens { access, refresh, expires_at: None };
        connections::save_tokens(&mut tx, &c1(), &pair, &vault(1), NOW).await.unwrap();
        tx.commit().await.unwrap();
    }
    kept
}

async fn refuse(db: &Db, right: &Right) -> bool {
    let mut tx = db.begin().await.unwrap();
    let counts = renewals::refuse(&mut tx, &c1(), right).await.unwrap();
    tx.commit().await.unwrap();
    counts
}

async fn fail(db: &Db, right: &Right, retry_at: Millis, sent: Sent) {
    let mut tx = db.begin().await.unwrap();
    renewals::fail(&mut tx, &c1(), right, retry_at, sent).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn one_renews_and_the_others_find_the_new_pair() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let right = granted(&store.db, 1, NOW).await;
        assert_eq!((right.attempt, right.unanswered), (1, 0));
        assert_eq!(ask(&store.db, 1, NOW).await, Asked::Wait(NOW.plus(LIFE_MS)));
        assert!(keep(store, &right, "second").await);
        assert_eq!(ask(&store.db, 1, NOW).await, Asked::Replaced);
        let held = connections::pair(&store.db, &c1(), &vault(1)).await.unwrap().unwrap();
        assert_eq!((held.version, held.tokens.access.expose()), (2, "second"));
        assert_eq!(held.tokens.refresh.unwrap().expose(), "refresh of second");
        let right = granted(&store.db, 2, NOW).await;
        assert_eq!((right.attempt, right.unanswered, right.failures), (2, 0, 0));
        assert_eq!(grants::get(&store.db, &c1()).await.unwrap().renewed_at, Some(NOW));
    })
    .await;
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_is_granted() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let asking = (0..32).map(|_| {
            let db = store.db.clone();
            tokio::spawn(async move { ask(&db, 1, NOW).await })
        });
        let mut granted = 0;
        for asked in asking.collect::<Vec<_>>() {
            match asked.await.unwrap() {
                Asked::Granted(_) => granted += 1,
                Asked::Wait(until) => assert_eq!(until, NOW.plus(LIFE_MS)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(granted, 1);
    })
    .await;
}

#[tokio::test]
async fn a_dead_holders_right_is_taken_over_and_its_token_told_as_unanswered() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let dead = granted(&store.db, 1, NOW).await;
        let later = NOW.plus(LIFE_MS);
        assert!(matches!(ask(&store.db, 1, later.plus(-1)).await, Asked::Wait(_)));
        let heir = granted(&store.db, 1, later).await;
        assert_eq!((heir.attempt, heir.unanswered), (2, 1));

        // The first was not dead but stopped, and has an answer: nobody has a newer one, so it is kept.
        assert!(keep(store, &dead, "of the first").await);
        assert!(!refuse(&store.db, &heir).await, "the pair was replaced");
        assert!(!keep(store, &heir, "of the heir").await, "nothing is put over a newer pair");
        let held = connections::pair(&store.db, &c1(), &vault(1)).await.unwrap().unwrap();
        assert_eq!((held.version, held.tokens.access.expose()), (2, "of the first"));
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_is_asked_for_no_more_until_a_late_answer_replaces_it() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let stopped = granted(&store.db, 1, NOW).await;
        let heir = granted(&store.db, 1, NOW.plus(LIFE_MS)).await;
        assert!(!refuse(&store.db, &stopped).await, "another has the right");
        assert!(refuse(&store.db, &heir).await);
        assert_eq!(ask(&store.db, 1, NOW.plus(LIFE_MS)).await, Asked::Refused(1));
        assert!(keep(store, &stopped, "late").await);
        assert_eq!(granted(&store.db, 2, NOW.plus(LIFE_MS)).await.unanswered, 0);
    })
    .await;
}

#[tokio::test]
async fn failures_are_counted_together_and_rest_for_all() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let first = granted(&store.db, 1, NOW).await;
        fail(&store.db, &first, NOW.plus(500), Sent::Nothing).await;
        assert_eq!(ask(&store.db, 1, NOW).await, Asked::Wait(NOW.plus(500)));
        let second = granted(&store.db, 1, NOW.plus(500)).await;
        assert_eq!((second.failures, second.unanswered), (1, 0), "nothing was sent");
        fail(&store.db, &second, NOW.plus(600), Sent::Perhaps).await;
        fail(&store.db, &first, NOW.plus(99_000), Sent::Perhaps).await;
        let third = granted(&store.db, 1, NOW.plus(600)).await;
        assert_eq!((third.failures, third.unanswered), (2, 1), "the first no longer has a say");
        let state = renewals::state(&store.db, &c1()).await.unwrap().unwrap();
        assert_eq!((state.version, state.failures, state.unanswered), (1, 2, 2));
    })
    .await;
}

#[tokio::test]
async fn an_ended_connection_has_nothing_to_renew() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let right = granted(&store.db, 1, NOW).await;
        let mut tx = store.db.begin().await.unwrap();
        connections::set_state(&mut tx, &c1(), ConnectionState::Disconnected).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!keep(store, &right, "too late").await);
        assert_eq!(ask(&store.db, 1, NOW.plus(LIFE_MS)).await, Asked::Replaced);
        assert_eq!(renewals::state(&store.db, &c1()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn halves_of_two_pairs_are_never_read_together() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        let db = store.db.clone();
        let writer = tokio::spawn(async move {
            for number in 0..60 {
                let mut tx = db.begin().await.unwrap();
                connections::save_tokens(&mut tx, &c1(), &tokens(&number.to_string()), &vault(1), NOW)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            }
        });
        while !writer.is_finished() {
            let pair = connections::pair(&store.db, &c1(), &vault(1)).await.unwrap().unwrap().tokens;
            let of = |secret: &Secret| secret.expose().rsplit(' ').next().unwrap().to_owned();
            assert_eq!(of(&pair.access), of(&pair.refresh.unwrap()));
        }
        writer.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_made_a_grant_and_what_it_was_seen_to_allow_is_kept() {
    on_both(async |store| {
        insert(store, &vault(1), "c1", OrgId(7)).await;
        assert_eq!(grants::get(&store.db, &c1()).await.unwrap(), grants::Grant::default());
        let mut tx = store.db.begin().await.unwrap();
        let who = Who::new(ActorKind::Command, "1000");
        grants::installed_by(&mut tx, &c1(), &who.actor).await.unwrap();
        grants::scopes_seen(&mut tx, &c1(), "user_read,contact_read  account_read", NOW).await.unwrap();
        tx.commit().await.unwrap();
        let known = grants::get(&store.db, &c1()).await.unwrap();
        assert_eq!(known.installed_by.as_deref(), Some("command:1000"));
        assert_eq!(known.scopes_seen, ["user_read", "contact_read", "account_read"]);
        assert_eq!((known.scopes_seen_at, known.renewed_at), (Some(NOW), None));
    })
    .await;
}
