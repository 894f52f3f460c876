//! Three nodes on one PostgreSQL of their own: one is killed, one is stopped for a while and goes on, the database dies and
//! comes back. Nothing is lost, and the budget is kept by all together.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use crate::databases;
use crate::live::rehearse;
use crate::support::Place;

/// A PostgreSQL for one test.
struct Server {
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start(folder: PathBuf) -> Self {
        let url = script(&folder, "start");
        Self { folder, url }
    }

    /// The words that let it crash and come back.
    fn restart(&self) -> String {
        format!("LONGSHORE_POSTGRES_DIR={} {SCRIPT} restart", self.folder.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(&self.folder, "stop");
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.ci/postgres");

fn script(folder: &std::path::Path, word: &str) -> String {
    let ran = Command::new(SCRIPT).arg(word).env("LONGSHORE_POSTGRES_DIR", folder).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[test]
fn three_nodes_survive_a_death_a_stop_and_a_restart_of_the_database() {
    if databases::server().is_none() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("longshore-nodes-{}", std::process::id()));
    let server = Server::start(folder);
    let restart = server.restart();
    let words = ["--events", "2000", "--kills", "3", "--conversations", "200", "--late", "4"];
    let more = ["--nodes", "3", "--stop", "10", "--postgres", &server.url, "--halfway", &restart];
    rehearse(&Place::new(), &[&words[..], &more].concat());
}

#[test]
fn three_nodes_keep_one_budget_together() {
    let Some(database) = databases::postgres() else { return };
    let words = ["--events", "1500", "--kills", "0", "--conversations", "600", "--late", "2"];
    let more = ["--nodes", "3", "--rate", "1200", "--postgres", &database];
    let report = rehearse(&Place::new(), &[&words[..], &more].concat());
    assert_eq!(report["refused_429"], 0, "{report}");
    assert!(report["budget"]["busy_seconds"].as_f64().unwrap() >= 5.0, "{report}");
    assert!(report["budget"]["used"].as_f64().unwrap() >= 0.90, "{report}");
}

/// From now on what connects there reaches the server.
fn forward(from: TcpListener, to: String) {
    std::thread::spawn(move || {
        for inward in from.incoming().flatten() {
            let outward = TcpStream::connect(&to).unwrap();
            for (mut from, mut to) in [
                (inward.try_clone().unwrap(), outward.try_clone().unwrap()),
                (outward.try_clone().unwrap(), inward.try_clone().unwrap()),
            ] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
}

#[test]
fn a_node_that_starts_before_its_database_waits_for_it() {
    let Some(database) = databases::postgres() else { return };
    let (before, name) = database.rsplit_once('/').unwrap();
    let server = before.rsplit_once('@').unwrap().1.to_owned();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("{}/{name}", before.replace(&server, &nobody));
    let place = Place::new();
    let words = ["serve", "--json", "--listen", "127.0.0.1:0", "--roles", "worker", "--database", &url];
    let mut child = place.command(&words).spawn().unwrap();
    let mut told = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    while !told.contains("trying again for 30 s") {
        assert_ne!(stderr.read_line(&mut told).unwrap(), 0, "{told}");
    }
    forward(TcpListener::bind(&nobody).unwrap(), server);
    let mut report = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while serde_json::from_str::<serde_json::Value>(&report).is_err() {
        assert_ne!(stdout.read_line(&mut report).unwrap(), 0, "{told}{report}");
    }
    assert!(report.contains("\"listening\""), "{report}");
    child.kill().unwrap();
    child.wait().unwrap();
}
