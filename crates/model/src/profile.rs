//! What a connection is meant for: the closed words that pages, commands and links share.

use std::fmt;
use std::str::FromStr;

use crate::access::WordError;

/// What somebody wants a connection for. Which scopes each needs is told in one table, beside the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Profile {
    /// A complete copy, once or from time to time: reads alone.
    #[default]
    Archive,
    /// The copy, kept fresh by webhooks: reads alone.
    Live,
    /// The same, and what Longshore writes back.
    ReadWrite,
}

impl Profile {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Archive, Self::Live, Self::ReadWrite];

    /// The word it goes by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Live => "live",
            Self::ReadWrite => "read-write",
        }
    }
}

impl FromStr for Profile {
    type Err = WordError;
    fn from_str(word: &str) -> Result<Self, WordError> {
        let found = Self::ALL.into_iter().find(|profile| profile.as_str() == word);
        found.ok_or_else(|| WordError::one_of(&Self::ALL.map(Self::as_str)))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_back_and_another_word_is_refused() {
        for profile in Profile::ALL {
            assert_eq!(profile.as_str().parse(), Ok(profile));
        }
        let refused = "everything".parse::<Profile>().unwrap_err();
        assert_eq!(refused.to_string(), "expected one of archive, live, read-write");
    }
}
