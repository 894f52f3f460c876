//! Conversations that have broken an importer somewhere.

use std::collections::HashMap;

use model::record::{Attachment, Author, Contact, Conversation, Details, Meeting, Message, Tag, User};
use model::{
    AttachmentId, ContactId, ConversationId, InboxId, MeetingId, MessageId, Millis, OrgId, Pii, PlaybookId,
    UserId,
};
use store::mirror::{FileFacts, StoredConversation};

use crate::handover::compose::{Gathered, Shared};

const T0: i64 = 1_767_323_045_678; // 2026-01-02T03:04:05.678Z

pub(super) fn pii(text: &str) -> Option<Pii<String>> {
    Some(Pii::new(text.to_owned()))
}

pub(super) fn message(id: i64, author: (&str, i64), kind: &str, body: &str) -> Message {
    Message {
        message_id: MessageId(id),
        author: Author { kind: author.0.to_owned(), id: Some(author.1), bot: author == ("user", 2) },
        kind: kind.to_owned(),
        body: pii(body),
        created_at: Some(Millis(T0 + id * 1000)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: Pii::new("{}".to_owned()),
    }
}

pub(super) fn edit(id: i64, target: i64, edit_type: &str, body: &str) -> Message {
    Message {
        edited_message_id: Some(MessageId(target)),
        edit_type: Some(edit_type.to_owned()),
        ..message(id, ("user", 3), "edit", body)
    }
}

pub(super) fn attachment(
    id: i64,
    name: Option<&str>,
    mime_type: Option<&str>,
    url: Option<&str>,
) -> Attachment {
    Attachment {
        attachment_id: AttachmentId(id),
        file_name: name.and_then(pii),
        mime_type: mime_type.map(str::to_owned),
        url: url.and_then(pii),
        extra: "{}".to_owned(),
    }
}

pub(super) fn user(id: i64, name: &str, bot: bool) -> User {
    User {
        user_id: UserId(id),
        name: pii(name),
        alias: None,
        email: pii(&format!("user-{id}@team.test")),
        phone: None,
        locale: None,
        availability: None,
        role: None,
        time_zone: None,
        avatar_url: None,
        verified: None,
        bot: Some(bot),
        created_at: None,
        updated_at: None,
        extra: "{}".to_owned(),
    }
}

pub(super) fn shared() -> Shared {
    let team = [user(2, "Robo", true), user(3, "Bo <Admin>", false)];
    Shared {
        org: OrgId(4242),
        team: team.into_iter().map(|user| (user.user_id, user)).collect(),
        playbooks: HashMap::from([(PlaybookId(9), "Book \"more\"".to_owned())]),
        attachments_at: None,
    }
}

/// A conversation of which only these messages are known.
pub(super) fn bare(messages: Vec<Message>) -> Gathered {
    let conversation = Conversation {
        conversation_id: ConversationId(41),
        contact_id: Some(ContactId(1)),
        inbox_id: None,
        status: "closed".to_owned(),
        created_at: Some(Millis(T0)),
        updated_at: None,
        extra: "{}".to_owned(),
    };
    let stored = StoredConversation {
        conversation,
        details: None,
        message_count: i64::try_from(messages.len()).unwrap(),
        messages_hash: None,
        gone_at: None,
        seen_at: Millis(T0),
    };
    Gathered { stored, contact: None, messages, meetings: Vec::new(), messages_not_listed: 0 }
}

/// Something of everything.
pub(super) fn awkward() -> Gathered {
    let mut greeting = message(1, ("user", 2), "chat", "<p>How can we <b>help</b>?</p>");
    greeting.extra = Pii::new(r#"{"buttons":[{"label":"Pricing"},{"label":"Sup]port"}],"n":1.0}"#.to_owned());
    let mut question = message(2, ("contact", 1), "chat", "price for <3 seats? 👩🏽‍🚀\n{\"$from\":\"agent:3\"}");
    question.extra = Pii::new(
        r#"{"context":{"href":"https://site.test/p?a=1","title":"Pricing <now>"},
        "attributes":{"preMessages":[{"body":"<p>Hi <i>there</i></p>"}]}}"#
            .to_owned(),
    );
    let picture = attachment(7, Some("a \"b\".png"), Some("image/png"), Some("https://drift.test/7"));
    let script = attachment(8, Some("x"), None, Some("javascript:alert(1)"));
    question.attachments = vec![picture, script, attachment(9, None, None, None)];
    let hostile = "<p dir=\"rtl\">תודה רבה</p><script>alert(1)</script><a href=\"javascript:x\">y</a>";
    let mut undated = message(10, ("martian", 77), "telepathy", "beep");
    undated.created_at = None;
    let mut empty = message(11, ("contact", 5), "chat", "");
    empty.body = None;
    let mut gathered = bare(vec![
        greeting,
        question,
        message(3, ("user", 3), "chat", "It is 30"),
        message(4, ("user", 3), "private_note", "big <i>fish</i> & co"),
        edit(5, 3, "replace", "It is 31"),
        message(6, ("user", 3), "chat", "oops, a secret"),
        edit(7, 6, "delete", ""),
        message(8, ("contact", 1), "chat", hostile),
        edit(9, 99, "replace", "of nothing"),
        undated,
        empty,
    ]);
    gathered.messages_not_listed = 2;
    gathered.stored.gone_at = Some(Millis(T0 + 90_000));
    let conversation = &mut gathered.stored.conversation;
    conversation.inbox_id = Some(InboxId(12));
    conversation.updated_at = Some(Millis(T0 + 60_000));
    conversation.extra = "{\"tomorrow\":\n12345678901234567890.10}".to_owned();
    let tag =
        |name: &str, color: Option<&str>| Tag { name: name.to_owned(), color: color.map(str::to_owned) };
    gathered.stored.details = Some(Details {
        participants: vec![UserId(2), UserId(3), UserId(4)],
        tags: vec![tag("sales", None), tag("Very <Important>", Some("ff0000"))],
        related_playbook_id: Some(PlaybookId(9)),
        extra: "no JSON".to_owned(),
    });
    gathered.contact = Some(Contact {
        contact_id: ContactId(1),
        created_at: Some(Millis(T0 - 1)),
        email: pii("ada@example.test"),
        name: pii("Ada \u{202e}& <Co>"),
        phone: pii("+4930123456"),
        external_id: pii("00123"),
        attributes: Pii::new("{\"score\":1e3,\"plan\":\"pro\"}".to_owned()),
        extra: Pii::new("{}".to_owned()),
    });
    gathered.meetings = vec![meeting()];
    gathered
}

pub(super) fn files() -> HashMap<AttachmentId, FileFacts> {
    let picture =
        FileFacts { mime_type: Some("image/png".to_owned()), size_bytes: Some(3), sha256: Some([7; 32]) };
    HashMap::from([(AttachmentId(7), picture)])
}

fn meeting() -> Meeting {
    Meeting {
        meeting_id: MeetingId("m-1".to_owned()),
        conversation_id: Some(ConversationId(41)),
        contact_id: Some(ContactId(1)),
        agent_id: Some(UserId(3)),
        status: Some("ACTIVE".to_owned()),
        source: None,
        kind: Some("New Meeting".to_owned()),
        event_id: None,
        slot_start: Some(Millis(T0 + 3_600_000)),
        slot_end: None,
        scheduled_at: None,
        updated_at: None,
        time_zone: Some("Europe/Berlin".to_owned()),
        notes: pii("bring\nprices"),
        extra: "{}".to_owned(),
    }
}
