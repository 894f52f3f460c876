//! Connecting: by a token, and by consent through a browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use sandbox::{Options, ScopeSet};

use crate::support::{Double, Place, small};

#[test]
fn a_private_token_connects_and_its_missing_scopes_are_named() {
    let place = Place::new();
    let scopes: ScopeSet =
        "conversation_read, contact_read, user_read, all_contact_read, account_read".parse().unwrap();
    let double = Double::start(Options { scopes, ..small() });
    let token = double.sandbox.private_token().to_owned();
    let ran = place.run_with_stdin(&["connect", "--token-stdin", "--json", "--set", &double.api()], &token);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["scopes_missing"], serde_json::json!(["playbook_read"]));
    assert!(ran.stderr.contains("hint: without playbook_read"), "{}", ran.stderr);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(&token));

    let doctor = place.run(&["doctor", "--json", "--set", &double.api()]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.stdout, doctor.stderr);
    let report = doctor.json();
    let state = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["state"].clone()
    };
    assert_eq!([state("api"), state("database"), state("connection")], ["passed", "passed", "warning"]);
}

#[test]
fn consent_goes_through_the_page_and_a_strangers_answer_is_refused() {
    let place = Place::new();
    let port = free_port();
    let redirect_uri = format!("http://127.0.0.1:{port}/callback");
    let double =
        Double::start(Options { redirect_uri: redirect_uri.clone(), second_question_mark: true, ..small() });
    let redirect = format!("redirect_uri={redirect_uri}");
    let words = [
        "connect",
        "--client-id",
        "sandbox-app",
        "--no-browser",
        "--json",
        "--set",
        &double.api(),
        "--set",
        &redirect,
    ];
    let mut child = place.command(&words).env("LONGSHORE_CLIENT_SECRET", "sandbox-secret").spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let page = loop {
        let mut line = String::new();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "the address is printed");
        if line.contains("/authorize?") {
            break line.trim().to_owned();
        }
    };

    let stranger = http(port, "GET /callback?code=stolen&state=wrong HTTP/1.1", "");
    assert!(stranger.starts_with("HTTP/1.1 400"), "{stranger}");
    let (_, query) = page.split_once('?').unwrap();
    let sent_back =
        http(double.address.port(), "POST /authorize HTTP/1.1", &format!("{query}&decision=allow"));
    let location = sent_back.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let (_, path) = location.split_once(&format!(":{port}")).unwrap();
    let welcome = http(port, &format!("GET {path} HTTP/1.1"), "");
    assert!(welcome.contains("You can close this window"), "{welcome}");

    let ran = place.ran(child.wait_with_output().unwrap());
    assert_eq!(ran.json()["kind"], "oauth");
    assert_eq!(ran.code, 0);
}

#[test]
fn a_missing_app_is_told() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["connect"]).told(), @r"
    error: the id of the Drift app is missing
    hint: give --client-id, or connect by a private app's token with --token-stdin
    exit 2
    ");
    insta::assert_snapshot!(place.run(&["connect", "--client-id", "app"]).told(), @r"
    error: the secret of the Drift app is missing
    hint: set LONGSHORE_CLIENT_SECRET or client_secret_file, or give --client-secret-stdin
    exit 2
    ");
    let elsewhere =
        ["connect", "--client-id", "app", "--set", "redirect_uri=https://longshore.example/callback"];
    let ran = place.ran(
        place.command(&elsewhere).env("LONGSHORE_CLIENT_SECRET", "s").stdin(Stdio::null()).output().unwrap(),
    );
    insta::assert_snapshot!(ran.told(), @r"
    error: redirect_uri https://longshore.example/callback does not lead to this machine
    hint: save an address such as http://127.0.0.1:PORT/callback with the app, and set redirect_uri to the same
    exit 2
    ");
    assert!(place.names().is_empty());
}

/// A free port below those that the system gives out by itself: no other test can be given it before it is used.
fn free_port() -> u16 {
    let first = 10_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 1_000).find(free).unwrap()
}

/// One exchange, as a browser would make it.
fn http(port: u16, line: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let form = "Content-Type: application/x-www-form-urlencoded";
    write!(
        stream,
        "{line}\r\nHost: 127.0.0.1:{port}\r\n{form}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
