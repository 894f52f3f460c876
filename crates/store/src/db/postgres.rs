//! PostgreSQL: the pool, and the session settings every connection gets.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::db::{OpenOptions, Pools};
use crate::error::StoreError;
use crate::migrate;

/// Statements kept prepared per connection.
const STATEMENTS_MAX: usize = 128;

pub(super) async fn open(server: &PgConnectOptions, options: OpenOptions) -> Result<Pools, StoreError> {
    let connect = server.clone().application_name("longshore").statement_cache_capacity(STATEMENTS_MAX);
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max.max(2))
        .acquire_timeout(Duration::from_millis(options.busy_timeout_ms))
        .test_before_acquire(true)
        .connect_with(connect)
        .await?;
    migrate::run_postgres(&pool).await?;
    Ok(Pools::Postgres(pool))
}
