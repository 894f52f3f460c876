//! What is known of a conversation as a whole, in lines of text: the place of everything for which a system has no field.

use model::Millis;

use crate::handover::neutral::{Conversation, Meeting, Participant};
use crate::transcript::iso;
use crate::transcript::plain::one_line;

/// One fact a line: `Status: closed`.
pub(crate) fn about(conversation: &Conversation) -> String {
    let mut lines = vec![format!(
        "Imported from Drift: conversation {} of organization {}",
        conversation.conversation_id, conversation.org_id
    )];
    let mut fact = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.push(format!("{label}: {}", one_line(&value)));
        }
    };
    let instant = |at: Option<i64>| at.map(|at| iso(Millis(at)));
    fact("Status", Some(conversation.status.clone()));
    fact("Created", instant(conversation.created_at));
    fact("Updated", instant(conversation.updated_at));
    fact("No longer in Drift since", instant(conversation.gone_at));
    fact("Inbox", conversation.inbox_id.map(|id| id.to_string()));
    fact("Playbook", conversation.playbook.as_ref().map(|it| with_id(it.name.as_deref(), it.id)));
    fact("Page", conversation.page.as_ref().map(|page| page.url.clone()));
    fact("Page title", conversation.page.as_ref().and_then(|page| page.title.clone()));
    if let Some(contact) = &conversation.contact {
        fact("Contact", Some(with_id(contact.name.as_deref(), contact.id)));
        fact("Contact email", contact.email.clone());
        fact("Contact phone", contact.phone.clone());
        fact("Contact external id", contact.external_id.clone());
        fact("Contact since", instant(contact.created_at));
        let attributes = Some(&contact.attributes).filter(|attributes| !attributes.is_empty());
        fact("Contact attributes", attributes.map(|attributes| attributes.get().to_owned()));
    }
    let names: Vec<String> = conversation.participants.iter().map(participant).collect();
    fact("Participants", Some(names.join(", ")));
    let tags: Vec<&str> = conversation.tags.iter().map(|tag| tag.name.as_str()).collect();
    fact("Tags", Some(tags.join(", ")));
    for meeting in &conversation.meetings {
        fact("Meeting", Some(told(meeting)));
    }
    lines.join("\n")
}

fn with_id(name: Option<&str>, id: i64) -> String {
    name.map_or_else(|| id.to_string(), |name| format!("{name} ({id})"))
}

fn participant(participant: &Participant) -> String {
    let name = with_id(participant.name.as_deref(), participant.id);
    if participant.bot == Some(true) { format!("{name}, a bot") } else { name }
}

/// A meeting in one line.
fn told(meeting: &Meeting) -> String {
    let instant = |at: Option<i64>| at.map(|at| iso(Millis(at)));
    let known = [
        instant(meeting.slot_start).map(|at| format!("from {at}")),
        instant(meeting.slot_end).map(|at| format!("to {at}")),
        meeting.time_zone.clone(),
        meeting.status.clone(),
        meeting.kind.clone(),
        meeting.source.clone(),
        meeting.agent.as_ref().map(|agent| format!("with {}", participant(agent))),
        instant(meeting.scheduled_at).map(|at| format!("booked {at}")),
        instant(meeting.updated_at).map(|at| format!("changed {at}")),
        meeting.event_id.as_ref().map(|id| format!("event {id}")),
        meeting.notes.as_ref().map(|notes| format!("notes: {notes}")),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    format!("{}: {}", meeting.id, known.join(", "))
}
