//! Users of an identity provider: handovers, identities, and roles by rules.

use model::{AccessUserId, OrgId, Role, SeededEntropy, SessionId, UserName};
use store::access::handovers::{self, HANDOVERS_MAX, Handover, LIFE_MS};
use store::access::memberships::{self, Membership};
use store::access::rule_roles::{self, Change};
use store::access::{Token, identities, users};
use store::{Db, StoreError};

use crate::engines::on_both;
use crate::samples::NOW;

const ISSUER: &str = "https://id.example.test";

fn token(seed: u64) -> Token {
    Token::generate("", &SeededEntropy::new(seed))
}

fn handover(session: Option<&str>) -> Handover {
    let session = session.map(|session| SessionId(session.to_owned()));
    Handover { session, next: "/account".into(), begun_at: NOW }
}

async fn begin(db: &Db, state: u64, browser: u64, handover: &Handover) {
    let mut tx = db.begin().await.unwrap();
    handovers::begin(&mut tx, (&token(state), &token(browser)), handover).await.unwrap();
    tx.commit().await.unwrap();
}

async fn take(db: &Db, state: u64, browser: u64, later_ms: i64) -> Option<Handover> {
    let mut tx = db.begin().await.unwrap();
    let taken = handovers::take(&mut tx, (&token(state), &token(browser)), NOW.plus(later_ms)).await.unwrap();
    tx.commit().await.unwrap();
    taken
}

async fn user(db: &Db, id: &str) -> AccessUserId {
    let user = AccessUserId(id.to_owned());
    let mut tx = db.begin().await.unwrap();
    users::insert(&mut tx, &user, &UserName::parse(id).unwrap(), NOW).await.unwrap();
    tx.commit().await.unwrap();
    user
}

#[tokio::test]
async fn a_handover_is_good_once_in_its_time_and_for_its_browser() {
    on_both(async |store| {
        let (signing_in, confirming) = (handover(None), handover(Some("session-1")));
        begin(&store.db, 1, 2, &signing_in).await;
        begin(&store.db, 3, 4, &confirming).await;
        assert_eq!(take(&store.db, 9, 2, 0).await, None, "no such state");
        assert_eq!(take(&store.db, 1, 2, LIFE_MS - 1).await, Some(signing_in.clone()));
        assert_eq!(take(&store.db, 1, 2, 0).await, None, "it is used up");
        assert_eq!(take(&store.db, 3, 2, 0).await, None, "another browser");
        assert_eq!(take(&store.db, 3, 4, 0).await, None, "and it is used up by that");
        begin(&store.db, 5, 6, &confirming).await;
        assert_eq!(take(&store.db, 5, 6, LIFE_MS).await, None, "too late");
        begin(&store.db, 7, 8, &confirming).await;
        assert_eq!(take(&store.db, 7, 8, 0).await, Some(confirming));
    })
    .await;
}

#[tokio::test]
async fn of_too_many_handovers_the_oldest_are_forgotten() {
    on_both(async |store| {
        let bytes = if store.url.path().is_some() { "BLOB" } else { "BYTEA" };
        store
            .tamper(&format!(
                "INSERT INTO access_handovers (state_hash, browser_hash, next, begun_at, ends_at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {HANDOVERS_MAX})
                 SELECT CAST(CAST(i AS TEXT) AS {bytes}), CAST('b' AS {bytes}), '/', {now}, {now} + 1000 + i FROM n",
                now = NOW.0
            ))
            .await;
        begin(&store.db, 1, 2, &handover(None)).await;
        let texts = store.texts("SELECT CAST(COUNT(*) AS TEXT) FROM access_handovers".to_owned()).await;
        assert_eq!(texts, [HANDOVERS_MAX.to_string()]);
        let oldest = format!("SELECT CAST(MIN(ends_at) - {} AS TEXT) FROM access_handovers", NOW.0);
        assert_eq!(store.texts(oldest).await, ["1002"]);
        assert!(take(&store.db, 1, 2, 0).await.is_some(), "the newest is there");
    })
    .await;
}

#[tokio::test]
async fn an_identity_is_one_users_for_as_long_as_there_is_that_user() {
    on_both(async |store| {
        let (ada, grace) = (user(&store.db, "ada").await, user(&store.db, "grace").await);
        let link = async |user: &AccessUserId, subject: &str| {
            let mut tx = store.db.begin().await.unwrap();
            identities::link(&mut tx, (ISSUER, subject), user, NOW).await?;
            tx.commit().await
        };
        link(&ada, "s-1").await.unwrap();
        let taken = link(&grace, "s-1").await;
        assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
        let find = async |issuer, subject| identities::find(&store.db, issuer, subject).await.unwrap();
        assert_eq!(find(ISSUER, "s-1").await, Some(ada.clone()));
        assert_eq!((find(ISSUER, "S-1").await, find("https://other.test", "s-1").await), (None, None));
        let mut tx = store.db.begin().await.unwrap();
        users::remove(&mut tx, &ada).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(find(ISSUER, "s-1").await, None);
        link(&grace, "s-1").await.unwrap();
        assert_eq!(identities::count(&store.db, &grace).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn rules_give_and_take_what_they_gave_and_leave_the_rest_alone() {
    on_both(async |store| {
        let ada = user(&store.db, "ada").await;
        let (one, two, three) = (Some(OrgId(1)), Some(OrgId(2)), Some(OrgId(3)));
        let apply = async |roles: &[(Option<OrgId>, Role)]| {
            let mut tx = store.db.begin().await.unwrap();
            let changes = rule_roles::apply(&mut tx, &ada, roles, NOW).await.unwrap();
            tx.commit().await.unwrap();
            changes
        };
        let held = async || {
            let held = memberships::of_user(&store.db, &ada).await.unwrap();
            held.into_iter().map(|one| (one.org, one.role)).collect::<Vec<_>>()
        };
        let mut tx = store.db.begin().await.unwrap();
        let by_hand = Membership { org: three, role: Role::Auditor, since: NOW };
        memberships::put(&mut tx, &ada, &by_hand).await.unwrap();
        tx.commit().await.unwrap();
        let given = apply(&[(one, Role::Agent), (two, Role::Admin), (three, Role::Owner)]).await;
        let change = |org, role| Change { org, role };
        assert_eq!(given, [change(one, Some(Role::Agent)), change(two, Some(Role::Admin))]);
        assert_eq!(held().await, [(one, Role::Agent), (two, Role::Admin), (three, Role::Auditor)]);
        assert_eq!(apply(&[(one, Role::Agent), (two, Role::Admin)]).await, [], "nothing new");
        let taken = apply(&[(one, Role::Analyst)]).await;
        assert_eq!(taken, [change(one, Some(Role::Analyst)), change(two, None)]);
        apply(&[]).await;
        assert_eq!(held().await, [(three, Role::Auditor)]);
        apply(&[(None, Role::Owner)]).await;
        assert_eq!(apply(&[(None, Role::Admin)]).await, [], "the last owner is not made less");
        assert_eq!(apply(&[]).await, [], "nor removed");
        assert_eq!(held().await, [(None, Role::Owner), (three, Role::Auditor)]);
    })
    .await;
}
