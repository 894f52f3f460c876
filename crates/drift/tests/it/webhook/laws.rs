//! What holds of every body.

use drift::webhook::{EXAMPLES, Event, redact};
use model::OrgId;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::wire::any_json;

/// The text of a value with the fields of its objects in another order.
fn turned(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .rev()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), turned(value)))
                .collect();
            format!("{{ {} }}", fields.join(" ,\n"))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(turned).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// An example's body with the fields of `data` set or added to.
fn altered(at: usize, fields: &Map<String, Value>) -> Value {
    let example = &EXAMPLES[at % EXAMPLES.len()];
    let mut body: Value = serde_json::from_str(&example.body(OrgId(4242), "vt")).unwrap();
    body["data"].as_object_mut().unwrap().extend(fields.clone());
    body
}

/// Whatever can be done to an event, done.
fn exercise(body: &[u8]) {
    if let Ok(event) = Event::parse(body) {
        let redacted: Value = serde_json::from_str(&redact(event.data)).unwrap();
        assert!(redacted.is_object() || redacted == "***");
        let facts = event.facts.as_ref().map(|facts| facts.to_json().into_exposed());
        assert!(facts.is_none_or(|facts| serde_json::from_str::<Value>(&facts).is_ok()));
        assert!(event.org.0 > 0 && !format!("{event:?}").is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_event_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn any_json_is_an_event_or_an_error(value in any_json()) {
        exercise(value.to_string().as_bytes());
        exercise(format!(r#"{{"type":"new_message","orgId":1,"data":{value}}}"#).as_bytes());
    }

    #[test]
    fn any_value_in_any_field_of_any_type_is_no_reason_to_panic(
        at in any::<usize>(), field in any::<prop::sample::Index>(), value in any_json(), cut in any::<prop::sample::Index>(),
    ) {
        let example = &EXAMPLES[at % EXAMPLES.len()];
        let data: Value = serde_json::from_str(example.data_json).unwrap();
        let names: Vec<_> = data.as_object().unwrap().keys().cloned().chain(["x".to_owned()]).collect();
        let fields = [(names[field.index(names.len())].clone(), value)].into_iter().collect();
        let body = altered(at, &fields).to_string();
        exercise(body.as_bytes());
        exercise(&body.as_bytes()[..cut.index(body.len())]);
    }

    #[test]
    fn an_identity_does_not_depend_on_order_or_on_spaces(at in any::<usize>(), value in any_json()) {
        let body = altered(at, &[("x_new".to_owned(), value)].into_iter().collect());
        let (body, turned) = (body.to_string(), turned(&body));
        let one = Event::parse(body.as_bytes()).unwrap();
        let other = Event::parse(turned.as_bytes()).unwrap();
        prop_assert_eq!(one.identity(), other.identity());
        prop_assert_eq!(one.facts, other.facts);
    }

    #[test]
    fn fields_of_tomorrow_do_not_identify_where_the_shape_is_documented(
        at in any::<usize>(), value in any_json(),
    ) {
        let example = &EXAMPLES[at % EXAMPLES.len()];
        prop_assume!(example.documented && example.kind != "conversation_push");
        let plain = example.body(OrgId(4242), "vt");
        let plain = Event::parse(plain.as_bytes()).unwrap();
        let body = altered(at, &[("x_new".to_owned(), value)].into_iter().collect());
        prop_assert_eq!(Event::parse(body.to_string().as_bytes()).unwrap().identity(), plain.identity());
    }

    #[test]
    fn a_text_anywhere_is_redacted(at in any::<usize>(), name in "[a-z]{1,8}|body|name|href|type", inside in any::<bool>()) {
        let canary = Value::from("Ada canary, +1 555 0100");
        let value = if inside { Value::Array(vec![canary]) } else { canary };
        let body = altered(at, &[(name, value)].into_iter().collect());
        let body = body.to_string();
        let event = Event::parse(body.as_bytes()).unwrap();
        prop_assert!(!redact(event.data).contains("canary"));
    }
}
