//! Tokens: how they are traded, how long they live, and how Drift says no.

use drift::{App, Config, Error, Secret, TokenPair, oauth};
use model::{ConversationId, Millis, OrgId};

use crate::script::{Reply, Script};

const NOW: Millis = Millis(1_710_000_000_000);

async fn traded(answer: &str) -> (TokenPair, Script) {
    let script = Script::of("POST /oauth2/token", answer);
    let app = App { client_id: "c-1".to_owned(), client_secret: Secret::new("s-1") };
    let (config, seams, code) = (Config::default(), script.seams(), Secret::new("code-1"));
    let pair = oauth::exchange_code(&config, &seams, &app, &code, "https://me.test/back").await.unwrap();
    (pair, script)
}

#[tokio::test]
async fn row_12_401_and_403_mean_the_same_and_the_token_tells_which() {
    for status in [401, 403] {
        let refused = Script::new().on("GET /conversations/5", Reply::error(status, "authentication_error"));
        let alive =
            refused.on("POST /app/token_info", Reply::json(r#"{"scope":"user_read","expires_in":0}"#));
        let client = alive.client();
        let error = client.conversation(ConversationId(5)).await.unwrap_err();
        assert!(
            matches!(error, Error::Forbidden { scope: Some(drift::Scope::ConversationRead), .. }),
            "{error}"
        );

        let refused = Script::new().on("GET /conversations/5", Reply::error(status, "authentication_error"));
        let dead = refused.on("POST /app/token_info", Reply::error(status, "authentication_error"));
        let client = dead.client();
        let error = client.conversation(ConversationId(5)).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    }
}

#[tokio::test]
async fn row_14_the_token_to_inspect_goes_under_access_token() {
    let answer = r#"{"access_token":"tok-canary","authenticated_userid":"orgId:4242","credential_id":"app",
        "token_type":"bearer","expires_in":7200000,"created_at":1,"scope":"contact_read user_read","id":"t"}"#;
    let script = Script::of("POST /app/token_info", answer);
    let info = script.client().token_info().await.unwrap();
    assert_eq!(script.last_body(), r#"{"access_token":"tok-canary"}"#);
    assert_eq!(info.org_id(), Some(OrgId(4242)));
    assert_eq!(info.scopes().collect::<Vec<_>>(), ["contact_read", "user_read"]);
    assert!(!format!("{info:?}").contains("canary"));
}

#[tokio::test]
async fn row_15_a_form_goes_to_the_token_endpoint_and_either_spelling_comes_back() {
    for answer in [
        r#"{"access_token":"at","refresh_token":"rt","expires_in":7200,"token_type":"bearer","orgId":4242}"#,
        r#"{"accessToken":"at","refreshToken":"rt","orgId":4242}"#,
    ] {
        let (pair, script) = traded(answer).await;
        assert_eq!((pair.access.expose(), pair.refresh.unwrap().expose()), ("at", "rt"));
        assert_eq!(pair.org, Some(OrgId(4242)));
        let asked = script.asked().pop().unwrap();
        assert_eq!(asked.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
        assert!(
            asked.body.contains("grant_type=authorization_code") && asked.body.contains("client_secret=s-1")
        );
        assert_eq!(asked.authorization, None, "the app's credentials go in the body");
    }
}

#[tokio::test]
async fn row_16_a_lifetime_is_in_seconds_there_and_in_milliseconds_here() {
    for (expires_in, lives_ms) in [("7200", 7_200_000), ("7200000", 7_200_000)] {
        let (pair, _) = traded(&format!(r#"{{"access_token":"at","expires_in":{expires_in}}}"#)).await;
        assert_eq!(pair.expires_at, Some(NOW.plus(lives_ms)));
    }
    for (expires_in, lives_ms) in [("7200000", Some(7_200_000)), ("0", None)] {
        let script = Script::of("POST /app/token_info", &format!(r#"{{"expires_in":{expires_in}}}"#));
        assert_eq!(script.client().token_info().await.unwrap().expires_in_ms(), lives_ms);
    }
}

#[tokio::test]
async fn row_37_a_code_buys_a_token_that_expires_and_one_that_renews_it() {
    let (pair, _) = traded(r#"{"access_token":"at","refresh_token":"rt","expires_in":7200,"orgId":1}"#).await;
    assert!(pair.refresh.is_some() && pair.expires_at.is_some());
}
