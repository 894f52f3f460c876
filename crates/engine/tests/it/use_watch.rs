//! Unusual use becomes one alarm for its cause, and usual use none.

use engine::use_watch::{self, WatchOptions};
use model::{ConnectionId, Millis, OrgId};
use store::audit::{self, ActorKind};
use store::uses::alarms;
use store::uses::inward::{self, ClientUse, Counted, Reader, Step, StepUse};
use store::uses::outward::{self, CallUse, LastUse};
use store::uses::{DAY_MS, day_of, minute_of};
use store::{Db, call_stats, notices};

use crate::engines::Database;

const ORG: OrgId = OrgId(7);
const NOW: Millis = Millis(1_750_000_000_000);
const MINUTE_MS: i64 = 60_000;

fn options() -> WatchOptions {
    WatchOptions::default()
}

fn grant() -> ConnectionId {
    ConnectionId("c1".to_owned())
}

/// The kinds of the alarms that are new at this instant.
async fn raised(db: &Db, now: Millis) -> Vec<&'static str> {
    let new = use_watch::look(db, &options(), now).await.unwrap();
    new.iter().map(|alarm| alarm.kind.as_str()).collect()
}

async fn used(db: &Db, at: Millis, calls: i64, rows: i64) {
    let endpoint = "GET /conversations/list".to_owned();
    let (connection, hour) = (grant(), call_stats::hour_of(at));
    let counted = CallUse { org: ORG, connection, hour, endpoint, calls, failed: 0, rows };
    let last = LastUse { org: ORG, connection: grant(), at };
    let mut tx = db.begin().await.unwrap();
    outward::add(&mut tx, &[counted], &[last]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_first_use_after_a_long_silence_is_one_alarm() {
    for Database { db, .. } in &Database::each().await {
        use_watch::watch(db, &[(ORG, grant())], NOW).await.unwrap();
        let soon = NOW.plus(options().dormant_ms - 1);
        used(db, soon, 1, 1).await;
        assert_eq!(raised(db, soon).await, [""; 0], "a day less is no silence");
        let late = soon.plus(options().dormant_ms);
        used(db, late, 1, 1).await;
        assert_eq!(raised(db, late).await, ["dormancy"]);
        used(db, late.plus(MINUTE_MS), 1, 1).await;
        assert_eq!(raised(db, late.plus(MINUTE_MS)).await, [""; 0], "told once");

        let [notice] = notices::list(db, Some(ORG), 9).await.unwrap().try_into().unwrap();
        assert_eq!((notice.kind.as_str(), notice.subject.as_str()), (alarms::NOTICE, "dormancy/c1"));
        let [entry] = audit::page(db, 0, 9).await.unwrap().try_into().unwrap();
        assert_eq!((entry.action.as_str(), entry.object_id.as_str()), ("alarm.raise", "c1"));
        assert_eq!(entry.reason.as_deref(), Some("dormancy"));
    }
}

#[tokio::test]
async fn far_more_than_on_a_usual_day_is_one_alarm_a_day() {
    for Database { db, .. } in &Database::each().await {
        let today = day_of(NOW);
        for day in 1..=6 {
            used(db, today.plus(-day * DAY_MS), 1_000, 4_000).await;
        }
        used(db, today, 20_000, 90_000).await;
        assert_eq!(raised(db, NOW).await, [""; 0], "six days are no history");
        used(db, today.plus(-7 * DAY_MS), 1_000, 1_000_000).await;
        assert_eq!(raised(db, NOW).await, ["volume", "volume"]);
        used(db, today, 20_000, 90_000).await;
        assert_eq!(raised(db, NOW.plus(MINUTE_MS)).await, [""; 0], "told once a day");

        let tomorrow = today.plus(DAY_MS);
        used(db, tomorrow, 4_999, 49_999).await;
        assert_eq!(raised(db, tomorrow.plus(1)).await, [""; 0], "too few to matter");
        used(db, tomorrow, 8_000, 0).await;
        assert_eq!(raised(db, tomorrow.plus(2)).await, ["volume"]);
        let told = alarms::list(db, Some(ORG), (NOW, tomorrow.plus(9))).await.unwrap();
        assert!(told[0].message.contains("1000 on a usual day"), "{}", told[0].message);
    }
}

fn reader(org: OrgId, id: &str) -> Reader {
    Reader { org, kind: ActorKind::ApiKey, id: id.to_owned() }
}

/// A caller reads, minutes after now.
async fn reads(db: &Db, reader: &Reader, minutes: i64, step: Step, rows: i64) -> Millis {
    let at = NOW.plus(minutes * MINUTE_MS);
    let step = StepUse {
        reader: reader.clone(),
        minute: minute_of(at),
        step,
        first_at: at,
        last_at: at,
        requests: 1,
        rows,
    };
    let mut tx = db.begin().await.unwrap();
    inward::add(&mut tx, &Counted { steps: vec![step], ..Counted::default() }).await.unwrap();
    tx.commit().await.unwrap();
    at
}

#[tokio::test]
async fn describe_count_sample_bulk_by_one_caller_is_an_alarm_and_by_two_is_none() {
    for Database { db, .. } in &Database::each().await {
        // What there is, is told of no organization.
        let (ours, nobodys, others) = (reader(ORG, "key-1"), reader(OrgId(0), "key-1"), reader(ORG, "key-2"));
        reads(db, &nobodys, 0, Step::Describe, 1).await;
        reads(db, &others, 1, Step::Count, 1).await;
        reads(db, &others, 2, Step::Sample, 3).await;
        let at = reads(db, &others, 3, Step::Bulk, 9_000).await;
        assert_eq!(raised(db, at).await, [""; 0], "another one asked what there is");
        reads(db, &ours, 4, Step::Count, 1).await;
        reads(db, &ours, 5, Step::Sample, 3).await;
        let at = reads(db, &ours, 6, Step::Bulk, 996).await;
        assert_eq!(raised(db, at).await, [""; 0], "not yet a bulk");
        let at = reads(db, &ours, 7, Step::Bulk, 1).await;
        assert_eq!(raised(db, at).await, ["pattern"]);
        let at = reads(db, &ours, 9, Step::Bulk, 9_000).await;
        assert_eq!(raised(db, at).await, [""; 0], "the same goes on");
        let [notice] = notices::list(db, Some(ORG), 9).await.unwrap().try_into().unwrap();
        assert!(notice.message.contains("API key key-1"), "{}", notice.message);

        // Once more from the beginning is another.
        for (minute, step, rows) in
            [(20, Step::Describe, 1), (21, Step::Count, 1), (22, Step::Sample, 9), (23, Step::Bulk, 2_000)]
        {
            reads(db, &ours, minute, step, rows).await;
        }
        assert_eq!(raised(db, NOW.plus(24 * MINUTE_MS)).await, ["pattern"]);
    }
}

#[tokio::test]
async fn steps_that_lie_far_apart_are_no_pattern() {
    for Database { db, .. } in &Database::each().await {
        let ours = reader(ORG, "key-1");
        for (minute, step, rows) in
            [(0, Step::Describe, 1), (30, Step::Count, 1), (50, Step::Sample, 9), (70, Step::Bulk, 9_000)]
        {
            let at = reads(db, &ours, minute, step, rows).await;
            assert_eq!(raised(db, at).await, [""; 0], "minute {minute}");
        }
    }
}

#[tokio::test]
async fn a_caller_that_comes_from_elsewhere_is_one_alarm_and_its_first_place_is_none() {
    for Database { db, .. } in &Database::each().await {
        let come = async |org: OrgId, network: &str, program: &str, at: Millis| {
            let client = ClientUse {
                reader: reader(org, "key-1"),
                network: network.to_owned(),
                client: program.to_owned(),
                first_at: at,
                last_at: at,
            };
            let mut tx = db.begin().await.unwrap();
            let counted = Counted { clients: vec![client], ..Counted::default() };
            inward::add(&mut tx, &counted).await.unwrap();
            tx.commit().await.unwrap();
            raised(db, at).await
        };
        assert_eq!(come(ORG, "203.0.113.0/24", "curl-1", NOW).await, [""; 0]);
        assert_eq!(come(ORG, "203.0.113.0/24", "curl-1", NOW.plus(1)).await, [""; 0]);
        assert_eq!(come(ORG, "198.51.100.0/24", "curl-1", NOW.plus(2)).await, ["new_client"]);
        assert_eq!(come(ORG, "198.51.100.0/24", "curl-1", NOW.plus(3)).await, [""; 0], "told once");
        assert_eq!(come(ORG, "203.0.113.0/24", "python-2", NOW.plus(4)).await, ["new_client"]);
        for network in ["203.0.113.0/24", "192.0.2.0/24"] {
            assert_eq!(come(OrgId(0), network, "curl-1", NOW.plus(5)).await, [""; 0], "about nobody");
        }
    }
}
