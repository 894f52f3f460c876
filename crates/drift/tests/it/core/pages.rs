//! Lists in pages.

use ::http::Request;
use drift::{Class, Config, Error, ListQuery, PageToken};
use futures_util::{StreamExt, TryStreamExt};

use super::{Answered, Network, json, status};

fn rows(ids: std::ops::Range<i64>) -> String {
    let rows: Vec<_> = ids.map(|id| format!(r#"{{"id":{id},"status":"open"}}"#)).collect();
    rows.join(",")
}

/// Three pages of two rows, the newer form's.
fn linked(_: usize, request: &Request<bytes::Bytes>) -> Answered {
    let token = request.uri().query().and_then(|query| query.split("page_token=p").nth(1)).unwrap_or("0");
    let page: i64 = token.parse().unwrap();
    let next = if page < 2 {
        format!(r#""https://api.drift.com/conversations/list?limit=50&page_token=p{}""#, page + 1)
    } else {
        "null".to_owned()
    };
    json(&format!(r#"{{"data":[{}],"links":{{"next":{next}}}}}"#, rows(page * 2..page * 2 + 2)))
}

/// The same, the older form's.
fn counted(_: usize, request: &Request<bytes::Bytes>) -> Answered {
    let next = request.uri().query().and_then(|query| query.split("next=").nth(1)).unwrap_or("0");
    let page: i64 = next.parse().unwrap();
    let pagination = if page < 2 {
        format!(r#","pagination":{{"more":true,"next":"{}"}}"#, page + 1)
    } else {
        String::new()
    };
    json(&format!(r#"{{"data":[{}]{pagination}}}"#, rows(page * 2..page * 2 + 2)))
}

#[tokio::test]
async fn both_forms_are_read_to_their_end_and_resume_from_any_page() {
    for answer in [linked, counted] {
        let network = Network::new(answer);
        let client = network.client();
        let mut pages = client.list_conversations(&ListQuery::default());
        let mut tokens = Vec::new();
        let mut ids = Vec::new();
        while let Some(page) = network.hurry(pages.next_page()).await.unwrap() {
            ids.extend(page.items.iter().map(|row| row.id.0));
            tokens.extend(page.next.map(|token| token.to_string()));
        }
        assert_eq!(ids, [0, 1, 2, 3, 4, 5]);
        assert!(network.records.lock().unwrap().iter().all(|record| record.rows == 2));
        assert_eq!(tokens.len(), 2);
        assert_eq!(network.hurry(pages.next_page()).await.unwrap(), None, "the end stays the end");

        let token: PageToken = tokens[0].parse().unwrap();
        let rest = client.list_conversations(&ListQuery::default()).resume(token).into_stream();
        let rest: Vec<_> = network.hurry(rest.map_ok(|row| row.id.0).try_collect()).await.unwrap();
        assert_eq!(rest, [2, 3, 4, 5]);
    }
}

#[tokio::test]
async fn a_link_is_not_followed_to_a_host_that_must_not_see_the_token() {
    let network = Network::new(|_, _| {
        json(r#"{"data":[],"links":{"next":"https://evil.test/conversations/list?page_token=x"}}"#)
    });
    let client = network.client();
    let mut pages = client.list_conversations(&ListQuery::default());
    network.hurry(pages.next_page()).await.unwrap();
    let error = network.hurry(pages.next_page()).await.unwrap_err();
    assert_eq!(error.to_string(), "a page link leads to https://evil.test, which is not allowed");
    assert_eq!(network.paths().len(), 1);
    let stored: PageToken = "link:https://evil.test/".parse().unwrap();
    let mut resumed = client.list_conversations(&ListQuery::default()).resume(stored);
    let error = network.hurry(resumed.next_page()).await.unwrap_err();
    assert!(matches!(error, Error::HostNotAllowed { .. }), "nor one from a store that was tampered with");
}

#[tokio::test]
async fn a_list_that_leads_in_a_circle_is_an_error() {
    let network = Network::new(|number, _| {
        json(&format!(r#"{{"data":[{{"id":{number}}}],"pagination":{{"more":true,"next":{}}}}}"#, number % 3))
    });
    let stream = network.client().list_conversations(&ListQuery::default()).into_stream();
    let rows: Vec<_> = network.hurry(stream.take(10).collect()).await;
    let good = rows.iter().take_while(|row| row.is_ok()).count();
    assert_eq!(good, 4, "no row that came is lost");
    assert!(matches!(rows[good], Err(Error::PageRepeated)), "{:?}", rows[good]);
}

#[tokio::test]
async fn a_list_that_never_ends_is_an_error() {
    let network = Network::new(|number, _| {
        json(&format!(r#"{{"data":[],"pagination":{{"more":true,"next":{number}}}}}"#))
    });
    let mut config = Config::default();
    config.pages_max = 5;
    let stream = network.client_with(config).list_conversations(&ListQuery::default()).into_stream();
    let error = network.hurry(stream.try_collect::<Vec<_>>()).await.unwrap_err();
    assert!(matches!(error, Error::PagesMax { pages: 5 }), "{error}");
}

#[tokio::test]
async fn an_end_is_told_in_many_ways() {
    for end in [
        "",
        r#","links":{}"#,
        r#","links":null"#,
        r#","links":{"next":""}"#,
        r#","links":{"next":"https://api.drift.com/conversations/list?page_token="}"#,
        r#","pagination":null"#,
        r#","pagination":{"more":false,"next":"5"}"#,
        r#","pagination":{"next":""}"#,
    ] {
        let network = Network::new(move |_, _| json(&format!(r#"{{"data":[{{"id":1}}]{end}}}"#)));
        let mut pages = network.client().list_conversations(&ListQuery::default());
        let page = network.hurry(pages.next_page()).await.unwrap().unwrap();
        assert_eq!(page.next, None, "{end}");
    }
}

#[tokio::test]
async fn a_page_with_holes_does_not_pass_for_a_whole_one() {
    for body in [
        r#"{"data":[],"pagination":{"more":true}}"#,
        r#"{"data":[{"id":1}],"errors":[{"type":"internal_error","message":"a shard is down"}]}"#,
        r#"{"links":{"next":null}}"#,
    ] {
        let network = Network::new(move |_, _| json(body));
        let mut pages = network.client().list_conversations(&ListQuery::default());
        assert!(network.hurry(pages.next_page()).await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn a_page_that_failed_is_asked_for_again() {
    let network = Network::new(|number, request| match number {
        1 => status(404, ""),
        _ => counted(number, request),
    });
    let mut pages = network.client().list_conversations(&ListQuery::default());
    network.hurry(pages.next_page()).await.unwrap();
    assert_eq!(network.hurry(pages.next_page()).await.unwrap_err().class(), Class::Gone);
    let page = network.hurry(pages.next_page()).await.unwrap().unwrap();
    assert_eq!(page.items[0].id.0, 2);
}
