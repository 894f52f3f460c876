//! The program as its users meet it: the built binary, run in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod architecture;
mod audit;
mod bad_input;
mod browser;
mod chromium;
mod connect;
mod connections;
mod crash;
mod databases;
mod demo;
mod dialogues;
mod endpoints;
mod full_disk;
mod honey;
mod interrupt;
mod keys;
mod live;
mod receiver;
mod schedules;
mod secrets;
mod settings;
mod share_links;
mod support;
mod tail;
mod trace;
#[cfg(feature = "transit")]
mod transit;
