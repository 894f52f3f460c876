//! Conversations handed over and shown, by the built program and without Drift.

use serde_json::Value;

use crate::support::Place;

/// A folder with the archive of a small demo, whose sandbox has ended.
fn archived() -> Place {
    let place = Place::new();
    let ran = place.run(&["demo", "--once", "--json", "--conversations", "12", "--dir", "."]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    place
}

#[test]
fn each_format_is_written_without_drift_and_tells_what_became_of_each_field() {
    let place = archived();
    for format in ["neutral", "intercom", "chatwoot", "hubspot", "zendesk"] {
        let ran = place.run(&["handover", "--as", format, "--to", format, "--reason", "a test", "--json"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let report = ran.json();
        assert_eq!((&report["format"], &report["conversations"]), (&format.into(), &12.into()));
        let lines = std::fs::read_to_string(place.path(format).join("conversations.ndjson")).unwrap();
        assert_eq!(lines.lines().count(), 12);
        let met: u64 = report["fields"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["field"] == "messages")
            .map(|line| line["count"].as_u64().unwrap())
            .sum();
        assert_eq!(Value::from(met), report["messages"], "{format}");
    }
    let shown = place.run(&["handover", "--as", "zendesk", "--to", "zendesk", "--reason", "a test"]);
    assert!(
        shown.stdout.contains("messages.body") && shown.stdout.contains("12 conversations"),
        "{}",
        shown.stdout
    );
    let audit = place.run(&["audit", "list", "--json"]);
    assert!(audit.stdout.contains("export.finish"), "{}{}", audit.stdout, audit.stderr);
}

#[test]
fn what_cannot_be_handed_over_is_told_in_a_line() {
    let place = archived();
    insta::assert_snapshot!(place.run(&["handover", "--as", "neutral", "--to", "out", "--conversation", "1", "--reason", "a test"]).told(), @r#"
    error: conversation 1 is not in the archive
    hint: check the number; "longshore status" tells what the archive holds
    exit 2
    "#);
    insta::assert_snapshot!(place.run(&["handover", "--as", "neutral", "--to", "export/ndjson", "--reason", "a test"]).told(), @r"
    error: export/ndjson holds an export in the format ndjson
    hint: choose another directory: one format, one directory
    exit 2
    ");
    insta::assert_snapshot!(
        place.run(&["handover", "--as", "neutral", "--to", "out", "--attachments-at", "ftp://files.test/", "--reason", "a test"]).told(),
        @r"
    error: --attachments-at ftp://files.test/: not the address of a folder
    hint: name an https address without ? and #
    exit 2
    "
    );
    insta::assert_snapshot!(place.run(&["transcript", "1", "--reason", "a test"]).told(), @r#"
    error: conversation 1 is not in the archive
    hint: check the number; "longshore status" tells what the archive holds
    exit 2
    "#);
    insta::assert_snapshot!(place.run(&["transcript", "1", "--reason", " "]).told(), @r"
    error: an export that masks nothing needs a reason
    hint: say why with --reason, in at most 500 bytes; an export can mask instead: --mask identifiers
    exit 2
    ");
    let silent = place.run(&["handover", "--as", "neutral", "--to", "out"]);
    assert!(silent.code == 2 && silent.stderr.contains("--reason <TEXT>"), "{}", silent.stderr);
    assert!(!place.path("out").exists());
}

#[test]
fn one_conversation_is_shown_in_each_form() {
    let place = archived();
    place.run(&["handover", "--as", "neutral", "--to", "out", "--reason", "a test", "--json"]);
    let lines = std::fs::read_to_string(place.path("out/conversations.ndjson")).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let id = first["conversation_id"].to_string();
    for (form, begin) in
        [("text", "Conversation "), ("html", "<!DOCTYPE html>"), ("markdown", "# Conversation ")]
    {
        let ran = place.run(&["transcript", &id, "--as", form, "--reason", "a test"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.to_lowercase().starts_with(&begin.to_lowercase()), "{}", ran.stdout);
        let json = place.run(&["transcript", &id, "--as", form, "--reason", "a test", "--json"]).json();
        assert_eq!(json["transcript"].as_str().unwrap().trim_end(), ran.stdout.trim_end());
    }
}
