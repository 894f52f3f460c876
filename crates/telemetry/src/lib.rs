//! What is measured: every metric in one closed list, with typed names and labels.
//!
//! Each stage counts through one [`Metrics`], which whoever starts the process makes once and hands on; a test makes one
//! of its own. This crate keeps the metrics library away from the others; it must never know what is being measured.
