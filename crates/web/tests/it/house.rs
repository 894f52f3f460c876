//! A house with all its doors on a fresh store of each engine, two organizations, and a clock that moves when told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use model::{
    AccessUserId, ApiKeyId, Clock as _, ConnectionId, Entropy as _, FakeClock, Millis, OrgId, Permission,
    Profile, Role, Secret, SeededEntropy, SessionId, ShareLinkId, UserName,
};
use store::access::keys::{self, ApiKey};
use store::access::links::{self, Link};
use store::access::memberships::{self, Membership};
use store::access::password::PasswordHash;
use store::access::sessions::{self, NewSession};
use store::access::{Token, users};
use store::connections::{self, Connection, ConnectionKind, ConnectionState, Tokens};
use store::install::links::ShareLink;
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions};
use telemetry::Metrics;
use tower::ServiceExt as _;
use web::access::{Access, AccessOptions, SettingsKey};
use web::{Console, Gateway, GatewayOptions, GatewayTokens, Peer, State, Stopping};

use crate::issuer::Issuer;
use crate::provider::Provider;
use crate::world::{Place, postgres, whole};

pub(crate) const SETTINGS_KEY: &str = "key-of-the-settings-canary";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const NOW: Millis = Millis(1_750_000_000_000);
pub(crate) const OURS: OrgId = OrgId(1);
pub(crate) const THEIRS: OrgId = OrgId(2);
/// Nobody's.
pub(crate) const STRANGE: OrgId = OrgId(3);

pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) state: State,
    pub(crate) router: Router,
    /// Drift, as far as connecting goes.
    pub(crate) provider: Provider,
    numbers: AtomicU64,
}

/// Tell the same tale on each engine.
pub(crate) async fn on_both<F: AsyncFnMut(&House)>(mut tale: F) {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("store.db"));
    let house = House::new(&url, options()).await;
    tale(&house).await;
    house.db.close().await;
    if let Some((url, place)) = postgres().await {
        let house = House::new(&url, options()).await;
        tale(&house).await;
        house.db.close().await;
        Place::end(place).await;
    }
}

/// The same with an identity provider; each engine has its own.
pub(crate) async fn with_issuer<F: AsyncFnMut(&House, &Issuer)>(rules: &str, tale: F) {
    with_issuer_of(|| Issuer::new(rules), tale).await;
}

/// The same, of an issuer that is made so.
pub(crate) async fn with_issuer_of<F: AsyncFnMut(&House, &Issuer)>(made: impl Fn() -> Issuer, mut tale: F) {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("store.db"));
    let issuer = made();
    let house = House::new(&url, issuer.options(options())).await;
    tale(&house, &issuer).await;
    house.db.close().await;
    if let Some((url, place)) = postgres().await {
        let issuer = made();
        let house = House::new(&url, issuer.options(options())).await;
        tale(&house, &issuer).await;
        house.db.close().await;
        Place::end(place).await;
    }
}

pub(crate) fn options() -> AccessOptions {
    AccessOptions {
        key: Some(SettingsKey::of(&Secret::new(SETTINGS_KEY))),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..AccessOptions::default()
    }
}

impl House {
    pub(crate) async fn new(url: &DatabaseUrl, options: AccessOptions) -> Self {
        let store = OpenOptions { create: true, busy_timeout_ms: 10_000, connections_max: 3 };
        let db = Db::open(url, store).await.unwrap();
        let (clock, entropy) = (Arc::new(FakeClock::at(NOW)), Arc::new(SeededEntropy::new(1)));
        let vault = Vault::new(Key::generate(entropy.as_ref()), entropy.clone());
        connect(&db, &vault).await;
        let provider = Provider::new(&db, &vault);
        let metrics = Arc::new(Metrics::new());
        let gateway = Gateway::start(
            db.clone(),
            Arc::new(GatewayTokens::new(&[])),
            GatewayOptions::default(),
            clock.clone(),
            entropy.clone(),
            metrics.clone(),
        );
        let state = State {
            db: db.clone(),
            gateway: Some(Arc::new(gateway)),
            metrics,
            clock: clock.clone(),
            stopping: Stopping::default(),
            access: Access::new(db.clone(), vault, (clock.clone(), entropy), options),
            console: Console::Open(Arc::new(provider.install())),
        };
        let router = web::router(state.clone());
        Self { db, clock, state, router, provider, numbers: AtomicU64::new(100) }
    }

    fn token(&self, prefix: &str) -> Token {
        Token::generate(prefix, &SeededEntropy::new(self.numbers.fetch_add(1, Ordering::Relaxed)))
    }

    /// Ask, from an address of the internet.
    pub(crate) async fn ask(&self, mut request: Request<Body>) -> Response<String> {
        if request.extensions().get::<Peer>().is_none() {
            request.extensions_mut().insert(Peer("203.0.113.7:4711".parse().unwrap()));
        }
        whole(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A user with a password and a role in an organization, or in all.
    pub(crate) async fn user(&self, name: &str, org: Option<OrgId>, role: Role) -> AccessUserId {
        let user = AccessUserId(format!("user-{name}"));
        let hash = PasswordHash::of(&Secret::new(PASSWORD), &SeededEntropy::new(3));
        let mut tx = self.db.begin().await.unwrap();
        users::insert(&mut tx, &user, &UserName::parse(name).unwrap(), NOW).await.unwrap();
        users::set_password(&mut tx, &user, &hash).await.unwrap();
        memberships::put(&mut tx, &user, &Membership { org, role, since: NOW }).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    /// A user who was invited, and has set no password yet.
    pub(crate) async fn invited(&self, name: &str, org: Option<OrgId>, role: Role) -> AccessUserId {
        let user = AccessUserId(format!("user-{name}"));
        let mut tx = self.db.begin().await.unwrap();
        users::insert(&mut tx, &user, &UserName::parse(name).unwrap(), NOW).await.unwrap();
        memberships::put(&mut tx, &user, &Membership { org, role, since: NOW }).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    /// The reasons of the audit log's refusals, the oldest first.
    pub(crate) async fn refusals(&self) -> Vec<String> {
        let entries = store::audit::page(&self.db, 0, 200).await.unwrap();
        let refused = entries.into_iter().filter(|entry| entry.outcome == "refused");
        refused.filter_map(|entry| entry.reason).collect()
    }

    /// What a browser of a user holds, and the text of its forms.
    pub(crate) async fn session(&self, user: &AccessUserId) -> (Token, String) {
        let (token, now) = (self.token(""), self.clock.now());
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let session_id = SessionId(format!("session-{number}"));
        let new = NewSession { session_id, user, token: &token, address: None };
        let entropy = SeededEntropy::new(SeededEntropy::new(number).next_u64());
        let mut tx = self.db.begin().await.unwrap();
        sessions::begin(&mut tx, &new, &entropy, now).await.unwrap();
        tx.commit().await.unwrap();
        let sessions::Found::Held(session) = sessions::find(&self.db, &token, now).await.unwrap() else {
            panic!("the session has just begun")
        };
        (token, session.csrf)
    }

    /// A key of the API.
    pub(crate) async fn key(&self, org: Option<OrgId>, role: Role, scopes: &[Permission]) -> Token {
        let token = self.token(keys::PREFIX);
        let key = ApiKey {
            key_id: ApiKeyId(format!("key-{}", self.numbers.fetch_add(1, Ordering::Relaxed))),
            name: "test".into(),
            org,
            role,
            scopes: scopes.to_vec(),
            created_at: NOW,
            ends_at: NOW.plus(keys::LIFE_MS_MAX),
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = self.db.begin().await.unwrap();
        keys::insert(&mut tx, &key, &token).await.unwrap();
        tx.commit().await.unwrap();
        token
    }

    /// The path of a link to connect with, and its id.
    pub(crate) async fn share_link(&self, org: Option<OrgId>, uses: i64) -> (String, ShareLinkId) {
        let now = self.clock.now();
        let id = ShareLinkId(format!("link-{}", self.numbers.fetch_add(1, Ordering::Relaxed)));
        let until = now.plus(store::install::links::LIFE_MS);
        let link = ShareLink::new(id.clone(), (org, Profile::Archive), (now, until), uses);
        let key = store::install::links::signing_key(&self.db, &self.provider.vault, now).await.unwrap();
        let mut tx = self.db.begin().await.unwrap();
        let token = store::install::links::create(&mut tx, &link, &key).await.unwrap();
        tx.commit().await.unwrap();
        (web::install::link_url("", &token), id)
    }

    /// The path of a link that works once.
    pub(crate) async fn link(&self, link: &Link) -> String {
        let token = self.token("");
        let mut tx = self.db.begin().await.unwrap();
        links::insert(&mut tx, link, &token, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        web::access::link_path(&token)
    }
}

async fn connect(db: &Db, vault: &Vault) {
    for org in [OURS, THEIRS] {
        let connection = Connection {
            connection_id: ConnectionId(format!("connection-{org}")),
            org_id: org,
            kind: ConnectionKind::Private,
            state: ConnectionState::Active,
            scopes: Vec::new(),
            api_url: "https://driftapi.com".into(),
            created_at: NOW,
            last_used_at: None,
            expires_at: None,
        };
        let tokens = Tokens { access: Secret::new("at-canary"), refresh: None, expires_at: None };
        let mut tx = db.begin().await.unwrap();
        connections::insert(&mut tx, &connection, &tokens, vault).await.unwrap();
        tx.commit().await.unwrap();
    }
}
