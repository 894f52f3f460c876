//! Attacks on signing in through an identity provider, one each, tried and refused.

use model::Role;
use serde_json::{Value, json};
use store::access::users;

use crate::browser::{Browser, location};
use crate::house::{PASSWORD, with_issuer};
use crate::issuer::{CLIENT_SECRET, Signature};
use crate::oidc::{away, come_in};

const RULES: &str = "groups=support:agent@1";

fn person() -> Value {
    json!({"groups": ["support"]})
}

#[tokio::test]
async fn a_token_that_says_something_wrong_is_not_believed() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let wrong: [(&str, Value, &str); 13] = [
            ("nonce", json!("another"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("aud", json!("another"), "audience"),
            ("aud", json!(["longshore", "another"]), "audience"),
            ("aud", json!([]), "audience"),
            ("iss", json!("https://other.test"), "issuer"),
            ("iss", json!("https://issuer.test/"), "issuer"),
            ("exp", json!(crate::house::NOW.0 / 1_000 - 31), "expired"),
            ("iat", json!(crate::house::NOW.0 / 1_000 + 31), "issued_later"),
            ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), "access_token"),
            ("sub", json!(""), "subject"),
            ("sub", json!("a\0b"), "subject"),
            ("sub", json!("x".repeat(256)), "subject"),
        ];
        let mut reasons = Vec::new();
        for (number, (name, value, reason)) in wrong.into_iter().enumerate() {
            let lie = value.clone();
            issuer.twist(move |claims| claims[name] = lie.clone());
            let mut thief = Browser::at(house, &format!("192.0.2.{number}"));
            let answer = come_in(&mut thief, issuer, person()).await;
            assert_eq!(answer.status(), 403, "{name} {value}: {}", answer.body());
            assert!(!thief.cookies.contains_key("longshore"), "{name}");
            reasons.push(reason);
        }
        assert_eq!(house.refusals().await, reasons);
        assert_eq!(users::count(&house.db).await.unwrap(), 1, "nobody was made");
        issuer.twist(|_| {});
        location(&come_in(&mut Browser::new(house), issuer, person()).await);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_the_provider_did_not_sign_is_not_believed() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        for signature in [Signature::None, Signature::Other, Signature::Shared] {
            issuer.sign(signature);
            let mut thief = Browser::new(house);
            let answer = come_in(&mut thief, issuer, person()).await;
            assert_eq!(answer.status(), 403, "{signature:?}");
            assert!(!thief.cookies.contains_key("longshore"), "{signature:?}");
        }
        assert_eq!(house.refusals().await, ["signature"; 3]);
    })
    .await;
}

#[tokio::test]
async fn a_state_that_is_forged_replayed_late_or_of_another_browser_is_refused() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        let back = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        // From another browser: with no handover of its own, and with one.
        let mut thief = Browser::at(house, "192.0.2.1");
        assert_eq!(thief.get(&back).await.status(), 403);
        let back = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        away(&mut thief, issuer, "/sign-in/oidc", &person()).await;
        assert_eq!(thief.get(&back).await.status(), 403);
        assert_eq!(ada.get(&back).await.status(), 403, "it is used up by whoever brings it");
        // Forged, missing, and with another's code.
        for state in ["", "state=forged&", "state=%00&", "state=x%0d%0aSet-Cookie:%20a=b&"] {
            ada.get("/sign-in/oidc").await;
            let answer = ada.get(&format!("/sign-in/oidc/callback?{state}code=x")).await;
            assert_eq!(answer.status(), 403, "{state}");
        }
        // Replayed.
        let kept = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        let cookie = ada.cookies["longshore-handover"].clone();
        location(&ada.get(&kept).await);
        let mut again = Browser::new(house);
        again.cookies.insert("longshore-handover".into(), cookie);
        assert_eq!(again.get(&kept).await.status(), 403);
        // Late.
        let late = away(&mut again, issuer, "/sign-in/oidc", &person()).await;
        issuer.pass(house, 10 * 60_000);
        assert_eq!(again.get(&late).await.status(), 403);
        assert!(house.refusals().await.iter().all(|reason| reason == "state"));
        assert!(!thief.cookies.contains_key("longshore") && !again.cookies.contains_key("longshore"));
    })
    .await;
}

#[tokio::test]
async fn a_stolen_code_is_of_no_use_in_another_handover() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let code = |back: &str| back.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
        let (mut ada, mut thief) = (Browser::new(house), Browser::at(house, "192.0.2.1"));
        let hers = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        let his = away(&mut thief, issuer, "/sign-in/oidc", &json!({"sub": "thief"})).await;
        let injected = his.replace(&code(&his), &code(&hers));
        let answer = thief.get(&injected).await;
        assert_eq!((answer.status().as_u16(), answer.body().contains("canary")), (403, false));
        // His own code in her browser (a sign-in as somebody else), by an address that she is led to.
        assert_eq!(ada.get(&his).await.status(), 403);
        assert!(!thief.cookies.contains_key("longshore") && !ada.cookies.contains_key("longshore"));
    })
    .await;
}

#[tokio::test]
async fn the_answer_of_another_provider_or_a_refusal_signs_nobody_in() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        let back = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        let mixed = back.replace("iss=https%3A%2F%2Fissuer.test", "iss=https%3A%2F%2Fother.test");
        assert_eq!(ada.get(&mixed).await.status(), 403);
        let back = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        let evil = "error=access_denied&error_description=%3Cscript%3Ecanary%0d%0a";
        let refused = ada.get(&back.replace("code=", &format!("{evil}&no_code="))).await;
        assert_eq!((refused.status().as_u16(), refused.body().contains("canary")), (403, false));
        let back = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        let both = ada.get(&format!("{back}&error=access_denied")).await;
        assert_eq!(both.status(), 403, "an error beside a code is an error");
        let back = away(&mut ada, issuer, "/sign-in/oidc", &person()).await;
        assert_eq!(
            ada.get(&back.replace("code=", &format!("code={}", "x".repeat(3_000)))).await.status(),
            403
        );
        assert_eq!(house.refusals().await, ["issuer", "provider_refused", "provider_refused", "no_code"]);
        assert_eq!(issuer.asked("/token"), 0, "no code was sent anywhere");
    })
    .await;
}

#[tokio::test]
async fn a_way_back_that_leads_elsewhere_leads_home() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        for evil in ["https://evil.test", "//evil.test", "/\\evil.test", "/%09/evil.test", "javascript:x"] {
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("next", evil).finish();
            let mut ada = Browser::new(house);
            let back = away(&mut ada, issuer, &format!("/sign-in/oidc?{query}"), &person()).await;
            let to = location(&ada.get(&back).await).to_owned();
            assert!(to == "/" || to == "/%09/evil.test", "{evil}: {to}");
            assert!(location(&ada.get(&format!("/sign-in/oidc?{query}")).await).starts_with('/'));
        }
        let mut ada = Browser::new(house);
        let back = away(&mut ada, issuer, "/sign-in/oidc?next=/account", &person()).await;
        assert_eq!(location(&ada.get(&back).await), "/account");
    })
    .await;
}

#[tokio::test]
async fn session_fixation_a_session_of_before_is_none_after() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let planted = "planted-by-somebody-else-AAAAAAAAAAAAAAAAAAA";
        let (mut ada, mut thief) = (Browser::new(house), Browser::at(house, "192.0.2.1"));
        for browser in [&mut ada, &mut thief] {
            browser.cookies.insert("longshore".into(), planted.into());
        }
        location(&come_in(&mut ada, issuer, person()).await);
        assert_ne!(ada.cookies["longshore"], planted);
        assert!(location(&thief.get("/account").await).starts_with("/sign-in"));
        // A browser that was signed in as somebody else meanwhile: that session ends.
        let mut shared = Browser::new(house);
        let back = away(&mut shared, issuer, "/sign-in/oidc", &person()).await;
        shared.sign_in("owner", PASSWORD, "").await;
        let mut copy = Browser::at(house, "192.0.2.2");
        copy.cookies.insert("longshore".into(), shared.cookies["longshore"].clone());
        location(&shared.get(&back).await);
        assert!(location(&copy.get("/account").await).starts_with("/sign-in"));
    })
    .await;
}

#[tokio::test]
async fn a_confirmation_is_of_the_session_that_asked_for_it() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let fresh = json!({"groups": ["support"], "auth_time": crate::house::NOW.0 / 1_000});
        let mut ada = Browser::new(house);
        location(&come_in(&mut ada, issuer, fresh.clone()).await);
        let back = away(&mut ada, issuer, "/step-up/oidc", &fresh).await;
        ada.cookies.remove("longshore");
        assert_eq!(ada.get(&back).await.status(), 403, "without the session");
        location(&come_in(&mut ada, issuer, fresh.clone()).await);
        let back = away(&mut ada, issuer, "/step-up/oidc", &fresh).await;
        let mut other = Browser::new(house);
        location(&come_in(&mut other, issuer, fresh.clone()).await);
        ada.cookies.insert("longshore".into(), other.cookies["longshore"].clone());
        assert_eq!(ada.get(&back).await.status(), 403, "with another session of the same user");
        assert_eq!(house.refusals().await, ["other_user"; 2]);
    })
    .await;
}

#[tokio::test]
async fn attempts_are_counted_and_handovers_bounded() {
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let mut thief = Browser::at(house, "192.0.2.1");
        let mut statuses = Vec::new();
        for _ in 0..31 {
            statuses.push(thief.get("/sign-in/oidc/callback?state=x&code=y").await.status().as_u16());
        }
        assert_eq!((statuses[29], statuses[30]), (403, 429));
        location(&come_in(&mut Browser::new(house), issuer, person()).await);
    })
    .await;
}

#[tokio::test]
async fn nothing_of_a_handover_is_logged_shown_or_kept() {
    let log = crate::log::capture();
    with_issuer(RULES, async |house, issuer| {
        house.user("owner", None, Role::Owner).await;
        let mut ada = Browser::new(house);
        location(&come_in(&mut ada, issuer, person()).await);
        let mut other = Browser::new(house);
        let back = away(&mut other, issuer, "/sign-in/oidc", &person()).await;
        issuer.sign(Signature::Other);
        let refused = other.get(&back).await;
        assert_eq!(refused.status(), 403);
        for text in [refused.body(), &format!("{:?}", refused.headers())] {
            assert!(!text.contains("canary") && !text.contains("subject-1"), "{text}");
        }
    })
    .await;
    assert!(log.text().contains("TRACE"), "the log was on");
    for secret in ["canary", CLIENT_SECRET, "subject-1", "ada@example.test", "eyJ"] {
        assert!(!log.text().contains(secret), "{secret} is in the log");
    }
}
