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
mod feed;
mod honey;
mod inbox;
mod install;
mod laws;
mod live;
mod opening;
mod private;
mod queue;
mod rotation;
mod samples;
mod schema;
mod tables;
mod vault;
