//! Bounds of the calls about users.

use model::{Millis, UserId};

use crate::script::{Reply, Script};

#[tokio::test]
async fn users_are_asked_for_20_at_a_time() {
    let script = Script::of("GET /users", r#"{"data":{}}"#);
    let ids: Vec<_> = (1..=45).map(UserId).collect();
    script.client().users_by_id(&ids).await.unwrap();
    let asked: Vec<_> = script.lines().iter().map(|line| line.matches("userId=").count()).collect();
    assert_eq!(asked, [20, 20, 5]);
}

#[tokio::test]
async fn a_full_answer_of_meetings_says_that_it_may_be_cut() {
    for (count, cut) in [(999, false), (1_000, true)] {
        let rows: Vec<_> = (0..count).map(|slug| format!(r#"{{"slug":"m-{slug}"}}"#)).collect();
        let body = format!(r#"{{"data":[{}]}}"#, rows.join(","));
        let script = Script::new().on("GET /users/meetings/org", Reply::json(&body));
        let meetings = script.client().meetings(Millis(5), Millis(9)).await.unwrap();
        assert_eq!((meetings.items.len(), meetings.maybe_truncated), (count, cut));
        assert!(script.lines()[0].ends_with("?min_start_time=5&max_start_time=9&limit=1000"));
    }
}
