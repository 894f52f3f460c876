//! Facts: what only an event told, such as a phone number given or a goal met. No call of the API repeats them, so they
//! are taken from the event, marked as such by standing in a table of their own, and kept.
//!
//! A fact's id is the event's key, so an event that comes twice, or is routed twice, is one fact.

use std::collections::BTreeMap;

use model::{ContactId, ConversationId, Millis, OrgId, Pii, PlaybookId, UserId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::hash::clean;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Whose.
    pub org: OrgId,
    /// The event's key in hexadecimal digits.
    pub fact_id: String,
    /// The event's canonical type.
    pub kind: String,
    /// The conversation it happened in.
    pub conversation: Option<ConversationId>,
    /// The contact it is about.
    pub contact: Option<ContactId>,
    /// The Drift user it is about.
    pub user: Option<UserId>,
    /// The playbook it is about.
    pub playbook: Option<PlaybookId>,
    /// When it happened, where the event says so.
    pub occurred_at: Option<Millis>,
    /// When the event came.
    pub received_at: Millis,
    /// The phone number that was given.
    pub phone: Option<Pii<String>>,
    /// The rest: a JSON object.
    pub detail: Pii<String>,
}

bulk! {
    INSERT, async fn insert(fact: &Fact) = "INSERT INTO facts" (
        org_id int = fact.org.0,
        fact_id text = fact.fact_id.as_str(),
        kind text = clean(&fact.kind),
        conversation_id int = fact.conversation.map(|id| id.0),
        contact_id int = fact.contact.map(|id| id.0),
        user_id int = fact.user.map(|id| id.0),
        playbook_id int = fact.playbook.map(|id| id.0),
        occurred_at int = fact.occurred_at.map(|at| at.0),
        received_at int = fact.received_at.0,
        phone text = fact.phone.as_ref().map(|phone| clean(phone.expose())),
        detail text = clean(fact.detail.expose()),
    ) "ON CONFLICT (org_id, fact_id) DO NOTHING"
}

/// Store facts, and answer how many were not there.
///
/// # Errors
/// The database's error.
pub async fn record(tx: &mut Tx, facts: &[Fact]) -> Result<u64, StoreError> {
    // A statement may name a key once; of two the earlier stays, as it would in two statements.
    let mut unique: BTreeMap<(i64, &str), &Fact> = BTreeMap::new();
    for fact in facts {
        unique.entry((fact.org.0, &fact.fact_id)).or_insert(fact);
    }
    let unique: Vec<&Fact> = unique.into_values().collect();
    insert(tx, &unique).await
}

row! {
    struct FactRow {
        fact_id: String,
        kind: String,
        conversation_id: Option<i64>,
        contact_id: Option<i64>,
        user_id: Option<i64>,
        playbook_id: Option<i64>,
        occurred_at: Option<i64>,
        received_at: i64,
        phone: Option<String>,
        detail: String,
    }
}

const OF_CONVERSATION: &str = "
    SELECT fact_id, kind, conversation_id, contact_id, user_id, playbook_id, occurred_at, received_at, phone, detail
    FROM facts WHERE org_id = $1 AND conversation_id = $2 ORDER BY received_at, fact_id LIMIT $3";

/// The facts of a conversation in the order in which their events came.
///
/// # Errors
/// The database's error.
pub async fn of_conversation(
    db: &Db,
    org: OrgId,
    id: ConversationId,
    limit: u32,
) -> Result<Vec<Fact>, StoreError> {
    let rows: Vec<FactRow> = on_db!(db, pool => sqlx::query_as(OF_CONVERSATION)
        .bind(org.0)
        .bind(id.0)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(|row| row.into_fact(org)).collect())
}

impl FactRow {
    fn into_fact(self, org: OrgId) -> Fact {
        Fact {
            org,
            fact_id: self.fact_id,
            kind: self.kind,
            conversation: self.conversation_id.map(ConversationId),
            contact: self.contact_id.map(ContactId),
            user: self.user_id.map(UserId),
            playbook: self.playbook_id.map(PlaybookId),
            occurred_at: self.occurred_at.map(Millis),
            received_at: Millis(self.received_at),
            phone: self.phone.map(Pii::new),
            detail: Pii::new(self.detail),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[("facts::OF_CONVERSATION", OF_CONVERSATION)];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("facts::INSERT", &INSERT)];
