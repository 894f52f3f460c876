//! From an empty folder to a connected organization, as a person goes: with a browser, one click after the other.
//!
//! The browser is Chromium, driven over a pipe; without one the tale is skipped, unless LONGSHORE_TEST_BROWSER_REQUIRED is 1.
//! With UPDATE_DOCS=1 the pictures of `docs/connecting.md` are taken anew.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;

use drift::SystemClock;
use model::Clock as _;
use store::DatabaseUrl;

use crate::canary::scan::Scan;
use crate::canary::vault;
use crate::chromium::{Chromium, NETWORK_LOG, Tab, found};
use crate::support::{Place, wait_until};

/// What a new user may need at most, in milliseconds.
const TWO_MINUTES_MS: i64 = 120_000;
const PASSWORD: &str = "correct horse battery";

/// A node with a sandbox of its own.
struct Node {
    child: Child,
    /// The one-time link.
    link: String,
}

impl Node {
    fn start(place: &Place) -> Self {
        let words = ["serve", "--sandbox", "60", "--listen", "127.0.0.1:0"];
        let mut child = place.command(&words).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("serving until Ctrl-C") {
            assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
        }
        let link = said.lines().find(|line| line.contains("to become the owner")).unwrap();
        let link = link.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, link }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keep a picture, where the documentation is to have it.
fn picture(tab: &mut Tab<'_>, name: &str) {
    let png = tab.picture();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 5_000, "{name}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("connect-{name}.png")), png).unwrap();
    }
}

fn become_the_owner(tab: &mut Tab<'_>, link: &str) {
    tab.open(link);
    tab.shows("Welcome to Longshore");
    tab.fill("#name", "ada@example.com");
    tab.fill("#password", PASSWORD);
    tab.fill("#again", PASSWORD);
    picture(tab, "1-owner");
    tab.click("main button");
    tab.shows("Your password is set");
    tab.fill("#name", "ada@example.com");
    tab.fill("#password", PASSWORD);
    tab.click("main button");
    tab.shows("No organization is connected");
    picture(tab, "2-start");
}

fn connect(tab: &mut Tab<'_>) {
    tab.click("main a.button");
    tab.shows("What is it for?");
    tab.click("label[for=live]");
    tab.click("label[for=archive]");
    picture(tab, "3-scopes");
    tab.click("main .go button");
    tab.shows("Connect Longshore to organization");
    picture(tab, "4-consent");
    tab.click("button[value=allow]");
    tab.shows("Drift is connected");
    assert!(!tab.address().contains("code="), "{}", tab.address());
    picture(tab, "5-connected");
}

fn archive(tab: &mut Tab<'_>) {
    tab.click("main .go button");
    tab.shows("The archive ");
    picture(tab, "6-archive");
    wait_until(|| {
        tab.reload();
        tab.text().contains("The archive is complete")
    });
    assert_eq!(tab.read("document.querySelector('dd').textContent"), "60", "conversations");
    picture(tab, "7-complete");
}

/// A customer's administrator, in a browser of their own, with nothing but a link.
fn be_invited(chromium: &mut Chromium, url: &str) {
    let mut tab = chromium.fresh();
    tab.open(url);
    tab.shows("Connect your Drift");
    assert!(!tab.address().contains("lsc_"), "{}", tab.address());
    picture(&mut tab, "9-invited");
    tab.click("main button");
    tab.shows("Connect Longshore to organization");
    tab.click("button[value=deny]");
    tab.shows("Somebody chose not to allow it");
    picture(&mut tab, "10-refused");
    tab.click("main a.button");
    tab.shows("Connect your Drift");
    tab.click("main button");
    tab.shows("Connect Longshore to organization");
    tab.click("button[value=allow]");
    tab.shows("You can close this page");
}

/// Neither what the browser kept nor what it sent and was sent holds what the node has from Drift.
fn nothing_is_left(place: &Place) {
    let tokens = vault::tokens(&DatabaseUrl::file(place.path("longshore.db")), &place.path("longshore.key"));
    assert!(tokens.len() >= 2, "the sandbox gave tokens");
    let app = sandbox::Options::default().client_secret;
    let named =
        tokens.iter().map(|token| ("token", token.as_str())).chain([("the app's secret", app.as_str())]);
    let network = place.path("profile").join(NETWORK_LOG);
    let text = std::fs::read_to_string(&network).unwrap();
    assert!(text.contains("/connect/drift/callback") && text.len() > 50_000, "all that went over the net");
    Scan::of(named).assert_none(NETWORK_LOG, text.as_bytes());
    std::fs::remove_file(network).unwrap();
    std::fs::read_dir(place.path("profile")).unwrap().map(|entry| entry.unwrap().path()).for_each(|pipe| {
        if !pipe.is_dir() {
            std::fs::remove_file(pipe).unwrap();
        }
    });
    let named = tokens.iter().map(|token| ("token", token.as_str()));
    let named = named.chain([("the app's secret", app.as_str()), ("password", PASSWORD)]);
    assert!(Scan::of(named).assert_none_in(&place.path("profile"), &[]) > 10, "the browser keeps files");
}

#[test]
fn a_new_user_gets_from_an_empty_folder_to_a_connected_organization() {
    let Some(program) = found() else { return };
    let place = Place::new();
    assert!(place.names().is_empty());
    let node = Node::start(&place);
    let mut chromium = Chromium::start(&program, &place.path("profile"));
    let mut tab = chromium.fresh();
    let began = SystemClock.now();
    become_the_owner(&mut tab, &node.link);
    connect(&mut tab);
    let took = SystemClock.now().since(began);
    assert!(took < TWO_MINUTES_MS, "{took} ms");
    archive(&mut tab);
    let base = node.link.split("/setup").next().unwrap();
    tab.open(&format!("{base}/connect/drift/links"));
    tab.shows("Links there are");
    tab.click("main .card button");
    tab.shows("shown for ten minutes");
    picture(&mut tab, "8-links");
    let url = tab.read("document.querySelector('.key code').textContent");
    be_invited(&mut chromium, url.as_str().unwrap());
    chromium.end();
    nothing_is_left(&place);
    let said = place.run(&["audit", "list", "--json"]).json();
    let actions: Vec<&str> = said["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .filter(|action| action.starts_with("connection.") || action.starts_with("share_link."))
        .collect();
    assert!(actions.contains(&"share_link.use") && actions.contains(&"connection.disconnect"), "{actions:?}");
}

#[test]
fn a_database_with_connections_to_drift_itself_is_no_place_for_trying() {
    let place = Place::new();
    let double = crate::support::Double::start(crate::support::small());
    let token = double.sandbox.private_token().to_owned();
    assert_eq!(place.run_with_stdin(&["connect", "--token-stdin", "--set", &double.api()], &token).code, 0);
    tamper(&place.path("longshore.db"));
    let ran = place.run(&["serve", "--sandbox", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("holds connections to Drift itself"), "{}", ran.stderr);
}

/// Let the connection be one to Drift itself.
fn tamper(file: &Path) {
    use sqlx::{Connection as _, Executor as _};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        conn.execute("UPDATE connections SET api_url = 'https://driftapi.com/'").await.unwrap();
        conn.close().await.unwrap();
    });
}
