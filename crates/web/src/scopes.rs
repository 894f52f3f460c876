//! The one table of scopes: what each is needed for, what stops working without it, and which profile asks for it.
//!
//! Drift takes no scopes with a request for consent: it grants those that are ticked on the app's page. So this table says what
//! to tick, and afterwards what is missing. What a scope opens on Drift's side is `drift`'s to know.

use drift::Scope;
use model::Profile;

/// What Longshore wants a scope for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The scope.
    pub scope: Scope,
    /// Why it is asked for.
    pub reason: &'static str,
    /// What stops working without it.
    pub without: &'static str,
    /// Who asks for it.
    pub profiles: &'static [Profile],
}

const READS: &[Profile] = &Profile::ALL;
const WRITES: &[Profile] = &[Profile::ReadWrite];

/// Every scope that any profile asks for, in the order of weight. Scopes that are not here are never asked for.
pub const NEEDS: [Need; 8] = [
    Need {
        scope: Scope::ConversationRead,
        reason: "It is what everything else hangs on: conversations, messages, attachments, and Drift's own counts to check against.",
        without: "Nothing can be archived or kept fresh.",
        profiles: READS,
    },
    Need {
        scope: Scope::ContactRead,
        reason: "Says who took part in a conversation.",
        without: "Conversations are kept without their people; no certificate is complete.",
        profiles: READS,
    },
    Need {
        scope: Scope::AllContactRead,
        reason: "Gives custom attributes their names, and tells of changed contacts.",
        without: "Attribute definitions are missing, and Drift does not tell of changed contacts.",
        profiles: READS,
    },
    Need {
        scope: Scope::UserRead,
        reason: "Says who on your side wrote, and which meetings were booked: Drift lists those for 30 days only.",
        without: "Authors stay numbers, and meetings are lost.",
        profiles: READS,
    },
    Need {
        scope: Scope::AccountRead,
        reason: "Keeps the companies that contacts belong to.",
        without: "Accounts are missing; no certificate is complete.",
        profiles: READS,
    },
    Need {
        scope: Scope::PlaybookRead,
        reason: "Says which playbook began a conversation.",
        without: "Playbooks stay numbers; no certificate is complete.",
        profiles: READS,
    },
    Need {
        scope: Scope::ConversationWrite,
        reason: "For writing into conversations. An archive, and keeping it fresh, need none of it.",
        without: "Nothing can be written into conversations; reading is not touched.",
        profiles: WRITES,
    },
    Need {
        scope: Scope::ContactWrite,
        reason: "For writing to a contact's fields and timeline. An archive, and keeping it fresh, need none of it.",
        without: "Nothing can be written to contacts; reading is not touched.",
        profiles: WRITES,
    },
];

/// What a profile is, in a line.
#[must_use]
pub const fn meaning(profile: Profile) -> &'static str {
    match profile {
        Profile::Archive => "A complete copy with its certificate. Reads alone.",
        Profile::Live => {
            "The copy, kept fresh as things happen. Reads alone; tick Drift's webhooks on the app's page, too."
        }
        Profile::ReadWrite => {
            "The live copy, and the right to write to conversations and contacts. Choose it only if something of yours writes."
        }
    }
}

/// What a profile is called on pages.
#[must_use]
pub const fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::Archive => "Archive only",
        Profile::Live => "Live",
        Profile::ReadWrite => "Read and write",
    }
}

/// What a profile asks for.
pub fn of(profile: Profile) -> impl Iterator<Item = &'static Need> {
    NEEDS.iter().filter(move |need| need.profiles.contains(&profile))
}

/// What a profile asks for and a connection has not got.
#[must_use]
pub fn missing(profile: Profile, scopes: &[String]) -> Vec<&'static Need> {
    of(profile).filter(|need| !scopes.iter().any(|have| have == need.scope.as_str())).collect()
}

/// What a connection has got and its profile does not ask for.
#[must_use]
pub fn surplus(profile: Profile, scopes: &[String]) -> Vec<&str> {
    let asked = |scope: &str| of(profile).any(|need| need.scope.as_str() == scope);
    scopes.iter().map(String::as_str).filter(|scope| !asked(scope)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_asks_for_reads_alone_and_each_scope_is_told_once() {
        assert!(of(Profile::Archive).all(|need| need.scope.as_str().ends_with("_read")));
        assert_eq!(of(Profile::Archive).count(), 6);
        assert_eq!(of(Profile::ReadWrite).count(), NEEDS.len());
        for (place, need) in NEEDS.iter().enumerate() {
            assert!(NEEDS[..place].iter().all(|other| other.scope != need.scope));
        }
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_told() {
        let have = ["conversation_read", "contact_read", "user_read", "account_read", "gdpr_write"];
        let have = have.map(str::to_owned);
        let named = |needs: Vec<&Need>| needs.iter().map(|need| need.scope.as_str()).collect::<Vec<_>>();
        assert_eq!(named(missing(Profile::Archive, &have)), ["all_contact_read", "playbook_read"]);
        assert_eq!(missing(Profile::ReadWrite, &have).len(), 4);
        assert_eq!(surplus(Profile::Archive, &have), ["gdpr_write"]);
    }
}
