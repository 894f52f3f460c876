//! Contacts: their deletion, their outside id, their bought-in data.

use drift::wire::Contact;
use model::ContactId;

use crate::script::{Reply, Script};

async fn contact(attributes: &str) -> Contact {
    let body = format!(r#"{{"data":{{"id":11,"createdAt":1,"attributes":{attributes}}}}}"#);
    Script::of("GET /contacts/11", &body).client().contact(ContactId(11)).await.unwrap()
}

#[tokio::test]
async fn row_20_a_contact_is_deleted_by_delete_and_any_success_will_do() {
    for reply in [
        Reply::json(r#"{"result":"OK","ok":true}"#),
        Reply::of(202, r#"{"result":"OK","ok":true}"#),
        Reply::of(204, ""),
    ] {
        let script = Script::new().on("DELETE /contacts/11", reply);
        script.client().delete_contact(ContactId(11)).await.unwrap();
    }
}

#[tokio::test]
async fn row_21_an_external_id_is_a_text_even_where_it_comes_as_a_number() {
    for id in ["1234567", "\"1234567\""] {
        let contact = contact(&format!(r#"{{"externalId":{id}}}"#)).await;
        assert_eq!(contact.external_id().unwrap().expose(), "1234567");
    }
}

#[tokio::test]
async fn row_22_an_external_id_is_read_from_either_key_or_both() {
    for attributes in
        [r#"{"externalId":"x"}"#, r#"{"external_id":"x"}"#, r#"{"external_id":"x","externalId":"x"}"#]
    {
        assert_eq!(contact(attributes).await.external_id().unwrap().expose(), "x", "{attributes}");
    }
    assert_eq!(contact(r#"{"externalId":null}"#).await.external_id(), None);
}

#[tokio::test]
async fn row_36_social_profiles_are_in_camel_case_and_the_other_spelling_is_kept() {
    let profiles = r#"{"employment":{"name":"Example","seniority":"vp"},"twitter":{"handle":"ada"}}"#;
    let known = contact(&format!(r#"{{"socialProfiles":{profiles}}}"#)).await.known().unwrap().unwrap();
    let social = known.social_profiles.unwrap();
    assert_eq!(social.employment.unwrap().seniority.as_deref(), Some("vp"));
    assert_eq!(social.extra["twitter"]["handle"], "ada");
    let other = contact(&format!(r#"{{"social_profiles":{profiles}}}"#)).await.known().unwrap().unwrap();
    assert!(other.social_profiles.is_none() && other.custom("social_profiles").is_some());
}

#[tokio::test]
async fn attributes_of_all_sorts_are_read() {
    let contact = contact(
        r#"{"email":"ada@example.test","name":"Ada","phone":null,"tags":[],"_END_USER_VERSION":8,
            "_end_user_version":8,"events":{},"last_active":1710000000000,"Plan":"gold","ip":"a,b",
            "last_context_location":"{\"city\":\"Paris\",\"latitude\":48.86}"}"#,
    )
    .await;
    let known = contact.known().unwrap().unwrap();
    assert_eq!(known.email.as_ref().unwrap().expose(), "ada@example.test");
    assert_eq!(known.custom("Plan"), Some(&"gold".into()));
    assert_eq!(known.last_location().unwrap().city.unwrap().expose(), "Paris");
    assert_eq!((contact.phone(), contact.name().is_some()), (None, true));
}
