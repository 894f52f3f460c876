//! PostgreSQL: the pool, and the session settings every connection gets.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use crate::db::sockets::tune_sockets;
use crate::db::{OpenOptions, Pools};
use crate::error::StoreError;
use crate::migrate;

/// A connection that lay longer than this, in milliseconds, is asked whether it still lives before it is used: its server
/// may have gone meanwhile. In a busy pool that would be one more way to the server for every transaction.
const IDLE_MS_TRUSTED: u128 = 1_000;
/// What a transaction begins with. Everything that it looks for is found by an index: a session keeps a statement's plan, and one
/// that was made while a table was nearly empty would read all of it later. Without the second setting the price that the server puts
/// on what little is still read in full makes it compile the statement each time.
/// Last, whoever says nothing for 5 seconds, for its machine is gone or stands still, holds no lock for longer: the server would keep
/// them for hours, and nobody could take over what it held. No transaction waits for anything but the database.
pub(super) const BEGIN: &str = "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; \
    SET LOCAL idle_in_transaction_session_timeout = 5000";
/// Statements kept prepared per connection.
const STATEMENTS_MAX: usize = 128;

pub(super) async fn open(server: &PgConnectOptions, options: OpenOptions) -> Result<Pools, StoreError> {
    check_reachable(server, options).await?;
    let connect = server
        .clone()
        .application_name("longshore")
        .statement_cache_capacity(STATEMENTS_MAX)
        .disable_statement_logging();
    let port = server.get_port();
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max.max(2))
        .acquire_timeout(Duration::from_millis(options.busy_timeout_ms))
        .test_before_acquire(false)
        .after_connect(move |_, _| {
            Box::pin(async move {
                tune_sockets(port);
                Ok(())
            })
        })
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                let trusted = meta.idle_for.as_millis() <= IDLE_MS_TRUSTED;
                Ok(trusted || connection.ping().await.is_ok())
            })
        })
        .connect_with(connect)
        .await
        .map_err(|error| match error {
            sqlx::Error::PoolTimedOut => StoreError::Unreachable(std::io::ErrorKind::TimedOut.into()),
            other => other.into(),
        })?;
    migrate::run_postgres(&pool).await?;
    Ok(Pools::Postgres(pool))
}

pub(super) async fn clean_up(pool: &PgPool) -> Result<(), StoreError> {
    sqlx::raw_sql("VACUUM (ANALYZE) events").execute(pool).await?;
    match sqlx::raw_sql("CHECKPOINT").execute(pool).await.map_err(StoreError::from) {
        // Not every user may.
        Ok(_) | Err(StoreError::ReadOnly) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The pool would try a closed port again and again until its time is up. One plain connection tells at once.
async fn check_reachable(server: &PgConnectOptions, options: OpenOptions) -> Result<(), StoreError> {
    if server.get_socket().is_some() || server.get_host().starts_with('/') {
        return Ok(());
    }
    let address = (server.get_host().to_owned(), server.get_port());
    let timeout = Duration::from_millis(options.busy_timeout_ms.max(1));
    let reached = tokio::task::spawn_blocking(move || {
        let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    });
    reached.await.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())).map_err(StoreError::Unreachable)
}
