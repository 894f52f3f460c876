//! What is left of a payload in the clear.

use drift::webhook::{EXAMPLES, Example, redact};
use serde_json::value::RawValue;

fn redacted(json: &str) -> String {
    redact(&RawValue::from_string(json.to_owned()).unwrap())
}

#[test]
fn ids_times_and_drifts_own_words_stay_and_the_rest_goes() {
    for (json, left) in [
        (r#"{"id":5,"orgId":7,"conversationId":"9"}"#, r#"{"conversationId":"9","id":5,"orgId":7}"#),
        (
            r#"{"createdAt":5,"lastUpdated":6,"slotStart":7}"#,
            r#"{"createdAt":5,"lastUpdated":6,"slotStart":7}"#,
        ),
        (r#"{"status":"closed","eventType":"canceled"}"#, r#"{"eventType":"canceled","status":"closed"}"#),
        (r#"{"type":"Ada Example"}"#, r#"{"type":"***"}"#),
        (r#"{"addedParticipants":[1,2]}"#, r#"{"addedParticipants":[1,2]}"#),
        (
            r#"{"externalId":77,"age":36,"latitude":48.86}"#,
            r#"{"age":"***","externalId":"***","latitude":"***"}"#,
        ),
        (r#"{"bot":false,"referrer":null}"#, r#"{"bot":false,"referrer":null}"#),
        (r#"{"slug":"mtg-0001","eventId":"a@cal"}"#, r#"{"eventId":"***","slug":"mtg-0001"}"#),
        (
            r#"{"diff":[{"name":"attributes.name","previous":"Ada","updated":{"id":1,"name":"Ada"}}]}"#,
            r#"{"diff":[{"name":"attributes.name","previous":"***","updated":{"id":1,"name":"***"}}]}"#,
        ),
        (r#"{"ada@example.test":1,"+15555550100":2,"5550100":3}"#, r#"{"***":"***"}"#),
        (r#"{"a":"\ud800"}"#, r#""***""#),
    ] {
        assert_eq!(redacted(json), left, "{json}");
    }
}

#[test]
fn nothing_of_the_people_in_the_examples_is_left() {
    for Example { kind, data_json, .. } in EXAMPLES {
        let left = redacted(data_json).to_lowercase();
        for trace in ["ada", "example.test", "5555", "203.0.113", "annual", "paris", "verify", "crm", "48."] {
            assert!(!left.contains(trace), "{kind}: {left}");
        }
    }
}
