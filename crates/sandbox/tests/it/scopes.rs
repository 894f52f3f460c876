//! Which scope opens which endpoint.

use sandbox::{Scope, ScopeSet};

use crate::caller::Caller;

const BY_SCOPE: &[(Scope, &[&str])] = &[
    (Scope::ContactRead, &["GET /contacts/1", "GET /contacts?email=a@b.test"]),
    (
        Scope::ContactWrite,
        &[
            "POST /contacts",
            "PATCH /contacts/1",
            "PATCH /contacts/normalize?idType=drift&id=1",
            "DELETE /contacts/1",
            "POST /contacts/timeline",
            "POST /contacts/1/tags",
            "DELETE /contacts/1/tags/vip",
            "POST /contacts/1/tags/delete/_bulk",
            "POST /emails/unsubscribe",
        ],
    ),
    (Scope::AllContactRead, &["GET /contacts/attributes"]),
    (
        Scope::ConversationRead,
        &[
            "GET /conversations/list",
            "GET /conversations/1",
            "GET /v1/conversations/1",
            "GET /conversations/1/messages",
            "GET /conversations/1/transcript",
            "GET /conversations/1/json_transcript",
            "GET /conversations/stats",
            "GET /attachments/1/data",
            "POST /reports/conversations",
            "POST /reports/conversation-summary",
        ],
    ),
    (Scope::ConversationWrite, &["POST /conversations/1/messages", "POST /conversations/new"]),
    (
        Scope::UserRead,
        &[
            "GET /users/1",
            "GET /users?userId=1",
            "GET /users/list",
            "GET /users/meetings/org?min_start_time=0&max_start_time=1",
            "GET /scim/Users",
            "GET /scim/Users/1",
        ],
    ),
    (
        Scope::UserWrite,
        &[
            "PATCH /users/update?userId=1",
            "POST /scim/Users",
            "PUT /scim/Users/1",
            "PATCH /scim/Users/1",
            "DELETE /scim/Users/1",
        ],
    ),
    (Scope::AccountRead, &["GET /accounts", "GET /accounts/x"]),
    (Scope::AccountWrite, &["POST /accounts/create", "PATCH /accounts/update", "DELETE /accounts/x"]),
    (Scope::PlaybookRead, &["GET /playbooks/list", "GET /playbooks/clp"]),
    (Scope::GdprRead, &["POST /gdpr/retrieve"]),
    (Scope::GdprWrite, &["POST /gdpr/delete"]),
];

#[tokio::test]
async fn each_endpoint_wants_its_scope_and_no_other() {
    let mut caller = Caller::new();
    for (scope, endpoints) in BY_SCOPE {
        let without = caller.sandbox.issue_private_token(ScopeSet::all().without(*scope));
        let with = caller.sandbox.issue_private_token([*scope].into_iter().collect());
        let told = format!("the access token lacks the scope {}", scope.name());
        for endpoint in *endpoints {
            let (method, path) = endpoint.split_once(' ').unwrap();
            caller.token.clone_from(&without);
            let refused = caller.send(method, path, "application/json", "{}").await;
            assert_eq!(refused.error(), (403, "authentication_error".to_owned()), "{endpoint}");
            assert_eq!(refused.json()["error"]["message"], told, "{endpoint}");

            caller.token.clone_from(&with);
            let admitted = caller.send(method, path, "application/json", "{}").await;
            assert!(
                !matches!(admitted.status.as_u16(), 401 | 403 | 500..),
                "{endpoint}: {}",
                admitted.text()
            );
        }
    }
}

#[tokio::test]
async fn teams_want_a_token_and_no_scope() {
    let mut caller = Caller::new();
    caller.token = caller.sandbox.issue_private_token(ScopeSet::none());
    assert_eq!(caller.get("/teams/org").await.status, 200);
    caller.token.clear();
    assert_eq!(caller.get("/teams/org").await.status, 403);
}
