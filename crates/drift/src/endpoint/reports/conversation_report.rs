//! `POST /reports/conversations`

use serde::Serialize;

use crate::answer::Answer;
use crate::call::Call;
use crate::wire::{Filter, Report, without_bare_nan};
use crate::{Client, DecodeError, Error, Scope};

/// Largest report that is read: no limit on rows is documented.
pub const REPORT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What to report.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ReportQuery {
    /// Which conversations.
    pub filters: Vec<Filter>,
    /// Which numeric properties, in the order of the rows' metrics.
    pub metrics: Vec<String>,
}

impl ReportQuery {
    /// These metrics of all conversations.
    #[must_use]
    pub fn of(metrics: &[&str]) -> Self {
        Self { filters: Vec::new(), metrics: metrics.iter().map(|&metric| metric.to_owned()).collect() }
    }

    /// Only of conversations that pass this filter, too.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
}

impl Client {
    /// Metrics of the conversations that pass the filters.
    ///
    /// `POST /reports/conversations`; scope not documented. At most 60 calls a minute, which the pace
    /// keeps; at most 256 MiB are read. Conversation scope is told when refused, as Drift's sample
    /// exporter asks for it.
    ///
    /// Drift: "Conversation reporting", <https://devdocs.drift.com/docs/conversation-reporting>.
    ///
    /// # Errors
    /// [`Error::Validation`] for an unknown property or operation, or a metric that is no number;
    /// otherwise as every call.
    pub async fn conversation_report(&self, query: &ReportQuery) -> Result<Report, Error> {
        let call = Call::post("/reports/conversations").reports().idempotent(true).large(REPORT_BYTES_MAX);
        self.call_decoded(call.scope(Scope::ConversationRead).json(query)?, decode).await
    }
}

/// A bare `NaN` is no JSON, so it is mended where the body cannot be read as it is.
fn decode(answer: &Answer) -> Result<Report, DecodeError> {
    let report: Report = match answer.bare() {
        Err(error) if error.is_garbled() => serde_json::from_slice(&without_bare_nan(&answer.bytes()))?,
        report => report?,
    };
    answer.holds(report.rows.len());
    Ok(report)
}
