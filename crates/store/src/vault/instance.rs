//! Secrets that belong to no connection: sealed with the instance's own data key, and kept by whoever sealed them.

use model::{Entropy, EventId, Millis, OrgId, Pii, Secret};
use zeroize::Zeroizing;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::vault::data_key::{DataKeyId, DataKeyRow, INSTANCE};
use crate::vault::sealed::{self, Place, SealedWith};
use crate::vault::{Key, Vault, VaultError, secret};

/// How long the instance's data key is kept in memory for events, in milliseconds: they come by the thousand, and one that
/// was replaced meanwhile still opens.
const KEPT_MS: i64 = 60_000;

/// The instance's data key as a process keeps it.
pub(super) struct Kept {
    read_at: Millis,
    id: DataKeyId,
    key: Key,
}

impl Vault {
    /// Seal a secret that belongs to no connection. `kind` says what it is, such as `totp`; `subject` whose it is, and
    /// where there may be several, which one. It opens for the same two words alone.
    ///
    /// # Errors
    /// [`StoreError::Vault`] when the data key cannot be had, or the database's error.
    pub async fn seal_instance(
        &self,
        tx: &mut Tx,
        (kind, subject): (&str, &str),
        plain: &[u8],
        now: Millis,
    ) -> Result<Vec<u8>, StoreError> {
        let (sealed, _) = self.seal(tx, INSTANCE, &instance_place(kind, subject), plain, now).await?;
        Ok(sealed)
    }

    /// Open what [`Vault::seal_instance`] made for the same kind and subject, where it is a text.
    ///
    /// # Errors
    /// [`StoreError::Vault`] when it does not open, or the database's error.
    pub async fn open_instance(
        &self,
        db: &Db,
        (kind, subject): (&str, &str),
        sealed: &[u8],
    ) -> Result<Secret, StoreError> {
        Ok(secret(&self.open_instance_bytes(db, (kind, subject), sealed).await?)?)
    }

    /// The same, where it is no text.
    ///
    /// # Errors
    /// As [`Vault::open_instance`].
    pub async fn open_instance_bytes(
        &self,
        db: &Db,
        (kind, subject): (&str, &str),
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.open_found(db, &instance_place(kind, subject), sealed).await
    }

    /// Seal the body of a received event, for this event of this organization alone.
    ///
    /// # Errors
    /// [`StoreError::Vault`] when the data key cannot be had, or the database's error.
    pub async fn seal_event(
        &self,
        db: &Db,
        (org, event): (OrgId, &EventId),
        body: &[u8],
        now: Millis,
    ) -> Result<Vec<u8>, StoreError> {
        let mut kept = self.instance.lock().await;
        let is_fresh = |kept: &Kept| (0..KEPT_MS).contains(&now.since(kept.read_at));
        if !kept.as_ref().is_some_and(is_fresh) {
            let (id, key) = self.instance_key(db, now).await?;
            *kept = Some(Kept { read_at: now, id, key });
        }
        let held = kept.as_ref().expect("it was just put there");
        Ok(sealed::seal((held.id, &held.key), &event_place(org, &event.0), body, self.entropy.as_ref()))
    }

    /// Open what [`Vault::seal_event`] made for the same event.
    ///
    /// # Errors
    /// [`StoreError::Vault`] when it does not open, or the database's error.
    pub async fn open_event(
        &self,
        db: &Db,
        (org, event): (OrgId, &EventId),
        sealed: &[u8],
    ) -> Result<Pii<Vec<u8>>, StoreError> {
        let plain = self.open_found(db, &event_place(org, &event.0), sealed).await?;
        Ok(Pii::new(plain.to_vec()))
    }

    /// Where its randomness comes from.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// The instance's data key, made where there is none.
    pub(super) async fn instance_key(&self, db: &Db, now: Millis) -> Result<(DataKeyId, Key), StoreError> {
        let found: Option<DataKeyRow> =
            on_db!(db, pool => sqlx::query_as(OF_INSTANCE).fetch_optional(pool).await)?;
        if let Some(row) = found {
            return Ok((DataKeyId::parse_stored(&row.data_key_id)?, self.unwrap(&row).await?));
        }
        let mut tx = db.begin().await?;
        let made = self.sealing_key(&mut tx, INSTANCE, now).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Open a text whose data key must be looked for first.
    async fn open_found(
        &self,
        db: &Db,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let id = match sealed::sealed_with(sealed)? {
            SealedWith::Wrapping(_) => return Ok(self.open(place, sealed, None).await?),
            SealedWith::Data(id) => id.to_text(),
        };
        let mut is_second = false;
        loop {
            let row: Option<DataKeyRow> =
                on_db!(db, pool => sqlx::query_as(OF_ID).bind(&id).fetch_optional(pool).await)?;
            match self.open(place, sealed, row).await {
                // Between the look at the row and at the keys a change of keys may have ended.
                Err(VaultError::WrongKey { .. }) if !is_second => is_second = true,
                opened => return Ok(opened?),
            }
        }
    }
}

fn instance_place<'a>(kind: &'a str, subject: &'a str) -> Place<'a> {
    Place { org: OrgId(0), connection: "", kind, subject, version: 1 }
}

/// An event's body lies under the event's own id.
pub(super) fn event_place(org: OrgId, event: &str) -> Place<'_> {
    Place { org, connection: "", kind: "event", subject: event, version: 1 }
}

const OF_INSTANCE: &str = "
    SELECT data_key_id, owner, wrapped, key_id FROM data_keys WHERE owner = '' AND replaced_at IS NULL";
const OF_ID: &str = "SELECT data_key_id, owner, wrapped, key_id FROM data_keys WHERE data_key_id = $1";

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("instance::OF_INSTANCE", OF_INSTANCE), ("instance::OF_ID", OF_ID)];
