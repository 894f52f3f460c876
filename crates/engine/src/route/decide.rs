//! What one event leads to. Pure, so that each type's answer can be read in one place and tested without a store.

use drift::webhook::{EventFacts, EventKind, MeetingFacts};
use model::record::Meeting;
use model::{ConnectionId, MeetingId, Millis, Pii};
use serde_json::Value;
use store::directory::ToldMeeting;
use store::facts::Fact;
use store::inbox::{Event, Outcome};
use store::mirror::ConversationState;
use store::signals::Subject;

use super::Settling;
use super::known::Known;

/// Contacts and users are told of in bursts (an event for each attribute), and nobody waits for them: they settle longer.
const PEOPLE_SETTLE_MS: i64 = 10_000;
/// Drift's list of playbooks lags by about ten minutes (Drift: Get playbooks).
const PLAYBOOKS_SETTLE_MS: i64 = 10 * 60 * 1_000;
/// How far the clocks of two nodes, and of Drift, may be apart: what happened within this of a fetch is not taken for
/// covered by it.
pub(crate) const SKEW_MS: i64 = 2_000;
/// An event that the app was disconnected may come after it has been connected again: a connection younger than this is
/// not judged by it. If it is dead, its next call tells.
const RECONNECT_GRACE_MS: i64 = 10 * 60 * 1_000;

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    /// What may have changed, and when it is to be looked at.
    pub(super) subjects: Vec<(Subject, Millis)>,
    pub(super) fact: Option<Fact>,
    /// The fact's name, from a closed set.
    pub(super) fact_kind: Option<&'static str>,
    pub(super) meeting: Option<ToldMeeting>,
    pub(super) act: Option<Act>,
}

/// What is to be written beside signals and facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// The organization disconnected the app; the connection to mark, unless it is newer than that.
    Disconnected { connection: Option<ConnectionId> },
    /// Somebody asked for erasure.
    ErasureAsked,
}

/// Decide what an event leads to.
pub(super) fn decide(event: &Event, known: &Known, settling: Settling, now: Millis) -> Decision {
    let Some(connection) = known.connection(event.org_id) else { return nothing(Outcome::Unconnected) };
    let kind = EventKind::from(event.kind.as_str());
    let told: Option<EventFacts> =
        event.facts.as_ref().and_then(|facts| serde_json::from_str(facts.expose()).ok());
    let mut decision = nothing(Outcome::Ignored);
    let mut is_covered = false;
    if let Some(id) = event.conversation_id {
        is_covered = covers(known.state(event), event, known.holds_message(event));
        if !is_covered {
            decision.subjects.push((Subject::Conversation(id), due(known.state(event), settling, now)));
        }
    }
    decision.subjects.extend(others(&kind, event, now));
    decision.act = match kind {
        EventKind::AppDisconnected => {
            let is_older = connection.created_at.plus(RECONNECT_GRACE_MS) < event.received_at;
            Some(Act::Disconnected { connection: is_older.then(|| connection.connection_id.clone()) })
        }
        EventKind::GdprDeleteRequested => Some(Act::ErasureAsked),
        _ => None,
    };
    if let Some(told) = told.filter(|told| !matches!(told, EventFacts::AppDisconnected)) {
        decision.fact_kind = Some(told.kind());
        decision.meeting = meeting(event, &told);
        decision.fact = Some(fact(event, told));
    }
    decision.outcome = if matches!(kind, EventKind::Other(_)) {
        Outcome::Unknown
    } else if !decision.subjects.is_empty() || decision.fact.is_some() || decision.act.is_some() {
        Outcome::Routed
    } else if is_covered {
        Outcome::Known
    } else {
        Outcome::Ignored
    };
    decision
}

fn nothing(outcome: Outcome) -> Decision {
    Decision { outcome, subjects: Vec::new(), fact: None, fact_kind: None, meeting: None, act: None }
}

/// What an event says of anything but its conversation.
fn others(kind: &EventKind, event: &Event, now: Millis) -> Vec<(Subject, Millis)> {
    let people = now.plus(PEOPLE_SETTLE_MS);
    let contact = || event.contact_id.map(|id| (Subject::Contact(id), people)).into_iter().collect();
    match kind {
        EventKind::ContactIdentified
        | EventKind::ContactUpdated
        | EventKind::UserUnsubscribed
        | EventKind::PhoneCaptured
        | EventKind::GdprDeleteRequested => contact(),
        EventKind::UserAvailabilityUpdated => {
            event.user_id.map(|id| (Subject::User(id), people)).into_iter().collect()
        }
        EventKind::NewMeeting | EventKind::MeetingUpdated => vec![(Subject::Meetings, people)],
        EventKind::PlaybookGoalMet => vec![(Subject::Playbooks, now.plus(PLAYBOOKS_SETTLE_MS))],
        _ => Vec::new(),
    }
}

/// Whether the mirror certainly holds whatever the event tells of its conversation: both parts were fetched after the event
/// came, or they are of a state of the conversation later than the message that the mirror holds.
fn covers(state: Option<&ConversationState>, event: &Event, holds_message: bool) -> bool {
    let Some(state) = state.filter(|state| !state.gone) else { return false };
    let (Some(messages), Some(details)) = (state.messages_at, state.details_at) else { return false };
    let fetched_at = messages.fetched_at.min(details.fetched_at);
    let updated_at = messages.updated_at.min(details.updated_at);
    fetched_at > event.received_at.plus(SKEW_MS)
        || (holds_message && event.occurred_at.is_some_and(|at| updated_at > at))
}

/// When a conversation is to be looked at: after a moment, and not too soon after the last time.
fn due(state: Option<&ConversationState>, settling: Settling, now: Millis) -> Millis {
    let settled = now.plus(settling.settle_ms);
    let fetched_at = state.and_then(|state| state.messages_at).map(|at| at.fetched_at);
    let spaced = fetched_at.map_or(settled, |at| at.plus(settling.spacing_ms));
    // A clock that was set back must not hold a conversation for longer than the spacing.
    settled.max(spaced.min(now.plus(settling.spacing_ms)))
}

/// The fact without what has a column of its own.
fn fact(event: &Event, told: EventFacts) -> Fact {
    let phone = match &told {
        EventFacts::PhoneCaptured { phone, .. } => Some(phone.clone()),
        _ => None,
    };
    let mut detail = serde_json::to_value(&told).unwrap_or_default();
    if let Value::Object(fields) = &mut detail {
        fields.retain(|name, value| !value.is_null() && !matches!(name.as_str(), "fact" | "phone"));
    }
    Fact {
        org: event.org_id,
        fact_id: hex::encode(&event.key),
        kind: event.kind.clone(),
        conversation: event.conversation_id,
        contact: event.contact_id,
        user: event.user_id,
        playbook: event.playbook_id,
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        phone,
        detail: Pii::new(detail.to_string()),
    }
}

/// The row of `meetings` that an event tells of; its id is the one that the API's list gives it.
fn meeting(event: &Event, told: &EventFacts) -> Option<ToldMeeting> {
    let (facts, status) = match told {
        EventFacts::MeetingBooked(facts) => (facts, Some("ACTIVE")),
        EventFacts::MeetingCancelled(facts) => (facts, Some("CANCELED")),
        EventFacts::MeetingMoved(facts) | EventFacts::MeetingChanged(facts) => (facts, None),
        _ => return None,
    };
    let MeetingFacts { calendar_event, agent, contact, slot_start, slot_end, scheduled_at, .. } =
        facts.clone();
    let meeting = Meeting {
        meeting_id: facts.meeting.clone().or_else(|| calendar_event.clone().map(MeetingId))?,
        conversation_id: event.conversation_id,
        contact_id: contact,
        agent_id: agent,
        status: status.map(str::to_owned),
        source: None,
        kind: None,
        event_id: calendar_event,
        slot_start,
        slot_end,
        scheduled_at,
        updated_at: None,
        time_zone: None,
        notes: None,
        extra: String::new(),
    };
    let at = event.occurred_at.unwrap_or(event.received_at);
    Some(ToldMeeting { meeting, kind: event.kind.clone(), at })
}

#[cfg(test)]
mod tests {
    use model::record::Version;
    use model::{ContactId, ConversationId, EventId, MessageId, OrgId, UserId};
    use store::connections::{Connection, ConnectionKind, ConnectionState};

    use super::super::known::OrgKnown;
    use super::*;

    const NOW: Millis = Millis(1_785_000_000_000);
    const ORG: OrgId = OrgId(4242);
    const CONVERSATION: ConversationId = ConversationId(7);
    const SETTLING: Settling = Settling { settle_ms: 1_500, spacing_ms: 25_000 };

    fn connection() -> Connection {
        Connection {
            connection_id: ConnectionId("c".into()),
            org_id: ORG,
            kind: ConnectionKind::Private,
            state: ConnectionState::Active,
            scopes: vec![],
            api_url: String::new(),
            created_at: Millis(0),
            last_used_at: None,
            expires_at: None,
        }
    }

    fn event(kind: &str) -> Event {
        Event {
            event_id: EventId("e".into()),
            org_id: ORG,
            connection_id: None,
            kind: kind.into(),
            spelled: kind.into(),
            conversation_id: Some(CONVERSATION),
            contact_id: Some(ContactId(17)),
            user_id: Some(UserId(228)),
            message_id: Some(MessageId(90)),
            playbook_id: None,
            occurred_at: Some(NOW.plus(-3_000)),
            received_at: NOW.plus(-1_000),
            key: vec![1; 16],
            facts: None,
            payload_form: "none".into(),
            trace: None,
            routed_at: None,
            outcome: None,
        }
    }

    fn held(updated_at: Millis, fetched_at: Millis, messages: &[MessageId]) -> Known {
        let at = Some(Version { updated_at, fetched_at });
        let state =
            ConversationState { updated_at: Some(updated_at), messages_at: at, details_at: at, gone: false };
        Known::of_one(ORG, OrgKnown::with(Some(connection()), Some((CONVERSATION, state)), messages))
    }

    fn empty() -> Known {
        Known::of_one(ORG, OrgKnown::with(Some(connection()), None, &[]))
    }

    #[test]
    fn each_type_says_what_may_have_changed() {
        let conversation = Subject::Conversation(CONVERSATION);
        let (contact, user) = (Subject::Contact(ContactId(17)), Subject::User(UserId(228)));
        for (kind, outcome, subjects) in [
            ("new_message", Outcome::Routed, vec![conversation]),
            ("conversation_push", Outcome::Routed, vec![conversation]),
            ("phone_captured", Outcome::Routed, vec![conversation, contact]),
            ("contact_updated", Outcome::Routed, vec![conversation, contact]),
            ("user_availability_updated", Outcome::Routed, vec![conversation, user]),
            ("meeting_updated", Outcome::Routed, vec![conversation, Subject::Meetings]),
            ("playbook_goal_met", Outcome::Routed, vec![conversation, Subject::Playbooks]),
            ("something_new", Outcome::Unknown, vec![conversation]),
        ] {
            let decision = decide(&event(kind), &empty(), SETTLING, NOW);
            let told: Vec<Subject> = decision.subjects.iter().map(|(subject, _)| *subject).collect();
            assert_eq!((decision.outcome, told), (outcome, subjects), "{kind}");
        }
        let nobody = Known::of_one(ORG, OrgKnown::default());
        assert_eq!(decide(&event("new_message"), &nobody, SETTLING, NOW), nothing(Outcome::Unconnected));
    }

    #[test]
    fn only_what_is_certainly_here_is_known() {
        let message = [MessageId(90)];
        let at = |updated_ms: i64, fetched_ms: i64| (NOW.plus(updated_ms), NOW.plus(fetched_ms));
        for ((updated_at, fetched_at), messages, outcome) in [
            (at(-2_000, -500), &message[..], Outcome::Known),
            (at(-3_000, -500), &message[..], Outcome::Routed),
            (at(-2_000, -500), &[][..], Outcome::Routed),
            (at(-9_000, 1_500), &[][..], Outcome::Known),
            (at(-9_000, 500), &[][..], Outcome::Routed),
        ] {
            let decision =
                decide(&event("new_message"), &held(updated_at, fetched_at, messages), SETTLING, NOW);
            assert_eq!(decision.outcome, outcome, "{updated_at} {fetched_at} {messages:?}");
        }
    }

    #[test]
    fn a_refresh_settles_and_keeps_its_distance() {
        let due = |fetched_ms: i64| {
            let known = held(NOW.plus(-60_000), NOW.plus(fetched_ms), &[]);
            decide(&event("new_message"), &known, SETTLING, NOW).subjects[0].1.since(NOW)
        };
        assert_eq!(decide(&event("new_message"), &empty(), SETTLING, NOW).subjects[0].1.since(NOW), 1_500);
        assert_eq!((due(-60_000), due(-24_000), due(-10_000)), (1_500, 1_500, 15_000));
    }

    #[test]
    fn what_only_the_event_tells_is_a_fact() {
        let mut told = event("phone_captured");
        told.facts = Some(
            EventFacts::PhoneCaptured {
                phone: Pii::new("+15555550100".into()),
                contact: Some(ContactId(17)),
            }
            .to_json(),
        );
        let fact = decide(&told, &empty(), SETTLING, NOW).fact.unwrap();
        assert_eq!(fact.phone.as_ref().unwrap().expose(), "+15555550100");
        assert_eq!(
            (fact.fact_id.as_str(), fact.detail.expose().as_str()),
            (&*"01".repeat(16), r#"{"contact":17}"#)
        );
    }

    #[test]
    fn a_connection_made_since_is_not_judged_by_an_old_goodbye() {
        let goodbye = event("app_disconnected");
        let act = |created_at| {
            let connection = Connection { created_at, ..connection() };
            let known = Known::of_one(ORG, OrgKnown::with(Some(connection), None, &[]));
            decide(&goodbye, &known, SETTLING, NOW).act.unwrap()
        };
        assert!(matches!(act(Millis(0)), Act::Disconnected { connection: Some(_) }));
        assert!(matches!(act(NOW.plus(-60_000)), Act::Disconnected { connection: None }));
    }
}
