//! Endpoints: where outgoing webhooks go, how that fares, and what they are signed with.
//!
//! An endpoint reads the feed as the consumer of its own id. Its secrets are sealed in the vault's table, a row each;
//! a rotated one goes on signing for a day beside its successor, so that a receiver may change over when it likes.

use model::{EndpointId, Millis, OrgId, Secret};

use crate::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use crate::changes::{self, ChangeKind};
use crate::consumers::{self, ConsumerKind};
use crate::db::{Db, Tx};
use crate::effects;
use crate::error::StoreError;
use crate::notices;
use crate::vault::{Found, INSTANCE, Place, Vault, VaultError};

/// The kind of notices about endpoints; their subject is the endpoint's id.
pub const NOTICE: &str = "endpoint";
/// How long a rotated secret goes on signing, in milliseconds.
pub const ROTATED_MS: i64 = 24 * 60 * 60 * 1_000;
/// Secrets that sign at once, at most; rotated more often within a day, the oldest ends early.
pub const SECRETS_MAX: i64 = 5;

/// Changes owed again in one transaction.
const REPLAY_BATCH: u32 = 500;

/// Whether anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    /// Changes are sent to it.
    Enabled,
    /// Nothing is sent until somebody enables it.
    Disabled,
}

/// An endpoint, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose changes it gets.
    pub org: OrgId,
    /// Ours; also its consumer's name.
    pub endpoint_id: EndpointId,
    /// Where it is. May hold a token of the receiver's: never for logs.
    pub url: String,
    /// The kinds it gets; none means all.
    pub kinds: Vec<ChangeKind>,
    /// Whether anything is sent.
    pub state: EndpointState,
    /// When it was added.
    pub created_at: Millis,
    /// Failures since the last success.
    pub failures: i64,
    /// When the first of them was.
    pub failing_since: Option<Millis>,
    /// Nothing is sent before this instant.
    pub retry_at: Option<Millis>,
    /// When it was disabled.
    pub disabled_at: Option<Millis>,
    /// Why the last attempt failed, or why it was disabled.
    pub error: Option<String>,
}

/// An endpoint to be added.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Whose changes it gets.
    pub org: OrgId,
    /// Ours.
    pub endpoint_id: EndpointId,
    /// Where it is.
    pub url: String,
    /// The kinds it gets; none means all.
    pub kinds: Vec<ChangeKind>,
    /// The change after which it gets them (see [`crate::changes::position`]).
    pub cursor: i64,
    /// What its webhooks are signed with.
    pub secret: Secret,
}

/// What becomes of the secrets that a new one replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// They go on signing for a day.
    SignOn,
    /// They end at once: somebody else knows them.
    End,
}

const INSERT: &str = "
    INSERT INTO endpoints (org_id, endpoint_id, url, kinds, state, created_at, failures)
    VALUES ($1, $2, $3, $4, 'enabled', $5, 0)";

/// Add an endpoint, with its consumer and its first secret.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken, or the database's error.
pub async fn add(tx: &mut Tx, new: &NewEndpoint, vault: &Vault, now: Millis) -> Result<(), StoreError> {
    let kinds: Vec<&str> = new.kinds.iter().map(|kind| kind.as_str()).collect();
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(new.org.0)
        .bind(&new.endpoint_id.0)
        .bind(&new.url)
        .bind(kinds.join(" "))
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    consumers::register(tx, new.org, (&new.endpoint_id.0, ConsumerKind::Webhook), new.cursor, now).await?;
    put_secret(tx, new.org, &new.endpoint_id, &new.secret, (1, vault), now).await
}

row! {
    struct EndpointRow {
        org_id: i64,
        endpoint_id: String,
        url: String,
        kinds: String,
        state: String,
        created_at: i64,
        failures: i64,
        failing_since: Option<i64>,
        retry_at: Option<i64>,
        disabled_at: Option<i64>,
        error: Option<String>,
    }
}

const GET: &str = "
    SELECT org_id, endpoint_id, url, kinds, state, created_at, failures, failing_since, retry_at, disabled_at, error
    FROM endpoints WHERE org_id = $1 AND endpoint_id = $2";

/// The endpoint of that id.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, org: OrgId, endpoint: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
    let row: Option<EndpointRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(org.0).bind(&endpoint.0).fetch_optional(pool).await)?;
    row.map(Endpoint::try_from).transpose()
}

const LIST: &str = "
    SELECT org_id, endpoint_id, url, kinds, state, created_at, failures, failing_since, retry_at, disabled_at, error
    FROM endpoints WHERE org_id = $1 ORDER BY endpoint_id LIMIT 1000";

/// An organization's endpoints, oldest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: OrgId) -> Result<Vec<Endpoint>, StoreError> {
    let rows: Vec<EndpointRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(org.0).fetch_all(pool).await)?;
    rows.into_iter().map(Endpoint::try_from).collect()
}

const DISABLE: &str = "
    UPDATE endpoints SET state = 'disabled', disabled_at = COALESCE(disabled_at, $3), error = COALESCE($4, error)
    WHERE org_id = $1 AND endpoint_id = $2";

/// Send nothing more to an endpoint. What is owed stays owed, and its consumer stands still.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such endpoint, or the database's error.
pub async fn disable(
    tx: &mut Tx,
    org: OrgId,
    endpoint: &EndpointId,
    reason: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(DISABLE)
        .bind(org.0)
        .bind(&endpoint.0)
        .bind(now.0)
        .bind(reason)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 {
        return Err(StoreError::NotFound { what: "endpoint" });
    }
    consumers::pause(tx, org, &endpoint.0).await
}

const ENABLE: &str = "
    UPDATE endpoints
    SET state = 'enabled', disabled_at = NULL, failures = 0, failing_since = NULL, retry_at = NULL, error = NULL
    WHERE org_id = $1 AND endpoint_id = $2";

/// Send to an endpoint again, beginning with what is owed.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such endpoint, or the database's error.
pub async fn enable(tx: &mut Tx, org: OrgId, endpoint: &EndpointId) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(ENABLE)
        .bind(org.0)
        .bind(&endpoint.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 {
        return Err(StoreError::NotFound { what: "endpoint" });
    }
    notices::dismiss(tx, org, NOTICE, Some(&endpoint.0)).await?;
    consumers::resume(tx, org, &endpoint.0).await
}

const SUCCEEDED: &str = "
    UPDATE endpoints SET failures = 0, failing_since = NULL, retry_at = NULL, error = NULL
    WHERE org_id = $1 AND endpoint_id = $2 AND state = 'enabled' AND failures > 0";

/// Note that the receiver took a webhook.
///
/// # Errors
/// The database's error.
pub async fn succeeded(tx: &mut Tx, org: OrgId, endpoint: &EndpointId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(SUCCEEDED).bind(org.0).bind(&endpoint.0).execute(conn).await.map(drop))?;
    Ok(())
}

const FAILED: &str = "
    UPDATE endpoints
    SET failures = failures + 1,
        failing_since = CASE WHEN failing_since < $3 THEN failing_since ELSE $3 END,
        retry_at = COALESCE($4, retry_at), error = $5
    WHERE org_id = $1 AND endpoint_id = $2 AND state = 'enabled'";

/// Note that the receiver did not take a webhook at `now`; `retry_at` where it should be left alone until then.
///
/// # Errors
/// The database's error.
pub async fn failed(
    tx: &mut Tx,
    org: OrgId,
    endpoint: &EndpointId,
    (reason, retry_at): (&str, Option<Millis>),
    now: Millis,
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(FAILED)
        .bind(org.0)
        .bind(&endpoint.0)
        .bind(now.0)
        .bind(retry_at.map(|at| at.0))
        .bind(reason)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Owe an endpoint the changes after `after_seq` up to `through_seq` again, as far as it has read them and wants them;
/// answers how many. They are sent once its consumer has been looked at, which this rings for.
///
/// In several transactions: a range may be long. Stopped in the middle, the same call does the rest.
///
/// # Errors
/// The database's error.
pub async fn replay(
    db: &Db,
    endpoint: &Endpoint,
    after_seq: i64,
    through_seq: i64,
    (who, now): (&Who, Millis),
) -> Result<u64, StoreError> {
    let (org, name) = (endpoint.org, endpoint.endpoint_id.0.as_str());
    let Some(consumer) = consumers::get(db, org, name).await? else {
        return Err(StoreError::NotFound { what: "endpoint" });
    };
    let (mut after, through) = (after_seq, through_seq.min(consumer.cursor));
    let mut owed = 0;
    loop {
        let read = changes::read(db, org, after, REPLAY_BATCH).await?;
        let Some(last) = read.last().filter(|_| after < through) else { return Ok(owed) };
        after = last.seq;
        let wanted: Vec<_> = read
            .iter()
            .filter(|change| change.seq <= through && effects::wanted(&endpoint.kinds, change))
            .collect();
        owed += wanted.len() as u64;
        let mut tx = db.begin().await?;
        effects::owe(&mut tx, org, name, &wanted).await?;
        consumers::wake(&mut tx, org, name).await?;
        let object = Object::new(ObjectKind::Endpoint, name);
        let entry = NewEntry::done(now, who, Action::EndpointReplay, object).org(org);
        audit::append(&mut tx, &entry.amount(wanted.len() as i64))?;
        tx.commit().await?;
    }
}

const REMOVE: &str = "DELETE FROM endpoints WHERE org_id = $1 AND endpoint_id = $2";
const REMOVE_SECRETS: &str = "DELETE FROM secrets WHERE connection_id = $1";

/// Forget an endpoint with its secrets, its consumer and its effects.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such endpoint, or the database's error.
pub async fn remove(tx: &mut Tx, org: OrgId, endpoint: &EndpointId) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(REMOVE)
        .bind(org.0)
        .bind(&endpoint.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 {
        return Err(StoreError::NotFound { what: "endpoint" });
    }
    notices::dismiss(tx, org, NOTICE, Some(&endpoint.0)).await?;
    on_tx!(tx, conn => sqlx::query(REMOVE_SECRETS).bind(&endpoint.0).execute(conn).await.map(drop))?;
    consumers::remove(tx, org, &endpoint.0).await?;
    effects::remove(tx, org, &endpoint.0).await
}

const SECRET_VERSION: &str = "
    SELECT COALESCE(MAX(version), 0) FROM secrets
    WHERE connection_id = (SELECT endpoint_id FROM endpoints WHERE org_id = $1 AND endpoint_id = $2)";
const DROP_SECRETS: &str = "DELETE FROM secrets WHERE connection_id = $1 AND version <= $2";
const PUT_SECRET: &str = "
    INSERT INTO secrets (connection_id, kind, version, sealed, saved_at, data_key_id) VALUES ($1, $2, $3, $4, $5, $6)";

/// Sign with a new secret from now on.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such endpoint, or the database's error.
pub async fn rotate(
    tx: &mut Tx,
    (org, endpoint): (OrgId, &EndpointId),
    secret: &Secret,
    replaced: Replaced,
    vault: &Vault,
    now: Millis,
) -> Result<(), StoreError> {
    let last: i64 = on_tx!(tx, conn => sqlx::query_scalar(SECRET_VERSION)
        .bind(org.0)
        .bind(&endpoint.0)
        .fetch_one(conn)
        .await)?;
    if last == 0 {
        return Err(StoreError::NotFound { what: "endpoint" });
    }
    let ended = match replaced {
        Replaced::SignOn => last + 1 - SECRETS_MAX,
        Replaced::End => last,
    };
    on_tx!(tx, conn => sqlx::query(DROP_SECRETS).bind(&endpoint.0).bind(ended).execute(conn).await.map(drop))?;
    put_secret(tx, org, endpoint, secret, (last + 1, vault), now).await
}

async fn put_secret(
    tx: &mut Tx,
    org: OrgId,
    endpoint: &EndpointId,
    secret: &Secret,
    (version, vault): (i64, &Vault),
    now: Millis,
) -> Result<(), StoreError> {
    let kind = secret_kind(version);
    let (place, plain) = (place(org, &endpoint.0, &kind, version), secret.expose().as_bytes());
    let (sealed, data_key) = vault.seal(tx, INSTANCE, &place, plain, now).await?;
    on_tx!(tx, conn => sqlx::query(PUT_SECRET)
        .bind(&endpoint.0)
        .bind(&kind)
        .bind(version)
        .bind(sealed)
        .bind(now.0)
        .bind(data_key)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

/// Rows of one endpoint differ by their kind.
fn secret_kind(version: i64) -> String {
    format!("signing_secret_{version}")
}

/// Where a secret of an endpoint lies: it belongs to no connection.
pub(crate) fn place<'a>(org: OrgId, endpoint: &'a str, kind: &'a str, version: i64) -> Place<'a> {
    Place { org, connection: "", kind, subject: endpoint, version }
}

row! {
    struct SecretRow {
        version: i64,
        sealed: Vec<u8>,
        saved_at: i64,
        data_key_id: Option<String>,
        owner: Option<String>,
        wrapped: Option<Vec<u8>>,
        key_id: Option<String>,
    }
}

const SECRETS: &str = "
    SELECT secrets.version AS version, secrets.sealed AS sealed, secrets.saved_at AS saved_at,
           data_keys.data_key_id AS data_key_id, data_keys.owner AS owner, data_keys.wrapped AS wrapped,
           data_keys.key_id AS key_id
    FROM secrets JOIN endpoints ON endpoints.endpoint_id = secrets.connection_id
    LEFT JOIN data_keys ON data_keys.data_key_id = secrets.data_key_id
    WHERE endpoints.org_id = $1 AND endpoints.endpoint_id = $2 ORDER BY secrets.version DESC";

/// The secrets that sign at present, the newest first.
///
/// # Errors
/// [`StoreError::Vault`] when one does not open, or the database's error.
pub async fn secrets(
    db: &Db,
    org: OrgId,
    endpoint: &EndpointId,
    vault: &Vault,
    now: Millis,
) -> Result<Vec<Secret>, StoreError> {
    match open_secrets(db, org, endpoint, vault, now).await {
        // Between the look at the rows and at the keys a change of keys may have ended.
        Err(StoreError::Vault(VaultError::WrongKey { .. })) => {
            open_secrets(db, org, endpoint, vault, now).await
        }
        opened => opened,
    }
}

async fn open_secrets(
    db: &Db,
    org: OrgId,
    endpoint: &EndpointId,
    vault: &Vault,
    now: Millis,
) -> Result<Vec<Secret>, StoreError> {
    let rows: Vec<SecretRow> = on_db!(db, pool => sqlx::query_as(SECRETS)
        .bind(org.0)
        .bind(&endpoint.0)
        .fetch_all(pool)
        .await)?;
    let mut secrets = Vec::with_capacity(rows.len());
    let mut replaced_at = None;
    for row in rows {
        if replaced_at.is_some_and(|at| now.since(at) >= ROTATED_MS) {
            break;
        }
        let (kind, saved_at) = (secret_kind(row.version), Millis(row.saved_at));
        let place = place(org, &endpoint.0, &kind, row.version);
        let SecretRow { sealed, data_key_id, owner, wrapped, key_id, .. } = row;
        secrets.push(vault.open_secret(&place, Found { sealed, data_key_id, owner, wrapped, key_id }).await?);
        replaced_at = Some(saved_at);
    }
    Ok(secrets)
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = StoreError;
    fn try_from(row: EndpointRow) -> Result<Self, StoreError> {
        Ok(Self {
            org: OrgId(row.org_id),
            endpoint_id: EndpointId(row.endpoint_id),
            url: row.url,
            kinds: row.kinds.split_whitespace().map(ChangeKind::parse_stored).collect::<Result<_, _>>()?,
            state: EndpointState::parse_stored(&row.state)?,
            created_at: Millis(row.created_at),
            failures: row.failures,
            failing_since: row.failing_since.map(Millis),
            retry_at: row.retry_at.map(Millis),
            disabled_at: row.disabled_at.map(Millis),
            error: row.error,
        })
    }
}

impl EndpointState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }

    fn parse_stored(word: &str) -> Result<Self, StoreError> {
        match word {
            "enabled" => Ok(Self::Enabled),
            "disabled" => Ok(Self::Disabled),
            _ => Err(StoreError::Stored { what: "endpoint state" }),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("endpoints::INSERT", INSERT),
    ("endpoints::GET", GET),
    ("endpoints::LIST", LIST),
    ("endpoints::DISABLE", DISABLE),
    ("endpoints::ENABLE", ENABLE),
    ("endpoints::SUCCEEDED", SUCCEEDED),
    ("endpoints::FAILED", FAILED),
    ("endpoints::REMOVE", REMOVE),
    ("endpoints::REMOVE_SECRETS", REMOVE_SECRETS),
    ("endpoints::SECRET_VERSION", SECRET_VERSION),
    ("endpoints::DROP_SECRETS", DROP_SECRETS),
    ("endpoints::PUT_SECRET", PUT_SECRET),
    ("endpoints::SECRETS", SECRETS),
];
