//! The conversation list in both forms, and the other paged lists.

use axum::body::Body;
use axum::http::Request;
use sandbox::{ListForm, Options};
use serde_json::{Value, json};

use crate::caller::{Caller, small};

async fn walk_older(caller: &Caller, query: &str) -> Vec<i64> {
    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let (page, body) = caller.page(&format!("/conversations/list?{query}{next}")).await;
        ids.extend(page);
        match body["pagination"]["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => return ids,
        }
        assert_eq!(body["pagination"]["more"], true);
    }
}

#[tokio::test]
async fn the_older_form_pages_by_fifty_and_ends_without_a_block() {
    let caller = Caller::new();
    let (first, body) = caller.page("/conversations/list").await;
    assert_eq!(first.len(), 25, "the default");
    assert_eq!(body["pagination"], json!({"more": true, "next": "25"}));
    assert!(body.get("links").is_none());

    let expected: Vec<i64> = caller.sandbox.world().expected().collect();
    assert_eq!(expected.len(), 240);
    assert_eq!(walk_older(&caller, "limit=50").await, expected);
    let (_, last) = caller.page("/conversations/list?limit=50&next=200").await;
    assert_eq!(last.as_object().unwrap().keys().collect::<Vec<_>>(), ["data"]);
}

#[tokio::test]
async fn the_newer_form_links_to_the_host_that_was_asked_and_keeps_the_page_size() {
    let caller = Caller::with(Options { list_form: ListForm::Newer, ..small() });
    let (mut ids, mut path) = (Vec::new(), "/conversations/list?limit=100".to_owned());
    let mut sizes = Vec::new();
    loop {
        let (page, body) = caller.page(&path).await;
        sizes.push(page.len());
        ids.extend(page);
        assert!(body["links"]["self"].is_string());
        let Some(next) = body["links"]["next"].as_str() else { break };
        path = next.strip_prefix("http://localhost").unwrap().to_owned();
        assert!(path.starts_with("/conversations/list?page_token="), "{path}");
    }
    assert_eq!(sizes, [100, 100, 40]);
    assert_eq!(ids, caller.sandbox.world().expected().collect::<Vec<_>>());
}

#[tokio::test]
async fn by_host_each_host_speaks_its_own_form() {
    let caller = Caller::new();
    let form_at = async |host: &str, query: &str| -> Value {
        let request = Request::get(format!("/conversations/list?{query}"))
            .header("host", host)
            .header("authorization", format!("bearer {}", caller.token))
            .body(Body::empty());
        caller.ask(request.unwrap()).await.json()
    };
    let newer = form_at("api.drift.com", "limit=100").await;
    assert!(
        newer["links"]["next"].as_str().unwrap().starts_with("http://api.drift.com/"),
        "{}",
        newer["links"]
    );
    assert!(form_at("driftapi.com", "limit=50").await["pagination"].is_object());
    assert!(
        form_at("driftapi.com", "page_token=").await["links"].is_object(),
        "asked with the newer form's key"
    );
    assert_eq!(form_at("driftapi.com", "limit=100").await["error"]["type"], "validation_error");
}

#[tokio::test]
async fn a_public_address_stands_in_the_links_when_there_is_one() {
    let public_url = Some("https://drift.example.test/".to_owned());
    let caller = Caller::with(Options { list_form: ListForm::Newer, public_url, ..small() });
    let (_, body) = caller.page("/conversations/list").await;
    let next = body["links"]["next"].as_str().unwrap();
    assert!(next.starts_with("https://drift.example.test/conversations/list?page_token="), "{next}");
}

#[tokio::test]
async fn statuses_filter_and_may_be_repeated() {
    let caller = Caller::new();
    let open = walk_older(&caller, "limit=50&statusId=1").await;
    let closed = walk_older(&caller, "limit=50&statusId=2").await;
    let both = walk_older(&caller, "limit=50&statusId=1&statusId=2").await;
    assert!(!open.is_empty() && !closed.is_empty());
    assert_eq!(both.len(), open.len() + closed.len());
    let stats = caller.get("/conversations/stats").await.json();
    assert_eq!(stats["conversationCount"]["OPEN"], open.len());
    assert_eq!(stats["conversationCount"]["CLOSED"], closed.len());
}

#[tokio::test]
async fn what_is_out_of_bounds_is_a_validation_error() {
    let caller = Caller::new();
    for query in [
        "limit=51",
        "limit=0",
        "limit=-1",
        "limit=x",
        "statusId=4",
        "statusId=OPEN",
        "next=x",
        "page_token=x",
    ] {
        let got = caller.get(&format!("/conversations/list?{query}")).await;
        assert_eq!(got.error(), (400, "validation_error".to_owned()), "{query}");
    }
    let newer = Caller::with(Options { list_form: ListForm::Newer, ..small() });
    assert_eq!(newer.get("/conversations/list?limit=101").await.status, 400);
    assert_eq!(newer.get("/conversations/list?limit=100").await.status, 200);
}

#[tokio::test]
async fn messages_come_in_pages_of_fifty_with_a_block_on_each() {
    let caller = Caller::new();
    let long = caller
        .sandbox
        .world()
        .expected()
        .find(|id| caller.sandbox.world().messages(*id, 0, 1).unwrap().total > 50)
        .unwrap();
    let total = caller.sandbox.world().messages(long, 0, 1).unwrap().total;
    let (mut count, mut next) = (0, String::new());
    loop {
        let page = caller.get(&format!("/conversations/{long}/messages?next={next}")).await.json();
        let messages = page["data"]["messages"].as_array().unwrap();
        assert!(messages.len() <= 50);
        count += messages.len();
        if page["pagination"]["more"] == false {
            break;
        }
        next = page["pagination"]["next"].as_str().unwrap().to_owned();
    }
    assert_eq!(count, total);
}

#[tokio::test]
async fn accounts_lead_on_by_a_relative_address() {
    let caller = Caller::new();
    let (mut count, mut path) = (0, "/accounts?size=100".to_owned());
    let total = loop {
        let page = caller.get(&path).await.json();
        let accounts = page["data"]["accounts"].as_array().unwrap();
        assert!(accounts.len() <= 65);
        count += accounts.len();
        match page["data"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break page["data"]["total"].clone(),
        }
        assert!(path.starts_with("/accounts?index="), "{path}");
    };
    assert_eq!(total, count);
}
