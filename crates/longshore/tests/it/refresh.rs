//! Processes that share a connection: one refresh for each expiry, a death in the middle of one included.

use serde_json::Value;

use crate::databases;
use crate::support::Place;

fn measured(extra: &[&str], engine: &str) -> Value {
    let place = Place::new();
    let words = ["bench", "refresh", "--json", "--quiet", "--processes", "4", "--callers", "64"];
    let ran = place.run(&[&words[..], extra].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let report = ran.json();
    eprintln!("{report}");
    assert_eq!((&report["engine"], &report["failed"]), (&engine.into(), &0.into()));
    assert_eq!(report["refreshes"], report["expiries"]);
    report
}

#[test]
fn four_processes_refresh_once_for_each_expiry() {
    let report = measured(&["--expiries", "5"], "SQLite");
    assert_eq!((&report["expiries"], &report["token_calls"]), (&5.into(), &5.into()));
    if let Some(database) = databases::postgres() {
        let report = measured(&["--expiries", "5", "--postgres", &database], "PostgreSQL");
        assert_eq!((&report["expiries"], &report["token_calls"]), (&5.into(), &5.into()));
    }
}

#[test]
fn a_process_that_is_killed_while_it_refreshes_is_taken_over() {
    let report = measured(&["--expiries", "1", "--kill"], "SQLite");
    assert!(report["takeover_s"].as_f64().unwrap() < 90.0, "{report}");
}

#[test]
fn a_process_that_is_killed_while_it_refreshes_is_taken_over_on_postgresql() {
    let Some(database) = databases::postgres() else { return };
    let report = measured(&["--expiries", "1", "--kill", "--postgres", &database], "PostgreSQL");
    assert!(report["takeover_s"].as_f64().unwrap() < 90.0, "{report}");
}
