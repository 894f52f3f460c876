//! The doors: the gateway for webhooks, health, metrics, and the admin API. One file per endpoint.
//!
//! Data flows one way: a request is verified, bounded and parsed here, what it says is committed through `store`, and it
//! is answered. This crate must never know how jobs run, nor fetch, transform or deliver anything itself.

mod answer;
pub mod api;
pub mod gateway;
mod health;
mod router;
mod serve;
mod source;

pub use gateway::{Gateway, GatewayOptions, GatewayTokens, PayloadSetting, Storing};
pub use router::{State, Stopping, router};
pub use serve::{Peer, ServeOptions, serve};
pub use source::Sources;
