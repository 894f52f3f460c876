//! Sessions: browsers that signed in.
//!
//! A session is short: it ends half an hour after it was last seen, and after twelve hours in any case. The text that the
//! browser holds is replaced every quarter of an hour; the one before it counts for another half minute, for the sake of
//! requests under way. Whoever shows it later holds a copy: the session ends, for both.

use model::{AccessUserId, Entropy, Millis, Pii, SessionId};
use subtle::ConstantTimeEq as _;

use super::token::{Token, TokenHash};
use crate::db::{Db, Tx};
use crate::error::StoreError;

/// A session ends so long after it was last seen, in milliseconds.
pub const IDLE_MS: i64 = 30 * 60_000;
/// A session ends so long after it began, in milliseconds.
pub const WHOLE_MS: i64 = 12 * 3_600_000;
/// The browser's text is replaced so long after the last time, in milliseconds.
pub const ROTATE_MS: i64 = 15 * 60_000;
/// A replaced text counts for so long, in milliseconds.
pub const GRACE_MS: i64 = 30_000;
/// A password shown again counts for so long, in milliseconds.
pub const STEP_UP_MS: i64 = 5 * 60_000;
/// When a session was last seen is noted no more often than this, in milliseconds.
const SEEN_MS: i64 = 60_000;
/// Sessions listed at once, at most.
const LIST_MAX: i64 = 1_000;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Ours, for lists.
    pub session_id: SessionId,
    /// Whose.
    pub user: AccessUserId,
    /// What a form of this session carries, so that no other page can send one.
    pub csrf: String,
    /// From where it was begun, as far as known.
    pub address: Option<Pii<String>>,
    /// When it was begun.
    pub created_at: Millis,
    /// When it was last seen, to the minute.
    pub seen_at: Millis,
    /// When the browser's text was last replaced.
    pub rotated_at: Millis,
    /// When the password was last shown.
    pub stepped_up_at: Option<Millis>,
    /// When it ends at the latest.
    pub ends_at: Millis,
}

impl Session {
    /// Whether the password was shown a short while ago.
    #[must_use]
    pub fn is_stepped_up(&self, now: Millis) -> bool {
        self.stepped_up_at.is_some_and(|at| now < at.plus(STEP_UP_MS))
    }

    /// Whether the browser's text is to be replaced.
    #[must_use]
    pub fn is_stale(&self, now: Millis) -> bool {
        now >= self.rotated_at.plus(ROTATE_MS)
    }
}

/// What a browser's text stands for.
#[derive(Debug)]
pub enum Found {
    /// Nothing, or nothing any more.
    Nothing,
    /// A session.
    Held(Session),
    /// A session whose text was replaced a moment ago.
    Replaced(Session),
    /// A session whose text was replaced long ago: somebody holds a copy.
    Copied(SessionId),
}

/// Who signs in, and from where.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Ours.
    pub session_id: SessionId,
    /// Whose.
    pub user: &'a AccessUserId,
    /// What the browser will hold.
    pub token: &'a Token,
    /// From where, as far as known.
    pub address: Option<Pii<String>>,
}

/// A text for forms.
fn csrf(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    hex::encode(bytes)
}

const PRUNE: &str = "DELETE FROM access_sessions WHERE ends_at <= $1 OR seen_at <= $2";
const INSERT: &str = "
    INSERT INTO access_sessions
        (session_id, user_id, token_hash, csrf, address, created_at, seen_at, rotated_at, stepped_up_at, ends_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $8, $7)";

/// Begin a session, whose user has just shown the password. Sessions that have ended are forgotten.
///
/// # Errors
/// The database's error.
pub async fn begin(
    tx: &mut Tx,
    new: &NewSession<'_>,
    entropy: &dyn Entropy,
    now: Millis,
) -> Result<(), StoreError> {
    insert(tx, new, entropy, (now, Some(now))).await
}

/// Begin a session on the word of an identity provider, whose user may have shown it nothing for hours.
///
/// # Errors
/// The database's error.
pub async fn begin_on_word(
    tx: &mut Tx,
    new: &NewSession<'_>,
    entropy: &dyn Entropy,
    now: Millis,
) -> Result<(), StoreError> {
    insert(tx, new, entropy, (now, None)).await
}

async fn insert(
    tx: &mut Tx,
    new: &NewSession<'_>,
    entropy: &dyn Entropy,
    (now, stepped_up_at): (Millis, Option<Millis>),
) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(PRUNE)
        .bind(now.0)
        .bind(now.plus(-IDLE_MS).0)
        .execute(conn)
        .await
        .map(drop))?;
    on_tx!(tx, conn => sqlx::query(INSERT)
        .bind(&new.session_id.0)
        .bind(&new.user.0)
        .bind(new.token.hash())
        .bind(csrf(entropy))
        .bind(new.address.as_ref().map(Pii::expose))
        .bind(now.0)
        .bind(now.plus(WHOLE_MS).0)
        .bind(stepped_up_at.map(|at| at.0))
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

row! {
    struct SessionRow {
        session_id: String,
        user_id: String,
        token_hash: Vec<u8>,
        csrf: String,
        address: Option<String>,
        created_at: i64,
        seen_at: i64,
        rotated_at: i64,
        stepped_up_at: Option<i64>,
        ends_at: i64,
    }
}

const FIND: &str = "
    SELECT session_id, user_id, token_hash, csrf, address, created_at, seen_at, rotated_at, stepped_up_at, ends_at
    FROM access_sessions
    WHERE (token_hash = $1 OR previous_hash = $1) AND ends_at > $2 AND seen_at > $3 LIMIT 1";

/// What a browser's text stands for now.
///
/// # Errors
/// The database's error.
pub async fn find(db: &Db, token: &Token, now: Millis) -> Result<Found, StoreError> {
    let hash = token.hash();
    let row: Option<SessionRow> = on_db!(db, pool => sqlx::query_as(FIND)
        .bind(&hash)
        .bind(now.0)
        .bind(now.plus(-IDLE_MS).0)
        .fetch_optional(pool)
        .await)?;
    let Some(row) = row else { return Ok(Found::Nothing) };
    let is_present: bool = row.token_hash.ct_eq(&hash).into();
    let session = Session::from(row);
    Ok(if is_present {
        Found::Held(session)
    } else if now < session.rotated_at.plus(GRACE_MS) {
        Found::Replaced(session)
    } else {
        Found::Copied(session.session_id)
    })
}

const SEEN: &str = "UPDATE access_sessions SET seen_at = $2 WHERE session_id = $1 AND seen_at <= $3";

/// Whether it is time to note that a session was seen.
#[must_use]
pub fn is_seen_due(session: &Session, now: Millis) -> bool {
    session.seen_at <= now.plus(-SEEN_MS)
}

/// Note that a session was seen.
///
/// # Errors
/// The database's error.
pub async fn seen(tx: &mut Tx, session: &SessionId, now: Millis) -> Result<(), StoreError> {
    on_tx!(tx, conn => sqlx::query(SEEN)
        .bind(&session.0)
        .bind(now.0)
        .bind(now.plus(-SEEN_MS).0)
        .execute(conn)
        .await
        .map(drop))?;
    Ok(())
}

const ROTATE: &str = "
    UPDATE access_sessions SET previous_hash = token_hash, token_hash = $3, rotated_at = $4
    WHERE session_id = $1 AND token_hash = $2";

/// Replace the browser's text by a new one; the old one counts for a moment more. Answers whether this call did it: of
/// several requests at once one does.
///
/// # Errors
/// The database's error.
pub async fn rotate(
    tx: &mut Tx,
    session: &SessionId,
    (old, new): (&Token, &Token),
    now: Millis,
) -> Result<bool, StoreError> {
    let old: TokenHash = old.hash();
    let found = on_tx!(tx, conn => sqlx::query(ROTATE)
        .bind(&session.0)
        .bind(old)
        .bind(new.hash())
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(found > 0)
}

const STEP_UP: &str = "
    UPDATE access_sessions
    SET token_hash = $2, previous_hash = NULL, csrf = $3, rotated_at = $4, seen_at = $4, stepped_up_at = $4
    WHERE session_id = $1";

/// Note that the password was shown again. The browser's text and that of its forms are new, and the old ones void at once.
///
/// # Errors
/// [`StoreError::NotFound`] when the session has ended, or the database's error.
pub async fn step_up(
    tx: &mut Tx,
    session: &SessionId,
    token: &Token,
    entropy: &dyn Entropy,
    now: Millis,
) -> Result<(), StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(STEP_UP)
        .bind(&session.0)
        .bind(token.hash())
        .bind(csrf(entropy))
        .bind(now.0)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    if found == 0 { Err(StoreError::NotFound { what: "session" }) } else { Ok(()) }
}

const END: &str = "DELETE FROM access_sessions WHERE session_id = $1";

/// End a session; answers whether there was one.
///
/// # Errors
/// The database's error.
pub async fn end(tx: &mut Tx, session: &SessionId) -> Result<bool, StoreError> {
    let found = on_tx!(tx, conn => sqlx::query(END).bind(&session.0).execute(conn).await.map(|done| done.rows_affected()))?;
    Ok(found > 0)
}

const END_OF_USER: &str = "DELETE FROM access_sessions WHERE user_id = $1 AND session_id <> $2";

/// End a user's sessions but for one, or all of them; answers how many.
///
/// # Errors
/// The database's error.
pub async fn end_of_user(
    tx: &mut Tx,
    user: &AccessUserId,
    but: Option<&SessionId>,
) -> Result<u64, StoreError> {
    let but = but.map_or("", |session| session.0.as_str());
    Ok(on_tx!(tx, conn => sqlx::query(END_OF_USER)
        .bind(&user.0)
        .bind(but)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

const LIST: &str = "
    SELECT session_id, user_id, token_hash, csrf, address, created_at, seen_at, rotated_at, stepped_up_at, ends_at
    FROM access_sessions
    WHERE (user_id = $1 OR $1 = '') AND ends_at > $2 AND seen_at > $3 ORDER BY session_id DESC LIMIT $4";

/// The sessions that live, of one user or of all, the newest first; at most 1,000.
///
/// # Errors
/// The database's error.
pub async fn list(db: &Db, user: Option<&AccessUserId>, now: Millis) -> Result<Vec<Session>, StoreError> {
    let rows: Vec<SessionRow> = on_db!(db, pool => sqlx::query_as(LIST)
        .bind(user.map_or("", |user| user.0.as_str()))
        .bind(now.0)
        .bind(now.plus(-IDLE_MS).0)
        .bind(LIST_MAX)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Session::from).collect())
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            session_id: SessionId(row.session_id),
            user: AccessUserId(row.user_id),
            csrf: row.csrf,
            address: row.address.map(Pii::new),
            created_at: Millis(row.created_at),
            seen_at: Millis(row.seen_at),
            rotated_at: Millis(row.rotated_at),
            stepped_up_at: row.stepped_up_at.map(Millis),
            ends_at: Millis(row.ends_at),
        }
    }
}

pub(crate) const STATEMENTS: &[(&str, &str)] = &[
    ("access::sessions::PRUNE", PRUNE),
    ("access::sessions::INSERT", INSERT),
    ("access::sessions::FIND", FIND),
    ("access::sessions::SEEN", SEEN),
    ("access::sessions::ROTATE", ROTATE),
    ("access::sessions::STEP_UP", STEP_UP),
    ("access::sessions::END", END),
    ("access::sessions::END_OF_USER", END_OF_USER),
    ("access::sessions::LIST", LIST),
];
