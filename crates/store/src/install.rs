//! Connecting through a browser: consents under way, and the links by which somebody who is no user here may give one.

pub mod consents;
pub mod links;

/// Statements of connecting through a browser.
pub(crate) const STATEMENTS: &[&[(&str, &str)]] = &[consents::STATEMENTS, links::STATEMENTS];
