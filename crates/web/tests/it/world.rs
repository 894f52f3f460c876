//! A gateway on a fresh store of each engine, and requests to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use drift::{OsEntropy, SystemClock};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use model::Secret;
use sqlx::{Connection as _, Executor as _};
use store::inbox::{self, Event, Selection};
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions};
use telemetry::Metrics;
use tower::ServiceExt as _;
use web::access::{Access, AccessOptions};
use web::{Console, Gateway, GatewayOptions, GatewayTokens, State, Stopping, router};

pub(crate) const TOKEN: &str = "vt-canary-right";

/// The doors on one store.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) url: DatabaseUrl,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) tokens: Arc<GatewayTokens>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopping: Stopping,
    pub(crate) access: Access,
    pub(crate) router: Router,
    place: Place,
}

pub(crate) enum Place {
    /// Deleted when dropped.
    Folder {
        _folder: tempfile::TempDir,
    },
    Server {
        admin: String,
        name: String,
    },
}

/// Tell the same tale on each engine.
pub(crate) async fn on_both<F: AsyncFnMut(&World)>(options: impl Fn() -> GatewayOptions, mut tale: F) {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("store.db"));
    let world = World::new(url, options(), Place::Folder { _folder: folder }).await;
    tale(&world).await;
    world.end().await;
    if let Some((url, place)) = postgres().await {
        let world = World::new(url, options(), place).await;
        tale(&world).await;
        world.end().await;
    }
}

pub(crate) async fn postgres() -> Option<(DatabaseUrl, Place)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Some(admin) = std::env::var("LONGSHORE_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        let required = std::env::var("LONGSHORE_TEST_POSTGRES_REQUIRED").is_ok_and(|value| value == "1");
        assert!(!required, "LONGSHORE_TEST_POSTGRES_REQUIRED is 1 and LONGSHORE_TEST_POSTGRES is not set");
        eprintln!("skipped on PostgreSQL: LONGSHORE_TEST_POSTGRES is not set");
        return None;
    };
    let name = format!("longshore_web_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    execute(&admin, format!("CREATE DATABASE {name}")).await;
    let (before, query) = admin.split_once('?').map_or((admin.as_str(), ""), |(url, query)| (url, query));
    let server = before.rsplit_once('/').unwrap().0;
    let mark = if query.is_empty() { "" } else { "?" };
    let url = DatabaseUrl::parse(&format!("{server}/{name}{mark}{query}")).unwrap();
    Some((url, Place::Server { admin, name }))
}

async fn execute(url: &str, statement: String) {
    let mut conn = sqlx::PgConnection::connect(url).await.unwrap();
    conn.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    conn.close().await.unwrap();
}

impl Place {
    pub(crate) async fn end(self) {
        if let Self::Server { admin, name } = self {
            execute(&admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

impl World {
    pub(crate) async fn new(url: DatabaseUrl, options: GatewayOptions, place: Place) -> Self {
        let store = OpenOptions { create: true, busy_timeout_ms: 10_000, connections_max: 3 };
        let db = Db::open(&url, store).await.unwrap();
        let tokens = Arc::new(GatewayTokens::new(&[Secret::new("vt-canary-old"), Secret::new(TOKEN)]));
        let (clock, metrics) = (Arc::new(SystemClock), Arc::new(Metrics::new()));
        let gateway = Arc::new(Gateway::start(
            db.clone(),
            Arc::clone(&tokens),
            options,
            clock.clone(),
            Arc::new(OsEntropy),
            Arc::clone(&metrics),
        ));
        let stopping = Stopping::default();
        let vault = Vault::new(Key::generate(&OsEntropy), Arc::new(OsEntropy));
        let options = AccessOptions { metrics_public: true, ..AccessOptions::default() };
        let access = Access::new(db.clone(), vault, (clock.clone(), Arc::new(OsEntropy)), options);
        let router = router(State {
            access: access.clone(),
            console: Console::Absent,
            db: db.clone(),
            gateway: Some(Arc::clone(&gateway)),
            metrics: Arc::clone(&metrics),
            clock,
            stopping: stopping.clone(),
        });
        Self { db, url, gateway, tokens, metrics, stopping, access, router, place }
    }

    pub(crate) async fn end(self) {
        self.gateway.close().await;
        self.db.close().await;
        self.place.end().await;
    }

    /// Ask, and read the whole answer.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Response<String> {
        whole(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Post a body with the right content type and this token in the header.
    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &str) -> Response<String> {
        self.ask(post(path, token, body)).await
    }

    /// Every event of the inbox.
    pub(crate) async fn events(&self) -> Vec<Event> {
        inbox::list(&self.db, &Selection::default(), None, 10_000).await.unwrap()
    }

    /// Rows of a table, counted behind the store's back.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        match self.url.path() {
            Some(file) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut conn).await.unwrap()
            }
            None => {
                let mut conn = sqlx::PgConnection::connect(self.url.reveal().expose()).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut conn).await.unwrap()
            }
        }
    }
}

pub(crate) fn post(path: &str, token: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/json; charset=utf-8");
    if let Some(token) = token {
        request = request.header("X-Verification-Token", token);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

pub(crate) async fn whole(response: Response<Body>) -> Response<String> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Response::from_parts(parts, String::from_utf8(bytes.to_vec()).unwrap())
}

/// A message event whose body token is this one.
pub(crate) fn message(id: i64, token: &str) -> String {
    format!(
        r#"{{"type":"new_message","token":"{token}","orgId":4242,"data":{{"id":{id},"conversationId":{},
        "body":"hello canary-text","author":{{"type":"contact","id":7}},"createdAt":1717400001500}}}}"#,
        id / 10
    )
}
