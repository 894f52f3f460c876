//! Reports over conversations.

mod conversation_report;
mod conversation_summary;

pub use conversation_report::{REPORT_BYTES_MAX, ReportQuery};
pub use conversation_summary::{SummaryMetric, SummaryQuery};
