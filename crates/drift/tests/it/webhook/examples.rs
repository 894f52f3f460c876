//! One event of each type that the project's page on Drift lists.

use drift::webhook::{EXAMPLES, Event, EventFacts, EventKind, Example};
use model::{ConversationId, OrgId};

/// What an example must read as: ids and time in one line, and the fact's JSON.
fn check(kind: &str, canonical: &EventKind, read: &str, fact: &str) {
    let example = Example::of(kind).unwrap();
    let body = example.body(OrgId(4242), "vt-1");
    let event = Event::parse(body.as_bytes()).unwrap();
    assert_eq!((&event.kind, event.spelled.as_str(), event.org), (canonical, kind, OrgId(4242)));
    assert_eq!(event.token.as_ref().unwrap().expose(), "vt-1");
    let mut line = Vec::new();
    let mut note =
        |name: &str, value: Option<String>| line.extend(value.map(|value| format!("{name} {value}")));
    note("conversation", event.conversation.map(|id| id.to_string()));
    note("contact", event.contact.map(|id| id.to_string()));
    note("user", event.user.map(|id| id.to_string()));
    note("message", event.message.map(|id| id.to_string()));
    note("playbook", event.playbook.map(|id| id.to_string()));
    note("meeting", event.meeting.as_ref().map(ToString::to_string));
    note("at", event.occurred_at.map(|at| at.to_string()));
    assert_eq!(line.join(", "), read, "{kind}");
    let written = event.facts.as_ref().map(|facts| facts.to_json().into_exposed()).unwrap_or_default();
    assert_eq!(written, fact, "{kind}");
    if let Some(facts) = event.facts {
        assert_eq!(serde_json::from_str::<EventFacts>(&written).unwrap(), facts);
        assert!(written.contains(&format!(r#""fact":"{}""#, facts.kind())), "{written}");
    }
    assert_eq!(event.data.get(), example.data_json);
}

macro_rules! examples {
    ($($kind:ident: $canonical:ident, $read:literal, $fact:literal;)*) => {
        $(#[test]
        fn $kind() {
            check(stringify!($kind), &EventKind::$canonical, $read, $fact);
        })*

        #[test]
        fn every_example_has_its_test_and_every_type_its_example() {
            let tested = [$(stringify!($kind)),*];
            let listed: Vec<_> = EXAMPLES.iter().map(|example| example.kind).collect();
            assert_eq!(listed, tested);
        }
    };
}

examples! {
    contact_identified: ContactIdentified, "contact 17035500001", "";
    new_message: NewMessage,
        "conversation 3782700001, contact 17035500001, message 90030001234, at 1717400001500", "";
    new_command_message: NewCommandMessage,
        "conversation 3782700001, user 228001, message 90030001299, at 1717400001500", "";
    new_conversation: NewConversation, "conversation 3782700001, contact 17035500001, at 1717400000000", "";
    conversation_push: ConversationPush, "conversation 3782700001", "";
    conversation_inactive: ConversationInactive, "conversation 3782700001, at 1717401800000", "";
    conversation_manual_push: ConversationManualPush, "conversation 3782700001", "";
    conversation_participant_added: ParticipantAdded, "conversation 3782700001, at 1717400005000",
        r#"{"fact":"participants_added","users":[228001],"at":1717400005000}"#;
    conversation_participant_removed: ParticipantRemoved, "conversation 3782700001, at 1717400009000",
        r#"{"fact":"participants_removed","users":[228001],"at":1717400009000}"#;
    button_clicked: ButtonClicked,
        "conversation 3782700001, contact 17035500001, message 90030001300, at 1717400001500",
        r#"{"fact":"button_clicked","label":"Talk to sales","value":null,"contact":17035500001,"user":null,"at":1717400001500}"#;
    phone_captured: PhoneCaptured, "conversation 3782700001, contact 17035500001",
        r#"{"fact":"phone_captured","phone":"+15555550100","contact":17035500001}"#;
    contact_updated: ContactUpdated, "contact 17035500001, at 1717400003000", "";
    new_meeting: NewMeeting,
        "conversation 3782700001, contact 17035500001, user 228001, meeting mtg-0001, at 1717400000000",
        r#"{"fact":"meeting_booked","meeting":"mtg-0001","calendar_event":"evt_0001","agent":228001,"contact":17035500001,"slot_start":1717486400000,"slot_end":1717488200000,"scheduled_at":1717400000000,"event_type":null}"#;
    meeting_updated: MeetingUpdated,
        "conversation 3782700001, contact 17035500001, user 228001, meeting mtg-0001",
        r#"{"fact":"meeting_moved","meeting":"mtg-0001","calendar_event":"evt_0001","agent":228001,"contact":17035500001,"slot_start":1717572800000,"slot_end":1717574600000,"scheduled_at":1717400000000,"event_type":"rescheduled"}"#;
    playbook_goal_met: PlaybookGoalMet, "conversation 3782700001, contact 17035500001, playbook 63505",
        r#"{"fact":"goal_met","playbook":63505,"contact":17035500001,"goal_id":"0f8f6f1e-0000-4000-8000-000000000001","goal_name":"Asked for a demo","playbook_name":"Pricing page greeter","contact_email":"ada@example.test"}"#;
    user_availability_updated: UserAvailabilityUpdated, "user 228001, at 1717400007000",
        r#"{"fact":"user_availability","user":228001,"at":1717400007000,"availability":"ONLINE"}"#;
    user_unsubscribed: UserUnsubscribed, "contact 17035500001",
        r#"{"fact":"unsubscribed","contact":17035500001,"email":"ada@example.test"}"#;
    chat_to_call: ChatToCall, "conversation 3782700001, contact 17035500001, user 228001",
        r#"{"fact":"chat_to_call","data":{"callType":"browser","contactId":17035500001,"conversationId":3782700001,"durationSeconds":184,"endedAt":1717400300000,"participants":[228001],"userId":228001}}"#;
    gdpr_delete_requested: GdprDeleteRequested, "",
        r#"{"fact":"gdpr_delete_requested","contact":null,"email":"ada@example.test","data":{"email":"ada@example.test"}}"#;
    app_disconnected: AppDisconnected, "", r#"{"fact":"app_disconnected"}"#;
    conversation_status_updated: StatusUpdated, "conversation 3782700001, at 1717400060000", "";
    conversation_status_change: StatusUpdated, "conversation 3782700001, at 1717400060000", "";
    button_action: ButtonClicked, "conversation 3782700001, user 228001, message 90030001234",
        r#"{"fact":"button_clicked","label":"Approve","value":"approve","contact":null,"user":228001,"at":null}"#;
    user_unsubscribe: UserUnsubscribed, "contact 17035500001",
        r#"{"fact":"unsubscribed","contact":17035500001,"email":"ada@example.test"}"#;
}

#[test]
fn a_meeting_that_is_called_off_is_told_from_one_that_moved() {
    for (word, fact) in [
        ("canceled", "meeting_cancelled"),
        ("CANCELLED", "meeting_cancelled"),
        ("rescheduled", "meeting_moved"),
        ("renamed", "meeting_changed"),
    ] {
        let event = super::event("meeting_updated", serde_json::json!({"slug": "m-1", "eventType": word}));
        assert_eq!(event.facts.unwrap().kind(), fact);
    }
}

#[test]
fn an_event_without_the_field_that_makes_its_fact_has_none() {
    for kind in ["phone_captured", "conversation_participant_added", "conversation_participant_removed"] {
        let event = super::event(kind, serde_json::json!({"conversationId": 5}));
        assert_eq!((event.conversation, event.facts), (Some(ConversationId(5)), None), "{kind}");
    }
}
