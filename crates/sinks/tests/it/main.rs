//! Exports of whole stores, on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod analysis;
mod export;
mod fixture;
mod handover;
mod transcript;
