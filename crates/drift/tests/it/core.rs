//! The place that makes calls, against a network that a test writes as a function.

mod calls;
mod guard;
mod http;
mod pace;
mod pages;
mod tokens;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use ::http::{Request, Response};
use bytes::Bytes;
use drift::{
    Auth, CallRecord, Client, Config, Limits, Outcome, Recorder, Seams, Secret, Transport, TransportError,
    TransportKind,
};
use futures_util::future::BoxFuture;
use model::{Clock, FakeClock, Millis, SeededEntropy};

pub(crate) type Answered = Result<Response<Bytes>, TransportError>;

type Answer = Box<dyn Fn(usize, &Request<Bytes>) -> Answered + Send + Sync>;

/// A network that answers each request, by its number from 0, as a function says.
pub(crate) struct Network {
    answer: Answer,
    latency_ms: u64,
    pub(crate) clock: FakeClock,
    pub(crate) asked: Mutex<Vec<Asked>>,
    pub(crate) records: Mutex<Vec<Recorded>>,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Millis,
    pub(crate) path: String,
    pub(crate) uri: String,
    pub(crate) authorization: Option<String>,
}

/// What a recorder keeps of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) path: String,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) rows: usize,
}

struct Ear(Arc<Network>);

impl Recorder for Ear {
    fn record(&self, call: &CallRecord<'_>) {
        self.0.records.lock().unwrap().push(Recorded {
            path: call.path.to_owned(),
            attempt: call.attempt,
            outcome: call.outcome,
            retry_after_ms: call.rate.retry_after_ms,
            rows: call.rows,
        });
    }
}

struct Wire(Arc<Network>);

impl Transport for Wire {
    fn send<'a>(&'a self, request: Request<Bytes>, limits: Limits) -> BoxFuture<'a, Answered> {
        let network = &self.0;
        let number = {
            let mut asked = network.asked.lock().unwrap();
            asked.push(Asked {
                at: network.clock.now(),
                path: request.uri().path().to_owned(),
                uri: request.uri().to_string(),
                authorization: request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned()),
            });
            asked.len() - 1
        };
        Box::pin(async move {
            if network.latency_ms > 0 {
                network.clock.sleep(network.latency_ms).await;
            }
            let response = (network.answer)(number, &request)?;
            if response.body().len() as u64 > limits.body_bytes_max {
                return Err(TransportError::new(TransportKind::TooLarge));
            }
            Ok(response)
        })
    }
}

impl Network {
    pub(crate) fn new(
        answer: impl Fn(usize, &Request<Bytes>) -> Answered + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::slow(0, answer)
    }

    pub(crate) fn slow(
        latency_ms: u64,
        answer: impl Fn(usize, &Request<Bytes>) -> Answered + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            latency_ms,
            clock: FakeClock::at(Millis(1_710_000_000_000)),
            asked: Mutex::default(),
            records: Mutex::default(),
        })
    }

    pub(crate) fn seams(self: &Arc<Self>) -> Seams {
        Seams {
            transport: Arc::new(Wire(Arc::clone(self))),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(3)),
            recorder: Some(Arc::new(Ear(Arc::clone(self)))),
        }
    }

    /// A client with a private token and no limit.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        self.client_with(Config::default().per_minute(None))
    }

    pub(crate) fn client_with(self: &Arc<Self>, config: Config) -> Client {
        Client::new(config, self.seams(), Auth::Private(Secret::new("tok-canary"))).unwrap()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.path.clone()).collect()
    }

    /// How often this path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.path == path).count()
    }

    /// Run a future to its end; whenever everybody waits, the clock goes on to the next who sleeps.
    pub(crate) async fn hurry<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        for _ in 0..5_000_000 {
            for _ in 0..4 {
                if let Poll::Ready(output) = futures_util::poll!(future.as_mut()) {
                    return output;
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance_to_next_sleeper();
        }
        panic!("the future does not end");
    }
}

pub(crate) fn json(body: &str) -> Answered {
    status(200, body)
}

pub(crate) fn status(status: u16, body: &str) -> Answered {
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

pub(crate) fn with(mut answered: Answered, name: &'static str, value: &str) -> Answered {
    if let Ok(response) = &mut answered {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    answered
}

pub(crate) fn fails(kind: TransportKind) -> Answered {
    Err(TransportError::new(kind))
}

pub(crate) const USER: &str = r#"{"data":{"id":7,"orgId":1,"name":"Ada"}}"#;
