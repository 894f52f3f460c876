//! A decoy on the command line, and the alarm that a running node raises when somebody touches it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use drift::SystemClock;
use model::Clock;

use crate::support::{Double, Place, small, wait_until};

/// An alarm is raised within this time, in milliseconds.
const ALARM_MS_MAX: i64 = 5_000;

fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A node with these roles; its address.
fn serve(place: &Place, roles: &str) -> (std::process::Child, String) {
    let words =
        ["serve", "--json", "--listen", "127.0.0.1:0", "--roles", roles, "--set", "metrics_public=true"];
    let mut child = place.command(&words).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut report = String::new();
    while serde_json::from_str::<serde_json::Value>(&report).is_err() {
        assert_ne!(stdout.read_line(&mut report).unwrap(), 0, "serve tells where it listens");
    }
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    (child, report["listening"].as_str().unwrap().to_owned())
}

#[test]
fn a_decoy_that_is_shown_at_the_api_raises_an_alarm_and_looks_like_any_wrong_key() {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    assert_eq!(place.run_with_stdin(&words, double.sandbox.private_token()).code, 0);
    let plant = |like: &str| place.run(&["honey", "plant", "--like", like, "--json"]).json();
    let (key, connection) = (plant("api-key"), plant("connection"));
    assert!(key["token"].as_str().unwrap().starts_with("lsk_"));
    let (mut child, address) = serve(&place, "console");
    let get = |path: &str, key: &str| {
        let head = format!("Host: {address}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n");
        exchange(&address, &format!("GET {path} HTTP/1.1\r\n{head}\r\n"))
    };
    let wrong = get("/api/v1/status", "lsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for (number, decoy) in [&key, &connection].into_iter().enumerate() {
        let (shown, token) = (SystemClock.now(), decoy["token"].as_str().unwrap());
        let answer = get("/api/v1/status", token);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(&answer), body(&wrong));
        let metric = format!("longshore_honey_touched {}\n", number + 1);
        wait_until(|| get("/metrics", token).contains(&metric));
        let waited = SystemClock.now().since(shown);
        assert!(waited < ALARM_MS_MAX, "the alarm took {waited} ms");
    }
    child.kill().unwrap();
    let said = place.ran(child.wait_with_output().unwrap()).stderr;
    for decoy in [&key, &connection] {
        let id = decoy["honey_id"].as_str().unwrap();
        assert!(said.contains(&format!("Honey token {id} of organization")), "{said}");
        assert!(!said.contains(decoy["token"].as_str().unwrap()));
        assert_eq!(place.run(&["honey", "remove", id]).code, 0);
    }
}

#[test]
fn a_decoy_that_is_shown_at_the_gateway_raises_an_alarm() {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    assert_eq!(place.run_with_stdin(&words, double.sandbox.private_token()).code, 0);
    let planted = place.run(&["honey", "plant", "--note", "in the wiki", "--json"]).json();
    let (id, token) = (planted["honey_id"].as_str().unwrap(), planted["token"].as_str().unwrap());
    assert!(!place.run(&["honey", "list"]).stdout.contains(token));

    let serve = [
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--roles",
        "gateway",
        "--set",
        "log=error",
        "--set",
        "metrics_public=true",
    ];
    let mut child = place.command(&serve).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut report = String::new();
    while serde_json::from_str::<serde_json::Value>(&report).is_err() {
        assert_ne!(stdout.read_line(&mut report).unwrap(), 0, "serve tells where it listens");
    }
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let address = report["listening"].as_str().unwrap();

    let body = format!(r#"{{"orgId":1,"type":"new_message","token":"{token}","data":{{}}}}"#);
    let head = format!("Host: {address}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    let length = body.len();
    let shown = SystemClock.now();
    let answer = exchange(
        address,
        &format!("POST /webhooks/drift HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{body}"),
    );
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let metrics = || exchange(address, &format!("GET /metrics HTTP/1.1\r\n{head}\r\n"));
    wait_until(|| metrics().contains("longshore_honey_touched 1\n"));
    let waited = SystemClock.now().since(shown);
    assert!(waited < ALARM_MS_MAX, "the alarm took {waited} ms");
    let listed = place.run(&["honey", "list", "--json"]).json();
    let line = &listed["honey_tokens"][0];
    assert_eq!((&line["uses"], line["touched_at"].is_i64()), (&1.into(), true));
    let status = place.run(&["status"]).stdout;
    assert!(status.contains(&format!("honey token {id} (in the wiki) was touched")), "{status}");

    child.kill().unwrap();
    let said = place.ran(child.wait_with_output().unwrap()).stderr;
    assert!(said.contains("ERROR") && said.contains(&format!("Honey token {id} of organization")), "{said}");
    assert!(!said.contains(token));
    assert_eq!(place.run(&["honey", "remove", id]).code, 0);
    assert_eq!(place.run(&["honey", "remove", id]).code, 2);
}
