//! The audit log on the command line: every command that changes something leaves its entry, and whatever is done to the log
//! is found.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::{Double, Place, small, wait_until};

/// What each command tells the audit log; nothing for one that changes nothing but the mirror, or nothing at all.
const TOLD: &[(&str, &[&str])] = &[
    ("demo", &["connection.connect", "export.start", "export.finish"]),
    ("sandbox", &[]),
    ("connect", &["connection.connect", "connection.disconnect"]),
    ("archive", &[]),
    // The link of the first start.
    ("serve", &["user.credential"]),
    ("verify", &[]),
    ("certificate", &[]),
    ("export", &["export.start", "export.finish"]),
    ("export list", &[]),
    ("export show", &[]),
    ("export resume", &["export.start", "export.finish"]),
    ("export pause", &["export.finish"]),
    ("export cancel", &["export.finish"]),
    ("export verify", &[]),
    ("export erase", &["export.erase"]),
    ("export schedule", &["export.schedule"]),
    ("export schedules", &[]),
    ("export ask", &["export.ask"]),
    ("export unschedule", &["export.unschedule"]),
    ("lineage conversation", &[]),
    ("lineage contact", &[]),
    ("handover", &["export.start", "export.finish"]),
    ("transcript", &["export.finish"]),
    ("tail", &["consumer.create"]),
    ("endpoints add", &["endpoint.create"]),
    ("endpoints list", &[]),
    ("endpoints test", &[]),
    ("endpoints rotate", &["endpoint.rotate"]),
    ("endpoints disable", &["endpoint.disable"]),
    ("endpoints enable", &["endpoint.enable"]),
    ("endpoints replay", &["endpoint.replay"]),
    ("endpoints remove", &["endpoint.remove"]),
    ("consumers list", &[]),
    ("consumers pause", &["consumer.pause"]),
    ("consumers resume", &["consumer.resume"]),
    ("consumers rewind", &["consumer.rewind"]),
    ("bench", &[]),
    ("status", &[]),
    ("connections exposure", &[]),
    ("notices list", &[]),
    ("notices acknowledge", &["notice.acknowledge"]),
    ("explain", &[]),
    ("replay", &["conversation.refresh", "event.replay"]),
    ("queue list", &[]),
    ("queue counts", &[]),
    ("queue dead", &[]),
    ("queue replay", &["dead_letter.replay"]),
    ("queue discard", &["dead_letter.discard"]),
    ("queue pause", &["pause.set"]),
    ("queue resume", &["pause.end"]),
    ("queue pauses", &[]),
    ("schedules list", &[]),
    ("schedules set", &["schedule.set"]),
    ("schedules reset", &["schedule.set"]),
    ("webhooks token", &["webhook_token.set"]),
    ("webhooks listen", &[]),
    ("webhooks send", &[]),
    ("audit list", &[]),
    ("audit verify", &[]),
    ("audit export", &["audit.export"]),
    ("incident", &["incident.export"]),
    ("audit checkpoint", &[]),
    ("users add", &["user.create", "user.role", "user.credential"]),
    ("users list", &[]),
    ("users role", &["user.role"]),
    ("users reset-link", &["user.credential"]),
    ("users remove", &["user.remove"]),
    ("api-keys create", &["api_key.create"]),
    ("api-keys list", &[]),
    ("api-keys revoke", &["api_key.revoke"]),
    ("sessions list", &[]),
    ("sessions revoke", &["session.revoke"]),
    ("connections list", &[]),
    ("connections show", &[]),
    ("connections share", &["share_link.create"]),
    ("connections links", &[]),
    ("connections unshare", &["share_link.revoke"]),
    ("connections disconnect", &["connection.disconnect", "token.revoke", "key.destroy"]),
    ("keys show", &[]),
    ("keys rotate", &["key.rotate"]),
    ("honey plant", &["honey.plant"]),
    ("honey list", &[]),
    ("honey remove", &["honey.remove"]),
    ("doctor", &[]),
    ("config", &[]),
    ("completions", &[]),
    ("schema", &[]),
];

fn connected(double: &Double) -> Place {
    let place = Place::new();
    connect(&place, double);
    place
}

fn connect(place: &Place, double: &Double) {
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    let ran = place.run_with_stdin(&words, double.sandbox.private_token());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

fn entries(place: &Place) -> Vec<Value> {
    let report = place.run(&["audit", "list", "--json", "--limit", "10000"]).json();
    let mut entries = report["entries"].as_array().unwrap().clone();
    entries.reverse();
    entries
}

fn on_database(place: &Place, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", place.path("longshore.db").display());
        let mut db = SqliteConnection::connect(&url).await.unwrap();
        db.execute(statement).await.unwrap();
        db.close().await.unwrap();
    });
}

/// The commands of the page that a test holds to the program: those with parts by their parts.
fn commands() -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command-line.md");
    let page = std::fs::read_to_string(page).unwrap();
    let parts: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    let alone = page.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned);
    let alone = alone.filter(|name| {
        matches!(name.as_str(), "bench" | "export")
            || !parts.iter().any(|part| part.starts_with(&format!("{name} ")))
    });
    let parts = parts.iter().filter(|part| !part.starts_with("bench ")).cloned();
    alone.chain(parts).collect()
}

#[test]
fn every_command_is_told_or_known_to_change_nothing() {
    let told: BTreeSet<String> =
        TOLD.iter().map(|(name, _)| (*name).to_owned()).filter(|name| !name.is_empty()).collect();
    let found: BTreeSet<String> =
        commands().into_iter().filter(|name| name.chars().next().is_some_and(char::is_lowercase)).collect();
    assert_eq!(told, found);
}

/// Everything a person does with the program, once.
fn live(place: &Place, double: &Double) {
    let run = |words: &[&str]| {
        let ran = place.run(&[words, &["--set", "webhooks_private=true", "--set", &double.api()]].concat());
        assert_eq!(ran.code, 0, "{words:?}: {}{}", ran.stdout, ran.stderr);
        ran
    };
    run(&["archive", "--quiet"]);
    connect(place, double);
    let token = place.run_with_stdin(&["webhooks", "token"], "verification-canary");
    assert_eq!(token.code, 0, "{}", token.stderr);
    run(&["export", "--format", "csv", "--to", "out", "--mask", "none", "--reason", "a test"]);
    run(&["export", "schedule", "lake", "--cron", "0 3 * * *", "--format", "csv", "--to", "scheduled"]);
    run(&["export", "ask", "lake"]);
    run(&["export", "unschedule", "lake"]);
    let handed =
        run(&["handover", "--as", "neutral", "--to", "handed", "--reason", "a test", "--json"]).json();
    assert!(handed["conversations"].as_u64().unwrap() > 0);
    let lines = std::fs::read_to_string(place.path("handed/conversations.ndjson")).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    run(&["transcript", &first["conversation_id"].to_string(), "--reason", "a test"]);
    // The folder of the handover is left, and that is told.
    let erased = place.run(&["export", "erase", "--conversation", &first["conversation_id"].to_string()]);
    assert_eq!(erased.code, 3, "{}", erased.stderr);
    run(&["tail", "--consumer", "lake", "--no-follow", "--from", "beginning", "--to", "feed.ndjson"]);
    run(&["consumers", "pause", "lake"]);
    run(&["consumers", "resume", "lake"]);
    run(&["consumers", "rewind", "lake", "--to", "beginning"]);
    let added = run(&["endpoints", "add", "http://127.0.0.1:9/", "--from", "now", "--json"]).json();
    let id = added["endpoint_id"].as_str().unwrap();
    run(&["endpoints", "rotate", id]);
    run(&["endpoints", "disable", id]);
    run(&["endpoints", "enable", id]);
    run(&["endpoints", "replay", id, "--from", "beginning"]);
    run(&["endpoints", "remove", id]);
    run(&["schedules", "set", "sweep", "--cron", "*/15 * * * *"]);
    run(&["queue", "pause", "--kind", "deliver"]);
    run(&["queue", "resume", "--kind", "deliver"]);
    run(&["queue", "resume", "--kind", "deliver"]);
    bury(place);
    run(&["queue", "replay", "--all"]);
    bury(place);
    run(&["queue", "discard", "--all"]);
    run(&["replay", "conversation", "1"]);
    run(&["replay", "--since", "2020-01-01", "--until", "2030-01-01"]);
    run(&["keys", "rotate"]);
    let planted = run(&["honey", "plant", "--json"]).json();
    run(&["honey", "remove", planted["honey_id"].as_str().unwrap()]);
    run(&["users", "add", "grace@example.test", "--role", "analyst"]);
    run(&["users", "role", "grace@example.test", "auditor"]);
    run(&["users", "reset-link", "grace@example.test", "--authenticator"]);
    on_database(
        place,
        "INSERT INTO access_sessions (session_id, user_id, token_hash, csrf, created_at, seen_at, rotated_at, ends_at)
         SELECT '0198-1', user_id, x'00', '', 1, 1, 1, 1 FROM access_users",
    );
    run(&["sessions", "revoke", "--user", "grace@example.test"]);
    run(&["users", "remove", "grace@example.test"]);
    let key = run(&["api-keys", "create", "nightly", "--scope", "status:read", "--json"]).json();
    run(&["api-keys", "revoke", key["key_id"].as_str().unwrap()]);
    on_database(
        place,
        "INSERT INTO notices (org_id, kind, subject, message, first_at, last_at, times)
         SELECT org_id, 'vendor', 'sunset', '', 1, 1, 1 FROM connections LIMIT 1",
    );
    run(&["notices", "acknowledge", "vendor", "sunset"]);
    let shared = run(&["connections", "share", "--json"]).json();
    run(&["connections", "unshare", shared["link_id"].as_str().unwrap()]);
    run(&["connections", "disconnect", "--all", "--keep"]);
    run(&["audit", "export", "--to", "audit.ndjson"]);
    run(&["incident", "--since", "2h", "--until", "2100-01-01", "--to", "incident"]);
    run(&["audit", "checkpoint"]);
}

/// A dead letter, and an event that was routed.
fn bury(place: &Place) {
    on_database(
        place,
        "INSERT INTO jobs (job_id, org_id, kind, key, priority, state, payload, due_at, enqueued_at, signalled_at,
             signals, attempts, lease_number)
         SELECT '0199-' || (SELECT COUNT(*) FROM jobs) || '-' || hex(randomblob(4)), org_id, 'refresh_user', '5', 1,
             'dead', '{}', 1, 1, 1, 1, 1, 1 FROM connections LIMIT 1;
         INSERT OR IGNORE INTO events (event_id, org_id, kind, spelled, received_at, key, payload_form, routed_at,
             outcome)
         SELECT '0197-1', org_id, 'new_message', 'new_message', 1700000000000, x'00', 'none', 1700000000001, 'routed'
         FROM connections LIMIT 1",
    );
}

#[test]
fn every_command_that_changes_something_leaves_its_entry() {
    let double = Double::start(small());
    let place = connected(&double);
    live(&place, &double);
    let entries = entries(&place);
    let found: BTreeSet<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let told: BTreeSet<&str> = TOLD.iter().flat_map(|(_, actions)| actions.iter().copied()).collect();
    assert_eq!(found, told);
    let ended = entries.iter().filter(|entry| entry["action"] == "pause.end").count();
    assert_eq!(ended, 1, "what was not paused is not ended");
    for entry in &entries {
        assert_eq!(entry["actor_kind"], "command", "{entry}");
        let of_all = ["share_link.", "audit.", "incident.", "user.", "session.", "api_key.", "key.rotate"];
        let is_of_all = of_all.iter().any(|noun| entry["action"].as_str().unwrap().starts_with(noun));
        assert!(entry["org_id"].is_i64() || is_of_all, "{entry}");
    }
    let exported = entries.iter().find(|entry| entry["action"] == "export.finish").unwrap();
    assert!(exported["amount"].as_i64().unwrap() > 40, "{exported}");
    let text = serde_json::to_string(&entries).unwrap();
    for secret in [double.sandbox.private_token(), "verification-canary", "whsec_", "lsk_", "@"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn a_log_is_checked_with_its_database_and_without() {
    let double = Double::start(small());
    let place = connected(&double);
    for kind in ["deliver", "sweep", "compare"] {
        assert_eq!(place.run(&["queue", "pause", "--kind", kind]).code, 0);
    }
    let second = ["--set", "audit_checkpoint_file=second.ndjson"];
    let signed = place.run(&[&["audit", "checkpoint", "--json"], &second[..]].concat()).json();
    assert_eq!((&signed["signed"]["seq"], &signed["second_place"]["added"]), (&4.into(), &1.into()));
    let key = signed["public_key"].as_str().unwrap();
    let checked = place.run(&[&["audit", "verify", "--json", "--public-key", key], &second[..]].concat());
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert_eq!((&checked.json()["signed_entry"], &checked.json()["keys_checked"]), (&4.into(), &true.into()));
    assert_eq!(place.run(&["audit", "export", "--to", "log.ndjson"]).code, 0);
    let file = place.run(&["audit", "verify", "--file", "log.ndjson", "--checkpoints", "second.ndjson"]);
    assert_eq!(
        file.stdout.lines().next(),
        Some("Whole: 5 entries up to 5, 2 checkpoints, the last 1 not signed yet")
    );

    let text = std::fs::read_to_string(place.path("log.ndjson")).unwrap();
    place.write("log.ndjson", &text.replace("\"object_id\":\"sweep\"", "\"object_id\":\"swept\""));
    let file = place.run(&["audit", "verify", "--file", "log.ndjson"]);
    assert_eq!(file.code, 3);
    let fault = "NOT whole: entry 3 was changed: its hash does not follow from what it says and the entry before it\n";
    assert_eq!(file.stdout, fault);

    on_database(
        &place,
        "DROP TRIGGER audit_log_no_update; UPDATE audit_log SET object_id = 'swept' WHERE seq = 3",
    );
    let checked = place.run(&["audit", "verify", "--json"]);
    assert_eq!((checked.code, &checked.json()["first_bad_entry"]), (3, &3.into()));
    assert_eq!(place.run(&["audit", "verify"]).stdout, fault);
    let wrong = place.run(&["audit", "verify", "--file", "missing.ndjson"]);
    assert_eq!(wrong.code, 7, "{}", wrong.stderr);
    assert_eq!(place.run(&["audit", "verify", "--public-key", "abc"]).code, 2);
    assert_eq!(place.run(&["audit", "list", "--action", "nothing"]).code, 2);
}

#[cfg(unix)]
#[test]
fn a_node_signs_at_its_start_and_what_it_did_last() {
    let double = Double::start(small());
    let place = connected(&double);
    let set =
        ["--set", "audit_checkpoint_file=second.ndjson", "--set", &double.api(), "--listen", "127.0.0.1:0"];
    let child = place.command(&[&["serve"], &set[..]].concat()).spawn().unwrap();
    let lines = || std::fs::read_to_string(place.path("second.ndjson")).unwrap_or_default().lines().count();
    wait_until(|| lines() == 1);
    assert_eq!(place.run(&["queue", "pause", "--kind", "deliver"]).code, 0);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let ended = place.ran(child.wait_with_output().unwrap());
    assert_eq!((ended.code, lines()), (0, 2), "{}", ended.stderr);
    let checked = place.run(&["audit", "verify", "--checkpoints", "second.ndjson", "--json"]).json();
    assert_eq!((&checked["verified"], &checked["signed_entry"]), (&true.into(), &checked["last_entry"]));
}
