//! Handovers as a whole: what each format makes of awkward conversations, and that nothing is lost on the way.

mod made;

use std::collections::{BTreeMap, HashSet};

use model::MessageId;
use model::record::Message;
use proptest::prelude::*;
use serde_json::Value;

use self::made::{attachment, awkward, bare, files, message, shared};
use super::compose::{Gathered, compose};
use super::report::FieldReport;
use super::speech::pieces;
use super::{Target, fields, neutral};

const OTHERS: [Target; 4] = [Target::Intercom, Target::Chatwoot, Target::Hubspot, Target::Zendesk];

fn handed(gathered: &Gathered, target: Target) -> (neutral::Conversation, Value, FieldReport) {
    let conversation = compose(gathered, &files(), &shared());
    let mut report = FieldReport::default();
    let line = target.line(&conversation, &mut report);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "a line is a line");
    (conversation, serde_json::from_slice(&line).unwrap(), report)
}

fn shown(target: Target) -> String {
    let (_, line, report) = handed(&awkward(), target);
    let mut text = serde_json::to_string_pretty(&line).unwrap();
    for line in report.lines() {
        text += &format!("\n{:<22} {:<8} {:>3}  {}", line.field, line.fate.name(), line.count, line.how);
    }
    text
}

#[test]
fn the_neutral_format_tells_everything() {
    insta::assert_snapshot!(shown(Target::Neutral));
}

#[test]
fn intercom_is_told_what_it_can_hold() {
    insta::assert_snapshot!(shown(Target::Intercom));
}

#[test]
fn chatwoot_is_told_what_it_can_hold() {
    insta::assert_snapshot!(shown(Target::Chatwoot));
}

#[test]
fn hubspot_is_told_what_it_can_hold() {
    insta::assert_snapshot!(shown(Target::Hubspot));
}

#[test]
fn zendesk_is_told_what_it_can_hold() {
    insta::assert_snapshot!(shown(Target::Zendesk));
}

/// Every text in a value, in order.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

fn said(line: &Value) -> Vec<String> {
    let mut found = Vec::new();
    texts(line, &mut found);
    found
}

/// The words of texts, whatever marks stand between them.
fn words(texts: &[String]) -> HashSet<String> {
    let is_mark = |c: char| !(c.is_alphanumeric() || c == '-');
    texts.iter().flat_map(|text| text.split(is_mark)).map(str::to_owned).collect()
}

#[test]
fn five_thousand_messages_go_on_where_a_limit_is_reached() {
    let messages: Vec<Message> =
        (1..=5_000).map(|id| message(id, ("contact", 1), "chat", &format!("word-{id}-"))).collect();
    let gathered = bare(messages);
    for target in OTHERS {
        let (_, line, _) = handed(&gathered, target);
        let words = words(&said(&line));
        let missing = (1..=5_000).find(|id| !words.contains(&format!("word-{id}-")));
        assert_eq!(missing, None, "{}", target.name());
        let requests = line["requests"].as_array().unwrap();
        let of = |path: &str| requests.iter().filter(|request| request["path"] == path).count();
        match target {
            // 498 replies each, beside a note and the closing.
            Target::Intercom => assert_eq!(of("/conversations"), 11),
            Target::Chatwoot => {
                assert_eq!(of("/api/v1/accounts/{account}/conversations/{conversation}/messages"), 5_001);
            }
            Target::Hubspot => assert!(of("/crm/objects/2026-09/notes") > 5),
            Target::Zendesk | Target::Neutral => {
                assert_eq!(of("/api/v2/imports/tickets"), 2);
                assert!(requests.iter().skip(1).all(|request| {
                    request["body"]["ticket"]["comments"].as_array().unwrap().len() <= 5_000
                }));
            }
        }
    }
}

/// The longest text that a format may be sent, in bytes.
fn text_bytes_max(target: Target) -> usize {
    match target {
        Target::Neutral | Target::Intercom => usize::MAX,
        Target::Chatwoot => 150_000,
        Target::Hubspot => 65_536,
        Target::Zendesk => 65_535,
    }
}

#[test]
fn a_body_over_the_limit_is_carried_whole_in_pieces() {
    const WORDS: i64 = 40_000;
    let long: String = (0..WORDS).map(|n| format!("w{n} ü ")).collect::<String>() + "& <";
    let gathered = bare(vec![message(1, ("contact", 1), "chat", &long)]);
    for target in OTHERS {
        let (_, line, report) = handed(&gathered, target);
        let said = said(&line);
        assert!(said.iter().all(|text| text.len() <= text_bytes_max(target)), "{}", target.name());
        let words = words(&said);
        let missing = (0..WORDS).find(|n| !words.contains(&format!("w{n}")));
        assert_eq!(missing, None, "{}", target.name());
        let is_told =
            report.lines().iter().any(|line| line.field == "messages" && line.how.contains("limit"));
        assert_eq!(is_told, target != Target::Intercom, "{}", target.name());
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    let author =
        prop::sample::select(vec![("contact", 1), ("contact", 5), ("user", 2), ("user", 3), ("who", 8)]);
    let kind =
        prop::sample::select(vec!["chat", "private_note", "private_prompt", "suggestion", "edit", "new"]);
    let edit_type = prop::sample::select(vec![None, Some("delete"), Some("replace"), Some("sparkle")]);
    let filling = prop::sample::select(vec!["", "<p>", "&", "👋", "שלום", "\r\n", "<script>", "$from", "{}"]);
    (1..30_i64, author, kind, edit_type, 1..30_i64, filling, 1..9_usize, any::<bool>()).prop_map(
        |(id, author, kind, edit_type, target, filling, times, is_dated)| {
            let mut message = message(id, author, kind, &format!("token-{id}- {}", filling.repeat(times)));
            message.edit_type = edit_type.map(str::to_owned);
            message.edited_message_id = edit_type.map(|_| MessageId(target));
            message.created_at = message.created_at.filter(|_| is_dated);
            message.attachments = (0..id % 3)
                .map(|n| {
                    attachment(
                        id * 10 + n,
                        Some("f"),
                        Some("image/gif"),
                        (n % 2 == 1).then_some("https://x.test/f"),
                    )
                })
                .collect();
            message
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_message_and_no_value_is_lost_silently(all in prop::collection::vec(any_message(), 0..20)) {
        let mut unique: BTreeMap<i64, Message> = BTreeMap::new();
        unique.extend(all.into_iter().map(|message| (message.message_id.0, message)));
        let messages: Vec<Message> = unique.into_values().collect();
        for target in OTHERS.into_iter().chain([Target::Neutral]) {
            let (conversation, line, report) = handed(&bare(messages.clone()), target);
            // Every message the mirror has is a message, or an edit of one.
            let told: usize = conversation.messages.iter().map(|message| 1 + message.edits.len()).sum();
            prop_assert_eq!(told, messages.len());
            let said = said(&line).join("\n");
            for message in &conversation.messages {
                if let Some(text) = &message.text {
                    let token = text.split(' ').next().unwrap_or_default();
                    prop_assert!(said.contains(token), "{}: {}", target.name(), token);
                }
            }
            // Every value has one fate.
            let mut met: BTreeMap<&str, u64> = BTreeMap::new();
            fields::each(&conversation, &mut |field| *met.entry(field).or_default() += 1);
            let mut noted: BTreeMap<&str, u64> = BTreeMap::new();
            report.lines().iter().for_each(|line| *noted.entry(line.field).or_default() += line.count);
            prop_assert_eq!(&noted, &met, "{}", target.name());
        }
    }

    #[test]
    fn pieces_are_the_text_again_and_keep_to_the_limit(text in "[a-z \né👋]{0,200}", bytes_max in 4..50_usize) {
        let pieces = pieces(&text, bytes_max);
        prop_assert_eq!(pieces.concat(), text.as_str());
        prop_assert!(pieces.iter().all(|piece| piece.len() <= bytes_max));
    }
}

#[test]
fn every_field_of_a_full_conversation_has_a_fate_in_every_format() {
    for target in OTHERS.into_iter().chain([Target::Neutral]) {
        let (conversation, _, report) = handed(&awkward(), target);
        let mut met: BTreeMap<&str, u64> = BTreeMap::from([(fields::NOT_LISTED, 2)]);
        fields::each(&conversation, &mut |field| *met.entry(field).or_default() += 1);
        let mut noted: BTreeMap<&str, u64> = BTreeMap::new();
        report.lines().iter().for_each(|line| *noted.entry(line.field).or_default() += line.count);
        assert_eq!(noted, met, "{}", target.name());
    }
}

#[test]
fn nobody_can_write_a_reference_or_a_script() {
    for target in OTHERS {
        let (_, line, _) = handed(&awkward(), target);
        let texts = said(&line);
        assert!(texts.iter().all(|text| !text.contains("<script") && !text.contains("href=\"javascript")));
        // The text of the visitor stays a text.
        assert!(
            texts
                .iter()
                .any(|text| text.contains("$from") && text.contains("agent:3") && text.contains("seats"))
        );
    }
}
