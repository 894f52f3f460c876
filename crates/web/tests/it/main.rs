//! The doors' tests: each tells what a sender or an operator sees, on both engines where it touches a database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attacks;
mod browser;
mod connect;
mod connect_attacks;
mod copies;
mod doors;
mod gateway;
mod health;
mod house;
mod issuer;
mod log;
mod oidc;
mod oidc_attacks;
mod pages;
mod provider;
mod socket;
mod uses;
mod world;
