//! A decoy on the command line, and the alarm that a running node raises when somebody touches it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use drift::SystemClock;
use model::Clock;

use crate::support::{Double, Place, small, wait_until};

/// An alarm is raised within this time, in milliseconds.
const ALARM_MS_MAX: i64 = 5_000;
/// A machine may stand still for a while, a node that is late is so each time.
const TOUCHES_MAX: i64 = 3;

/// Touch a decoy until its alarm comes in time; answers how often. `touch` is told how many touches there are then, and returns when all
/// of them have been told of.
fn alarm_in_time(before: i64, mut touch: impl FnMut(i64)) -> i64 {
    let mut waited = Vec::new();
    for touched in before + 1..=before + TOUCHES_MAX {
        let shown = SystemClock.now();
        touch(touched);
        waited.push(SystemClock.now().since(shown));
        if waited.last().is_some_and(|ms| *ms < ALARM_MS_MAX) {
            return touched;
        }
    }
    panic!("the alarms took {waited:?} ms");
}

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
    let mut touched = 0;
    for decoy in [&key, &connection] {
        let token = decoy["token"].as_str().unwrap();
        touched = alarm_in_time(touched, |touched| {
            let answer = get("/api/v1/status", token);
            assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
            let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
            assert_eq!(body(&answer), body(&wrong));
            let metric = format!("longshore_honey_touched {touched}\n");
            wait_until(|| get("/metrics", token).contains(&metric));
        });
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
    let touched = alarm_in_time(0, |touched| {
        let answer = exchange(
            address,
            &format!("POST /webhooks/drift HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{body}"),
        );
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let metric = format!("longshore_honey_touched {touched}\n");
        wait_until(|| exchange(address, &format!("GET /metrics HTTP/1.1\r\n{head}\r\n")).contains(&metric));
    });
    let listed = place.run(&["honey", "list", "--json"]).json();
    let line = &listed["honey_tokens"][0];
    assert_eq!((&line["uses"], line["touched_at"].is_i64()), (&touched.into(), true));
    let status = place.run(&["status"]).stdout;
    assert!(status.contains(&format!("honey token {id} (in the wiki) was touched")), "{status}");

    child.kill().unwrap();
    let said = place.ran(child.wait_with_output().unwrap()).stderr;
    assert!(said.contains("ERROR") && said.contains(&format!("Honey token {id} of organization")), "{said}");
    assert!(!said.contains(token));
    assert_eq!(place.run(&["honey", "remove", id]).code, 0);
    assert_eq!(place.run(&["honey", "remove", id]).code, 2);
}
