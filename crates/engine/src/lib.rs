//! The worker: archives, verification, certificates, the jobs that keep the mirror fresh, and the connections they act through.
//!
//! Data flows one way here: the Drift API (through `drift`) becomes our records (`convert`), the records go to
//! the mirror (through `store`). What is done next is always read from the store, never remembered only here,
//! so that a process may be killed between any two awaits and the next one goes on.
//!
//! This crate must never know of web servers, sessions, or command lines.

pub mod archive;
pub mod budget;
pub mod calls;
pub mod certificate;
pub mod clients;
pub mod connection;
pub mod consume;
mod context;
mod convert;
pub mod disconnect;
mod error;
pub mod exports;
pub mod job;
pub mod jobs;
mod node;
mod pipeline;
pub mod progress;
mod retries;
pub mod route;
pub mod scheduler;
pub mod schedules;
mod sweeping;
pub mod use_watch;
pub mod verify;
pub mod watch;
pub mod webhooks;
pub mod worker;

pub use context::{CallCounter, Calls, Context, Limits, Stop, StopSwitch};
pub use error::EngineError;
pub use job::{Class, Finished, Job, JobContext, JobError};
pub use node::{Node, NodeLimits};
pub use route::{Router, Settling};
pub use scheduler::Scheduler;
pub use worker::Worker;
