//! What keeps the mirror fresh: facts, notices, sweeps, counted calls.

use model::{ConversationId, Millis, OrgId};
use store::call_stats::{self, CallCount};
use store::directory::{self, ToldMeeting};
use store::facts;
use store::notices::{self, NewNotice};
use store::sweeps::{self, Found};

use crate::engines::on_both;
use crate::samples::{NOW, ORG, fact, meeting};

#[tokio::test]
async fn a_fact_told_twice_is_one_and_the_first() {
    on_both(async |store| {
        let mut again = fact("a");
        again.received_at = NOW.plus(5);
        for batch in [vec![fact("a"), again.clone(), fact("b")], vec![again]] {
            let mut tx = store.db.begin().await.unwrap();
            facts::record(&mut tx, &batch).await.unwrap();
            tx.commit().await.unwrap();
        }
        let held = facts::of_conversation(&store.db, ORG, ConversationId(1), 10).await.unwrap();
        assert_eq!(held, [fact("a"), fact("b")]);
        assert!(!format!("{held:?}").contains("5555550100"));
    })
    .await;
}

#[tokio::test]
async fn a_notice_counts_up_until_it_is_taken_back() {
    on_both(async |store| {
        let notice = |message| NewNotice { org: ORG, kind: "connection", subject: "revoked", message };
        let mut tx = store.db.begin().await.unwrap();
        assert!(notices::raise(&mut tx, &notice("once"), NOW).await.unwrap());
        assert!(!notices::raise(&mut tx, &notice("twice"), NOW.plus(1)).await.unwrap());
        let other = NewNotice { org: OrgId(1), kind: "vendor", subject: "tls", message: "soon" };
        notices::raise(&mut tx, &other, NOW).await.unwrap();
        tx.commit().await.unwrap();

        let [held] = notices::list(&store.db, Some(ORG), 10).await.unwrap().try_into().unwrap();
        assert_eq!((held.message.as_str(), held.times, held.first_at), ("twice", 2, NOW));
        assert_eq!(notices::list(&store.db, None, 10).await.unwrap().len(), 2);

        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(notices::dismiss(&mut tx, ORG, "connection", Some("expired")).await.unwrap(), 0);
        assert_eq!(notices::dismiss(&mut tx, ORG, "connection", None).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert!(notices::list(&store.db, Some(ORG), 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn sweeps_add_up_to_the_share_that_no_webhook_told() {
    on_both(async |store| {
        let found = |changed, missed| Found { listed: 50, changed, differing: missed, missed };
        let mut tx = store.db.begin().await.unwrap();
        for (id, found) in [("1", found(8, 1)), ("2", found(12, 4))] {
            sweeps::start(&mut tx, ORG, id, "sweep", NOW).await.unwrap();
            sweeps::finish(&mut tx, id, found, "done", NOW.plus(9)).await.unwrap();
        }
        sweeps::start(&mut tx, ORG, "3", "sweep", NOW).await.unwrap();
        tx.commit().await.unwrap();

        let summary = sweeps::summary(&store.db, ORG, NOW).await.unwrap();
        assert_eq!((summary.sweeps, summary.found.missed, summary.missed_share()), (2, 5, Some(0.25)));
        let last = sweeps::last(&store.db, ORG, 2).await.unwrap();
        assert_eq!(last.iter().map(|sweep| sweep.sweep_id.as_str()).collect::<Vec<_>>(), ["3", "2"]);
        assert_eq!(last[1].found, found(12, 4));
        assert_eq!(sweeps::summary(&store.db, OrgId(1), NOW).await.unwrap().missed_share(), None);
    })
    .await;
}

#[tokio::test]
async fn calls_are_counted_by_hour_and_forgotten_in_time() {
    on_both(async |store| {
        let hour = call_stats::hour_of(NOW);
        let count = |hour, outcome: &str, calls| CallCount { org: ORG, hour, outcome: outcome.into(), calls };
        let (earlier, later) = (hour, Millis(hour.0 + 3_600_000));
        for counts in
            [vec![count(earlier, "200", 5), count(earlier, "404", 1)], vec![count(earlier, "200", 2)]]
        {
            let mut tx = store.db.begin().await.unwrap();
            call_stats::add(&mut tx, &counts).await.unwrap();
            call_stats::add(&mut tx, &[count(later, "200", 1)]).await.unwrap();
            tx.commit().await.unwrap();
        }
        let held = call_stats::since(&store.db, ORG, hour).await.unwrap();
        assert_eq!(held, [count(earlier, "200", 7), count(earlier, "404", 1), count(later, "200", 2)]);
        let mut tx = store.db.begin().await.unwrap();
        assert_eq!(call_stats::prune(&mut tx, later).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert_eq!(call_stats::since(&store.db, ORG, hour).await.unwrap(), [count(later, "200", 2)]);
    })
    .await;
}

fn told(kind: &str, at: i64, slot: i64) -> ToldMeeting {
    let mut told = meeting("m", "x");
    (told.status, told.notes, told.updated_at) = (None, None, None);
    told.slot_start = Some(Millis(slot));
    ToldMeeting { meeting: told, kind: kind.to_owned(), at: Millis(at) }
}

#[tokio::test]
async fn what_events_tell_of_a_meeting_ends_the_same_in_any_order() {
    on_both(async |store| {
        let events = [
            told("new_meeting", 10, 100),
            told("meeting_updated", 20, 200),
            told("meeting_updated", 30, 300),
        ];
        let mut ends = Vec::new();
        for (org, order) in [(1, [0, 1, 2]), (2, [2, 0, 1]), (3, [1, 2, 0])] {
            let mut tx = store.db.begin().await.unwrap();
            for index in order {
                directory::tell_meetings(&mut tx, OrgId(org), &[events[index].clone()]).await.unwrap();
            }
            tx.commit().await.unwrap();
            let table = store::tables::table("meetings").unwrap();
            let rows = store::tables::read(&store.db, table, OrgId(org), None, 9).await.unwrap();
            ends.push(rows.into_iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>());
        }
        assert_eq!(ends[0].len(), 1);
        assert!(format!("{:?}", ends[0]).contains("300"));
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");

        let mut listed = meeting("m", "ACTIVE");
        listed.updated_at = Some(Millis(25));
        let mut tx = store.db.begin().await.unwrap();
        directory::apply_meetings(&mut tx, OrgId(1), &[listed], NOW).await.unwrap();
        assert_eq!(
            directory::tell_meetings(&mut tx, OrgId(1), &events[..2]).await.unwrap(),
            0,
            "older than the list"
        );
        assert_eq!(directory::tell_meetings(&mut tx, OrgId(1), &events[2..]).await.unwrap(), 1);
        tx.commit().await.unwrap();
    })
    .await;
}
