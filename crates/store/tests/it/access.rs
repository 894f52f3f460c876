//! Who may use Longshore: users and roles, sessions, keys, links, attempts.

use std::sync::Arc;

use model::{
    AccessUserId, ApiKeyId, Entropy, Millis, OrgId, Permission, Pii, Role, Secret, SeededEntropy, SessionId,
    UserName,
};
use store::access::attempts::{self, Attempt, Subject};
use store::access::keys::{self, ApiKey};
use store::access::links::{self, Link};
use store::access::memberships::{self, Membership};
use store::access::password::PasswordHash;
use store::access::sessions::{self, Found, NewSession, Session};
use store::access::{Token, totp, users};
use store::vault::{Key, Vault};
use store::{Db, StoreError};

use crate::engines::{Store, on_both};
use crate::samples::NOW;

fn entropy() -> SeededEntropy {
    SeededEntropy::new(7)
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn user_id(text: &str) -> AccessUserId {
    AccessUserId(text.to_owned())
}

fn member(org: Option<OrgId>, role: Role) -> Membership {
    Membership { org, role, since: NOW }
}

async fn add(db: &Db, id: &str, role: Role) -> AccessUserId {
    let user = user_id(id);
    let mut tx = db.begin().await.unwrap();
    users::insert(&mut tx, &user, &name(&format!("{id}@example.test")), NOW).await.unwrap();
    memberships::put(&mut tx, &user, &member(None, role)).await.unwrap();
    tx.commit().await.unwrap();
    user
}

#[tokio::test]
async fn a_user_has_one_name_one_password_and_roles() {
    on_both(async |store| {
        let ada = add(&store.db, "ada", Role::Owner).await;
        let found = users::by_name(&store.db, &name("ADA@example.test")).await.unwrap().unwrap();
        assert_eq!((&found.user_id, found.has_password, found.signed_in_at), (&ada, false, None));
        assert!(users::password(&store.db, &ada).await.unwrap().is_none());
        let password = Secret::new("correct horse battery");
        let mut tx = store.db.begin().await.unwrap();
        users::set_password(&mut tx, &ada, &PasswordHash::of(&password, &entropy())).await.unwrap();
        users::signed_in(&mut tx, &ada, Millis(9)).await.unwrap();
        memberships::put(&mut tx, &ada, &member(Some(OrgId(5)), Role::Auditor)).await.unwrap();
        tx.commit().await.unwrap();
        let found = users::get(&store.db, &ada).await.unwrap().unwrap();
        assert_eq!((found.has_password, found.signed_in_at), (true, Some(Millis(9))));
        assert!(users::password(&store.db, &ada).await.unwrap().unwrap().is_of(&password));
        let roles = memberships::of_user(&store.db, &ada).await.unwrap();
        assert_eq!(roles, [member(None, Role::Owner), member(Some(OrgId(5)), Role::Auditor)]);
        let mut tx = store.db.begin().await.unwrap();
        let taken = users::insert(&mut tx, &user_id("other"), &name("ada@example.test"), NOW).await;
        assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
    })
    .await;
}

#[tokio::test]
async fn the_last_owner_is_neither_removed_nor_made_less() {
    on_both(async |store| {
        let ada = add(&store.db, "ada", Role::Owner).await;
        let grace = add(&store.db, "grace", Role::Admin).await;
        let mut tx = store.db.begin().await.unwrap();
        assert!(matches!(users::remove(&mut tx, &ada).await, Err(StoreError::LastOwner)));
        let less = memberships::put(&mut tx, &ada, &member(None, Role::Admin)).await;
        assert!(matches!(less, Err(StoreError::LastOwner)));
        assert!(matches!(memberships::remove(&mut tx, &ada, None).await, Err(StoreError::LastOwner)));
        memberships::put(&mut tx, &grace, &member(None, Role::Owner)).await.unwrap();
        users::remove(&mut tx, &ada).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(users::count(&store.db).await.unwrap(), 1);
        assert_eq!(memberships::of_user(&store.db, &ada).await.unwrap(), []);
    })
    .await;
}

async fn begin(store: &Store, user: &AccessUserId, id: &str, now: Millis) -> Token {
    let token = Token::generate("", &SeededEntropy::new(id.len() as u64 * 31 + now.0.unsigned_abs()));
    let address = Some(Pii::new("203.0.113.9".to_owned()));
    let new = NewSession { session_id: SessionId(id.to_owned()), user, token: &token, address };
    let mut tx = store.db.begin().await.unwrap();
    sessions::begin(&mut tx, &new, &entropy(), now).await.unwrap();
    tx.commit().await.unwrap();
    token
}

async fn held(store: &Store, token: &Token, now: Millis) -> Option<Session> {
    match sessions::find(&store.db, token, now).await.unwrap() {
        Found::Held(session) => Some(session),
        _ => None,
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_seen_and_after_twelve_hours() {
    on_both(async |store| {
        let ada = add(&store.db, "ada", Role::Owner).await;
        let token = begin(store, &ada, "one", NOW).await;
        let session = held(store, &token, NOW).await.unwrap();
        assert!(session.is_stepped_up(NOW) && !session.is_stepped_up(NOW.plus(sessions::STEP_UP_MS)));
        assert!(held(store, &token, NOW.plus(sessions::IDLE_MS)).await.is_none(), "not seen");
        let mut now = NOW;
        while held(store, &token, now).await.is_some() {
            let mut tx = store.db.begin().await.unwrap();
            sessions::seen(&mut tx, &session.session_id, now).await.unwrap();
            tx.commit().await.unwrap();
            now = now.plus(sessions::IDLE_MS / 2);
        }
        assert_eq!(now, NOW.plus(sessions::WHOLE_MS));
        begin(store, &ada, "later", now).await;
        assert_eq!(store.texts("SELECT session_id FROM access_sessions".into()).await, ["later"]);
    })
    .await;
}

#[tokio::test]
async fn a_copied_session_is_noticed_once_its_text_was_replaced() {
    on_both(async |store| {
        let ada = add(&store.db, "ada", Role::Owner).await;
        let old = begin(store, &ada, "one", NOW).await;
        let later = NOW.plus(sessions::ROTATE_MS);
        let session = held(store, &old, later).await.unwrap();
        assert!(session.is_stale(later) && !session.is_stale(NOW));
        let new = Token::generate("", &SeededEntropy::new(99));
        let mut tx = store.db.begin().await.unwrap();
        assert!(sessions::rotate(&mut tx, &session.session_id, (&old, &new), later).await.unwrap());
        assert!(!sessions::rotate(&mut tx, &session.session_id, (&old, &new), later).await.unwrap(), "once");
        tx.commit().await.unwrap();
        assert!(held(store, &new, later).await.is_some());
        let soon = sessions::find(&store.db, &old, later.plus(1_000)).await.unwrap();
        assert!(matches!(soon, Found::Replaced(_)), "{soon:?}");
        let late = sessions::find(&store.db, &old, later.plus(sessions::GRACE_MS)).await.unwrap();
        assert!(matches!(&late, Found::Copied(id) if *id == session.session_id), "{late:?}");

        let stepped = Token::generate("", &SeededEntropy::new(100));
        let mut tx = store.db.begin().await.unwrap();
        sessions::step_up(&mut tx, &session.session_id, &stepped, &SeededEntropy::new(5), later)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(held(store, &new, later).await.is_none(), "void at once");
        assert_ne!(held(store, &stepped, later).await.unwrap().csrf, session.csrf);
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_alone_and_together() {
    on_both(async |store| {
        let (ada, grace) =
            (add(&store.db, "ada", Role::Owner).await, add(&store.db, "grace", Role::Admin).await);
        let first = begin(store, &ada, "one", NOW).await;
        let second = begin(store, &ada, "three", NOW).await;
        let other = begin(store, &grace, "fourteen", NOW).await;
        assert_eq!(sessions::list(&store.db, Some(&ada), NOW).await.unwrap().len(), 2);
        assert_eq!(sessions::list(&store.db, None, NOW).await.unwrap().len(), 3);
        let mut tx = store.db.begin().await.unwrap();
        let keep = SessionId("one".into());
        assert_eq!(sessions::end_of_user(&mut tx, &ada, Some(&keep)).await.unwrap(), 1);
        assert!(sessions::end(&mut tx, &SessionId("fourteen".into())).await.unwrap());
        assert!(!sessions::end(&mut tx, &SessionId("fourteen".into())).await.unwrap());
        tx.commit().await.unwrap();
        assert!(held(store, &first, NOW).await.is_some());
        for ended in [second, other] {
            assert!(held(store, &ended, NOW).await.is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_good_until_it_ends_or_is_revoked_and_only_its_hash_is_kept() {
    on_both(async |store| {
        let token = Token::generate(keys::PREFIX, &entropy());
        let key = ApiKey {
            key_id: ApiKeyId("k1".into()),
            name: "prometheus".into(),
            org: Some(OrgId(5)),
            role: Role::Service,
            scopes: vec![Permission::MetricsRead, Permission::StatusRead],
            created_at: NOW,
            ends_at: NOW.plus(1_000),
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = store.db.begin().await.unwrap();
        keys::insert(&mut tx, &key, &token).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(keys::find(&store.db, &token, NOW).await.unwrap(), Some(key.clone()));
        assert_eq!(keys::find(&store.db, &token, NOW.plus(1_000)).await.unwrap(), None, "ended");
        let other = Token::generate(keys::PREFIX, &SeededEntropy::new(8));
        assert_eq!(keys::find(&store.db, &other, NOW).await.unwrap(), None);
        assert!(keys::is_used_due(&key, NOW));
        let mut tx = store.db.begin().await.unwrap();
        keys::used(&mut tx, &key.key_id, NOW).await.unwrap();
        assert!(keys::revoke(&mut tx, &key.key_id, NOW).await.unwrap());
        assert!(!keys::revoke(&mut tx, &key.key_id, NOW).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(keys::find(&store.db, &token, NOW).await.unwrap(), None, "revoked");
        let listed = keys::list(&store.db).await.unwrap();
        assert_eq!((listed[0].last_used_at, listed[0].revoked_at), (Some(NOW), Some(NOW)));
        assert!(!keys::is_used_due(&listed[0], NOW.plus(59_999)));
    })
    .await;
}

#[tokio::test]
async fn a_link_works_once_and_for_the_owner_only_while_there_is_nobody() {
    on_both(async |store| {
        let token = |seed| Token::generate("", &SeededEntropy::new(seed));
        let (owner, spare, reset, newer) = (token(1), token(2), token(3), token(4));
        let mut tx = store.db.begin().await.unwrap();
        links::insert(&mut tx, &Link::Owner, &owner, NOW).await.unwrap();
        links::insert(&mut tx, &Link::Owner, &spare, NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(links::find(&store.db, &owner, NOW).await.unwrap(), Some(Link::Owner));
        assert_eq!(links::find(&store.db, &owner, NOW.plus(links::SHORT_MS)).await.unwrap(), None);
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(links::take(&mut tx, &owner, NOW).await.unwrap(), Some(Link::Owner));
        assert_eq!(links::take(&mut tx, &owner, NOW).await.unwrap(), None);
        tx.commit().await.unwrap();
        let ada = add(&store.db, "ada", Role::Owner).await;
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(links::take(&mut tx, &spare, NOW).await.unwrap(), None, "there is an owner");
        links::insert(&mut tx, &Link::Reset(ada.clone()), &reset, NOW).await.unwrap();
        links::insert(&mut tx, &Link::Invitation(ada.clone()), &newer, NOW).await.unwrap();
        assert_eq!(links::take(&mut tx, &reset, NOW).await.unwrap(), None, "a newer one takes its place");
        assert_eq!(links::take(&mut tx, &newer, NOW).await.unwrap(), Some(Link::Invitation(ada)));
        tx.commit().await.unwrap();
    })
    .await;
}

async fn attempt(store: &Store, subject: Subject<'_>, now: Millis) -> Attempt {
    let mut tx = store.db.begin().await.unwrap();
    let attempt = attempts::begin(&mut tx, subject, now).await.unwrap();
    tx.commit().await.unwrap();
    attempt
}

#[tokio::test]
async fn failures_lock_an_account_for_longer_and_longer_and_a_success_forgets_them() {
    on_both(async |store| {
        let ada = name("ada@example.test");
        let account = Subject::Account(&ada);
        for _ in 0..5 {
            assert_eq!(attempt(store, account, NOW).await, Attempt::Counted);
        }
        let until = NOW.plus(60_000);
        assert_eq!(attempt(store, account, NOW).await, Attempt::LockedUntil(until));
        assert_eq!(attempts::locked(&store.db, account, NOW).await.unwrap(), Some(until));
        assert_eq!(attempts::locked(&store.db, account, until).await.unwrap(), None);
        assert_eq!(attempt(store, account, until).await, Attempt::Counted);
        assert_eq!(attempt(store, account, until).await, Attempt::LockedUntil(until.plus(120_000)));
        let mut now = until;
        for _ in 0..20 {
            now = attempts::locked(&store.db, account, now).await.unwrap().unwrap();
            attempt(store, account, now).await;
        }
        let locked = attempts::locked(&store.db, account, now).await.unwrap();
        assert_eq!(locked, Some(now.plus(3_600_000)), "an hour at most");
        let mut tx = store.db.begin().await.unwrap();
        attempts::succeeded(&mut tx, account).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(attempts::locked(&store.db, account, now).await.unwrap(), None);
        let stored = store.texts("SELECT subject FROM access_attempts".into()).await;
        assert!(stored.iter().all(|subject| !subject.contains("ada")), "{stored:?}");
    })
    .await;
}

#[tokio::test]
async fn an_address_gets_only_its_own_successes_back() {
    on_both(async |store| {
        let address = |text: &str| Subject::Address(text.parse().unwrap());
        for _ in 0..29 {
            attempt(store, address("2001:db8:1:2::1"), NOW).await;
        }
        let mut tx = store.db.begin().await.unwrap();
        attempts::succeeded(&mut tx, address("2001:db8:1:2::1")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            attempt(store, address("2001:db8:1:2:ffff::9"), NOW).await,
            Attempt::Counted,
            "one network"
        );
        assert_eq!(attempt(store, address("2001:db8:1:2::1"), NOW).await, Attempt::Counted);
        let locked = attempt(store, address("2001:db8:1:2::1"), NOW).await;
        assert_eq!(locked, Attempt::LockedUntil(NOW.plus(900_000)));
        assert_eq!(attempt(store, address("2001:db8:1:3::1"), NOW).await, Attempt::Counted, "another one");
        let day_later = NOW.plus(86_400_000 + 1);
        assert_eq!(attempt(store, address("198.51.100.1"), day_later).await, Attempt::Counted);
        assert_eq!(store.texts("SELECT subject FROM access_attempts".into()).await.len(), 1, "forgotten");
    })
    .await;
}

#[tokio::test]
async fn an_authenticators_secret_is_sealed_for_its_user_and_a_code_counts_once() {
    on_both(async |store| {
        let (ada, grace) =
            (add(&store.db, "ada", Role::Owner).await, add(&store.db, "grace", Role::Admin).await);
        let entropy: Arc<dyn Entropy> = Arc::new(entropy());
        let vault = Vault::new(Key::generate(entropy.as_ref()), entropy);
        let mut tx = store.db.begin().await.unwrap();
        for (user, secret) in [(&ada, "totp-canary-one"), (&grace, "totp-canary-two")] {
            totp::prepare(&mut tx, user, &Secret::new(secret), &vault, NOW).await.unwrap();
        }
        assert!(totp::use_step(&mut tx, &ada, 100, NOW).await.unwrap());
        assert!(!totp::use_step(&mut tx, &ada, 100, NOW).await.unwrap(), "used");
        assert!(!totp::use_step(&mut tx, &ada, 99, NOW).await.unwrap(), "older");
        let again = totp::prepare(&mut tx, &ada, &Secret::new("x"), &vault, NOW).await;
        assert!(matches!(again, Err(StoreError::NotFound { .. })), "in use");
        tx.commit().await.unwrap();
        let held = totp::get(&store.db, &ada, &vault).await.unwrap().unwrap();
        assert_eq!((held.secret.expose(), held.since, held.step), ("totp-canary-one", Some(NOW), 100));
        assert_eq!(totp::get(&store.db, &grace, &vault).await.unwrap().unwrap().since, None, "pending");
        store
            .tamper(
                "UPDATE access_users SET totp_sealed =
                 (SELECT other.totp_sealed FROM access_users AS other WHERE other.user_id = 'grace')
                 WHERE user_id = 'ada'",
            )
            .await;
        assert!(matches!(totp::get(&store.db, &ada, &vault).await, Err(StoreError::Vault(_))));
        let mut tx = store.db.begin().await.unwrap();
        totp::remove(&mut tx, &ada).await.unwrap();
        tx.commit().await.unwrap();
        assert!(totp::get(&store.db, &ada, &vault).await.unwrap().is_none());
    })
    .await;
}
