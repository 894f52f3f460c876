//! An event of any type, about what the world holds, for trying a receiver.
//!
//! Shapes that nobody published (`conversation_manual_push`, `chat_to_call`, `gdpr_delete_requested`,
//! `app_disconnected`) are the least that Drift's prose makes likely.

use model::Millis;
use serde_json::{Value, json};

use crate::world::World;

/// The first user of every world.
const USER: i64 = 228_001;

/// The `data` of an event of this type about a conversation (the newest, if none is named); `None` when the
/// conversation is not there, or the type is unknown.
pub(crate) fn example(world: &World, kind: &str, conversation: Option<i64>, now: Millis) -> Option<Value> {
    let (conversation, contact, message) = world.subjects(conversation)?;
    let (now, org) = (now.0, world.org_id());
    let message = message.unwrap_or_default();
    let author = json!({"type": "contact", "id": contact, "bot": false});
    let said = |body: &str| {
        json!({"id": message, "orgId": org, "conversationId": conversation, "body": body, "author": author,
            "type": "chat", "createdAt": now, "attributes": {}})
    };
    let whole = |json: Option<Vec<u8>>| json.and_then(|json| serde_json::from_slice(&json).ok());
    let meeting = json!({"conversationId": conversation, "agentId": USER, "orgId": org, "schedulerId": contact,
        "eventId": "ev-example", "slug": format!("m-{conversation}-example"), "slotStart": now + 86_400_000,
        "slotEnd": now + 88_200_000, "scheduledAt": now});
    Some(match kind {
        "contact_identified" | "user_unsubscribed" | "user_unsubscribe" => {
            whole(world.contact(contact)).unwrap_or_else(|| json!({"id": contact, "attributes": {}}))
        }
        "new_message" => said("Do you offer annual billing?"),
        "new_command_message" => said("/verify"),
        "button_clicked" => said("Talk to sales"),
        "new_conversation" => whole(world.conversation(conversation))?,
        "conversation_push" => json!({"data": {"conversationId": conversation}}),
        "conversation_inactive" => json!({"conversationId": conversation, "lastUpdated": now}),
        "conversation_manual_push" => json!({"conversationId": conversation}),
        "conversation_participant_added" => {
            json!({"conversationId": conversation, "addedParticipants": [USER], "changedAt": now})
        }
        "conversation_participant_removed" => {
            json!({"conversationId": conversation, "removedParticipants": [USER], "changedAt": now})
        }
        "phone_captured" => json!({"conversationId": conversation, "authorId": contact,
            "authorType": "contact", "phoneNumber": "+15555550100"}),
        "contact_updated" => json!({"endUserId": contact, "timestamp": now, "orgId": org,
            "diff": [{"name": "attributes.name", "previous": "Ada", "updated": "Ada Example"}]}),
        "new_meeting" => meeting,
        "meeting_updated" => {
            let mut meeting = meeting;
            meeting["eventType"] = "rescheduled".into();
            meeting
        }
        "playbook_goal_met" => json!({"conversationId": conversation, "playbookId": 63_505,
            "contactId": contact, "goalId": "0f8f6f1e-0000-4000-8000-000000000001",
            "goalName": "Asked for a demo", "playbookName": "Pricing page greeter",
            "contactEmail": "ada@example.test"}),
        "user_availability_updated" => json!({"userId": USER, "updatedAt": now, "availability": "ONLINE"}),
        "chat_to_call" => json!({"conversationId": conversation, "contactId": contact, "userId": USER,
            "callType": "browser", "durationSeconds": 184, "endedAt": now}),
        "gdpr_delete_requested" => json!({"email": "ada@example.test"}),
        "app_disconnected" => json!({}),
        "conversation_status_updated" => {
            json!({"orgId": org, "conversationId": conversation, "status": "closed", "changedAt": now})
        }
        "button_action" => json!({"conversationId": conversation, "author": {"type": "user", "id": USER},
            "sourceMessageId": message, "button": {"label": "Approve", "value": "approve", "type": "action"}}),
        _ => return None,
    })
}
