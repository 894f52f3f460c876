//! Who may come in: the first link, users and keys on the command line, while a node runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::{Double, Place, small};

/// A running node.
struct Node {
    child: Child,
    address: String,
    /// What it said on stderr until it served.
    said: String,
}

impl Node {
    fn start(place: &Place) -> Self {
        let words = ["serve", "--listen", "127.0.0.1:0", "--json", "--log", "trace"];
        let mut child = place.command(&words).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        let address = report["listening"].as_str().unwrap().to_owned();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("serving until Ctrl-C") {
            assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
        }
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, address, said }
    }

    /// Status, and the whole answer.
    fn get(&self, path: &str, header: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{header}\r\n", self.address);
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        (answer[9..12].parse().unwrap(), answer)
    }

    fn with_key(&self, path: &str, key: &str) -> u16 {
        self.get(path, &format!("authorization: Bearer {key}\r\n")).0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connected() -> (Place, Double) {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    let ran = place.run_with_stdin(&words, double.sandbox.private_token());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (place, double)
}

#[test]
fn a_node_prints_a_link_for_its_owner_until_somebody_can_sign_in() {
    let (place, _double) = connected();
    let node = Node::start(&place);
    let link = node.said.lines().find(|line| line.contains("to become the owner")).unwrap();
    let path = link.split_once("/setup").unwrap().1.split(' ').next().unwrap();
    assert!(link.contains(&format!("http://{}/setup?code=", node.address)), "{link}");
    let (status, answer) = node.get(&format!("/setup{path}"), "");
    assert_eq!(status, 303, "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: longshore-link=")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let (status, page) = node.get("/setup", &format!("cookie: longshore-link={cookie}\r\n"));
    assert!(status == 200 && page.contains("Welcome to Longshore"), "{page}");
    drop(node);
    assert_eq!(place.run(&["users", "add", "ada@example.test", "--role", "owner", "--everywhere"]).code, 0);
    let node = Node::start(&place);
    assert!(!node.said.contains("to become the owner"), "{}", node.said);
}

#[test]
fn keys_open_a_running_node_as_far_as_they_may_and_are_revoked_at_once() {
    let (place, _double) = connected();
    let node = Node::start(&place);
    let created = place.run(&["api-keys", "create", "nightly", "--scope", "status:read", "--json"]).json();
    let key = created["key"].as_str().unwrap();
    assert_eq!(node.with_key("/api/v1/status", key), 200);
    assert_eq!(node.with_key("/api/v1/conversations/1/explain", key), 403);
    assert_eq!(node.with_key("/api/v1/status?org=77", key), 404);
    assert_eq!(node.with_key("/metrics", key), 403);
    let words = ["api-keys", "create", "prometheus", "--scope", "metrics:read", "--everywhere", "--json"];
    let metrics = place.run(&words).json();
    assert_eq!(node.with_key("/metrics", metrics["key"].as_str().unwrap()), 200);
    assert_eq!(node.get("/metrics", "").0, 401);
    let listed = place.run(&["api-keys", "list", "--json"]);
    assert!(!listed.stdout.contains("lsk_"), "{}", listed.stdout);
    assert_eq!(listed.json()["keys"].as_array().unwrap().len(), 2);
    let id = created["key_id"].as_str().unwrap();
    assert_eq!(place.run(&["api-keys", "revoke", id]).code, 0);
    assert_eq!(node.with_key("/api/v1/status", key), 401);
    assert_eq!(place.run(&["api-keys", "revoke", id]).code, 2, "revoked already");
    for folder in std::fs::read_dir(place.path("")).unwrap() {
        let bytes = std::fs::read(folder.unwrap().path()).unwrap();
        assert!(!bytes.windows(key.len()).any(|part| part == key.as_bytes()), "the key is kept as a hash");
    }
}

#[test]
fn users_are_added_made_something_else_and_removed() {
    let (place, _double) = connected();
    let added =
        place.run(&["users", "add", " Ada@Example.test", "--role", "owner", "--everywhere", "--json"]);
    let report = added.json();
    assert_eq!(report["name"], "ada@example.test");
    assert!(report["link"].as_str().unwrap().starts_with("http://127.0.0.1:PORT/setup?code="), "{report}");
    assert_eq!(place.run(&["users", "add", "grace", "--role", "analyst"]).code, 0);
    assert_eq!(place.run(&["users", "role", "grace", "reviewer"]).code, 0);
    let words: [&[&str]; 9] = [
        &["users", "list"],
        &["users", "add", "ada@example.test", "--role", "admin"],
        &["users", "remove", "ada@example.test"],
        &["users", "role", "nobody", "admin"],
        &["users", "add", "a b", "--role", "admin"],
        &["users", "add", "x", "--role", "king"],
        &["api-keys", "create", "x"],
        &["api-keys", "create", "x", "--role", "analyst", "--scope", "vault:write"],
        &["sessions", "revoke", "x"],
    ];
    let told = words.map(|words| {
        let ran = place.run(words);
        format!("$ longshore {}\n{}{}", words.join(" "), ran.stdout, ran.told())
    });
    insta::assert_snapshot!(told.join("\n\n"));
    assert_eq!(place.run(&["sessions", "list"]).stdout, "nobody is signed in\n");
    assert_eq!(place.run(&["users", "reset-link", "grace", "--authenticator", "--json"]).code, 0);
    assert_eq!(place.run(&["users", "remove", "grace"]).code, 0);
}
