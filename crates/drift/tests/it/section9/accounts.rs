//! Accounts: their pages, their properties, their owner's key.

use drift::endpoint::NewAccount;
use model::UserId;

use crate::script::{Reply, Script};

#[tokio::test]
async fn row_13_accounts_are_read_65_at_a_time_to_the_end() {
    let first = r#"{"data":{"accounts":[{"accountId":"a"}],"total":2,"next":"/accounts?index=65&size=65"}}"#;
    let script = Script::new().on("GET /accounts?index=0&size=65", Reply::json(first)).on(
        "GET /accounts?index=65&size=65",
        Reply::json(r#"{"data":{"accounts":[{"accountId":"b"}],"total":2}}"#),
    );
    let mut pages = script.client().accounts();
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        ids.extend(page.items.into_iter().map(|account| account.account_id.0));
    }
    assert_eq!(ids, ["a", "b"]);
}

#[tokio::test]
async fn row_18_custom_properties_are_a_list_or_an_empty_object() {
    for (properties, count) in [
        ("[]", 0),
        ("{}", 0),
        (r#"[{"label":"Tier","name":"tier","value":"gold","type":"STRING"}]"#, 1),
        (r#"{"tier":"gold"}"#, 1),
    ] {
        let body =
            format!(r#"{{"data":{{"accountId":"4242_example.test","customProperties":{properties}}}}}"#);
        let script = Script::of("GET /accounts/4242_example.test", &body);
        let account =
            script.client().account(&model::AccountId("4242_example.test".to_owned())).await.unwrap();
        let properties = account.custom_properties.unwrap().0;
        assert_eq!(properties.len(), count);
        assert!(properties.iter().all(|property| property.value == Some("gold".into())));
    }
}

#[tokio::test]
async fn row_19_an_account_is_created_with_owner_id_in_camel_case() {
    let script = Script::of("POST /accounts/create", r#"{"data":{"accountId":"a"}}"#);
    let account = NewAccount {
        owner_id: UserId(3),
        name: "Example".to_owned(),
        domain: "example.test".to_owned(),
        custom_properties: Vec::new(),
        targeted: None,
    };
    script.client().create_account(&account).await.unwrap();
    assert_eq!(script.last_body(), r#"{"ownerId":3,"name":"Example","domain":"example.test"}"#);
}
