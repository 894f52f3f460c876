//! The fields of the neutral format, as reports name them.

use crate::handover::neutral::Conversation;

/// Messages that the mirror has kept and Drift no longer lists.
pub(crate) const NOT_LISTED: &str = "messages (not listed)";

/// Name the field of every value that a conversation has: what is absent or empty has no fate.
pub(crate) fn each(conversation: &Conversation, see: &mut dyn FnMut(&'static str)) {
    let mut known = |field, is_known: bool| {
        if is_known {
            see(field);
        }
    };
    known("conversation", true);
    known("status", true);
    known("created_at", conversation.created_at.is_some());
    known("updated_at", conversation.updated_at.is_some());
    known("gone_at", conversation.gone_at.is_some());
    known("inbox_id", conversation.inbox_id.is_some());
    known("playbook", conversation.playbook.is_some());
    known("page", conversation.page.is_some());
    known("extra", !conversation.extra.is_empty());
    known("details_extra", !conversation.details_extra.is_empty());
    if let Some(contact) = &conversation.contact {
        known("contact.id", true);
        known("contact.name", contact.name.is_some());
        known("contact.email", contact.email.is_some());
        known("contact.phone", contact.phone.is_some());
        known("contact.external_id", contact.external_id.is_some());
        known("contact.created_at", contact.created_at.is_some());
        known("contact.attributes", !contact.attributes.is_empty());
        known("contact.extra", !contact.extra.is_empty());
    }
    conversation.participants.iter().for_each(|_| known("participants", true));
    for tag in &conversation.tags {
        known("tags", true);
        known("tags.color", tag.color.is_some());
    }
    for meeting in &conversation.meetings {
        known("meetings", true);
        known("meetings.extra", !meeting.extra.is_empty());
    }
    conversation.messages.iter().for_each(|message| of_message(message, &mut known));
}

fn of_message(message: &crate::handover::neutral::Message, known: &mut dyn FnMut(&'static str, bool)) {
    known("messages", true);
    known("messages.id", true);
    known("messages.kind", true);
    known("messages.author", true);
    known("messages.created_at", message.created_at.is_some());
    known("messages.body", message.html.is_some());
    message.before.iter().for_each(|_| known("messages.before", true));
    message.buttons.iter().for_each(|_| known("messages.buttons", true));
    message.edits.iter().for_each(|_| known("messages.edits", true));
    message.attachments.iter().for_each(|_| known("messages.attachments", true));
    known("messages.extra", !message.extra.is_empty());
}
