//! What a token may do (Drift: Authentication and Scopes).

use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A documented scope. Drift's page lists more than could be read, so this is not the whole set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Scope { $($(#[$doc])* $name,)* }

        impl Scope {
            /// Every scope known here.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Drift's spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

scopes! {
    /// Read contacts.
    ContactRead = "contact_read";
    /// Create and update contacts, post timeline events.
    ContactWrite = "contact_write";
    /// Read custom attributes' definitions and hear of every contact change.
    AllContactRead = "all_contact_read";
    /// Read conversations, messages and transcripts.
    ConversationRead = "conversation_read";
    /// Create conversations and messages.
    ConversationWrite = "conversation_write";
    /// Read users and booked meetings.
    UserRead = "user_read";
    /// Update users.
    UserWrite = "user_write";
    /// Read accounts.
    AccountRead = "account_read";
    /// Create, update and delete accounts.
    AccountWrite = "account_write";
    /// Read playbooks and landing pages.
    PlaybookRead = "playbook_read";
    /// Ask for a person's data (an organization's own private app only).
    GdprRead = "gdpr_read";
    /// Ask for a person's erasure (an organization's own private app only).
    GdprWrite = "gdpr_write";
}

impl Scope {
    /// The objects it opens, in the words of Drift's pages.
    #[must_use]
    pub const fn opens(self) -> &'static str {
        match self {
            Self::ContactRead => "contacts; the webhook of identified contacts",
            Self::ContactWrite => "creating and changing contacts, their timeline events",
            Self::AllContactRead => "definitions of custom attributes; the webhook of changed contacts",
            Self::ConversationRead => {
                "conversations, messages, attachments, transcripts, reports; most webhooks"
            }
            Self::ConversationWrite => "creating conversations and messages",
            Self::UserRead => "users and booked meetings",
            Self::UserWrite => "changing users",
            Self::AccountRead => "accounts",
            Self::AccountWrite => "creating, changing and deleting accounts",
            Self::PlaybookRead => "playbooks and landing pages",
            Self::GdprRead => "asking for a person's data",
            Self::GdprWrite => "asking for a person's erasure",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is none of the scopes known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a scope known here")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}
