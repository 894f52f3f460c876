//! The closed words of a disconnect.

use crate::error::StoreError;

/// What is to become of the organization's stored data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// It stays.
    Keep,
    /// It is erased.
    Erase,
}

/// What became of data that was to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It was erased.
    Erased,
    /// It was kept, because another connection of the organization is in use.
    Shared,
}

/// What the provider made of the revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It took the grant back.
    Revoked,
    /// It refused for good, of a token that it accepted: the grant may live on there.
    Refused,
    /// It no longer accepted the grant: there was nothing left to revoke.
    Gone,
    /// It was not reached, or gave no answer that settles it: it is asked again.
    Unreachable,
    /// The time for asking it ran out, or there was nothing left to ask with: the grant may live on there.
    Unrevoked,
    /// A private app's token, which only its owner can revoke at the provider.
    ByHand,
    /// It was not asked, as somebody chose.
    NotAsked,
    /// Somebody connected the organization again meanwhile: the app stays there.
    Replaced,
}

impl Data {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Erase => "erase",
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "keep" => Ok(Self::Keep),
            "erase" => Ok(Self::Erase),
            _ => Err(StoreError::Stored { what: "data of a disconnect" }),
        }
    }
}

impl Left {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Shared => "shared",
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "erased" => Ok(Self::Erased),
            "shared" => Ok(Self::Shared),
            _ => Err(StoreError::Stored { what: "data of a disconnect" }),
        }
    }
}

impl Revocation {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Revoked,
        Self::Refused,
        Self::Gone,
        Self::Unreachable,
        Self::Unrevoked,
        Self::ByHand,
        Self::NotAsked,
        Self::Replaced,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Unreachable => "unreachable",
            Self::Unrevoked => "unrevoked",
            Self::ByHand => "by_hand",
            Self::NotAsked => "not_asked",
            Self::Replaced => "replaced",
        }
    }

    /// What a person still has to do at the provider, if the grant may live on there.
    #[must_use]
    pub const fn left_to_do(self) -> Option<&'static str> {
        match self {
            Self::Revoked | Self::Gone | Self::Unreachable | Self::Replaced => None,
            Self::Refused => Some("Drift refused to revoke it: remove the app in Drift's settings"),
            Self::Unrevoked => Some("it could not be revoked at Drift: remove the app in Drift's settings"),
            Self::ByHand => Some("revoke the private app's token on its page at dev.drift.com"),
            Self::NotAsked => Some("Drift was not asked to revoke it: remove the app in Drift's settings"),
        }
    }

    pub(super) fn parse_stored(word: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == word);
        found.ok_or(StoreError::Stored { what: "outcome of a disconnect" })
    }
}
