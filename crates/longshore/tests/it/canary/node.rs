//! A running node with its log, what a browser does to it, and its memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::support::wait_until;

pub(super) struct Node {
    child: Child,
    pub(super) address: String,
    said: Arc<Mutex<Vec<u8>>>,
    listening: Option<JoinHandle<()>>,
}

/// The memory of a process, in a file.
pub(super) struct Dump {
    pub(super) file: PathBuf,
    _folder: TempDir,
}

impl Node {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let report: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = report["listening"].as_str().unwrap().to_owned();
        let (mut stderr, said) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&said);
        let listening = std::thread::spawn(move || {
            let mut part = [0; 64 * 1024];
            while let Ok(read @ 1..) = stderr.read(&mut part) {
                kept.lock().unwrap().extend_from_slice(&part[..read]);
            }
        });
        Self { child, address, said, listening: Some(listening) }
    }

    /// The memory of the process, once no connection is open any more; `None` where that cannot be had.
    pub(super) fn dump(&self) -> Option<Dump> {
        let pid = self.child.id();
        // Connections that were closed here are noticed there.
        wait_until(|| established(pid) == 0);
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("core");
        let ran = Command::new("gcore").arg("-o").arg(&to).arg(pid.to_string()).output().ok()?;
        let file = folder.path().join(format!("core.{pid}"));
        if !ran.status.success() || !file.exists() {
            let required = std::env::var("LONGSHORE_TEST_DUMP_REQUIRED").is_ok_and(|value| value == "1");
            assert!(!required, "{}", String::from_utf8_lossy(&ran.stderr));
            return None;
        }
        Some(Dump { file, _folder: folder })
    }

    /// End it in good order; everything that it said.
    pub(super) fn end(mut self) -> String {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        assert!(self.child.wait().unwrap().success());
        self.listening.take().unwrap().join().unwrap();
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Open connections of a process that others than the database hold: those of its listening port.
fn established(pid: u32) -> usize {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let lines: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let ours = |line: &&Vec<&str>| sockets.iter().any(|socket| line.get(9) == Some(&socket.as_str()));
    // 0A: it listens; 01: a connection is open.
    let ports: Vec<&str> =
        lines.iter().filter(ours).filter(|line| line[3] == "0A").map(|line| line[1]).collect();
    lines.iter().filter(ours).filter(|line| line[3] == "01" && ports.contains(&line[1])).count()
}

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// One exchange with whoever listens there; the whole answer.
fn exchange(address: &str, head: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(socket, "{head}host: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A form, sent elsewhere; the whole answer.
pub(super) fn post(address: &str, path: &str, body: &str) -> String {
    exchange(address, &format!("POST {path} HTTP/1.1\r\n{FORM}"), body)
}

/// Where an answer sends the browser.
pub(super) fn sent(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_else(|| panic!("{answer}"))
}

/// A browser: it keeps cookies and the text of the last page's forms.
pub(super) struct Browser<'a> {
    node: &'a Node,
    cookies: BTreeMap<String, String>,
    csrf: String,
    /// Every text that was ever in a session's cookie.
    pub(super) kept: Vec<String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        Self { node, cookies: BTreeMap::new(), csrf: String::new(), kept: Vec::new() }
    }

    /// The whole answer.
    pub(super) fn get(&mut self, path: &str, header: &str) -> String {
        self.exchange(&format!("GET {path} HTTP/1.1\r\n{header}"), "")
    }

    /// The status.
    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> u16 {
        self.submit(path, fields)[9..12].parse().unwrap()
    }

    /// The whole answer to a form.
    pub(super) fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let csrf = self.csrf.clone();
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &csrf)
            .extend_pairs(fields)
            .finish();
        self.exchange(&format!("POST {path} HTTP/1.1\r\n{FORM}"), &body)
    }

    pub(super) fn webhook(&mut self, token: &str) -> String {
        let body = format!(
            r#"{{"type":"new_message","token":"{token}","orgId":1,"data":{{"id":7,"conversationId":1,"body":"x",
            "author":{{"type":"contact","id":7}},"createdAt":1717400001500}}}}"#
        );
        self.exchange("POST /webhooks/drift HTTP/1.1\r\ncontent-type: application/json\r\n", &body)
    }

    fn exchange(&mut self, head: &str, body: &str) -> String {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("cookie: {}\r\n", cookies.join("; ")) };
        let answer = exchange(&self.node.address, &format!("{head}{cookies}"), body);
        for line in answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                if name == "longshore" {
                    self.kept.push(value.clone());
                }
                self.cookies.insert(name.to_owned(), value);
            }
        }
        if let Some((_, rest)) = answer.split_once(r#"name="csrf" value=""#) {
            self.csrf = rest.split('"').next().unwrap().to_owned();
        }
        answer
    }
}
