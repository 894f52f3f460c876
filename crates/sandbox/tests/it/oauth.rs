//! Consent, codes, tokens.

use model::Clock as _;
use sandbox::{AuthFailure, Fault, FaultProfile, FaultRule, Options, Scope, ScopeSet};
use serde_json::{Value, json};

use crate::caller::{Caller, Got, small};

const CLIENT: &str = "client_id=sandbox-app&client_secret=sandbox-secret";
const CONSENT: &str =
    "response_type=code&client_id=sandbox-app&redirect_uri=http%3A%2F%2F127.0.0.1%3A8917%2Fcallback";

impl Caller {
    async fn code(&self) -> String {
        let back = self.form("/authorize", &format!("{CONSENT}&decision=allow")).await;
        assert_eq!(back.status, 303, "{}", back.text());
        back.header("location").split_once("code=").unwrap().1.to_owned()
    }

    async fn exchange(&self, code: &str) -> Got {
        self.form("/oauth2/token", &format!("{CLIENT}&grant_type=authorization_code&code={code}")).await
    }

    async fn refresh(&self, token: &str) -> Got {
        self.form("/oauth2/token", &format!("{CLIENT}&grant_type=refresh_token&refresh_token={token}")).await
    }

    async fn connected(options: Options) -> (Self, Value) {
        let mut caller = Self::with(options);
        let pair = caller.exchange(&caller.code().await).await.json();
        caller.token = pair["access_token"].as_str().unwrap().to_owned();
        (caller, pair)
    }
}

#[tokio::test]
async fn the_consent_page_names_the_app_and_what_it_asks_for() {
    let caller = Caller::new();
    let page = caller.get(&format!("/authorize?{CONSENT}&state=a%22%3Cb")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for part in
        ["Connect Longshore", "Read contacts", "conversation_read", "value=\"a&quot;&lt;b\"", "Allow", "Deny"]
    {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    assert!(!page.text().contains("gdpr_read"), "private apps only");
}

#[tokio::test]
async fn allow_and_deny_lead_back_with_the_state() {
    let caller = Caller::new();
    let allowed = caller.form("/authorize", &format!("{CONSENT}&state=x%20%26y&decision=allow")).await;
    let location = allowed.header("location");
    assert!(location.starts_with("http://127.0.0.1:8917/callback?code=sbx-code-"), "{location}");
    assert!(location.ends_with("&state=x+%26y"), "{location}");

    let denied = caller.form("/authorize", &format!("{CONSENT}&state=s&decision=deny")).await;
    assert_eq!(denied.header("location"), "http://127.0.0.1:8917/callback?error=access_denied&state=s");
}

#[tokio::test]
async fn a_wrong_client_or_redirect_is_told_and_never_sent_on() {
    let caller = Caller::new();
    for (wrong, hint) in [
        (CONSENT.replace("sandbox-app", "other"), "No app has this client_id"),
        (CONSENT.replace("8917", "8918"), "redirect_uri is not the one saved"),
        (CONSENT.replace("=code", "=token"), "response_type must be code"),
    ] {
        for page in [
            caller.get(&format!("/authorize?{wrong}")).await,
            caller.form("/authorize", &format!("{wrong}&decision=allow")).await,
        ] {
            assert_eq!(page.status, 400);
            assert!(page.text().contains(hint), "{}", page.text());
            assert_eq!(page.header("location"), "");
        }
    }
}

#[tokio::test]
async fn a_code_yields_a_pair_once_and_soon() {
    let caller = Caller::new();
    let code = caller.code().await;
    let pair = caller.exchange(&code).await.json();
    assert_eq!((&pair["expires_in"], &pair["token_type"]), (&json!(7200), &json!("bearer")));
    assert_eq!(pair["orgId"], caller.sandbox.world().org_id());

    let again = caller.exchange(&code).await;
    assert_eq!(again.error(), (403, "authentication_error".to_owned()));
    assert!(again.text().contains("invalid_grant"), "{}", again.text());

    let late = caller.code().await;
    caller.clock.advance(60_000);
    assert!(caller.exchange(&late).await.text().contains("has expired"));
}

#[tokio::test]
async fn the_token_endpoint_checks_who_asks_and_for_what() {
    let caller = Caller::new();
    let wrong_secret = "client_id=sandbox-app&client_secret=x&grant_type=authorization_code&code=x";
    assert_eq!(caller.form("/oauth2/token", wrong_secret).await.error().0, 403);
    let no_grant = caller.form("/oauth2/token", CLIENT).await;
    assert_eq!(no_grant.error(), (400, "validation_error".to_owned()));
    let code = caller.code().await;
    let elsewhere =
        format!("{CLIENT}&grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2Fevil");
    assert_eq!(caller.form("/oauth2/token", &elsewhere).await.error().0, 400);
}

#[tokio::test]
async fn the_json_of_2018_is_answered_in_kind() {
    let caller = Caller::new();
    let body = json!({
        "clientId": "sandbox-app", "clientSecret": "sandbox-secret",
        "grantType": "authorization_code", "code": caller.code().await,
    });
    let pair = caller.post("/oauth2/token", &body).await.json();
    assert!(pair["accessToken"].is_string() && pair["refreshToken"].is_string(), "{pair}");
}

#[tokio::test]
async fn a_token_expires_by_the_clock_and_its_refresh_token_rotates() {
    let (mut caller, pair) = Caller::connected(small()).await;
    assert_eq!(caller.get("/users/list").await.status, 200);
    caller.clock.advance(7_200_000);
    let expired = caller.get("/users/list").await;
    assert_eq!(expired.error(), (403, "authentication_error".to_owned()));
    assert!(expired.text().contains("has expired"));

    let old = pair["refresh_token"].as_str().unwrap();
    let fresh = caller.refresh(old).await.json();
    caller.token = fresh["access_token"].as_str().unwrap().to_owned();
    assert_eq!(caller.get("/users/list").await.status, 200);
    assert_ne!(fresh["refresh_token"], old);
    assert!(caller.refresh(old).await.text().contains("has been used or revoked"));
    assert_eq!(caller.sandbox.refreshes(), 1);
}

#[tokio::test]
async fn without_rotation_the_refresh_token_stays() {
    let (caller, pair) = Caller::connected(Options { rotate_refresh_tokens: false, ..small() }).await;
    let refresh = pair["refresh_token"].as_str().unwrap();
    assert_eq!(caller.refresh(refresh).await.json()["refresh_token"], refresh);
    assert_eq!(caller.refresh(refresh).await.status, 200);
}

#[tokio::test]
async fn after_a_lost_answer_the_old_refresh_token_works_while_grace_lasts() {
    let (caller, pair) = Caller::connected(Options { refresh_grace_ms: 30_000, ..small() }).await;
    let old = pair["refresh_token"].as_str().unwrap();
    caller.sandbox.faults().once(Fault::Cut, "/oauth2/token");
    assert!(!caller.refresh(old).await.whole, "the answer is lost");
    caller.clock.advance(29_999);
    assert_eq!(caller.refresh(old).await.status, 200);
    assert_eq!((caller.sandbox.refreshes(), caller.sandbox.replays()), (1, 1));
    caller.clock.advance(1);
    assert!(caller.refresh(old).await.text().contains("has been used or revoked"));
}

#[tokio::test]
async fn a_bad_token_is_401_where_the_option_says_so() {
    let mut caller = Caller::with(Options { auth_failure: AuthFailure::Unauthorized, ..small() });
    caller.token = "nonsense".to_owned();
    assert_eq!(caller.get("/users/list").await.error(), (401, "authentication_error".to_owned()));
    caller.token.clear();
    let without = caller.get("/users/list").await;
    assert!(without.text().contains("is missing"), "{}", without.text());
}

#[tokio::test]
async fn token_info_tells_scope_and_life_at_top_level() {
    let (caller, pair) =
        Caller::connected(Options { scopes: "user_read gdpr_read".parse().unwrap(), ..small() }).await;
    let body = json!({"access_token": pair["access_token"]});
    let info = caller.post("/app/token_info", &body).await.json();
    assert_eq!(info["scope"], "user_read");
    assert_eq!(info["expires_in"], 7_200_000);
    assert_eq!(info["created_at"], caller.clock.now().0);
    assert_eq!(info["authenticated_userid"], format!("orgId:{}", caller.sandbox.world().org_id()));

    let private = caller.sandbox.issue_private_token(ScopeSet::none());
    let info = caller.post("/app/token_info", &json!({"access_token": private})).await.json();
    assert_eq!(info["expires_in"], 0);
    assert_eq!(caller.post("/app/token_info", &json!({"access_token": "x"})).await.error().0, 403);
}

#[tokio::test]
async fn uninstalling_ends_the_whole_grant() {
    let (caller, pair) = Caller::connected(small()).await;
    let gone =
        caller.post("/app/uninstall?clientId=sandbox-app&clientSecret=sandbox-secret", &json!({})).await;
    assert_eq!(gone.json(), json!({"result": "OK", "ok": true}));
    assert!(caller.get("/users/list").await.text().contains("revoked"));
    assert_eq!(caller.refresh(pair["refresh_token"].as_str().unwrap()).await.error().0, 403);
}

#[tokio::test]
async fn other_scopes_in_the_settings_do_not_widen_old_tokens() {
    let narrow = ScopeSet::all().without(Scope::UserRead);
    let (mut caller, _) = Caller::connected(Options { scopes: narrow, ..small() }).await;
    caller.sandbox.set_scopes(ScopeSet::all());
    assert_eq!(caller.get("/users/list").await.error().0, 403);
    let pair = caller.exchange(&caller.code().await).await.json();
    caller.token = pair["access_token"].as_str().unwrap().to_owned();
    assert_eq!(caller.get("/users/list").await.status, 200);
}

#[tokio::test]
async fn a_token_that_a_fault_expires_is_mended_by_one_refresh() {
    let faults = FaultProfile::new(1).with(FaultRule::once(Fault::ExpiredToken).after(1));
    let (mut caller, pair) = Caller::connected(Options { faults, ..small() }).await;
    assert_eq!(caller.get("/users/list").await.status, 200);
    for _ in 0..2 {
        assert!(caller.get("/users/list").await.text().contains("has expired"));
    }
    let fresh = caller.refresh(pair["refresh_token"].as_str().unwrap()).await.json();
    caller.token = fresh["access_token"].as_str().unwrap().to_owned();
    assert_eq!(caller.get("/users/list").await.status, 200);
    let entries = caller.sandbox.log().entries();
    let told: Vec<_> =
        entries.iter().rev().take(5).map(|entry| (entry.status, entry.fault, entry.token)).collect();
    let (old, new) = (Some(2), Some(3));
    let expired = Some("expired_token");
    assert_eq!(
        told,
        [(200, None, new), (200, None, old), (403, None, old), (403, expired, old), (200, None, old)]
    );
}
