//! Records for tests.

use model::record::{
    Account, Attachment, Author, Contact, ContactAttribute, Conversation, Details, LandingPage, Meeting,
    Message, Playbook, ReportValue, Snapshot, Tag, Team, User,
};
use model::{
    AccountId, AttachmentId, ContactId, ConversationId, InboxId, MeetingId, MessageId, Millis, OrgId, Pii,
    PlaybookId, TeamId, UserId,
};

pub(crate) const ORG: OrgId = OrgId(4242);
pub(crate) const NOW: Millis = Millis(1_790_000_000_000);

pub(crate) fn conversation(id: i64, updated_at: i64) -> Conversation {
    Conversation {
        conversation_id: ConversationId(id),
        contact_id: Some(ContactId(id + 1_000)),
        inbox_id: Some(InboxId(7)),
        status: "open".to_owned(),
        created_at: Some(Millis(1_000)),
        updated_at: Some(Millis(updated_at)),
        extra: "{}".to_owned(),
    }
}

pub(crate) fn message(id: i64, body: &str) -> Message {
    Message {
        message_id: MessageId(id),
        author: Author { kind: "contact".to_owned(), id: Some(9), bot: false },
        kind: "chat".to_owned(),
        body: Some(Pii::new(body.to_owned())),
        created_at: Some(Millis(1_000 + id)),
        edited_message_id: None,
        edit_type: None,
        attachments: Vec::new(),
        extra: Pii::new("{}".to_owned()),
    }
}

pub(crate) fn attachment(id: i64) -> Attachment {
    Attachment {
        attachment_id: AttachmentId(id),
        file_name: Some(Pii::new("plan.pdf".to_owned())),
        mime_type: Some("application/pdf".to_owned()),
        url: None,
        extra: "{}".to_owned(),
    }
}

pub(crate) fn details(participants: &[i64], tags: &[&str]) -> Details {
    Details {
        participants: participants.iter().copied().map(UserId).collect(),
        tags: tags
            .iter()
            .map(|name| Tag { name: (*name).to_owned(), color: Some("ff0000".to_owned()) })
            .collect(),
        related_playbook_id: Some(PlaybookId(5)),
        extra: "{}".to_owned(),
    }
}

/// What a list's row gives.
pub(crate) fn row(id: i64, updated_at: i64, fetched_at: i64) -> Snapshot {
    Snapshot {
        conversation: conversation(id, updated_at),
        details: None,
        messages: None,
        fetched_at: Millis(fetched_at),
    }
}

/// What reading the messages gives.
pub(crate) fn read(id: i64, updated_at: i64, fetched_at: i64, messages: Vec<Message>) -> Snapshot {
    Snapshot { messages: Some(messages), ..row(id, updated_at, fetched_at) }
}

pub(crate) fn contact(id: i64, name: &str) -> Contact {
    Contact {
        contact_id: ContactId(id),
        created_at: Some(Millis(5)),
        email: Some(Pii::new("ada@example.test".to_owned())),
        name: Some(Pii::new(name.to_owned())),
        phone: None,
        external_id: None,
        attributes: Pii::new("{\"a\":1}".to_owned()),
        extra: Pii::new("{}".to_owned()),
    }
}

pub(crate) fn user(id: i64, name: &str) -> User {
    User {
        user_id: UserId(id),
        name: Some(Pii::new(name.to_owned())),
        alias: None,
        email: None,
        phone: None,
        locale: Some("en-US".to_owned()),
        availability: Some("AVAILABLE".to_owned()),
        role: Some("agent".to_owned()),
        time_zone: None,
        avatar_url: None,
        verified: Some(true),
        bot: Some(false),
        created_at: Some(Millis(1)),
        updated_at: None,
        extra: "{}".to_owned(),
    }
}

pub(crate) fn team(id: i64, members: &[i64]) -> Team {
    Team {
        team_id: TeamId(id),
        name: Some("Sales".to_owned()),
        owner_id: Some(UserId(1)),
        members: members.iter().copied().map(UserId).collect(),
        status: Some("ENABLED".to_owned()),
        main: Some(true),
        updated_at: Some(Millis(3)),
        extra: "{}".to_owned(),
    }
}

pub(crate) fn account(id: &str) -> Account {
    Account {
        account_id: AccountId(id.to_owned()),
        owner_id: Some(UserId(1)),
        name: Some("Example".to_owned()),
        domain: Some("example.test".to_owned()),
        deleted: Some(false),
        targeted: None,
        created_at: Some(Millis(1)),
        updated_at: Some(Millis(2)),
        custom_properties: "[]".to_owned(),
        extra: "{}".to_owned(),
    }
}

pub(crate) fn playbook(id: i64) -> Playbook {
    Playbook {
        playbook_id: PlaybookId(id),
        name: Some("Welcome".to_owned()),
        report_type: None,
        interaction_id: Some(8),
        created_at: Some(Millis(1)),
        updated_at: Some(Millis(2)),
        created_author_id: Some(UserId(1)),
        updated_author_id: None,
        goals: "[]".to_owned(),
        extra: "{}".to_owned(),
    }
}

pub(crate) fn landing_page(id: i64, url: &str) -> LandingPage {
    LandingPage {
        playbook_id: PlaybookId(id),
        playbook_name: Some("Welcome".to_owned()),
        url: url.to_owned(),
        extra: "{}".to_owned(),
    }
}

pub(crate) fn contact_attribute(name: &str) -> ContactAttribute {
    ContactAttribute {
        name: name.to_owned(),
        display_name: Some("Plan".to_owned()),
        kind: Some("STRING".to_owned()),
        extra: "{}".to_owned(),
    }
}

pub(crate) fn meeting(id: &str, status: &str) -> Meeting {
    Meeting {
        meeting_id: MeetingId(id.to_owned()),
        conversation_id: Some(ConversationId(1)),
        contact_id: Some(ContactId(1_001)),
        agent_id: Some(UserId(1)),
        status: Some(status.to_owned()),
        source: None,
        kind: Some("New Meeting".to_owned()),
        event_id: None,
        slot_start: Some(Millis(10)),
        slot_end: Some(Millis(20)),
        scheduled_at: Some(Millis(5)),
        updated_at: Some(Millis(6)),
        time_zone: None,
        notes: None,
        extra: "{}".to_owned(),
    }
}

pub(crate) fn report_value(conversation: i64, metric: &str, value: Option<f64>) -> ReportValue {
    ReportValue { conversation_id: ConversationId(conversation), metric: metric.to_owned(), value }
}

pub(crate) fn fact(id: &str) -> store::facts::Fact {
    store::facts::Fact {
        org: ORG,
        fact_id: id.to_owned(),
        kind: "phone_captured".to_owned(),
        conversation: Some(ConversationId(1)),
        contact: Some(ContactId(1_001)),
        user: None,
        playbook: None,
        occurred_at: None,
        received_at: NOW,
        phone: Some(Pii::new("+15555550100".to_owned())),
        detail: Pii::new("{}".to_owned()),
    }
}

pub(crate) fn new_export(destination: &str) -> store::export_runs::NewExport<'_> {
    store::export_runs::NewExport {
        format: "csv",
        destination,
        mode: store::export_runs::ExportMode::Full,
        changes_upto: 7,
        options: Some("{}"),
    }
}
