//! Addresses that must not be reached: as such, behind a name, and behind a name that changes its mind.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use drift::{HttpOptions, HttpTransport, Limits, Lookup, Transport, TransportError, TransportKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that redirects to itself; answers how many requests it saw.
async fn serve() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await;
            let answer =
                "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, requests)
}

/// A name service that answers with the next list each time it is asked.
fn name_service(answers: Vec<Vec<SocketAddr>>) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        let turn = counted.fetch_add(1, Ordering::SeqCst);
        let answer = answers[turn.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    });
    (lookup, asked)
}

fn guarded(allows: fn(IpAddr) -> bool, lookup: Option<Lookup>) -> HttpTransport {
    let options =
        HttpOptions { guard: Some(Arc::new(allows)), lookup, connect_ms: 2_000, ..HttpOptions::default() };
    HttpTransport::new(options).unwrap()
}

async fn get(transport: &HttpTransport, url: &str) -> Result<u16, TransportError> {
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    transport.send(request, Limits { body_bytes_max: 1_000 }).await.map(|answer| answer.status().as_u16())
}

fn not_loopback(address: IpAddr) -> bool {
    !address.is_loopback()
}

#[tokio::test]
async fn an_address_that_must_not_be_reached_is_not() {
    let (address, requests) = serve().await;
    let port = address.port();
    let transport = guarded(not_loopback, None);
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "localhost"] {
        let error = get(&transport, &format!("http://{host}:{port}/?canary")).await.unwrap_err();
        assert_eq!(error.kind, TransportKind::Forbidden, "{host}: {error:?}");
        assert!(error.kind.nothing_sent() && !format!("{error:?}").contains("canary"), "{error:?}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_bad_address_of_a_name_refuses_all_of_them() {
    let (address, requests) = serve().await;
    let public: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let (lookup, _) = name_service(vec![vec![public, SocketAddr::new(address.ip(), 0)]]);
    let transport = guarded(not_loopback, Some(lookup));
    let error = get(&transport, &format!("http://receiver.test:{}/", address.port())).await.unwrap_err();
    assert_eq!(error.kind, TransportKind::Forbidden);
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_asked_once_and_what_was_checked_is_connected_to() {
    let (address, requests) = serve().await;
    let good = SocketAddr::new(address.ip(), 0);
    // The second answer would be the bad one: a check that asks apart from the connection would be fooled.
    let (lookup, asked) = name_service(vec![vec![good], vec!["10.0.0.1:0".parse().unwrap()]]);
    let transport = guarded(|address| address.is_loopback(), Some(lookup));
    let url = format!("http://receiver.test:{}/", address.port());
    assert_eq!(get(&transport, &url).await.unwrap(), 302, "and the redirect is not followed");
    assert_eq!((asked.load(Ordering::SeqCst), requests.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(get(&transport, &url).await.unwrap_err().kind, TransportKind::Forbidden);
    assert_eq!((asked.load(Ordering::SeqCst), requests.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn an_address_fixed_in_the_options_must_pass_too() {
    let (address, _) = serve().await;
    let resolve = vec![("receiver.test".to_owned(), address)];
    let with = |allows: fn(IpAddr) -> bool| {
        let options =
            HttpOptions { guard: Some(Arc::new(allows)), resolve: resolve.clone(), ..HttpOptions::default() };
        HttpTransport::new(options).unwrap()
    };
    assert_eq!(get(&with(|_| true), "http://receiver.test/").await.unwrap(), 302);
    let error = get(&with(not_loopback), "http://receiver.test/").await.unwrap_err();
    assert_eq!(error.kind, TransportKind::Forbidden);
}
