//! Wake-up without polling delay: a bell for each channel, rung when a transaction that made work has been committed.
//!
//! In the process a bell is a counter that waiters watch. Between processes on PostgreSQL it is `NOTIFY`, heard by one
//! session a process ([`listen`]). A ring is a hint and may be lost (a broken connection, another process on SQLite): so
//! whoever waits also looks by itself from time to time. Several rings of one transaction are one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::{Either, select};
use model::Clock;
use sqlx::postgres::PgListener;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::watch;

use crate::db::{Db, Pools};
use crate::error::StoreError;

/// Silence on the listening session after which it is asked whether it still lives, in milliseconds.
const QUIET_MS: u64 = 30_000;
/// How long the session may take to answer, in milliseconds.
const ANSWER_MS: u64 = 5_000;
/// The pause before a lost session is opened anew, in milliseconds: it doubles up to the second.
const PAUSE_MS: u64 = 100;
const PAUSE_MS_MAX: u64 = 5_000;

/// What there may be new work of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Events to be routed.
    Inbox,
    /// Jobs that are due.
    Jobs,
    /// Changes in the feed.
    Changes,
    /// Renewals of tokens that have ended.
    Renewals,
}

impl Channel {
    /// All of them, in the order of this type.
    pub const ALL: [Self; 4] = [Self::Inbox, Self::Jobs, Self::Changes, Self::Renewals];

    const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "longshore_inbox",
            Self::Jobs => "longshore_jobs",
            Self::Changes => "longshore_changes",
            Self::Renewals => "longshore_renewals",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// Which bells a transaction rings.
#[derive(Debug, Default)]
pub(crate) struct Rings([bool; Channel::ALL.len()]);

impl Rings {
    pub(crate) fn add(&mut self, channel: Channel) {
        self.0[channel.index()] = true;
    }

    fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        Channel::ALL.into_iter().filter(|channel| self.0[channel.index()])
    }
}

/// The bells of one open store.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    bells: [watch::Sender<u64>; Channel::ALL.len()],
    /// The server's number of the session that listens for this process; its own rings are not heard twice. 0: none.
    session: AtomicI64,
}

impl Bells {
    pub(crate) fn ring_all(&self, rings: &Rings) {
        rings.channels().for_each(|channel| self.ring(channel));
    }

    fn ring(&self, channel: Channel) {
        self.bells[channel.index()].send_modify(|rung| *rung = rung.wrapping_add(1));
    }
}

impl Db {
    /// Ring in this process alone.
    pub(crate) fn ring(&self, channel: Channel) {
        self.bells.ring(channel);
    }

    /// Ready once the bell rings after this call. Ask for it *before* looking for work, and wait for it after nothing was
    /// found: then no ring between the two is missed.
    pub fn rung(&self, channel: Channel) -> impl Future<Output = ()> + Send + use<> {
        let mut bell = self.bell(channel);
        async move { bell.rung().await }
    }

    /// Listen from now on.
    #[must_use]
    pub fn bell(&self, channel: Channel) -> Bell {
        Bell(self.bells.bells[channel.index()].subscribe())
    }
}

/// A bell that somebody listens to. A clone has heard what it had heard, and from then on hears by itself.
#[derive(Debug, Clone)]
pub struct Bell(watch::Receiver<u64>);

impl Bell {
    /// Ready once it has rung since it was last heard. May be given up: what was not heard rings on.
    pub async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it has rung since it was last heard; that is heard then.
    pub fn has_rung(&mut self) -> bool {
        self.0.borrow_and_update().has_changed()
    }
}

const NOTIFY: &str = "SELECT pg_notify($1, $2)";
/// What was told need not be on the disk.
const TELL: &str = "SELECT pg_notify($1, $2), set_config('synchronous_commit', 'off', TRUE)";

/// Tell the other processes, as part of the transaction: they hear of it when it commits.
pub(crate) async fn notify(
    tx: &mut Transaction<'static, Postgres>,
    rings: &Rings,
    bells: &Bells,
) -> Result<(), StoreError> {
    let session = bells.session.load(Ordering::Relaxed).to_string();
    for channel in rings.channels() {
        sqlx::query(NOTIFY).bind(channel.name()).bind(&session).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Tell the other processes, in no transaction: for work that was committed without. On SQLite there is nobody to tell.
///
/// # Errors
/// The connection's error; the others then find the work when they look by themselves.
pub async fn tell_others(db: &Db, channel: Channel) -> Result<(), StoreError> {
    let Pools::Postgres(pool) = &db.pools else { return Ok(()) };
    let session = db.bells.session.load(Ordering::Relaxed).to_string();
    sqlx::query(TELL).bind(channel.name()).bind(session).execute(pool).await?;
    Ok(())
}

/// Hear the rings of other processes, for as long as the future is polled. Once a process: spawn it, and drop it at the
/// end. A lost session is opened anew, and every bell rung then, for some may have been missed. On SQLite it waits for
/// ever, and so it does once the store has been closed.
pub async fn listen(db: Db, clock: Arc<dyn Clock>) {
    let Pools::Postgres(pool) = &db.pools else { return std::future::pending().await };
    let mut pause_ms = PAUSE_MS;
    while !pool.is_closed() {
        match hear(&db.bells, pool, clock.as_ref()).await {
            Heard::Something => pause_ms = PAUSE_MS,
            Heard::Nothing => pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX),
        }
        db.bells.session.store(0, Ordering::Relaxed);
        clock.sleep(pause_ms).await;
    }
    std::future::pending().await
}

/// Whether a session came about at all.
enum Heard {
    Something,
    Nothing,
}

/// One session, to its end.
async fn hear(bells: &Bells, pool: &PgPool, clock: &dyn Clock) -> Heard {
    let opened = within(clock, open(pool)).await;
    let Some((mut listener, session)) = opened else {
        tracing::warn!("No session to hear of new work: looking for it from time to time");
        return Heard::Nothing;
    };
    bells.session.store(session, Ordering::Relaxed);
    Channel::ALL.into_iter().for_each(|channel| bells.ring(channel));
    loop {
        let next = match select(pin!(listener.try_recv()), clock.deadline(QUIET_MS)).await {
            Either::Left((next, _)) => Some(next),
            Either::Right(_) => None,
        };
        let notification = match next {
            Some(Ok(Some(notification))) => notification,
            Some(_) => return Heard::Something,
            None if within(clock, backend(&mut listener)).await == Some(session) => continue,
            None => return Heard::Something,
        };
        if notification.payload() == session.to_string() {
            continue;
        }
        let channel = Channel::ALL.into_iter().find(|channel| channel.name() == notification.channel());
        channel.into_iter().for_each(|channel| bells.ring(channel));
    }
}

async fn open(pool: &PgPool) -> Result<(PgListener, i64), StoreError> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen_all(Channel::ALL.map(Channel::name)).await?;
    let session = backend(&mut listener).await?;
    Ok((listener, session))
}

const BACKEND: &str = "SELECT CAST(pg_backend_pid() AS BIGINT)";

async fn backend(listener: &mut PgListener) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(BACKEND).fetch_one(listener).await?)
}

async fn within<T>(clock: &dyn Clock, work: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    match select(pin!(work), clock.deadline(ANSWER_MS)).await {
        Either::Left((done, _)) => done.ok(),
        Either::Right(_) => None,
    }
}

/// In PostgreSQL's words only.
pub(crate) const POSTGRES: &[(&str, &str)] =
    &[("wake::NOTIFY", NOTIFY), ("wake::TELL", TELL), ("wake::BACKEND", BACKEND)];
