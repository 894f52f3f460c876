//! Other people's systems: files and webhooks today, warehouses and CRMs tomorrow.
//!
//! Data flows one way: from the readers of `store` into a directory of the user's, as tables (NDJSON or CSV),
//! transcripts (text and HTML) and attachments, described by a manifest, or as whole conversations in formats that others
//! read ([`handover`]); and from the change feed into lines ([`feed`]) and
//! signed messages ([`webhook`]). The crate knows neither Drift's wire
//! shapes nor SQL nor where secrets lie, and nothing of it ever flows back into the store but the record
//! of the run.
//!
//! Every remote text is hostile until shown otherwise: file names, HTML bodies and spreadsheet formulas pass
//! through [`file_name`], [`transcript::sanitize`] and [`format::Csv`] before they reach a disk.

pub mod directory;
pub mod error;
mod export;
pub mod feed;
pub mod file_name;
pub mod format;
pub mod handover;
pub mod manifest;
pub mod partial;
pub mod transcript;
pub mod webhook;

pub use error::SinkError;
pub use export::{ExportOptions, ExportProgress, ExportReport, export};
pub use format::{Format, Formulas};
