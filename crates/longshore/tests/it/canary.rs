//! Nothing leaks: secrets are planted in every input, the program lives its life with the log at its finest, and every byte
//! that it wrote is scanned: databases, journals, dumps, logs, metrics, pages, exports, checkpoints, and the memory of a node
//! that has nothing to do any more.
//!
//! What a secret is printed for (a new key, a link) is the one place where it may stand, and is left out by name.

mod node;
pub(crate) mod scan;
pub(crate) mod vault;

use std::process::Command;

use sandbox::Options;
use store::DatabaseUrl;

use crate::databases;
use crate::support::{Double, Place, Ran, small};
use node::{Browser, Node};
use scan::Scan;

const PRIVATE: &str = "canary-private-token-4711-abcdef";
const CLIENT: &str = "canary-client-secret-4711-abcdef";
const WEBHOOK: &str = "canary-verification-token-4711-ab";
const PASSWORD: &str = "canary pass\"word\\ é/+ 4711";
const WRONG: &str = "canary-wrong-password-4711-abcdef";
const OIDC: &str = "canary-oidc-client-secret-4711-ab";
const ADMIN: &str = "canary-key-of-the-settings-4711-ab";
const DATABASE: &str = "canary-database-password-4711";

/// Where browsers reach the node, as it is told: nothing listens there.
const BASE: &str = "http://127.0.0.1:1";
/// The files that secrets of the settings are read from.
const GIVEN: [&str; 3] = ["oidc-secret", "client-secret", "admin-token"];

/// A place, what was planted there, and what it said.
struct Life {
    place: Place,
    double: Double,
    database: String,
    secrets: Vec<(String, String)>,
    said: Vec<(String, String)>,
}

impl Life {
    fn new(database: &str) -> Self {
        let place = Place::new();
        let options = Options {
            private_token: Some(PRIVATE.into()),
            client_secret: CLIENT.into(),
            redirect_uri: format!("{BASE}/connect/drift/callback"),
            ..small()
        };
        let double = Double::start(options);
        let mut life =
            Self { place, double, database: database.to_owned(), secrets: Vec::new(), said: Vec::new() };
        for (name, secret) in [
            ("private token", PRIVATE),
            ("client secret", CLIENT),
            ("verification token", WEBHOOK),
            ("password", PASSWORD),
            ("wrong password", WRONG),
            ("secret for the identity provider", OIDC),
            ("key of the settings", ADMIN),
        ] {
            life.plant(name, secret);
        }
        if database.contains(DATABASE) {
            life.plant("database password", DATABASE);
        }
        for (name, secret) in GIVEN.iter().zip([OIDC, CLIENT, ADMIN]) {
            life.place.write(name, secret);
        }
        life.place.write(
            "longshore.toml",
            &format!(
                "log = \"trace\"\nper_minute = 0\napi_url = \"http://{}\"\npublic_url = \"{BASE}\"\n\
                 client_id = \"sandbox-app\"\nclient_secret_file = \"client-secret\"\n\
                 admin_token_file = \"admin-token\"\noidc_issuer = \"http://{}\"\noidc_private = true\noidc_client_id = \"longshore\"\n\
                 oidc_client_secret_file = \"oidc-secret\"\nwebhooks_private = true\n",
                life.double.address, life.double.address
            ),
        );
        life
    }

    fn plant(&mut self, name: &str, secret: &str) {
        self.secrets.push((name.to_owned(), secret.to_owned()));
    }

    fn scan(&self) -> Scan {
        Scan::of(self.secrets.iter().map(|(name, secret)| (name.as_str(), secret.as_str())))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(words);
        command.env("LONGSHORE_DATABASE", &self.database);
        command
    }

    /// Run; what it says is scanned at the end. A report that tells a new secret is kept from that.
    fn run(&mut self, words: &[&str], stdin: Option<&str>, code: i32) -> Ran {
        let mut command = self.command(words);
        if let Some(text) = stdin {
            self.place.write("stdin", text);
            command.stdin(std::fs::File::open(self.place.path("stdin")).unwrap());
        }
        let ran = self.place.ran(command.output().unwrap());
        let _ = std::fs::remove_file(self.place.path("stdin"));
        assert_eq!(ran.code, code, "{words:?}: {}", ran.stderr);
        self.said.push((format!("the log of {words:?}"), ran.stderr.clone()));
        ran
    }

    fn tell(&mut self, words: &[&str], code: i32) {
        let ran = self.run(words, None, code);
        self.said.push((format!("the report of {words:?}"), ran.stdout));
    }

    /// A new secret that the report of a command tells; its name there.
    fn make(&mut self, words: &[&str], stdin: Option<&str>, field: &str) -> String {
        let report = self.run(&[words, &["--json"]].concat(), stdin, 0).json();
        let secret = report[field].as_str().unwrap_or_else(|| panic!("{report}")).to_owned();
        let secret = secret.split_once("?code=").map_or(secret.clone(), |(_, code)| code.to_owned());
        self.plant(&format!("{field} of {words:?}"), &secret);
        secret
    }

    /// Plant the tokens in the vault.
    fn plant_tokens(&mut self, when: &str) -> Vec<String> {
        let tokens = self.tokens();
        for (number, token) in tokens.iter().enumerate() {
            self.plant(&format!("token {number} {when}"), token);
        }
        tokens
    }

    /// The tokens in the vault.
    fn tokens(&self) -> Vec<String> {
        let url = match self.database.strip_prefix("sqlite://") {
            Some(file) => DatabaseUrl::file(self.place.path(file)),
            None => DatabaseUrl::parse(&self.database).unwrap(),
        };
        vault::tokens(&url, &self.place.path("longshore.key"))
    }
}

/// Everything but the node.
fn commands(life: &mut Life) {
    life.run(&["connect", "--token-stdin"], Some(PRIVATE), 0);
    assert_eq!(life.tokens(), [PRIVATE], "the secret is there to be found, sealed");
    life.run(&["webhooks", "token"], Some(WEBHOOK), 0);
    life.make(&["api-keys", "create", "nightly", "--role", "owner", "--everywhere"], None, "key");
    life.make(&["endpoints", "add", "http://127.0.0.1:9/hook"], None, "secret");
    life.make(&["honey", "plant"], None, "token");
    life.make(&["honey", "plant", "--like", "api-key"], None, "token");
    life.make(&["users", "add", "grace@example.test", "--role", "admin"], None, "link");
    for words in [
        &["archive"][..],
        &["verify"],
        &["status"],
        &["status", "--json"],
        &["config"],
        &["keys", "show"],
        &["api-keys", "list"],
        &["endpoints", "list"],
        &["honey", "list"],
        &["users", "list"],
        &["certificate", "--to", "proof"],
        &["export", "--format", "ndjson", "--to", "files", "--mask", "none", "--reason", "a test"],
        &["handover", "--as", "zendesk", "--to", "handed", "--reason", "a test"],
        &["audit", "verify"],
        &["audit", "export", "--to", "audit.ndjson"],
        &["keys", "rotate", "--data-keys"],
        &["doctor"],
    ] {
        life.tell(words, 0);
    }
    // Refusals and mistakes: a secret where none belongs.
    life.tell(&["status", "--database", "mysql://u:canary-private-token-4711-abcdef@h/n"], 2);
    let wrong = life.run(&["connect", "--token-stdin"], Some(WRONG), 4);
    life.said.push(("a refused token".into(), wrong.stdout));
}

/// A node: webhooks, pages, API, each with what is right and with what is wrong.
fn serve(life: &mut Life) -> Node {
    let owner =
        life.make(&["users", "add", "ada@example.test", "--role", "owner", "--everywhere"], None, "link");
    let key = life.secrets.iter().find(|(name, _)| name.starts_with("key of")).unwrap().1.clone();
    let node = Node::start(life.command(&["serve", "--listen", "127.0.0.1:0", "--json"]));
    let mut ada = Browser::new(&node);
    ada.get(&format!("/setup?code={owner}"), "");
    ada.get("/setup", "");
    ada.post("/setup", &[("name", "ada@example.test"), ("password", PASSWORD), ("again", PASSWORD)]);
    for (password, status) in [(WRONG, 401), (PASSWORD, 303)] {
        ada.get("/sign-in", "");
        let fields = [("name", "ada@example.test"), ("password", password), ("code", "")];
        assert_eq!(ada.post("/sign-in", &fields), status);
    }
    ada.get("/account", "");
    assert_eq!(ada.post("/account/authenticator/prepare", &[]), 303);
    let page = ada.get("/account", "");
    let secret = page.split_once("class=\"key\"><code>").unwrap().1.split('<').next().unwrap().to_owned();
    life.plant("authenticator's secret", &secret);
    ada.get("/step-up", "");
    assert_eq!(ada.post("/step-up", &[("password", PASSWORD), ("code", "")]), 303);
    for (number, text) in ada.kept.iter().enumerate() {
        life.plant(&format!("cookie {number}"), text);
    }
    consent(life, &mut ada);
    let mut nobody = Browser::new(&node);
    let bearer = |text: &str| format!("authorization: Bearer {text}\r\n");
    let mut pages = Vec::new();
    pages.push(nobody.get("/api/v1/status", &bearer(&key)));
    assert!(pages[0].contains("\"organization\""), "{}", pages[0]);
    pages.push(nobody.get("/metrics", &bearer(ADMIN)));
    assert!(pages[1].starts_with("HTTP/1.1 200"), "{}", pages[1]);
    pages.push(nobody.get("/api/v1/status", &bearer(PRIVATE)));
    for path in
        ["/nothing", "/api/v1/status", "/sign-in", "/api/v1/events/x/explain", "/sign-in/oidc/callback"]
    {
        pages.push(nobody.get(&format!("{path}?code={PRIVATE}&key={CLIENT}&state={WEBHOOK}"), &bearer(&key)));
    }
    pages.push(nobody.get("/sign-in/oidc", ""));
    pages.push(nobody.webhook(WEBHOOK));
    pages.push(nobody.webhook(WRONG));
    let pages = pages.into_iter().enumerate();
    life.said.extend(pages.map(|(number, page)| (format!("page {number}"), page)));
    node
}

/// The organization once more, by consent: to Drift and back; and then its tokens end, and are made anew.
fn consent(life: &mut Life, ada: &mut Browser<'_>) {
    ada.get("/connect/drift", "");
    let there = ada.submit("/connect/drift", &[("profile", "archive")]);
    let (_, query) = node::sent(&there).split_once("/authorize?").unwrap();
    let drift = life.double.address.to_string();
    let back = node::post(&drift, "/authorize", &format!("{query}&decision=allow"));
    let back = node::sent(&back);
    let code = back.split_once("code=").unwrap().1.split('&').next().unwrap();
    life.plant("code", code);
    let page = ada.get(back.strip_prefix(BASE).unwrap(), "");
    assert!(page.starts_with("HTTP/1.1 303"), "{page}");
    life.said.push(("what came of the consent".into(), page));
    let first = life.plant_tokens("of the consent");
    assert!(
        first.len() >= 2 && !first.contains(&PRIVATE.to_owned()),
        "a token to call with, and one to renew it"
    );
    assert!(life.double.sandbox.expire_tokens() > 0);
    life.tell(&["verify"], 0);
    assert_ne!(life.plant_tokens("made anew"), first);
}

/// Everything, on this database.
fn live(database: &str) {
    let mut life = Life::new(database);
    commands(&mut life);
    let node = serve(&mut life);
    // What keeps a connection to Drift under way is over; the node has nothing to do any more.
    let Life { double, .. } = &mut life;
    double.end();
    let dump = node.dump();
    let log = node.end();
    life.said.push(("the node's log".into(), log));
    let scan = life.scan();
    for (place, text) in &life.said {
        scan.assert_none(place, text.as_bytes());
    }
    let log_bytes: usize = life.said.iter().map(|(_, text)| text.len()).sum();
    assert!(log_bytes > 50_000, "the log was on: {log_bytes}");
    let files = scan.assert_none_in(&life.place.path(""), &GIVEN);
    assert!(files >= 8, "{files}");
    if !database.starts_with("sqlite") {
        scan.assert_none("pg_dump", &pg_dump(database));
    }
    match dump {
        None => eprintln!("skipped: no memory of a node was scanned, for gcore is not here or may not"),
        Some(dump) => {
            // The password of the database is kept for the next connection.
            let kept = |name: &String| name == "database password";
            let secrets = life.secrets.iter().filter(|(name, _)| !kept(name));
            let scan = Scan::of(secrets.map(|(name, secret)| (name.as_str(), secret.as_str())));
            scan.assert_none_in_file("the memory of a node", &dump.file);
        }
    }
}

fn pg_dump(database: &str) -> Vec<u8> {
    let dumped = Command::new("pg_dump").arg(database).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    assert!(dumped.stdout.windows(9).any(|part| part == b"audit_log"), "the dump is one");
    dumped.stdout
}

#[test]
fn nothing_that_is_written_holds_a_secret_on_sqlite() {
    live("sqlite://longshore.db");
}

#[test]
fn nothing_that_is_written_holds_a_secret_on_postgres() {
    let Some(url) = databases::postgres() else { return };
    let (scheme, rest) = url.split_once("://").unwrap();
    let (who, place) = rest.split_once('@').unwrap();
    let user = who.split(':').next().unwrap();
    // Where the server asks for no password, this one is as good as any; where it does, the right one is kept.
    let password = if who.contains(':') { who.split_once(':').unwrap().1 } else { DATABASE };
    live(&format!("{scheme}://{user}:{password}@{place}"));
}
