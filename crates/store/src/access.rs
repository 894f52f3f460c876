//! Who may use Longshore: users, what they are in which organization, sessions, API keys, one-time links, attempts,
//! identities at an identity provider.
//!
//! Everything that opens a door is drawn at random, given out once, and kept as a hash; passwords are kept as argon2id
//! hashes, the secret of an authenticator sealed in the vault. Who may do what is `model`'s table; which door asks for
//! what is not known here.

pub mod attempts;
pub mod handovers;
pub mod identities;
pub mod keys;
pub mod links;
pub mod memberships;
pub mod password;
pub mod rule_roles;
pub mod sessions;
mod token;
pub mod totp;
pub mod users;

pub use token::Token;

/// Statements in one text for both engines.
pub(crate) const STATEMENTS: &[&[(&str, &str)]] = &[
    attempts::STATEMENTS,
    handovers::STATEMENTS,
    identities::STATEMENTS,
    keys::STATEMENTS,
    links::STATEMENTS,
    memberships::STATEMENTS,
    rule_roles::STATEMENTS,
    sessions::STATEMENTS,
    totp::STATEMENTS,
    users::STATEMENTS,
];
