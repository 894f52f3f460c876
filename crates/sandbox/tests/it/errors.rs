//! What is not there, and what makes no sense.

use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn unknown_paths_and_ids_are_not_found() {
    let caller = Caller::new();
    for path in
        ["/conversations", "/nowhere", "/conversations/1", "/conversations/x", "/contacts/1", "/users/1"]
    {
        assert_eq!(caller.get(path).await.error(), (404, "not_found".to_owned()), "{path}");
    }
    let got = caller.get("/conversations/1/messages").await.json();
    assert_eq!(got, json!({"error": {"type": "not_found", "message": "conversation 1 was not found"}}));
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_long_is_refused() {
    let caller = Caller::new();
    let got = caller.send("POST", "/contacts", "application/json", "{").await;
    assert_eq!(got.error(), (400, "validation_error".to_owned()));
    let long = "x".repeat((1 << 20) + 1);
    assert_eq!(caller.send("POST", "/contacts", "application/json", &long).await.status, 413);
}
