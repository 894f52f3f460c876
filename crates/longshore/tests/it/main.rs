//! The program as its users meet it: the built binary, run in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod connect;
mod demo;
mod full_disk;
mod interrupt;
mod settings;
mod support;
