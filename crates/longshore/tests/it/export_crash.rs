//! kill -9 at twenty moments of an export into each kind of database, then on: whole parts are kept, the result is the mirror, and
//! nothing is left over.

use std::process::Child;

use model::{Entropy, SeededEntropy};
use sandbox::{Options, Source};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::runtime::Runtime;

use crate::databases;
use crate::support::{Double, Place, small, wait_until};

const KILLS: u64 = 20;
const CONVERSATIONS: u64 = 300;
/// Parts that an export lets pass between its start and its death, at most.
const STRIDE: u64 = 12;
const DATABASE: &str = "sqlite://archive.db";

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
        let mut child = place.command(&export).spawn().unwrap();
        killed += u64::from(die_at_a_moment(&runtime, place, &mut child, parts));
    }
    assert!(killed > KILLS / 2, "only {killed} exports were killed");
    // Whoever died a moment ago may be taken to be there still.
    let mut last = place.run(&export);
    wait_until(|| {
        if last.code != 0 {
            last = place.run(&export);
        }
        last.code == 0
    });
    assert_eq!(last.json()["equal"], true, "{}", last.stdout);
    let verified = place.run(&["export", "verify", "--json", "--database", DATABASE]);
    assert_eq!(verified.json()["verified"], true, "{}{}", verified.stdout, verified.stderr);
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
