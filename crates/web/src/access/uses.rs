//! Who reads what, counted at the doors: every request of a caller who is known, by organization, client and endpoint.
//!
//! A request is counted in memory as its answer leaves, and the sums are handed to the store every few seconds, so no request
//! waits for a write; what was not yet handed over when a process dies is lost. What is kept is bounded: a caller has so many
//! clients an hour, the book so many lines; what is beyond is counted under the client `other`, or told as uncounted. Of a
//! client its address and the kind of its program are kept: a word of ours and a hash, never the text it sent.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use model::Millis;
use sha2::{Digest as _, Sha256};
use store::uses::inward::{self, ClientUse, Counted, Reader, RequestUse, Step, StepUse};
use store::uses::minute_of;
use store::{Db, StoreError, call_stats};

/// Lines held until they are written.
const LINES_MAX: usize = 20_000;
/// Clients of one caller told apart within an hour.
const CLIENTS_MAX: usize = 50;
/// Up to so many records in an answer are a sample.
const SAMPLE_ROWS_MAX: usize = 20;
/// Of a client's name no more is read, in bytes.
const CLIENT_BYTES_MAX: usize = 512;
/// What a client is called that nothing is known of, or that is one too many.
const OTHER: &str = "other";
/// Programs known by name; of several the first holds.
const PROGRAMS: [&str; 16] = [
    "edg",
    "firefox",
    "chrome",
    "safari",
    "curl",
    "wget",
    "python",
    "go-http-client",
    "okhttp",
    "axios",
    "node",
    "postman",
    "ruby",
    "php",
    "java",
    "longshore",
];

/// How many records an answer holds; whoever answers a list puts it beside the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows(pub(crate) usize);

/// One request of a caller who is known.
pub(super) struct Heard {
    pub(super) reader: Reader,
    pub(super) at: Millis,
    pub(super) client: Client,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Records in the answer; `None` when it was refused.
    pub(super) rows: Option<usize>,
}

/// Where a request came from and with what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Client {
    address: String,
    network: String,
    program: String,
}

/// The requests of all callers of the process.
#[derive(Debug, Default)]
pub struct UseBook(Mutex<State>);

/// In order, so that of several nodes that write at once none waits for another in a circle.
#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<RequestKey, Sum>,
    clients: BTreeMap<(Reader, String, String), (Millis, Millis)>,
    steps: BTreeMap<(Reader, Millis, Step), (Millis, Millis, Sum)>,
    /// The clients of each caller in this hour.
    known: HashMap<(Reader, Millis), HashSet<Client>>,
    uncounted: u64,
}

type RequestKey = (Reader, Millis, Client, (&'static str, &'static str));

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    requests: i64,
    refused: i64,
    rows: i64,
}

impl UseBook {
    /// Write what was counted; answers how many requests were not counted since the last time. What cannot be written is kept
    /// for the next time.
    ///
    /// # Errors
    /// The database's error.
    pub async fn flush(&self, db: &Db) -> Result<u64, StoreError> {
        let (state, counted) = {
            let mut held = self.lock();
            let taken = std::mem::take(&mut *held);
            held.known.clone_from(&taken.known);
            let counted = taken.counted();
            (taken, counted)
        };
        let written = if counted == Counted::default() { Ok(()) } else { write(db, &counted).await };
        match written {
            Ok(()) => Ok(state.uncounted),
            Err(error) => {
                self.lock().take_back(state);
                Err(error)
            }
        }
    }

    pub(super) fn heard(&self, heard: &Heard) {
        self.lock().heard(heard);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(db: &Db, counted: &Counted) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    inward::add(&mut tx, counted).await?;
    tx.commit().await
}

impl State {
    fn heard(&mut self, heard: &Heard) {
        let hour = call_stats::hour_of(heard.at);
        let client = self.known_client(&heard.reader, hour, &heard.client);
        let rows = i64::try_from(heard.rows.unwrap_or_default()).unwrap_or(i64::MAX);
        let sum = Sum { requests: 1, refused: i64::from(heard.rows.is_none()), rows };
        let key = (heard.reader.clone(), hour, client.clone(), (heard.method, heard.path));
        if self.requests.len() >= LINES_MAX && !self.requests.contains_key(&key) {
            self.uncounted += 1;
            return;
        }
        self.requests.entry(key).or_default().add(sum);
        let seen = self.clients.entry((heard.reader.clone(), client.network, client.program));
        let seen = seen.or_insert((heard.at, heard.at));
        *seen = (seen.0.min(heard.at), seen.1.max(heard.at));
        if let Some(step) = heard.rows.and_then(|rows| step(heard.method, heard.path, rows)) {
            let key = (heard.reader.clone(), minute_of(heard.at), step);
            let (first, last, all) = self.steps.entry(key).or_insert((heard.at, heard.at, Sum::default()));
            (*first, *last) = ((*first).min(heard.at), (*last).max(heard.at));
            all.add(sum);
        }
    }

    /// The client as it is counted: one too many in an hour is another of the others.
    fn known_client(&mut self, reader: &Reader, hour: Millis, client: &Client) -> Client {
        self.known.retain(|(_, of), _| hour.since(*of) <= 0);
        let known = self.known.entry((reader.clone(), hour)).or_default();
        if known.contains(client) || known.len() < CLIENTS_MAX {
            known.insert(client.clone());
            return client.clone();
        }
        Client { address: String::new(), network: String::new(), program: OTHER.to_owned() }
    }

    fn counted(&self) -> Counted {
        let requests = self.requests.iter().map(|((reader, hour, client, (method, path)), sum)| RequestUse {
            reader: reader.clone(),
            hour: *hour,
            address: client.address.clone(),
            client: client.program.clone(),
            endpoint: format!("{method} {path}"),
            requests: sum.requests,
            refused: sum.refused,
            rows: sum.rows,
        });
        let clients = self.clients.iter().map(|((reader, network, client), (first, last))| ClientUse {
            reader: reader.clone(),
            network: network.clone(),
            client: client.clone(),
            first_at: *first,
            last_at: *last,
        });
        let steps = self.steps.iter().map(|((reader, minute, step), (first, last, sum))| StepUse {
            reader: reader.clone(),
            minute: *minute,
            step: *step,
            first_at: *first,
            last_at: *last,
            requests: sum.requests,
            rows: sum.rows,
        });
        Counted { requests: requests.collect(), clients: clients.collect(), steps: steps.collect() }
    }

    /// Add what could not be written to what was counted since.
    fn take_back(&mut self, taken: Self) {
        self.uncounted += taken.uncounted;
        for (key, sum) in taken.requests {
            self.requests.entry(key).or_default().add(sum);
        }
        for (key, (first, last)) in taken.clients {
            let seen = self.clients.entry(key).or_insert((first, last));
            *seen = (seen.0.min(first), seen.1.max(last));
        }
        for (key, (first, last, sum)) in taken.steps {
            let seen = self.steps.entry(key).or_insert((first, last, Sum::default()));
            (seen.0, seen.1) = (seen.0.min(first), seen.1.max(last));
            seen.2.add(sum);
        }
    }
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.rows = self.rows.saturating_add(other.rows);
    }
}

impl Client {
    /// What is kept of an address and of the text a client calls itself by.
    pub(super) fn of(address: Option<IpAddr>, name: Option<&[u8]>) -> Self {
        let network = address.and_then(network).map_or_else(String::new, |network| network.to_string());
        let address = address.map_or_else(String::new, |address| address.to_string());
        Self { address, network, program: program(name.unwrap_or_default()) }
    }
}

/// The network that an address lies in, as coarse as a site: 256 addresses, or what one customer of a provider has.
fn network(address: IpAddr) -> Option<IpNet> {
    let bits = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, bits).ok().map(|network| network.trunc())
}

/// The kind of a program: a word of ours, and a hash of what it calls itself but for its versions.
fn program(name: &[u8]) -> String {
    let name = name.get(..CLIENT_BYTES_MAX).unwrap_or(name);
    let plain: Vec<u8> = name
        .iter()
        .filter(|byte| !byte.is_ascii_digit() && !matches!(byte, b'.' | b'_'))
        .map(u8::to_ascii_lowercase)
        .collect();
    if plain.is_empty() {
        return "none".to_owned();
    }
    let holds = |word: &&&str| plain.windows(word.len()).any(|part| part == word.as_bytes());
    let word = PROGRAMS.iter().find(holds).copied().unwrap_or(OTHER);
    format!("{word}-{}", &hex::encode(Sha256::digest(&plain))[..12])
}

/// What sort of reading a request is that was answered with so many records.
fn step(method: &str, path: &str, rows: usize) -> Option<Step> {
    match (method, path) {
        ("get", "/" | "/api/v1/openapi.json" | "/api/v1/consumers" | "/api/v1/connections") => {
            Some(Step::Describe)
        }
        ("get", "/metrics" | "/api/v1/status" | "/api/v1/connections/exposure") => Some(Step::Count),
        ("get", path) if !path.starts_with("/api/") => None,
        ("get", _) if rows <= SAMPLE_ROWS_MAX => Some(Step::Sample),
        ("get", _) => Some(Step::Bulk),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::OrgId;
    use store::audit::ActorKind;

    use super::*;

    fn heard(address: &str, name: &str, path: &'static str, rows: Option<usize>) -> Heard {
        Heard {
            reader: Reader { org: OrgId(1), kind: ActorKind::ApiKey, id: "key-1".into() },
            at: Millis(1_750_000_000_000),
            client: Client::of(address.parse().ok(), Some(name.as_bytes())),
            method: "get",
            path,
            rows,
        }
    }

    #[test]
    fn a_client_is_its_network_and_its_program_whatever_the_version() {
        let client = |address: &str, name: &str| {
            let client = Client::of(address.parse().ok(), Some(name.as_bytes()));
            (client.network, client.program)
        };
        assert_eq!(client("203.0.113.7", "curl/8.5.0"), client("203.0.113.250", "curl/8.11.1"));
        assert_eq!(client("2001:db8:7:1::5", "a").0, "2001:db8:7::/48");
        assert_ne!(client("203.0.113.7", "curl/8.5.0"), client("198.51.100.7", "curl/8.5.0"));
        assert_ne!(client("203.0.113.7", "curl/8").1, client("203.0.113.7", "curl/8 (mine)").1);
        assert!(program(b"Mozilla/5.0 (X11) Gecko/20100101 Firefox/128.0").starts_with("firefox-"));
        assert_eq!((program(b"").as_str(), program(b"8.5.0").as_str()), ("none", "none"));
        let odd = program("at-canary ada@example.test ☃".as_bytes());
        assert!(odd.starts_with("other-") && !odd.contains("canary"), "{odd}");
    }

    #[test]
    fn requests_are_summed_and_a_caller_has_so_many_clients() {
        let mut state = State::default();
        for number in 0..200 {
            let address = format!("10.0.{number}.1");
            state.heard(&heard(&address, "curl", "/api/v1/pauses", Some(3)));
            state.heard(&heard("203.0.113.7", "curl", "/api/v1/status", None));
        }
        let counted = state.counted();
        assert!(counted.requests.len() <= CLIENTS_MAX + 2, "{}", counted.requests.len());
        let all: (i64, i64, i64) = counted
            .requests
            .iter()
            .fold((0, 0, 0), |sum, one| (sum.0 + one.requests, sum.1 + one.refused, sum.2 + one.rows));
        assert_eq!(all, (400, 200, 600));
        let [sample] = counted.steps.try_into().unwrap();
        assert_eq!((sample.step, sample.requests, sample.rows), (Step::Sample, 200, 600));
    }

    #[test]
    fn what_could_not_be_written_is_counted_once_more_and_not_twice() {
        let mut state = State::default();
        state.heard(&heard("203.0.113.7", "curl", "/api/v1/pauses", Some(30)));
        let taken = std::mem::take(&mut state);
        state.heard(&heard("203.0.113.7", "curl", "/api/v1/pauses", Some(12)));
        state.take_back(taken);
        let counted = state.counted();
        assert_eq!(
            counted.requests.iter().map(|one| (one.requests, one.rows)).collect::<Vec<_>>(),
            [(2, 42)]
        );
        assert_eq!(counted.clients.len(), 1);
        assert_eq!(counted.steps.len(), 2, "a sample and a bulk");
    }

    #[test]
    fn reading_is_told_from_describing_counting_and_changing() {
        let check = |method, path, rows, expected| assert_eq!(step(method, path, rows), expected, "{path}");
        check("get", "/api/v1/openapi.json", 1, Some(Step::Describe));
        check("get", "/api/v1/status", 1, Some(Step::Count));
        check("get", "/api/v1/dead-letters", 20, Some(Step::Sample));
        check("get", "/api/v1/dead-letters", 21, Some(Step::Bulk));
        check("put", "/api/v1/pauses/{kind}", 1, None);
        check("get", "/account", 1, None);
    }
}
