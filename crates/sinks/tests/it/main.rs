//! Exports of whole stores, on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod analysis;
mod beside;
mod conformance;
#[cfg(feature = "delta")]
mod delta;
mod export;
mod files;
mod fixture;
mod handover;
mod incremental;
mod increments;
mod kills;
mod lake;
mod lineage;
mod objects;
mod postgres;
mod postgres_refusals;
mod proof;
mod runs;
mod s3;
mod selection;
mod sqlite;
mod transcript;
mod transcript_table;
