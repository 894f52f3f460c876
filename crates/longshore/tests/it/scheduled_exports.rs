//! Exports that come from time to time, on the command line and in a node that serves; and what goes out without a reason.

use serde_json::Value;

use crate::support::{Place, wait_until};

/// A folder with the archive of a small demo.
fn archived() -> Place {
    let place = Place::new();
    let ran = place.run(&["demo", "--once", "--json", "--conversations", "12", "--dir", "."]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    place
}

fn scheduled(place: &Place) -> Value {
    place.run(&["export", "schedules", "--json"]).json()["scheduled"].clone()
}

#[test]
fn a_node_makes_an_export_that_was_scheduled() {
    let place = archived();
    let words = ["export", "schedule", "lake", "--cron", "15 4 * * *", "--time-zone", "Europe/Berlin"];
    let what = ["--format", "parquet", "--to", "lake", "--incremental", "--keep-months", "12000"];
    let set = place.run(&[&words[..], &what[..]].concat());
    assert_eq!(set.code, 0, "{}", set.stderr);
    assert!(set.stdout.starts_with("lake comes next at "), "{}", set.stdout);
    let all = scheduled(&place);
    assert_eq!((&all[0]["cron"], &all[0]["time_zone"]), (&"15 4 * * *".into(), &"Europe/Berlin".into()));
    assert_eq!(
        (&all[0]["options"]["selection"]["mask"], &all[0]["last_run"]),
        (&"identifiers".into(), &Value::Null)
    );
    assert!(place.run(&["schedules", "list"]).stdout.contains("export lake"));

    let asked = place.run(&["export", "ask", "lake"]);
    assert!(asked.stdout.contains("no node works at present"), "{}", asked.stdout);
    let (mut node, _) = place.serve("worker", &[]);
    wait_until(|| scheduled(&place)[0]["last_run"]["state"] == "succeeded");
    node.kill().unwrap();
    node.wait().unwrap();
    assert_eq!(place.run(&["export", "verify", "--offline", "lake"]).code, 0);
    assert!(!std::fs::read_to_string(place.path("lake/manifest.json")).unwrap().contains("transcripts"));

    assert_eq!(place.run(&["export", "unschedule", "lake"]).code, 0);
    assert_eq!(scheduled(&place), Value::Array(Vec::new()));
    assert!(place.path("lake/manifest.json").exists(), "what was written stays");
    let told = place.run(&["audit", "list"]).stdout;
    for action in ["export.schedule", "export.ask", "export.finish", "export.unschedule"] {
        assert!(told.contains(action), "{action}: {told}");
    }
}

#[test]
fn what_cannot_be_scheduled_is_told_and_changes_nothing() {
    let place = archived();
    let every = |more: &[&str]| {
        let words = ["export", "schedule", "lake", "--cron", "*/5 * * * *", "--to", "lake"];
        place.run(&[&words[..], more].concat())
    };
    for (more, hint) in [
        (&["--format", "parquet", "--mask", "none"][..], "say why with --reason"),
        (&["--format", "csv", "--incremental"], "export with --format parquet"),
        (&["--format", "parquet", "--anew"], "--anew is for a single run"),
        (&["--format", "parquet", "--tables", "mesages"], "did you mean \"messages\"?"),
        (&["--format", "parquet", "--time-zone", "Berlin"], "an IANA name"),
    ] {
        let ran = every(more);
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{more:?}: {}", ran.stderr);
    }
    for words in [&["export", "unschedule", "lake"], &["export", "ask", "lake"]] {
        let ran = place.run(words);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("no export is scheduled as lake\nhint: "), "{}", ran.stderr);
    }
    assert_eq!(scheduled(&place), Value::Array(Vec::new()));
}

#[test]
fn people_are_masked_unless_somebody_says_why_not() {
    let place = archived();
    let emails = |folder: &str| {
        let contacts = std::fs::read_to_string(place.path(folder).join("contacts.ndjson")).unwrap();
        contacts.lines().filter(|line| line.contains('@')).count()
    };
    let masked = place.run(&["export", "--format", "ndjson", "--to", "masked"]);
    assert_eq!((masked.code, emails("masked")), (0, 0), "{}", masked.stderr);
    assert!(!place.path("masked/transcripts").exists() && !place.path("masked/attachments").exists());

    let refused = place.run(&["export", "--format", "ndjson", "--to", "whole", "--mask", "none"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("an export that masks nothing needs a reason"), "{}", refused.stderr);
    assert!(!place.path("whole").exists());

    let why = "the archive that legal keeps";
    let whole =
        place.run(&["export", "--format", "ndjson", "--to", "whole", "--mask", "none", "--reason", why]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert!(emails("whole") > 0 && place.path("whole/transcripts").exists());
    assert_eq!(place.run(&["export", "show", "--json"]).json()["options"]["reason"], why);
    let told = place.run(&["audit", "list", "--json"]).json();
    let started =
        told["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "export.start");
    let reasons: Vec<&Value> = started.map(|entry| &entry["reason"]).collect();
    assert_eq!(reasons.iter().filter(|reason| ***reason == "unmasked").count(), reasons.len() - 1);
}
