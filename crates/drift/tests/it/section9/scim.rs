//! SCIM: where it lies, and where the id goes.

use drift::endpoint::ScimQuery;
use drift::wire::ScimUser;
use serde_json::json;

use crate::script::{Reply, Script};

#[tokio::test]
async fn row_33_scim_lies_at_the_documented_base() {
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"id":null,"totalResults":1,
        "Resources":[{"id":7,"userName":"ada@example.test","roles":[{"value":"OWNER","primary":true}]}],
        "startIndex":1,"itemsPerPage":0}"#;
    let script = Script::of("GET /scim/Users", body);
    let list = script.client().scim_users(&ScimQuery::default()).await.unwrap();
    assert_eq!((list.resources.len(), list.items_per_page), (1, Some(0)));
    assert_eq!(list.resources[0].id.as_deref(), Some("7"));
    assert_eq!(script.lines(), ["GET https://driftapi.com/scim/Users"]);
}

#[tokio::test]
async fn row_34_the_id_goes_into_the_path_of_every_change() {
    let user = r#"{"id":"7","userName":"ada@example.test","displayName":"Ada"}"#;
    let script = Script::new()
        .on("PUT /scim/Users/7", Reply::json(user))
        .on("PATCH /scim/Users/7", Reply::json(user))
        .on("DELETE /scim/Users/7", Reply::of(204, ""));
    let client = script.client();
    client.replace_scim_user("7", &ScimUser::new("ada@example.test", "Ada")).await.unwrap();
    client.patch_scim_user("7", &json!({"displayName": "Ada"})).await.unwrap();
    client.delete_scim_user("7").await.unwrap();
}
