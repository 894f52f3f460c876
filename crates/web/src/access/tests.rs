//! Doors that ask for the password once more: what they ask of people, and of keys.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, header};
use model::{
    AccessUserId, ApiKeyId, FakeClock, Millis, Permission, Role, SeededEntropy, SessionId, UserName,
};
use store::access::keys::{self, ApiKey};
use store::access::memberships::{self, Membership};
use store::access::sessions::{self, NewSession};
use store::access::{Token, users};
use store::vault::{Key, Vault};
use store::{DatabaseUrl, Db, OpenOptions};
use tower::ServiceExt as _;

use super::{Access, AccessOptions, Doors, Needs, Surface};

const NOW: Millis = Millis(1_750_000_000_000);

struct House {
    db: Db,
    clock: Arc<FakeClock>,
    router: Router,
    _folder: tempfile::TempDir,
}

/// Doors for each permission, for programs and for browsers.
async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::file(folder.path().join("store.db"));
    let db = Db::open(&url, OpenOptions::default()).await.unwrap();
    let (clock, entropy) = (Arc::new(FakeClock::at(NOW)), Arc::new(SeededEntropy::new(1)));
    let vault = Vault::new(Key::generate(entropy.as_ref()), entropy.clone());
    let access = Access::new(db.clone(), vault, (clock.clone(), entropy), AccessOptions::default());
    let behind = || get(|| async { "behind the door" });
    let (mut machine, mut page) = (Doors::new(&access, Surface::Machine), Doors::new(&access, Surface::Page));
    for permission in Permission::ALL {
        let path = |kind: &str| -> &'static str { format!("/{kind}/{permission}").leak() };
        machine = machine.at(("get", path("machine")), Needs::Everywhere(permission), behind());
        page = page.at(("get", path("page")), Needs::Everywhere(permission), behind());
    }
    let router = machine.open(()).with(page.open(())).router;
    House { db, clock, router, _folder: folder }
}

impl House {
    async fn ask(&self, path: &str, name: header::HeaderName, value: String) -> (u16, String) {
        let request = Request::get(path).header(name, value).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), to.unwrap_or_default())
    }

    async fn key(&self, role: Role, scopes: &[Permission]) -> String {
        let number = SeededEntropy::new(scopes.len() as u64 + role as u64 * 100 + 7);
        let token = Token::generate(keys::PREFIX, &number);
        let key = ApiKey {
            key_id: ApiKeyId(token.expose()[..12].to_owned()),
            name: "test".into(),
            org: None,
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
        format!("Bearer {}", token.expose())
    }
}

#[tokio::test]
async fn a_person_shows_the_password_again_before_what_matters_and_not_before_the_rest() {
    let house = house().await;
    let (user, token) = (AccessUserId("ada".into()), Token::generate("", &SeededEntropy::new(9)));
    let mut tx = house.db.begin().await.unwrap();
    users::insert(&mut tx, &user, &UserName::parse("ada").unwrap(), NOW).await.unwrap();
    memberships::put(&mut tx, &user, &Membership { org: None, role: Role::Owner, since: NOW }).await.unwrap();
    let new = NewSession { session_id: SessionId("s".into()), user: &user, token: &token, address: None };
    sessions::begin(&mut tx, &new, &SeededEntropy::new(2), NOW).await.unwrap();
    tx.commit().await.unwrap();
    let cookie = || format!("longshore={}", token.expose());
    for permission in Permission::ALL {
        let answer = house.ask(&format!("/machine/{permission}"), header::COOKIE, cookie()).await;
        assert_eq!(answer.0, 200, "{permission}: the password was shown a moment ago");
    }
    house.clock.advance(sessions::STEP_UP_MS);
    for permission in Permission::ALL {
        let matters = permission.needs_step_up();
        let (status, _) = house.ask(&format!("/machine/{permission}"), header::COOKIE, cookie()).await;
        assert_eq!(status, if matters { 403 } else { 200 }, "{permission}");
        let (status, to) = house.ask(&format!("/page/{permission}"), header::COOKIE, cookie()).await;
        assert_eq!(status, if matters { 303 } else { 200 }, "{permission}");
        assert_eq!(to.starts_with("/step-up?next=%2Fpage%2F"), matters, "{permission}: {to}");
    }
}

#[tokio::test]
async fn a_key_names_what_matters_one_by_one() {
    let house = house().await;
    let (owner, all) = (house.key(Role::Owner, &[]).await, house.key(Role::Service, &Permission::ALL).await);
    for permission in Permission::ALL {
        let path = format!("/machine/{permission}");
        let (status, _) = house.ask(&path, header::AUTHORIZATION, owner.clone()).await;
        assert_eq!(status, if permission.needs_step_up() { 403 } else { 200 }, "{permission}");
        let (status, _) = house.ask(&path, header::AUTHORIZATION, all.clone()).await;
        assert_eq!(status, 200, "{permission}");
    }
    let vault = [Permission::VaultWrite, Permission::ExportsWrite, Permission::ErasuresWrite];
    assert!(vault.iter().all(|permission| permission.needs_step_up()));
}
