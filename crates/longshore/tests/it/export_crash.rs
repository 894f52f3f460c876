//! kill -9 at twenty moments of an export into each kind of database and an object store, then on: whole parts are kept, the result is the mirror, and
//! nothing is left over.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};

use model::{Entropy, SeededEntropy};
use sandbox::{Options, Source};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::runtime::Runtime;

use crate::databases;
use crate::support::{Double, Place, Ran, small, wait_until};

const KILLS: u64 = 20;
const CONVERSATIONS: u64 = 300;
/// Parts that an export lets pass between its start and its death, at most.
const STRIDE: u64 = 12;
const DATABASE: &str = "sqlite://archive.db";
/// What the S3 server takes from anybody.
const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "us-east-1")];
/// Where it is, if there is one: see .ci/object-store.
const ENDPOINT: &str = "LONGSHORE_TEST_S3";

/// Parts that the store has on record, whatever run they are of.
fn recorded(runtime: &Runtime, place: &Place) -> i64 {
    runtime.block_on(async {
        let mut store =
            SqliteConnection::connect(&format!("sqlite://{}", place.path("archive.db").display()))
                .await
                .unwrap();
        let parts =
            sqlx::query_scalar("SELECT COUNT(*) FROM export_parts").fetch_one(&mut store).await.unwrap();
        store.close().await.unwrap();
        parts
    })
}

fn die_at_a_moment(runtime: &Runtime, place: &Place, child: &mut Child, parts: i64) -> bool {
    wait_until(|| recorded(runtime, place) >= parts || child.try_wait().unwrap().is_some());
    let is_killed = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    is_killed
}

fn twenty_kills(place: &Place, words: &[&str]) {
    let runtime = Runtime::new().unwrap();
    let (dice, mut killed) = (SeededEntropy::new(5), 0);
    let export =
        [&["export", "--mask", "none", "--reason", "a test", "--json", "--database", DATABASE], words]
            .concat();
    for _ in 0..KILLS {
        let parts = recorded(&runtime, place) + i64::try_from(dice.below(STRIDE)).unwrap();
        let mut child = command(place, &export).spawn().unwrap();
        killed += u64::from(die_at_a_moment(&runtime, place, &mut child, parts));
    }
    assert!(killed > KILLS / 2, "only {killed} exports were killed");
    // Whoever died a moment ago may be taken to be there still.
    let mut last = run(place, &export);
    wait_until(|| {
        if last.code != 0 {
            last = run(place, &export);
        }
        last.code == 0
    });
    assert_eq!(last.json()["equal"], true, "{}", last.stdout);
    let verified = run(place, &["export", "verify", "--json", "--database", DATABASE]);
    assert_eq!(verified.json()["verified"], true, "{}{}", verified.stdout, verified.stderr);
}

fn run(place: &Place, words: &[&str]) -> Ran {
    place.ran(command(place, words).output().unwrap())
}

fn command(place: &Place, words: &[&str]) -> Command {
    let mut command = place.command(words);
    let endpoint = std::env::var_os(ENDPOINT);
    command.envs(CREDENTIALS).envs(endpoint.map(|endpoint| ("AWS_ENDPOINT_URL", endpoint)));
    command
}

fn archived() -> Place {
    let place = Place::new();
    let double =
        Double::start(Options { source: Source::Generated { conversations: CONVERSATIONS }, ..small() });
    let api = double.api();
    let set =
        ["--database", DATABASE, "--set", &api, "--set", "per_minute=0", "--set", "reports_per_minute=0"];
    let token = double.sandbox.private_token().to_owned();
    assert_eq!(place.run_with_stdin(&[&["connect", "--token-stdin"], &set[..]].concat(), &token).code, 0);
    let archive = place.run(&[&["archive", "--json"], &set[..]].concat());
    assert_eq!(archive.code, 0, "{}{}", archive.stdout, archive.stderr);
    place
}

#[test]
fn twenty_kills_of_an_export_to_a_file_leave_the_mirror_in_it_and_nothing_beside() {
    let place = archived();
    twenty_kills(&place, &["--format", "sqlite", "--to", "out.sqlite"]);
    let names: Vec<String> = place.names().into_iter().filter(|name| name.starts_with("out")).collect();
    assert_eq!(names, ["out.sqlite", "out.sqlite.longshore-lock"]);
}

#[test]
fn twenty_kills_of_an_export_to_postgresql_leave_the_mirror_in_it_and_nothing_beside() {
    let Some(url) = databases::postgres() else { return };
    let place = archived();
    twenty_kills(&place, &["--to", &url, "--schema", "drift"]);
    let left: i64 = Runtime::new().unwrap().block_on(async {
        let mut server = PgConnection::connect(&url).await.unwrap();
        let query = "SELECT count(*) FROM pg_class WHERE relname LIKE 'longshore_staging%'";
        sqlx::query_scalar(query).fetch_one(&mut server).await.unwrap()
    });
    assert_eq!(left, 0);
}

/// The files of a manifest's tables.
fn files(manifest: &Value) -> Vec<&str> {
    manifest["tables"].as_array().unwrap().iter().map(|part| part["file"].as_str().unwrap()).collect()
}

#[test]
fn twenty_kills_of_an_export_to_s3_leave_the_mirror_in_it_and_nothing_beside() {
    let Ok(endpoint) = std::env::var(ENDPOINT) else {
        assert!(std::env::var_os("LONGSHORE_TEST_S3_REQUIRED").is_none(), "{ENDPOINT} is not set");
        return;
    };
    let (place, prefix) = (archived(), format!("killed-{}", std::process::id()));
    let to = format!("s3://lake/{prefix}");
    twenty_kills(&place, &["--format", "parquet", "--no-transcripts", "--to", &to]);
    let manifest: Value = serde_json::from_str(&get(&endpoint, &format!("{prefix}/manifest.json"))).unwrap();
    let listed = get(&endpoint, &format!("?list-type=2&prefix={prefix}/tables/"));
    let found: Vec<&str> =
        listed.split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0).collect();
    for part in files(&manifest) {
        assert!(found.contains(&&*format!("{prefix}/{part}")), "{part} is not among {found:?}");
    }
    // What was committed, and then once more by a run that had died before it knew, waits for its hour.
    let state: Value =
        serde_json::from_str(&get(&endpoint, &format!("{prefix}/.longshore/state.json"))).unwrap();
    let is_kept_for_readers = !state["retired"].as_array().unwrap().is_empty();
    assert!(found.len() == files(&manifest).len() || is_kept_for_readers, "{state} {found:?}");
    assert_eq!(state["claim"], Value::Null);
    let uploads = get(&endpoint, "?uploads");
    assert!(!uploads.contains(&format!("<Key>{prefix}/")), "{uploads}");
}

/// What the bucket answers to anybody.
fn get(endpoint: &str, what: &str) -> String {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("Host: {address}\r\nConnection: close\r\n");
    stream.write_all(format!("GET /lake/{what} HTTP/1.1\r\n{head}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
