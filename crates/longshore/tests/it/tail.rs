//! The change feed as lines: to a pipe, to a file, killed and gone on with; and moving the readers.

use std::io::{BufRead, BufReader};

use model::record::{Conversation, Snapshot};
use model::{ConversationId, Millis, OrgId};
use serde_json::Value;
use store::{DatabaseUrl, Db, OpenOptions, mirror};

use crate::support::{Double, Place, small, wait_until};

/// A connected place whose feed has these many changes, one a conversation.
struct Fed {
    place: Place,
    org: OrgId,
    runtime: tokio::runtime::Runtime,
    db: Db,
}

impl Fed {
    fn new(changes: i64) -> Self {
        let (place, double) = (Place::new(), Double::start(small()));
        let words = ["connect", "--token-stdin", "--set", &double.api()];
        let ran = place.run_with_stdin(&words, double.sandbox.private_token());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let org = OrgId(double.sandbox.world().org_id());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = DatabaseUrl::file(place.path("longshore.db"));
        let db = runtime.block_on(Db::open(&url, OpenOptions::default())).unwrap();
        let fed = Self { place, org, runtime, db };
        fed.grow(1..changes + 1);
        fed
    }

    fn grow(&self, conversations: std::ops::Range<i64>) {
        let snapshots: Vec<Snapshot> = conversations.map(snapshot).collect();
        self.runtime.block_on(async {
            let mut tx = self.db.begin().await.unwrap();
            mirror::apply(&mut tx, self.org, &snapshots, Millis(1_790_000_000_000)).await.unwrap();
            tx.commit().await.unwrap();
        });
    }

    fn seqs_in(&self, name: &str) -> Vec<i64> {
        seqs(&std::fs::read_to_string(self.place.path(name)).unwrap())
    }
}

fn snapshot(id: i64) -> Snapshot {
    let conversation = Conversation {
        conversation_id: ConversationId(id),
        contact_id: None,
        inbox_id: None,
        status: "open".to_owned(),
        created_at: None,
        updated_at: None,
        extra: "{}".to_owned(),
    };
    Snapshot { conversation, details: None, messages: None, fetched_at: Millis(1) }
}

fn seqs(lines: &str) -> Vec<i64> {
    let seq = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap();
    lines.lines().map(seq).collect()
}

fn all(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

#[test]
fn lines_come_in_order_from_where_one_likes() {
    let fed = Fed::new(1_200);
    let tail = |words: &[&str]| {
        let ran = fed.place.run(&[&["tail", "--no-follow"], words].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}");
        seqs(&ran.stdout)
    };
    assert_eq!(tail(&["--from", "beginning"]), all(1_200));
    assert_eq!(tail(&["--from", "1198"]), [1_198, 1_199, 1_200]);
    assert_eq!(tail(&["--from", "2026-09-21"]), all(1_200));
    assert_eq!(tail(&["--from", "2026-09-22"]), Vec::<i64>::new());
    assert_eq!(tail(&[]), Vec::<i64>::new(), "from now on");
    assert_eq!(tail(&["--from", "beginning", "--kind", "message_added"]), Vec::<i64>::new());
    let ran = fed.place.run(&["tail", "--kind", "nonsense"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn a_named_tail_goes_on_where_it_stood_and_can_be_moved() {
    let fed = Fed::new(10);
    let tail = || {
        let ran = fed.place.run(&["tail", "--no-follow", "--from", "beginning", "--consumer", "lake"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        seqs(&ran.stdout)
    };
    assert_eq!(tail(), all(10));
    assert_eq!(tail(), Vec::<i64>::new());
    fed.grow(11..14);
    assert_eq!(tail(), [11, 12, 13]);

    let rewound = fed.place.run(&["consumers", "rewind", "lake", "--to", "12", "--json"]).json();
    assert_eq!((&rewound["cursor_before"], &rewound["cursor"]), (&13.into(), &11.into()));
    let listed = fed.place.run(&["consumers", "list", "--json"]).json();
    assert_eq!(
        (&listed["consumers"][0]["name"], &listed["consumers"][0]["lag_changes"]),
        (&"lake".into(), &2.into())
    );
    assert_eq!(fed.place.run(&["consumers", "pause", "lake"]).code, 0);
    let paused = fed.place.run(&["tail", "--no-follow", "--consumer", "lake"]);
    assert_eq!(paused.code, 2, "{}", paused.stderr);
    assert_eq!(fed.place.run(&["consumers", "resume", "lake"]).code, 0);
    assert_eq!(tail(), [12, 13]);
    assert_eq!(fed.place.run(&["consumers", "pause", "nobody"]).code, 2);
}

#[test]
fn a_reader_that_went_away_is_not_an_error() {
    let fed = Fed::new(3_000);
    let mut child = fed.place.command(&["tail", "--from", "beginning"]).spawn().unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    fed.grow(3_001..3_002);
    assert_eq!(seqs(&first), [1]);
    let ran = fed.place.ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[cfg(unix)]
#[test]
fn a_file_holds_each_change_once_however_often_the_tail_is_killed() {
    let fed = Fed::new(0);
    let words = ["tail", "--from", "beginning", "--consumer", "lake", "--to", "feed.ndjson"];
    let path = fed.place.path("feed.ndjson");
    let bytes = || std::fs::metadata(&path).map_or(0, |file| file.len());
    let mut last = 0;
    for round in 0..6 {
        let before = bytes();
        let mut child = fed.place.command(&words).spawn().unwrap();
        // Killed at different places: as soon as anything of a batch is there, or among several batches.
        fed.grow(last + 1..last + 400 * (round + 1));
        last += 400 * (round + 1) - 1;
        wait_until(|| bytes() > before);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // As a kill in the middle of a line leaves it.
    let ran = fed.place.run(&[&words[..], &["--no-follow"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(fed.seqs_in("feed.ndjson"), all(last));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_tail_between_two_batches() {
    let fed = Fed::new(5);
    let words = ["tail", "--from", "beginning", "--consumer", "lake", "--to", "feed.ndjson"];
    let child = fed.place.command(&words).spawn().unwrap();
    wait_until(|| std::fs::metadata(fed.place.path("feed.ndjson")).is_ok_and(|file| file.len() > 0));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ran = fed.place.ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert_eq!(fed.seqs_in("feed.ndjson"), all(5));
}
