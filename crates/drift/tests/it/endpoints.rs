//! What each endpoint sends: method, address, body.

use drift::endpoint::{
    AccountChanges, ContactAttributes, ContactIdKind, ContactKey, NewAccount, NewConversation, NewMessage,
    NewTimelineEvent, ReportQuery, ScimQuery, SummaryMetric, SummaryQuery, UserChanges,
};
use drift::wire::{Extra, Filter, Identify, ScimUser, Subject, Track};
use drift::{App, ListQuery, Secret};
use model::{AccountId, AttachmentId, ContactId, ConversationId, Millis, OrgId, Pii, UserId};
use serde_json::json;

use crate::script::Script;

/// Every request since the last look, one a line; the answers were all 404, which is of no interest here.
fn sent(script: &Script) -> String {
    let lines =
        script.asked().into_iter().map(|asked| format!("{} {}", asked.line, asked.body).trim().to_owned());
    let base = |line: String| line.replace("https://driftapi.com", "");
    lines.map(base).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn conversations_are_asked_for_and_written() {
    let script = Script::new();
    let (client, id) = (script.client(), ConversationId(3_782_700_001));
    client.list_conversations(&ListQuery::default()).next_page().await.ok();
    client.conversation(id).await.ok();
    client.messages(id).next_page().await.ok();
    client.create_message(id, &NewMessage::private_note("<p>Call back</p>")).await.ok();
    client.create_conversation(&NewConversation::new("ada@example.test", "Hello")).await.ok();
    client.transcript(id).await.ok();
    client.json_transcript(id).await.ok();
    client.conversation_stats().await.ok();
    client.attachment(AttachmentId(77), 1_024).await.ok();
    client
        .conversation_report(&ReportQuery::of(&["createdAt"]).filter(Filter::has("lastAgentId")))
        .await
        .ok();
    let metrics = vec![SummaryMetric { kind: "AVG".to_owned(), property: "timeToCloseMillis".to_owned() }];
    client.conversation_summary(&SummaryQuery { metrics, filters: Vec::new() }).await.ok();
    insta::assert_snapshot!(sent(&script), @r#"
    GET /conversations/list?limit=50
    GET /conversations/3782700001
    GET /conversations/3782700001/messages
    POST /conversations/3782700001/messages {"type":"private_note","body":"<p>Call back</p>"}
    POST /conversations/new {"email":"ada@example.test","message":{"body":"Hello"}}
    GET /conversations/3782700001/transcript
    GET /conversations/3782700001/json_transcript
    GET /conversations/stats
    GET /attachments/77/data
    POST /reports/conversations {"filters":[{"property":"lastAgentId","operation":"HAS_PROPERTY"}],"metrics":["createdAt"]}
    POST /reports/conversation-summary {"metrics":[{"type":"AVG","property":"timeToCloseMillis"}],"filters":[]}
    "#);
}

#[tokio::test]
async fn contacts_are_asked_for_and_written() {
    let script = Script::new();
    let (client, id) = (script.client(), ContactId(17_035_500_001));
    let email = Pii::new("ada@example.test".to_owned());
    let changes = ContactAttributes::of_email(email).external_id("crm-77").set("Plan", "gold");
    client.contact(id).await.ok();
    client.contacts_by_email("ada+x@example.test", Some(5)).await.ok();
    client.contacts_by_external_id(&["crm 77", "crm-78"]).await.ok();
    client.create_contact(&changes).await.ok();
    client.update_contact(id, &changes).await.ok();
    client.normalize_contact(ContactIdKind::External, "crm-77", &changes).await.ok();
    client.delete_contact(id).await.ok();
    let event =
        |contact| NewTimelineEvent { contact, event: "signed up".to_owned(), created_at: Some(Millis(5)) };
    client.post_timeline_event(&event(ContactKey::Drift(id))).await.ok();
    client.post_timeline_event(&event(ContactKey::External(Pii::new("crm-77".to_owned())))).await.ok();
    client.contact_attributes().await.ok();
    client.unsubscribe_emails(&["ada@example.test"]).await.ok();
    client.add_contact_tags(id, &["vip"]).await.ok();
    client.remove_contact_tag(id, "a/b").await.ok();
    client.remove_contact_tags(id, &["vip", "new"]).await.ok();
    client.gdpr_retrieve("ada@example.test").await.ok();
    client.gdpr_delete("ada@example.test").await.ok();
    insta::assert_snapshot!(sent(&script), @r#"
    GET /contacts/17035500001
    GET /contacts?email=ada%2Bx%40example.test&limit=5
    GET /contacts?idType=external&id=crm%2077&id=crm-78
    POST /contacts {"attributes":{"Plan":"gold","email":"ada@example.test","externalId":"crm-77"}}
    PATCH /contacts/17035500001 {"attributes":{"Plan":"gold","email":"ada@example.test","externalId":"crm-77"}}
    PATCH /contacts/normalize?idType=external&id=crm-77 {"attributes":{"Plan":"gold","email":"ada@example.test","externalId":"crm-77"}}
    DELETE /contacts/17035500001
    POST /contacts/timeline {"contactId":17035500001,"event":"signed up","createdAt":5}
    POST /contacts/timeline {"externalId":"crm-77","event":"signed up","createdAt":5}
    GET /contacts/attributes
    POST /emails/unsubscribe ["ada@example.test"]
    POST /contacts/17035500001/tags [{"name":"vip"}]
    DELETE /contacts/17035500001/tags/a%2Fb
    POST /contacts/17035500001/tags/delete/_bulk [{"name":"vip"},{"name":"new"}]
    POST /gdpr/retrieve {"email":"ada@example.test"}
    POST /gdpr/delete {"email":"ada@example.test"}
    "#);
}

#[tokio::test]
async fn the_team_and_its_accounts_are_asked_for_and_written() {
    let script = Script::new();
    let (client, id, account) = (script.client(), UserId(3), AccountId("4242_example.test".to_owned()));
    client.user(id).await.ok();
    client.users_by_id(&[UserId(3), UserId(4)]).await.ok();
    client.users().await.ok();
    client
        .update_user(id, &UserChanges { alias: Some(Pii::new("Ada".to_owned())), ..UserChanges::default() })
        .await
        .ok();
    client.meetings(Millis(1), Millis(2)).await.ok();
    client.teams().await.ok();
    client.user_teams(id).await.ok();
    let new = NewAccount {
        owner_id: id,
        name: "Example".to_owned(),
        domain: "example.test".to_owned(),
        custom_properties: Vec::new(),
        targeted: Some(true),
    };
    client.create_account(&new).await.ok();
    client.account(&account).await.ok();
    client.accounts().next_page().await.ok();
    client
        .update_account(&AccountChanges { targeted: Some(false), ..AccountChanges::of(account.clone()) })
        .await
        .ok();
    client.delete_account(&account).await.ok();
    client.playbooks().await.ok();
    client.landing_pages().await.ok();
    client.token_info().await.ok();
    client.uninstall(&App { client_id: "c-1".to_owned(), client_secret: Secret::new("s-1") }).await.ok();
    insta::assert_snapshot!(sent(&script), @r#"
    GET /users/3
    GET /users?userId=3&userId=4
    GET /users/list
    PATCH /users/update?userId=3 {"alias":"Ada"}
    GET /users/meetings/org?min_start_time=1&max_start_time=2&limit=1000
    GET /teams/org
    GET /teams/users/3
    POST /accounts/create {"ownerId":3,"name":"Example","domain":"example.test","targeted":true}
    GET /accounts/4242_example.test
    GET /accounts?index=0&size=65
    PATCH /accounts/update {"accountId":"4242_example.test","targeted":false}
    DELETE /accounts/4242_example.test
    GET /playbooks/list
    GET /playbooks/clp
    POST /app/token_info {"access_token":"tok-canary"}
    POST /app/uninstall?clientId=c-1&clientSecret=s-1
    "#);
}

#[tokio::test]
async fn users_are_provisioned() {
    let script = Script::new();
    let (client, user) = (script.client(), ScimUser::new("ada@example.test", "Ada"));
    let filter = Some("userName eq \"ada@example.test\"".to_owned());
    client.scim_users(&ScimQuery { filter, start_index: Some(1), count: None }).await.ok();
    client.scim_user("7").await.ok();
    client.create_scim_user(&user).await.ok();
    client.replace_scim_user("7", &user).await.ok();
    client.patch_scim_user("7", &json!({"displayName": "Ada"})).await.ok();
    client.delete_scim_user("7").await.ok();
    insta::assert_snapshot!(sent(&script), @r#"
    GET /scim/Users?filter=userName%20eq%20%22ada%40example.test%22&startIndex=1
    GET /scim/Users/7
    POST /scim/Users {"schemas":["urn:scim:schemas:core:2.0"],"userName":"ada@example.test","displayName":"Ada"}
    PUT /scim/Users/7 {"schemas":["urn:scim:schemas:core:2.0"],"userName":"ada@example.test","displayName":"Ada"}
    PATCH /scim/Users/7 {"displayName":"Ada"}
    DELETE /scim/Users/7
    "#);
}

#[tokio::test]
async fn legacy_events_go_to_their_own_host_without_a_token() {
    let script = Script::new();
    let (client, org_id) = (script.client(), OrgId(4242));
    let subject = || Subject::User(Pii::new("crm-77".to_owned()));
    let attributes = || Extra::from_iter([("plan".to_owned(), json!("gold"))]);
    let track = Track {
        org_id,
        subject: subject(),
        event: "signed up".to_owned(),
        attributes: attributes(),
        created_at: Some(Millis(5)),
    };
    let company = Subject::Company("acme".to_owned());
    let identify = Identify { org_id, subject: company, attributes: Extra::default(), created_at: None };
    client.track(&track).await.ok();
    client.identify(&identify).await.ok();
    client.track_all(&vec![track; 1]).await.ok();
    client.identify_all(&vec![identify; 1]).await.ok();
    insta::assert_snapshot!(sent(&script), @r#"
    POST https://event.api.drift.com/track {"orgId":4242,"userId":"crm-77","event":"signed up","attributes":{"plan":"gold"},"createdAt":5}
    POST https://event.api.drift.com/identify {"orgId":4242,"companyId":"acme"}
    POST https://event.api.drift.com/track/multi [{"orgId":4242,"userId":"crm-77","event":"signed up","attributes":{"plan":"gold"},"createdAt":5}]
    POST https://event.api.drift.com/identify/multi [{"orgId":4242,"companyId":"acme"}]
    "#);
    assert!(script.asked().iter().all(|asked| asked.authorization.is_none()));
}
