//! Tokens that expire, are revoked, rotate, or lack a scope.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ::http::Request;
use drift::{
    App, Auth, Class, Client, Config, Error, KeeperError, MemoryKeeper, Millis, Scope, Secret, TokenKeeper,
    TokenPair,
};
use futures_util::future::{BoxFuture, join_all};
use model::{Clock, UserId};

use super::{Answered, Network, USER, json, status};

/// A service whose tokens expire and rotate.
struct Service {
    live: Mutex<String>,
    refreshes: AtomicUsize,
    revoked: AtomicBool,
    /// What it tells of what a token may do.
    scopes: &'static str,
}

impl Service {
    fn new() -> Arc<Self> {
        Self::telling("contact_read")
    }

    fn telling(scopes: &'static str) -> Arc<Self> {
        Arc::new(Self {
            live: Mutex::new("at-0".to_owned()),
            refreshes: AtomicUsize::new(0),
            revoked: AtomicBool::new(false),
            scopes,
        })
    }

    fn answer(&self, request: &Request<bytes::Bytes>) -> Answered {
        let live = self.live.lock().unwrap().clone();
        let bearer = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        let alive = bearer == Some(&format!("Bearer {live}")) && !self.revoked.load(Ordering::SeqCst);
        match request.uri().path() {
            "/oauth2/token" => {
                let form = String::from_utf8_lossy(request.body()).into_owned();
                let number = self.refreshes.fetch_add(1, Ordering::SeqCst);
                if !form.contains(&format!("refresh_token=rt-{number}&"))
                    || self.revoked.load(Ordering::SeqCst)
                {
                    return status(400, r#"{"error":"invalid_grant"}"#);
                }
                let next = number + 1;
                *self.live.lock().unwrap() = format!("at-{next}");
                json(&format!(
                    r#"{{"access_token":"at-{next}","refresh_token":"rt-{next}","expires_in":7200,"orgId":42}}"#
                ))
            }
            _ if !alive => status(401, r#"{"error":{"type":"authentication_error","message":"bad token"}}"#),
            // A token that is asked about must be alive as the one that asks.
            "/app/token_info"
                if !String::from_utf8_lossy(request.body()).contains(&format!("\"{live}\"")) =>
            {
                status(403, r#"{"error":{"type":"authentication_error","message":"bad token"}}"#)
            }
            "/app/token_info" => {
                json(&format!(r#"{{"access_token":"x","expires_in":0,"scope":"{}"}}"#, self.scopes))
            }
            "/users/list" => status(403, r#"{"error":{"type":"authentication_error","message":"scope"}}"#),
            _ => json(USER),
        }
    }

    fn expire(&self) {
        "expired".clone_into(&mut self.live.lock().unwrap());
    }

    fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }
}

fn network(service: &Arc<Service>) -> Arc<Network> {
    let service = Arc::clone(service);
    Network::slow(30, move |_, request| service.answer(request))
}

fn pair(number: u32, expires_at: Option<Millis>) -> TokenPair {
    TokenPair {
        access: Secret::new(format!("at-{number}")),
        refresh: Some(Secret::new(format!("rt-{number}"))),
        expires_at,
        org: None,
    }
}

fn app() -> App {
    App { client_id: "app-1".to_owned(), client_secret: Secret::new("cs-canary") }
}

fn client(network: &Arc<Network>, keeper: Arc<dyn TokenKeeper>) -> Client {
    let auth = Auth::OAuth { app: app(), keeper };
    Client::new(Config::default().per_minute(None), network.seams(), auth).unwrap()
}

#[tokio::test]
async fn many_callers_refresh_an_expired_token_once_each_time() {
    let service = Service::new();
    let network = network(&service);
    let keeper = Arc::new(MemoryKeeper::new(pair(0, None)));
    let client = client(&network, keeper.clone());
    for round in 1..=3 {
        service.expire();
        let calls = (0..64).map(|_| client.user(UserId(7)));
        let results = network.hurry(join_all(calls)).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(service.refreshes(), round);
        assert_eq!(keeper.pair().refresh.unwrap().expose(), format!("rt-{round}"), "the rotated one is kept");
    }
    assert_eq!(network.count("/app/token_info"), 3, "one caller asks whether the token is dead, not all");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let service = Service::new();
    let network = network(&service);
    let expires_at = network.clock.now().plus(7_200_000);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, Some(expires_at)))));
    network.hurry(client.user(UserId(7))).await.unwrap();
    network.clock.advance(7_200_000 - 91_000);
    network.hurry(client.user(UserId(7))).await.unwrap();
    assert_eq!(service.refreshes(), 0);
    network.clock.advance(32_000);
    network.hurry(join_all((0..64).map(|_| client.user(UserId(7))))).await;
    assert_eq!(service.refreshes(), 1);
    assert_eq!(network.records.lock().unwrap().iter().filter(|record| record.path == "/users/7").count(), 66);
}

#[tokio::test]
async fn an_exhausted_refresh_token_ends_it_without_hammering() {
    let service = Service::new();
    service.revoked.store(true, Ordering::SeqCst);
    let network = network(&service);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, None))));
    let results = network.hurry(join_all((0..64).map(|_| client.user(UserId(7))))).await;
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }) && error.class() == Class::Auth, "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(service.refreshes(), 1);
    let before = network.paths().len();
    for _ in 0..10 {
        network.hurry(client.user(UserId(7))).await.unwrap_err();
        network.clock.advance(60_000);
    }
    assert_eq!(network.paths().len(), before, "a dead connection asks nobody");
}

#[tokio::test]
async fn who_connects_again_is_noticed() {
    let service = Service::new();
    service.revoked.store(true, Ordering::SeqCst);
    let network = network(&service);
    let keeper = Arc::new(MemoryKeeper::new(pair(9, None)));
    let client = client(&network, keeper.clone());
    network.hurry(client.user(UserId(7))).await.unwrap_err();
    service.revoked.store(false, Ordering::SeqCst);
    keeper.save(&pair(0, None)).await.unwrap();
    network.clock.advance(10_000);
    network.hurry(client.user(UserId(7))).await.unwrap();
}

#[tokio::test]
async fn a_refresh_by_another_process_is_taken_over() {
    let service = Service::new();
    let network = network(&service);
    let keeper = Arc::new(MemoryKeeper::new(pair(0, None)));
    let (ours, theirs) = (client(&network, keeper.clone()), client(&network, keeper));
    network.hurry(join_all([ours.user(UserId(7)), theirs.user(UserId(7))])).await;
    service.expire();
    network.hurry(theirs.user(UserId(7))).await.unwrap();
    network.hurry(ours.user(UserId(7))).await.unwrap();
    assert_eq!(service.refreshes(), 1);
}

#[tokio::test]
async fn a_token_endpoint_that_stumbles_is_asked_again() {
    let service = Service::new();
    let inner = Arc::clone(&service);
    let stumbles = AtomicUsize::new(0);
    let network = Network::slow(30, move |_, request| {
        if request.uri().path() == "/oauth2/token" && stumbles.fetch_add(1, Ordering::SeqCst) < 3 {
            return status(503, "");
        }
        inner.answer(request)
    });
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, None))));
    service.expire();
    network.hurry(client.user(UserId(7))).await.unwrap();
    assert_eq!((network.count("/oauth2/token"), service.refreshes()), (4, 1));
}

/// A keeper whose disk is full for a while.
struct Full {
    inner: MemoryKeeper,
    full: AtomicBool,
}

impl TokenKeeper for Full {
    fn load(&self) -> BoxFuture<'_, Result<TokenPair, KeeperError>> {
        self.inner.load()
    }

    fn save<'a>(&'a self, pair: &'a TokenPair) -> BoxFuture<'a, Result<(), KeeperError>> {
        if self.full.load(Ordering::SeqCst) {
            return Box::pin(async { Err(KeeperError::new("the disk is full")) });
        }
        self.inner.save(pair)
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used_and_not_lost() {
    let service = Service::new();
    let network = network(&service);
    let keeper = Arc::new(Full { inner: MemoryKeeper::new(pair(0, None)), full: AtomicBool::new(true) });
    let client = client(&network, keeper.clone());
    service.expire();
    for _ in 0..3 {
        let error = network.hurry(client.user(UserId(7))).await.unwrap_err();
        assert!(matches!(error, Error::Keeper(_)), "{error}");
    }
    assert!(
        network
            .asked
            .lock()
            .unwrap()
            .iter()
            .all(|asked| asked.authorization.as_deref() != Some("Bearer at-1"))
    );
    keeper.full.store(false, Ordering::SeqCst);
    network.hurry(client.user(UserId(7))).await.unwrap();
    assert_eq!(service.refreshes(), 1, "the pair that waited was kept, not bought again");
    assert_eq!(keeper.inner.pair().access.expose(), "at-1");
}

#[tokio::test]
async fn a_refresh_is_carried_through_when_its_caller_goes_away() {
    let service = Service::new();
    let network = network(&service);
    let keeper = Arc::new(MemoryKeeper::new(pair(0, None)));
    let client = client(&network, keeper.clone());
    service.expire();
    let caller = {
        let client = client.clone();
        tokio::spawn(async move { client.user(UserId(7)).await })
    };
    let wait = async {
        while network.count("/oauth2/token") == 0 {
            tokio::task::yield_now().await;
        }
    };
    network.hurry(wait).await;
    caller.abort();
    network.hurry(network.clock.sleep(1_000)).await;
    assert_eq!(keeper.pair().refresh.unwrap().expose(), "rt-1");
}

#[tokio::test]
async fn a_lacking_scope_is_told_from_a_dead_token() {
    let service = Service::new();
    let network = network(&service);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, None))));
    for _ in 0..5 {
        let error = network.hurry(client.users()).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden { scope: Some(Scope::UserRead), .. }), "{error}");
    }
    let error = network.hurry(client.playbooks()).await;
    assert!(error.is_err());
    assert_eq!((service.refreshes(), network.count("/app/token_info")), (0, 1));
}

#[tokio::test]
async fn a_token_that_dies_after_it_was_found_alive_is_renewed() {
    let service = Service::telling("user_read contact_read");
    let network = network(&service);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, None))));
    for round in 1..=3 {
        // Refused, though the token lives and says that it may.
        let error = network.hurry(client.users()).await.unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{error}");
        service.expire();
        let results = network.hurry(join_all((0..16).map(|_| client.user(UserId(7))))).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(service.refreshes(), round);
    }
}

#[tokio::test]
async fn a_token_that_is_replaced_while_it_is_asked_about_is_asked_about_anew() {
    let service = Service::new();
    let network = network(&service);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, None))));
    service.expire();
    let asked = network.hurry(join_all((0..16).map(|_| client.token_info()))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!(service.refreshes(), 1);
}

#[tokio::test]
async fn a_dead_private_token_ends_it() {
    let network =
        Network::new(|_, _| status(401, r#"{"error":{"type":"authentication_error","message":"no"}}"#));
    let client = network.client();
    for _ in 0..5 {
        let error = network.hurry(client.user(UserId(7))).await.unwrap_err();
        assert_eq!(error.class(), Class::Auth);
    }
    assert_eq!(network.paths(), ["/users/7", "/app/token_info"]);
}

#[tokio::test]
async fn a_code_is_traded_for_a_pair() {
    let network = Network::new(|_, request| {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        assert!(
            form.starts_with("grant_type=authorization_code&code=c-1&redirect_uri=http%3A%2F%2F127.0.0.1"),
            "{form}"
        );
        json(
            r#"{"access_token":"at-1","refresh_token":"rt-1","expires_in":7200,"token_type":"bearer","orgId":42}"#,
        )
    });
    let (config, seams, app, code) = (Config::default(), network.seams(), app(), Secret::new("c-1"));
    let exchange = drift::oauth::exchange_code(&config, &seams, &app, &code, "http://127.0.0.1/cb");
    let pair = network.hurry(exchange).await.unwrap();
    assert_eq!((pair.access.expose(), pair.org.map(|org| org.0)), ("at-1", Some(42)));
    let shown = format!("{pair:?} {:?}", network.records.lock().unwrap());
    assert!(!shown.contains("at-1") && !shown.contains("cs-canary"), "{shown}");
    assert_eq!(network.asked.lock().unwrap()[0].authorization, None);
}

/// A network on which the token endpoint is busy.
fn without_renewal(service: &Arc<Service>) -> Arc<Network> {
    let service = Arc::clone(service);
    Network::slow(30, move |_, request| match request.uri().path() {
        "/oauth2/token" => status(503, ""),
        _ => service.answer(request),
    })
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_ahead_is_used_while_it_lives() {
    let network = without_renewal(&Service::new());
    let expires_at = network.clock.now().plus(7_200_000);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, Some(expires_at)))));
    network.hurry(client.user(UserId(7))).await.unwrap();
    network.clock.advance(7_200_000 - 50_000);
    for _ in 0..3 {
        network.hurry(client.user(UserId(7))).await.unwrap();
    }
    assert_eq!(network.count("/oauth2/token"), 1, "it is left alone for a while");
    network.clock.advance(10_000);
    network.hurry(client.user(UserId(7))).await.unwrap();
    assert_eq!(network.count("/oauth2/token"), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_for_now_fails_for_all_who_waited() {
    let service = Service::new();
    let network = without_renewal(&service);
    let client = client(&network, Arc::new(MemoryKeeper::new(pair(0, None))));
    service.expire();
    let results = network.hurry(join_all((0..64).map(|_| client.user(UserId(7))))).await;
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Unrenewed { .. }) && error.class() == Class::Retryable, "{error}");
    }
    assert_eq!((network.count("/oauth2/token"), network.count("/app/token_info")), (8, 1));
}
