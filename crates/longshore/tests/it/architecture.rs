//! The directions of dependency in ARCHITECTURE.md, held against what Cargo builds.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// What each of our crates may depend on, tests aside.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("drift", &["model"]),
    ("sandbox", &["model"]),
    ("store", &["model"]),
    ("telemetry", &["model"]),
    ("sinks", &["model", "drift", "store"]),
    ("engine", &["model", "drift", "store", "sinks", "telemetry"]),
    ("web", &["model", "drift", "store", "sinks", "telemetry"]),
    ("longshore", &["model", "drift", "sandbox", "store", "sinks", "engine", "telemetry", "web"]),
];

/// Outside crates that only one of ours may know.
const KEPT: [(&str, &[&str]); 10] = [
    ("sqlx", &["store", "sinks"]),
    ("reqwest", &["drift"]),
    ("axum", &["sandbox", "web", "longshore"]),
    ("clap", &["longshore"]),
    ("prometheus-client", &["telemetry"]),
    ("chacha20poly1305", &["store"]),
    ("argon2", &["store"]),
    ("askama", &["web"]),
    ("totp-rs", &["web"]),
    ("openidconnect", &["web"]),
];

fn metadata() -> Value {
    let words = ["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"];
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO")).args(words).arg(manifest).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The dependencies of each of our crates, by its short name; those of tests left out.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let short = |name: &str| name.strip_prefix("longshore-").unwrap_or(name).to_owned();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter().filter(|one| one["kind"] != "dev");
        all.map(|one| short(one["name"].as_str().unwrap())).collect()
    };
    packages.iter().map(|package| (short(package["name"].as_str().unwrap()), of(package))).collect()
}

#[test]
fn dependencies_go_one_way() {
    let found = dependencies();
    let ours: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), {
        let mut names = ours.clone();
        names.sort_unstable();
        names
    });
    for (name, allowed) in ALLOWED {
        let used = found[name].iter().filter(|one| ours.contains(&one.as_str()));
        let forbidden: Vec<&String> = used.filter(|one| !allowed.contains(&one.as_str())).collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
}

#[test]
fn heavy_crates_are_kept_where_they_belong() {
    let found = dependencies();
    for (outside, allowed) in KEPT {
        let users: Vec<&String> = found
            .iter()
            .filter(|(name, used)| used.iter().any(|one| one == outside) && !allowed.contains(&name.as_str()))
            .map(|(name, _)| name)
            .collect();
        assert!(users.is_empty(), "{outside} is used by {users:?}");
    }
}
