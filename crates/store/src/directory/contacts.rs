//! Contacts: fetched one by one, because Drift lists them nowhere. Their changes go into the feed.

use std::collections::{BTreeMap, HashMap};

use model::record::Contact;
use model::{ContactId, Millis, OrgId};
use serde_json::json;

use crate::changes::{self, ChangeKind, NewChange};
use crate::db::Tx;
use crate::error::StoreError;
use crate::hash::{Encoder, Hash, clean, clean_option};
use crate::mirror::state::{Pair, by_ids, json_ids};
use crate::mirror::write;

struct ContactInsert<'a> {
    org: OrgId,
    contact: &'a Contact,
    hash: Hash,
    now: Millis,
}

bulk! {
    CONTACTS, async fn upsert_contacts(new: ContactInsert<'_>) = "INSERT INTO contacts" (
        org_id int = new.org.0,
        contact_id int = new.contact.contact_id.0,
        created_at int = new.contact.created_at.map(|at| at.0),
        email text = clean_option(new.contact.email.as_ref().map(|email| email.expose())),
        name text = clean_option(new.contact.name.as_ref().map(|name| name.expose())),
        phone text = clean_option(new.contact.phone.as_ref().map(|phone| phone.expose())),
        external_id text = clean_option(new.contact.external_id.as_ref().map(|id| id.expose())),
        attributes text = clean(new.contact.attributes.expose()),
        fetched_at int = new.now.0,
        extra text = clean(new.contact.extra.expose()),
        hash bytes = new.hash.as_slice(),
    ) "ON CONFLICT (org_id, contact_id) DO UPDATE SET
        created_at = excluded.created_at, email = excluded.email, name = excluded.name, phone = excluded.phone,
        external_id = excluded.external_id, attributes = excluded.attributes, fetched_at = excluded.fetched_at,
        gone_at = NULL, extra = excluded.extra, hash = excluded.hash"
}

const KNOWN: Pair =
    by_ids!("SELECT contact_id, hash, gone_at FROM contacts WHERE org_id = $1 AND contact_id", "");
const NOT_GONE: Pair = by_ids!("DELETE FROM contacts_gone WHERE org_id = $1 AND contact_id", "");

/// Store contacts as they are now; answers how many were new, changed, or back.
///
/// # Errors
/// The database's error.
pub async fn apply_contacts(
    tx: &mut Tx,
    org: OrgId,
    contacts: &[Contact],
    now: Millis,
) -> Result<u64, StoreError> {
    if contacts.is_empty() {
        return Ok(0);
    }
    write::lock(tx).await?;
    let latest: BTreeMap<i64, &Contact> =
        contacts.iter().map(|contact| (contact.contact_id.0, contact)).collect();
    let ids = json_ids(latest.keys().copied());
    let known = known(tx, org, &ids).await?;
    let mut encoder = Encoder::default();
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for (id, contact) in latest {
        let hash = encoder.contact(contact);
        let kind = match known.get(&id) {
            None => ChangeKind::ContactCreated,
            Some((stored, gone_at)) if stored != hash.as_slice() || gone_at.is_some() => {
                ChangeKind::ContactChanged
            }
            Some(_) => continue,
        };
        rows.push(ContactInsert { org, contact, hash, now });
        let detail = json!({"contact_id": id}).to_string();
        found.push(NewChange { conversation_id: None, kind, message_id: None, detail });
    }
    let written = upsert_contacts(tx, &rows).await?;
    let not_gone = NOT_GONE.of(tx);
    on_tx!(tx, conn => sqlx::query(not_gone).bind(org.0).bind(&ids).execute(conn).await.map(drop))?;
    changes::append(tx, org, &found, now).await?;
    Ok(written)
}

type Stored = HashMap<i64, (Vec<u8>, Option<i64>)>;

async fn known(tx: &mut Tx, org: OrgId, ids: &str) -> Result<Stored, StoreError> {
    let text = KNOWN.of(tx);
    let rows: Vec<(i64, Vec<u8>, Option<i64>)> =
        on_tx!(tx, conn => sqlx::query_as(text).bind(org.0).bind(ids).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(id, hash, gone_at)| (id, (hash, gone_at))).collect())
}

const GONE: &str = "
    INSERT INTO contacts_gone (org_id, contact_id, gone_at) VALUES ($1, $2, $3)
    ON CONFLICT (org_id, contact_id) DO NOTHING";
const MARK: &str =
    "UPDATE contacts SET gone_at = $3 WHERE org_id = $1 AND contact_id = $2 AND gone_at IS NULL";

/// Note that Drift has no such contacts: they are not asked for again, and a stored one is kept and marked.
///
/// Answers how many were not noted before.
///
/// # Errors
/// The database's error.
pub async fn mark_contacts_gone(
    tx: &mut Tx,
    org: OrgId,
    ids: &[ContactId],
    now: Millis,
) -> Result<u64, StoreError> {
    let mut noted = 0;
    for id in ids {
        noted += on_tx!(tx, conn => sqlx::query(GONE)
            .bind(org.0)
            .bind(id.0)
            .bind(now.0)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
        on_tx!(tx, conn => sqlx::query(MARK).bind(org.0).bind(id.0).bind(now.0).execute(conn).await.map(drop))?;
    }
    Ok(noted)
}

pub(crate) const STATEMENTS: &[(&str, &str)] =
    &[("directory::contacts::GONE", GONE), ("directory::contacts::MARK", MARK)];

pub(crate) const PAIRS: &[(&str, &Pair)] =
    &[("directory::contacts::KNOWN", &KNOWN), ("directory::contacts::NOT_GONE", &NOT_GONE)];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[("directory::contacts::CONTACTS", &CONTACTS)];
