//! Honey tokens: decoys among the connections that nobody has a reason to read or use. Whoever does is where they should not be.
//!
//! A decoy looks like a connection that was given up and kept its tokens. Reading its secret, and showing its token at one of our
//! doors, is counted in the statement that notices it; whoever watches ([`tell`]) makes an alarm of what has not been told. So no
//! touch is lost, whichever process saw it, and of several that watch one tells. Tokens are known by their hashes.

use model::{ConnectionId, Millis, OrgId, Secret, wiping};
use sha2::{Digest as _, Sha256};

use crate::audit::{self, Action, ActorKind, NewEntry, Object, ObjectKind, Who};
use crate::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::notices::{self, NewNotice};
use crate::vault::{self, Vault};

/// The kind of notices about honey tokens; their subject is the decoy's id.
pub const NOTICE: &str = "honey";
/// Decoys at once, at most: they are looked through often.
pub const HONEY_MAX: i64 = 100;

/// A decoy to be planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHoney<'a> {
    /// The organization it is to look like a connection of.
    pub org: OrgId,
    /// Its id, alike that of a connection.
    pub honey_id: ConnectionId,
    /// Where its token was put, for whoever reads the alarm.
    pub note: &'a str,
    /// The API it is to look like a grant of.
    pub api_url: &'a str,
}

/// A decoy, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Honey {
    /// Its id.
    pub honey_id: ConnectionId,
    /// The organization it looks like a connection of.
    pub org: OrgId,
    /// Where its token was put.
    pub note: String,
    /// When it was planted.
    pub planted_at: Millis,
    /// How often its secret was read.
    pub reads: i64,
    /// How often its token was shown at a door.
    pub uses: i64,
    /// Touches that an alarm has told of.
    pub told: i64,
    /// When the last alarm was.
    pub touched_at: Option<Millis>,
}

row! {
    struct HoneyRow {
        honey_id: String,
        org_id: i64,
        note: String,
        planted_at: i64,
        reads: i64,
        uses: i64,
        told: i64,
        touched_at: Option<i64>,
    }
}

const COUNT: &str = "SELECT COUNT(*) FROM honey_tokens";
const PLANT: &str = "
    INSERT INTO honey_tokens (honey_id, org_id, note, token_hash, planted_at, reads, uses, told)
    VALUES ($1, $2, $3, $4, $5, 0, 0, 0)";

/// Plant a decoy with this token, in the vault and beside the connections.
///
/// # Errors
/// [`StoreError::Conflict`] when the id or the token is taken, or there are [`HONEY_MAX`]; the vault's or the database's error.
pub async fn plant(
    tx: &mut Tx,
    new: &NewHoney<'_>,
    token: &Secret,
    vault: &Vault,
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    let connection = Connection {
        connection_id: new.honey_id.clone(),
        org_id: new.org,
        kind: ConnectionKind::Private,
        state: ConnectionState::Disconnected,
        scopes: ["conversation_read", "conversation_write", "contact_read"].map(str::to_owned).to_vec(),
        api_url: new.api_url.to_owned(),
        created_at: now,
        last_used_at: None,
        expires_at: None,
    };
    let tokens = Tokens { access: token.clone(), refresh: None, expires_at: None };
    keep(tx, new, token, who, now).await?;
    connections::insert(tx, &connection, &tokens, vault).await
}

/// Plant a decoy that looks like a key of our own API. No key is kept beside it: it opens nothing, and whoever shows it has
/// taken it from where it was laid out. Of [`NewHoney::api_url`] nothing is used.
///
/// # Errors
/// [`StoreError::Conflict`] when the id or the key is taken, or there are [`HONEY_MAX`]; the database's error.
pub async fn plant_key(
    tx: &mut Tx,
    new: &NewHoney<'_>,
    key: &Secret,
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    keep(tx, new, key, who, now).await
}

/// Note a decoy by the hash of its token.
async fn keep(
    tx: &mut Tx,
    new: &NewHoney<'_>,
    token: &Secret,
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    let there: i64 = on_tx!(tx, conn => sqlx::query_scalar(COUNT).fetch_one(conn).await)?;
    if there >= HONEY_MAX {
        return Err(StoreError::Conflict { table: "honey_tokens".to_owned() });
    }
    on_tx!(tx, conn => sqlx::query(PLANT)
        .bind(&new.honey_id.0)
        .bind(new.org.0)
        .bind(new.note)
        .bind(hash(token.expose().as_bytes()))
        .bind(now.0)
        .execute(conn)
        .await
        .map(drop))?;
    audit::append(tx, &NewEntry::done(now, who, Action::HoneyPlant, object(&new.honey_id)).org(new.org))
}

fn object(id: &ConnectionId) -> Object<'_> {
    Object::new(ObjectKind::Secret, id.0.as_str())
}

const LIST: &str = "
    SELECT honey_id, org_id, note, planted_at, reads, uses, told, touched_at
    FROM honey_tokens WHERE $1 = 0 OR org_id = $1 ORDER BY honey_id LIMIT 100";

/// The decoys of one organization, or all; the oldest first.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, org: Option<OrgId>) -> Result<Vec<Honey>, StoreError> {
    let org = org.map_or(0, |org| org.0);
    let rows: Vec<HoneyRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(org).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Honey::from).collect())
}

const REMOVE: &str = "DELETE FROM honey_tokens WHERE honey_id = $1 AND org_id = $2";
const REMOVE_CONNECTION: &str = "DELETE FROM connections WHERE connection_id = $1";

/// Take a decoy away, with its secret and what was said about it.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such decoy, or the database's error.
pub async fn remove(
    tx: &mut Tx,
    org: OrgId,
    id: &ConnectionId,
    who: &Who,
    now: Millis,
) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(REMOVE)
        .bind(&id.0)
        .bind(org.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 {
        return Err(StoreError::NotFound { what: "honey token" });
    }
    on_tx!(tx, conn => sqlx::query(REMOVE_CONNECTION).bind(&id.0).execute(conn).await.map(drop))?;
    vault::destroy(tx, id).await?;
    notices::dismiss(tx, org, NOTICE, Some(&id.0)).await?;
    audit::append(tx, &NewEntry::done(now, who, Action::HoneyRemove, object(id)).org(org))
}

const READ: &str = "UPDATE honey_tokens SET reads = reads + 1 WHERE honey_id = $1";

/// Note that a decoy's secret was read.
pub(crate) async fn read(db: &Db, id: &str) -> Result<(), StoreError> {
    on_write!(db, pool => sqlx::query(READ).bind(id).execute(pool).await.map(drop))?;
    Ok(())
}

const USED: &str = "UPDATE honey_tokens SET uses = uses + 1 WHERE token_hash = $1";

/// Note that a token was shown at one of our doors, which refused it; answers whether it was a decoy's. One statement: for a
/// door that is knocked at often, ask [`hashes`] first.
///
/// # Errors
/// The database's error.
pub async fn used(db: &Db, token: &[u8]) -> Result<bool, StoreError> {
    let found = on_write!(db, pool => sqlx::query(USED)
        .bind(hash(token))
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(found > 0)
}

const IS_DECOY: &str = "SELECT COUNT(*) FROM honey_tokens WHERE token_hash = $1";

/// Note that a text that opens nothing was shown at a door, if it is a decoy's; answers whether it was. Costs a read, and a
/// write for a decoy alone.
///
/// # Errors
/// The database's error.
pub async fn shown(db: &Db, text: &[u8]) -> Result<bool, StoreError> {
    let hash = hash(text);
    let found: i64 = on_db!(db, pool => sqlx::query_scalar(IS_DECOY).bind(&hash).fetch_one(pool).await)?;
    if found == 0 { Ok(false) } else { used(db, text).await }
}

const HASHES: &str = "SELECT token_hash FROM honey_tokens ORDER BY honey_id LIMIT 100";

/// SHA-256 of every decoy's token.
///
/// # Errors
/// The database's error.
pub async fn hashes(db: &Db) -> Result<Vec<[u8; 32]>, StoreError> {
    let found: Vec<Vec<u8>> = on_db!(db, pool => sqlx::query_scalar(HASHES).fetch_all(pool).await)?;
    let parse = |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Stored { what: "token hash" });
    found.into_iter().map(parse).collect()
}

fn hash(token: &[u8]) -> Vec<u8> {
    wiping(|| Sha256::digest(token).to_vec())
}

const TELL: &str = "
    UPDATE honey_tokens SET told = reads + uses, touched_at = $2
    WHERE honey_id = $1 AND told < reads + uses";

/// Make an alarm of every touch that has not been told: a notice, and the decoy for whoever logs it. Of several processes that
/// do this at once, one is answered with it.
///
/// # Errors
/// The database's error.
pub async fn tell(db: &Db, now: Millis) -> Result<Vec<Honey>, StoreError> {
    let mut told = Vec::new();
    for honey in list(db, None).await?.into_iter().filter(|honey| honey.told < honey.reads + honey.uses) {
        let mut tx = db.begin().await?;
        let ours = on_tx!(tx, conn => sqlx::query(TELL)
            .bind(&honey.honey_id.0)
            .bind(now.0)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
        if ours == 0 {
            continue;
        }
        let (id, note) = (&honey.honey_id, &honey.note);
        let message = format!(
            "honey token {id} ({note}) was touched, read {} times and shown at a door {} times: somebody is where they should not be; see docs/vault.md",
            honey.reads, honey.uses
        );
        let notice = NewNotice { org: honey.org, kind: NOTICE, subject: &id.0, message: &message };
        notices::raise(&mut tx, &notice, now).await?;
        let nobody = Who::new(ActorKind::Nobody, "");
        let entry = NewEntry::done(now, &nobody, Action::SecretDecoy, object(id));
        audit::append(&mut tx, &entry.org(honey.org).amount(honey.reads + honey.uses))?;
        tx.commit().await?;
        told.push(honey);
    }
    Ok(told)
}

impl From<HoneyRow> for Honey {
    fn from(row: HoneyRow) -> Self {
        Self {
            honey_id: ConnectionId(row.honey_id),
            org: OrgId(row.org_id),
            note: row.note,
            planted_at: Millis(row.planted_at),
            reads: row.reads,
            uses: row.uses,
            told: row.told,
            touched_at: row.touched_at.map(Millis),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("honey::COUNT", COUNT),
    ("honey::PLANT", PLANT),
    ("honey::LIST", LIST),
    ("honey::REMOVE", REMOVE),
    ("honey::REMOVE_CONNECTION", REMOVE_CONNECTION),
    ("honey::READ", READ),
    ("honey::USED", USED),
    ("honey::IS_DECOY", IS_DECOY),
    ("honey::HASHES", HASHES),
    ("honey::TELL", TELL),
];
