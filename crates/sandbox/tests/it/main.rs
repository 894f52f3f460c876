//! The sandbox from outside: requests in process, and a few over sockets.

#![expect(clippy::unwrap_used, reason = "a test may end where something is not as expected")]

mod caller;
mod control;
mod docs;
mod errors;
mod faults;
mod lists;
mod log;
mod oauth;
mod rate;
mod scopes;
mod shapes;
mod socket;
mod tls;
mod webhooks;
