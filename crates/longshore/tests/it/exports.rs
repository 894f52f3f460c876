//! Exports on the command line: what was made is listed, checked, traced and erased.

use serde_json::Value;

use crate::support::Place;

/// A folder with the archive of a small demo, and its exports.
fn archived() -> Place {
    let place = Place::new();
    let ran = place.run(&["demo", "--once", "--json", "--conversations", "12", "--dir", "."]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    place
}

#[test]
fn an_export_is_listed_shown_and_proves_itself() {
    let place = archived();
    let ran = place.run(&[
        "export", "--format", "parquet", "--to", "lake", "--json", "--mask", "none", "--reason", "a test",
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let report = ran.json();
    assert_eq!((&report["equal"], &report["signed"]), (&true.into(), &true.into()));
    let run = report["run_id"].as_str().unwrap();
    let listed = place.run(&["export", "list", "--json"]).json();
    assert_eq!(
        (&listed["runs"][0]["run_id"], &listed["runs"][0]["state"]),
        (&run.into(), &"succeeded".into())
    );
    let shown = place.run(&["export", "show", run, "--json"]).json();
    assert_eq!(shown["manifest"]["proof"]["equal"], true);
    assert_eq!(shown["parts"].as_array().unwrap().len(), report["tables"].as_array().unwrap().len());

    let verified = place.run(&["export", "verify", run, "--json"]);
    assert_eq!(
        (verified.code, &verified.json()["signature"]),
        (0, &Value::from("valid")),
        "{}",
        verified.stdout
    );
    assert_eq!(place.run(&["export", "verify", "--offline", "lake"]).code, 0);
    let file = report["tables"][0]["file"].as_str().unwrap();
    std::fs::remove_file(place.path("lake").join(file)).unwrap();
    let verified = place.run(&["export", "verify", "--offline", "lake", "--json"]);
    assert_eq!(verified.code, 3, "{}", verified.stdout);
    assert!(verified.stdout.contains("is missing"), "{}", verified.stdout);
}

#[test]
fn a_conversation_is_found_in_every_export_and_erased_from_it() {
    let place = archived();
    let lines = std::fs::read_to_string(place.path("export/ndjson/conversations.ndjson")).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let id = first["conversation_id"].to_string();
    let found = place.run(&["lineage", "conversation", &id]);
    assert!(
        found.stdout.contains("messages.csv") && found.stdout.contains("messages.ndjson"),
        "{}",
        found.stdout
    );
    let erased = place.run(&["export", "erase", "--conversation", &id, "--json"]);
    assert_eq!(erased.code, 0, "{}{}", erased.stdout, erased.stderr);
    let lines = std::fs::read_to_string(place.path("export/ndjson/conversations.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), 11);
    assert_eq!(place.run(&["export", "verify", "--offline", "export/ndjson"]).code, 0);
    assert!(place.run(&["audit", "list", "--json"]).stdout.contains("export.erase"));
}

#[test]
fn what_cannot_be_done_is_told_in_a_line() {
    let place = archived();
    for (words, told) in [
        (&["export", "show", "nothing"][..], "error: no export run is called nothing\nhint: "),
        (&["export", "resume", "nothing"], "error: no export run is called nothing\nhint: "),
        (&["export", "pause"], "is succeeded\nhint: "),
        (&["export", "cancel"], "is succeeded\nhint: "),
        (
            &["export", "verify", "--offline", "nowhere"],
            "error: nowhere has no manifest to verify it by\nhint: ",
        ),
        (
            &["export", "--format", "parquet", "--compress", "gzip", "--to", "nowhere"],
            "error: only NDJSON and CSV are compressed as they are told\nhint: ",
        ),
    ] {
        let ran = place.run(words);
        assert!(ran.code == 2 && ran.told().contains(told), "{words:?}: {}", ran.told());
    }
}
