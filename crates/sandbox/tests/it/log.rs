//! The request log tells the tale and no secret.

use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn the_log_tells_what_was_asked_in_order() {
    let caller = Caller::new();
    caller.get("/conversations/list?limit=50&next=50").await;
    caller.get("/nowhere").await;
    let entries = caller.sandbox.log().entries();
    assert_eq!(&*entries[0].target, "/conversations/list?limit=50&next=50");
    assert_eq!((entries[0].number, entries[0].status, entries[0].token), (1, 200, Some(1)));
    assert_eq!((entries[1].number, entries[1].status), (2, 404));
    let totals = caller.sandbox.log().totals();
    assert_eq!((totals.total, totals.by_route["GET /conversations/list"]), (2, 1));
}

#[tokio::test]
async fn no_token_secret_or_address_gets_into_the_log() {
    let caller = Caller::new();
    caller.get("/contacts?email=canary%40example.test").await;
    caller.post("/app/uninstall?clientId=sandbox-app&clientSecret=sandbox-secret", &json!({})).await;
    caller.post("/app/token_info", &json!({"access_token": caller.token})).await;
    caller.form("/oauth2/token", "client_secret=sandbox-secret&code=sbx-code-canary").await;
    caller.get("/authorize?client_id=sandbox-app&state=canary").await;
    let log = format!("{:?}", caller.sandbox.log().entries());
    let shown = caller.get("/_sandbox/log").await.text();
    for secret in ["canary", "sandbox-secret", "sbx-pt-", caller.token.as_str()] {
        assert!(!log.contains(secret) && !shown.contains(secret), "{secret} in {log}");
    }
    assert_eq!(caller.sandbox.log().total(), 5, "control routes are not counted");
}
