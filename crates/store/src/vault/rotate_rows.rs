//! The rows that a change of keys goes through, in pages by their keys.

use model::{Millis, OrgId};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::vault::data_key::{DataKeyId, DataKeyRow};
use crate::vault::{KeyId, Place, sealed};
use crate::{connections, endpoints};

row! {
    /// A sealed secret, with its data key where that is there, and whose it is.
    pub(super) struct SecretRow {
        pub(super) connection_id: String,
        pub(super) kind: String,
        version: i64,
        pub(super) sealed: Vec<u8>,
        sealed_with: String,
        connection_org: Option<i64>,
        endpoint_org: Option<i64>,
        data_key_id: Option<String>,
        owner: Option<String>,
        wrapped: Option<Vec<u8>>,
        key_id: Option<String>,
    }
}

impl SecretRow {
    /// Where it lies: with a connection or an endpoint. `None` for a row that is neither's.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let (id, kind, version) = (self.connection_id.as_str(), self.kind.as_str(), self.version);
        match (self.connection_org, self.endpoint_org) {
            (Some(org), _) => Some(connections::place(OrgId(org), id, kind, version)),
            (None, Some(org)) => Some(endpoints::place(OrgId(org), id, kind, version)),
            (None, None) => None,
        }
    }

    pub(super) fn key(&self) -> Option<DataKeyRow> {
        Some(DataKeyRow {
            data_key_id: self.data_key_id.clone()?,
            owner: self.owner.clone()?,
            wrapped: self.wrapped.clone()?,
            key_id: self.key_id.clone()?,
        })
    }
}

row! {
    pub(super) struct EventRow {
        pub(super) event_id: String,
        pub(super) org_id: i64,
        pub(super) payload: Vec<u8>,
    }
}

const REPLACE: &str = "UPDATE data_keys SET replaced_at = $2 WHERE data_key_id = $1";

/// From now on a data key only opens.
pub(super) async fn replace(tx: &mut Tx, id: &str, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(REPLACE).bind(id).bind(now.0).execute(conn).await.map(drop))?;
    Ok(())
}

const OWNERS: &str = "
    SELECT owner FROM data_keys WHERE replaced_at IS NULL AND created_at < $1 AND owner > $2
    ORDER BY owner LIMIT $3";

/// Connections whose data key was made before that instant; the instance is none.
pub(super) async fn owners(
    db: &Db,
    before: Millis,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(OWNERS)
        .bind(before.0)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

const SECRETS_OF: &str = "
    SELECT secrets.connection_id AS connection_id, secrets.kind AS kind, secrets.version AS version,
           secrets.sealed AS sealed, COALESCE(secrets.data_key_id, '') AS sealed_with,
           connections.org_id AS connection_org, endpoints.org_id AS endpoint_org,
           data_keys.data_key_id AS data_key_id, data_keys.owner AS owner, data_keys.wrapped AS wrapped,
           data_keys.key_id AS key_id
    FROM secrets
    LEFT JOIN connections ON connections.connection_id = secrets.connection_id
    LEFT JOIN endpoints ON endpoints.endpoint_id = secrets.connection_id
    LEFT JOIN data_keys ON data_keys.data_key_id = secrets.data_key_id
    WHERE secrets.connection_id = $1 ORDER BY secrets.kind";

/// The secrets of one connection.
pub(super) async fn secrets_of(tx: &mut Tx, owner: &str) -> Result<Vec<SecretRow>, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query_as(SECRETS_OF).bind(owner).fetch_all(conn).await)?)
}

const SECRETS_TO_SEAL: &str = "
    SELECT secrets.connection_id AS connection_id, secrets.kind AS kind, secrets.version AS version,
           secrets.sealed AS sealed, COALESCE(secrets.data_key_id, '') AS sealed_with,
           connections.org_id AS connection_org, endpoints.org_id AS endpoint_org,
           data_keys.data_key_id AS data_key_id, data_keys.owner AS owner, data_keys.wrapped AS wrapped,
           data_keys.key_id AS key_id
    FROM secrets
    LEFT JOIN connections ON connections.connection_id = secrets.connection_id
    LEFT JOIN endpoints ON endpoints.endpoint_id = secrets.connection_id
    LEFT JOIN data_keys ON data_keys.data_key_id = secrets.data_key_id
    WHERE (secrets.connection_id > $1 OR (secrets.connection_id = $1 AND secrets.kind > $2))
      AND (data_keys.data_key_id IS NULL OR data_keys.replaced_at IS NOT NULL)
    ORDER BY secrets.connection_id, secrets.kind LIMIT $3";

/// Secrets that no current data key sealed.
pub(super) async fn secrets_to_seal(
    db: &Db,
    (id, kind): (&str, &str),
    limit: i64,
) -> Result<Vec<SecretRow>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_as(SECRETS_TO_SEAL)
        .bind(id)
        .bind(kind)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

const PUT_SECRET: &str = "
    UPDATE secrets SET sealed = $5, data_key_id = $6
    WHERE connection_id = $1 AND kind = $2 AND version = $3 AND COALESCE(data_key_id, '') = $4";

/// Put a secret back where it was read, unless it was written meanwhile; answers how many that were.
pub(super) async fn put_secret(
    tx: &mut Tx,
    row: &SecretRow,
    sealed: &[u8],
    key: &str,
) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(PUT_SECRET)
        .bind(&row.connection_id)
        .bind(&row.kind)
        .bind(row.version)
        .bind(&row.sealed_with)
        .bind(sealed)
        .bind(key)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

const WRAPPED_OTHERWISE: &str = "
    SELECT data_key_id, owner, wrapped, key_id FROM data_keys WHERE key_id <> $1 AND data_key_id > $2
    ORDER BY data_key_id LIMIT $3";

/// Data keys that another key wraps.
pub(super) async fn wrapped_otherwise(
    db: &Db,
    key: &KeyId,
    after: &str,
    limit: i64,
) -> Result<Vec<DataKeyRow>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_as(WRAPPED_OTHERWISE)
        .bind(key.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

const COUNT_OTHERWISE: &str = "SELECT COUNT(*) FROM data_keys WHERE key_id <> $1";

/// How many data keys another key wraps.
pub(super) async fn count_otherwise(db: &Db, key: &KeyId) -> Result<i64, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(COUNT_OTHERWISE).bind(key.as_str()).fetch_one(pool).await)?)
}

const REWRAP: &str = "UPDATE data_keys SET wrapped = $3, key_id = $4 WHERE data_key_id = $1 AND key_id = $2";

/// Put a data key back, wrapped anew; answers how many that were.
pub(super) async fn rewrap(
    tx: &mut Tx,
    row: &DataKeyRow,
    wrapped: &[u8],
    key: &KeyId,
) -> Result<u64, StoreError> {
    Ok(on_tx!(tx, conn => sqlx::query(REWRAP)
        .bind(&row.data_key_id)
        .bind(&row.key_id)
        .bind(wrapped)
        .bind(key.as_str())
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

/// What was sealed with the instance's current data key begins with its format and name.
const EVENTS_TO_SEAL: &str = "
    SELECT event_id, org_id, payload FROM events
    WHERE payload_form = 'sealed' AND payload IS NOT NULL AND event_id > $1 AND substr(payload, 1, 17) <> $2
    ORDER BY event_id LIMIT $3";

/// Events that another key than the instance's current one sealed.
pub(super) async fn events_to_seal(
    db: &Db,
    after: &str,
    current: DataKeyId,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    let head = [&[sealed::SECOND][..], current.as_bytes()].concat();
    Ok(on_db!(db, pool => sqlx::query_as(EVENTS_TO_SEAL)
        .bind(after)
        .bind(head)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

const PUT_EVENT: &str = "UPDATE events SET payload = $2 WHERE event_id = $1";

/// Put an event's body back, sealed anew.
pub(super) async fn put_event(tx: &mut Tx, event: &str, sealed: &[u8]) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(PUT_EVENT).bind(event).bind(sealed).execute(conn).await.map(drop))?;
    Ok(())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("rotate_rows::REPLACE", REPLACE),
    ("rotate_rows::OWNERS", OWNERS),
    ("rotate_rows::SECRETS_OF", SECRETS_OF),
    ("rotate_rows::SECRETS_TO_SEAL", SECRETS_TO_SEAL),
    ("rotate_rows::PUT_SECRET", PUT_SECRET),
    ("rotate_rows::WRAPPED_OTHERWISE", WRAPPED_OTHERWISE),
    ("rotate_rows::COUNT_OTHERWISE", COUNT_OTHERWISE),
    ("rotate_rows::REWRAP", REWRAP),
    ("rotate_rows::EVENTS_TO_SEAL", EVENTS_TO_SEAL),
    ("rotate_rows::PUT_EVENT", PUT_EVENT),
];
