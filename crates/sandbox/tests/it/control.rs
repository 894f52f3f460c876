//! The control routes.

use sandbox::Fault;
use serde_json::{Value, json};

use crate::caller::Caller;

impl Caller {
    async fn put(&self, path: &str, json: &Value) -> u16 {
        self.send("PUT", path, "application/json", &json.to_string()).await.status.as_u16()
    }
}

#[tokio::test]
async fn the_help_lists_routes_that_exist() {
    let caller = Caller::new();
    let help = caller.get("/_sandbox/").await.json();
    for line in help["control"].as_array().unwrap() {
        let (method, path) = (line["method"].as_str().unwrap(), line["path"].as_str().unwrap());
        let got = caller.send(method, path, "application/json", "{}").await;
        assert_ne!(got.status, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn faults_are_set_added_and_cleared() {
    let caller = Caller::new();
    assert_eq!(caller.put("/_sandbox/faults?preset=rough", &json!({})).await, 200);
    assert!(caller.sandbox.faults().states().len() > 5);
    assert_eq!(caller.put("/_sandbox/faults?preset=stormy", &json!({})).await, 400);
    let profile = json!({"seed": 1, "rules": [{"fault": "slow", "ms": 5, "percent": 50.0}]});
    assert_eq!(caller.put("/_sandbox/faults", &profile).await, 200);
    let rule = json!({"fault": "server_error", "status": 503, "path": "/users/*", "count_max": 1});
    assert_eq!(caller.post("/_sandbox/faults", &rule).await.status, 200);
    let states = caller.sandbox.faults().states();
    assert_eq!((states[0].rule.fault, states.len()), (Fault::ServerError { status: 503 }, 2));
    assert_eq!(caller.get("/_sandbox/faults").await.json()["rules"][1]["fault"], "slow");
    let wrong = json!({"fault": "server_error", "status": 200});
    assert_eq!(caller.post("/_sandbox/faults", &wrong).await.error().0, 400);
    caller.send("DELETE", "/_sandbox/faults", "", "").await;
    assert!(caller.sandbox.faults().states().is_empty());
}

#[tokio::test]
async fn the_world_changes_on_request() {
    let caller = Caller::new();
    let made = caller.post("/_sandbox/change", &json!({"change": "new_conversation"})).await.json();
    let id = made["conversation"].as_i64().unwrap();
    assert_eq!(caller.page("/conversations/list").await.0[0], id);
    let stirred = caller.post("/_sandbox/traffic", &json!({"changes": 4})).await.json();
    assert_eq!(stirred["changed"].as_array().unwrap().len(), 4);
    assert!(caller.get("/_sandbox/world").await.json()["conversations"].as_u64().unwrap() >= 241);
}

#[tokio::test]
async fn tokens_end_and_begin_on_request() {
    let mut caller = Caller::new();
    let issued =
        caller.post("/_sandbox/tokens", &json!({"action": "issue", "scopes": "user_read"})).await.json();
    caller.token = issued["token"].as_str().unwrap().to_owned();
    assert_eq!(caller.get("/users/list").await.status, 200);
    let ended = caller.post("/_sandbox/tokens", &json!({"action": "revoke", "generation": 2})).await.json();
    assert_eq!(ended["ended"], 1);
    assert_eq!(caller.get("/users/list").await.status, 403);
}

#[tokio::test]
async fn consent_is_decided_without_a_browser() {
    let caller = Caller::new();
    assert_eq!(caller.put("/_sandbox/app", &json!({"redirect_uri": "http://127.0.0.1:1/cb"})).await, 200);
    let yes = caller.post("/_sandbox/consent", &json!({"decision": "allow", "state": "s"})).await.json();
    assert!(yes["redirect"].as_str().unwrap().starts_with("http://127.0.0.1:1/cb?code=sbx-code-"), "{yes}");
    let no = caller.post("/_sandbox/consent", &json!({"decision": "deny"})).await.json();
    assert_eq!(no["redirect"], "http://127.0.0.1:1/cb?error=access_denied");
}

#[tokio::test]
async fn the_log_is_filtered_and_a_reset_empties_it() {
    let caller = Caller::new();
    for path in ["/users/list", "/teams/org", "/users/1"] {
        caller.get(path).await;
    }
    let users = caller.get("/_sandbox/log?path=/users/*").await.json();
    assert_eq!(users["entries"].as_array().unwrap().len(), 2);
    let missing = caller.get("/_sandbox/log?status=404&after=1").await.json();
    assert_eq!(missing["entries"][0]["target"], "/users/1");
    assert_eq!(caller.get("/_sandbox/counts").await.json()["by_status"]["200"], 2);
    caller.post("/_sandbox/reset", &json!({})).await;
    assert_eq!(caller.sandbox.log().total(), 0);
}
