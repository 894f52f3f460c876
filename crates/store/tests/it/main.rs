//! The store's tests: each runs on both engines where it touches a database.

mod apply;
mod conversations;
mod directory;
mod engines;
mod laws;
mod opening;
mod private;
mod samples;
mod schema;
mod tables;
