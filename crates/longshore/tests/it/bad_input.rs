//! Bad input: one clear line, a hint, a documented exit code, nothing half-written.

use sqlx::{Connection, Executor, SqliteConnection};

use crate::support::{Double, Place, Ran, small};

#[test]
fn a_broken_config_line_is_named_with_its_place() {
    let place = Place::new();
    place.write("longshore.toml", "log = \"info\"\nper_minute = \"many\"\n");
    insta::assert_snapshot!(place.run(&["status"]).told(), @r#"
    error: longshore.toml:2:14: per_minute: expected a whole number from 0 to 4294967295, found "many"
    hint: docs/configuration.md tells what each setting takes
    exit 2
    "#);
    place.write("longshore.toml", "log = \"info\nper_minute = 3\n");
    insta::assert_snapshot!(place.run(&["status"]).told(), @r#"
    error: longshore.toml:1:12: log: invalid basic string, expected `"`
    hint: a line reads name = value; texts stand in double quotes
    exit 2
    "#);
    place.write("longshore.toml", "log = \"info\"\npre_minute = 3\n");
    insta::assert_snapshot!(place.run(&["status"]).told(), @r"
    error: longshore.toml:2:1: unknown setting `pre_minute`
    hint: did you mean `per_minute`?
    exit 2
    ");
    assert_eq!(place.names(), ["longshore.toml"]);
}

#[test]
fn a_missing_config_file_is_told() {
    insta::assert_snapshot!(Place::new().run(&["status", "--config", "nowhere.toml"]).told(), @r"
    error: cannot read nowhere.toml: no such file or folder
    hint: check the path and its permissions
    exit 2
    ");
}

#[test]
fn a_broken_line_of_dialogues_is_named_and_nothing_is_written() {
    let place = Place::new();
    place.write(
        "dialogues.jsonl",
        "{\"id\":\"1\",\"turns\":[[\"user\",\"Hello\"]]}\n{\"id\":\"2\",\"turns\":7}\n",
    );
    let ran = place.run(&["demo", "--dialogues", "dialogues.jsonl", "--once", "--quiet"]);
    insta::assert_snapshot!(ran.told(), @r#"
    error: dialogues.jsonl: could not load the dialogues: line 2: not a dialogue: invalid type: integer `7`, expected a sequence at line 1 column 19; expected {"id":"…","turns":[["user"|"system","text"],…]}
    hint: one JSON object a line, with "id" and "turns"
    exit 2
    "#);
    assert_eq!(place.names(), ["dialogues.jsonl"]);
    insta::assert_snapshot!(place.run(&["demo", "--dialogues", "nowhere.jsonl", "--once", "--quiet"]).told(), @r"
    error: cannot read nowhere.jsonl: no such file or folder
    hint: check the path and its permissions
    exit 2
    ");
}

#[test]
fn a_wrong_token_is_refused_and_not_stored() {
    let (place, double) = (Place::new(), Double::start(small()));
    let ran = place
        .run_with_stdin(&["connect", "--token-stdin", "--json", "--set", &double.api()], "token-canary\n");
    insta::assert_snapshot!(ran.told(), @r"
    error: Drift does not accept what was given to connect with: Drift does not accept the token: it was revoked, or was never valid
    hint: check the token, and that the app is still installed in Drift
    exit 4
    ");
    assert_eq!(ran.json()["error"]["code"], "refused");
    assert_eq!(place.run(&["status", "--json"]).json()["organizations"], serde_json::json!([]));
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("canary"));
}

#[test]
fn an_empty_stdin_is_no_token() {
    insta::assert_snapshot!(Place::new().run(&["connect", "--token-stdin"]).told(), @r"
    error: no token on stdin
    hint: put the token there, on one line
    exit 2
    ");
}

#[test]
fn a_wrong_host_is_told() {
    let place = Place::new();
    let words = ["connect", "--token-stdin", "--set", "api_url=http://drift.invalid"];
    insta::assert_snapshot!(place.run_with_stdin(&words, "token\n").told(), @r"
    error: could not ask whose the token is: the Drift API was not reached: POST /app/token_info: gave up after 2 attempts: no connection (api_url http://drift.invalid/)
    hint: check the API's address, and that this machine can reach it
    exit 5
    ");
}

#[test]
fn a_host_that_is_not_drift_is_told() {
    let (place, double) = (Place::new(), Double::start(small()));
    let api = format!("{}/elsewhere", double.api());
    let ran = place.run_with_stdin(&["connect", "--token-stdin", "--set", &api], "token\n");
    insta::assert_snapshot!(ran.told(), @r"
    error: could not ask whose the token is: POST /app/token_info: not found (api_url http://127.0.0.1:PORT/elsewhere)
    hint: check api_url: this does not answer as Drift does
    exit 5
    ");
}

#[test]
fn the_certificate_of_another_host_is_not_trusted() {
    let place = Place::new();
    let told = |double: &Double| {
        double.write_authority(&place.path("ca.pem"));
        let resolve = format!("resolve=driftapi.com={}", double.address);
        let words = ["connect", "--token-stdin", "--set", "ca_file=ca.pem", "--set", &resolve];
        place.run_with_stdin(&words, double.sandbox.private_token())
    };
    let impostor = told(&Double::start_tls(small(), Some("other.example")));
    insta::assert_snapshot!(impostor.told(), @r#"
    error: could not ask whose the token is: cannot trust driftapi.com: the TLS handshake failed: error sending request: client error (Connect): invalid peer certificate: certificate not valid for name "driftapi.com"; certificate is only valid for DnsName("other.example")
    hint: check the API's address; behind a proxy with its own certificates, add its authority to the trusted roots
    exit 5
    "#);
    let genuine = told(&Double::start_tls(small(), None));
    assert_eq!(genuine.code, 0, "{}", genuine.stderr);
}

#[test]
fn a_file_that_is_no_certificate_is_told() {
    let place = Place::new();
    place.write("ca.pem", "not a certificate\n");
    insta::assert_snapshot!(place.run_with_stdin(&["connect", "--token-stdin", "--set", "ca_file=ca.pem"], "token\n").told(), @r"
    error: cannot set up TLS with ca.pem: the TLS handshake failed: no PEM certificate in the roots
    hint: ca_file must hold certificates in PEM form
    exit 2
    ");
}

#[test]
fn a_database_that_is_none_is_told() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["status"]).told(), @r#"
    error: cannot open the database sqlite://longshore.db: there is no database at longshore.db
    hint: check --database; "longshore connect" makes a database
    exit 6
    "#);
    place.write("longshore.db", "this is a text, and a long one, and not at all a database of any kind\n");
    insta::assert_snapshot!(place.run(&["status"]).told(), @r"
    error: cannot open the database sqlite://longshore.db: the file is not a database
    hint: choose another path or database for the store
    exit 6
    ");
    insta::assert_snapshot!(place.run(&["status", "--database", "mysql://u:canary@h/d"]).told(), @r"
    error: --database: database: expected sqlite://FILE or postgres://USER@HOST/NAME
    hint: docs/configuration.md tells what each setting takes
    exit 2
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_cannot_be_written_is_told() {
    let place = Place::new();
    let words = ["connect", "--token-stdin", "--database", "sqlite:///sys/longshore.db"];
    insta::assert_snapshot!(place.run_with_stdin(&words, "token\n").told(), @r"
    error: cannot open the database sqlite:///sys/longshore.db: the database is read-only
    hint: make the file and its folder writable for this user, or choose another path
    exit 6
    ");
    let words = ["demo", "--once", "--quiet", "--conversations", "3", "--dir", "/sys/demo"];
    insta::assert_snapshot!(place.run(&words).told(), @r"
    error: cannot create /sys/demo: permission denied
    hint: choose a folder that can be written to
    exit 7
    ");
}

#[test]
fn a_newer_database_is_left_alone() {
    let place = Place::new();
    connected(&place);
    on_database(&place, async |db| {
        db.execute("UPDATE longshore_migrations SET version = version + 1000 WHERE version = (SELECT max(version) FROM longshore_migrations)")
            .await
            .unwrap();
    });
    insta::assert_snapshot!(place.run(&["status"]).told(), @r"
    error: cannot open the database sqlite://longshore.db: the database has schema version 1016, this program knows 16
    hint: install the newer version of this program, or use another database
    exit 6
    ");
}

#[test]
fn a_locked_database_is_told() {
    let place = Place::new();
    connected(&place);
    on_database(&place, async |db| {
        db.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").await.unwrap();
        insta::assert_snapshot!(place.run(&["status", "--set", "database_wait_ms=50"]).told(), @r"
    error: cannot open the database sqlite://longshore.db: the database is locked by another process
    hint: end the other process that writes to it, or wait until it has finished
    exit 6
    ");
    });
}

#[test]
fn nothing_connected_is_told_with_the_way_out() {
    let place = Place::new();
    connected(&place);
    on_database(&place, async |db| {
        db.execute("DELETE FROM secrets; DELETE FROM connections").await.unwrap();
    });
    insta::assert_snapshot!(place.run(&["archive"]).told(), @r#"
    error: no organization is connected in sqlite://longshore.db
    hint: connect one with "longshore connect", or try "longshore demo"
    exit 4
    "#);
}

#[test]
fn another_key_is_named() {
    let place = Place::new();
    connected(&place);
    std::fs::remove_file(place.path("longshore.key")).unwrap();
    let ran = place.run(&["archive"]);
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("hint: put the key file back from its copy"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_no_certificate_of_ours_is_told() {
    let place = Place::new();
    connected(&place);
    place.write("certificate.json", "{\"format\":\"other/1\"}");
    let ran = place.run(&["verify", "--certificate", "certificate.json"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("certificate.json"), "{}", ran.stderr);
}

fn connected(place: &Place) -> Ran {
    let double = Double::start(small());
    let token = double.sandbox.private_token().to_owned();
    let ran = place.run_with_stdin(&["connect", "--token-stdin", "--set", &double.api()], &token);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

fn on_database(place: &Place, work: impl AsyncFnOnce(&mut SqliteConnection)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", place.path("longshore.db").display());
        let mut db = SqliteConnection::connect(&url).await.unwrap();
        work(&mut db).await;
        db.close().await.unwrap();
    });
}
