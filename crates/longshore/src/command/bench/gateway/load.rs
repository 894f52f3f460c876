//! The load: keep-alive HTTP/1.1 over plain sockets, as cheap as it can be, since it shares the machine with the server.
//!
//! Open loop: each event has an instant at which it is meant to be sent, whatever became of those before it, and its time
//! is counted from there. A server that stalls is charged for everything that should have come meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::server::TOKEN;
use crate::failure::Failure;

/// An answer takes longer only if the server is stuck: it then counts as timed out.
const ANSWER_MS_MAX: u64 = 10_000;
/// So long the load is made before it is measured: a server that has just begun opens its connections, and its database learns what
/// it is asked.
const WARM: Duration = Duration::from_secs(1);
/// Messages of each conversation.
const MESSAGES_EACH: u64 = 40;
/// Digits of a message's id, and of a time in milliseconds, in the body.
const ID_DIGITS: usize = 16;
const TIME_DIGITS: usize = 13;
/// Where the time stands until a request has one.
const NO_TIME: &str = "1000000000000";

/// How events follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// Each connection sends its next as soon as it has an answer.
    FlatOut,
    /// So many a second, which is this share of the capacity in per cent.
    Offered { share: u64, per_second: f64 },
}

/// One run's load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) address: SocketAddr,
    pub(super) org: i64,
    pub(super) bytes: usize,
    pub(super) connections: usize,
    pub(super) pace: Pace,
    pub(super) seconds: u64,
    /// When the first event happens, in milliseconds; each happens when it is sent.
    pub(super) from_ms: i64,
}

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// How long it was measured.
    pub(super) seconds: f64,
    /// Ids of messages that were acknowledged, also before that.
    pub(super) acknowledged: Vec<i64>,
    /// Microseconds from the instant an acknowledged event was meant to be sent, to its answer.
    pub(super) acknowledged_us: Vec<u64>,
    /// Microseconds from sending to the answer, of those that were refused with 503 and `Retry-After`.
    pub(super) refused_us: Vec<u64>,
    /// Answers of any other kind, and connections that broke.
    pub(super) failed: u64,
    pub(super) timed_out: u64,
}

impl Load {
    /// Send it all from a thread of its own, which is woken once for many answers: what it uses, the server lacks.
    pub(super) async fn run(self) -> Result<Measured, Failure> {
        let unexpected = |error: std::io::Error| Failure::unexpected(format!("cannot make load: {error}"));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unexpected)?;
        let sending = tokio::task::spawn_blocking(move || runtime.block_on(self.send()));
        sending.await.map_err(|_| Failure::unexpected("the load ended early"))?
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "microseconds are measured, which model::Clock does not tell"
    )]
    async fn send(self) -> Result<Measured, Failure> {
        let next = Arc::new(AtomicU64::new(0));
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(self.address).await;
            let stream = stream.map_err(|error| Failure::unexpected(format!("cannot connect: {error}")))?;
            let _ = stream.set_nodelay(true);
            connections.push(stream);
        }
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for stream in connections {
            let sender =
                Sender { load: self, stream, began, next: Arc::clone(&next), got: Measured::default() };
            senders.spawn(sender.run());
        }
        let mut all = Measured::default();
        while let Some(got) = senders.join_next().await {
            let got = got.map_err(|_| Failure::unexpected("a sender ended early"))?;
            all.acknowledged.extend(got.acknowledged);
            all.acknowledged_us.extend(got.acknowledged_us);
            all.refused_us.extend(got.refused_us);
            all.failed += got.failed;
            all.timed_out += got.timed_out;
        }
        all.seconds = began.elapsed().saturating_sub(WARM).as_secs_f64();
        all.acknowledged_us.sort_unstable();
        all.refused_us.sort_unstable();
        Ok(all)
    }
}

struct Sender {
    load: Load,
    stream: TcpStream,
    began: Instant,
    next: Arc<AtomicU64>,
    got: Measured,
}

/// What a server answered.
enum Answer {
    Acknowledged,
    RefusedForNow,
    Other,
}

impl Sender {
    #[expect(clippy::disallowed_methods, reason = "the load is made in real time, in parts of a millisecond")]
    async fn run(mut self) -> Measured {
        let mut request = Request::new(self.load);
        let mut buffer = vec![0; 4_096];
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let meant = match self.load.pace {
                Pace::FlatOut => self.began.elapsed(),
                Pace::Offered { per_second, .. } => Duration::from_secs_f64(number as f64 / per_second),
            };
            if meant >= WARM + Duration::from_secs(self.load.seconds) {
                return self.got;
            }
            if let Some(early) = meant.checked_sub(self.began.elapsed()).filter(|early| !early.is_zero()) {
                tokio::time::sleep(early).await;
            }
            let sent = self.began.elapsed();
            let id = request.set(number, sent);
            let exchange = exchange(&mut self.stream, &request.bytes, &mut buffer);
            let answer = tokio::time::timeout(Duration::from_millis(ANSWER_MS_MAX), exchange).await;
            let now = self.began.elapsed();
            let us =
                |since: Duration| u64::try_from(now.saturating_sub(since).as_micros()).unwrap_or(u64::MAX);
            match answer {
                Ok(Ok(Answer::Acknowledged)) => {
                    self.got.acknowledged.push(id);
                    self.got.acknowledged_us.extend((meant >= WARM).then(|| us(meant)));
                }
                Ok(Ok(Answer::RefusedForNow)) => {
                    self.got.refused_us.extend((meant >= WARM).then(|| us(sent)));
                }
                Ok(Ok(Answer::Other)) => self.got.failed += 1,
                Ok(Err(_)) | Err(_) => {
                    self.got.timed_out += u64::from(answer.is_err());
                    self.got.failed += u64::from(answer.is_ok());
                    let Ok(stream) = TcpStream::connect(self.load.address).await else { return self.got };
                    let _ = stream.set_nodelay(true);
                    self.stream = stream;
                }
            }
        }
    }
}

/// A request of which only the ids change.
struct Request {
    bytes: Vec<u8>,
    message_at: usize,
    conversation_at: usize,
    time_at: usize,
    from_ms: i64,
}

impl Request {
    fn new(load: Load) -> Self {
        let zeros = "1".to_owned() + &"0".repeat(ID_DIGITS - 1);
        let head = format!(
            r#"{{"type":"new_message","token":"{TOKEN}","orgId":{},"data":{{"id":{zeros},"conversationId":{zeros},"author":{{"type":"contact","id":17035500001,"bot":false}},"type":"chat","createdAt":{NO_TIME},"attributes":{{"preMessages":[]}},"context":{{"ip":"203.0.113.9","href":"https://www.example.test/pricing"}},"body":""#,
            load.org
        );
        let text = "Do you offer annual billing? ".repeat(load.bytes / 29 + 1);
        let room = load.bytes.saturating_sub(head.len() + 3);
        let body = format!(r#"{head}{}"}}}}"#, &text[..room]);
        let bytes = format!(
            "POST /webhooks/drift HTTP/1.1\r\nhost: localhost\r\nx-verification-token: {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let message_at = bytes.find(&zeros).expect("the body holds the message's id");
        let conversation_at = bytes.rfind(&zeros).expect("the body holds the conversation's id");
        let time_at = bytes.find(&format!(":{NO_TIME},")).expect("the body holds a time") + 1;
        Self { bytes: bytes.into_bytes(), message_at, conversation_at, time_at, from_ms: load.from_ms }
    }

    /// Make it the event of this number, sent so long after the first; answers the message's id.
    fn set(&mut self, number: u64, since: Duration) -> i64 {
        let at = format!("{:013}", self.from_ms + i64::try_from(since.as_millis()).unwrap_or(0));
        self.bytes[self.time_at..self.time_at + TIME_DIGITS].copy_from_slice(at.as_bytes());
        let base = 10_u64.pow(15);
        for (at, id) in [(self.message_at, number), (self.conversation_at, number / MESSAGES_EACH)] {
            let digits = (base + id).to_string();
            self.bytes[at..at + ID_DIGITS].copy_from_slice(digits.as_bytes());
        }
        i64::try_from(base + number).unwrap_or(i64::MAX)
    }
}

/// One request and its answer, read to its end.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> std::io::Result<Answer> {
    stream.write_all(request).await?;
    let mut read = 0;
    loop {
        let count = stream.read(&mut buffer[read..]).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        read += count;
        let answer = &buffer[..read];
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = &answer[..end];
        let length = header(head, b"content-length:").and_then(|text| text.trim().parse::<usize>().ok());
        if read < end + 4 + length.unwrap_or(0) {
            continue;
        }
        return Ok(match head.get(9..12) {
            Some(b"200") => Answer::Acknowledged,
            Some(b"503") if header(head, b"retry-after:").is_some() => Answer::RefusedForNow,
            _ => Answer::Other,
        });
    }
}

/// The value of a header; the server writes names in lower case.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let line = head.split(|byte| *byte == b'\n').find(|line| line.starts_with(name))?;
    std::str::from_utf8(&line[name.len()..]).ok()
}

#[cfg(test)]
mod tests {
    use drift::webhook::Event;
    use model::Millis;

    use super::*;

    #[test]
    fn each_request_is_another_event_of_the_asked_size() {
        let address = "127.0.0.1:1".parse().unwrap();
        let load = Load {
            address,
            org: 7,
            bytes: 1_024,
            connections: 1,
            pace: Pace::FlatOut,
            seconds: 1,
            from_ms: 1_717_400_000_000,
        };
        let mut request = Request::new(load);
        for number in [0, 41] {
            let id = request.set(number, Duration::from_millis(1_500));
            let start = request.bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let body = &request.bytes[start..];
            assert_eq!(body.len(), 1_024);
            let event = Event::parse(body).unwrap();
            assert_eq!(event.message.map(|message| message.0), Some(id));
            assert_eq!(event.occurred_at, Some(Millis(1_717_400_001_500)));
            assert_eq!(event.conversation.map(|it| it.0), Some(1_000_000_000_000_000 + number as i64 / 40));
        }
    }
}
