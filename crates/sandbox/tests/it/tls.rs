//! TLS with an authority of our own, as a strict client sees it.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use sandbox::{BindOptions, TlsOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::caller::{NOW, small};
use crate::socket::Served;

/// The sandbox's time, so that its certificate is valid whatever day the test runs.
#[derive(Debug)]
struct SandboxTime;

impl TimeProvider for SandboxTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(NOW.0.unsigned_abs())))
    }
}

fn connector(authority_pem: &str, alpn: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(SandboxTime))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

async fn served(tls: TlsOptions) -> Served {
    Served::start(small(), BindOptions { tls: Some(tls), ..BindOptions::default() }).await
}

#[tokio::test]
async fn every_drift_host_is_served_to_who_trusts_the_authority() {
    let served = served(TlsOptions::default()).await;
    let connector = connector(served.authority_pem.as_deref().unwrap(), b"http/1.1");
    for host in ["driftapi.com", "api.drift.com", "dev.drift.com", "event.api.drift.com", "127.0.0.1"] {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let mut stream = connector.connect(ServerName::try_from(host).unwrap(), stream).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let expected = if host == "event.api.drift.com" { "HTTP/1.1 404" } else { "HTTP/1.1 200" };
        assert!(answer.starts_with(expected), "{host}: {answer}");
    }
    served.stop().await;
}

#[tokio::test]
async fn http_2_is_agreed_on() {
    let served = served(TlsOptions::default()).await;
    let connector = connector(served.authority_pem.as_deref().unwrap(), b"h2");
    let stream = TcpStream::connect(served.address).await.unwrap();
    let stream = connector.connect(ServerName::try_from("driftapi.com").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    drop(stream);
    served.stop().await;
}

#[tokio::test]
async fn the_certificate_of_another_host_is_refused_by_a_good_client() {
    let wrong =
        TlsOptions { certificate_for: Some("other.example.test".to_owned()), ..TlsOptions::default() };
    let served = served(wrong).await;
    let connector = connector(served.authority_pem.as_deref().unwrap(), b"http/1.1");
    let stream = TcpStream::connect(served.address).await.unwrap();
    let error = connector.connect(ServerName::try_from("driftapi.com").unwrap(), stream).await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
    served.stop().await;
}

#[tokio::test]
async fn the_folder_keeps_the_authority_between_starts() {
    let folder = tempfile::tempdir().unwrap();
    let tls = TlsOptions { folder: Some(folder.path().to_owned()), ..TlsOptions::default() };
    let first = served(tls.clone()).await;
    let pem = first.authority_pem.clone().unwrap();
    first.stop().await;
    let second = served(tls).await;
    let stream = TcpStream::connect(second.address).await.unwrap();
    let name = ServerName::try_from("driftapi.com").unwrap();
    connector(&pem, b"http/1.1").connect(name, stream).await.unwrap();
    second.stop().await;
}
