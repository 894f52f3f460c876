//! People, teams, accounts, playbooks, meetings, report values.

use drift::wire;
use model::record::{
    Account, Contact, ContactAttribute, LandingPage, Meeting, Playbook, ReportValue, Team, User,
};
use model::{MeetingId, Pii};
use sha2::{Digest, Sha256};

use super::extra::Rest;

/// A contact. All attributes are kept whole; the usual ones have columns too.
pub(crate) fn contact(it: wire::Contact) -> Contact {
    let attributes = it.attributes.as_ref().map_or_else(|| "{}".to_owned(), |raw| raw.raw().to_owned());
    let known = it.known().ok().flatten();
    let (email, name, phone, external_id) = match known {
        Some(known) => {
            let (email, name, phone) = (known.email.clone(), known.name.clone(), known.phone.clone());
            (email, name, phone, known.into_external_id())
        }
        None => (None, None, None, None),
    };
    Contact {
        contact_id: it.id,
        created_at: it.created_at,
        email,
        name,
        phone,
        external_id,
        attributes: Pii::new(attributes),
        extra: Pii::new(it.extra.to_json()),
    }
}

/// A user.
pub(crate) fn user(it: wire::User) -> User {
    User {
        user_id: it.id,
        name: it.name,
        alias: it.alias,
        email: it.email,
        phone: it.phone,
        locale: it.locale,
        availability: it.availability.map(|word| word.as_str().to_owned()),
        role: it.role.map(|word| word.as_str().to_owned()),
        time_zone: it.time_zone,
        avatar_url: it.avatar_url.map(Pii::into_exposed),
        verified: it.verified,
        bot: it.bot,
        created_at: it.created_at,
        updated_at: it.updated_at,
        extra: it.extra.to_json(),
    }
}

/// A team.
pub(crate) fn team(it: wire::Team) -> Team {
    let mut members = it.members;
    members.sort_unstable();
    members.dedup();
    let extra = Rest::of(&it.extra)
        .value("workspaceId", it.workspace_id.as_ref())
        .value("autoOffline", it.auto_offline.as_ref())
        .value("teamAvailabilityMode", it.team_availability_mode.as_ref())
        .value("responseTimerEnabled", it.response_timer_enabled.as_ref())
        .value("teamCsatEnabled", it.team_csat_enabled.as_ref())
        .finish();
    Team {
        team_id: it.id,
        name: it.name,
        owner_id: it.owner,
        members,
        status: it.status.map(|word| word.as_str().to_owned()),
        main: it.main,
        updated_at: it.updated_at,
        extra,
    }
}

/// An account.
pub(crate) fn account(it: wire::Account) -> Account {
    let properties = it.custom_properties.and_then(|properties| serde_json::to_string(&properties).ok());
    Account {
        account_id: it.account_id,
        owner_id: it.owner_id,
        name: it.name,
        domain: it.domain,
        deleted: it.deleted,
        targeted: it.targeted,
        created_at: it.create_date_time,
        updated_at: it.update_date_time,
        custom_properties: properties.unwrap_or_else(|| "[]".to_owned()),
        extra: it.extra.to_json(),
    }
}

/// A playbook.
pub(crate) fn playbook(it: wire::Playbook) -> Playbook {
    Playbook {
        playbook_id: it.id,
        name: it.name,
        report_type: it.report_type,
        interaction_id: it.interaction_id,
        created_at: it.created_at,
        updated_at: it.updated_at,
        created_author_id: it.created_author_id,
        updated_author_id: it.updated_author_id,
        goals: serde_json::to_string(&it.goals).unwrap_or_else(|_| "[]".to_owned()),
        extra: Rest::of(&it.extra).value("meta", it.meta.as_ref()).finish(),
    }
}

/// A landing page; one without an address is kept under an empty one.
pub(crate) fn landing_page(it: wire::LandingPage) -> LandingPage {
    LandingPage {
        playbook_id: it.playbook_id,
        playbook_name: it.playbook_name,
        url: it.landing_page_url.unwrap_or_default(),
        extra: it.extra.to_json(),
    }
}

/// The definition of a contact attribute.
pub(crate) fn contact_attribute(it: wire::AttributeDefinition) -> ContactAttribute {
    ContactAttribute {
        name: it.name,
        display_name: it.display_name,
        kind: it.kind.map(|word| word.as_str().to_owned()),
        extra: it.extra.to_json(),
    }
}

/// A meeting. Its id is Drift's slug; without one, the calendar event's; without that, a hash of its text.
pub(crate) fn meeting(it: wire::Meeting) -> Meeting {
    let text = serde_json::to_string(&it).unwrap_or_default();
    let id = it.slug.clone().map(|slug| slug.0).or_else(|| it.event_id.clone());
    let meeting_id =
        MeetingId(id.unwrap_or_else(|| format!("hash-{}", hex::encode(&Sha256::digest(text)[..12]))));
    let extra = Rest::of(&it.extra)
        .value("bookedBy", it.booked_by.as_ref())
        .value("conferenceType", it.conference_type.as_ref())
        .value("conferenceDetails", it.conference_details.as_ref())
        .value("isRecurring", it.is_recurring.as_ref())
        .value("isPrivate", it.is_private.as_ref())
        .value("meetingSlug", it.meeting_slug.as_ref())
        .value("isOrgSlug", it.is_org_slug.as_ref())
        .finish();
    Meeting {
        meeting_id,
        conversation_id: it.conversation_id,
        contact_id: it.scheduler_id,
        agent_id: it.agent_id,
        status: it.status.map(|word| word.as_str().to_owned()),
        source: it.meeting_source.map(|word| word.as_str().to_owned()),
        kind: it.meeting_type,
        event_id: it.event_id,
        slot_start: it.slot_start,
        slot_end: it.slot_end,
        scheduled_at: it.scheduled_at,
        updated_at: it.updated_at,
        time_zone: it.end_user_time_zone,
        notes: it.meeting_notes,
        extra,
    }
}

/// One row of a report: a value for each metric that was asked for, in the order it was asked.
pub(crate) fn report_values(row: &wire::ReportRow, metrics: &[&str]) -> Vec<ReportValue> {
    metrics
        .iter()
        .zip(&row.metrics.0)
        .map(|(metric, value)| ReportValue {
            conversation_id: row.conversation_id,
            metric: (*metric).to_owned(),
            value: *value,
        })
        .collect()
}
