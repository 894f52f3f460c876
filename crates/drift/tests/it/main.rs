//! The SDK against a scripted network: what goes out, and what becomes of what comes back.

mod core;
mod files;
mod reports;
mod script;
mod section9;
mod wire;
