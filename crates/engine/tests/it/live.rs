//! From a webhook to the mirror: events arrive as they do in life, and the mirror is what Drift has.

mod archives;
mod calls;
mod connections;
mod convergence;
mod disconnect;
mod exports;
pub(crate) mod harness;
mod route;
mod simulation;
