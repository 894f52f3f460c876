//! Connections of PostgreSQL that are the inbox's own.
//!
//! The pool asks the server of each connection that is given back whether it lives, and hands out the one that has lain longest: one
//! more way there and back for each transaction, and a session whose caches are cold. Whoever writes many a second keeps its own few
//! instead, and takes the one that was used last. It knows no table.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Millis;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::db::sockets::tune_sockets;
use crate::error::StoreError;

/// How many there are at the most: while one waits for the disk, another is written on.
const CONNECTIONS: u32 = 2;
/// One that lay for longer, in milliseconds, is left: something between here and the server may have forgotten it, and what were sent
/// on it would be answered by nobody.
const IDLE_MS_MAX: i64 = 60_000;
/// Who waits for a lock for longer has been given up by whoever asked, and must not go on to wait in the server.
const LOCKS: &str = "SET lock_timeout = '9s'";

/// The connections; those that nobody has in hand are kept, until [`Lane::close`].
#[derive(Debug)]
pub(crate) struct Lane {
    room: Semaphore,
    /// With the instant at which each was asked for last.
    kept: Mutex<Vec<(PgConnection, Millis)>>,
}

impl Default for Lane {
    fn default() -> Self {
        Self { room: Semaphore::new(CONNECTIONS as usize), kept: Mutex::default() }
    }
}

impl Lane {
    /// Have one, now: the one used last, else a new one. Whoever comes when all are in hand waits, for as long as it likes. May be given
    /// up.
    ///
    /// # Errors
    /// Those of connecting; [`StoreError::ConnectionLost`] after [`Lane::close`].
    pub(crate) async fn hold(&self, pool: &PgPool, now: Millis) -> Result<Held<'_>, StoreError> {
        let room = self.room.acquire().await.map_err(|_| StoreError::ConnectionLost)?;
        let last = {
            let mut kept = self.kept();
            kept.retain(|(_, used_at)| now.since(*used_at) <= IDLE_MS_MAX);
            kept.pop()
        };
        let is_kept = last.is_some();
        let connection = match last {
            Some((connection, _)) => connection,
            None => connect(pool).await?,
        };
        Ok(Held { connection, is_kept, now, lane: self, _room: room })
    }

    /// Wait for those in hand, give out no more, and close all.
    pub(crate) async fn close(&self) {
        let all = self.room.acquire_many(CONNECTIONS).await;
        self.room.close();
        drop(all);
        let kept = std::mem::take(&mut *self.kept());
        for (connection, _) in kept {
            // Whatever it was, it is over.
            let _ = connection.close().await;
        }
    }

    /// How many are in hand.
    pub(crate) fn in_use(&self) -> usize {
        (CONNECTIONS as usize).saturating_sub(self.room.available_permits())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(PgConnection, Millis)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection as those of the pool, but apart from it: what lies in the pool may be lost as well. A server that is just
/// starting is waited for as the pool does.
async fn connect(pool: &PgPool) -> Result<PgConnection, StoreError> {
    let options = pool.connect_options();
    let mut connection = match PgConnection::connect_with(&options).await.map_err(StoreError::from) {
        Ok(connection) => connection,
        Err(error) if error.is_passing() => pool.acquire().await?.detach(),
        Err(error) => return Err(error),
    };
    tune_sockets(options.get_port());
    connection.execute(LOCKS).await?;
    Ok(connection)
}

/// A connection in hand. Dropped it is closed, with whatever it was doing.
pub(crate) struct Held<'a> {
    connection: PgConnection,
    is_kept: bool,
    now: Millis,
    lane: &'a Lane,
    _room: SemaphorePermit<'a>,
}

impl Held<'_> {
    /// Whether somebody had it before, so that the server may have gone since.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Have a new one instead, and none of those that were kept: a server that has gone has left them all.
    ///
    /// # Errors
    /// Those of connecting.
    pub(crate) async fn renew(&mut self, pool: &PgPool) -> Result<(), StoreError> {
        self.lane.kept().clear();
        (self.connection, self.is_kept) = (connect(pool).await?, false);
        Ok(())
    }

    /// Leave it to whoever comes next; everything that was asked of the server has been answered.
    pub(crate) fn hand_back(self) {
        self.lane.kept().push((self.connection, self.now));
    }
}

impl Deref for Held<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// The server's number for the session that is held.
    async fn session(held: &mut Held<'_>) -> i32 {
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut **held).await.unwrap()
    }

    #[tokio::test]
    async fn the_connection_that_was_used_last_is_used_next_and_one_that_was_given_up_never() {
        let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else { return };
        let pool = PgPool::connect(&server).await.unwrap();
        let (lane, now) = (Lane::default(), Millis(1_000_000));
        let hold = || lane.hold(&pool, now);
        let (mut first, mut second) = (hold().await.unwrap(), hold().await.unwrap());
        let numbers = (session(&mut first).await, session(&mut second).await);
        let mut third = Box::pin(hold());
        assert!(futures_util::poll!(&mut third).is_pending());
        second.hand_back();
        let mut third = third.await.unwrap();
        assert!(third.is_kept() && session(&mut third).await == numbers.1);
        assert_eq!((lane.in_use(), pool.size()), (2, 1), "they are apart from the pool");
        first.hand_back();
        third.hand_back();
        let mut last = hold().await.unwrap();
        assert_eq!(session(&mut last).await, numbers.1);
        // In the middle of something.
        drop(last);
        let mut other = hold().await.unwrap();
        assert_eq!(session(&mut other).await, numbers.0);
        other.renew(&pool).await.unwrap();
        let renewed = session(&mut other).await;
        assert!(!other.is_kept() && renewed != numbers.0 && renewed != numbers.1);
        other.hand_back();
        let mut later = lane.hold(&pool, now.plus(IDLE_MS_MAX)).await.unwrap();
        assert_eq!(session(&mut later).await, renewed);
        later.hand_back();
        let long_after = lane.hold(&pool, now.plus(2 * IDLE_MS_MAX + 1)).await.unwrap();
        assert!(!long_after.is_kept(), "nobody knows what became of it");
        pool.close().await;
    }

    #[tokio::test]
    async fn nobody_waits_in_the_server_for_a_lock_for_longer_than_whoever_asked() {
        let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else { return };
        let pool = PgPool::connect(&server).await.unwrap();
        let lane = Lane::default();
        let mut held = lane.hold(&pool, Millis(1)).await.unwrap();
        let bound: String = sqlx::query_scalar("SHOW lock_timeout").fetch_one(&mut *held).await.unwrap();
        assert_eq!(bound, "9s");
        held.renew(&pool).await.unwrap();
        let bound: String = sqlx::query_scalar("SHOW lock_timeout").fetch_one(&mut *held).await.unwrap();
        assert_eq!(bound, "9s");
        pool.close().await;
    }

    /// A server that refuses its first sessions because it is just starting, and then hands each on to the real one.
    async fn starting(server: &PgConnectOptions, refused: usize) -> PgConnectOptions {
        const STARTING: &[u8] = b"E\0\0\0\x3eSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let real = (server.get_host().to_owned(), server.get_port());
        tokio::spawn(async move {
            for number in 0.. {
                let (mut client, _) = listener.accept().await.unwrap();
                if number < refused {
                    client.read_u8().await.unwrap();
                    client.write_all(STARTING).await.unwrap();
                    continue;
                }
                let mut server = TcpStream::connect(&real).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
            }
        });
        server.clone().host("127.0.0.1").port(port).ssl_mode(PgSslMode::Disable)
    }

    #[tokio::test]
    async fn a_server_that_is_just_starting_is_waited_for() {
        let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else { return };
        let refusing = starting(&server.parse().unwrap(), 2).await;
        let pool = PgPoolOptions::new().connect_lazy_with(refusing);
        let lane = Lane::default();
        let mut held = lane.hold(&pool, Millis(1)).await.unwrap();
        let bound: String = sqlx::query_scalar("SHOW lock_timeout").fetch_one(&mut *held).await.unwrap();
        assert_eq!((bound.as_str(), pool.size()), ("9s", 0), "it is apart from the pool all the same");
        drop(held);
        pool.close().await;
    }

    #[tokio::test]
    async fn closing_waits_for_those_in_hand_and_leaves_none() {
        let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else { return };
        let pool = PgPool::connect(&server).await.unwrap();
        let lane = Lane::default();
        let held = lane.hold(&pool, Millis(1)).await.unwrap();
        let mut closing = Box::pin(lane.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        held.hand_back();
        closing.await;
        assert!(lane.kept().is_empty());
        assert!(matches!(lane.hold(&pool, Millis(1)).await.map(drop), Err(StoreError::ConnectionLost)));
        pool.close().await;
    }
}
