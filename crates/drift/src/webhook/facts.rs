//! What only an event tells: no call to the API would give it afterwards.

use model::{ContactId, MeetingId, Millis, Pii, PlaybookId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::subjects::{Payload, Subjects};
use super::{EventKind, Presence};

/// What an event tells that the API does not. Kept as JSON, with the fact's name in `fact`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum EventFacts {
    /// Who joined, and when; the API tells who is there.
    ParticipantsAdded {
        /// Those who joined.
        users: Vec<UserId>,
        /// When.
        at: Option<Millis>,
    },
    /// Who left, and when.
    ParticipantsRemoved {
        /// Those who left.
        users: Vec<UserId>,
        /// When.
        at: Option<Millis>,
    },
    /// A phone number given in the chat.
    PhoneCaptured {
        /// The number, as it was given.
        phone: Pii<String>,
        /// Who gave it.
        contact: Option<ContactId>,
    },
    /// A playbook's goal that an identified contact reached.
    GoalMet {
        /// The playbook.
        playbook: Option<PlaybookId>,
        /// The contact.
        contact: Option<ContactId>,
        /// The goal.
        goal_id: Option<String>,
        /// What the goal is called.
        goal_name: Option<String>,
        /// What the playbook was called then.
        playbook_name: Option<String>,
        /// The contact's address then.
        contact_email: Option<Pii<String>>,
    },
    /// A meeting that was booked.
    MeetingBooked(MeetingFacts),
    /// A meeting that was moved; the API tells where to, not that it was.
    MeetingMoved(MeetingFacts),
    /// A meeting that was called off.
    MeetingCancelled(MeetingFacts),
    /// A meeting that changed in a way that has no name here.
    MeetingChanged(MeetingFacts),
    /// A button that was clicked.
    ButtonClicked {
        /// The button's text.
        label: Option<Pii<String>>,
        /// The word that the button carries, in the former spelling of the event alone.
        value: Option<Pii<String>>,
        /// The contact who clicked.
        contact: Option<ContactId>,
        /// The Drift user who clicked.
        user: Option<UserId>,
        /// When.
        at: Option<Millis>,
    },
    /// A call that ended. Its fields are not documented, so the whole is kept.
    ChatToCall {
        /// The event's `data`.
        data: Pii<Value>,
    },
    /// A Drift user who came or went; the API tells the present state alone.
    UserAvailability {
        /// Who.
        user: Option<UserId>,
        /// Since when.
        at: Option<Millis>,
        /// The new state.
        availability: Option<Presence>,
    },
    /// A contact who wants no e-mail any more.
    Unsubscribed {
        /// Who.
        contact: Option<ContactId>,
        /// The address.
        email: Option<Pii<String>>,
    },
    /// An erasure asked for. Its fields are not documented, so the whole is kept.
    GdprDeleteRequested {
        /// Who, if it was told.
        contact: Option<ContactId>,
        /// The address, if it was told.
        email: Option<Pii<String>>,
        /// The event's `data`.
        data: Pii<Value>,
    },
    /// The organization disconnected the app: its tokens open nothing any more.
    AppDisconnected,
}

/// A meeting as an event tells of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MeetingFacts {
    /// The meeting.
    pub meeting: Option<MeetingId>,
    /// The calendar's own id of it.
    pub calendar_event: Option<String>,
    /// Who of the team.
    pub agent: Option<UserId>,
    /// The contact who booked.
    pub contact: Option<ContactId>,
    /// When it begins.
    pub slot_start: Option<Millis>,
    /// When it ends.
    pub slot_end: Option<Millis>,
    /// When it was booked.
    pub scheduled_at: Option<Millis>,
    /// What happened to it, in Drift's word: `canceled`, `rescheduled`.
    pub event_type: Option<String>,
}

impl EventFacts {
    /// The fact's name: the `fact` of its JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ParticipantsAdded { .. } => "participants_added",
            Self::ParticipantsRemoved { .. } => "participants_removed",
            Self::PhoneCaptured { .. } => "phone_captured",
            Self::GoalMet { .. } => "goal_met",
            Self::MeetingBooked(_) => "meeting_booked",
            Self::MeetingMoved(_) => "meeting_moved",
            Self::MeetingCancelled(_) => "meeting_cancelled",
            Self::MeetingChanged(_) => "meeting_changed",
            Self::ButtonClicked { .. } => "button_clicked",
            Self::ChatToCall { .. } => "chat_to_call",
            Self::UserAvailability { .. } => "user_availability",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::GdprDeleteRequested { .. } => "gdpr_delete_requested",
            Self::AppDisconnected => "app_disconnected",
        }
    }

    /// As JSON text. Holds personal data in the clear: the result is for the store.
    #[must_use]
    pub fn to_json(&self) -> Pii<String> {
        Pii::new(serde_json::to_string(self).expect("facts have text keys alone, so they have a JSON text"))
    }

    pub(super) fn read(kind: &EventKind, subjects: &Subjects, payload: &Payload<'_>) -> Option<Self> {
        let fields = &payload.fields;
        let (contact, user, at) = (subjects.contact, subjects.user, subjects.occurred_at);
        let whole = || Pii::new(serde_json::from_str(payload.text).unwrap_or(Value::Null));
        Some(match kind {
            EventKind::ParticipantAdded => {
                Self::ParticipantsAdded { users: fields.get("addedParticipants")?, at }
            }
            EventKind::ParticipantRemoved => {
                Self::ParticipantsRemoved { users: fields.get("removedParticipants")?, at }
            }
            EventKind::PhoneCaptured => Self::PhoneCaptured { phone: fields.get("phoneNumber")?, contact },
            EventKind::PlaybookGoalMet => Self::GoalMet {
                playbook: subjects.playbook,
                contact,
                goal_id: fields.get("goalId"),
                goal_name: fields.get("goalName"),
                playbook_name: fields.get("playbookName"),
                contact_email: fields.get("contactEmail"),
            },
            EventKind::NewMeeting => Self::MeetingBooked(meeting(subjects, payload)),
            EventKind::MeetingUpdated => meeting_updated(meeting(subjects, payload)),
            EventKind::ButtonClicked => {
                let button = fields.object("button");
                let label = fields.get("body").or_else(|| button.get("label"));
                Self::ButtonClicked { label, value: button.get("value"), contact, user, at }
            }
            EventKind::ChatToCall => Self::ChatToCall { data: whole() },
            EventKind::UserAvailabilityUpdated => {
                Self::UserAvailability { user, at, availability: fields.get("availability") }
            }
            EventKind::UserUnsubscribed => {
                Self::Unsubscribed { contact, email: fields.object("attributes").get("email") }
            }
            EventKind::GdprDeleteRequested => {
                Self::GdprDeleteRequested { contact, email: fields.get("email"), data: whole() }
            }
            EventKind::AppDisconnected => Self::AppDisconnected,
            _ => return None,
        })
    }
}

fn meeting(subjects: &Subjects, payload: &Payload<'_>) -> MeetingFacts {
    let fields = &payload.fields;
    MeetingFacts {
        meeting: subjects.meeting.clone(),
        calendar_event: fields.get("eventId"),
        agent: subjects.user,
        contact: subjects.contact,
        slot_start: fields.get("slotStart"),
        slot_end: fields.get("slotEnd"),
        scheduled_at: fields.get("scheduledAt"),
        event_type: fields.get("eventType"),
    }
}

fn meeting_updated(facts: MeetingFacts) -> EventFacts {
    match facts.event_type.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("canceled" | "cancelled") => EventFacts::MeetingCancelled(facts),
        Some("rescheduled") => EventFacts::MeetingMoved(facts),
        _ => EventFacts::MeetingChanged(facts),
    }
}
