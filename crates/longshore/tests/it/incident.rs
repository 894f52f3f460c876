//! What happened in a window, in one folder that can be checked anywhere: what was read, by which grant, who asked at our doors; and
//! whatever is done to the folder is found. And what a grant lays open.

use std::fs;

use crate::support::{Double, Place, small};

fn archived() -> (Place, Double) {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    assert_eq!(place.run_with_stdin(&words, double.sandbox.private_token()).code, 0);
    assert_eq!(place.run(&["archive", "--quiet", "--set", &double.api()]).code, 0);
    (place, double)
}

fn verify(place: &Place, folder: &str, words: &[&str]) -> serde_json::Value {
    let ran = place.run(&[&["audit", "verify", "--json", "--bundle", folder], words].concat());
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.stderr);
    ran.json()
}

#[test]
fn a_bundle_tells_what_was_read_and_proves_it_without_the_database() {
    let (place, double) = archived();
    let token = double.sandbox.private_token().to_owned();
    drop(double);
    let made = place.run(&["incident", "--since", "2h", "--until", "2100-01-01", "--to", "bundle", "--json"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let made = made.json();
    let key = made["public_key"].as_str().unwrap().to_owned();
    assert_eq!((&made["signed"], &made["connections"]), (&true.into(), &1.into()));
    assert!(made["rows_read"].as_i64().unwrap() > 40, "{made}");

    let told: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("bundle/incident.json")).unwrap()).unwrap();
    let grant = &told["connections"][0];
    assert_eq!((&grant["state"], &grant["secrets"][0]["kind"]), (&"active".into(), &"access_token".into()));
    assert!(grant["last_used_at"].is_i64() && grant["objects"]["messages"]["rows_read"].as_i64() > Some(40));
    assert_eq!(told["audit"]["actions"]["connection.connect"]["entries"], 1);
    let page = fs::read_to_string(place.path("bundle/README.md")).unwrap();
    assert!(page.contains("GET /conversations/list") && page.contains("connection.connect"), "{page}");
    for name in ["incident.json", "README.md", "audit.ndjson", "manifest.json"] {
        let text = fs::read_to_string(place.path("bundle").join(name)).unwrap();
        assert!(!text.contains(&token) && !text.contains("example.com"), "{name}");
    }

    // Elsewhere, with neither the database nor the key.
    let elsewhere = Place::new();
    fs::create_dir(elsewhere.path("bundle")).unwrap();
    for entry in fs::read_dir(place.path("bundle")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, elsewhere.path("bundle").join(path.file_name().unwrap())).unwrap();
    }
    let checked = verify(&elsewhere, "bundle", &["--public-key", &key]);
    assert_eq!((&checked["verified"], &checked["signed_entry"]), (&true.into(), &checked["last_entry"]));
    let strange = verify(&elsewhere, "bundle", &["--public-key", &"0".repeat(64)]);
    assert_eq!(strange["verified"], false);
    assert_eq!(elsewhere.names(), ["bundle"]);
}

#[test]
fn whatever_is_done_to_a_bundle_is_found() {
    let (place, _double) = archived();
    let words = ["incident", "--since", "2h", "--until", "2100-01-01", "--to"];
    let check = |folder: &str, tamper: &dyn Fn(&std::path::Path), expected: &str| {
        assert_eq!(place.run(&[&words[..], &[folder]].concat()).code, 0);
        assert_eq!(verify(&place, folder, &[])["verified"], true);
        tamper(&place.path(folder));
        let found = verify(&place, folder, &[]);
        assert_eq!(found["verified"], false, "{folder}");
        assert!(found["fault"].as_str().unwrap().contains(expected), "{folder}: {found}");
    };
    let replace = |name: &'static str, from: &'static str, to: &'static str| {
        move |folder: &std::path::Path| {
            let text = fs::read_to_string(folder.join(name)).unwrap();
            assert!(text.contains(from), "{name}");
            fs::write(folder.join(name), text.replacen(from, to, 1)).unwrap();
        }
    };
    check(
        "rows",
        &replace("incident.json", "\"rows_read\": ", "\"rows_read\": 1"),
        "incident.json was changed",
    );
    check("page", &replace("README.md", "records read", "records kept"), "README.md was changed");
    check("log", &replace("audit.ndjson", "connection.connect", "export.start"), "audit.ndjson was changed");
    check("manifest", &replace("manifest.json", "\"bytes\": ", "\"bytes\": 1"), "manifest.json was changed");
    check("unsigned", &|folder| fs::remove_file(folder.join("manifest.sig")).unwrap(), "manifest.sig cannot");
    check(
        "missing",
        &|folder| fs::remove_file(folder.join("README.md")).unwrap(),
        "README.md cannot be read",
    );
    check("added", &|folder| fs::write(folder.join("more.txt"), "x").unwrap(), "more.txt was added");
    let again = place.run(&[&words[..], &["rows"]].concat());
    assert_eq!(again.code, 2, "{}", again.stderr);
    let backwards = place.run(&["incident", "--since", "1h", "--until", "2h", "--to", "never"]);
    assert_eq!(backwards.code, 2, "{}", backwards.stderr);
}

#[test]
fn without_the_key_the_bundle_is_made_and_says_that_it_is_not_signed() {
    let (place, _double) = archived();
    fs::rename(place.path("longshore.key"), place.path("away.key")).unwrap();
    let made = place.run(&["incident", "--since", "2h", "--until", "2100-01-01", "--to", "bundle", "--json"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(made.json()["signed"], false);
    let checked = verify(&place, "bundle", &[]);
    assert!(checked["fault"].as_str().unwrap().contains("is not signed"), "{checked}");
    let log = place.run(&["audit", "verify", "--json", "--file", "bundle/audit.ndjson"]);
    assert_eq!((log.code, &log.json()["verified"]), (0, &true.into()), "{}", log.stderr);
}

#[test]
fn what_a_grant_lays_open_is_told_by_scope() {
    let (place, _double) = archived();
    let told = place.run(&["connections", "exposure", "--json"]).json();
    let grant = &told["connections"][0];
    let scopes = grant["scopes"].as_array().unwrap();
    let read = scopes.iter().find(|scope| scope["scope"] == "conversation_read").unwrap();
    let opens = read["opens"].as_array().unwrap();
    let conversations = opens.iter().find(|opened| opened["objects"] == "conversations").unwrap();
    assert_eq!((&conversations["rows"], &read["unused"]), (&40.into(), &false.into()));
    assert!(read["calls"].as_i64() > Some(40) && grant["people"].as_i64() > Some(0), "{grant}");
    assert!(grant["proposal"].is_null(), "it was not watched for long enough");
    let org = grant["organization"].to_string();
    let text = place.run(&["connections", "exposure", &org]).stdout;
    assert!(text.contains("40 conversations") && text.contains("its use is recorded since"), "{text}");
    assert_eq!(place.run(&["connections", "exposure", "--all"]).code, 0);
    assert_eq!(place.run(&["connections", "exposure", "99"]).code, 4);
    assert_eq!(place.run(&["connections", "exposure", "99", "--all"]).code, 2);
}
