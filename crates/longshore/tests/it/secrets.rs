//! No secret leaves: everything the program prints and writes is searched for the ones that went in.

use std::path::Path;

use sandbox::Options;

use crate::support::{Double, Place, small};

const TOKEN: &str = "canary-private-token-4711";

#[test]
fn a_token_is_neither_printed_nor_logged_nor_written_in_the_clear() {
    let place = Place::new();
    let double = Double::start(Options { private_token: Some(TOKEN.into()), ..small() });
    place.write(
        "longshore.toml",
        &format!("{}\"\nper_minute = 0\nlog = \"trace\"\n", double.api().replace('=', " = \"")),
    );
    let mut printed = String::new();
    let mut keep = |ran: crate::support::Ran| {
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        printed += &ran.stdout;
        printed += &ran.stderr;
    };
    keep(place.run_with_stdin(&["connect", "--token-stdin"], TOKEN));
    for words in [
        &["archive"][..],
        &["verify"],
        &["status"],
        &["config"],
        &["doctor"],
        &["certificate", "--to", "proof"],
    ] {
        keep(place.run(words));
    }
    keep(
        place.run(&["export", "--format", "ndjson", "--to", "files", "--mask", "none", "--reason", "a test"]),
    );
    assert!(printed.len() > 10_000, "the log was on");
    assert!(!printed.contains("canary"), "in what was printed");
    assert!(!printed.contains(&key(&place)), "the key was printed");
    search(&place.path(""));
}

fn key(place: &Place) -> String {
    std::fs::read_to_string(place.path("longshore.key")).unwrap().trim().to_owned()
}

fn search(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(6).any(|window| window == b"canary");
            assert!(!found, "in {}", path.display());
        }
    }
}
