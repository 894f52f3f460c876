//! The binary: command line, configuration, output, telemetry and lifecycle of Longshore.
//!
//! `main` reads the command line ([`cli`]) and the configuration ([`config`]), begins the log ([`telemetry`]), and
//! hands both in one [`App`](app::App) to the command ([`command`], one file each). A command calls the other
//! crates, prints one report ([`output`]) and ends with an exit code ([`exit`]); what went wrong is told in one
//! place ([`failure`]). There are no business rules here: how an archive works is `engine`'s, what is stored `store`'s.

mod app;
mod browser;
mod bundle;
mod callback;
mod certificate_files;
mod cli;
mod command;
mod config;
mod database;
mod disk;
#[cfg(test)]
mod documents;
mod exit;
mod failure;
mod feed_start;
mod input;
#[cfg(feature = "transit")]
mod key_chain;
mod key_command;
mod lifecycle;
mod links;
mod network;
mod output;
mod signing;
mod summary;
mod telemetry;
#[cfg(feature = "transit")]
mod transit;
mod when;
mod who;
mod work;

use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// Much is given on one thread and given back on another: requests, the statements of SQLite's thread. And what is given back
/// is wiped first: a secret passes through buffers that are not ours to wipe, those of HTTP, TLS and JSON.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    lifecycle::take_small_pages();
    lifecycle::install_panic_hook();
    lifecycle::guard(|| cli::run(std::env::args_os()))
}
