//! Endpoints on the command line: added, tried, rotated, removed, and refused where they must not go.

use std::net::TcpListener;

use model::{Clock, Secret};
use sinks::webhook::SigningSecret;
use sinks::webhook::signature::{self, Headers};

use crate::receiver::{Received, receive};
use crate::support::{Double, Place, small};

fn connected() -> Place {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    let ran = place.run_with_stdin(&words, double.sandbox.private_token());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

#[test]
fn an_endpoint_is_added_tried_rotated_and_removed() {
    let place = connected();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let private = ["--set", "webhooks_private=true", "--json"];
    let run = |words: &[&str]| place.run(&[words, &private[..]].concat());

    let added = run(&["endpoints", "add", &url, "--kind", "message_added"]).json();
    let id = added["endpoint_id"].as_str().unwrap().to_owned();
    let first = SigningSecret::parse(&Secret::new(added["secret"].as_str().unwrap())).unwrap();
    let rotated = run(&["endpoints", "rotate", &id]).json();
    let second = SigningSecret::parse(&Secret::new(rotated["secret"].as_str().unwrap())).unwrap();

    let receiver = receive(listener, "204 No Content");
    let tried = run(&["endpoints", "test", &id]);
    assert_eq!((tried.code, &tried.json()["status"]), (0, &204.into()), "{}", tried.stderr);
    let Received { headers, body } = receiver.join().unwrap();
    let header = |name: &str| headers.iter().find(|(one, _)| one == name).unwrap().1.as_str();
    let told = Headers {
        id: header(signature::ID_HEADER),
        timestamp: header(signature::TIMESTAMP_HEADER),
        signature: header(signature::SIGNATURE_HEADER),
    };
    for secret in [first, second] {
        assert_eq!(signature::verify(&[secret], told, &body, drift::SystemClock.now()), Ok(()));
    }
    assert!(String::from_utf8(body).unwrap().starts_with(r#"{"type":"test.ping","#));

    let tried = run(&["endpoints", "test", &id]);
    assert_eq!((tried.code, &tried.json()["outcome"]), (5, &"unavailable".into()), "nobody listens now");
    assert_eq!(run(&["endpoints", "disable", &id]).code, 0);
    let listed = run(&["endpoints", "list"]);
    assert_eq!(listed.json()["endpoints"][0]["state"], "disabled");
    assert!(!listed.stdout.contains("whsec_"), "{}", listed.stdout);
    assert_eq!(run(&["endpoints", "enable", &id]).code, 0);
    assert_eq!(run(&["endpoints", "replay", &id, "--from", "beginning"]).json()["owed_again"], 0);
    assert_eq!(run(&["endpoints", "remove", &id]).code, 0);
    assert_eq!(run(&["endpoints", "remove", &id]).code, 2);
}

#[test]
fn a_private_address_is_refused_unless_it_is_allowed() {
    let place = connected();
    for url in
        ["http://example.com/", "https://127.0.0.1/", "https://2130706433/", "https://[::ffff:10.0.0.1]/"]
    {
        let ran = place.run(&["endpoints", "add", url]);
        assert_eq!(ran.code, 2, "{url}: {}", ran.stderr);
        assert!(ran.stderr.contains("webhooks_private"), "{}", ran.stderr);
    }
    let ran = place.run(&["endpoints", "add", "http://169.254.169.254/", "--set", "webhooks_private=true"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let words = ["endpoints", "add", "https://receiver.test/", "--secret-stdin"];
    let ran = place.run_with_stdin(&words, "whsec_canary");
    assert_eq!(ran.code, 2);
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
}
