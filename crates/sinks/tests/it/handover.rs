//! What a handover leaves in its directory.

use std::collections::BTreeSet;
use std::fs;

use model::{ConversationId, FakeClock, Millis, SeededEntropy};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sinks::SinkError;
use sinks::format::Format;
use sinks::handover::{HandoverOptions, HandoverReport, Target, handover};
use store::audit::Who;
use store::export_runs;

use crate::fixture::{Fixture, NASTY, ORG, T0, on_both};

const ALL: [Target; 5] =
    [Target::Neutral, Target::Intercom, Target::Chatwoot, Target::Hubspot, Target::Zendesk];
const SCHEMA: &str = include_str!("../../../../docs/conversation.schema.json");

fn options(fixture: &Fixture, target: Target) -> HandoverOptions {
    let dir = fixture.out();
    let reason = "a test".to_owned();
    HandoverOptions { target, dir, conversations: Vec::new(), attachments_at: None, reason, who: Who::node() }
}

async fn run(fixture: &Fixture, options: &HandoverOptions) -> Result<HandoverReport, SinkError> {
    let entropy = SeededEntropy::new(u64::from(options.target.name().as_bytes()[0]));
    handover(&fixture.db, ORG, options, &FakeClock::at(Millis(T0)), &entropy).await
}

fn lines(fixture: &Fixture, name: &str) -> Vec<Value> {
    fixture.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_line_of_the_neutral_format_is_what_the_schema_says() {
    on_both(async |fixture| {
        fixture.fill(130).await;
        let report = run(&fixture, &options(&fixture, Target::Neutral)).await.unwrap();
        assert_eq!((report.conversations, report.messages), (130, 100 * 5 + 30));
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let lines = lines(&fixture, "conversations.ndjson");
        assert_eq!(lines.len(), 130);
        lines.iter().for_each(|line| check(line, &schema, &schema, "line"));

        let first = &lines[0];
        assert_eq!(first["contact"]["external_id"], "00123");
        assert!(fixture.read("conversations.ndjson").contains("12345678901234567890.10"));
        assert_eq!(first["messages"][0]["author"]["name"], "Robo");
        assert_eq!(first["messages"][1]["text"], NASTY.replace("\r\n", "\n").replace('\t', " "));
        assert_eq!(first["messages"][2]["html"], Value::Null);
        let file = &first["messages"][4]["attachments"][0];
        assert_eq!((&file["size_bytes"], &file["file"]), (&11.into(), &"attachments/7-a b.pdf".into()));
        assert_eq!(first["messages"][4]["attachments"][1]["sha256"], Value::Null);
    })
    .await;
}

/// Hold a value against a schema: types, constants, the names of fields. The fields must be all that it names.
fn check(value: &Value, schema: &Value, root: &Value, path: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{path}");
    }
    if let Some(choices) = schema["enum"].as_array() {
        assert!(choices.contains(value), "{path}: {value}");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(kind) => vec![kind],
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.is_empty() || kinds.contains(&kind), "{path}: {value}");
    if let (Some(fields), Some(named)) = (value.as_object(), schema["properties"].as_object()) {
        let named: BTreeSet<&String> = named.keys().collect();
        assert_eq!(fields.keys().collect::<BTreeSet<_>>(), named, "{path}");
        for (name, field) in fields {
            check(field, &schema["properties"][name], root, &format!("{path}.{name}"));
        }
    }
    for element in value.as_array().into_iter().flatten() {
        check(element, &schema["items"], root, &format!("{path}[]"));
    }
}

#[tokio::test]
async fn each_format_has_its_files_as_the_manifest_says_and_a_report() {
    on_both(async |fixture| {
        fixture.fill(70).await;
        for target in ALL {
            let dir = fixture.out().join(target.name());
            let report = run(&fixture, &HandoverOptions { dir, ..options(&fixture, target) }).await.unwrap();
            let manifest = fixture.read(&format!("{}/manifest.json", target.name()));
            let manifest: Value = serde_json::from_str(&manifest).unwrap();
            assert_eq!((&manifest["complete"], &manifest["format"]), (&true.into(), &target.name().into()));
            for file in manifest["tables"].as_array().unwrap() {
                let name = format!("{}/{}", target.name(), file["file"].as_str().unwrap());
                let bytes = fs::read(fixture.out().join(&name)).unwrap();
                assert_eq!(file["bytes"], bytes.len(), "{name}");
                assert_eq!(file["sha256"], hex::encode(Sha256::digest(&bytes)), "{name}");
                assert_eq!(file["rows"], lines(&fixture, &name).len(), "{name}");
            }
            let told = lines(&fixture, &format!("{}/report.ndjson", target.name()));
            assert_eq!(serde_json::to_value(&report.fields).unwrap(), Value::Array(told));
            let of =
                |field| report.fields.iter().filter(|it| it.field == field).map(|it| it.count).sum::<u64>();
            assert_eq!((of("conversation"), of("messages")), (70, 350), "{}", target.name());
        }
        let runs = export_runs::list(&fixture.db, ORG, 10).await.unwrap();
        let formats: BTreeSet<&str> = runs.iter().map(|run| run.format.as_str()).collect();
        assert_eq!(formats, ALL.iter().map(|target| target.name()).collect());
        assert!(runs.iter().all(|run| run.outcome.as_deref() == Some("success")));
    })
    .await;
}

#[tokio::test]
async fn only_the_conversations_asked_for_are_written_and_one_that_is_not_there_is_told() {
    on_both(async |fixture| {
        fixture.fill(5).await;
        let ids = vec![ConversationId(2), ConversationId(4)];
        let some = HandoverOptions { conversations: ids, ..options(&fixture, Target::Neutral) };
        run(&fixture, &some).await.unwrap();
        let found: Vec<i64> = lines(&fixture, "conversations.ndjson")
            .iter()
            .map(|line| line["conversation_id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, [2, 4]);

        let none = HandoverOptions { conversations: vec![ConversationId(99)], ..some };
        let error = run(&fixture, &none).await.unwrap_err();
        assert!(matches!(error, SinkError::NoConversation { .. }), "{error}");
        assert_eq!(lines(&fixture, "conversations.ndjson").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_export_in_another_format_is_not_replaced() {
    on_both(async |fixture| {
        fixture.fill(2).await;
        fixture.export(&fixture.options(Format::Csv)).await.unwrap();
        let before = fixture.read("manifest.json");
        let error = run(&fixture, &options(&fixture, Target::Neutral)).await.unwrap_err();
        assert!(matches!(error, SinkError::OtherFormat { .. }), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(fixture.read("manifest.json"), before);
        assert!(fixture.out().join("transcripts/index.html").exists());
    })
    .await;
}

#[tokio::test]
async fn addresses_of_attachments_are_those_of_the_users_own_host_where_it_is_named() {
    on_both(async |fixture| {
        fixture.fill(1).await;
        let at = Some("https://files.test/drift/".to_owned());
        run(&fixture, &HandoverOptions { attachments_at: at, ..options(&fixture, Target::Neutral) })
            .await
            .unwrap();
        let line = &lines(&fixture, "conversations.ndjson")[0];
        let files = &line["messages"][4]["attachments"];
        assert_eq!(files[0]["url"], "https://files.test/drift/7-a%20b.pdf");
        assert_eq!(files[1]["url"], Value::Null);
    })
    .await;
}
