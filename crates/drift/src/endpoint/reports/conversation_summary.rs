//! `POST /reports/conversation-summary`

use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::wire::Filter;
use crate::{Client, Error, Scope};

/// What to sum up.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SummaryQuery {
    /// Which aggregates.
    pub metrics: Vec<SummaryMetric>,
    /// Over which conversations.
    pub filters: Vec<Filter>,
}

/// One aggregate of one property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryMetric {
    /// Such as `AVG`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Drift's name of the property.
    pub property: String,
}

impl Client {
    /// Aggregates over the conversations that pass the filters. Legacy.
    ///
    /// `POST /reports/conversation-summary`; scope not documented. Drawn from the reports' budget. The
    /// answer's shape is not documented, so it is given as it comes.
    ///
    /// Drift has no page for it; it is in their Python client.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn conversation_summary(&self, query: &SummaryQuery) -> Result<Value, Error> {
        let call = Call::post("/reports/conversation-summary").reports().idempotent(true);
        self.bare(call.scope(Scope::ConversationRead).json(query)?).await
    }
}
