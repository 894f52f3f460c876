//! A transport that answers from a script, by method and path, and remembers what was asked.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use drift::{
    Auth, CallRecord, Client, Config, Limits, Recorder, Route, Seams, Secret, Transport, TransportError,
    TransportKind,
};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use model::time::Sleep;
use model::{Clock, FakeClock, Millis, SeededEntropy};

/// What is answered.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Reply {
    pub(crate) fn json(body: &str) -> Self {
        Self::of(200, body).header("content-type", "application/json")
    }

    pub(crate) fn of(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// Drift's error body.
    pub(crate) fn error(status: u16, kind: &str) -> Self {
        Self::of(status, &format!(r#"{{"error":{{"type":"{kind}","message":"told so"}}}}"#))
            .header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What was asked: method and whole URL, and the rest.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: String,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
}

/// The script. A key is `METHOD /path` or `METHOD /path?query`; of several replies the last one stays.
#[derive(Clone)]
pub(crate) struct Script {
    replies: Arc<Mutex<HashMap<String, VecDeque<Reply>>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    clock: FakeClock,
}

/// Holds every call to the table of endpoints.
struct Held;

impl Recorder for Held {
    fn record(&self, call: &CallRecord<'_>) {
        let route = Route::of(call.method, call.path);
        let route = route.unwrap_or_else(|| panic!("{} {} is not in the table", call.method, call.path));
        assert_eq!(route.scope, call.scope, "{route}");
    }
}

impl Script {
    pub(crate) fn new() -> Self {
        let clock = FakeClock::at(Millis(1_710_000_000_000));
        Self { replies: Arc::default(), asked: Arc::default(), clock }
    }

    /// A script with one JSON answer.
    pub(crate) fn of(key: &str, body: &str) -> Self {
        Self::new().on(key, Reply::json(body))
    }

    pub(crate) fn on(self, key: &str, reply: Reply) -> Self {
        self.replies.lock().unwrap().entry(key.to_owned()).or_default().push_back(reply);
        self
    }

    pub(crate) fn seams(&self) -> Seams {
        Seams {
            transport: Arc::new(self.clone()),
            clock: Arc::new(Hasty(self.clock.clone())),
            entropy: Arc::new(SeededEntropy::new(9)),
            recorder: Some(Arc::new(Held)),
        }
    }

    /// A client of the default configuration with a private token.
    pub(crate) fn client(&self) -> Client {
        self.client_with(Config::default())
    }

    pub(crate) fn client_with(&self, config: Config) -> Client {
        Client::new(config, self.seams(), Auth::Private(Secret::new("tok-canary"))).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method and URL of each request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// The body of the last request.
    pub(crate) fn last_body(&self) -> String {
        self.asked().pop().unwrap().body
    }

    fn answer(&self, request: &Request<Bytes>) -> Option<Reply> {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or_default();
        let keys = [format!("{} {path}?{query}", request.method()), format!("{} {path}", request.method())];
        let mut replies = self.replies.lock().unwrap();
        let key = keys.iter().find(|key| replies.contains_key(*key))?;
        let queue = replies.get_mut(key)?;
        if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
    }
}

/// A clock on which whoever sleeps is the next to wake: backoff costs a test no time, and nobody waits for ever.
struct Hasty(FakeClock);

impl Clock for Hasty {
    fn now(&self) -> Millis {
        self.0.now()
    }

    fn sleep(&self, ms: u64) -> Sleep {
        let (clock, mut sleep) = (self.0.clone(), self.0.sleep(ms));
        Box::pin(poll_fn(move |cx| {
            loop {
                if sleep.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                clock.advance_to_next_sleeper();
            }
        }))
    }

    fn deadline(&self, ms: u64) -> Sleep {
        self.0.deadline(ms)
    }
}

impl Transport for Script {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        self.asked.lock().unwrap().push(Asked {
            line: format!("{} {}", request.method(), request.uri()),
            body: String::from_utf8_lossy(request.body()).into_owned(),
            authorization: header("authorization"),
            content_type: header("content-type"),
        });
        let reply = self.answer(&request).unwrap_or_else(|| Reply::error(404, "not_found"));
        Box::pin(async move {
            if reply.body.len() as u64 > limits.body_bytes_max {
                return Err(TransportError::new(TransportKind::TooLarge));
            }
            let mut response = Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                response = response.header(name, value);
            }
            Ok(response.body(reply.body).unwrap())
        })
    }
}
