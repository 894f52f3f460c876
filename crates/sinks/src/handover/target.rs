//! The formats a handover can be written in.

use serde::Serialize;

use crate::handover::neutral::Conversation;
use crate::handover::report::{FieldReport, Rule};
use crate::handover::requests::Plan;
use crate::handover::{chatwoot, hubspot, intercom, zendesk};

/// Whose format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Ours, made to be read by anybody.
    Neutral,
    /// Intercom's REST API.
    Intercom,
    /// Chatwoot's application API.
    Chatwoot,
    /// HubSpot's notes.
    Hubspot,
    /// Zendesk's ticket import.
    Zendesk,
}

impl Target {
    /// Its name on the command line and in `export_runs`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Intercom => "intercom",
            Self::Chatwoot => "chatwoot",
            Self::Hubspot => "hubspot",
            Self::Zendesk => "zendesk",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Neutral, Self::Intercom, Self::Chatwoot, Self::Hubspot, Self::Zendesk];
        all.into_iter().find(|target| target.name() == name)
    }

    /// The line of one conversation, and what became of its fields.
    pub(super) fn line(self, conversation: &Conversation, report: &mut FieldReport) -> Vec<u8> {
        let plan = |requests| Plan { conversation_id: conversation.conversation_id, requests };
        match self {
            Self::Neutral => {
                report.by(WHOLE, conversation);
                line(conversation)
            }
            Self::Intercom => line(&plan(intercom::requests(conversation, report))),
            Self::Chatwoot => line(&plan(chatwoot::requests(conversation, report))),
            Self::Hubspot => line(&plan(hubspot::requests(conversation, report))),
            Self::Zendesk => line(&plan(zendesk::requests(conversation, report))),
        }
    }
}

/// The neutral format carries all that it has a field for.
const WHOLE: &[Rule] = &[
    Rule::carried(&[
        "conversation",
        "status",
        "created_at",
        "updated_at",
        "gone_at",
        "inbox_id",
        "playbook",
        "page",
        "contact.id",
        "contact.name",
        "contact.email",
        "contact.phone",
        "contact.external_id",
        "contact.created_at",
        "contact.attributes",
        "contact.extra",
        "participants",
        "tags",
        "tags.color",
        "meetings",
        "meetings.extra",
        "messages",
        "messages.id",
        "messages.kind",
        "messages.created_at",
        "messages.author",
        "messages.body",
        "messages.before",
        "messages.buttons",
        "messages.attachments",
        "messages.extra",
        "extra",
        "details_extra",
    ]),
    Rule::changed(&["messages.edits"], "applied to their message, and named with it"),
];

fn line(object: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(object).expect("a conversation is JSON");
    line.push(b'\n');
    line
}
