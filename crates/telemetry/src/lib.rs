//! What is measured: every metric in one closed list, and the trace that follows an event to its last effect.
//!
//! Each stage counts through one [`Metrics`], which whoever starts the process makes once and hands on; a test makes one
//! of its own. This crate keeps the metrics library away from the others; it must never know what is being measured.
//! A label's value is a word of the program or a number: nothing that came from outside can become one.

mod family;
mod metrics;
pub mod trace;

pub use family::{Counter, Family, Gauge, Histogram, Label, Real};
pub use metrics::{FAMILIES, Listed, Metrics};
pub use trace::TraceParent;
