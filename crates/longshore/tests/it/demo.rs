//! The demo, and what is left of it when the API is gone.

use std::path::Path;

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::Place;

#[test]
fn a_demo_ends_with_a_verified_archive_and_files_to_open() {
    let place = Place::new();
    let demo = ["demo", "--conversations", "40", "--once", "--json"];
    let ran = place.run(&demo);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report = ran.json();
    assert_eq!(report["verified"], true);
    assert_eq!(report["certificate"]["complete"], true);
    assert_eq!(report["conversations"], 40);
    assert_eq!(report["refused_429"], 0);
    for name in ["messages", "contacts", "requests", "seconds"] {
        assert!(report[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {}", report[name]);
    }
    assert_eq!(report["database"], "sqlite://longshore-demo/longshore.db");
    for file in [
        "certificate.json",
        "certificate.html",
        "longshore.toml",
        "export/ndjson/messages.ndjson",
        "export/csv/messages.csv",
    ] {
        assert!(place.path("longshore-demo").join(file).is_file(), "{file}");
    }

    works_without_the_api(&place, &report);
    let again = place.run(&demo);
    assert_eq!(again.json()["database"], report["database"], "the same demo goes on in its folder");
    let other = place.run(&["demo", "--conversations", "30", "--once", "--json"]);
    assert_eq!(
        other.json()["database"],
        "sqlite://longshore-demo/2/longshore.db",
        "another one moves beside it"
    );
}

fn works_without_the_api(place: &Place, demo: &Value) {
    let with = |words: &[&str]| {
        let ran = place.run(&[words, &["--config", "longshore-demo/longshore.toml", "--json"]].concat());
        assert_eq!(ran.code, 0, "{words:?}: {}\n{}", ran.stdout, ran.stderr);
        ran.json()
    };
    let status = with(&["status"]);
    assert_eq!(status["organizations"][0]["messages"], demo["messages"]);
    assert_eq!(status["organizations"][0]["runs"][0]["outcome"], "complete");
    assert_eq!(with(&["certificate", "--to", "proof"])["certificate"]["hash"], demo["certificate"]["hash"]);
    assert_eq!(with(&["verify", "--certificate", "proof/certificate.json"])["verified"], true);
    let export =
        with(&["export", "--format", "csv", "--to", "files", "--mask", "none", "--reason", "a test"]);
    assert_eq!(export["transcripts"], demo["conversations"]);
    assert!(Path::new(&place.path("files/conversations.csv")).is_file());
}

#[test]
fn a_changed_message_is_found_offline() {
    let place = Place::new();
    let ran = place.run(&["demo", "--conversations", "12", "--once", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let path = place.path("longshore-demo/certificate.json");
    let certificate = std::fs::read_to_string(&path).unwrap();
    let (head, hashes) = certificate.split_once("\"conversation_hashes\"").unwrap();
    let (before, hash) = hashes.split_once(", \"").unwrap();
    let digit = if hash.starts_with('0') { '1' } else { '0' };
    let spoilt = format!("{head}\"conversation_hashes\"{before}, \"{digit}{}", &hash[1..]);
    std::fs::write(&path, spoilt).unwrap();
    let words = [
        "verify",
        "--certificate",
        "longshore-demo/certificate.json",
        "--config",
        "longshore-demo/longshore.toml",
    ];
    let verified = place.run(&words);
    assert_eq!(verified.code, 3, "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains("its messages differ"), "{}", verified.stdout);
}

#[test]
fn a_message_changed_behind_our_back_is_found_offline() {
    let place = Place::new();
    assert_eq!(place.run(&["demo", "--conversations", "12", "--once", "--json"]).code, 0);
    let url = format!("sqlite://{}", place.path("longshore-demo/longshore.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut db = SqliteConnection::connect(&url).await.unwrap();
        let altered = "UPDATE messages SET body = 'never said' WHERE message_id = (SELECT MAX(message_id) FROM messages)";
        assert_eq!(db.execute(altered).await.unwrap().rows_affected(), 1);
        db.close().await.unwrap();
    });
    let verify = [
        "verify",
        "--certificate",
        "longshore-demo/certificate.json",
        "--config",
        "longshore-demo/longshore.toml",
    ];
    let verified = place.run(&verify);
    assert_eq!(verified.code, 3, "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains("its messages differ"), "{}", verified.stdout);
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let place = Place::new();
    place.write("thesis.txt", "mine");
    insta::assert_snapshot!(place.run(&["demo", "--once", "--dir", "."]).told(), @r"
    error: . holds files that are not a demo's
    hint: choose another folder with --dir
    exit 2
    ");
    assert_eq!(place.names(), ["thesis.txt"]);
}
