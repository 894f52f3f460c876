//! A Drift that we own: the API, its quirks and its faults, over a world computed from a seed.
//!
//! Made for checking anything that talks to Drift: the same routes, envelopes and page forms, an OAuth consent
//! page with expiring tokens, scopes, a leaky bucket, and every fault a network has on a bad day, on demand and
//! repeatable. It runs in process ([`Sandbox::router`]), on a socket ([`Sandbox::serve`]) or under Drift's own
//! host names with TLS ([`Sandbox::serve_tls`]).
//!
//! A request goes one way: `serve` takes the connection, `door` counts it, checks the token, draws from the
//! bucket and asks [`faults`] what goes wrong, `routes` reads or changes the [`world`], `faults` spoils the answer,
//! and [`log`] keeps a line of it. The other way, [`webhooks`] posts what happens in the world. This crate must never know the `drift` crate: a double that shares the client's
//! types cannot catch the client's misspellings. What Drift's documentation leaves open is decided here and said so
//! where it is decided.

mod answer;
mod bucket;
mod call;
mod control;
mod door;
pub mod faults;
pub mod log;
mod oauth;
pub mod options;
mod pages;
mod routes;
mod run;
mod sandbox;
pub mod scope;
mod serve;
mod tls;
mod tokens;
mod traffic;
pub mod webhooks;
pub mod world;

pub use faults::{Fault, FaultProfile, FaultRule, Faults, PRESETS};
pub use log::{LogEntry, RequestLog};
pub use options::{AuthFailure, ListForm, Options, RateLimit, Source};
pub use run::{BindOptions, Listening, RunError, TlsOptions, run};
pub use sandbox::{Sandbox, SandboxError};
pub use scope::{Scope, ScopeSet};
pub use tls::{Authority, HOSTS, TlsError};
pub use webhooks::{Delivery, DeliveryFaults, WebhookCounts, WebhookOptions, WebhookTypes};
pub use world::World;
