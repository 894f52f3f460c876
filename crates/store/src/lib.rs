//! All of Longshore's state, and the only place with SQL for it.
//!
//! Runs on SQLite (an embedded file) and PostgreSQL, chosen by the database URL. Records of `model` come in,
//! snapshots through [`mirror::apply`], which writes the difference and appends it to the change feed in the same
//! transaction; rows go out by key order in bounded pages. This crate knows neither HTTP nor Drift's
//! wire shapes; it never reads the clock or draws randomness itself.
//!
//! A function that writes takes `&mut Tx`; one that reads takes `&Db`. Errors never hold values of rows.

#[macro_use]
mod macros;
#[macro_use]
mod bulk;

pub mod access;
pub mod archives;
pub mod audit;
pub mod budgets;
pub mod call_stats;
pub mod changes;
pub mod checkpoints;
pub mod connections;
pub mod consumers;
mod db;
pub mod directory;
pub mod disconnects;
pub mod effects;
pub mod endpoints;
pub mod erasure;
mod error;
pub mod exclusive;
pub mod explain;
pub mod export_runs;
pub mod facts;
pub mod failures;
pub mod grants;
mod hash;
pub mod honey;
pub mod inbox;
pub mod install;
pub mod inventory;
pub mod lineage;
pub mod listings;
pub mod mask_keys;
mod migrate;
pub mod mirror;
pub mod notices;
pub mod pauses;
pub mod queue;
pub mod renewals;
pub mod replay;
pub mod runs;
pub mod scheduled_exports;
pub mod schedules;
pub mod signals;
mod statements;
pub mod status;
pub mod sweeps;
pub mod tables;
pub mod text;
mod url;
pub mod uses;
pub mod vault;
pub mod wake;
pub mod watermarks;
pub mod workers;

pub use db::{Db, OpenOptions, Tx, tune_sockets};
pub use error::StoreError;
pub use migrate::KNOWN as SCHEMA_VERSION;
pub use url::{DatabaseUrl, Engine};
