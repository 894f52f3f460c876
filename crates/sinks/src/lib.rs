//! Other people's systems: files and webhooks today, warehouses and CRMs tomorrow.
//!
//! Data flows one way: from the readers of `store` through [`copy`] into a [`sink`], as tables (NDJSON, CSV or Parquet in a
//! directory of the user's, with transcripts and attachments beside them, described by a manifest), or as whole
//! conversations in formats that others read ([`handover`]); and from the change feed into lines ([`feed`]) and
//! signed messages ([`webhook`]). The crate knows neither Drift's wire
//! shapes nor the store's SQL nor where secrets lie, and nothing of it ever flows back into the store but the record
//! of the run.
//!
//! Every remote text is hostile until shown otherwise: file names, HTML bodies and spreadsheet formulas pass
//! through [`file_name`], [`transcript::sanitize`] and [`format::Csv`] before they reach a disk.

mod blocking;
pub mod copy;
pub mod destination;
pub mod digest;
pub mod directory;
pub mod error;
mod export;
pub mod feed;
pub mod file_name;
pub mod files;
pub mod format;
pub mod handover;
mod incremental;
pub mod lineage;
mod lock;
pub mod manifest;
pub mod mask;
mod months;
mod nul;
pub mod objects;
pub mod on_demand;
pub mod parquet;
pub mod partial;
pub mod postgres;
pub mod proof;
mod read_back;
mod rewrite;
pub mod selection;
pub mod sink;
pub mod sqlite;
pub mod transcript;
pub mod webhook;

pub use destination::{Destination, Reach, Target};
pub use error::SinkError;
pub use export::{Begin, ExportOptions, ExportProgress, ExportReport, Exporter, erase, export, is_current};
pub use format::{Format, Formulas};
