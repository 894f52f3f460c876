//! Wrapping keys in HashiCorp Vault, against a double of its Transit engine: used, changed, moved to, and out of reach.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::canary::scan::Scan;
use crate::support::{Double, Place, Ran, small};

const TOKEN: &str = "hvs.canary-vault-token";

/// What the double holds: a key's versions, and what was encrypted under each.
#[derive(Default)]
struct Engine {
    latest: u64,
    min_decryption: u64,
    is_sealed: bool,
    /// Whether the token may configure keys.
    may_configure: bool,
    /// The plain text and its associated data, by ciphertext.
    texts: HashMap<String, (Value, Value)>,
    calls: Vec<String>,
}

type Shared = Arc<Mutex<Engine>>;

fn refuse(status: u16, why: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::from_u16(status).unwrap(), Json(json!({"errors": [why]})))
}

impl Engine {
    fn encrypt(&mut self, body: &Value) -> (StatusCode, Json<Value>) {
        let version = body["key_version"].as_u64().unwrap_or(self.latest);
        if version < self.min_decryption || version > self.latest {
            return refuse(400, "requested version for encryption is not allowed");
        }
        let ciphertext = format!("vault:v{version}:{:04}", self.texts.len());
        let text = (body["plaintext"].clone(), body["associated_data"].clone());
        self.texts.insert(ciphertext.clone(), text);
        (StatusCode::OK, Json(json!({"data": {"ciphertext": ciphertext, "key_version": version}})))
    }

    fn decrypt(&self, body: &Value) -> (StatusCode, Json<Value>) {
        let ciphertext = body["ciphertext"].as_str().unwrap();
        let version =
            ciphertext.strip_prefix("vault:v").and_then(|rest| rest.split(':').next()?.parse().ok());
        if version.is_none_or(|version: u64| version < self.min_decryption) {
            return refuse(400, "ciphertext or signature version is disallowed by policy (too old)");
        }
        match self.texts.get(ciphertext) {
            Some((plain, associated)) if *associated == body["associated_data"] => {
                (StatusCode::OK, Json(json!({"data": {"plaintext": plain}})))
            }
            _ => refuse(400, "cipher: message authentication failed"),
        }
    }

    fn answer(&mut self, method: &Method, path: &str, body: &Value) -> (StatusCode, Json<Value>) {
        match (method.as_str(), path) {
            _ if self.is_sealed => refuse(503, "Vault is sealed"),
            ("POST", "transit/encrypt/longshore") => self.encrypt(body),
            ("POST", "transit/decrypt/longshore") => self.decrypt(body),
            ("GET", "transit/keys/longshore") => {
                let data =
                    json!({"latest_version": self.latest, "min_decryption_version": self.min_decryption});
                (StatusCode::OK, Json(json!({"data": data})))
            }
            ("POST", "transit/keys/longshore/rotate") => {
                self.latest += 1;
                (StatusCode::NO_CONTENT, Json(Value::Null))
            }
            ("POST", "transit/keys/longshore/config") if self.may_configure => {
                self.min_decryption = body["min_decryption_version"].as_u64().unwrap();
                (StatusCode::NO_CONTENT, Json(Value::Null))
            }
            ("POST", "transit/keys/longshore/config") => refuse(403, "permission denied"),
            _ => refuse(404, "no handler for route"),
        }
    }
}

async fn serve(
    State(engine): State<Shared>,
    method: Method,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let mut engine = engine.lock().unwrap();
    engine.calls.push(format!("{method} {path}"));
    if headers.get("x-vault-token").is_none_or(|token| token.as_bytes() != TOKEN.as_bytes()) {
        return refuse(403, "permission denied");
    }
    let body = serde_json::from_str(&body).unwrap_or_default();
    engine.answer(&method, &path, &body)
}

/// Vault on a port of this machine.
struct Vault {
    engine: Shared,
    url: String,
    _runtime: Runtime,
}

impl Vault {
    fn start() -> Self {
        let engine = Engine { latest: 1, min_decryption: 1, may_configure: true, ..Engine::default() };
        let engine: Shared = Arc::new(Mutex::new(engine));
        let router = axum::Router::new().route("/v1/{*path}", any(serve)).with_state(Arc::clone(&engine));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { engine, url, _runtime: runtime }
    }

    fn run(&self, place: &Place, words: &[&str], token: &str) -> Ran {
        let mut command = place.command(words);
        let environment = [("LONGSHORE_TRANSIT_URL", self.url.as_str()), ("VAULT_TOKEN", token)];
        let ran = place.ran(command.envs(environment).output().unwrap());
        assert!(!ran.stderr.contains("canary") && !ran.stdout.contains("canary"), "{}", ran.stderr);
        ran
    }
}

/// A place that is connected; with a `Vault`, from the start with its key.
fn connected(vault: Option<&Vault>) -> Place {
    let (place, double) = (Place::new(), Double::start(small()));
    place.write("stdin", double.sandbox.private_token());
    let mut command = place.command(&["connect", "--token-stdin", "--set", &double.api()]);
    if let Some(vault) = vault {
        command.envs([("LONGSHORE_TRANSIT_URL", vault.url.as_str()), ("VAULT_TOKEN", TOKEN)]);
    }
    let ran = place.ran(command.stdin(std::fs::File::open(place.path("stdin")).unwrap()).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

const ADD: [&str; 4] = ["endpoints", "add", "https://receiver.test/", "--json"];

#[test]
fn vault_wraps_the_data_keys_and_retires_its_old_version() {
    let vault = Vault::start();
    let place = connected(Some(&vault));
    assert!(!place.names().contains(&"longshore.key".to_owned()), "no key lies here: {:?}", place.names());
    let shown = vault.run(&place, &["keys", "show", "--json"], TOKEN).json();
    assert_eq!(shown["keys"][0]["key_id"], "transit:transit/longshore:v1");
    assert_eq!(shown["keys"][0]["data_keys"], 2);

    let rotated = vault.run(&place, &["keys", "rotate", "--data-keys", "--json"], TOKEN).json();
    assert_eq!(rotated["to"], "transit:transit/longshore:v2");
    assert_eq!((&rotated["damaged"], &rotated["remove_by_hand"]), (&json!(0), &json!([])));
    assert_eq!(vault.engine.lock().unwrap().min_decryption, 2);
    assert_eq!(vault.run(&place, &ADD, TOKEN).code, 0);

    vault.engine.lock().unwrap().may_configure = false;
    let rotated = vault.run(&place, &["keys", "rotate", "--json"], TOKEN).json();
    assert_eq!(rotated["remove_by_hand"], json!(["transit:transit/longshore:v2"]));
    assert_eq!(vault.run(&place, &ADD, TOKEN).code, 0);
    Scan::of([("token", TOKEN)]).assert_none_in(&place.path(""), &[]);
}

#[test]
fn a_change_of_keys_leads_from_the_file_to_vault() {
    let (vault, place) = (Vault::start(), connected(None));
    assert_eq!(vault.run(&place, &ADD, TOKEN).code, 0, "the file still opens what it wrapped");
    let rotated = vault.run(&place, &["keys", "rotate", "--json"], TOKEN).json();
    assert_eq!(rotated["to"], "transit:transit/longshore:v1");
    assert_eq!(
        rotated["remove_by_hand"],
        json!([rotated["from"]]),
        "the last key of a file is a person's to delete"
    );
    std::fs::remove_file(place.path("longshore.key")).unwrap();
    assert_eq!(vault.run(&place, &ADD, TOKEN).code, 0);
    let without = place.run(&ADD);
    assert_eq!(without.code, 6);
    assert!(without.stderr.contains("sealed with key transit:transit/longshore:v1"), "{}", without.stderr);
}

#[test]
fn a_vault_that_refuses_or_is_away_is_told() {
    let vault = Vault::start();
    let place = connected(Some(&vault));
    let refused = vault.run(&place, &ADD, "hvs.canary-other");
    assert_eq!(refused.code, 6);
    let said = "did not tell its keys: the token may not do that (status 403)";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    vault.engine.lock().unwrap().is_sealed = true;
    assert!(vault.run(&place, &ADD, TOKEN).stderr.contains("it is sealed, or stands by (status 503)"));
    vault.engine.lock().unwrap().is_sealed = false;
    vault.engine.lock().unwrap().texts.clear();
    let gone = vault.run(&place, &ADD, TOKEN);
    assert_eq!(gone.code, 6);
    assert!(gone.stderr.contains("does not open: it is damaged"), "{}", gone.stderr);
    let url = vault.url.clone();
    drop(vault);
    let away =
        place.command(&ADD).envs([("LONGSHORE_TRANSIT_URL", url.as_str()), ("VAULT_TOKEN", TOKEN)]).output();
    let away = place.ran(away.unwrap());
    assert_eq!(away.code, 6);
    assert!(away.stderr.contains("did not tell its keys: no connection"), "{}", away.stderr);
}
