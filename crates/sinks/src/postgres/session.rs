//! One connection to the user's server, as an export has it: settings, the lock on the schema, and a bound on every wait.
//!
//! Statements are built at run time, because the schema is the user's: every name in them went through [`quote`].

use std::sync::Arc;

use drift::deadline;
use model::Clock;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use store::StoreError;

use crate::postgres::{PostgresAddress, PostgresError};

/// The oldest server that is written for: rows have digests since then.
const VERSION_OLDEST: i32 = 14;
/// How long a connection, or a look at the catalog, may take.
pub(super) const SHORT_MS_MAX: u64 = 30_000;
/// How long the server may take no rows, or one statement over a whole table may take: a merge of many millions of rows
/// on a slow disk.
pub(super) const LONG_MS_MAX: u64 = 6 * 3_600_000;
/// How long to wait for another export to end: its process may have died a moment ago, which the server has to notice.
const CLAIM_WAIT: &str = "SET lock_timeout = '6s'";
/// How long to wait for whoever else writes to the tables.
const LOCK_WAIT: &str = "SET lock_timeout = '20s'";
/// What a session asks for: to be ended when we died in the middle of a statement (where the server can notice), and some
/// memory for sorting keys and comparing tables.
const SETTINGS: &str = "
    SELECT set_config(name, value, FALSE)
    FROM (VALUES ('statement_timeout', '6h'), ('client_connection_check_interval', '2s'),
        ('maintenance_work_mem', '128MB'), ('work_mem', '64MB'), ('client_min_messages', 'warning')) AS wanted (name, value)
    WHERE EXISTS (SELECT 1 FROM pg_settings WHERE pg_settings.name = wanted.name)";
const STANDING: &str = "
    SELECT current_setting('server_version_num')::integer / 10000, current_setting('transaction_read_only') = 'on'";
/// The lock of a schema of a database; advisory locks are kept apart by database already.
const CLAIM: &str = "SELECT pg_advisory_lock(hashtextextended('longshore export ' || $1, 0))";

/// A session that has the schema for itself. The lock is given back when it ends.
pub(super) struct Session {
    connection: PgConnection,
    clock: Arc<dyn Clock>,
}

impl Session {
    /// Connect, and see that the server serves.
    pub(super) async fn open(
        address: &PostgresAddress,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PostgresError> {
        let options: PgConnectOptions = address.options()?;
        let connection = bounded(&*clock, "connect", SHORT_MS_MAX, options.connect()).await?;
        store::tune_sockets(options.get_port());
        let mut session = Self { connection, clock };
        session.rows::<(String,)>("set the session up", SETTINGS, |query| query).await?;
        let standing: Vec<(i32, bool)> = session.rows("look around", STANDING, |query| query).await?;
        match standing.first() {
            Some((found, _)) if *found < VERSION_OLDEST => {
                Err(PostgresError::TooOld { found: *found, oldest: VERSION_OLDEST })
            }
            Some((_, true)) => Err(PostgresError::ReadOnly),
            _ => Ok(session),
        }
    }

    /// Have the schema for this session alone. A process that died a moment ago may still hold it.
    pub(super) async fn claim(&mut self, schema: &str) -> Result<(), PostgresError> {
        self.run("lock the schema", CLAIM_WAIT).await?;
        let claim = sqlx::query(CLAIM).bind(schema).execute(&mut self.connection);
        match bounded(&*self.clock, "lock the schema", SHORT_MS_MAX, claim).await {
            Err(PostgresError::Server { source: StoreError::Locked, .. }) => {
                Err(PostgresError::Busy { schema: schema.to_owned() })
            }
            Err(error) => Err(error),
            Ok(_) => self.run("lock the schema", LOCK_WAIT).await.map(drop),
        }
    }

    /// Run statements that take no time; answers how many rows the last one changed.
    pub(super) async fn run(&mut self, doing: &'static str, statements: &str) -> Result<u64, PostgresError> {
        self.run_within(doing, SHORT_MS_MAX, statements).await
    }

    /// Run statements that go over whole tables.
    pub(super) async fn run_long(
        &mut self,
        doing: &'static str,
        statements: &str,
    ) -> Result<u64, PostgresError> {
        self.run_within(doing, LONG_MS_MAX, statements).await
    }

    async fn run_within(
        &mut self,
        doing: &'static str,
        ms: u64,
        statements: &str,
    ) -> Result<u64, PostgresError> {
        let running = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut self.connection);
        Ok(bounded(&*self.clock, doing, ms, running).await?.rows_affected())
    }

    /// The rows that a query finds.
    pub(super) async fn rows<T: Found>(
        &mut self,
        doing: &'static str,
        query: &str,
        bind: impl FnOnce(Query<'_, T>) -> Query<'_, T>,
    ) -> Result<Vec<T>, PostgresError> {
        let query = bind(sqlx::query_as(AssertSqlSafe(query)));
        bounded(&*self.clock, doing, SHORT_MS_MAX, query.fetch_all(&mut self.connection)).await
    }

    /// A number that takes long to find.
    pub(super) async fn count(&mut self, doing: &'static str, query: &str) -> Result<i64, PostgresError> {
        let query = sqlx::query_scalar(AssertSqlSafe(query));
        bounded(&*self.clock, doing, LONG_MS_MAX, query.fetch_one(&mut self.connection)).await
    }

    /// The connection, and the clock that bounds what is done with it.
    pub(super) fn parts(&mut self) -> (&mut PgConnection, &dyn Clock) {
        (&mut self.connection, &*self.clock)
    }

    /// Take leave of the server. What fails here has no consequences.
    pub(super) async fn close(self) {
        let _ = bounded(&*self.clock, "take leave", SHORT_MS_MAX, self.connection.close()).await;
    }
}

/// What a row can become.
pub(super) trait Found: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin> Found for T {}

/// A query whose rows become a `T`.
pub(super) type Query<'q, T> = sqlx::query::QueryAs<'q, sqlx::Postgres, T, sqlx::postgres::PgArguments>;

/// Bound a wait for the server.
pub(super) async fn bounded<T>(
    clock: &dyn Clock,
    doing: &'static str,
    ms: u64,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, PostgresError> {
    match deadline(clock, ms, work).await {
        Ok(done) => done.map_err(PostgresError::server(doing)),
        Err(elapsed) => Err(PostgresError::Late { doing, ms: elapsed.ms }),
    }
}

/// A name as it stands in a statement.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table of a schema as it stands in a statement.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}
