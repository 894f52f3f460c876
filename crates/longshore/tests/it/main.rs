//! The program as its users meet it: the built binary, run in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod architecture;
mod attacks;
mod audit;
mod bad_input;
mod browser;
mod canary;
mod chromium;
mod connect;
mod connections;
mod crash;
mod databases;
mod demo;
mod dialogues;
mod endpoints;
mod export_crash;
mod exports;
mod full_disk;
mod handover;
mod honey;
mod incident;
mod interrupt;
mod keys;
mod live;
mod receiver;
mod refresh;
mod scheduled_exports;
mod schedules;
mod secrets;
mod settings;
mod share_links;
mod support;
mod tail;
mod trace;
#[cfg(feature = "transit")]
mod transit;
mod uses;
