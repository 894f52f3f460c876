//! A running node raises an alarm when a key comes with another program, and somebody takes note of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::support::{Double, Place, small, wait_until};

fn get(address: &str, path: &str, key: &str, program: &str) -> String {
    let head = format!("Host: {address}\r\nAuthorization: Bearer {key}\r\nUser-Agent: {program}\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_key_that_comes_with_another_program_raises_an_alarm() {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    assert_eq!(place.run_with_stdin(&words, double.sandbox.private_token()).code, 0);
    let made = place.run(&["api-keys", "create", "nightly", "--scope", "status:read", "--json"]).json();
    let (key, id) = (made["key"].as_str().unwrap(), made["key_id"].as_str().unwrap());
    let serve = ["serve", "--json", "--listen", "127.0.0.1:0", "--roles", "console"];
    let set = ["--set", "log=error", "--set", "metrics_public=true"];
    let mut child = place.command(&[&serve[..], &set[..]].concat()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut report = String::new();
    while serde_json::from_str::<serde_json::Value>(&report).is_err() {
        assert_ne!(stdout.read_line(&mut report).unwrap(), 0, "serve tells where it listens");
    }
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let address = report["listening"].as_str().unwrap();

    for program in ["curl/8.5.0", "curl/8.11.1", "python-requests/2.31 (somebody-canary)"] {
        let answer = get(address, "/api/v1/status", key, program);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let raised = || get(address, "/metrics", key, "curl/8.5.0");
    wait_until(|| raised().contains("longshore_use_alarms_total{kind=\"new_client\"} 1\n"));
    let listed = place.run(&["notices", "list", "--json"]).json();
    let notice = &listed["notices"][0];
    assert_eq!((&notice["kind"], &notice["subject"]), (&"use".into(), &format!("new_client/{id}").into()));
    assert!(notice["message"].as_str().unwrap().contains("with python-"), "{notice}");

    child.kill().unwrap();
    let said = place.ran(child.wait_with_output().unwrap()).stderr;
    assert!(said.contains("ERROR") && said.contains("Unusual use: API key"), "{said}");
    assert!(!said.contains(key) && !said.contains("somebody-canary"), "{said}");
    let subject = notice["subject"].as_str().unwrap();
    assert_eq!(place.run(&["notices", "acknowledge", "use", subject]).code, 0);
    assert_eq!(place.run(&["notices", "acknowledge", "use", subject]).code, 2);
    assert_eq!(place.run(&["notices", "list"]).stdout, "there are no notices\n");
    let told = place.run(&["audit", "list", "--action", "alarm.raise", "--json"]).json();
    assert_eq!(
        (&told["entries"][0]["object_id"], &told["entries"][0]["reason"]),
        (&id.into(), &"new_client".into())
    );
}
