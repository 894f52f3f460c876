//! Attacks on connecting, one each, tried and refused.

use model::Role;
use store::connections;

use crate::browser::{Browser, location};
use crate::connect::{back, depart, signed_in, told};
use crate::house::{House, OURS, PASSWORD, THEIRS, on_both};

/// Nothing was traded in, nothing stored.
async fn untouched(house: &House) {
    assert_eq!(house.provider.asked(), 0);
    let states = connections::list(&house.db).await.unwrap();
    assert_eq!(states.len(), 2);
}

#[tokio::test]
async fn a_forged_state_is_refused() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let state = depart(&mut ada, "/connect/drift").await;
        let (other, short) = ("A".repeat(43), &state[..42]);
        for forged in [other.as_str(), short, "x", &format!("{state}A")] {
            let answer = back(&mut ada, forged, "code=code-1").await;
            assert!(
                answer.status() == 400 && answer.body().contains("Nobody asked for this here"),
                "{forged}"
            );
        }
        untouched(house).await;
        assert_eq!(told(house).await, Vec::<String>::new(), "made-up texts fill no log");
        location(&back(&mut ada, &state, "code=code-1").await);
    })
    .await;
}

#[tokio::test]
async fn a_replayed_state_is_refused() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        house.provider.takes("code-2", THEIRS);
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let state = depart(&mut ada, "/connect/drift").await;
        let held = ada.cookies.clone();
        location(&back(&mut ada, &state, "code=code-1").await);
        ada.cookies = held;
        for said in ["code=code-1", "code=code-2", "error=access_denied"] {
            let answer = back(&mut ada, &state, said).await;
            assert!(answer.status() == 409 && answer.body().contains("used before"), "{}", answer.body());
        }
        assert_eq!(house.provider.asked(), 1);
    })
    .await;
}

#[tokio::test]
async fn answers_that_come_at_once_count_once() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let state = depart(&mut ada, "/connect/drift").await;
        let come = async |_: usize| {
            let mut twin = Browser::new(house);
            twin.cookies = ada.cookies.clone();
            back(&mut twin, &state, "code=code-1").await.status().as_u16()
        };
        let mut statuses = futures_util::future::join_all((0..8).map(come)).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409, 409, 409, 409, 409, 409, 409]);
        assert_eq!(house.provider.asked(), 1);
    })
    .await;
}

/// The thief begins, and has the victim's browser end it: the victim's organization would be in the thief's hands.
#[tokio::test]
async fn a_state_of_another_browser_is_refused_and_burnt() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let mut thief = signed_in(house, "mallory", (Some(THEIRS), Role::Admin)).await;
        let state = depart(&mut thief, "/connect/drift").await;
        let mut victim = signed_in(house, "ada", (None, Role::Owner)).await;
        let answer = back(&mut victim, &state, "code=code-1").await;
        assert!(answer.status() == 403 && answer.body().contains("another browser"), "{}", answer.body());
        let answer = back(&mut thief, &state, "code=code-1").await;
        assert_eq!(answer.status(), 409, "a state that was seen elsewhere is good for nobody");
        // With a link nobody is signed in on either side: the browser alone tells them apart.
        let (link, _) = house.share_link(None, 5).await;
        let mut thief = Browser::new(house);
        thief.get(&link).await;
        let state = depart(&mut thief, "/connect/drift/invited").await;
        let answer = back(&mut Browser::new(house), &state, "code=code-1").await;
        assert_eq!(answer.status(), 403);
        untouched(house).await;
        let expected =
            ["user", "nobody"].map(|who| format!("connection.connect refused other_browser by {who}"));
        assert_eq!(told(house).await, expected);
    })
    .await;
}

/// The browser holds the right cookie, and somebody else has signed in with it meanwhile.
#[tokio::test]
async fn a_consent_of_one_user_is_not_ended_by_another_in_the_same_browser() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let mut browser = signed_in(house, "ada", (None, Role::Owner)).await;
        let state = depart(&mut browser, "/connect/drift").await;
        house.user("grace", None, Role::Admin).await;
        browser.get("/connect/drift").await;
        location(&browser.post("/sign-out", &[]).await);
        location(&browser.sign_in("grace", PASSWORD, "").await);
        assert_eq!(back(&mut browser, &state, "code=code-1").await.status(), 403);
        untouched(house).await;
    })
    .await;
}

#[tokio::test]
async fn session_fixation_a_planted_cookie_binds_nothing() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let planted = "planted-by-somebody-else-AAAAAAAAAAAAAAAAAAA";
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let session = ada.cookies["longshore"].clone();
        ada.cookies.insert("longshore-consent".into(), planted.into());
        let state = depart(&mut ada, "/connect/drift").await;
        assert_ne!(ada.cookies["longshore-consent"], planted, "each departure draws its own");
        let mut thief = Browser::new(house);
        thief.cookies = [("longshore-consent", planted), ("longshore", session.as_str())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(back(&mut thief, &state, "code=code-1").await.status(), 403);
        untouched(house).await;
        // The callback begins no session and changes none.
        let mut guest = Browser::new(house);
        let (link, _) = house.share_link(None, 1).await;
        guest.get(&link).await;
        let state = depart(&mut guest, "/connect/drift/invited").await;
        location(&back(&mut guest, &state, "code=code-1").await);
        assert!(!guest.cookies.contains_key("longshore"), "{:?}", guest.cookies.keys());
    })
    .await;
}

#[tokio::test]
async fn cookies_of_the_way_are_kept_from_scripts_and_over_tls_from_other_hosts() {
    on_both(async |house| {
        let (link, _) = house.share_link(None, 1).await;
        let mut request = http::Request::get(&link).header("x-forwarded-proto", "https");
        request = request.header("host", "longshore.test");
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        request.extensions_mut().insert(web::Peer("10.1.2.3:1".parse().unwrap()));
        let answer = house.ask(request).await;
        let cookies: Vec<&str> =
            answer.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        let invited = cookies.iter().find(|line| line.starts_with("__Host-longshore-invited=lsc_")).unwrap();
        assert!(invited.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{invited}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    })
    .await;
}

#[tokio::test]
async fn open_redirect_an_answer_leads_only_to_pages_of_this_host() {
    on_both(async |house| {
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        for (number, evil) in
            ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:x"].iter().enumerate()
        {
            let code = format!("code-{number}");
            house.provider.takes(&code, OURS);
            let state = depart(&mut ada, "/connect/drift").await;
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("next", evil), ("redirect_uri", evil), ("profile", evil)])
                .finish();
            let answer = back(&mut ada, &state, &format!("code={code}&{query}")).await;
            assert_eq!(location(&answer), "/connect/drift/connected?org=1&profile=archive&new=yes");
            let fields = [("profile", *evil), ("redirect_uri", evil), ("next", evil)];
            ada.get("/connect/drift").await;
            let answer = ada.post("/connect/drift", &fields).await;
            assert!(
                location(&answer)
                    .starts_with("https://drift.test/authorize?response_type=code&client_id=app")
            );
            assert!(!location(&answer).contains("evil"), "{}", location(&answer));
        }
    })
    .await;
}

#[tokio::test]
async fn code_injection_anothers_code_and_codes_that_are_none_are_refused() {
    let log = crate::log::capture();
    on_both(async |house| {
        // A code that the thief got for an organization of theirs, put into the victim's answer.
        house.provider.takes("code-of-the-thief", THEIRS);
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Owner)).await;
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "code=code-of-the-thief").await;
        assert!(answer.status() == 403 && answer.body().contains("another Drift organization"));
        let asked = house.provider.asked();
        let huge = "canary".repeat(5_000);
        let long = "canary".repeat(200);
        for code in [
            "canary%0d%0aSet-Cookie:%20x=y",
            "canary%00",
            "canary%20two",
            "%3Cscript%3Ecanary%3C/script%3E%20",
            "%C3%A9canary",
            "",
            &long,
            &huge,
        ] {
            let state = depart(&mut ada, "/connect/drift").await;
            let answer = back(&mut ada, &state, &format!("code={code}")).await;
            assert_eq!(answer.status(), 400, "{code}");
            assert!(answer.body().contains("not an answer of Drift"), "{}", answer.body());
            assert!(!answer.body().contains("canary") && !answer.headers().contains_key("x"));
        }
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "code=canary-1&code=canary-2").await;
        assert_eq!(answer.status(), 400, "two codes");
        assert_eq!(house.provider.asked(), asked, "none of them was traded in");
    })
    .await;
    assert!(log.text().contains("TRACE") && !log.text().contains("canary"), "codes are in no log");
}

#[tokio::test]
async fn lines_injected_into_an_answer_reach_neither_headers_nor_pages_nor_the_log() {
    let log = crate::log::capture();
    on_both(async |house| {
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let evil = "x\r\nSet-Cookie: canary=1\r\n\r\n<script>canary</script>";
        let evil: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let state = depart(&mut ada, "/connect/drift").await;
        for query in [
            format!("error={evil}&state={state}"),
            format!("error=access_denied&error_description={evil}&state={evil}"),
            format!("code=c&state={evil}"),
            format!("{evil}={evil}&state={state}"),
        ] {
            let answer = ada.get(&format!("/connect/drift/callback?{query}")).await;
            assert!(answer.status().is_client_error() || answer.status() == 502, "{}", answer.status());
            let is_clean =
                |value: &http::HeaderValue| !String::from_utf8_lossy(value.as_bytes()).contains("canary");
            assert!(answer.headers().values().all(is_clean) && !answer.body().contains("canary"));
        }
        let answer = ada.get(&format!("/connect/drift/invited?link={evil}")).await;
        assert!(answer.status() == 410 && !answer.body().contains("canary"));
        let answer = ada.get(&format!("/connect/drift/links?made={evil}")).await;
        assert!(answer.status() == 200 && !answer.body().contains("canary"));
        let answer = ada.get(&format!("/connect/drift?profile={evil}")).await;
        assert!(!answer.body().contains("canary"));
        untouched(house).await;
    })
    .await;
    assert!(log.text().contains("TRACE") && !log.text().contains("canary"));
}

#[tokio::test]
async fn cross_site_forms_connect_nothing() {
    on_both(async |house| {
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let (_, link) = house.share_link(Some(OURS), 1).await;
        ada.get("/connect/drift").await;
        let held = ada.csrf.clone();
        let other = signed_in(house, "eve", (None, Role::Owner)).await.csrf;
        let forms: [(&str, &[(&str, &str)]); 5] = [
            ("/connect/drift", &[("profile", "archive")]),
            ("/connect/drift/archive?org=1", &[]),
            ("/connect/drift/token", &[("token", "pt-of-the-thief")]),
            ("/connect/drift/links", &[("organization", "1"), ("days", "7"), ("uses", "1")]),
            ("/connect/drift/links/revoke", &[("link", &link.0)]),
        ];
        for (path, fields) in forms {
            for csrf in ["", "wrong", other.as_str()] {
                ada.csrf = csrf.to_owned();
                let answer = ada.post(path, fields).await;
                assert_eq!(answer.status(), 403, "{path} with {csrf:?}");
            }
            assert_eq!(ada.post_raw(path, fields).await.status(), 403, "{path} without the text");
        }
        assert!(!ada.cookies.contains_key("longshore-consent"));
        let mut guest = Browser::new(house);
        let (link, _) = house.share_link(None, 1).await;
        guest.get(&link).await;
        assert_eq!(guest.post_raw("/connect/drift/invited", &[]).await.status(), 403);
        guest.csrf = held;
        assert_eq!(guest.post("/connect/drift/invited", &[]).await.status(), 403);
        untouched(house).await;
    })
    .await;
}

#[tokio::test]
async fn a_forged_or_changed_link_opens_nothing() {
    on_both(async |house| {
        let (link, id) = house.share_link(Some(OURS), 1).await;
        let text = link.split_once("link=").unwrap().1.to_owned();
        let signature = text.rsplit_once('_').unwrap().1;
        let mut changed = text.clone();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.insert(8, last);
        for forged in [format!("lsc_{id}_"), format!("lsc_{id}"), changed, signature.to_owned(), id.0.clone()]
        {
            let mut guest = Browser::new(house);
            guest.get(&format!("/connect/drift/invited?link={forged}")).await;
            let page = guest.get("/connect/drift/invited").await;
            assert!(page.status() == 410 && page.body().contains("not good any more"), "{forged}");
            assert_eq!(guest.post("/connect/drift/invited", &[]).await.status(), 403, "no page, no form");
        }
        house.clock.advance(store::install::links::LIFE_MS);
        let mut guest = Browser::new(house);
        guest.get(&link).await;
        assert_eq!(guest.get("/connect/drift/invited").await.status(), 410, "it has ended");
    })
    .await;
}
