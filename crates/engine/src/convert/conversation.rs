//! Conversations and messages.

use drift::wire;
use model::Pii;
use model::record::{Attachment, Author, Conversation, Details, Message, Tag};

use super::extra::Rest;

/// A row of the list.
pub(crate) fn conversation_row(row: wire::ConversationRow) -> Conversation {
    Conversation {
        conversation_id: row.id,
        contact_id: row.contact_id,
        inbox_id: row.inbox_id,
        status: row.status.map_or_else(String::new, |status| status.as_str().to_owned()),
        created_at: row.created_at,
        updated_at: row.updated_at,
        extra: row.extra.to_json(),
    }
}

/// The single call's answer: what the list has too, and what only it has.
///
/// Fields without a column go to the details, so that the core row is the same whichever call it came from.
pub(crate) fn conversation(it: wire::Conversation) -> (Conversation, Details) {
    let mut participants = it.participants;
    participants.sort_unstable();
    participants.dedup();
    let details = Details {
        participants,
        tags: it.conversation_tags.into_iter().filter_map(tag).collect(),
        related_playbook_id: it.related_playbook_id,
        extra: it.extra.to_json(),
    };
    let core = Conversation {
        conversation_id: it.id,
        contact_id: it.contact_id,
        inbox_id: it.inbox_id,
        status: it.status.map_or_else(String::new, |status| status.as_str().to_owned()),
        created_at: it.created_at,
        updated_at: it.updated_at,
        extra: "{}".to_owned(),
    };
    (core, details)
}

fn tag(it: wire::Tag) -> Option<Tag> {
    Some(Tag { name: it.name?, color: it.color })
}

/// One message.
pub(crate) fn message(it: wire::Message) -> Message {
    let extra = Rest::of(&it.extra)
        .raw("buttons", it.buttons.as_ref().map(wire::Lazy::raw))
        .raw("context", it.context.as_ref().map(wire::Lazy::raw))
        .raw("attributes", it.attributes.as_ref().map(wire::Lazy::raw))
        .value(
            "author",
            it.author.as_ref().filter(|author| !author.extra.is_empty()).map(|author| &author.extra),
        )
        .finish();
    let author = it.author.map_or(Author { kind: String::new(), id: None, bot: false }, |author| Author {
        kind: author.kind.map_or_else(String::new, |kind| kind.as_str().to_owned()),
        id: author.id,
        bot: author.bot.unwrap_or(false),
    });
    Message {
        message_id: it.id,
        author,
        kind: it.kind.map_or_else(String::new, |kind| kind.as_str().to_owned()),
        body: it.body,
        created_at: it.created_at,
        edited_message_id: it.edited_message_id,
        edit_type: it.edit_type.map(|kind| kind.as_str().to_owned()),
        attachments: it.attachments.into_iter().map(attachment).collect(),
        extra: Pii::new(extra),
    }
}

fn attachment(it: wire::AttachmentRef) -> Attachment {
    Attachment {
        attachment_id: it.id,
        file_name: it.file_name,
        mime_type: it.mime_type,
        url: it.url,
        extra: it.extra.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AttachmentId, MessageId, Millis};

    #[test]
    fn a_message_keeps_every_field_in_a_column_or_in_extra() {
        let text = r#"{"id":90030001234,"orgId":4242,"conversationId":7,"body":"<p>Hi</p>",
            "author":{"type":"contact","id":17,"bot":false},"type":"chat","createdAt":1717400001500,
            "buttons":[{"label":"Yes"}],"context":{"href":"https://www.example.test/"},
            "attributes":{"preMessages":[]},"attachments":[{"id":5,"fileName":"a.pdf","novel":1}],"tomorrow":true}"#;
        let message = message(serde_json::from_str(text).unwrap());
        assert_eq!(message.message_id, MessageId(90_030_001_234));
        assert_eq!(message.created_at, Some(Millis(1_717_400_001_500)));
        assert_eq!(message.attachments[0].attachment_id, AttachmentId(5));
        assert_eq!(message.attachments[0].extra, r#"{"novel":1}"#);
        assert_eq!(
            message.extra.expose(),
            r#"{"tomorrow":true,"buttons":[{"label":"Yes"}],"context":{"href":"https://www.example.test/"},"attributes":{"preMessages":[]}}"#
        );
    }

    #[test]
    fn details_sort_participants_and_keep_what_is_new() {
        let text = r#"{"id":7,"participants":[3,1,3],"status":"snoozed","conversationTags":[{"name":"vip"},{"color":"00ff00"}],"novel":{}}"#;
        let (core, details) = conversation(serde_json::from_str(text).unwrap());
        assert_eq!(core.status, "snoozed");
        assert_eq!(details.participants.iter().map(|id| id.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(details.tags.len(), 1);
        assert_eq!(details.extra, r#"{"novel":{}}"#);
    }
}
