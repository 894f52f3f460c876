//! The doors' tests: each tells what a sender or an operator sees, on both engines where it touches a database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod gateway;
mod health;
mod socket;
mod world;
