//! Changing keys while other processes use them, in small transactions, from wherever an earlier attempt was cut off.
//!
//! 1. A new wrapping key is made, or found where somebody put it beside the old one. Nothing uses it yet.
//! 2. The database notes it as current, in one update that waits for whoever is just wrapping. From here on nothing new is
//!    wrapped with the old key; running nodes read the new one when they first meet its name.
//! 3. Where that is asked for, connections get new data keys, and the instance does. A connection's secrets, its new key and
//!    the end of its old one are one transaction. The instance's old key stays, and only opens: what it sealed may lie
//!    wherever its owner put it.
//! 4. What remains is wrapped anew, and what is still of the first format, or of a replaced data key, is sealed anew.
//! 5. Once nothing is left that needs it, the old key is taken out of its place and noted as retired.
//!
//! The database remembers where it stands: an old key that is retiring is an unfinished change, and whatever step 4 still
//! finds is what is left of it. Sketch: a data key is two rows' worth of reading and one of writing; a thousand connections
//! are ten transactions of a hundred; nobody has measured it.

use model::{EventId, Millis, OrgId};
use zeroize::Zeroizing;

use crate::audit::{self, Action, NewEntry, Object, ObjectKind, Who};
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::mirror::state::Pair;
use crate::vault::data_key::{self, DataKeyRow, INSTANCE};
use crate::vault::rotate_rows::{self, SecretRow};
use crate::vault::wrapping::Removed;
use crate::vault::{KeyId, KeyState, Vault, VaultError, instance, noted};

/// Rows in one transaction, unless somebody says otherwise.
pub const ROTATE_BATCH: u32 = 100;
/// Rows in one transaction, at most.
pub const ROTATE_BATCH_MAX: u32 = 1_000;
/// How often everything is looked through before a change is given up as disturbed.
const PASSES_MAX: u32 = 5;

/// What is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateOptions {
    /// Rows in one transaction, 1 to [`ROTATE_BATCH_MAX`].
    pub batch: u32,
    /// Whether data keys are made anew too, and secrets sealed with them.
    pub data_keys: bool,
}

/// The key that is changed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The current key before.
    pub from: KeyId,
    /// The current key from now on.
    pub to: KeyId,
    /// Whether an earlier change goes on that was cut off.
    pub resumed: bool,
    /// Whether the key was made just now.
    pub made: bool,
}

/// What has been done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Data keys wrapped anew.
    pub wrapped: u64,
    /// Data keys that another took the place of.
    pub renewed: u64,
    /// Secrets sealed anew.
    pub secrets: u64,
    /// Events sealed anew.
    pub events: u64,
    /// What did not open before, with any key, and was left as it is.
    pub damaged: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Instance,
    /// After this owner.
    Connections(String),
    /// After this data key.
    Wrapping(String),
    /// After this secret.
    Secrets(String, String),
    /// After this event.
    Events(String),
    Retiring,
    Done,
}

/// A change of keys under way. Drop it between two steps, or be killed within one: the next goes on from there.
#[derive(Debug)]
pub struct Rotation {
    chosen: Chosen,
    who: Who,
    /// Data keys made before this are old ones.
    since: Millis,
    batch: i64,
    stage: Stage,
    done: Rotated,
    /// Data keys of this pass that do not open.
    locked: i64,
    passes: u32,
    by_hand: Vec<KeyId>,
}

impl Rotation {
    /// Choose the key to change to, and make one where there is none: nothing uses it yet. Every node can be given it now.
    ///
    /// # Errors
    /// [`VaultError::CannotAdd`] as [`StoreError::Vault`] where only people can add one; the database's error.
    pub async fn prepare(db: &Db, vault: &Vault, who: &Who, now: Millis) -> Result<Chosen, StoreError> {
        let chosen = Self::choose(db, vault).await?;
        if chosen.made {
            let mut tx = db.begin().await?;
            tell(&mut tx, who, &chosen.to, "made", now)?;
            tx.commit().await?;
        }
        Ok(chosen)
    }

    async fn choose(db: &Db, vault: &Vault) -> Result<Chosen, StoreError> {
        let from = noted::noted(db).await?.ok_or(StoreError::NotFound { what: "key" })?;
        let ids = vault.keys.ids().await?;
        let known = noted::all(db).await?;
        if let Some(retiring) = known.iter().find(|one| one.state == KeyState::Retiring) {
            return Ok(Chosen { from: retiring.key_id.clone(), to: from, resumed: true, made: false });
        }
        let Some(at) = ids.iter().position(|id| *id == from) else {
            let found = noted::newest(vault).await?;
            return Err(VaultError::WrongKey { expected: from, found }.into());
        };
        let is_new = |id: &&KeyId| known.iter().all(|one| one.key_id != **id);
        match ids[at + 1..].iter().rev().find(is_new) {
            Some(to) => Ok(Chosen { from, to: to.clone(), resumed: false, made: false }),
            None => Ok(Chosen { from, to: vault.keys.add().await?, resumed: false, made: true }),
        }
    }

    /// Begin, or go on with what was cut off. The caller sees to it that no two run at once
    /// ([`crate::exclusive::hold`]).
    ///
    /// # Errors
    /// As [`Rotation::prepare`].
    pub async fn begin(
        db: &Db,
        vault: &Vault,
        options: RotateOptions,
        who: &Who,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let chosen = Self::prepare(db, vault, who, now).await?;
        if !chosen.resumed {
            let mut tx = db.begin().await?;
            noted::switch(&mut tx, &chosen.to, now).await?;
            tell(&mut tx, who, &chosen.to, "put in use", now)?;
            tx.commit().await?;
        }
        let since =
            noted::all(db).await?.iter().find(|one| one.key_id == chosen.to).map(|one| one.first_used_at);
        let first = if options.data_keys { Stage::Instance } else { Stage::Wrapping(String::new()) };
        Ok(Self {
            since: since.unwrap_or(now),
            chosen,
            who: who.clone(),
            batch: i64::from(options.batch.clamp(1, ROTATE_BATCH_MAX)),
            stage: first,
            done: Rotated::default(),
            locked: 0,
            passes: 1,
            by_hand: Vec::new(),
        })
    }

    /// The key that is changed to.
    #[must_use]
    pub const fn chosen(&self) -> &Chosen {
        &self.chosen
    }

    /// What has been done so far.
    #[must_use]
    pub const fn done(&self) -> Rotated {
        self.done
    }

    /// Retired keys that a person must take out of where they are.
    #[must_use]
    pub fn by_hand(&self) -> &[KeyId] {
        &self.by_hand
    }

    /// Do the next batch, one transaction at most; answers whether there is more to do.
    ///
    /// # Errors
    /// The vault's or the database's error; the same step may be tried again.
    pub async fn step(&mut self, db: &Db, vault: &Vault, now: Millis) -> Result<bool, StoreError> {
        self.stage = match self.stage.clone() {
            Stage::Instance => self.renew_instance(db, vault, now).await?,
            Stage::Connections(after) => self.renew_connections(db, vault, &after, now).await?,
            Stage::Wrapping(after) => self.wrap(db, vault, &after).await?,
            Stage::Secrets(id, kind) => self.seal_secrets(db, vault, (&id, &kind), now).await?,
            Stage::Events(after) => self.seal_events(db, vault, &after, now).await?,
            Stage::Retiring => self.retire(db, vault, now).await?,
            Stage::Done => Stage::Done,
        };
        Ok(self.stage != Stage::Done)
    }

    async fn renew_instance(&mut self, db: &Db, vault: &Vault, now: Millis) -> Result<Stage, StoreError> {
        let mut tx = db.begin().await?;
        if let Some(old) = self.old_key(&mut tx, INSTANCE).await? {
            rotate_rows::replace(&mut tx, &old.data_key_id, now).await?;
            vault.make(&mut tx, INSTANCE, now).await?;
            tx.commit().await?;
            self.done.renewed += 1;
        }
        Ok(Stage::Connections(String::new()))
    }

    async fn renew_connections(
        &mut self,
        db: &Db,
        vault: &Vault,
        after: &str,
        now: Millis,
    ) -> Result<Stage, StoreError> {
        let owners = rotate_rows::owners(db, self.since, after, self.batch).await?;
        let Some(last) = owners.last().cloned() else { return Ok(Stage::Wrapping(String::new())) };
        let mut tx = db.begin().await?;
        let mut done = self.done;
        for owner in &owners {
            let Some(old) = self.old_key(&mut tx, owner).await? else { continue };
            let secrets = rotate_rows::secrets_of(&mut tx, owner).await?;
            let mut opened = Vec::with_capacity(secrets.len());
            for secret in secrets {
                match open(vault, &secret).await? {
                    Some(plain) => opened.push((secret, plain)),
                    None => done.damaged += 1,
                }
            }
            rotate_rows::replace(&mut tx, &old.data_key_id, now).await?;
            vault.make(&mut tx, owner, now).await?;
            for (secret, plain) in &opened {
                done.secrets += seal(vault, &mut tx, secret, plain, now).await?;
            }
            data_key::remove(&mut tx, &old.data_key_id).await?;
            done.renewed += 1;
        }
        tx.commit().await?;
        self.done = done;
        Ok(Stage::Connections(last))
    }

    /// The owner's data key, where it is older than the change, held until the transaction ends.
    async fn old_key(&self, tx: &mut Tx, owner: &str) -> Result<Option<DataKeyRow>, StoreError> {
        let text = OLD_KEY.of(tx);
        Ok(
            on_tx!(tx, conn => sqlx::query_as(text).bind(owner).bind(self.since.0).fetch_optional(conn).await)?,
        )
    }

    async fn wrap(&mut self, db: &Db, vault: &Vault, after: &str) -> Result<Stage, StoreError> {
        let rows = rotate_rows::wrapped_otherwise(db, &self.chosen.to, after, self.batch).await?;
        let Some(last) = rows.last().map(|row| row.data_key_id.clone()) else {
            return Ok(Stage::Secrets(String::new(), String::new()));
        };
        let mut anew = Vec::with_capacity(rows.len());
        for row in rows {
            match vault.unwrap(&row).await {
                Ok(key) => {
                    let place = data_key::place(&row.data_key_id, &row.owner);
                    anew.push((vault.keys.wrap(&self.chosen.to, &place, &key).await?, row));
                }
                Err(VaultError::Damaged) => self.locked += 1,
                Err(error) => return Err(error.into()),
            }
        }
        let mut tx = db.begin().await?;
        let mut wrapped = 0;
        for (bytes, row) in &anew {
            wrapped += rotate_rows::rewrap(&mut tx, row, bytes, &self.chosen.to).await?;
        }
        tx.commit().await?;
        self.done.wrapped += wrapped;
        Ok(Stage::Wrapping(last))
    }

    async fn seal_secrets(
        &mut self,
        db: &Db,
        vault: &Vault,
        after: (&str, &str),
        now: Millis,
    ) -> Result<Stage, StoreError> {
        let rows = rotate_rows::secrets_to_seal(db, after, self.batch).await?;
        let Some(last) = rows.last().map(|row| Stage::Secrets(row.connection_id.clone(), row.kind.clone()))
        else {
            return Ok(Stage::Events(String::new()));
        };
        let (mut tx, mut done) = (db.begin().await?, self.done);
        for row in rows {
            match open(vault, &row).await? {
                Some(plain) => done.secrets += seal(vault, &mut tx, &row, &plain, now).await?,
                None => done.damaged += 1,
            }
        }
        tx.commit().await?;
        self.done = done;
        Ok(last)
    }

    async fn seal_events(
        &mut self,
        db: &Db,
        vault: &Vault,
        after: &str,
        now: Millis,
    ) -> Result<Stage, StoreError> {
        let (current, _) = vault.instance_key(db, now).await?;
        let rows = rotate_rows::events_to_seal(db, after, current, self.batch).await?;
        let Some(last) = rows.last().map(|row| row.event_id.clone()) else { return Ok(Stage::Retiring) };
        let mut opened = Vec::with_capacity(rows.len());
        for row in rows {
            let event = EventId(row.event_id.clone());
            match vault.open_event(db, (OrgId(row.org_id), &event), &row.payload).await {
                Ok(body) => opened.push((row, Zeroizing::new(body.into_exposed()))),
                Err(StoreError::Vault(VaultError::Damaged | VaultError::Destroyed)) => self.done.damaged += 1,
                Err(error) => return Err(error),
            }
        }
        let mut tx = db.begin().await?;
        for (row, body) in &opened {
            let place = instance::event_place(OrgId(row.org_id), &row.event_id);
            let (sealed, _) = vault.seal(&mut tx, INSTANCE, &place, body, now).await?;
            rotate_rows::put_event(&mut tx, &row.event_id, &sealed).await?;
        }
        tx.commit().await?;
        self.done.events += opened.len() as u64;
        Ok(Stage::Events(last))
    }

    async fn retire(&mut self, db: &Db, vault: &Vault, now: Millis) -> Result<Stage, StoreError> {
        if rotate_rows::count_otherwise(db, &self.chosen.to).await? > self.locked {
            if self.passes >= PASSES_MAX {
                return Err(StoreError::Contention);
            }
            (self.passes, self.locked) = (self.passes + 1, 0);
            return Ok(Stage::Wrapping(String::new()));
        }
        self.done.damaged += u64::try_from(self.locked).unwrap_or_default();
        for key in noted::all(db).await?.into_iter().filter(|key| key.state == KeyState::Retiring) {
            if vault.keys.remove(&key.key_id).await? == Removed::ByHand {
                self.by_hand.push(key.key_id.clone());
            }
            let mut tx = db.begin().await?;
            noted::retired(&mut tx, &key.key_id, now).await?;
            tell(&mut tx, &self.who, &key.key_id, "retired", now)?;
            tx.commit().await?;
        }
        Ok(Stage::Done)
    }
}

fn tell(tx: &mut Tx, who: &Who, key: &KeyId, what: &'static str, now: Millis) -> Result<(), StoreError> {
    let object = Object::new(ObjectKind::Key, key.to_string());
    audit::append(tx, &NewEntry::done(now, who, Action::KeyRotate, object).because(what))
}

/// `None` when it does not open with any key.
async fn open(vault: &Vault, row: &SecretRow) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let Some(place) = row.place() else { return Ok(None) };
    match vault.open(&place, &row.sealed, row.key()).await {
        Ok(plain) => Ok(Some(plain)),
        Err(VaultError::Damaged | VaultError::Destroyed) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Seal a secret anew in its place, unless it was written meanwhile; answers how many that were.
async fn seal(
    vault: &Vault,
    tx: &mut Tx,
    row: &SecretRow,
    plain: &[u8],
    now: Millis,
) -> Result<u64, StoreError> {
    let Some(place) = row.place() else { return Ok(0) };
    let (sealed, key) = vault.seal(tx, place.connection, &place, plain, now).await?;
    rotate_rows::put_secret(tx, row, &sealed, &key).await
}

const OLD_KEY: Pair = Pair {
    sqlite: "SELECT data_key_id, owner, wrapped, key_id FROM data_keys
             WHERE owner = $1 AND replaced_at IS NULL AND created_at < $2",
    postgres: "SELECT data_key_id, owner, wrapped, key_id FROM data_keys
               WHERE owner = $1 AND replaced_at IS NULL AND created_at < $2 FOR UPDATE",
};

pub(crate) const PAIRS: &[(&str, &Pair)] = &[("rotate::OLD_KEY", &OLD_KEY)];
