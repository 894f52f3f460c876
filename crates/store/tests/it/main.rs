//! The store's tests: each runs on both engines where it touches a database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod apply;
mod audit;
mod budgets;
mod conversations;
mod directory;
mod engines;
mod exclusive;
mod explain;
mod exports;
mod feed;
mod honey;
mod identities;
mod inbox;
mod install;
mod laws;
mod live;
mod opening;
mod private;
mod queue;
mod renewals;
mod rotation;
mod samples;
mod schema;
mod tables;
mod uses;
mod vault;
