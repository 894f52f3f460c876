//! Hosts and paging of the conversation list.

use drift::endpoint::ListQuery;
use drift::wire::{ConversationRow, ConversationStatus};
use drift::{Config, Error, Pages};

use crate::script::{Reply, Script};

const NEWER: &str = r#"{"data":[{"id":1,"status":"open","contactId":11,"inboxId":5,"createdAt":1,"updatedAt":2}],
    "links":{"self":"https://api.drift.com/conversations/list",
             "next":"https://api.drift.com/conversations/list?page_token=abc"}}"#;
const OLDER: &str =
    r#"{"data":[{"id":1,"status":"open"}],"pagination":{"more":true,"next":"1709999000000"}}"#;
const LAST: &str = r#"{"data":[{"id":2,"status":"closed"}]}"#;

async fn ids(mut pages: Pages<ConversationRow>) -> Result<Vec<i64>, Error> {
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page().await? {
        ids.extend(page.items.iter().map(|row| row.id.0));
    }
    Ok(ids)
}

#[tokio::test]
async fn row_01_the_list_has_its_own_host_and_links_lead_only_to_allowed_ones() {
    let script = Script::new().on("GET /conversations/list?limit=50", Reply::json(NEWER));
    let script = script.on("GET /conversations/list?page_token=abc", Reply::json(LAST));
    let config = Config::default().conversation_list("https://api.drift.com").unwrap();
    let client = script.client_with(config);
    assert_eq!(ids(client.list_conversations(&ListQuery::default())).await.unwrap(), [1, 2]);
    assert_eq!(
        script.lines(),
        [
            "GET https://api.drift.com/conversations/list?limit=50",
            "GET https://api.drift.com/conversations/list?page_token=abc"
        ]
    );

    let strange =
        NEWER.replace("https://api.drift.com/conversations/list?page", "https://evil.test/list?page");
    let script = Script::of("GET /conversations/list", &strange);
    let error = ids(script.client().list_conversations(&ListQuery::default())).await.unwrap_err();
    assert!(matches!(error, Error::HostNotAllowed { .. }), "{error}");
    assert_eq!(script.lines().len(), 1, "the token never went there");
}

#[tokio::test]
async fn row_02_both_forms_of_paging_are_followed_even_mixed() {
    let script = Script::new()
        .on("GET /conversations/list?limit=50", Reply::json(OLDER))
        .on("GET /conversations/list?limit=50&next=1709999000000", Reply::json(NEWER))
        .on("GET /conversations/list?page_token=abc", Reply::json(LAST));
    let list = script.client().list_conversations(&ListQuery::default());
    assert_eq!(ids(list).await.unwrap(), [1, 1, 2]);
}

#[tokio::test]
async fn row_02_every_way_to_end_ends() {
    for end in [
        r#"{"data":[]}"#,
        r#"{"data":null,"links":null}"#,
        r#"{"data":[],"links":{}}"#,
        r#"{"data":[],"links":{"next":null}}"#,
        r#"{"data":[],"links":{"next":""}}"#,
        r#"{"data":[],"pagination":{"more":false}}"#,
        r#"{"data":[],"pagination":{"more":false,"next":"7"}}"#,
        r#"{"data":[],"pagination":null}"#,
    ] {
        let script = Script::of("GET /conversations/list", end);
        let rows = ids(script.client().list_conversations(&ListQuery::default())).await.unwrap();
        assert!(rows.is_empty(), "{end}");
        assert_eq!(script.lines().len(), 1, "{end}");
    }
}

#[tokio::test]
async fn row_03_no_token_is_sent_at_first() {
    let script = Script::of("GET /conversations/list", LAST);
    ids(script.client().list_conversations(&ListQuery::default())).await.unwrap();
    assert!(!script.lines()[0].contains("page_token") && !script.lines()[0].contains("next"));
}

#[tokio::test]
async fn row_04_at_most_50_rows_are_asked_for() {
    let script = Script::of("GET /conversations/list", LAST);
    ids(script.client().list_conversations(&ListQuery { limit: 100, ..ListQuery::default() })).await.unwrap();
    ids(script.client().list_conversations(&ListQuery { limit: 0, ..ListQuery::default() })).await.unwrap();
    assert!(script.lines()[0].ends_with("?limit=50"));
    assert!(script.lines()[1].ends_with("?limit=1"));
}

#[tokio::test]
async fn row_05_statuses_are_asked_for_by_number() {
    let script = Script::of("GET /conversations/list", LAST);
    let statuses =
        vec![ConversationStatus::Open, ConversationStatus::Closed, ConversationStatus::Pending, "new".into()];
    ids(script.client().list_conversations(&ListQuery { limit: 25, statuses })).await.unwrap();
    assert!(
        script.lines()[0].ends_with("?limit=25&statusId=1&statusId=2&statusId=3"),
        "{:?}",
        script.lines()
    );
}

#[tokio::test]
async fn row_38_the_list_is_at_the_documented_path() {
    let script = Script::of("GET /conversations/list", LAST);
    ids(script.client().list_conversations(&ListQuery::default())).await.unwrap();
    assert!(script.lines()[0].starts_with("GET https://driftapi.com/conversations/list?"));
}

#[tokio::test]
async fn a_page_that_carries_errors_beside_its_rows_is_not_taken_for_whole() {
    let body = r#"{"data":[{"id":1}],"errors":[{"type":"internal_error","message":"shard down"}]}"#;
    let script = Script::of("GET /conversations/list", body);
    let list = script.client().list_conversations(&ListQuery::default());
    assert!(ids(list).await.is_err());
}
