//! Whole archives against the sandbox, in process, on both engines, with a clock that hurries from wait to wait.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end there")]

mod archive;
mod budget;
mod engines;
mod faults;
mod hurry;
mod live;
mod nodes;
mod simulation;
mod tokens;
mod transport;
mod use_watch;
mod webhooks;
mod worker;
mod world;
