//! Links to connect with, for somebody who is no user here: signed, ending by themselves, counted, revocable.
//!
//! A link's text is its id and a signature over everything the link is bound to: the organization, the profile, its end and
//! the number of its uses. The text is kept nowhere, and a row that somebody has changed fits no text any more. The key that
//! signs is made once and sealed by the vault.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Millis, OrgId, Profile, ShareLinkId};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::access::{Token, memberships};
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::vault::Vault;

/// What every link's text begins with.
pub const PREFIX: &str = "lsc_";
/// A link lives for so long unless it is told otherwise, in milliseconds: seven days.
pub const LIFE_MS: i64 = 7 * 86_400_000;
/// And no longer than this: ninety days.
pub const LIFE_MS_MAX: i64 = 90 * 86_400_000;
/// Connections that one link may make, at most.
pub const USES_MAX: i64 = 1_000;
/// Links listed, at most.
const LIST_MAX: i64 = 1_000;
/// What the signing key is to the vault.
const KIND: &str = "share_link_key";
const KEY_BYTES: usize = 32;

/// A link, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLink {
    /// Ours.
    pub link_id: ShareLinkId,
    /// The organization whose grant it takes; `None`: any.
    pub org: Option<OrgId>,
    /// What the connection is meant for.
    pub profile: Profile,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends by itself.
    pub ends_at: Millis,
    /// How many connections it may make.
    pub uses_max: i64,
    /// How many it has made.
    pub uses: i64,
    /// When it made the last.
    pub last_used_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may be used.
    Good,
    /// Its time is over.
    Ended,
    /// It has made all its connections.
    UsedUp,
    /// It was revoked.
    Revoked,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Ended => "ended",
            Self::UsedUp => "used up",
            Self::Revoked => "revoked",
        }
    }
}

impl ShareLink {
    /// A link that nobody has used yet.
    #[must_use]
    pub const fn new(
        link_id: ShareLinkId,
        (org, profile): (Option<OrgId>, Profile),
        (created_at, ends_at): (Millis, Millis),
        uses_max: i64,
    ) -> Self {
        Self {
            link_id,
            org,
            profile,
            created_at,
            ends_at,
            uses_max,
            uses: 0,
            last_used_at: None,
            revoked_at: None,
        }
    }

    /// How it stands at this instant.
    #[must_use]
    pub fn standing(&self, now: Millis) -> Standing {
        match self {
            Self { revoked_at: Some(_), .. } => Standing::Revoked,
            Self { ends_at, .. } if *ends_at <= now => Standing::Ended,
            Self { uses, uses_max, .. } if uses >= uses_max => Standing::UsedUp,
            _ => Standing::Good,
        }
    }

    fn signature(&self, key: &[u8]) -> Hmac<Sha256> {
        let mut signature = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
        let numbers = [memberships::column(self.org), self.ends_at.0, self.uses_max];
        signature.update(b"longshore share link\0");
        for text in [self.link_id.0.as_str(), self.profile.as_str()] {
            signature.update(text.as_bytes());
            signature.update(b"\0");
        }
        numbers.iter().for_each(|number| signature.update(&number.to_be_bytes()));
        signature
    }

    /// The link's text.
    #[must_use]
    pub fn text(&self, key: &SigningKey) -> Token {
        let signature = URL_SAFE_NO_PAD.encode(self.signature(&key.0).finalize().into_bytes());
        let text = format!("{PREFIX}{}_{signature}", self.link_id);
        Token::parse(&text).expect("an id and a signature are plain and short")
    }

    fn is_signed(&self, key: &[u8], signature: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        self.signature(key).verify_slice(&given).is_ok()
    }
}

const INSERT: &str = "
    INSERT INTO share_links (link_id, org_id, profile, created_at, ends_at, uses_max, uses)
    VALUES ($1, $2, $3, $4, $5, $6, 0)";

/// Keep a new link, and sign it: its text is answered this once.
///
/// # Errors
/// [`StoreError::Vault`] when the signing key does not open, or the database's error.
pub async fn create(tx: &mut Tx, link: &ShareLink, key: &SigningKey) -> Result<Token, StoreError> {
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(&link.link_id.0)
        .bind(memberships::column(link.org))
        .bind(link.profile.as_str())
        .bind(link.created_at.0)
        .bind(link.ends_at.0)
        .bind(link.uses_max)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(link.text(key))
}

/// The link of this text, if the text is right; however the link stands.
///
/// # Errors
/// [`StoreError::Vault`] when the signing key does not open, or the database's error.
pub async fn find(
    db: &Db,
    vault: &Vault,
    token: &Token,
    now: Millis,
) -> Result<Option<ShareLink>, StoreError> {
    let parts = token.expose().strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
    let Some((id, signature)) = parts else { return Ok(None) };
    let Some(link) = get(db, &ShareLinkId(id.to_owned())).await? else { return Ok(None) };
    let key = signing_key(db, vault, now).await?;
    Ok(link.is_signed(&key.0, signature).then_some(link))
}

row! {
    struct LinkRow {
        link_id: String,
        org_id: i64,
        profile: String,
        created_at: i64,
        ends_at: i64,
        uses_max: i64,
        uses: i64,
        last_used_at: Option<i64>,
        revoked_at: Option<i64>,
    }
}

const GET: &str = "
    SELECT link_id, org_id, profile, created_at, ends_at, uses_max, uses, last_used_at, revoked_at
    FROM share_links WHERE link_id = $1";

/// The link of this id.
///
/// # Errors
/// The database's error.
pub async fn get(db: &Db, link: &ShareLinkId) -> Result<Option<ShareLink>, StoreError> {
    let row: Option<LinkRow> =
        on_db!(db, pool => sqlx::query_as(GET).bind(&link.0).fetch_optional(pool).await)?;
    row.map(ShareLink::try_from).transpose()
}

const LIST: &str = "
    SELECT link_id, org_id, profile, created_at, ends_at, uses_max, uses, last_used_at, revoked_at
    FROM share_links ORDER BY created_at DESC, link_id DESC LIMIT $1";

/// All links, those that are good no more included, the newest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db) -> Result<Vec<ShareLink>, StoreError> {
    let rows: Vec<LinkRow> = on_db!(db, pool => sqlx::query_as(LIST).bind(LIST_MAX).fetch_all(pool).await)?;
    rows.into_iter().map(ShareLink::try_from).collect()
}

const TAKE: &str = "
    UPDATE share_links SET uses = uses + 1, last_used_at = $2
    WHERE link_id = $1 AND revoked_at IS NULL AND ends_at > $2 AND uses < uses_max";

/// Count a use; answers whether the link was good for one more.
///
/// # Errors
/// The database's error.
pub async fn take(tx: &mut Tx, link: &ShareLinkId, now: Millis) -> Result<bool, StoreError> {
    changed(tx, TAKE, link, now).await
}

const GIVE_BACK: &str = "UPDATE share_links SET uses = uses - 1 WHERE link_id = $1 AND uses > 0";

/// The use came to nothing: it does not count.
///
/// # Errors
/// The database's error.
pub async fn give_back(tx: &mut Tx, link: &ShareLinkId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(GIVE_BACK).bind(&link.0).execute(conn).await.map(drop))?;
    Ok(())
}

const REVOKE: &str = "UPDATE share_links SET revoked_at = $2 WHERE link_id = $1 AND revoked_at IS NULL";

/// Revoke a link, at once and for good; answers whether it was not yet.
///
/// # Errors
/// The database's error.
pub async fn revoke(tx: &mut Tx, link: &ShareLinkId, now: Millis) -> Result<bool, StoreError> {
    changed(tx, REVOKE, link, now).await
}

const REVOKE_OF: &str = "
    UPDATE share_links SET revoked_at = $2 WHERE org_id = $1 AND revoked_at IS NULL AND ends_at > $2
    RETURNING link_id";

/// Revoke the links that take this organization's grant and no other (`None`: those that take any), as far as they have
/// not ended; answers which.
///
/// # Errors
/// The database's error.
pub async fn revoke_of(tx: &mut Tx, org: Option<OrgId>, now: Millis) -> Result<Vec<ShareLinkId>, StoreError> {
    let revoked: Vec<String> = on_tx!(tx, conn => sqlx::query_scalar(REVOKE_OF)
        .bind(memberships::column(org))
        .bind(now.0)
        .fetch_all(conn)
        .await)?;
    Ok(revoked.into_iter().map(ShareLinkId).collect())
}

async fn changed(
    tx: &mut Tx,
    text: &'static str,
    link: &ShareLinkId,
    now: Millis,
) -> Result<bool, StoreError> {
    let changed = on_tx!(tx, conn => sqlx::query(text)
        .bind(&link.0)
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(changed > 0)
}

/// What signs links. Wiped when dropped, never shown.
pub struct SigningKey(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

const KEY: &str = "SELECT sealed FROM share_link_key WHERE id = 1";
const INSERT_KEY: &str = "
    INSERT INTO share_link_key (id, sealed, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";

/// The key that signs, made when there is none yet.
///
/// # Errors
/// [`StoreError::Vault`] when it does not open, or the database's error.
pub async fn signing_key(db: &Db, vault: &Vault, now: Millis) -> Result<SigningKey, StoreError> {
    if let Some(sealed) = sealed_key(db).await? {
        return open(db, vault, &sealed).await;
    }
    let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
    vault.entropy().fill(&mut bytes);
    let mut tx = db.begin().await?;
    let sealed = vault.seal_instance(&mut tx, (KIND, ""), &bytes, now).await?;
    on_tx!(tx, conn => sqlx::query(INSERT_KEY).bind(sealed).bind(now.0).execute(conn).await.map(drop))?;
    tx.commit().await?;
    // Somebody else may have been faster: theirs is the one.
    let sealed = sealed_key(db).await?.ok_or(StoreError::Stored { what: "key of links" })?;
    open(db, vault, &sealed).await
}

async fn sealed_key(db: &Db) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(on_db!(db, pool => sqlx::query_scalar(KEY).fetch_optional(pool).await)?)
}

async fn open(db: &Db, vault: &Vault, sealed: &[u8]) -> Result<SigningKey, StoreError> {
    Ok(SigningKey(vault.open_instance_bytes(db, (KIND, ""), sealed).await?))
}

impl TryFrom<LinkRow> for ShareLink {
    type Error = StoreError;
    fn try_from(row: LinkRow) -> Result<Self, StoreError> {
        Ok(Self {
            link_id: ShareLinkId(row.link_id),
            org: memberships::org(row.org_id),
            profile: row.profile.parse().map_err(|_| StoreError::Stored { what: "profile" })?,
            created_at: Millis(row.created_at),
            ends_at: Millis(row.ends_at),
            uses_max: row.uses_max,
            uses: row.uses,
            last_used_at: row.last_used_at.map(Millis),
            revoked_at: row.revoked_at.map(Millis),
        })
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("install::links::INSERT", INSERT),
    ("install::links::GET", GET),
    ("install::links::LIST", LIST),
    ("install::links::TAKE", TAKE),
    ("install::links::GIVE_BACK", GIVE_BACK),
    ("install::links::REVOKE", REVOKE),
    ("install::links::REVOKE_OF", REVOKE_OF),
    ("install::links::KEY", KEY),
    ("install::links::INSERT_KEY", INSERT_KEY),
];
