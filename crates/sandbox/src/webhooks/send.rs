//! Posting what is due, while the sandbox serves on a socket.

use std::sync::Arc;

use axum::body::Body;
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use super::{Delivery, Outcome};
use crate::sandbox::Inner;

/// Of an answer's body so much is read, so that the connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Post what falls due until dropped.
pub(crate) async fn run(sandbox: Arc<Inner>) {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let options = sandbox.webhooks.options();
        let now = sandbox.clock.now();
        let room = options.concurrent.saturating_sub(under_way.len());
        if let Some(url) = options.url.filter(|_| !options.collect && room > 0) {
            for delivery in sandbox.webhooks.take_due(now, room) {
                let (sandbox, client, url) = (Arc::clone(&sandbox), client.clone(), url.clone());
                under_way.spawn(async move {
                    let outcome = post(&sandbox, &client, &delivery, &url, options.deadline_ms).await;
                    sandbox.webhooks.ended(delivery, outcome, sandbox.clock.now());
                });
            }
        }
        let full = under_way.len() >= options.concurrent;
        let next_due = sandbox.webhooks.next_due().filter(|_| !full && !options.collect);
        let until_next = async {
            match next_due.map(|due| u64::try_from(due.since(sandbox.clock.now())).unwrap_or(0)) {
                Some(ms) => sandbox.clock.sleep(ms).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sandbox.webhooks.turned.notified() => {}
            Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            () = until_next => {}
        }
    }
}

async fn post(
    sandbox: &Inner,
    client: &Client<HttpConnector, Body>,
    delivery: &Delivery,
    url: &str,
    deadline_ms: u64,
) -> Outcome {
    let Ok(request) = delivery.request(url) else { return Outcome::NoAnswer };
    let exchange = async {
        let answer = client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        // A body that is too long or cut changes nothing about the answer.
        let _ = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        Some(status)
    };
    tokio::select! {
        status = exchange => status.map_or(Outcome::NoAnswer, Outcome::Status),
        () = sandbox.clock.deadline(deadline_ms) => Outcome::NoAnswer,
    }
}
