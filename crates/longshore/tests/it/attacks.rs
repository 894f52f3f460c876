//! Attacks on the whole program, one each, tried and refused: where it may be sent to, and where it may write.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Double, Place, small};

/// A port of this machine that counts who comes, and answers everybody with this.
struct Inner {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Inner {
    fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, visits) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&visits);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut socket = socket.unwrap();
                let _ = socket.read(&mut [0; 4_096]);
                let _ = socket.write_all(answer.as_bytes());
            }
        });
        Self { port, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

fn connected() -> Place {
    let (place, double) = (Place::new(), Double::start(small()));
    let words = ["connect", "--token-stdin", "--set", &double.api()];
    let ran = place.run_with_stdin(&words, double.sandbox.private_token());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

#[test]
fn ssrf_no_spelling_of_a_private_address_becomes_an_endpoint() {
    let place = connected();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "localhost",
        "localhost.",
        "x.localhost",
        "metadata.google.internal",
        "①②⑦.⓪.⓪.①",
        "user@127.0.0.1",
    ] {
        let ran = place.run(&["endpoints", "add", &format!("https://{host}/hook")]);
        assert_eq!(ran.code, 2, "{host}: {}", ran.stdout);
    }
    for scheme in [
        "http://receiver.test/",
        "file:///etc/passwd",
        "gopher://receiver.test/",
        "ftp://receiver.test/",
        "//receiver.test/",
    ] {
        assert_eq!(place.run(&["endpoints", "add", scheme]).code, 2, "{scheme}");
    }
    let listed = place.run(&["endpoints", "list", "--json"]).json();
    assert_eq!(listed["endpoints"], serde_json::json!([]));
}

#[test]
fn ssrf_a_name_that_leads_inside_is_not_followed_there() {
    let place = connected();
    let inner = Inner::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into());
    // What a name service answers later than at the check: the address is judged in the moment it is connected to.
    let rebound = format!("resolve=rebound.test=127.0.0.1:{}", inner.port);
    let added = place.run(&["endpoints", "add", "https://rebound.test/hook", "--json"]).json();
    let id = added["endpoint_id"].as_str().unwrap();
    let tried = place.run(&["endpoints", "test", id, "--json", "--set", &rebound]);
    assert_ne!(tried.code, 0, "{}", tried.stdout);
    assert!(
        format!("{}{}", tried.stdout, tried.stderr).contains("must not be reached"),
        "{}{}",
        tried.stdout,
        tried.stderr
    );
    assert_eq!(inner.visits(), 0);
}

#[test]
fn ssrf_a_redirect_is_not_followed() {
    let place = connected();
    let inner = Inner::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into());
    let to = format!("http://127.0.0.1:{}/latest/meta-data", inner.port);
    let outer = Inner::start(format!(
        "HTTP/1.1 307 Moved\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    ));
    let private = ["--set", "webhooks_private=true"];
    let url = format!("http://127.0.0.1:{}/hook", outer.port);
    let added = place.run(&[&["endpoints", "add", &url, "--json"], &private[..]].concat()).json();
    let id = added["endpoint_id"].as_str().unwrap();
    assert_ne!(place.run(&[&["endpoints", "test", id], &private[..]].concat()).code, 0);
    // Nor are those of Drift's API: the token would go along.
    let api = format!("api_url=http://127.0.0.1:{}", outer.port);
    assert_ne!(place.run_with_stdin(&["connect", "--token-stdin", "--set", &api], "canary-token").code, 0);
    assert!(outer.visits() >= 2, "{}", outer.visits());
    assert_eq!(inner.visits(), 0);
}

#[test]
fn ssrf_an_identity_provider_is_not_looked_for_inside() {
    let place = Place::new();
    let inner = Inner::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into());
    let words = [
        "serve".to_owned(),
        "--listen".into(),
        "127.0.0.1:0".into(),
        "--roles".into(),
        "console".into(),
        "--json".into(),
        "--set".into(),
        format!("resolve=rebound.test=127.0.0.1:{}", inner.port),
        "--set".into(),
        "oidc_issuer=https://rebound.test".into(),
        "--set".into(),
        "oidc_client_id=x".into(),
        "--set".into(),
        "public_url=https://longshore.test".into(),
    ];
    let mut child = place.command(&words).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let report: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = report["listening"].as_str().unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET /sign-in/oidc HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(inner.visits(), 0);
}

/// Every file in a folder and those in it, with what it holds.
fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(tree(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[cfg(unix)]
#[test]
fn path_traversal_an_export_writes_and_removes_in_its_folder_alone() {
    let (place, double) = (Place::new(), Double::start(small()));
    let api = double.api();
    let words = ["connect", "--token-stdin", "--set", &api];
    assert_eq!(place.run_with_stdin(&words, double.sandbox.private_token()).code, 0);
    assert_eq!(place.run(&["archive", "--set", &api, "--set", "per_minute=0"]).code, 0);
    let outside = place.path("outside");
    std::fs::create_dir(&outside).unwrap();
    for name in ["messages.ndjson", "a.txt", "messages.csv"] {
        place.write(&format!("outside/{name}"), "not yours");
    }
    let before = tree(&outside);
    let export = || {
        place.run(&["export", "--format", "ndjson", "--to", "files", "--mask", "none", "--reason", "a test"])
    };
    assert_eq!(export().code, 0);
    // Somebody who may write there lays links out, and names files elsewhere in the manifest.
    let link = |name: &str, to: &Path| {
        let at = place.path("files").join(name);
        let _ = std::fs::remove_file(&at).or_else(|_| std::fs::remove_dir_all(&at));
        std::os::unix::fs::symlink(to, at).unwrap();
    };
    link("messages.ndjson", &outside.join("messages.ndjson"));
    link("messages.ndjson.partial", &outside.join("a.txt"));
    link("transcripts", &outside);
    link("attachments", &outside);
    let manifest = std::fs::read_to_string(place.path("files/manifest.json")).unwrap();
    let evil = manifest.replace("\"contacts.ndjson\"", "\"../outside/messages.csv\"");
    assert_ne!(evil, manifest);
    place.write("files/manifest.json", &evil);
    export();
    assert_eq!(tree(&outside), before);
    let again = place.run(&[
        "export",
        "--format",
        "csv",
        "--to",
        "files/../files/./",
        "--mask",
        "none",
        "--reason",
        "a test",
    ]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(tree(&outside), before);
    let refused =
        place.run(&["export", "--format", "csv", "--to", "outside", "--mask", "none", "--reason", "a test"]);
    assert_eq!(refused.code, 2, "a folder that holds something else: {}", refused.stderr);
    assert_eq!(tree(&outside), before);
}
