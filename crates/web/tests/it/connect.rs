//! Connecting, as a person meets it: the page, the way to Drift and back, tokens, links for others, the first archive.

use http::Response;
use model::{OrgId, Role};
use store::connections::{self, ConnectionKind, ConnectionState};
use store::install::consents::LIFE_MS;
use store::{archives, audit};

use crate::browser::{Browser, location};
use crate::house::{House, OURS, PASSWORD, STRANGE, THEIRS, on_both};
use crate::provider::AUTHORIZE;

const READS: [&str; 6] =
    ["conversation_read", "contact_read", "all_contact_read", "user_read", "account_read", "playbook_read"];

/// Somebody who is signed in.
pub(crate) async fn signed_in<'a>(
    house: &'a House,
    name: &str,
    (org, role): (Option<OrgId>, Role),
) -> Browser<'a> {
    house.user(name, org, role).await;
    let mut browser = Browser::new(house);
    location(&browser.sign_in(name, PASSWORD, "").await);
    browser
}

/// Press the button; the text that travels.
pub(crate) async fn depart(browser: &mut Browser<'_>, page: &str) -> String {
    assert_eq!(browser.get(page).await.status(), 200);
    let answer = browser.post(page, &[("profile", "archive")]).await;
    let to = location(&answer);
    assert!(to.starts_with(AUTHORIZE), "{to}");
    let address = url::Url::parse(to).unwrap();
    let find = |name: &str| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(find("client_id"), "app");
    assert_eq!(find("redirect_uri"), "https://longshore.test/connect/drift/callback");
    find("state")
}

/// Come back from Drift.
pub(crate) async fn back(browser: &mut Browser<'_>, state: &str, said: &str) -> Response<String> {
    browser.get(&format!("/connect/drift/callback?{said}&state={state}")).await
}

/// What the audit was told, without who and when.
pub(crate) async fn told(house: &House) -> Vec<String> {
    let entries = audit::page(&house.db, 0, 100).await.unwrap();
    let connecting = entries.iter().filter(|entry| {
        ["connection", "share_link", "archive"].contains(&entry.action.split_once('.').unwrap().0)
    });
    connecting
        .map(|entry| {
            let reason = entry.reason.as_deref().unwrap_or("-");
            format!("{} {} {reason} by {}", entry.action, entry.outcome, entry.actor_kind)
        })
        .collect()
}

#[tokio::test]
async fn the_page_tells_each_scope_and_leads_to_drift_and_back() {
    on_both(async |house| {
        house.provider.takes("code-1", STRANGE);
        house.provider.grants_scopes(&READS);
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let page = ada.get("/connect/drift").await;
        for text in READS.iter().chain(&["Nothing can be archived", "Archive only", "in-read-write\">"]) {
            assert!(page.body().contains(text), "{text}");
        }
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://drift.test;"), "{policy}");
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "code=code-1").await;
        let to = location(&answer).to_owned();
        assert_eq!(to, "/connect/drift/connected?org=3&profile=archive&new=yes");
        assert!(!ada.cookies.contains_key("longshore-consent"));
        let page = ada.get(&to).await;
        for text in
            ["Drift is connected", "Everything that is asked for was granted", "Make the first archive"]
        {
            assert!(page.body().contains(text), "{text}: {}", page.body());
        }
        let made = connections::get(&house.db, STRANGE).await.unwrap().unwrap();
        assert_eq!((made.kind, made.state), (ConnectionKind::OAuth, ConnectionState::Active));
        assert_eq!(told(house).await, ["connection.connect done - by user"]);
    })
    .await;
}

#[tokio::test]
async fn missing_scopes_are_named_with_what_stops_working_and_surplus_ones_too() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        house.provider.grants_scopes(&["conversation_read", "gdpr_write", "contact_read"]);
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Admin)).await;
        let state = depart(&mut ada, "/connect/drift").await;
        let to = location(&back(&mut ada, &state, "code=code-1").await).to_owned();
        let page = ada.get(&to).await;
        let (_, rest) = page.body().split_once("Not granted").unwrap();
        let (lacks, rest) = rest.split_once("<h3>Granted</h3>").unwrap();
        assert!(lacks.contains("playbook_read") && lacks.contains("no certificate is complete"), "{lacks}");
        assert!(!lacks.contains("contact_read</code></dt><dd>Conversations are kept"), "{lacks}");
        assert!(rest.contains("<code>gdpr_write</code>. Untick"), "{rest}");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_stores_nothing_and_the_old_grant_goes_on() {
    on_both(async |house| {
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let before = connections::get(&house.db, OURS).await.unwrap();
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "error=access_denied").await;
        assert_eq!(answer.status(), 403);
        assert!(answer.body().contains("Somebody chose not to allow it"), "{}", answer.body());
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "error=server_error&error_description=canary").await;
        assert!(answer.status() == 502 && !answer.body().contains("canary"), "{}", answer.body());
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "code=unknown").await;
        assert!(answer.status() == 400 && answer.body().contains("Drift did not take"), "{}", answer.body());
        house.provider.is_down(true);
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "code=unknown").await;
        assert!(
            answer.status() == 502 && answer.body().contains("Drift does not answer"),
            "{}",
            answer.body()
        );
        assert_eq!(connections::get(&house.db, OURS).await.unwrap(), before);
        let expected = ["access_denied", "provider_error", "code_or_token_refused", "provider_unreachable"];
        let expected = expected.map(|word| format!("connection.connect refused {word} by user"));
        assert_eq!(told(house).await, expected);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_comes_late_or_after_signing_out_is_refused() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        let state = depart(&mut ada, "/connect/drift").await;
        house.clock.advance(LIFE_MS);
        let answer = back(&mut ada, &state, "code=code-1").await;
        assert!(answer.status() == 410 && answer.body().contains("took too long"), "{}", answer.body());
        let state = depart(&mut ada, "/connect/drift").await;
        ada.cookies.remove("longshore");
        let answer = back(&mut ada, &state, "code=code-1").await;
        assert!(answer.status() == 403 && answer.body().contains("not signed in"), "{}", answer.body());
        assert_eq!(house.provider.asked(), 0, "the code was not traded in");
    })
    .await;
}

#[tokio::test]
async fn whose_grant_it_is_the_grant_says_and_only_ones_own_is_taken() {
    on_both(async |house| {
        house.provider.takes("code-theirs", THEIRS);
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Owner)).await;
        let before = connections::get(&house.db, THEIRS).await.unwrap();
        let state = depart(&mut ada, "/connect/drift").await;
        let answer = back(&mut ada, &state, "code=code-theirs&org=1&orgId=1").await;
        assert!(answer.status() == 403 && answer.body().contains("another Drift organization"));
        assert!(!answer.body().contains("organization 2"), "it is not told whose: {}", answer.body());
        assert_eq!(connections::get(&house.db, THEIRS).await.unwrap(), before);
    })
    .await;
}

#[tokio::test]
async fn a_private_apps_token_is_pasted_after_the_password_was_shown_again() {
    on_both(async |house| {
        house.provider.takes("pt-canary-right", OURS);
        house.provider.takes("pt-canary-theirs", THEIRS);
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Admin)).await;
        house.clock.advance(store::access::sessions::STEP_UP_MS);
        let again = "/step-up?next=%2Fconnect%2Fdrift%2Ftoken";
        assert_eq!(location(&ada.get("/connect/drift/token").await), again);
        ada.get("/account").await;
        assert_eq!(location(&ada.post("/connect/drift/token", &[("token", "pt-canary-right")]).await), again);
        ada.get("/step-up").await;
        location(&ada.post("/step-up", &[("password", PASSWORD)]).await);
        ada.get("/connect/drift/token").await;
        for (token, status) in
            [("pt-canary-wrong", 400), ("two words", 400), ("", 400), ("pt-canary-theirs", 403)]
        {
            let answer = ada.post("/connect/drift/token", &[("token", token)]).await;
            assert_eq!(answer.status(), status, "{token}");
            assert!(!answer.body().contains("canary"), "{}", answer.body());
        }
        house.provider.is_down(true);
        assert_eq!(ada.post("/connect/drift/token", &[("token", "pt-canary-right")]).await.status(), 502);
        house.provider.is_down(false);
        let answer =
            ada.post("/connect/drift/token", &[("token", " pt-canary-right\n"), ("profile", "live")]).await;
        assert_eq!(location(&answer), "/connect/drift/connected?org=1&profile=live&new=yes");
        let made = connections::get(&house.db, OURS).await.unwrap().unwrap();
        assert_eq!(made.kind, ConnectionKind::Private);
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_a_link_connects_without_a_user_and_sees_nothing_else() {
    on_both(async |house| {
        house.provider.takes("code-1", STRANGE);
        house.provider.takes("code-2", STRANGE);
        house.provider.grants_scopes(&READS[..5]);
        let (link, id) = house.share_link(None, 1).await;
        let mut guest = Browser::new(house);
        assert_eq!(location(&guest.get(&link).await), "/connect/drift/invited", "it leaves the address");
        let page = guest.get("/connect/drift/invited").await;
        assert!(page.body().contains("Connect your Drift") && !page.body().contains("Sign out"));
        for elsewhere in ["/", "/connect/drift", "/connect/drift/links", "/connect/drift/connected?org=3"] {
            assert!(location(&guest.get(elsewhere).await).starts_with("/sign-in"), "{elsewhere}");
        }
        let state = depart(&mut guest, "/connect/drift/invited").await;
        assert_eq!(location(&back(&mut guest, &state, "code=code-1").await), "/connect/drift/invited/done");
        let page = guest.get("/connect/drift/invited/done").await;
        assert!(page.body().contains("Organization 3 is connected"), "{}", page.body());
        assert!(page.body().contains("playbook_read"), "what lacks is told");
        assert!(location(&guest.get("/connect/drift/connected?org=3").await).starts_with("/sign-in"));
        assert_eq!(guest.get("/connect/drift/invited").await.status(), 410, "it was good for one");
        let expected = ["share_link.use done - by share_link", "connection.connect done - by share_link"];
        assert_eq!(told(house).await, expected);
        let used = store::install::links::get(&house.db, &id).await.unwrap().unwrap();
        assert_eq!(used.uses, 1);
    })
    .await;
}

#[tokio::test]
async fn a_link_of_one_organization_takes_its_grant_alone_and_a_failure_is_no_use() {
    on_both(async |house| {
        house.provider.takes("code-theirs", THEIRS);
        house.provider.takes("code-ours", OURS);
        let (link, id) = house.share_link(Some(OURS), 1).await;
        let mut guest = Browser::new(house);
        guest.get(&link).await;
        let state = depart(&mut guest, "/connect/drift/invited").await;
        let answer = back(&mut guest, &state, "code=code-theirs").await;
        assert!(answer.status() == 403 && answer.body().contains("another Drift organization"));
        let state = depart(&mut guest, "/connect/drift/invited").await;
        assert_eq!(
            location(&back(&mut guest, &state, "code=code-ours").await),
            "/connect/drift/invited/done"
        );
        assert_eq!(store::install::links::get(&house.db, &id).await.unwrap().unwrap().uses, 1);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_revoked_while_somebody_was_at_drift_counts_no_more() {
    on_both(async |house| {
        house.provider.takes("code-1", OURS);
        let (link, id) = house.share_link(Some(OURS), 5).await;
        let mut guest = Browser::new(house);
        guest.get(&link).await;
        let state = depart(&mut guest, "/connect/drift/invited").await;
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Admin)).await;
        assert!(ada.get("/connect/drift/links").await.body().contains(&id.0));
        location(&ada.post("/connect/drift/links/revoke", &[("link", &id.0)]).await);
        let answer = back(&mut guest, &state, "code=code-1").await;
        assert!(answer.status() == 410 && answer.body().contains("not good any more"), "{}", answer.body());
        assert_eq!(house.provider.asked(), 0);
        guest.get(&link).await;
        assert_eq!(guest.get("/connect/drift/invited").await.status(), 410);
    })
    .await;
}

#[tokio::test]
async fn links_are_made_shown_for_a_while_and_those_of_others_are_none() {
    on_both(async |house| {
        let (_, theirs) = house.share_link(Some(THEIRS), 1).await;
        let (_, anybodys) = house.share_link(None, 1).await;
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Admin)).await;
        let page = ada.get("/connect/drift/links").await;
        assert!(page.body().contains("None yet"), "{}", page.body());
        let fields =
            |org: &'static str| [("profile", "live"), ("organization", org), ("days", "3"), ("uses", "2")];
        assert_eq!(ada.post("/connect/drift/links", &fields("")).await.status(), 400, "it must be named");
        let theirs_and_nobodys = [
            ada.post("/connect/drift/links", &fields("2")).await,
            ada.post("/connect/drift/links", &fields("3")).await,
        ];
        assert!(theirs_and_nobodys.iter().all(|answer| answer.status() == 404));
        let to = location(&ada.post("/connect/drift/links", &fields("1")).await).to_owned();
        let page = ada.get(&to).await;
        assert!(page.body().contains("https://longshore.test/connect/drift/invited?link=lsc_"));
        assert!(page.body().contains("0 of 2") && page.body().contains("Live"), "{}", page.body());
        for id in [&theirs, &anybodys] {
            assert_eq!(ada.post("/connect/drift/links/revoke", &[("link", &id.0)]).await.status(), 404);
        }
        let page = ada.get(&format!("/connect/drift/links?made={}", theirs.0)).await;
        assert!(!page.body().contains("lsc_"), "the text of another's link");
        house.clock.advance(600_000);
        assert!(!ada.get(&to).await.body().contains("lsc_"), "it was shown long enough");
    })
    .await;
}

#[tokio::test]
async fn the_first_archive_is_a_button_and_shows_how_it_stands() {
    on_both(async |house| {
        let mut ada = signed_in(house, "ada", (Some(OURS), Role::Admin)).await;
        let page = "/connect/drift/connected?org=1&profile=archive";
        assert!(ada.get(page).await.body().contains("Make the first archive"));
        let answer = ada.post("/connect/drift/archive?org=1&profile=archive", &[]).await;
        assert_eq!(location(&answer), page);
        let shown = ada.get(page).await;
        assert!(shown.body().contains("waits for a worker") && shown.body().contains("No worker runs"));
        assert!(archives::standing(&house.db, OURS).await.unwrap().job.is_some());
        assert_eq!(ada.post("/connect/drift/archive?org=2&profile=archive", &[]).await.status(), 404);
        assert_eq!(archives::standing(&house.db, THEIRS).await.unwrap().job, None);
        assert_eq!(told(house).await, ["archive.ask done - by user"]);
    })
    .await;
}

#[tokio::test]
async fn one_person_has_only_so_many_consents_under_way() {
    on_both(async |house| {
        let mut ada = signed_in(house, "ada", (None, Role::Owner)).await;
        for _ in 0..store::install::consents::PENDING_MAX {
            depart(&mut ada, "/connect/drift").await;
        }
        let answer = ada.post("/connect/drift", &[("profile", "live")]).await;
        assert!(answer.status() == 429 && answer.body().contains("Too many consents"), "{}", answer.body());
    })
    .await;
}
