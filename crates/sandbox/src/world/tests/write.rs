use serde_json::json;

use super::*;

#[test]
fn a_contact_lives_and_dies() {
    let world = small();
    let made = parse(
        &world
            .create_contact(&json!({"attributes": {"email": "ada@example.test", "gone": null}}), LATER)
            .unwrap(),
    );
    let id = made["id"].as_i64().unwrap();
    assert!(made["attributes"].get("gone").is_none());
    assert_eq!(array(&world.contacts_by_email("ADA@example.test", 5))[0], made);
    let twice = world.create_contact(&json!({"attributes": {"email": "ada@example.test"}}), LATER);
    assert_eq!(twice.unwrap_err().status, 409);
    let other = json!({"attributes": {"email": "ada@example.test", "externalId": "x-1"}});
    assert_eq!(parse(&world.create_contact(&other, LATER).unwrap())["attributes"]["external_id"], "x-1");
    assert_eq!(world.create_contact(&other, LATER).unwrap_err().status, 409);
    let updated = parse(&world.update_contact(id, &json!({"attributes": {"Plan": "Pro"}}), LATER).unwrap());
    assert_eq!(
        (&updated["attributes"]["Plan"], &updated["attributes"]["email"]),
        (&json!("Pro"), &json!("ada@example.test"))
    );
    let event =
        world.timeline_event(&json!({"contactId": id, "event": "Signed Up", "attributes": {"n": 1}}), LATER);
    let event = parse(&event.unwrap());
    assert_eq!((&event["createdAt"], &event["attributes"]["n"]), (&json!(LATER.0), &json!("1")));
    world.add_contact_tags(id, &json!([{"name": "vip"}]), LATER).unwrap();
    assert_eq!(parse(&world.contact(id).unwrap())["attributes"]["tags"][0]["name"], "vip");
    world.remove_contact_tags(id, &["vip".to_owned()], LATER).unwrap();
    world.delete_contact(id).unwrap();
    assert_eq!((world.contact(id), world.delete_contact(id).unwrap_err().status), (None, 404));
}

#[test]
fn a_contact_of_the_base_can_be_changed_and_moves_its_address() {
    let world = small();
    let rows = walk(&world, 100, &[]);
    let found =
        rows.iter().filter_map(|row| world.contact(row["contactId"].as_i64()?)).map(|bytes| parse(&bytes));
    let contact = found.into_iter().find(|contact| contact["attributes"]["email"].is_string()).unwrap();
    let (id, old) = (contact["id"].as_i64().unwrap(), contact["attributes"]["email"].as_str().unwrap());
    world.update_contact(id, &json!({"attributes": {"email": "moved@example.test"}}), LATER).unwrap();
    assert!(!ids(&array(&world.contacts_by_email(old, 10))).contains(&id));
    assert_eq!(ids(&array(&world.contacts_by_email("moved@example.test", 10))), [id]);
}

#[test]
fn erasure_takes_the_conversations_with_it() {
    let world = small();
    let before = world.counts();
    let rows = walk(&world, 100, &[]);
    let email = rows
        .iter()
        .filter_map(|row| world.contact(row["contactId"].as_i64()?))
        .find_map(|bytes| parse(&bytes)["attributes"]["email"].as_str().map(str::to_owned))
        .unwrap();
    world.gdpr_delete(&json!({"email": email}), LATER).unwrap();
    assert_eq!(world.contacts_by_email(&email, 10), b"[]");
    assert!(world.counts().conversations < before.conversations);
    assert_eq!(world.counts(), super::computed::count_by_asking(&world));
    assert_eq!(
        parse(&world.gdpr_retrieve(&json!({"email": email})).unwrap())["sentToEmail"],
        "owner@harbor.example"
    );
}

#[test]
fn messages_and_conversations_are_posted() {
    let world = small();
    let body = json!({"email": "new@example.test", "message": {"body": "<p>Hello</p>", "attributes": {"integrationSource": "Form", "autoAssigneeId": 2_310_041}}});
    let conversation = parse(&world.create_conversation(&body, LATER).unwrap());
    let id = conversation["id"].as_i64().unwrap();
    assert!(conversation["participants"].as_array().unwrap().contains(&json!(2_310_041)));
    let posted = json!({"type": "chat", "body": "<p>Hi &amp; bye</p>", "userId": 2_310_041, "buttons": [{"label": "Ok", "value": "Ok", "type": "reply"}]});
    let message = parse(&world.create_message(id, &posted, LATER).unwrap());
    assert_eq!(
        (&message["body"], &message["author"]),
        (&posted["body"], &json!({"type": "user", "id": 2_310_041, "bot": false}))
    );
    assert_eq!(messages(&world, id).last(), Some(&message));
    assert_eq!(messages(&world, id)[0]["attributes"]["integrationSource"], "Form");
    for (body, status) in [(json!({"type": "chat"}), 400), (json!({"type": "poem", "body": "x"}), 400)] {
        assert_eq!(world.create_message(id, &body, LATER).unwrap_err().status, status);
    }
    assert_eq!(world.create_message(1, &posted, LATER).unwrap_err().status, 404);
    assert_eq!(world.create_conversation(&json!({"email": "x"}), LATER).unwrap_err().status, 400);
}

#[test]
fn users_accounts_and_scim() {
    let world = small();
    assert_eq!(
        parse(&world.update_user(2_310_041, &json!({"alias": "Inga"}), LATER).unwrap())["alias"],
        "Inga"
    );
    assert_eq!(world.update_user(2_310_041, &json!({"role": "admin"}), LATER).unwrap_err().status, 400);
    assert_eq!(world.update_user(1, &json!({"alias": "x"}), LATER).unwrap_err().status, 404);
    let account = json!({"ownerId": 2_310_041, "name": "New & Co", "domain": "new.example"});
    let made = parse(&world.create_account(&account, LATER).unwrap());
    let id = made["accountId"].as_str().unwrap();
    assert_eq!(world.create_account(&account, LATER).unwrap_err().status, 409);
    world.update_account(&json!({"accountId": id, "targeted": true}), LATER).unwrap();
    world.delete_account(id, LATER).unwrap();
    let kept = parse(&world.account(id).unwrap());
    assert_eq!((&kept["deleted"], &kept["targeted"]), (&json!(true), &json!(true)));
    let user =
        json!({"userName": "lin@harbor.example", "displayName": "Lin Bo", "roles": [{"value": "ADMIN"}]});
    let made = parse(&world.scim_create(&user, LATER).unwrap());
    let id = made["id"].as_str().unwrap();
    assert_eq!(parse(&world.scim_users(Some("lin@harbor.example")))["Resources"][0], made);
    assert_eq!(
        parse(
            &world
                .scim_replace(id, &json!({"userName": "lin@harbor.example", "displayName": "Lin B."}), LATER)
                .unwrap()
        )["displayName"],
        "Lin B."
    );
    assert_eq!(world.scim_patch(id, &json!({"isActive": false}), LATER).unwrap(), None);
    assert_eq!(world.scim_user(id), None);
}
