//! A conversation's story: what happened in order, page by page, and why what waits has not come; and once more.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{ConversationId, EventId, FakeClock, JobId, Millis, OrgId, SeededEntropy, WorkerId};
use store::audit::Who;
use store::explain::{self, Story, Waiting, What, Window};
use store::inbox::{self, NewEvent, Outcome, Payload};
use store::pauses::{self, Pause, Scope};
use store::queue::{self, Claim, Failure, JobState, NewJob, Which};
use store::replay::{self, Selection};
use store::workers::{self, Registered};
use store::{Db, StoreError};

use crate::engines::on_both;

const NOW: Millis = Millis(1_750_000_000_000);
const ORG: OrgId = OrgId(7);
const ID: ConversationId = ConversationId(42);
const WHOLE: Window = Window { since: None, before: None, limit: 100 };

/// Receive an event about the conversation, or about nothing, and route it if `routed`.
async fn receive(db: &Db, at: Millis, about: Option<ConversationId>, routed: bool) -> EventId {
    let seed = at.0.unsigned_abs();
    let event = NewEvent {
        event_id: EventId::new(at, &SeededEntropy::new(seed)),
        org_id: ORG,
        connection_id: None,
        kind: "new_message".into(),
        spelled: "new_message".into(),
        conversation_id: about,
        contact_id: None,
        user_id: None,
        message_id: None,
        playbook_id: None,
        occurred_at: Some(at),
        received_at: at,
        key: u128::from(seed).to_le_bytes(),
        window_ms: 1_000,
        facts: None,
        payload: Payload::None,
        trace: None,
    };
    inbox::commit(db, vec![event.clone()]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    if routed {
        inbox::mark_routed(&mut tx, &[(event.event_id.clone(), Outcome::Routed)], at).await.unwrap();
    }
    tx.commit().await.unwrap();
    event.event_id
}

/// Ask for a refresh, let it fail, and let it die if `dies`.
async fn fail(db: &Db, at: Millis, dies: bool) -> JobId {
    let (clock, entropy) = (FakeClock::at(at), SeededEntropy::new(at.0.unsigned_abs()));
    let job = NewJob {
        job_id: JobId::new(&clock, &entropy),
        kind: "refresh_conversation".into(),
        org: ORG,
        key: ID.to_string(),
        priority: queue::priority::LIVE,
        due_at: at,
        payload: "{}".into(),
        signals: 1,
        trace: None,
    };
    let worker = WorkerId::new(&clock, &entropy);
    let mut tx = db.begin().await.unwrap();
    let lease_until = at.plus(workers::LEASE_MS);
    let new = Registered { worker: worker.clone(), host: "host".into(), started_at: at, lease_until };
    workers::register(&mut tx, &new).await.unwrap();
    queue::enqueue(&mut tx, std::slice::from_ref(&job), at).await.unwrap();
    tx.commit().await.unwrap();
    let (kinds, held) = (Arc::new(["refresh_conversation"]), BTreeMap::new());
    let ask = Claim { worker: worker.clone(), limit: 1, kinds, per_org_max: 1, held, after: OrgId(0) };
    let claimed = queue::claim(db, ask, at).await.unwrap().jobs;
    let mut tx = db.begin().await.unwrap();
    let failure = Failure { class: "server", reason: "Drift answered 503".into() };
    if dies {
        queue::bury(&mut tx, &claimed[0], &failure, at.plus(10)).await.unwrap();
    } else {
        queue::retry(&mut tx, &claimed[0], &failure, at.plus(60_000), at.plus(10)).await.unwrap();
    }
    workers::end(&mut tx, &worker).await.unwrap();
    tx.commit().await.unwrap();
    job.job_id
}

/// The sorts of lines, and the reasons, in words.
fn told(story: &Story) -> (Vec<&'static str>, Vec<String>) {
    let what = |what: &What| match what {
        What::Event { .. } => "event",
        What::Run { .. } => "run",
        What::Change { .. } => "change",
        What::Effect { .. } => "effect",
        What::Fact { .. } => "fact",
        What::Failure { .. } => "failure",
    };
    let lines = story.lines.iter().map(|line| what(&line.what)).collect();
    let why = story.pending.iter().flat_map(|pending| pending.why.iter().map(ToString::to_string)).collect();
    (lines, why)
}

#[tokio::test]
async fn a_story_tells_what_happened_in_order_and_why_the_rest_has_not() {
    on_both(async |store| {
        let db = &store.db;
        receive(db, NOW, Some(ID), true).await;
        fail(db, NOW.plus(5), false).await;
        receive(db, NOW.plus(20), Some(ID), false).await;
        receive(db, NOW.plus(21), Some(ConversationId(43)), false).await;
        let pause = Pause { scope: Scope::org(ORG), reason: "a test".into(), since: NOW, until: None };
        let mut tx = db.begin().await.unwrap();
        pauses::pause(&mut tx, &pause).await.unwrap();
        tx.commit().await.unwrap();

        let story = explain::conversation(db, ORG, ID, WHOLE, NOW.plus(100)).await.unwrap();
        let (lines, why) = told(&story);
        assert_eq!(lines, ["event", "run", "event"]);
        assert_eq!(
            why,
            [
                "no worker is running",
                "no worker is running",
                "the organization is not connected",
                "paused: a test",
                "it failed and is tried again",
            ]
        );
        assert_eq!(story.held, None);
        let other = explain::conversation(db, OrgId(8), ID, WHOLE, NOW).await.unwrap();
        assert_eq!((other.lines, other.pending), (vec![], vec![]), "another organization has no such story");
    })
    .await;
}

#[tokio::test]
async fn a_long_story_is_told_page_by_page_and_every_line_once() {
    on_both(async |store| {
        for at in 0..7 {
            receive(&store.db, NOW.plus(at), Some(ID), at % 2 == 0).await;
        }
        let (mut window, mut told) = (Window { limit: 3, ..WHOLE }, Vec::new());
        loop {
            let story = explain::conversation(&store.db, ORG, ID, window, NOW).await.unwrap();
            told.splice(0..0, story.lines.iter().map(|line| line.at.since(NOW)));
            let Some(earlier) = story.earlier else { break };
            window.before = Some(earlier);
        }
        assert_eq!(told, (0..7).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn an_event_is_explained_with_what_came_after_it() {
    on_both(async |store| {
        receive(&store.db, NOW, Some(ID), true).await;
        let event = receive(&store.db, NOW.plus(1), Some(ID), true).await;
        receive(&store.db, NOW.plus(2), Some(ID), true).await;
        let story = explain::event(&store.db, ORG, &event, WHOLE, NOW).await.unwrap().unwrap();
        assert_eq!(story.lines.iter().map(|line| line.at.since(NOW)).collect::<Vec<_>>(), [1, 2]);
        let lonely = receive(&store.db, NOW.plus(3), None, false).await;
        let story = explain::event(&store.db, ORG, &lonely, WHOLE, NOW).await.unwrap().unwrap();
        assert_eq!(told(&story).0, ["event"]);
        assert!(matches!(story.pending[0].what, Waiting::Event { .. }));
        assert_eq!(explain::event(&store.db, OrgId(8), &event, WHOLE, NOW).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_replay_does_what_its_plan_says_and_twice_is_as_good_as_once() {
    on_both(async |store| {
        let db = &store.db;
        let (clock, entropy) = (FakeClock::at(NOW.plus(1_000)), SeededEntropy::new(9));
        let run = async |selection: &Selection| {
            replay::run(db, ORG, selection, &Who::node(), (&clock, &entropy)).await
        };
        for at in 0..5 {
            receive(db, NOW.plus(at), Some(ID), true).await;
        }
        let dead = fail(db, NOW.plus(10), true).await;

        let some = Selection::Events { since: NOW.plus(1), until: NOW.plus(4), kind: None };
        assert_eq!(replay::plan(db, ORG, &some).await.unwrap().events, 3);
        assert_eq!(inbox::counts(db).await.unwrap().unrouted, 0, "a plan does nothing");
        assert_eq!(run(&some).await.unwrap().events, 3);
        assert_eq!(run(&some).await.unwrap().events, 0);
        assert_eq!(inbox::counts(db).await.unwrap().unrouted, 3);
        let none = Selection::Events { since: NOW, until: NOW.plus(9), kind: Some("button_clicked".into()) };
        assert_eq!(replay::plan(db, ORG, &none).await.unwrap().events, 0);

        let failed = Selection::Failed { kind: None };
        let plan = replay::plan(db, ORG, &failed).await.unwrap();
        assert_eq!((plan.dead_letters, plan.first[0].id.clone()), (1, dead.0));
        assert_eq!(run(&failed).await.unwrap().dead_letters, 1);
        assert_eq!(run(&failed).await.unwrap().dead_letters, 0);
        assert_eq!(run(&Selection::Conversation(ID)).await.unwrap().conversations, 1);
        let waiting = Which::all(JobState::Waiting);
        assert_eq!(
            queue::count(db, ORG, &waiting).await.unwrap(),
            1,
            "what waits already is what is asked for"
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_or_anothers_cannot_be_replayed() {
    on_both(async |store| {
        let db = &store.db;
        let (clock, entropy) = (FakeClock::at(NOW), SeededEntropy::new(9));
        let event = receive(db, NOW, Some(ID), true).await;
        let dead = fail(db, NOW, true).await;
        for selection in [Selection::Event(event), Selection::DeadLetter(dead)] {
            let plan = replay::plan(db, OrgId(8), &selection).await;
            assert!(matches!(plan, Err(StoreError::NotFound { .. })), "{plan:?}");
            let run = replay::run(db, OrgId(8), &selection, &Who::node(), (&clock, &entropy)).await;
            assert!(matches!(run, Err(StoreError::NotFound { .. })), "{run:?}");
        }
        let dead = Which::all(JobState::Dead);
        assert_eq!(queue::count(db, ORG, &dead).await.unwrap(), 1);
        let mut tx = db.begin().await.unwrap();
        let others = queue::DeadSelection::All(OrgId(8));
        assert_eq!(queue::discard_dead(&mut tx, &others).await.unwrap(), 0);
        assert_eq!(queue::discard_dead(&mut tx, &queue::DeadSelection::All(ORG)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    })
    .await;
}
