//! Data keys: each seals the secrets of one connection, and lies in the database wrapped with a wrapping key.
//!
//! A data key is looked up in the transaction that seals with it, and held there (PostgreSQL: `FOR KEY SHARE`) until that
//! ends: so it cannot be replaced or destroyed under a secret that is being written.

use model::{ConnectionId, Entropy, Millis};

use crate::db::Tx;
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::vault::{Key, Vault, VaultError, noted};

/// The owner of the data key for whatever belongs to no connection.
pub(crate) const INSTANCE: &str = "";
/// How often a data key is looked for while others make or replace it.
const TRIES_MAX: u32 = 4;

/// The name of a data key: random, as long as no two are ever the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataKeyId(pub(super) [u8; Self::BYTES]);

impl DataKeyId {
    pub(super) const BYTES: usize = 16;

    fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; Self::BYTES];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    pub(super) fn to_text(self) -> String {
        hex::encode(self.0)
    }

    pub(super) fn parse_stored(text: &str) -> Result<Self, StoreError> {
        let mut bytes = [0; Self::BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| StoreError::Stored { what: "data key id" })?;
        Ok(Self(bytes))
    }
}

row! {
    /// A data key as it lies in the database.
    #[derive(Debug, Clone)]
    pub(super) struct DataKeyRow {
        pub(super) data_key_id: String,
        pub(super) owner: String,
        pub(super) wrapped: Vec<u8>,
        pub(super) key_id: String,
    }
}

/// What a wrapped data key is bound to: its name and its owner.
pub(super) fn place(id: &str, owner: &str) -> Vec<u8> {
    let mut bytes = b"longshore data key v1\0".to_vec();
    for text in [id, owner] {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

const CURRENT: Pair = Pair {
    sqlite: "SELECT data_key_id, owner, wrapped, key_id FROM data_keys WHERE owner = $1 AND replaced_at IS NULL",
    postgres:
        "SELECT data_key_id, owner, wrapped, key_id FROM data_keys WHERE owner = $1 AND replaced_at IS NULL
               FOR KEY SHARE",
};
const INSERT: &str = "
    INSERT INTO data_keys (data_key_id, owner, wrapped, key_id, created_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING";

impl Vault {
    /// The data key with which an owner's secrets are sealed; made when there is none.
    pub(super) async fn sealing_key(
        &self,
        tx: &mut Tx,
        owner: &str,
        now: Millis,
    ) -> Result<(DataKeyId, Key), StoreError> {
        for _ in 0..TRIES_MAX {
            if let Some(row) = current(tx, owner).await? {
                return Ok((DataKeyId::parse_stored(&row.data_key_id)?, self.unwrap(&row).await?));
            }
            // Whoever makes one at the same time is waited for by the insert, and then read.
            self.make(tx, owner, now).await?;
        }
        Err(StoreError::Contention)
    }

    /// Make a data key of that owner, unless there is a current one.
    pub(super) async fn make(&self, tx: &mut Tx, owner: &str, now: Millis) -> Result<(), StoreError> {
        let with = noted::for_wrapping(tx, self, now).await?;
        let (id, key) =
            (DataKeyId::generate(self.entropy.as_ref()).to_text(), Key::generate(self.entropy.as_ref()));
        let wrapped = self.keys.wrap(&with, &place(&id, owner), &key).await?;
        on_tx!(tx, conn => sqlx::query(INSERT)
            .bind(id)
            .bind(owner)
            .bind(wrapped)
            .bind(with.as_str())
            .bind(now.0)
            .execute(conn)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Unwrap a data key.
    pub(super) async fn unwrap(&self, row: &DataKeyRow) -> Result<Key, VaultError> {
        let with = crate::vault::KeyId::named(row.key_id.as_str());
        self.keys.unwrap(&with, &place(&row.data_key_id, &row.owner), &row.wrapped).await
    }
}

pub(super) async fn current(tx: &mut Tx, owner: &str) -> Result<Option<DataKeyRow>, StoreError> {
    let text = CURRENT.of(tx);
    Ok(on_tx!(tx, conn => sqlx::query_as(text).bind(owner).fetch_optional(conn).await)?)
}

const DESTROY: &str = "DELETE FROM data_keys WHERE owner = $1";
const DESTROY_SECRETS: &str = "DELETE FROM secrets WHERE connection_id = $1";

/// Destroy a connection's data key and what it sealed: its secrets can never be opened again, not even by whoever keeps
/// older copies of their rows beside this database. Answers how many data keys there were.
///
/// On SQLite the freed bytes are overwritten. Copies of the whole database, and the log of a PostgreSQL server, hold the
/// wrapped key until they are gone.
///
/// # Errors
/// The database's error.
pub async fn destroy(tx: &mut Tx, connection: &ConnectionId) -> Result<u64, StoreError> {
    if connection.0 == INSTANCE {
        return Err(StoreError::NotFound { what: "connection" });
    }
    overwriting(tx, true).await?;
    let destroyed = on_tx!(tx, conn => sqlx::query(DESTROY)
        .bind(&connection.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    on_tx!(tx, conn => sqlx::query(DESTROY_SECRETS).bind(&connection.0).execute(conn).await.map(drop))?;
    overwriting(tx, false).await?;
    Ok(destroyed)
}

const REMOVE: &str = "DELETE FROM data_keys WHERE data_key_id = $1";

/// Remove a data key that nothing needs any more.
pub(super) async fn remove(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    overwriting(tx, true).await?;
    on_tx!(tx, conn => sqlx::query(REMOVE).bind(id).execute(conn).await.map(drop))?;
    overwriting(tx, false).await
}

/// Whether SQLite overwrites what it deletes.
async fn overwriting(tx: &mut Tx, on: bool) -> Result<(), StoreError> {
    if let crate::db::TxKind::Sqlite(conn) = &mut tx.0 {
        let text = if on { "PRAGMA secure_delete = ON" } else { "PRAGMA secure_delete = OFF" };
        sqlx::query(text).execute(&mut **conn).await?;
    }
    Ok(())
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("data_key::INSERT", INSERT),
    ("data_key::DESTROY", DESTROY),
    ("data_key::DESTROY_SECRETS", DESTROY_SECRETS),
    ("data_key::REMOVE", REMOVE),
];
pub(crate) const PAIRS: &[(&str, &Pair)] = &[("data_key::CURRENT", &CURRENT)];
