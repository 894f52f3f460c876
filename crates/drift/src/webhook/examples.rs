//! One documented example of each type, to try a receiver with.
//!
//! The people and ids are invented. Where `documented` is false nobody published the shape of `data`: what stands here
//! is the least that Drift's prose makes likely.

use model::OrgId;

/// An example of one type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The type, as spelt in the event.
    pub kind: &'static str,
    /// The event's `data`, as JSON.
    pub data_json: &'static str,
    /// Whether the shape was published by Drift or seen in a client.
    pub documented: bool,
    /// The spelling or the type is being phased out.
    pub deprecated: bool,
}

impl Example {
    /// The example of a type, former spellings included.
    #[must_use]
    pub fn of(kind: &str) -> Option<&'static Self> {
        EXAMPLES.iter().find(|example| example.kind == kind)
    }

    /// The body that Drift would post.
    #[must_use]
    pub fn body(&self, org: OrgId, token: &str) -> String {
        let (kind, token) = (serde_json::Value::from(self.kind), serde_json::Value::from(token));
        format!(r#"{{"type":{kind},"token":{token},"orgId":{org},"data":{}}}"#, self.data_json)
    }
}

/// Every type of event, in the order of the project's page on them; the deprecated spellings last.
pub const EXAMPLES: &[Example] = &[
    Example {
        kind: "contact_identified",
        data_json: r#"{"id":17035500001,"createdAt":1717399940000,"attributes":{"email":"ada@example.test",
            "name":"Ada Example","externalId":"crm-77","events":{},"socialProfiles":{},
            "start_date":1717399940000,"last_active":1717400000000}}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "new_message",
        data_json: r#"{"id":90030001234,"orgId":4242,"conversationId":3782700001,"body":"Do you offer annual billing?",
            "author":{"type":"contact","id":17035500001,"bot":false},"type":"chat","createdAt":1717400001500,
            "attributes":{"preMessages":[]},"context":{"ip":"203.0.113.9","userAgent":"ExampleBrowser/1.0",
            "href":"https://www.example.test/pricing","title":"Pricing","referrer":"","timezone":"Europe/Paris",
            "locale":"en","location":{"city":"Paris","region":"Ile-de-France","country":"FR",
            "countryName":"France","postalCode":"75001","latitude":48.86,"longitude":2.34}}}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "new_command_message",
        data_json: r#"{"id":90030001299,"orgId":4242,"conversationId":3782700001,"body":"/verify","author":{"type":"user",
            "id":228001,"bot":false},"type":"private_note","createdAt":1717400001500,"attributes":{}}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "new_conversation",
        data_json: r#"{"id":3782700001,"status":"open","contactId":17035500001,"inboxId":62491,"participants":[228001],
            "createdAt":1717400000000,"updatedAt":1717400000000,"orgId":4242}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "conversation_push",
        data_json: r#"{"data":{"conversationId":3782700001}}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "conversation_inactive",
        data_json: r#"{"conversationId":3782700001,"lastUpdated":1717401800000}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "conversation_manual_push",
        data_json: r#"{"conversationId":3782700001}"#,
        documented: false,
        deprecated: false,
    },
    Example {
        kind: "conversation_participant_added",
        data_json: r#"{"conversationId":3782700001,"addedParticipants":[228001],"changedAt":1717400005000}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "conversation_participant_removed",
        data_json: r#"{"conversationId":3782700001,"removedParticipants":[228001],"changedAt":1717400009000}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "button_clicked",
        data_json: r#"{"id":90030001300,"orgId":4242,"conversationId":3782700001,"body":"Talk to sales",
            "author":{"type":"contact","id":17035500001,"bot":false},"type":"chat","createdAt":1717400001500,
            "attributes":{}}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "phone_captured",
        data_json: r#"{"conversationId":3782700001,"authorId":17035500001,"authorType":"contact",
            "phoneNumber":"+15555550100"}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "contact_updated",
        data_json: r#"{"endUserId":17035500001,"timestamp":1717400003000,"orgId":4242,"diff":[{"name":"attributes.name",
            "previous":"Ada","updated":"Ada Example"},{"name":"socialProfiles.twitter","previous":null,
            "updated":"ada_example"}]}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "new_meeting",
        data_json: r#"{"conversationId":3782700001,"agentId":228001,"orgId":4242,"schedulerId":17035500001,
            "eventId":"evt_0001","slug":"mtg-0001","slotStart":1717486400000,"slotEnd":1717488200000,
            "scheduledAt":1717400000000}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "meeting_updated",
        data_json: r#"{"conversationId":3782700001,"agentId":228001,"orgId":4242,"schedulerId":17035500001,
            "eventId":"evt_0001","slug":"mtg-0001","slotStart":1717572800000,"slotEnd":1717574600000,
            "scheduledAt":1717400000000,"eventType":"rescheduled"}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "playbook_goal_met",
        data_json: r#"{"conversationId":3782700001,"playbookId":63505,"contactId":17035500001,
            "goalId":"0f8f6f1e-0000-4000-8000-000000000001","goalName":"Asked for a demo",
            "playbookName":"Pricing page greeter","contactEmail":"ada@example.test"}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "user_availability_updated",
        data_json: r#"{"userId":228001,"updatedAt":1717400007000,"availability":"ONLINE"}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "user_unsubscribed",
        data_json: r#"{"id":17035500001,"createdAt":1717399940000,"attributes":{"email":"ada@example.test",
            "name":"Ada Example","externalId":"crm-77","events":{},"socialProfiles":{},
            "start_date":1717399940000,"last_active":1717400000000}}"#,
        documented: true,
        deprecated: false,
    },
    Example {
        kind: "chat_to_call",
        data_json: r#"{"conversationId":3782700001,"contactId":17035500001,"userId":228001,"callType":"browser",
            "durationSeconds":184,"participants":[228001],"endedAt":1717400300000}"#,
        documented: false,
        deprecated: false,
    },
    Example {
        kind: "gdpr_delete_requested",
        data_json: r#"{"email":"ada@example.test"}"#,
        documented: false,
        deprecated: false,
    },
    Example { kind: "app_disconnected", data_json: r#"{}"#, documented: false, deprecated: false },
    Example {
        kind: "conversation_status_updated",
        data_json: r#"{"orgId":4242,"conversationId":3782700001,"status":"closed","changedAt":1717400060000}"#,
        documented: true,
        deprecated: true,
    },
    Example {
        kind: "conversation_status_change",
        data_json: r#"{"orgId":4242,"conversationId":3782700001,"status":"closed","changedAt":1717400060000}"#,
        documented: true,
        deprecated: true,
    },
    Example {
        kind: "button_action",
        data_json: r#"{"conversationId":3782700001,"author":{"type":"user","id":228001},"sourceMessageId":90030001234,
            "button":{"label":"Approve","value":"approve","type":"action"}}"#,
        documented: true,
        deprecated: true,
    },
    Example {
        kind: "user_unsubscribe",
        data_json: r#"{"id":17035500001,"createdAt":1717399940000,"attributes":{"email":"ada@example.test",
            "name":"Ada Example","externalId":"crm-77","events":{},"socialProfiles":{},
            "start_date":1717399940000,"last_active":1717400000000}}"#,
        documented: true,
        deprecated: true,
    },
];
