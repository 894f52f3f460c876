//! One file a command, all alike: its flags, its report, its `run`, the report as text.

pub(crate) mod completions;
pub(crate) mod config;
