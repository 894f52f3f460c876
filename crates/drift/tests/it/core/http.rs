//! The real network, against sockets of this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use drift::{HttpOptions, HttpTransport, Limits, Transport, TransportError, TransportKind, VendorSigns};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const LIMITS: Limits = Limits { body_bytes_max: 10_000 };

/// A server that says these bytes to every request, and closes the connection after them if told so.
async fn serve(answer: &'static str, closes: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    socket.write_all(answer.as_bytes()).await.unwrap();
                    if closes {
                        return;
                    }
                }
            });
        }
    });
    (address, connections)
}

fn local() -> HttpTransport {
    HttpTransport::new(HttpOptions { proxies: false, ..HttpOptions::default() }).unwrap()
}

async fn get(transport: &HttpTransport, url: &str) -> Result<Response<Bytes>, TransportError> {
    transport.send(Request::get(url).body(Bytes::new()).unwrap(), LIMITS).await
}

#[tokio::test]
async fn connections_are_kept() {
    let (address, connections) = serve("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", false).await;
    let transport = local();
    for _ in 0..5 {
        let response = get(&transport, &format!("http://{address}/x")).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"hello"[..]));
        assert_eq!(response.headers()["content-length"], "5");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    for (answer, kind) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", TransportKind::Cut),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", TransportKind::Cut),
        ("HTTP/1.1 200", TransportKind::Cut),
        ("", TransportKind::Cut),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n", TransportKind::TooLarge),
    ] {
        let (address, _) = serve(answer, true).await;
        let error = get(&local(), &format!("http://{address}/x?email=canary")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer:?} {error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn an_endless_body_is_given_up() {
    const CHUNK: &str = concat!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "2710\r\n");
    let endless: &'static str = format!("{CHUNK}{}\r\n1\r\nx\r\n", "x".repeat(10_000)).leak();
    let (address, _) = serve(endless, false).await;
    let error = get(&local(), &format!("http://{address}/")).await.unwrap_err();
    assert_eq!(error.kind, TransportKind::TooLarge, "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (address, connections) =
        serve("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", false)
            .await;
    assert_eq!(get(&local(), &format!("http://{address}/")).await.unwrap().status(), 302);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", bound.local_addr().unwrap());
    let error = get(&local(), &url).await.unwrap_err();
    assert_eq!(error.kind, TransportKind::Connect, "nobody listens: {error:?}");
}

/// A TLS server for `name`, and its certificate as PEM.
async fn serve_tls(name: &str) -> (SocketAddr, String) {
    let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let mut buffer = [0; 4096];
                let _ = socket.read(&mut buffer).await;
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            });
        }
    });
    (address, certified.cert.pem())
}

#[tokio::test]
async fn another_hosts_certificate_is_told_from_a_broken_line() {
    let (address, pem) = serve_tls("driftapi.com").await;
    let options = |host: &str, roots: Vec<Vec<u8>>| HttpOptions {
        proxies: false,
        resolve: vec![(host.to_owned(), address)],
        roots_pem: roots,
        ..HttpOptions::default()
    };
    let ask = async |host: &str, roots| {
        let transport = HttpTransport::new(options(host, roots)).unwrap();
        get(&transport, &format!("https://{host}:{}/", address.port())).await
    };
    let trusted = vec![pem.into_bytes()];
    let answer = ask("driftapi.com", trusted.clone()).await.unwrap();
    assert_eq!(answer.status(), 200);
    // The generator's certificates end in the year 4096.
    let end = VendorSigns::read(&answer).certificate_end.unwrap();
    assert_eq!(end, drift::Millis(67_090_118_400_000));
    let stranger = ask("driftapi.com", Vec::new()).await.unwrap_err();
    assert_eq!(stranger.kind, TransportKind::Tls, "{stranger:?}");
    let other = ask("api.drift.com", trusted).await.unwrap_err();
    assert_eq!(other.kind, TransportKind::Tls, "{other:?}");
    let plain = serve("HTTP/1.1 400 Bad Request\r\n\r\n", true).await.0;
    let no_tls = get(&local(), &format!("https://{plain}/")).await.unwrap_err();
    assert_eq!(no_tls.kind, TransportKind::Tls, "{no_tls:?}");
}

#[test]
fn roots_that_are_no_certificates_are_refused() {
    let options = HttpOptions { roots_pem: vec![b"no certificate".to_vec()], ..HttpOptions::default() };
    assert_eq!(HttpTransport::new(options).unwrap_err().kind, TransportKind::Tls);
}
