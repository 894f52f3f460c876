//! Who may do what: roles, permissions, and the one table that joins them.
//!
//! A permission is what a door asks for; a role is a set of permissions that a person holds in one organization or in all.
//! Everything that guards a door, and every page that tells of roles, reads this table.

use std::fmt;
use std::str::FromStr;

use crate::secret::Pii;

/// What a door can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See how an organization fares: counts, states, ages.
    StatusRead,
    /// See what happened to a conversation or an event: ids, times, states; no texts.
    StoriesRead,
    /// Replay, pause, resume, rewind.
    OperationsWrite,
    /// Read the metrics of the whole node.
    MetricsRead,
    /// Read conversations, masked.
    TranscriptsRead,
    /// See what is masked, with a reason.
    Reveal,
    /// Write quality reviews.
    ReviewsWrite,
    /// Make exports.
    ExportsWrite,
    /// Erase people.
    ErasuresWrite,
    /// Connect and disconnect organizations.
    ConnectionsWrite,
    /// Rotate keys, and use what lies in the vault.
    VaultWrite,
    /// Add, change and remove users.
    UsersWrite,
    /// Make and revoke API keys.
    KeysWrite,
    /// Read and verify the audit.
    AuditRead,
}

use Permission::{
    AuditRead, ConnectionsWrite, ErasuresWrite, ExportsWrite, KeysWrite, MetricsRead, OperationsWrite,
    Reveal, ReviewsWrite, StatusRead, StoriesRead, TranscriptsRead, UsersWrite, VaultWrite,
};

impl Permission {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        StatusRead,
        StoriesRead,
        OperationsWrite,
        MetricsRead,
        TranscriptsRead,
        Reveal,
        ReviewsWrite,
        ExportsWrite,
        ErasuresWrite,
        ConnectionsWrite,
        VaultWrite,
        UsersWrite,
        KeysWrite,
        AuditRead,
    ];

    /// The word it goes by: in API keys, on the command line, in the documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            StatusRead => "status:read",
            StoriesRead => "stories:read",
            OperationsWrite => "operations:write",
            MetricsRead => "metrics:read",
            TranscriptsRead => "transcripts:read",
            Reveal => "reveal",
            ReviewsWrite => "reviews:write",
            ExportsWrite => "exports:write",
            ErasuresWrite => "erasures:write",
            ConnectionsWrite => "connections:write",
            VaultWrite => "vault:write",
            UsersWrite => "users:write",
            KeysWrite => "keys:write",
            AuditRead => "audit:read",
        }
    }

    /// Whether a person must have shown the password again a short while ago.
    #[must_use]
    pub const fn needs_step_up(self) -> bool {
        matches!(self, Reveal | ExportsWrite | ErasuresWrite | VaultWrite | UsersWrite | KeysWrite)
    }
}

/// What somebody is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Whoever answers for the whole: everything.
    Owner,
    /// Runs it day by day: everything but the vault and what is masked.
    Admin,
    /// Numbers and masked text.
    Analyst,
    /// Masked text, reviews, and with a reason what is masked.
    Reviewer,
    /// A person of the support team.
    Agent,
    /// Audit and certificates, no transcripts.
    Auditor,
    /// A program: nothing by itself, only what its key names.
    Service,
}

impl Role {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Owner, Self::Admin, Self::Analyst, Self::Reviewer, Self::Agent, Self::Auditor, Self::Service];

    /// The word it goes by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Analyst => "analyst",
            Self::Reviewer => "reviewer",
            Self::Agent => "agent",
            Self::Auditor => "auditor",
            Self::Service => "service",
        }
    }

    /// What it may do: the table.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner => &Permission::ALL,
            Self::Admin => &[
                StatusRead,
                StoriesRead,
                OperationsWrite,
                MetricsRead,
                TranscriptsRead,
                ReviewsWrite,
                ExportsWrite,
                ErasuresWrite,
                ConnectionsWrite,
                UsersWrite,
                KeysWrite,
                AuditRead,
            ],
            Self::Analyst => &[StatusRead, StoriesRead, MetricsRead, TranscriptsRead],
            Self::Reviewer => &[StatusRead, StoriesRead, TranscriptsRead, Reveal, ReviewsWrite],
            Self::Agent => &[StatusRead],
            Self::Auditor => &[StatusRead, AuditRead],
            Self::Service => &[],
        }
    }
}

/// A word that names no role or permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    expected: String,
}

impl WordError {
    pub(crate) fn one_of(words: &[&str]) -> Self {
        Self { expected: words.join(", ") }
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of {}", self.expected)
    }
}

impl std::error::Error for WordError {}

impl FromStr for Role {
    type Err = WordError;
    fn from_str(word: &str) -> Result<Self, WordError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or_else(|| WordError { expected: Self::ALL.map(Self::as_str).join(", ") })
    }
}

impl FromStr for Permission {
    type Err = WordError;
    fn from_str(word: &str) -> Result<Self, WordError> {
        let found = Self::ALL.into_iter().find(|permission| permission.as_str() == word);
        found.ok_or_else(|| WordError { expected: Self::ALL.map(Self::as_str).join(", ") })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Most characters of a name to sign in with.
const NAME_CHARACTERS_MAX: usize = 254;

/// What a person signs in with: a mail address or a short name, folded to lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(Pii<String>);

/// A text that cannot be a name to sign in with. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserNameError;

impl fmt::Display for UserNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a name has 1 to {NAME_CHARACTERS_MAX} characters, none of them blank or a control character"
        )
    }
}

impl std::error::Error for UserNameError {}

impl UserName {
    /// Read a name as a person typed it.
    ///
    /// # Errors
    /// [`UserNameError`] when it is empty, too long, or holds blanks or control characters.
    pub fn parse(text: &str) -> Result<Self, UserNameError> {
        let folded = text.trim().to_lowercase();
        let characters = folded.chars().count();
        let odd = folded.chars().any(|one| one.is_whitespace() || one.is_control());
        if characters == 0 || characters > NAME_CHARACTERS_MAX || odd {
            return Err(UserNameError);
        }
        Ok(Self(Pii::new(folded)))
    }

    /// The name in the clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for UserName {
    type Err = UserNameError;
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_others_are_refused() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(permission));
        }
        assert!("king".parse::<Role>().unwrap_err().to_string().contains("owner, admin"));
    }

    #[test]
    fn the_owner_alone_may_everything_and_a_program_nothing_by_itself() {
        let whole = |role: &Role| role.permissions().len() == Permission::ALL.len();
        assert_eq!(Role::ALL.iter().copied().filter(whole).collect::<Vec<_>>(), [Role::Owner]);
        assert!(Role::Service.permissions().is_empty());
        assert!(!Role::Auditor.permissions().contains(&TranscriptsRead));
        let reveals = |role: &Role| role.permissions().contains(&Reveal);
        assert_eq!(
            Role::ALL.iter().copied().filter(reveals).collect::<Vec<_>>(),
            [Role::Owner, Role::Reviewer]
        );
    }

    #[test]
    fn a_name_is_folded_and_never_printed() {
        let name = UserName::parse(" Ada@Example.test ").unwrap();
        assert_eq!(name.expose(), "ada@example.test");
        assert!(!format!("{name:?}").contains("ada"));
        for bad in ["", "  ", "a b", "a\nb", "a\u{0}", &"x".repeat(255)] {
            assert_eq!(UserName::parse(bad), Err(UserNameError), "{bad:?}");
        }
    }
}
