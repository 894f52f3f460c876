//! Use that is watched: counts add up, grants wake, clients are judged in turn, and an alarm is raised once for its cause.

use model::{ConnectionId, Millis, OrgId};
use store::audit::{self, ActorKind, ObjectKind, Who};
use store::uses::alarms::{self, AlarmKind, NewAlarm};
use store::uses::inward::{self, ClientUse, Counted, Reader, RequestUse, Step, StepUse};
use store::uses::outward::{self, CallUse, LastUse};
use store::uses::{DAY_MS, day_of, minute_of};
use store::{StoreError, call_stats, notices};

use crate::engines::{Store, on_both};
use crate::samples::{NOW, ORG};

fn calls(connection: &str, at: Millis, calls: i64, rows: i64) -> CallUse {
    CallUse {
        org: ORG,
        connection: ConnectionId(connection.to_owned()),
        hour: call_stats::hour_of(at),
        endpoint: "GET /conversations/list".to_owned(),
        calls,
        failed: 1,
        rows,
    }
}

async fn count(store: &Store, counts: &[CallUse], at: Millis) {
    let mut last: Vec<LastUse> =
        counts.iter().map(|one| LastUse { org: one.org, connection: one.connection.clone(), at }).collect();
    last.dedup();
    let mut tx = store.db.begin().await.unwrap();
    outward::add(&mut tx, counts, &last).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn calls_add_up_by_day_and_endpoint_and_are_forgotten() {
    on_both(async |store| {
        let yesterday = day_of(NOW).plus(-DAY_MS);
        count(store, &[calls("c1", yesterday, 5, 50), calls("c2", yesterday, 1, 1)], yesterday).await;
        count(store, &[calls("c1", yesterday.plus(3_600_000), 2, 20)], yesterday).await;
        count(store, &[calls("c1", NOW, 3, 30)], NOW).await;
        count(store, &[calls("c1", NOW, 4, 40)], NOW).await;

        let [today] = outward::since(&store.db, day_of(NOW)).await.unwrap().try_into().unwrap();
        assert_eq!((today.connection.0.as_str(), today.calls, today.rows), ("c1", 7, 70));
        let days = outward::days(&store.db, &today, yesterday, day_of(NOW)).await.unwrap();
        assert_eq!(days.iter().map(|day| (day.calls, day.rows)).collect::<Vec<_>>(), [(7, 70)]);
        let window = (yesterday, NOW.plus(1));
        let all = outward::by_endpoint(&store.db, Some(ORG), window).await.unwrap();
        let sums: Vec<_> = all.iter().map(|one| (one.connection.0.as_str(), one.calls, one.failed)).collect();
        assert_eq!(sums, [("c1", 14, 4), ("c2", 1, 1)]);
        assert_eq!(outward::by_endpoint(&store.db, Some(OrgId(99)), window).await.unwrap(), []);

        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(outward::prune(&mut tx, day_of(NOW)).await.unwrap(), 3);
        tx.commit().await.unwrap();
        assert_eq!(outward::by_endpoint(&store.db, None, window).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_grant_wakes_from_a_day_without_use_and_not_before() {
    on_both(async |store| {
        let mut tx = store.db.begin().await.unwrap();
        let first = LastUse { org: ORG, connection: ConnectionId("c1".to_owned()), at: NOW };
        outward::watch(&mut tx, &[first.clone(), first]).await.unwrap();
        tx.commit().await.unwrap();
        let nearly = NOW.plus(DAY_MS - 1);
        count(store, &[calls("c1", nearly, 1, 1)], nearly).await;
        assert_eq!(outward::woken(&store.db, Millis(0)).await.unwrap(), []);
        let later = nearly.plus(20 * DAY_MS);
        count(store, &[calls("c1", later, 1, 1)], later).await;
        count(store, &[calls("c1", later.plus(5), 1, 1)], later.plus(5)).await;

        let [woken] = outward::woken(&store.db, later).await.unwrap().try_into().unwrap();
        assert_eq!((woken.quiet_from, woken.woke_at), (Some(nearly), Some(later)));
        assert_eq!((woken.since, woken.last_use_at), (NOW, later.plus(5)));
        assert_eq!(outward::watched(&store.db, Some(ORG)).await.unwrap(), [woken]);
    })
    .await;
}

fn reader() -> Reader {
    Reader { org: ORG, kind: ActorKind::ApiKey, id: "key-1".to_owned() }
}

fn client(network: &str, at: Millis) -> ClientUse {
    let client = "curl-0123456789ab".to_owned();
    ClientUse { reader: reader(), network: network.to_owned(), client, first_at: at, last_at: at }
}

fn step(step: Step, at: Millis, rows: i64) -> StepUse {
    StepUse { reader: reader(), minute: minute_of(at), step, first_at: at, last_at: at, requests: 1, rows }
}

#[tokio::test]
async fn requests_clients_and_steps_of_a_caller_are_kept() {
    on_both(async |store| {
        let request = |address: &str, rows| RequestUse {
            reader: reader(),
            hour: call_stats::hour_of(NOW),
            address: address.to_owned(),
            client: "curl-0123456789ab".to_owned(),
            endpoint: "get /api/v1/status".to_owned(),
            requests: 1,
            refused: 0,
            rows,
        };
        let later = NOW.plus(10);
        for at in [later, NOW] {
            let counted = Counted {
                requests: vec![request("203.0.113.7", 5), request("198.51.100.9", 1)],
                clients: vec![client("203.0.113.0/24", at), client("198.51.100.0/24", at.plus(1))],
                steps: vec![step(Step::Bulk, at, 500), step(Step::Describe, at, 1)],
            };
            let mut tx = store.db.begin().await.unwrap();
            inward::add(&mut tx, &counted).await.unwrap();
            tx.commit().await.unwrap();
        }
        let window = (Millis(0), NOW.plus(DAY_MS));
        let all = inward::requests(&store.db, Some(ORG), window).await.unwrap();
        let sums: Vec<_> = all.iter().map(|one| (one.address.as_str(), one.requests, one.rows)).collect();
        assert_eq!(sums, [("198.51.100.9", 2, 2), ("203.0.113.7", 2, 10)]);
        let steps = inward::steps(&store.db, minute_of(NOW)).await.unwrap();
        let told: Vec<_> = steps.iter().map(|one| (one.step, one.requests, one.rows, one.last_at)).collect();
        assert_eq!(told, [(Step::Describe, 2, 2, later), (Step::Bulk, 2, 1_000, later)]);

        let unjudged = inward::unjudged(&store.db).await.unwrap();
        assert_eq!(unjudged.iter().map(|one| one.first_at).collect::<Vec<_>>(), [NOW, NOW.plus(1)]);
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(inward::judge(&mut tx, &unjudged[0]).await.unwrap(), Some(0));
        assert_eq!(inward::judge(&mut tx, &unjudged[1]).await.unwrap(), Some(1));
        assert_eq!(inward::judge(&mut tx, &unjudged[1]).await.unwrap(), None, "somebody was faster");
        tx.commit().await.unwrap();
        assert_eq!(inward::unjudged(&store.db).await.unwrap(), []);

        let mut tx = store.db.begin().await.unwrap();
        let end = NOW.plus(DAY_MS);
        assert_eq!(inward::prune(&mut tx, end, end).await.unwrap(), 2 + 2 + 2);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_alarm_is_raised_once_for_its_cause_and_taken_note_of() {
    on_both(async |store| {
        let alarm = |cause: &str| NewAlarm {
            org: ORG,
            kind: AlarmKind::Volume,
            object_kind: ObjectKind::Connection,
            object_id: "c1".to_owned(),
            cause: cause.to_owned(),
            amount: Some(9_000),
            message: "far more than on other days".to_owned(),
        };
        for (cause, is_new) in [("monday", true), ("monday", false), ("tuesday", true)] {
            let mut tx = store.db.begin().await.unwrap();
            assert_eq!(alarms::raise(&mut tx, &alarm(cause), NOW).await.unwrap(), is_new, "{cause}");
            tx.commit().await.unwrap();
        }
        let [notice] = notices::list(&store.db, Some(ORG), 9).await.unwrap().try_into().unwrap();
        assert_eq!((notice.kind.as_str(), notice.subject.as_str(), notice.times), ("use", "volume/c1", 2));
        let entries = audit::page(&store.db, 0, 9).await.unwrap();
        let told: Vec<_> = entries.iter().map(|one| (one.action.as_str(), one.amount)).collect();
        assert_eq!(told, [("alarm.raise", Some(9_000)); 2]);
        assert_eq!(alarms::list(&store.db, Some(ORG), (NOW, NOW.plus(1))).await.unwrap().len(), 2);
        assert_eq!(audit::span(&store.db, NOW, NOW.plus(1)).await.unwrap(), Some((1, 2)));
        assert_eq!(audit::span(&store.db, NOW.plus(1), NOW.plus(2)).await.unwrap(), None);

        let (who, of) = (Who::node(), (ORG, alarms::NOTICE, "volume/c1"));
        let mut tx = store.db.begin().await.unwrap();
        notices::acknowledge(&mut tx, of, &who, NOW).await.unwrap();
        let again = notices::acknowledge(&mut tx, of, &who, NOW).await.unwrap_err();
        assert!(matches!(again, StoreError::NotFound { .. }), "{again}");
        tx.commit().await.unwrap();
        assert_eq!(notices::list(&store.db, Some(ORG), 9).await.unwrap(), []);
        assert_eq!(audit::page(&store.db, 2, 9).await.unwrap()[0].object_id, "use/volume/c1");
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(alarms::prune(&mut tx, NOW.plus(1)).await.unwrap(), 2);
        tx.commit().await.unwrap();
    })
    .await;
}
