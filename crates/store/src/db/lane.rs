//! A connection of PostgreSQL that goes from hand to hand as long as somebody waits for it.
//!
//! The pool asks the server of each connection that is given back whether it lives: one more way there and back for each
//! transaction. Whoever writes many a second, one after the other, hands the connection on instead, and gives it back when nobody
//! waits: it never lies idle here.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::StoreError;

/// The lanes of a store.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// Events come in on it.
    pub(crate) inbox: Lane,
    /// They are settled on it.
    pub(crate) settling: Lane,
}

/// One of them: one holds it, the others wait in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    kept: Mutex<Option<PoolConnection<Postgres>>>,
    waiting: AtomicUsize,
}

impl Lane {
    /// Have the connection. May be given up.
    ///
    /// # Errors
    /// Those of the pool.
    pub(crate) async fn hold(&self, pool: &PgPool) -> Result<Held<'_>, StoreError> {
        let waits = Waits::begin(self);
        let mut kept = self.kept.lock().await;
        drop(waits);
        let connection = match kept.take() {
            Some(connection) => connection,
            None => pool.acquire().await?,
        };
        Ok(Held { connection, kept, lane: self })
    }

    fn clear_unless_awaited(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0
            && let Ok(mut kept) = self.kept.try_lock()
        {
            kept.take();
        }
    }
}

/// Somebody who waits; when the last gives up, what was kept for it goes back to the pool.
struct Waits<'a>(&'a Lane);

impl<'a> Waits<'a> {
    fn begin(lane: &'a Lane) -> Self {
        lane.waiting.fetch_add(1, Ordering::SeqCst);
        Self(lane)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.clear_unless_awaited();
    }
}

/// The connection, in hand. Dropped it goes back to the pool, which looks whether it is still good.
pub(crate) struct Held<'a> {
    connection: PoolConnection<Postgres>,
    kept: MutexGuard<'a, Option<PoolConnection<Postgres>>>,
    lane: &'a Lane,
}

impl Held<'_> {
    /// Hand it on to whoever waits; everything that was asked of the server has been answered.
    pub(crate) fn hand_on(self) {
        let Self { connection, mut kept, lane } = self;
        if lane.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        *kept = Some(connection);
        drop(kept);
        // The last who waited may have given up meanwhile, and found it not yet here.
        lane.clear_unless_awaited();
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
    async fn a_connection_goes_from_hand_to_hand_and_back_to_the_pool_when_nobody_waits() {
        let Ok(server) = std::env::var("LONGSHORE_TEST_POSTGRES") else { return };
        let pool = PgPool::connect(&server).await.unwrap();
        let lane = Lane::default();
        let mut first = lane.hold(&pool).await.unwrap();
        let number = session(&mut first).await;
        let mut second = Box::pin(lane.hold(&pool));
        let mut third = Box::pin(lane.hold(&pool));
        assert!(
            futures_util::poll!(&mut second).is_pending() && futures_util::poll!(&mut third).is_pending()
        );
        first.hand_on();
        let mut second = second.await.unwrap();
        assert_eq!(session(&mut second).await, number);
        second.hand_on();
        // The one it was kept for gives up.
        drop(third);
        assert!(lane.kept.lock().await.is_none());
        let mut fourth = lane.hold(&pool).await.unwrap();
        session(&mut fourth).await;
        fourth.hand_on();
        assert!(lane.kept.lock().await.is_none(), "nobody waits");
        // What was given up in the middle is not handed on.
        let held = lane.hold(&pool).await.unwrap();
        let mut next = Box::pin(lane.hold(&pool));
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(held);
        assert!(lane.kept.try_lock().map_or(true, |kept| kept.is_none()));
        session(&mut next.await.unwrap()).await;
        pool.close().await;
    }
}
