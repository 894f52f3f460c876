//! The SDK against a scripted network: what goes out, and what becomes of what comes back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod core;
mod endpoints;
mod files;
mod fuzz;
mod reports;
mod script;
mod section9;
mod webhook;
mod wire;
