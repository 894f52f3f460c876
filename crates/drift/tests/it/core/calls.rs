//! Send, classify, retry, decode.

use drift::endpoint::ContactAttributes;
use drift::{Class, Config, Error, Failure, Outcome, TransportKind};
use model::{Clock, ConversationId, Pii, UserId};

use super::{Network, Recorded, USER, fails, json, status, with};

const GARBLED: &str = r#"{"data":{"id":7,"#;

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let network = Network::new(|number, _| match number {
        0 => status(503, ""),
        1 => fails(TransportKind::Connect),
        2 => fails(TransportKind::Cut),
        3 => json(GARBLED),
        4 => status(408, ""),
        5 => status(429, ""),
        _ => json(USER),
    });
    let user = network.hurry(network.client().user(UserId(7))).await.unwrap();
    assert_eq!(user.id, UserId(7));
    let outcomes: Vec<_> = network.records.lock().unwrap().iter().map(|record| record.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Status(503),
            Outcome::Failed(TransportKind::Connect),
            Outcome::Failed(TransportKind::Cut),
            Outcome::Garbled(200),
            Outcome::Status(408),
            Outcome::Status(429),
            Outcome::Status(200),
        ]
    );
}

#[tokio::test]
async fn attempts_are_bounded() {
    let network = Network::new(|_, _| status(502, "<html>bad gateway</html>"));
    let started = network.clock.now();
    let error = network.hurry(network.client().user(UserId(7))).await.unwrap_err();
    assert!(matches!(error, Error::Exhausted { attempts: 8, last: Failure::Status(502), .. }), "{error:?}");
    assert_eq!(error.class(), Class::Retryable);
    assert_eq!(error.to_string(), "GET /users/7: gave up after 8 attempts: status 502");
    assert_eq!(network.paths().len(), 8);
    assert!(network.clock.now().since(started) < 127 * 500, "the backoff doubles from 500 ms");
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    for (code, header, wait_ms) in
        [(503, "7", 7_000), (429, "7", 7_000), (429, "Sat, 09 Mar 2024 16:00:30 GMT", 30_000)]
    {
        let network = Network::new(move |number, _| match number {
            0 => with(status(code, ""), "retry-after", header),
            _ => json(USER),
        });
        let started = network.clock.now();
        network.hurry(network.client().user(UserId(7))).await.unwrap();
        assert_eq!(network.clock.now().since(started), wait_ms, "{code} {header}");
        let first = network.records.lock().unwrap()[0].clone();
        let retry_after_ms = Some(u64::try_from(wait_ms).unwrap());
        assert_eq!(
            first,
            Recorded {
                path: "/users/7".into(),
                attempt: 1,
                outcome: Outcome::Status(code),
                retry_after_ms,
                rows: 0,
            }
        );
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_asked_for_three_times_and_never_repeated() {
    let network = Network::new(|_, _| json(r#"{"data":{"id":{"secret-canary":1}}}"#));
    let error = network.hurry(network.client().user(UserId(7))).await.unwrap_err();
    assert_eq!(network.paths().len(), 3);
    let text = format!("{error} {error:?} {:?}", std::error::Error::source(&error).unwrap().to_string());
    assert!(matches!(error, Error::Decode { .. }) && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn errors_inside_a_success_are_errors() {
    let network = Network::new(|_, _| json(r#"{"errors":[{"type":"not_found","message":"no such user"}]}"#));
    let error = network.hurry(network.client().user(UserId(7))).await.unwrap_err();
    assert_eq!((error.class(), network.paths().len()), (Class::Gone, 1));
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for (code, class) in [
        (404, Class::Gone),
        (410, Class::Gone),
        (400, Class::Permanent),
        (409, Class::Permanent),
        (302, Class::Permanent),
        (501, Class::Permanent),
    ] {
        let network = Network::new(move |_, _| status(code, r#"{"error":{"type":"x","message":"told so"}}"#));
        let error = network.hurry(network.client().user(UserId(7))).await.unwrap_err();
        assert_eq!((error.class(), network.paths().len()), (class, 1), "{code} {error}");
    }
    for kind in [TransportKind::Tls, TransportKind::TooLarge, TransportKind::Protocol] {
        let network = Network::new(move |_, _| fails(kind));
        let error = network.hurry(network.client().user(UserId(7))).await.unwrap_err();
        assert_eq!(network.paths().len(), 1, "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

#[tokio::test]
async fn what_must_not_happen_twice_is_repeated_only_when_it_did_not_happen() {
    let create = r#"{"error":{"type":"internal_error","message":"oops"}}"#;
    for (first, tries) in [(429, 2), (500, 1), (503, 1)] {
        let network =
            Network::new(move |number, _| if number == 0 { status(first, create) } else { json(USER) });
        let client = network.client();
        let _ = network
            .hurry(
                client.create_contact(&ContactAttributes::of_email(Pii::new("ada@example.test".to_owned()))),
            )
            .await;
        assert_eq!(network.paths().len(), tries, "{first}");
    }
    for (kind, tries) in [(TransportKind::Connect, 2), (TransportKind::Cut, 1), (TransportKind::Timeout, 1)] {
        let network = Network::new(move |number, _| if number == 0 { fails(kind) } else { json(USER) });
        let client = network.client();
        let _ = network
            .hurry(
                client.create_contact(&ContactAttributes::of_email(Pii::new("ada@example.test".to_owned()))),
            )
            .await;
        assert_eq!(network.paths().len(), tries, "{kind}");
    }
}

#[tokio::test]
async fn an_attempt_has_a_deadline() {
    let network = Network::slow(3_600_000, |_, _| json(USER));
    let client = network.client_with(Config::default().attempts_max(2).deadline_ms(5_000));
    let call = tokio::spawn(async move { client.user(UserId(7)).await });
    // Deadlines pass only when the clock is moved by hand, and here everybody waits for one.
    let error = loop {
        tokio::task::yield_now().await;
        if call.is_finished() {
            break call.await.unwrap().unwrap_err();
        }
        network.clock.advance(100);
    };
    assert!(
        matches!(
            error,
            Error::Exhausted { attempts: 2, last: Failure::Transport(TransportKind::Timeout), .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_larger_than_allowed_is_refused() {
    let network = Network::new(|_, _| json(&format!(r#"{{"data":"{}"}}"#, "x".repeat(2_000))));
    let mut config = Config::default();
    config.body_bytes_max = 1_000;
    let error = network.hurry(network.client_with(config).user(UserId(7))).await.unwrap_err();
    assert_eq!(error.to_string(), "GET /users/7: the answer is larger than 1000 bytes");
}

#[tokio::test]
async fn no_error_and_no_record_tells_token_or_query() {
    let network = Network::new(|_, _| status(500, "tok-canary"));
    let client = network.client();
    let error = network.hurry(client.contacts_by_email("ada@canary.test", None)).await.unwrap_err();
    let told = format!("{error} {error:?} {:?} {client:?}", network.records.lock().unwrap());
    assert!(!told.contains("canary"), "{told}");
    let asked = network.asked.lock().unwrap()[0].clone();
    assert_eq!(asked.authorization.as_deref(), Some("Bearer tok-canary"));
    assert_eq!(asked.uri, "https://driftapi.com/contacts?email=ada%40canary.test");
}

#[tokio::test]
async fn a_base_with_a_path_is_kept() {
    let network = Network::new(|_, _| json(r#"{"data":{"messages":[]}}"#));
    let client = network.client_with(Config::at("http://127.0.0.1:4010/v1/").unwrap());
    network.hurry(client.messages(ConversationId(5)).next_page()).await.unwrap();
    assert_eq!(network.asked.lock().unwrap()[0].uri, "http://127.0.0.1:4010/v1/conversations/5/messages");
}
