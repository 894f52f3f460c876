//! Attacks, one each, tried and refused.

use axum::body::Body;
use http::{Request, header};
use model::{AccessUserId, Role, SessionId};
use store::access::sessions;
use web::Peer;

use crate::browser::{Browser, location};
use crate::house::{OURS, PASSWORD, SETTINGS_KEY, THEIRS, on_both};

#[tokio::test]
async fn session_fixation_a_text_that_somebody_planted_is_never_a_session() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let planted = "planted-by-somebody-else-AAAAAAAAAAAAAAAAAAA";
        let (mut ada, mut thief) = (Browser::new(house), Browser::new(house));
        for browser in [&mut ada, &mut thief] {
            browser.cookies.insert("longshore".into(), planted.into());
        }
        ada.sign_in("ada", PASSWORD, "").await;
        assert_ne!(ada.cookies["longshore"], planted);
        location(&thief.get("/account").await);
        // A session that is signed in over gets a new text, too.
        let first = ada.cookies["longshore"].clone();
        ada.cookies.remove("longshore");
        ada.sign_in("ada", PASSWORD, "").await;
        assert_ne!(ada.cookies["longshore"], first);
    })
    .await;
}

#[tokio::test]
async fn cross_site_forms_do_nothing() {
    on_both(async |house| {
        let user = house.user("ada", None, Role::Owner).await;
        let (token, csrf) = house.session(&user).await;
        let (_, others) = house.session(&user).await;
        let kind = "application/x-www-form-urlencoded";
        let send = async |headers: &[(&str, &str)], body: String, path: &str| {
            let cookie = format!("longshore={}", token.expose());
            let mut request =
                Request::post(path).header(header::COOKIE, cookie).header(header::HOST, "here.test");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            house.ask(request.body(Body::from(body)).unwrap()).await.status().as_u16()
        };
        let form = ("content-type", kind);
        let right = format!("csrf={csrf}");
        for path in ["/sign-out", "/account/authenticator/prepare", "/account/sessions/end"] {
            assert_eq!(send(&[form], String::new(), path).await, 403, "no text");
            assert_eq!(send(&[form], format!("csrf={others}"), path).await, 403, "another session's text");
            assert_eq!(send(&[("content-type", "text/plain")], right.clone(), path).await, 403);
            assert_eq!(send(&[form, ("sec-fetch-site", "cross-site")], right.clone(), path).await, 403);
            assert_eq!(send(&[form, ("origin", "https://evil.test")], right.clone(), path).await, 403);
            assert_eq!(send(&[form], "x".repeat(20_000), path).await, 413);
        }
        for path in ["/api/v1/dead-letters/replay?org=1", "/api/v1/replay?org=1"] {
            assert_eq!(send(&[("content-type", "application/json")], "{}".into(), path).await, 403, "{path}");
            assert_eq!(send(&[form], right.clone(), path).await, 415, "{path}: a form is no JSON");
        }
        assert_eq!(send(&[form, ("origin", "http://here.test")], right, "/sign-out").await, 303);
    })
    .await;
}

#[tokio::test]
async fn cross_site_sign_in_is_refused() {
    on_both(async |house| {
        house.user("mallory", Some(OURS), Role::Agent).await;
        let fields = [("name", "mallory"), ("password", PASSWORD)];
        let mut victim = Browser::new(house);
        assert_eq!(victim.post_raw("/sign-in", &fields).await.status(), 403, "no text");
        let mut mallory = Browser::new(house);
        mallory.get("/sign-in").await;
        victim.get("/sign-in").await;
        victim.csrf = mallory.csrf;
        assert_eq!(victim.post("/sign-in", &fields).await.status(), 403, "the text of another visit");
        assert!(!victim.cookies.contains_key("longshore"));
    })
    .await;
}

#[tokio::test]
async fn open_redirects_lead_home() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        for evil in [
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "javascript:x",
            "/..//evil.test",
        ] {
            let mut ada = Browser::new(house);
            ada.get("/sign-in").await;
            let fields = [("name", "ada"), ("password", PASSWORD), ("next", evil)];
            assert_eq!(location(&ada.post("/sign-in", &fields).await), "/", "{evil:?}");
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("next", evil).finish();
            assert_eq!(location(&ada.get(&format!("/sign-in?{query}")).await), "/", "{evil:?}");
            ada.get("/step-up").await;
            let fields = [("password", PASSWORD), ("next", evil)];
            assert_eq!(location(&ada.post("/step-up", &fields).await), "/", "{evil:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn injected_lines_reach_neither_headers_nor_pages_nor_the_log() {
    let log = crate::log::capture();
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let evil = "x\r\nSet-Cookie: canary-injected=1\r\n\r\n<script>canary-script</script>";
        let mut browser = Browser::new(house);
        browser.get("/sign-in").await;
        let fields = [("name", evil), ("password", evil), ("code", evil), ("next", evil)];
        let answer = browser.post("/sign-in", &fields).await;
        assert_eq!(answer.status(), 401);
        assert!(
            answer.headers().values().all(|value| !value.as_bytes().windows(6).any(|part| part == b"canary"))
        );
        assert!(!answer.body().contains("canary"), "{}", answer.body());
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("code", evil).finish();
        assert!(!browser.get(&format!("/setup?{query}")).await.body().contains("canary"));
        browser.cookies.insert("longshore".into(), "canary%0d%0aX: y".into());
        location(&browser.get("/account").await);
        let key =
            Request::get("/api/v1/status?org=1").header(header::AUTHORIZATION, "Bearer canary\tinjected");
        let answer = house.ask(key.body(Body::empty()).unwrap()).await;
        assert!(!answer.body().contains("canary"));
        let link = house.link(&store::access::links::Link::Reset(AccessUserId("user-ada".into()))).await;
        browser.get(&link).await;
        browser.get("/setup").await;
        let fields =
            [("name", evil), ("password", "canary-password-long"), ("again", "canary-password-long")];
        assert_eq!(browser.post("/setup", &fields).await.status(), 303);
    })
    .await;
    assert!(log.text().contains("TRACE"), "the log was on");
    for secret in ["canary", PASSWORD, SETTINGS_KEY] {
        assert!(!log.text().contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn large_and_deep_json_is_answered_and_nothing_more() {
    on_both(async |house| {
        let send = async |body: String| {
            let request = Request::post("/api/v1/replay?org=1")
                .header(header::AUTHORIZATION, format!("Bearer {SETTINGS_KEY}"))
                .header(header::CONTENT_TYPE, "application/json");
            house.ask(request.body(Body::from(body)).unwrap()).await.status().as_u16()
        };
        assert_eq!(send("[".repeat(16_000)).await, 400);
        assert_eq!(send(r#"{"a":"#.repeat(3_000)).await, 400);
        assert_eq!(send(format!(r#"{{"event":{}{}}}"#, "[".repeat(4_000), "]".repeat(4_000))).await, 400);
        assert_eq!(send(format!(r#"{{"event":"{}"}}"#, "x".repeat(1_000_000))).await, 413);
        let mut browser = Browser::new(house);
        browser.get("/sign-in").await;
        let long = "x".repeat(100_000);
        assert_eq!(browser.post("/sign-in", &[("name", &long), ("password", "x")]).await.status(), 413);
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_attempts_try_only_a_handful_of_passwords() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let (mut tried, mut refused) = (0, 0);
        // From ever new addresses, and from one address on ever new names.
        for number in 0..10_000_u32 {
            let mut thief = match number % 2 {
                0 => Browser::at(house, &format!("198.{}.{}.1", 18 + number / 65_536, number / 2 % 256)),
                _ => Browser::at(house, "203.0.113.66"),
            };
            let name = if number % 2 == 0 { "ada".to_owned() } else { format!("user{number}") };
            thief.cookies.insert("longshore-visit".into(), "visit".into());
            thief.csrf = csrf_of_visit();
            let answer = thief.post("/sign-in", &[("name", &name), ("password", "a wrong password")]).await;
            match answer.status().as_u16() {
                401 => tried += 1,
                429 => {
                    assert!(answer.headers().contains_key(header::RETRY_AFTER));
                    refused += 1;
                }
                other => panic!("{other}: {}", answer.body()),
            }
        }
        assert_eq!((tried, refused), (5 + 30, 10_000 - 35));
        let mut ada = Browser::at(house, "192.0.2.1");
        assert_eq!(ada.sign_in("ada", PASSWORD, "").await.status(), 429, "locked for her, too");
        house.clock.advance(60_000);
        assert_eq!(location(&ada.sign_in("ada", PASSWORD, "").await), "/", "and not for good");
    })
    .await;
}

/// What the form of a visit named `visit` carries.
fn csrf_of_visit() -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(b"longshore form of visit visit"))
}

#[tokio::test]
async fn attempts_that_come_at_once_share_the_same_few() {
    on_both(async |house| {
        house.user("ada", None, Role::Owner).await;
        let attempt = async |number: usize| {
            let mut thief = Browser::at(house, &format!("198.51.100.{number}"));
            thief.sign_in("ada", "a wrong password", "").await.status().as_u16()
        };
        let answers = futures_util::future::join_all((0..40).map(attempt)).await;
        assert_eq!(answers.iter().filter(|status| **status == 401).count(), 5, "{answers:?}");
    })
    .await;
}

#[tokio::test]
async fn a_forwarded_address_is_believed_of_a_trusted_proxy_alone() {
    on_both(async |house| {
        let sign_in = async |peer: &str, forwarded: String, number: usize| {
            let body = format!("name=user{number}-{peer}&password=wrong-password&csrf={}", csrf_of_visit());
            let mut request = Request::post("/sign-in")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::COOKIE, "longshore-visit=visit")
                .header("x-forwarded-for", forwarded)
                .body(Body::from(body))
                .unwrap();
            request.extensions_mut().insert(Peer(format!("{peer}:1").parse().unwrap()));
            house.ask(request).await.status().as_u16()
        };
        let mut statuses = Vec::new();
        for number in 0..31 {
            statuses.push(sign_in("203.0.113.9", format!("192.0.2.{number}"), number).await);
        }
        assert_eq!(statuses[30], 429, "made-up addresses are one address");
        for number in 0..31 {
            assert_eq!(
                sign_in("10.0.0.1", format!("192.0.2.{number}"), number).await,
                401,
                "each is its own"
            );
        }
    })
    .await;
}

/// What is compared has one length, is compared in constant time, and is looked for by its hash: how much of a guess is
/// right shows nowhere. That is held by construction; here, that no part of a right text opens anything.
#[tokio::test]
async fn no_part_of_a_right_text_opens_anything() {
    on_both(async |house| {
        let user = house.user("ada", None, Role::Owner).await;
        let key = house.key(None, Role::Owner, &[]).await;
        let (token, _) = house.session(&user).await;
        let status = async |name: header::HeaderName, value: String| {
            let request =
                Request::get("/api/v1/status?org=1").header(name, value).body(Body::empty()).unwrap();
            house.ask(request).await.status().as_u16()
        };
        for text in [key.expose(), SETTINGS_KEY] {
            assert_eq!(status(header::AUTHORIZATION, format!("Bearer {text}")).await, 200);
            for end in [0, 1, text.len() / 2, text.len() - 1] {
                assert_eq!(status(header::AUTHORIZATION, format!("Bearer {}", &text[..end])).await, 401);
            }
            assert_eq!(status(header::AUTHORIZATION, format!("Bearer {text}x")).await, 401);
            assert_eq!(status(header::AUTHORIZATION, format!("bearer {text}")).await, 401);
            assert_eq!(status(header::AUTHORIZATION, text.to_owned()).await, 401);
        }
        assert_eq!(status(header::COOKIE, format!("longshore={}", token.expose())).await, 200);
        assert_eq!(status(header::COOKIE, format!("longshore={}", &token.expose()[..42])).await, 401);
        assert_eq!(status(header::COOKIE, format!("__Host-longshore={}", token.expose())).await, 401);
    })
    .await;
}

#[tokio::test]
async fn ids_of_others_are_ids_of_nobody() {
    on_both(async |house| {
        let ada = house.user("ada", Some(OURS), Role::Owner).await;
        let eve = house.user("eve", Some(THEIRS), Role::Owner).await;
        let (token, _) = house.session(&eve).await;
        let sessions::Found::Held(theirs) =
            sessions::find(&house.db, &token, crate::house::NOW).await.unwrap()
        else {
            panic!("it has just begun")
        };
        let mut browser = Browser::new(house);
        browser.sign_in("ada", PASSWORD, "").await;
        browser.get("/account").await;
        let fields = [("session", theirs.session_id.0.as_str())];
        let answer = browser.post("/account/sessions/end", &fields).await;
        let unknown = browser.post("/account/sessions/end", &[("session", "nobody's")]).await;
        assert_eq!((answer.status().as_u16(), answer.body()), (404, unknown.body()));
        let alive = sessions::list(&house.db, Some(&eve), crate::house::NOW).await.unwrap();
        assert_eq!(
            alive.iter().map(|one| &one.session_id).collect::<Vec<&SessionId>>(),
            [&theirs.session_id]
        );
        assert_eq!(sessions::list(&house.db, Some(&ada), crate::house::NOW).await.unwrap().len(), 1);
    })
    .await;
}

/// Every body of the API, not one of them alone: large, deep, of the wrong kind, twice the same, cut off.
#[tokio::test]
async fn every_body_of_the_api_is_bounded_and_read_as_an_object() {
    on_both(async |house| {
        let mut routes = web::declared(house.state.clone());
        routes.retain(|route| route.path.starts_with("/api/") && matches!(route.method, "post" | "put"));
        assert!(routes.len() >= 6, "{routes:?}");
        for route in routes {
            let path = route.path.replace("{name}", "x").replace("{kind}", "all");
            let path = path.replace("conversations/{id}", "conversations/42");
            let send = async |body: String| {
                let request = Request::builder()
                    .method(route.method.to_uppercase().as_str())
                    .uri(format!("{path}?org=1"))
                    .header(header::AUTHORIZATION, format!("Bearer {SETTINGS_KEY}"))
                    .header(header::CONTENT_TYPE, "application/json");
                house.ask(request.body(Body::from(body)).unwrap()).await.status().as_u16()
            };
            // Those that take no body do not look at one: 404, for there is no such consumer or connection.
            let takes_none =
                ["/pause", "/resume", "/disconnect", "/erase"].iter().any(|end| path.ends_with(end));
            let is_refused = |status: u16, expected: u16| status == if takes_none { 404 } else { expected };
            for deep in [
                "[".repeat(15_000),
                r#"{"a":"#.repeat(3_000),
                format!(r#"{{"a":{}{}}}"#, "[".repeat(7_000), "]".repeat(7_000)),
            ] {
                assert!(is_refused(send(deep).await, 400), "{path}");
            }
            for odd in [
                "",
                "null",
                "[]",
                "[null,null]",
                "7",
                "\"x\"",
                "{\"nobody\":1}",
                "{",
                "{\"seq\":1e999}",
                "\u{0}",
                "{\"dry_run\":true,\"dry_run\":true}",
            ] {
                assert!(is_refused(send(odd.to_owned()).await, 400), "{path} {odd:?}");
            }
            assert!(
                is_refused(send(format!("{{\"reason\":\"{}\"}}", "x".repeat(1_000_000))).await, 413),
                "{path}"
            );
        }
    })
    .await;
}

/// A character that one of the databases takes and the other does not.
#[tokio::test]
async fn a_character_of_the_number_zero_is_answered_alike_by_both_databases() {
    on_both(async |house| {
        for route in web::declared(house.state.clone()).iter().filter(|route| route.path.starts_with("/api/"))
        {
            let path = ["{id}", "{name}", "{kind}"]
                .iter()
                .fold(route.path.to_owned(), |path, part| path.replace(part, "a%00b"));
            for (query, body) in [
                ("", "{}"),
                ("&kind=%00&after=%00", "{}"),
                ("", r#"{"kind":"a\u0000"}"#),
                ("", r#"{"reason":"\u0000"}"#),
                ("", r#"{"event":"\u0000"}"#),
            ] {
                let request = Request::builder()
                    .method(route.method.to_uppercase().as_str())
                    .uri(format!("{path}?org=1{query}"))
                    .header(header::AUTHORIZATION, format!("Bearer {SETTINGS_KEY}"))
                    .header(header::CONTENT_TYPE, "application/json");
                let answer = house.ask(request.body(Body::from(body)).unwrap()).await;
                assert!(
                    answer.status().as_u16() < 500,
                    "{} {path}?org=1{query} {body}: {}",
                    route.method,
                    answer.body()
                );
            }
        }
        let mut browser = Browser::new(house);
        browser.get("/sign-in").await;
        let answer = browser
            .post("/sign-in", &[("name", "a\0b"), ("password", "\0"), ("code", "\0"), ("next", "\0")])
            .await;
        assert_eq!(answer.status(), 401);
        assert!(
            browser.get("/sign-in/oidc/callback?state=%00&code=%00&iss=%00").await.status().as_u16() < 500
        );
    })
    .await;
}

/// Timing, by construction: what opens a door has no `==`, so that nobody compares it in a time that tells how much was right.
#[test]
fn what_opens_a_door_cannot_be_compared_but_in_constant_time() {
    trait Told<Which> {
        fn has_no_equality() {}
    }
    struct Equal;
    impl<T: ?Sized> Told<()> for T {}
    impl<T: ?Sized + PartialEq> Told<Equal> for T {}
    // Each line is ambiguous, and so no program, as soon as its type can be compared.
    <model::Secret as Told<_>>::has_no_equality();
    <store::access::Token as Told<_>>::has_no_equality();
    <store::access::password::PasswordHash as Told<_>>::has_no_equality();
    let mut exposed = Vec::new();
    for folder in ["web/src", "store/src", "engine/src", "drift/src", "longshore/src", "sinks/src"] {
        compared(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), &mut exposed);
    }
    exposed.sort();
    // A password typed twice: both texts are of the one who sends them.
    exposed.retain(|line| !line.contains("sent.again.expose()"));
    assert_eq!(exposed, Vec::<String>::new());
}

/// Lines that compare an exposed secret as a text.
fn compared(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            compared(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let program = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let is_compared = |line: &&str| {
            let secret =
                ["token", "secret", "password", "given", "sent"].iter().any(|word| line.contains(word));
            secret
                && (line.contains(".expose() ==")
                    || line.contains(".expose() !=")
                    || line.contains("== *") && line.contains(".expose()"))
        };
        found.extend(
            program.lines().filter(is_compared).map(|line| format!("{}: {}", path.display(), line.trim())),
        );
    }
}
