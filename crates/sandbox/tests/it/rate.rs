//! The leaky bucket, on a clock that moves when told.

use sandbox::{Options, RateLimit};
use serde_json::json;

use crate::caller::{Caller, small};

fn limited(rate: RateLimit) -> Caller {
    Caller::with(Options { rate, ..small() })
}

#[tokio::test]
async fn a_burst_passes_the_rest_is_refused_and_told_when_to_come_back() {
    let rate = RateLimit { per_minute: Some(60), burst: 3, headers: true, ..RateLimit::default() };
    let caller = limited(rate);
    for remaining in ["2", "1", "0"] {
        let got = caller.get("/users/list").await;
        assert_eq!((got.status.as_u16(), got.header("x-ratelimit-remaining")), (200, remaining));
        assert_eq!(got.header("x-ratelimit-limit"), "60");
    }
    let refused = caller.get("/users/list").await;
    assert_eq!(refused.error(), (429, "rate_limit".to_owned()));
    assert_eq!((refused.header("retry-after"), refused.header("x-ratelimit-reset")), ("1", "3"));

    caller.clock.advance(1_000);
    assert_eq!(caller.get("/users/list").await.status, 200);
    assert_eq!(caller.get("/users/list").await.status, 429);
    assert_eq!(caller.sandbox.log().totals().refused_by_bucket, 2);
}

#[tokio::test]
async fn headers_and_retry_after_are_there_only_when_asked_for() {
    let rate = RateLimit { per_minute: Some(60), burst: 1, retry_after: false, ..RateLimit::default() };
    let caller = limited(rate);
    assert_eq!(caller.get("/users/list").await.header("x-ratelimit-limit"), "");
    let refused = caller.get("/users/list").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, ""));
}

#[tokio::test]
async fn reports_have_a_bucket_of_their_own() {
    let rate = RateLimit { burst: 2, reports_per_minute: Some(60), ..RateLimit::default() };
    let caller = limited(rate);
    let report = json!({"filters": [], "metrics": ["createdAt"]});
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(caller.post("/reports/conversations", &report).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(caller.get("/users/list").await.status, 200);
    caller.clock.advance(1_000);
    assert_eq!(caller.post("/reports/conversations", &report).await.status, 200);
}

#[tokio::test]
async fn tokens_and_unknown_callers_draw_nothing() {
    let mut caller = limited(RateLimit { burst: 1, ..RateLimit::per_minute(60) });
    let good = std::mem::take(&mut caller.token);
    for _ in 0..5 {
        assert_eq!(caller.get("/users/list").await.status, 403);
        assert_eq!(caller.form("/oauth2/token", "grant_type=x").await.status, 403);
    }
    caller.token = good;
    assert_eq!(caller.get("/users/list").await.status, 200);
}
