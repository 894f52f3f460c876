//! Envelopes: which endpoint wraps its answer, and how.

use serde_json::json;

use axum::body::Body;
use axum::http::Request;

use crate::caller::Caller;

impl Caller {
    async fn a_conversation(&self) -> i64 {
        let world = self.sandbox.world();
        world.expected().find(|id| world.messages(*id, 0, 1).unwrap().total > 3).unwrap()
    }
}

#[tokio::test]
async fn most_answers_stand_under_data_and_some_do_not() {
    let caller = Caller::new();
    let id = caller.a_conversation().await;
    let conversation = caller.get(&format!("/conversations/{id}")).await.json();
    assert_eq!(conversation["data"]["id"], id);
    assert_eq!(caller.get(&format!("/v1/conversations/{id}")).await.json(), conversation);
    assert!(caller.get("/playbooks/list").await.json().is_array());
    assert!(caller.get("/playbooks/clp").await.json().is_array());
    assert!(caller.get("/conversations/stats").await.json()["conversationCount"].is_object());
    assert!(caller.get("/contacts/attributes").await.json()["data"]["properties"].is_array());
    assert!(caller.get("/teams/org").await.json()["data"].is_array());

    let contact = conversation["data"]["contactId"].as_i64().unwrap();
    let new = json!({"email": "ada@example.test", "message": {"body": "Hello"}});
    assert!(caller.post("/conversations/new", &new).await.json()["id"].is_i64());
    let deleted = caller.send("DELETE", &format!("/contacts/{contact}"), "", "").await;
    assert!(matches!(deleted.status.as_u16(), 202 | 404), "{}", deleted.text());
}

#[tokio::test]
async fn a_deleted_contact_is_202_and_then_not_found() {
    let caller = Caller::new();
    let made = caller.post("/contacts", &json!({"attributes": {"email": "ada@example.test"}})).await.json();
    let path = format!("/contacts/{}", made["data"]["id"]);
    let deleted = caller.send("DELETE", &path, "", "").await;
    assert_eq!((deleted.status.as_u16(), deleted.json()), (202, json!({"result": "OK", "ok": true})));
    assert_eq!(caller.get(&path).await.error(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn users_by_id_are_a_map_and_at_most_twenty() {
    let caller = Caller::new();
    let users = caller.get("/users/list").await.json();
    let id = users["data"][0]["id"].to_string();
    let by_id = caller.get(&format!("/users?userId={id}&userId=1")).await.json();
    assert_eq!(by_id["data"][&id], users["data"][0]);
    let many: Vec<String> = (0..21).map(|id| format!("userId={id}")).collect();
    assert_eq!(caller.get(&format!("/users?{}", many.join("&"))).await.status, 400);
    assert_eq!(caller.get("/users").await.status, 400);
}

#[tokio::test]
async fn transcripts_are_text_and_json() {
    let caller = Caller::new();
    let id = caller.a_conversation().await;
    let text = caller.get(&format!("/conversations/{id}/transcript")).await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert!(!text.body.is_empty());
    let json = caller.get(&format!("/conversations/{id}/json_transcript")).await.json();
    assert!(json["data"]["messages"].is_array());
}

#[tokio::test]
async fn contacts_by_address_carry_a_link_that_ends() {
    let caller = Caller::new();
    caller.post("/contacts", &json!({"attributes": {"email": "ada@example.test"}})).await;
    let found = caller.get("/contacts?email=ada%40example.test").await;
    assert_eq!(found.json()["data"].as_array().unwrap().len(), 1);
    let link = found.header("link");
    assert!(link.ends_with("rel='next'"), "{link}");
    let next = link.trim_start_matches("<http://localhost").split('>').next().unwrap();
    let last = caller.get(next).await;
    assert_eq!((last.json(), last.header("link")), (json!({"data": []}), ""));
}

#[tokio::test]
async fn data_requests_are_for_private_apps() {
    let caller = Caller::new();
    let got = caller.post("/gdpr/retrieve", &json!({"email": "ada@example.test"})).await;
    assert_eq!(got.status, 200);
    assert!(got.json()["data"]["message"].is_string());
}

#[tokio::test]
async fn the_legacy_collector_lives_on_a_host_of_its_own() {
    let caller = Caller::new();
    let org = caller.sandbox.world().org_id();
    let send = async |path: &str, body: serde_json::Value| {
        let request =
            Request::post(path).header("host", "event.api.drift.com").body(Body::from(body.to_string()));
        caller.ask(request.unwrap()).await.status.as_u16()
    };
    let event = json!({"orgId": org, "userId": "u-1", "event": "signed_up"});
    assert_eq!(send("/track", event.clone()).await, 200);
    assert_eq!(send("/track/multi", json!(vec![event.clone(); 600])).await, 200);
    assert_eq!(send("/track/multi", json!(vec![event.clone(); 601])).await, 400);
    assert_eq!(send("/identify", json!({"orgId": 1, "userId": "u-1"})).await, 400);
    assert_eq!(caller.post("/track", &event).await.status, 404);
}

#[tokio::test]
async fn the_start_page_tells_a_person_where_the_doors_are() {
    let page = Caller::new().get("/").await;
    for part in ["A Drift of your own", "/oauth2/token", "sandbox-app", "/_sandbox/log"] {
        assert!(page.text().contains(part), "{part}");
    }
}
