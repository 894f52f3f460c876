//! Signing in through an identity provider, as a person meets it.

use model::{Role, UserName};
use serde_json::{Value, json};
use store::access::{memberships, users};
use store::audit;

use crate::browser::{Browser, location};
use crate::house::{House, OURS, PASSWORD, on_both, with_issuer, with_issuer_of};
use crate::issuer::{Issuer, Signature};

const RULES: &str = "groups=support:agent@1, groups=leads:admin@1, groups=bosses:owner@everywhere";

/// Go to the provider, consent as this person, and come back.
pub(crate) async fn come_in(
    browser: &mut Browser<'_>,
    issuer: &Issuer,
    person: Value,
) -> http::Response<String> {
    let back = away(browser, issuer, "/sign-in/oidc", &person).await;
    browser.get(&back).await
}

/// Go to the provider and consent; the address that leads back.
pub(crate) async fn away(browser: &mut Browser<'_>, issuer: &Issuer, path: &str, person: &Value) -> String {
    let sent = browser.get(path).await;
    issuer.consent(location(&sent), person)
}

async fn roles(house: &House, name: &str) -> Vec<(Option<model::OrgId>, Role)> {
    let user = users::by_name(&house.db, &UserName::parse(name).unwrap()).await.unwrap().unwrap();
    let found = memberships::of_user(&house.db, &user.user_id).await.unwrap();
    found.into_iter().map(|one| (one.org, one.role)).collect()
}

#[tokio::test]
async fn a_person_whom_a_rule_names_comes_in_and_is_what_the_rules_say_each_time() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        assert!(ada.get("/sign-in").await.body().contains("Sign in with issuer.test"));
        let answer = come_in(&mut ada, issuer, json!({"groups": ["support", "other"]})).await;
        assert_eq!(location(&answer), "/");
        assert!(ada.get("/account").await.body().contains("agent of organization 1"));
        let promoted = json!({"groups": ["leads"], "email": "countess@example.test"});
        location(&come_in(&mut Browser::new(house), issuer, promoted).await);
        assert_eq!(
            roles(house, "ada@example.test").await,
            [(Some(OURS), Role::Admin)],
            "known by the subject"
        );
        let gone = come_in(&mut Browser::new(house), issuer, json!({"groups": ["other"]})).await;
        assert_eq!(gone.status(), 403);
        assert!(gone.body().contains("this server has no place for you"));
        assert_eq!(house.refusals().await, ["no_role"]);
        let entries = audit::page(&house.db, 0, 50).await.unwrap();
        let told: Vec<String> = entries.iter().map(|one| format!("{} {}", one.action, one.outcome)).collect();
        for expected in ["user.create done", "user.identity done", "user.role done", "session.sign_in done"] {
            assert!(told.iter().any(|one| one == expected), "{expected}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn only_people_of_the_domains_that_are_set_come_in() {
    with_issuer_of(
        || Issuer::new(RULES).of_domains(&["example.test", "Example.org"]),
        async |house, issuer| {
            house.user("owner", None, Role::Owner).await;
            let person = |mail: &str, verified: bool| {
                let subject = format!("subject of {mail}");
                json!({"groups": ["support"], "sub": subject, "email": mail, "email_verified": verified})
            };
            for (mail, verified) in [
                ("eve@example.test.evil.test", true),
                ("eve@sub.example.test", true),
                ("example.test@evil.test", true),
                ("eve@example.test", false),
                ("example.test", true),
                ("", true),
            ] {
                let refused = come_in(&mut Browser::new(house), issuer, person(mail, verified)).await;
                assert_eq!(refused.status(), 403, "{mail}");
            }
            assert_eq!(house.refusals().await, ["domain"; 6]);
            for mail in ["ada@example.test", "grace@EXAMPLE.ORG"] {
                assert_eq!(
                    location(&come_in(&mut Browser::new(house), issuer, person(mail, true)).await),
                    "/"
                );
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_role_that_a_rule_gave_goes_with_the_rule_and_one_given_by_hand_stays() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        house.invited("ada@example.test", Some(crate::house::THEIRS), Role::Auditor).await;
        location(&come_in(&mut Browser::new(house), issuer, json!({"groups": ["support"]})).await);
        let (ours, theirs) = ((Some(OURS), Role::Agent), (Some(crate::house::THEIRS), Role::Auditor));
        assert_eq!(roles(house, "ada@example.test").await, [ours, theirs]);
        location(&come_in(&mut Browser::new(house), issuer, json!({})).await);
        assert_eq!(roles(house, "ada@example.test").await, [theirs]);
    })
    .await;
}

#[tokio::test]
async fn an_invited_user_is_tied_by_a_verified_address_once() {
    with_issuer("", async |house, issuer| {
        let user = house.invited("ada@example.test", Some(OURS), Role::Analyst).await;
        let link = house.link(&store::access::links::Link::Invitation(user)).await;
        for unverified in
            [json!({"email_verified": false}), json!({"email_verified": null}), json!({"email": null})]
        {
            assert_eq!(come_in(&mut Browser::new(house), issuer, unverified).await.status(), 403);
        }
        assert_eq!(location(&come_in(&mut Browser::new(house), issuer, json!({})).await), "/");
        let other = come_in(&mut Browser::new(house), issuer, json!({"sub": "subject-2"})).await;
        assert_eq!(other.status(), 403, "the address is tied to another subject");
        let moved = json!({"email": "somewhere@else.test", "email_verified": false});
        assert_eq!(location(&come_in(&mut Browser::new(house), issuer, moved).await), "/");
        let mut late = Browser::new(house);
        late.get(&link).await;
        assert!(late.get("/setup").await.body().contains("not good any more"), "the invitation is void");
        assert_eq!(house.refusals().await, ["email", "email", "email", "name_taken"]);
    })
    .await;
}

#[tokio::test]
async fn an_address_alone_opens_no_user_who_has_a_password() {
    with_issuer("groups=support:owner@everywhere", async |house, issuer| {
        house.user("ada@example.test", None, Role::Owner).await;
        let answer = come_in(&mut Browser::new(house), issuer, json!({"groups": "support"})).await;
        assert_eq!((answer.status().as_u16(), house.refusals().await), (403, vec!["name_taken".to_owned()]));
        let mut ada = Browser::new(house);
        assert_eq!(location(&ada.sign_in("ada@example.test", PASSWORD, "").await), "/");
    })
    .await;
}

#[tokio::test]
async fn the_first_user_of_all_is_an_owner_or_nobody() {
    with_issuer(RULES, async |house, issuer| {
        let answer = come_in(&mut Browser::new(house), issuer, json!({"groups": ["support"]})).await;
        assert_eq!((answer.status().as_u16(), house.refusals().await), (403, vec!["no_owner".to_owned()]));
        let boss = json!({"groups": ["bosses"], "sub": "boss", "email": "boss@example.test"});
        assert_eq!(location(&come_in(&mut Browser::new(house), issuer, boss).await), "/");
        let less = json!({"groups": [], "sub": "boss"});
        assert_eq!(
            location(&come_in(&mut Browser::new(house), issuer, less).await),
            "/",
            "the last owner stays"
        );
        assert_eq!(roles(house, "boss@example.test").await, [(None, Role::Owner)]);
    })
    .await;
}

#[tokio::test]
async fn what_matters_asks_to_show_the_provider_something_again() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let now = || crate::house::NOW.0 / 1_000;
        let person = |auth_time: i64| json!({"groups": ["leads"], "auth_time": auth_time});
        let mut ada = Browser::new(house);
        location(&come_in(&mut ada, issuer, person(now() - 3_600)).await);
        ada.get("/account").await;
        let to = ada.post("/account/authenticator/prepare", &[]).await;
        assert!(location(&to).starts_with("/step-up?next="), "signed in an hour ago elsewhere");
        let page = ada.get("/step-up?next=/account").await;
        assert!(page.body().contains("Go on with issuer.test") && !page.body().contains("type=\"password\""));
        let before = ada.cookies["longshore"].clone();
        let sent = ada.get("/step-up/oidc?next=/account").await;
        assert!(location(&sent).contains("prompt=login") && location(&sent).contains("max_age=0"));
        let back = issuer.consent(location(&sent), &person(now() - 3_600));
        assert_eq!(ada.get(&back).await.status(), 403, "the provider asked nothing");
        let back = away(
            &mut ada,
            issuer,
            "/step-up/oidc?next=/account",
            &json!({"sub": "other", "auth_time": now()}),
        )
        .await;
        assert_eq!(ada.get(&back).await.status(), 403, "somebody else");
        let back = away(&mut ada, issuer, "/step-up/oidc?next=/account", &person(now())).await;
        assert_eq!(location(&ada.get(&back).await), "/account");
        assert_ne!(ada.cookies["longshore"], before, "the text is new");
        ada.get("/account").await;
        assert_eq!(location(&ada.post("/account/authenticator/prepare", &[]).await), "/account");
        assert_eq!(house.refusals().await, ["not_shown_again", "other_user"]);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_signs_by_rsa_and_changes_its_keys_is_followed() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let person = || json!({"groups": ["support"]});
        issuer.sign(Signature::Rsa);
        location(&come_in(&mut Browser::new(house), issuer, person()).await);
        issuer.sign(Signature::Right);
        location(&come_in(&mut Browser::new(house), issuer, person()).await);
        assert_eq!(issuer.asked("/keys"), 1, "they are kept");
        issuer.change_key();
        assert_eq!(
            come_in(&mut Browser::new(house), issuer, person()).await.status(),
            403,
            "asked a moment ago"
        );
        issuer.pass(house, 61_000);
        location(&come_in(&mut Browser::new(house), issuer, person()).await);
        assert_eq!(issuer.asked("/keys"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_is_away_or_odd_is_told_and_nothing_begins() {
    with_issuer(RULES, async |house, issuer| {
        let mut ada = Browser::new(house);
        issuer.go_down(true);
        let away = ada.get("/sign-in/oidc").await;
        assert_eq!((away.status().as_u16(), ada.cookies.contains_key("longshore-handover")), (503, false));
        assert!(
            away.headers().contains_key("retry-after") && away.body().contains("issuer.test does not answer")
        );
        issuer.go_down(false);
        for (name, value) in [
            ("issuer", json!("https://other.test")),
            ("jwks_uri", json!("http://issuer.test/keys")),
            ("authorization_endpoint", json!("http://issuer.test/authorize")),
            ("authorization_endpoint", json!(7)),
        ] {
            issuer.publish(move |document| document[name] = value.clone());
            assert_eq!(ada.get("/sign-in/oidc").await.status(), 503, "{name}");
            issuer.pass(house, 11 * 60_000);
        }
        issuer.publish(|document| document["token_endpoint"] = json!("http://issuer.test/token"));
        let back = crate::oidc::away(&mut ada, issuer, "/sign-in/oidc", &json!({})).await;
        assert_eq!(ada.get(&back).await.status(), 503, "no code is sent in the clear");
        assert_eq!(issuer.asked("/token"), 0);
    })
    .await;
}

#[tokio::test]
async fn without_a_provider_there_is_nothing_at_its_paths() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        assert!(!ada.get("/sign-in").await.body().contains("/sign-in/oidc"));
        for path in ["/sign-in/oidc", "/sign-in/oidc/callback?state=x&code=y"] {
            assert_eq!(ada.get(path).await.status(), 404, "{path}");
        }
        ada.sign_in("ada", PASSWORD, "").await;
        assert_eq!(ada.get("/step-up/oidc").await.status(), 404);
    })
    .await;
}
