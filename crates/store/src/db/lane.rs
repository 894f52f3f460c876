//! Connections of PostgreSQL that are the inbox's own.
//!
//! The pool asks the server of each connection that is given back whether it lives, and hands out the one that has lain longest: one
//! more way there and back for each transaction, and a session whose caches are cold. Whoever writes many a second keeps its own few
//! instead, and takes the one that was used last. It knows no table.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::db::nodelay::send_at_once;
use crate::error::StoreError;

/// How many there are at the most: while one waits for the disk, another is written on.
const CONNECTIONS: usize = 2;

/// The connections; those that nobody has in hand are kept, until [`Lane::close`].
#[derive(Debug)]
pub(crate) struct Lane {
    room: Semaphore,
    kept: Mutex<Vec<PgConnection>>,
}

impl Default for Lane {
    fn default() -> Self {
        Self { room: Semaphore::new(CONNECTIONS), kept: Mutex::default() }
    }
}

impl Lane {
    /// Have one: the one used last, else a new one. Whoever comes when all are in hand waits, for as long as it likes. May be given up.
    ///
    /// # Errors
    /// Those of connecting; [`StoreError::ConnectionLost`] after [`Lane::close`].
    pub(crate) async fn hold(&self, pool: &PgPool) -> Result<Held<'_>, StoreError> {
        let room = self.room.acquire().await.map_err(|_| StoreError::ConnectionLost)?;
        let last = self.kept().pop();
        let is_kept = last.is_some();
        let connection = match last {
            Some(connection) => connection,
            None => connect(pool).await?,
        };
        Ok(Held { connection, is_kept, lane: self, _room: room })
    }

    /// Take no more in hand, and close what is kept. What is in hand is closed when it comes back.
    pub(crate) async fn close(&self) {
        self.room.close();
        let kept = std::mem::take(&mut *self.kept());
        for connection in kept {
            // Whatever it was, it is over.
            let _ = connection.close().await;
        }
    }

    /// How many are in hand.
    pub(crate) fn in_use(&self) -> usize {
        CONNECTIONS.saturating_sub(self.room.available_permits())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<PgConnection>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection as those of the pool, but apart from it: what lies in the pool may be lost as well.
async fn connect(pool: &PgPool) -> Result<PgConnection, StoreError> {
    let options = pool.connect_options();
    let connection = PgConnection::connect_with(&options).await?;
    send_at_once(options.get_port());
    Ok(connection)
}

/// A connection in hand. Dropped it is closed, with whatever it was doing.
pub(crate) struct Held<'a> {
    connection: PgConnection,
    is_kept: bool,
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
        if !self.lane.room.is_closed() {
            self.lane.kept().push(self.connection);
        }
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
    use super::*;

    /// The server's number for the session that is held.
    async fn session(held: &mut Held<'_>) -> i32 {
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut **held).await.unwrap()
    }

    #[tokio::test]
    async fn the_connection_that_was_used_last_is_used_next_and_one_that_was_given_up_never() {
        let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else { return };
        let pool = PgPool::connect(&server).await.unwrap();
        let lane = Lane::default();
        let (mut first, mut second) = (lane.hold(&pool).await.unwrap(), lane.hold(&pool).await.unwrap());
        let numbers = (session(&mut first).await, session(&mut second).await);
        let mut third = Box::pin(lane.hold(&pool));
        assert!(futures_util::poll!(&mut third).is_pending());
        second.hand_back();
        let mut third = third.await.unwrap();
        assert!(third.is_kept() && session(&mut third).await == numbers.1);
        assert_eq!((lane.in_use(), pool.size()), (2, 1), "they are apart from the pool");
        first.hand_back();
        third.hand_back();
        let mut last = lane.hold(&pool).await.unwrap();
        assert_eq!(session(&mut last).await, numbers.1);
        // In the middle of something.
        drop(last);
        let mut other = lane.hold(&pool).await.unwrap();
        assert_eq!(session(&mut other).await, numbers.0);
        other.renew(&pool).await.unwrap();
        assert!(!other.is_kept() && !<[i32; 2]>::from(numbers).contains(&session(&mut other).await));
        lane.close().await;
        other.hand_back();
        assert!(lane.kept().is_empty());
        assert!(matches!(lane.hold(&pool).await.map(drop), Err(StoreError::ConnectionLost)));
        pool.close().await;
    }
}
