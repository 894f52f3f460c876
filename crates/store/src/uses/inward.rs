//! Who read what through our own doors: requests by hour, caller, client and endpoint; the clients a caller came with; and
//! what sort of reading was done in a minute.
//!
//! Only callers that are known are counted, so nobody from outside makes rows; whoever counts bounds what one caller makes.

use model::{Millis, OrgId};

use crate::audit::ActorKind;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// Rows answered at once, at most.
const ROWS_MAX: i64 = 100_000;
/// Clients looked at in one go.
const CLIENTS_MAX: i64 = 1_000;

/// A caller whom an organization's data was shown: a user, a key, the key of the settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reader {
    /// The organization; 0 for requests that are about none.
    pub org: OrgId,
    /// What kind of caller.
    pub kind: ActorKind,
    /// Its id within that kind.
    pub id: String,
}

/// Requests of one caller from one client to one endpoint within one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestUse {
    /// Who.
    pub reader: Reader,
    /// The start of the hour.
    pub hour: Millis,
    /// The client's address; empty when it is not known.
    pub address: String,
    /// The client's kind of program.
    pub client: String,
    /// Such as `get /api/v1/status`; a closed set.
    pub endpoint: String,
    /// How many there were.
    pub requests: i64,
    /// Of them, refused.
    pub refused: i64,
    /// Records in the answers.
    pub rows: i64,
}

/// A client that a caller came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientUse {
    /// Who.
    pub reader: Reader,
    /// The network its address lies in; empty when it is not known.
    pub network: String,
    /// The client's kind of program.
    pub client: String,
    /// When it was first seen.
    pub first_at: Millis,
    /// When it was last seen.
    pub last_at: Millis,
}

/// What sort of reading it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// What there is was asked for.
    Describe,
    /// How much there is was asked for.
    Count,
    /// A few records were read.
    Sample,
    /// Many were.
    Bulk,
}

impl Step {
    /// All of them, in the order in which an intruder takes them.
    pub const ALL: [Self; 4] = [Self::Describe, Self::Count, Self::Sample, Self::Bulk];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Count => "count",
            Self::Sample => "sample",
            Self::Bulk => "bulk",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// The reading of one sort that a caller did within one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUse {
    /// Who.
    pub reader: Reader,
    /// The start of the minute.
    pub minute: Millis,
    /// What sort.
    pub step: Step,
    /// The first request of it.
    pub first_at: Millis,
    /// The last.
    pub last_at: Millis,
    /// How many there were.
    pub requests: i64,
    /// Records in the answers.
    pub rows: i64,
}

/// What was counted since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// No two of the same reader, hour, address, client and endpoint.
    pub requests: Vec<RequestUse>,
    /// No two of the same reader, network and client.
    pub clients: Vec<ClientUse>,
    /// No two of the same reader, minute and step.
    pub steps: Vec<StepUse>,
}

bulk! {
    REQUESTS, async fn insert_requests(row: RequestUse) = "INSERT INTO use_requests" (
        org_id int = row.reader.org.0,
        hour int = row.hour.0,
        actor_kind text = row.reader.kind.as_str(),
        actor_id text = row.reader.id.as_str(),
        address text = row.address.as_str(),
        client text = row.client.as_str(),
        endpoint text = row.endpoint.as_str(),
        requests int = row.requests,
        refused int = row.refused,
        rows_read int = row.rows,
    ) "ON CONFLICT (org_id, hour, actor_kind, actor_id, address, client, endpoint) DO UPDATE
       SET requests = use_requests.requests + excluded.requests,
           refused = use_requests.refused + excluded.refused,
           rows_read = use_requests.rows_read + excluded.rows_read"
}

bulk! {
    CLIENTS, async fn insert_clients(row: ClientUse) = "INSERT INTO use_clients" (
        org_id int = row.reader.org.0,
        actor_kind text = row.reader.kind.as_str(),
        actor_id text = row.reader.id.as_str(),
        network text = row.network.as_str(),
        client text = row.client.as_str(),
        first_at int = row.first_at.0,
        last_at int = row.last_at.0,
        judged flag = false,
    ) "ON CONFLICT (org_id, actor_kind, actor_id, network, client) DO UPDATE
       SET first_at = CASE WHEN excluded.first_at < use_clients.first_at THEN excluded.first_at
                           ELSE use_clients.first_at END,
           last_at = CASE WHEN excluded.last_at > use_clients.last_at THEN excluded.last_at
                          ELSE use_clients.last_at END"
}

bulk! {
    STEPS, async fn insert_steps(row: StepUse) = "INSERT INTO use_steps" (
        org_id int = row.reader.org.0,
        actor_kind text = row.reader.kind.as_str(),
        actor_id text = row.reader.id.as_str(),
        minute int = row.minute.0,
        step text = row.step.as_str(),
        first_at int = row.first_at.0,
        last_at int = row.last_at.0,
        requests int = row.requests,
        rows_read int = row.rows,
    ) "ON CONFLICT (org_id, actor_kind, actor_id, minute, step) DO UPDATE
       SET first_at = CASE WHEN excluded.first_at < use_steps.first_at THEN excluded.first_at
                           ELSE use_steps.first_at END,
           last_at = CASE WHEN excluded.last_at > use_steps.last_at THEN excluded.last_at
                          ELSE use_steps.last_at END,
           requests = use_steps.requests + excluded.requests,
           rows_read = use_steps.rows_read + excluded.rows_read"
}

/// Add to the counts.
///
/// # Errors
/// The database's error.
pub async fn add(tx: &mut Tx, counted: &Counted) -> Result<(), StoreError> {
    insert_requests(tx, &counted.requests).await?;
    insert_clients(tx, &counted.clients).await?;
    insert_steps(tx, &counted.steps).await.map(drop)
}

row! {
    struct ClientRow {
        org_id: i64,
        actor_kind: String,
        actor_id: String,
        network: String,
        client: String,
        first_at: i64,
        last_at: i64,
    }
}

impl ClientRow {
    fn into_use(self) -> Result<ClientUse, StoreError> {
        Ok(ClientUse {
            reader: reader(self.org_id, &self.actor_kind, self.actor_id)?,
            network: self.network,
            client: self.client,
            first_at: Millis(self.first_at),
            last_at: Millis(self.last_at),
        })
    }
}

fn reader(org: i64, kind: &str, id: String) -> Result<Reader, StoreError> {
    let kind = ActorKind::parse(kind).ok_or(StoreError::Stored { what: "kind of a caller" })?;
    Ok(Reader { org: OrgId(org), kind, id })
}

const UNJUDGED: &str = "
    SELECT org_id, actor_kind, actor_id, network, client, first_at, last_at FROM use_clients
    WHERE judged = FALSE ORDER BY first_at, network, client LIMIT $1";

/// The clients that nobody has judged yet, the first seen first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn unjudged(db: &Db) -> Result<Vec<ClientUse>, StoreError> {
    let rows: Vec<ClientRow> =
        on_db!(db, pool => sqlx::query_as(UNJUDGED).bind(CLIENTS_MAX).fetch_all(pool).await)?;
    rows.into_iter().map(ClientRow::into_use).collect()
}

const JUDGE: &str = "
    UPDATE use_clients SET judged = TRUE
    WHERE org_id = $1 AND actor_kind = $2 AND actor_id = $3 AND network = $4 AND client = $5 AND judged = FALSE";
const JUDGED: &str = "
    SELECT COUNT(*) FROM use_clients
    WHERE org_id = $1 AND actor_kind = $2 AND actor_id = $3 AND judged = TRUE";

/// Take a client for judged; answers how many of its caller's clients had been judged before, or nothing when somebody else
/// was faster. Judge the clients of a caller in the order in which they were first seen.
///
/// # Errors
/// The database's error.
pub async fn judge(tx: &mut Tx, client: &ClientUse) -> Result<Option<i64>, StoreError> {
    let reader = &client.reader;
    let before: i64 = on_tx!(tx, conn => sqlx::query_scalar(JUDGED)
        .bind(reader.org.0)
        .bind(reader.kind.as_str())
        .bind(&reader.id)
        .fetch_one(conn)
        .await)?;
    let ours = on_tx!(tx, conn => sqlx::query(JUDGE)
        .bind(reader.org.0)
        .bind(reader.kind.as_str())
        .bind(&reader.id)
        .bind(&client.network)
        .bind(&client.client)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok((ours > 0).then_some(before))
}

row! {
    struct StepRow {
        org_id: i64,
        actor_kind: String,
        actor_id: String,
        minute: i64,
        step: String,
        first_at: i64,
        last_at: i64,
        requests: i64,
        rows_read: i64,
    }
}

const STEPS_SINCE: &str = "
    SELECT org_id, actor_kind, actor_id, minute, step, first_at, last_at, requests, rows_read FROM use_steps
    WHERE minute >= $1 ORDER BY org_id, actor_kind, actor_id, minute LIMIT $2";

/// The steps of every caller since a minute: a caller's together, minute by minute, and within a minute in the order of
/// [`Step::ALL`].
///
/// # Errors
/// The database's error.
pub async fn steps(db: &Db, since: Millis) -> Result<Vec<StepUse>, StoreError> {
    let rows: Vec<StepRow> = on_db!(db, pool => sqlx::query_as(STEPS_SINCE)
        .bind(since.0)
        .bind(ROWS_MAX)
        .fetch_all(pool)
        .await)?;
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        steps.push(StepUse {
            reader: reader(row.org_id, &row.actor_kind, row.actor_id)?,
            minute: Millis(row.minute),
            step: Step::parse(&row.step).ok_or(StoreError::Stored { what: "step of a caller" })?,
            first_at: Millis(row.first_at),
            last_at: Millis(row.last_at),
            requests: row.requests,
            rows: row.rows_read,
        });
    }
    steps.sort_by(|one: &StepUse, other| {
        (&one.reader, one.minute, one.step).cmp(&(&other.reader, other.minute, other.step))
    });
    Ok(steps)
}

row! {
    struct RequestRow {
        org_id: i64,
        hour: i64,
        actor_kind: String,
        actor_id: String,
        address: String,
        client: String,
        endpoint: String,
        requests: i64,
        refused: i64,
        rows_read: i64,
    }
}

const REQUESTS_OF: &str = "
    SELECT org_id, MAX(hour) AS hour, actor_kind, actor_id, address, client, endpoint,
           CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(refused) AS BIGINT) AS refused,
           CAST(SUM(rows_read) AS BIGINT) AS rows_read
    FROM use_requests WHERE ($1 = 0 OR org_id = $1) AND hour >= $2 AND hour < $3
    GROUP BY org_id, actor_kind, actor_id, address, client, endpoint
    ORDER BY org_id, actor_kind, actor_id, address, client, endpoint LIMIT $4";

/// The requests of the hours of `from..to`, of one organization or all, summed by caller, client and endpoint; `hour` is the
/// last of them.
///
/// # Errors
/// The database's error.
pub async fn requests(
    db: &Db,
    org: Option<OrgId>,
    (from, to): (Millis, Millis),
) -> Result<Vec<RequestUse>, StoreError> {
    let rows: Vec<RequestRow> = on_db!(db, pool => sqlx::query_as(REQUESTS_OF)
        .bind(org.map_or(0, |org| org.0))
        .bind(from.0)
        .bind(to.0)
        .bind(ROWS_MAX)
        .fetch_all(pool)
        .await)?;
    let one = |row: RequestRow| {
        Ok(RequestUse {
            reader: reader(row.org_id, &row.actor_kind, row.actor_id)?,
            hour: Millis(row.hour),
            address: row.address,
            client: row.client,
            endpoint: row.endpoint,
            requests: row.requests,
            refused: row.refused,
            rows: row.rows_read,
        })
    };
    rows.into_iter().map(one).collect()
}

const PRUNE_REQUESTS: &str = "DELETE FROM use_requests WHERE hour < $1";
const PRUNE_CLIENTS: &str = "DELETE FROM use_clients WHERE last_at < $1";
const PRUNE_STEPS: &str = "DELETE FROM use_steps WHERE minute < $1";

/// Forget requests of hours before an instant and clients not seen since, and steps of minutes before another.
///
/// # Errors
/// The database's error.
pub async fn prune(tx: &mut Tx, before: Millis, steps_before: Millis) -> Result<u64, StoreError> {
    let mut gone = 0;
    for (statement, at) in [(PRUNE_REQUESTS, before), (PRUNE_CLIENTS, before), (PRUNE_STEPS, steps_before)] {
        gone += on_tx!(tx, conn => sqlx::query(statement)
            .bind(at.0)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
    }
    Ok(gone)
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("uses::inward::UNJUDGED", UNJUDGED),
    ("uses::inward::JUDGE", JUDGE),
    ("uses::inward::JUDGED", JUDGED),
    ("uses::inward::STEPS_SINCE", STEPS_SINCE),
    ("uses::inward::REQUESTS_OF", REQUESTS_OF),
    ("uses::inward::PRUNE_REQUESTS", PRUNE_REQUESTS),
    ("uses::inward::PRUNE_CLIENTS", PRUNE_CLIENTS),
    ("uses::inward::PRUNE_STEPS", PRUNE_STEPS),
];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[
    ("uses::inward::REQUESTS", &REQUESTS),
    ("uses::inward::CLIENTS", &CLIENTS),
    ("uses::inward::STEPS", &STEPS),
];
