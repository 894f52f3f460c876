//! Consents under way: a browser was sent to Drift with a text that must come back, once, soon, and to that browser alone.
//!
//! Both texts, the one that travels and the one that the browser keeps, are drawn at random and kept as hashes. Whatever an
//! answer is worth, it uses the consent up: a text that somebody else has shown is not waited for any longer.

use model::{AccessUserId, Millis, OrgId, Profile, ShareLinkId};
use subtle::ConstantTimeEq as _;

use crate::access::Token;
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// A consent is waited for so long, in milliseconds: ten minutes.
pub const LIFE_MS: i64 = 600_000;
/// Consents that one user, or one link, may have under way.
pub const PENDING_MAX: i64 = 20;
/// How long an answered or ended one is kept, in milliseconds.
const KEPT_MS: i64 = 86_400_000;

/// By whom a consent was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Starter {
    /// A user of ours.
    User(AccessUserId),
    /// Whoever holds a link.
    Link(ShareLinkId),
}

impl Starter {
    fn columns(&self) -> (&'static str, &str) {
        match self {
            Self::User(user) => ("user", &user.0),
            Self::Link(link) => ("link", &link.0),
        }
    }

    fn parse_stored(kind: &str, id: String) -> Result<Self, StoreError> {
        match kind {
            "user" => Ok(Self::User(AccessUserId(id))),
            "link" => Ok(Self::Link(ShareLinkId(id))),
            _ => Err(StoreError::Stored { what: "starter of a consent" }),
        }
    }
}

/// A consent that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// By whom.
    pub starter: Starter,
    /// What the connection is meant for.
    pub profile: Profile,
}

/// What an answer is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is of a consent that this browser asked for.
    Right(Consent),
    /// It is of a consent that another browser asked for.
    OtherBrowser(Consent),
    /// It came too late.
    Late(Consent),
    /// The consent was answered before.
    Again,
    /// There is no such consent.
    Unknown,
}

const PRUNE: &str = "DELETE FROM install_consents WHERE ends_at <= $1";
const PENDING: &str = "
    SELECT COUNT(*) FROM install_consents
    WHERE starter_kind = $1 AND starter_id = $2 AND ends_at > $3 AND answered_at IS NULL";
const INSERT: &str = "
    INSERT INTO install_consents (hash, browser, starter_kind, starter_id, profile, created_at, ends_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Wait for a consent: `state` travels, `browser` stays. Answers `false`, and waits for none, where too many are under way.
///
/// # Errors
/// The database's error.
pub async fn begin(
    tx: &mut Tx,
    (state, browser): (&Token, &Token),
    consent: &Consent,
    now: Millis,
) -> Result<bool, StoreError> {
    let (kind, id) = consent.starter.columns();
    on_tx!(tx, conn => sqlx::query(PRUNE).bind(now.plus(-KEPT_MS).0).execute(conn).await.map(drop))?;
    let pending: i64 = on_tx!(tx, conn => sqlx::query_scalar(PENDING)
        .bind(kind)
        .bind(id)
        .bind(now.0)
        .fetch_one(conn)
        .await)?;
    if pending >= PENDING_MAX {
        return Ok(false);
    }
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(state.hash())
        .bind(browser.hash())
        .bind(kind)
        .bind(id)
        .bind(consent.profile.as_str())
        .bind(now.0)
        .bind(now.plus(LIFE_MS).0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(true)
}

row! {
    struct ConsentRow {
        browser: Vec<u8>,
        starter_kind: String,
        starter_id: String,
        profile: String,
        ends_at: i64,
    }
}

const TAKE: &str = "
    UPDATE install_consents SET answered_at = $2 WHERE hash = $1 AND answered_at IS NULL
    RETURNING browser, starter_kind, starter_id, profile, ends_at";
const KNOWN: &str = "SELECT COUNT(*) FROM install_consents WHERE hash = $1";

/// An answer has come, with this text, from a browser that keeps that one. The consent is used up, whatever comes of it.
///
/// # Errors
/// The database's error.
pub async fn answer(
    tx: &mut Tx,
    state: &Token,
    browser: Option<&Token>,
    now: Millis,
) -> Result<Answer, StoreError> {
    let row: Option<ConsentRow> = on_tx!(tx, conn => sqlx::query_as(TAKE)
        .bind(state.hash())
        .bind(now.0)
        .fetch_optional(conn)
        .await)?;
    let Some(row) = row else {
        let known: i64 =
            on_tx!(tx, conn => sqlx::query_scalar(KNOWN).bind(state.hash()).fetch_one(conn).await)?;
        return Ok(if known > 0 { Answer::Again } else { Answer::Unknown });
    };
    let consent = Consent {
        starter: Starter::parse_stored(&row.starter_kind, row.starter_id)?,
        profile: row.profile.parse().map_err(|_| StoreError::Stored { what: "profile" })?,
    };
    let is_same =
        browser.is_some_and(|browser| browser.hash().as_slice().ct_eq(row.browser.as_slice()).into());
    Ok(match (is_same, row.ends_at > now.0) {
        (false, _) => Answer::OtherBrowser(consent),
        (true, false) => Answer::Late(consent),
        (true, true) => Answer::Right(consent),
    })
}

const BECAME: &str = "UPDATE install_consents SET org_id = $2 WHERE hash = $1";

/// The consent became a grant of this organization.
///
/// # Errors
/// The database's error.
pub async fn became(tx: &mut Tx, state: &Token, org: OrgId) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(BECAME).bind(state.hash()).bind(org.0).execute(conn).await.map(drop))?;
    Ok(())
}

row! {
    struct BecameRow {
        org_id: i64,
        profile: String,
    }
}

const OF_BROWSER: &str = "
    SELECT org_id, profile FROM install_consents
    WHERE browser = $1 AND org_id IS NOT NULL AND ends_at > $2";

/// What came of the consent that this browser asked for last: whose grant it became, and what for.
///
/// # Errors
/// The database's error.
pub async fn of_browser(
    db: &Db,
    browser: &Token,
    now: Millis,
) -> Result<Option<(OrgId, Profile)>, StoreError> {
    let row: Option<BecameRow> = on_db!(db, pool => sqlx::query_as(OF_BROWSER)
        .bind(browser.hash())
        .bind(now.plus(-KEPT_MS).0)
        .fetch_optional(pool)
        .await)?;
    row.map(|row| {
        let profile = row.profile.parse().map_err(|_| StoreError::Stored { what: "profile" })?;
        Ok((OrgId(row.org_id), profile))
    })
    .transpose()
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("install::consents::PRUNE", PRUNE),
    ("install::consents::PENDING", PENDING),
    ("install::consents::INSERT", INSERT),
    ("install::consents::TAKE", TAKE),
    ("install::consents::KNOWN", KNOWN),
    ("install::consents::BECAME", BECAME),
    ("install::consents::OF_BROWSER", OF_BROWSER),
];
