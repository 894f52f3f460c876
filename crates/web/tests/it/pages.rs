//! The pages, as a person meets them.

use model::{Role, Secret, UserName};
use store::access::links::Link;
use store::access::{sessions, users};
use store::audit;
use totp_rs::Builder;

use crate::browser::{Browser, location};
use crate::house::{House, NOW, OURS, PASSWORD, on_both};

const OTHER: &str = "another long password";

#[tokio::test]
async fn the_link_of_the_first_start_makes_the_owner_once() {
    on_both(async |house| {
        let mut ada = Browser::new(house);
        assert!(ada.get("/sign-in").await.body().contains("Nobody can sign in yet"));
        let link = house.link(&Link::Owner).await;
        assert_eq!(location(&ada.get(&link).await), "/setup", "the code leaves the address");
        assert!(ada.get("/setup").await.body().contains("Welcome to Longshore"));
        let fields = |password: &'static str, again: &'static str| {
            [("name", "Ada@example.test"), ("password", password), ("again", again)]
        };
        let answer = ada.post("/setup", &fields("short", "short")).await;
        assert_eq!(answer.status(), 400);
        assert!(
            answer.body().contains("at least 12 characters") && answer.body().contains("Ada@example.test")
        );
        assert_eq!(ada.post("/setup", &fields(PASSWORD, OTHER)).await.status(), 400, "they differ");
        let answer = ada.post("/setup", &fields(PASSWORD, PASSWORD)).await;
        assert_eq!(location(&answer), "/sign-in?done=password-set");
        let mut late = Browser::new(house);
        late.get(&link).await;
        assert!(late.get("/setup").await.body().contains("not good any more"));
        assert_eq!(location(&ada.sign_in("ada@example.test", PASSWORD, "").await), "/");
        let start = ada.get("/").await;
        assert!(start.body().contains("Organization 1") && start.body().contains("Organization 2"));
    })
    .await;
}

#[tokio::test]
async fn an_invitation_sets_the_password_of_its_user_and_ends_old_sessions() {
    on_both(async |house| {
        let user = house.user("grace", Some(OURS), Role::Analyst).await;
        let (old, _) = house.session(&user).await;
        let mut grace = Browser::new(house);
        let link = house.link(&Link::Reset(user.clone())).await;
        grace.get(&link).await;
        assert!(grace.get("/setup").await.body().contains("You sign in as <strong>grace</strong>"));
        let fields = [("name", "somebody-else"), ("password", OTHER), ("again", OTHER)];
        location(&grace.post("/setup", &fields).await);
        let found = sessions::find(&house.db, &old, NOW).await.unwrap();
        assert!(matches!(found, sessions::Found::Nothing), "{found:?}");
        assert_eq!(grace.sign_in("grace", PASSWORD, "").await.status(), 401, "the old password");
        assert_eq!(location(&grace.sign_in("grace", OTHER, "").await), "/");
        assert!(
            users::by_name(&house.db, &UserName::parse("somebody-else").unwrap()).await.unwrap().is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn signing_in_leads_back_to_where_one_was_headed_and_out_ends_the_session() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        assert_eq!(location(&ada.get("/account?x=1").await), "/sign-in?next=%2Faccount%3Fx%3D1");
        ada.get("/sign-in?next=%2Faccount").await;
        let fields = [("name", "ada"), ("password", PASSWORD), ("next", "/account")];
        assert_eq!(location(&ada.post("/sign-in", &fields).await), "/account");
        let page = ada.get("/account").await;
        assert!(page.body().contains("owner of every organization") && page.body().contains("203.0.113.7"));
        let held = ada.cookies.clone();
        assert_eq!(location(&ada.post("/sign-out", &[]).await), "/sign-in?done=signed-out");
        assert!(!ada.cookies.contains_key("longshore"));
        ada.cookies = held;
        assert_eq!(location(&ada.get("/account").await), "/sign-in?next=%2Faccount", "ended here, too");
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_keeps_this_one() {
    on_both(async |house| {
        let user = house.user("ada", None, Role::Owner).await;
        let (mut ada, mut other) = (Browser::new(house), Browser::new(house));
        ada.sign_in("ada", PASSWORD, "").await;
        other.sign_in("ada", PASSWORD, "").await;
        ada.get("/account").await;
        let change =
            |present: &'static str, new: &'static str| [("password", present), ("new", new), ("again", new)];
        assert_eq!(ada.post("/account/password", &change(OTHER, OTHER)).await.status(), 403);
        assert_eq!(ada.post("/account/password", &change(PASSWORD, "short")).await.status(), 400);
        let answer = ada.post("/account/password", &change(PASSWORD, OTHER)).await;
        assert_eq!(location(&answer), "/account?done=password-changed");
        assert!(ada.get("/account?done=password-changed").await.body().contains("Your password is changed"));
        location(&other.get("/account").await);
        let password = users::password(&house.db, &user).await.unwrap().unwrap();
        assert!(password.is_of(&Secret::new(OTHER)));
    })
    .await;
}

#[tokio::test]
async fn what_was_done_at_the_doors_stands_in_the_audit_and_no_name_does() {
    on_both(async |house| {
        let mut ada = Browser::new(house);
        ada.get(&house.link(&Link::Owner).await).await;
        ada.get("/setup").await;
        ada.post("/setup", &[("name", "ada"), ("password", PASSWORD), ("again", PASSWORD)]).await;
        ada.sign_in("ada", "a wrong password", "").await;
        ada.sign_in("nobody", "a wrong password", "").await;
        ada.sign_in("ada", PASSWORD, "").await;
        ada.get("/account").await;
        ada.post("/account/password", &[("password", PASSWORD), ("new", OTHER), ("again", OTHER)]).await;
        ada.get("/account").await;
        ada.post("/sign-out", &[]).await;
        let entries = audit::page(&house.db, 0, 100).await.unwrap();
        let told: Vec<String> = entries
            .iter()
            .map(|entry| {
                let reason = entry.reason.as_deref().unwrap_or("-");
                format!("{} {} {} {reason}", entry.actor_kind, entry.action, entry.outcome)
            })
            .collect();
        insta::assert_snapshot!("audit_of_the_doors", told.join("\n"));
        assert!(entries.iter().all(|entry| entry.origin.as_deref() == Some("203.0.113.7")));
        assert!(!format!("{entries:?}").contains("\"ada\""), "{entries:?}");
    })
    .await;
}

/// The code that an authenticator shows for the key on the page.
fn code(page: &str, house: &House) -> String {
    use model::Clock as _;
    let key = page.split_once("<p class=\"key\"><code>").unwrap().1.split('<').next().unwrap();
    let secret = totp_rs::Secret::try_from_base32(key).unwrap();
    let seconds = u64::try_from(house.clock.now().0 / 1_000).unwrap();
    Builder::new().with_secret(secret).build().unwrap().generate(seconds).to_string()
}

#[tokio::test]
async fn an_authenticator_is_asked_for_once_it_was_confirmed_and_a_code_counts_once() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        ada.sign_in("ada", PASSWORD, "").await;
        ada.get("/account").await;
        location(&ada.post("/account/authenticator/prepare", &[]).await);
        let page = ada.get("/account").await.into_body();
        assert!(page.contains("otpauth://totp/Longshore:ada?secret="));
        assert_eq!(ada.post("/account/authenticator/confirm", &[("code", "000000")]).await.status(), 400);
        let first = code(&page, house);
        location(&ada.post("/account/authenticator/confirm", &[("code", &first)]).await);
        assert!(!ada.get("/account").await.body().contains("otpauth"), "never shown again");

        let mut later = Browser::new(house);
        assert_eq!(later.sign_in("ada", PASSWORD, "").await.status(), 401);
        assert_eq!(later.sign_in("ada", PASSWORD, &first).await.status(), 401, "used");
        house.clock.advance(60_000);
        let second = code(&page, house);
        assert_eq!(later.sign_in("ada", "a wrong password", &second).await.status(), 401);
        assert_eq!(location(&later.sign_in("ada", PASSWORD, &second).await), "/");

        later.get("/account").await;
        location(&later.post("/account/authenticator/remove", &[]).await);
        assert_eq!(location(&Browser::new(house).sign_in("ada", PASSWORD, "").await), "/");
    })
    .await;
}

#[tokio::test]
async fn what_matters_asks_for_the_password_again_and_renews_the_session() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        ada.sign_in("ada", PASSWORD, "").await;
        house.clock.advance(sessions::STEP_UP_MS);
        ada.get("/account").await;
        let answer = ada.post("/account/authenticator/prepare", &[]).await;
        assert_eq!(location(&answer), "/step-up?next=%2Faccount");
        ada.get("/step-up?next=%2Faccount").await;
        let before = ada.cookies.clone();
        assert_eq!(ada.post("/step-up", &[("password", "wrong")]).await.status(), 403);
        let answer = ada.post("/step-up", &[("password", PASSWORD), ("next", "/account")]).await;
        assert_eq!(location(&answer), "/account");
        assert_ne!(ada.cookies["longshore"], before["longshore"]);
        ada.get("/account").await;
        assert_eq!(location(&ada.post("/account/authenticator/prepare", &[]).await), "/account");
        let mut old = Browser::new(house);
        old.cookies = before;
        location(&old.get("/account").await);
    })
    .await;
}

#[tokio::test]
async fn a_session_gets_a_new_text_as_it_goes_and_ends_for_both_when_it_was_copied() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        ada.sign_in("ada", PASSWORD, "").await;
        let mut thief = Browser::new(house);
        thief.cookies = ada.cookies.clone();
        house.clock.advance(sessions::ROTATE_MS);
        assert_eq!(ada.get("/account").await.status(), 200);
        assert_ne!(ada.cookies["longshore"], thief.cookies["longshore"]);
        assert_eq!(thief.get("/account").await.status(), 200, "a request that was under way");
        house.clock.advance(sessions::GRACE_MS);
        location(&thief.get("/account").await);
        location(&ada.get("/account").await);
    })
    .await;
}

#[tokio::test]
async fn pages_tell_browsers_to_be_careful_and_over_tls_more_so() {
    on_both(async |house| {
        let mut browser = Browser::at(house, "10.1.2.3");
        let page = browser.get("/sign-in").await;
        let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        assert!(!page.headers().contains_key("strict-transport-security"), "not over plain HTTP");
        assert!(!page.body().contains("<script") && !page.body().contains("http"), "nothing from elsewhere");
        let tls = |peer: &str| {
            let request = http::Request::get("/sign-in").header("x-forwarded-proto", "https");
            let mut request = request.body(axum::body::Body::empty()).unwrap();
            request.extensions_mut().insert(web::Peer(format!("{peer}:1").parse().unwrap()));
            request
        };
        let trusted = house.ask(tls("10.1.2.3")).await;
        assert!(trusted.headers().contains_key("strict-transport-security"));
        let cookie = trusted.headers()["set-cookie"].to_str().unwrap();
        assert!(
            cookie.starts_with("__Host-longshore-visit=") && cookie.ends_with("SameSite=Lax; Secure"),
            "{cookie}"
        );
        let stranger = house.ask(tls("203.0.113.7")).await;
        assert!(!stranger.headers().contains_key("strict-transport-security"), "its word is not taken");
    })
    .await;
}
