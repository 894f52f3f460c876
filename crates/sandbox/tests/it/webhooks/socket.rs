//! Posting over a socket: what arrives, and what is counted when nothing or nobody answers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use model::{Clock as _, FakeClock};
use sandbox::{BindOptions, Options, WebhookCounts, WebhookOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::caller::{NOW, small};
use crate::socket::Served;

/// What a receiver got: the header's token and the body.
type Got = Arc<Mutex<Vec<(String, Value)>>>;

/// A receiver that answers the first `refusals` requests with 503 and all others with 200.
async fn receiver(refusals: usize) -> (String, Got) {
    async fn take(
        State((got, refusals)): State<(Got, usize)>,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        let token = headers["x-verification-token"].to_str().unwrap().to_owned();
        assert_eq!(headers["content-type"], "application/json");
        let mut got = got.lock().unwrap();
        got.push((token, serde_json::from_slice(&body).unwrap()));
        if got.len() <= refusals { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }
    let got = Got::default();
    let router = Router::new().route("/hooks", post(take)).with_state((Arc::clone(&got), refusals));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, got)
}

async fn served(webhooks: WebhookOptions) -> Served {
    Served::start(Options { webhooks, ..small() }, BindOptions::default()).await
}

/// Wait until the counts are as wanted.
async fn until(served: &Served, wanted: impl Fn(&WebhookCounts) -> bool) {
    for _ in 0..100_000 {
        if wanted(&served.sandbox.webhook_counts()) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{:?}", served.sandbox.webhook_counts());
}

#[tokio::test]
async fn what_happens_is_posted_in_drifts_envelope() {
    let (url, got) = receiver(0).await;
    let served = served(WebhookOptions { token: "vt-1".to_owned(), ..WebhookOptions::to(url) }).await;
    let happened = served.sandbox.world().traffic(50, &model::SeededEntropy::new(1), NOW);
    assert_eq!(happened.len(), 50);
    until(&served, |counts| counts.answered > 40 && counts.waiting == 0 && counts.sent == counts.answered)
        .await;
    let got = got.lock().unwrap().clone();
    for (token, body) in &got {
        assert_eq!((token.as_str(), &body["token"], body["orgId"].is_i64()), ("vt-1", &json!("vt-1"), true));
    }
    assert!(got.iter().any(|(_, body)| body["type"] == "new_message"));
    served.stop().await;
}

#[tokio::test]
async fn a_refusal_is_counted_and_tried_again_if_that_was_asked_for() {
    let (url, got) = receiver(1).await;
    let options = WebhookOptions { attempts: 2, retry_ms: 0, ..WebhookOptions::to(url) };
    let served = served(options).await;
    served.sandbox.post_webhook("new_message", &json!({"id": 1}));
    until(&served, |counts| counts.sent == 2).await;
    let counts = served.sandbox.webhook_counts();
    assert_eq!((counts.answered, counts.refused.get(&503), got.lock().unwrap().len()), (1, Some(&1), 2));
    served.stop().await;
}

#[tokio::test]
async fn nobody_there_is_a_failure_and_drift_does_not_try_twice() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let served = served(WebhookOptions::to(format!("http://{closed}/"))).await;
    served.sandbox.post_webhook("new_message", &json!({"id": 1}));
    until(&served, |counts| counts.failed == 1).await;
    let counts = served.sandbox.webhook_counts();
    assert_eq!((counts.sent, counts.waiting), (1, 0));
    served.stop().await;
}

#[test]
fn an_answer_is_waited_for_until_the_deadline() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let clock = FakeClock::at(NOW);
        let options = Options { webhooks: WebhookOptions::to(url), ..small() };
        let entropy = Arc::new(model::SeededEntropy::new(1));
        let sandbox = sandbox::Sandbox::new(options, Arc::new(clock.clone()), entropy).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = sandbox.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        sandbox.post_webhook("new_message", &json!({"id": 1}));
        // Accepted, read by nobody.
        let _held = silent.accept().await.unwrap();
        while sandbox.webhook_counts().failed == 0 {
            clock.advance(1_000);
            tokio::task::yield_now().await;
        }
        assert!(clock.now().since(NOW) >= 5_000);
    });
}
