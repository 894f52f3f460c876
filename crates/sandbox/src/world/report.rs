//! `POST /reports/conversations` (Drift: Conversation reporting).
//!
//! A time filter is a range of indices of the base, so a narrow window is cheap in any world. What Drift leaves
//! open is decided so: dates are midnights UTC, both ends of `BETWEEN` are included, filters are and-ed, rows come
//! oldest update first, and more than [`REPORT_ROWS_MAX`] rows are refused rather than cut.

use serde_json::Value;

use super::base::{LIFE_MS_MAX, Status};
use super::view::{Facts, View};
use super::{World, WorldError, calendar, json};

/// The most rows of one answer.
pub const REPORT_ROWS_MAX: usize = 200_000;
/// The most filters, and the most metrics.
const TERMS_MAX: usize = 100;

/// What `POST /reports/conversations` was asked.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ReportRequest {
    /// All must hold.
    #[serde(default)]
    pub filters: Vec<ReportFilter>,
    /// Names of numeric properties, in the order of the answer.
    #[serde(default)]
    pub metrics: Vec<String>,
}

/// One condition of a report.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ReportFilter {
    /// The property's name.
    pub property: String,
    /// `BETWEEN`, `IN` or `HAS_PROPERTY`.
    pub operation: String,
    /// `BETWEEN`: two of `"YYYY-MM-DD"` or epoch milliseconds. `IN`: the values. Otherwise absent.
    #[serde(default)]
    pub values: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    Id,
    EndUserId,
    CreatedAt,
    UpdatedAt,
    FirstAgentMessageAt,
    FirstCloseAt,
    TimeToCloseMillis,
    TimeToAgentResponseMillis,
    LastAgentId,
    RelatedPlaybookId,
    NumAgentMessages,
    NumBotMessages,
    NumEndUserMessages,
    MeaningfulConversation,
}

const PROPERTIES: [(&str, Property); 14] = [
    ("id", Property::Id),
    ("endUserId", Property::EndUserId),
    ("createdAt", Property::CreatedAt),
    ("updatedAt", Property::UpdatedAt),
    ("firstAgentMessageAt", Property::FirstAgentMessageAt),
    ("firstCloseAt", Property::FirstCloseAt),
    ("timeToCloseMillis", Property::TimeToCloseMillis),
    ("timeToAgentResponseMillis", Property::TimeToAgentResponseMillis),
    ("lastAgentId", Property::LastAgentId),
    ("relatedPlaybookId", Property::RelatedPlaybookId),
    ("numAgentMessages", Property::NumAgentMessages),
    ("numBotMessages", Property::NumBotMessages),
    ("numEndUserMessages", Property::NumEndUserMessages),
    ("meaningfulConversation", Property::MeaningfulConversation),
];

enum Filter {
    Between(Property, i64, i64),
    Within(Property, Vec<i64>),
    Has(Property),
    Status(Vec<Status>),
}

fn property(name: &str) -> Result<Property, WorldError> {
    let found = PROPERTIES.iter().find(|(known, _)| *known == name).map(|(_, property)| *property);
    found.ok_or_else(|| WorldError::validation(&format!("{name} is not a numeric property")))
}

fn filter(given: &ReportFilter) -> Result<Filter, WorldError> {
    let broken =
        || WorldError::validation(&format!("values of {} do not fit {}", given.property, given.operation));
    if given.property == "status" && given.operation == "IN" {
        let names = given.values.iter().map(|value| value.as_str().map(str::to_lowercase));
        let names: Vec<String> = names.collect::<Option<_>>().ok_or_else(broken)?;
        return Ok(Filter::Status(names.iter().filter_map(|name| Status::parse(name)).collect()));
    }
    let property = property(&given.property)?;
    let numbers = || given.values.iter().map(instant).collect::<Option<Vec<i64>>>().ok_or_else(broken);
    match given.operation.as_str() {
        "HAS_PROPERTY" => Ok(Filter::Has(property)),
        "BETWEEN" => match numbers()?[..] {
            [from, to] => Ok(Filter::Between(property, from, to)),
            _ => Err(broken()),
        },
        "IN" => Ok(Filter::Within(property, numbers()?)),
        other => Err(WorldError::validation(&format!("{other} is not a known operation"))),
    }
}

fn instant(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| calendar::parse_date(value.as_str()?)).or_else(|| value.as_str()?.parse().ok())
}

impl World {
    /// The whole body of the answer to a report: `{"count", "data": [{conversationId, metrics}]}`.
    ///
    /// Fails on an unknown property, operation or value, and when more than [`REPORT_ROWS_MAX`] rows match.
    pub fn report(&self, request: &ReportRequest) -> Result<Vec<u8>, WorldError> {
        if request.filters.len() > TERMS_MAX || request.metrics.len() > TERMS_MAX {
            return Err(WorldError::validation("too many filters or metrics"));
        }
        let filters: Vec<Filter> = request.filters.iter().map(filter).collect::<Result<_, _>>()?;
        let metrics: Vec<Property> =
            request.metrics.iter().map(|name| property(name)).collect::<Result<_, _>>()?;
        self.read(|view| view.report(&filters, &metrics))
    }
}

/// A conversation, with what is costly to know worked out on demand.
struct Subject<'a> {
    view: View<'a>,
    index: u64,
    row: super::overlay::Row,
    facts: Option<Facts>,
}

impl Subject<'_> {
    fn facts(&mut self) -> Facts {
        *self.facts.get_or_insert_with(|| self.view.facts(self.index))
    }

    fn value(&mut self, property: Property) -> Option<i64> {
        match property {
            Property::Id => Some(self.row.id),
            Property::EndUserId => Some(self.row.contact_id),
            Property::CreatedAt => Some(self.row.created_at),
            Property::UpdatedAt => Some(self.row.updated_at),
            Property::FirstAgentMessageAt => self.facts().first_agent_at,
            Property::FirstCloseAt => self.view.closed_at(self.index),
            Property::TimeToCloseMillis => Some(self.view.closed_at(self.index)? - self.row.created_at),
            Property::TimeToAgentResponseMillis => {
                let facts = self.facts();
                Some((facts.first_agent_at? - facts.first_contact_at?).max(0))
            }
            Property::LastAgentId => self.facts().last_agent,
            Property::RelatedPlaybookId => self.view.playbook(self.index),
            Property::NumAgentMessages => Some(self.facts().agent),
            Property::NumBotMessages => Some(self.facts().bot),
            Property::NumEndUserMessages => Some(self.facts().contact),
            Property::MeaningfulConversation => Some(i64::from(self.facts().contact > 0)),
        }
    }

    fn passes(&mut self, filter: &Filter) -> bool {
        match filter {
            Filter::Between(property, from, to) => {
                self.value(*property).is_some_and(|value| (*from..=*to).contains(&value))
            }
            Filter::Within(property, values) => {
                self.value(*property).is_some_and(|value| values.contains(&value))
            }
            Filter::Has(property) => self.value(*property).is_some(),
            Filter::Status(statuses) => statuses.contains(&self.row.status),
        }
    }
}

impl View<'_> {
    fn report(&self, filters: &[Filter], metrics: &[Property]) -> Result<Vec<u8>, WorldError> {
        let (from, to) = window(filters);
        let computed = self.base.updated_between(from, to).filter(|&index| self.is_listed(index));
        let changed = self.overlay.order.iter().map(|&(_, index)| index);
        let mut data = Vec::new();
        let mut count = 0;
        for index in computed.chain(changed) {
            let mut subject = Subject { view: *self, index, row: self.row(index), facts: None };
            if !filters.iter().all(|filter| subject.passes(filter)) {
                continue;
            }
            count += 1;
            if count > REPORT_ROWS_MAX {
                return Err(WorldError::validation("too many conversations match; ask for a shorter time"));
            }
            write_row(&mut data, &mut subject, metrics);
        }
        let mut out = Vec::with_capacity(data.len() + 32);
        out.extend_from_slice(b"{\"count\":");
        json::number(&mut out, i64::try_from(count).expect("below REPORT_ROWS_MAX"));
        out.extend_from_slice(b",\"data\":[");
        out.extend_from_slice(&data);
        out.extend_from_slice(b"]}");
        Ok(out)
    }
}

fn write_row(out: &mut Vec<u8>, subject: &mut Subject<'_>, metrics: &[Property]) {
    out.extend_from_slice(if out.is_empty() { b"{\"conversationId\":" } else { b",{\"conversationId\":" });
    json::number(out, subject.row.id);
    out.extend_from_slice(b",\"metrics\":[");
    for (at, metric) in metrics.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match subject.value(*metric) {
            Some(value) => json::number(out, value),
            None => out.extend_from_slice(b"\"NaN\""),
        }
    }
    out.extend_from_slice(b"]}");
}

/// The time in which a conversation must have been last updated to pass the time filters.
fn window(filters: &[Filter]) -> (i64, i64) {
    let mut window = (i64::MIN, i64::MAX);
    for filter in filters {
        let (from, to) = match *filter {
            Filter::Between(Property::UpdatedAt, from, to) => (from, to),
            Filter::Between(Property::CreatedAt, from, to) => (from, to.saturating_add(LIFE_MS_MAX)),
            _ => continue,
        };
        window = (window.0.max(from), window.1.min(to));
    }
    window
}
