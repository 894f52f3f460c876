//! The doors: the gateway for webhooks, health, metrics, the admin API and the pages. One file per endpoint.
//!
//! Data flows one way: a request is verified, bounded and parsed here, what it says is committed through `store`, and it
//! is answered. This crate must never know how jobs run, nor fetch, transform or deliver anything itself.

pub mod access;
mod answer;
pub mod api;
pub mod gateway;
mod health;
pub mod install;
mod pages;
mod router;
pub mod scopes;
mod serve;
mod share;
mod source;

pub use gateway::{Gateway, GatewayOptions, GatewayTokens, PayloadSetting, Storing};
pub use router::{Console, State, Stopping, declared, router};
pub use serve::{Peer, ServeOptions, serve};
pub use source::Sources;
