//! Connections on the command line: shown, given up with Drift there and gone, and bad input.

use crate::support::{Double, Place, small};

fn connected() -> (Place, Double) {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    let ran = place.run_with_stdin(&words, double.sandbox.private_token());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (place, double)
}

#[test]
fn a_private_token_is_destroyed_and_said_to_be_revoked_by_hand() {
    let (place, _double) = connected();
    let listed = place.run(&["connections", "list", "--json"]).json();
    let one = &listed["connections"][0];
    assert_eq!((one["state"].as_str(), one["unused"].as_bool()), (Some("active"), Some(false)));
    let id = one["connection_id"].as_str().unwrap();

    let ran = place.run(&["connections", "disconnect", id, "--keep", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ended = &ran.json()["disconnected"][0];
    assert_eq!((ended["outcome"].as_str(), ended["destroyed"].as_bool()), (Some("by_hand"), Some(true)));
    assert!(ran.stderr.contains("dev.drift.com"), "{}", ran.stderr);
    let shown = place.run(&["connections", "show", id, "--json"]).json();
    assert_eq!(shown["state"], "disconnected");
    assert!(shown["disconnect"]["destroyed_at"].is_i64());
    let again = place.run(&["connections", "disconnect", "--all", "--keep"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, "there is nothing to disconnect\n"));
}

#[test]
fn with_drift_and_the_key_gone_the_secrets_are_destroyed_all_the_same() {
    let (place, double) = connected();
    drop(double);
    std::fs::remove_file(place.path("longshore.key")).unwrap();
    let refused = place.run(&["connections", "disconnect", "--all", "--erase"]);
    assert_ne!(refused.code, 0, "to revoke, the key is needed");
    let ran = place.run(&["connections", "disconnect", "--all", "--erase", "--without-revoking", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["disconnected"][0]["outcome"], "not_asked");
    assert!(ran.json()["disconnected"][0]["erased"].is_u64());
}

#[test]
fn what_is_meant_must_be_said() {
    let (place, _double) = connected();
    for words in [
        &["connections", "disconnect", "--all"][..],
        &["connections", "disconnect", "--keep"],
        &["connections", "disconnect", "--all", "--keep", "--erase"],
        &["connections", "disconnect", "nobody", "--keep"],
        &["connections", "show", "nobody"],
    ] {
        let ran = place.run(words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
}
