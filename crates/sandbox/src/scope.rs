//! Scopes: what a token may do, and the words the consent page uses for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! scopes {
    ($($variant:ident = $name:literal, $reason:literal;)*) => {
        /// One permission of an app (Drift: Authentication and scopes).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $(#[doc = concat!("`", $name, "`: ", $reason, ".")] $variant,)*
        }

        impl Scope {
            /// Every scope, in the order of Drift's pages.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as it stands in `scope`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it lets the app do, for the consent page.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $reason),* }
            }
        }
    };
}

scopes! {
    ContactRead = "contact_read", "Read contacts";
    ContactWrite = "contact_write", "Create and change contacts, and post to their timelines";
    AllContactRead = "all_contact_read", "Read all contacts and the list of custom attributes";
    ConversationRead = "conversation_read", "Read conversations, messages, attachments and reports";
    ConversationWrite = "conversation_write", "Start conversations and write messages";
    UserRead = "user_read", "Read users and their booked meetings";
    UserWrite = "user_write", "Change users";
    AccountRead = "account_read", "Read accounts";
    AccountWrite = "account_write", "Create and change accounts";
    PlaybookRead = "playbook_read", "Read playbooks and landing pages";
    GdprRead = "gdpr_read", "Ask for a person's data (private apps only)";
    GdprWrite = "gdpr_write", "Have a person's data deleted (private apps only)";
}

impl Scope {
    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Whether only an organization's own private app may use it.
    #[must_use]
    pub const fn is_private_only(self) -> bool {
        matches!(self, Self::GdprRead | Self::GdprWrite)
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|scope| scope.name() == text);
        found.copied().ok_or_else(|| format!("no scope \"{text}\""))
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeSet(u16);

impl ScopeSet {
    /// Every scope there is.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// No scope.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// This set without one scope.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !scope.bit())
    }

    /// Whether the scope is in the set.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes in the set, in the order of Drift's pages.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }

    /// What a public app gets of this set: everything but the private apps' own.
    #[must_use]
    pub fn public(self) -> Self {
        self.iter().filter(|scope| !scope.is_private_only()).collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            let gap = if place == 0 { "" } else { " " };
            write!(f, "{gap}{}", scope.name())?;
        }
        Ok(())
    }
}

impl FromStr for ScopeSet {
    type Err = String;

    /// Names between blanks or commas; `all` for every scope.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self::all());
        }
        text.split([' ', ',']).filter(|name| !name.is_empty()).map(str::parse).collect()
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_as_it_is_read() {
        let set: ScopeSet = "user_read, contact_read".parse().unwrap();
        assert_eq!(set.to_string(), "contact_read user_read");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert_eq!("contact_reed".parse::<ScopeSet>(), Err("no scope \"contact_reed\"".to_owned()));
        assert!(!ScopeSet::all().public().has(Scope::GdprRead));
        assert!(!ScopeSet::all().without(Scope::UserRead).has(Scope::UserRead));
    }
}
