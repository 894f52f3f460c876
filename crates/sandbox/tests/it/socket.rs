//! On a real socket: keep-alive, a cut connection, an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;

use model::{FakeClock, SeededEntropy};
use sandbox::{BindOptions, Fault, Options, Sandbox, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::caller::{NOW, small};

/// A served sandbox; ends when told.
pub(crate) struct Served {
    pub(crate) sandbox: Sandbox,
    pub(crate) address: SocketAddr,
    pub(crate) authority_pem: Option<String>,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(options: Options, bind: BindOptions) -> Self {
        let (tell, told) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let ready = |sandbox: &Sandbox, listening: &sandbox::Listening| {
                let known = (sandbox.clone(), listening.address, listening.authority_pem.clone());
                tell.send(known).ok().unwrap();
            };
            let shutdown = async {
                ended.await.ok();
            };
            let clock = Arc::new(FakeClock::at(NOW));
            run(options, bind, clock, Arc::new(SeededEntropy::new(1)), ready, shutdown).await.unwrap();
        });
        let (sandbox, address, authority_pem) = told.await.unwrap();
        Self { sandbox, address, authority_pem, end, task }
    }

    pub(crate) async fn stop(self) {
        self.end.send(()).unwrap();
        self.task.await.unwrap();
    }
}

fn request(sandbox: &Sandbox, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: driftapi.com\r\nauthorization: Bearer {}\r\n\r\n",
        sandbox.private_token()
    )
}

#[tokio::test]
async fn a_connection_is_kept_until_a_fault_cuts_it() {
    let served = Served::start(small(), BindOptions::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(request(&served.sandbox, "/conversations/1").as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 404");
        let mut rest = [0_u8; 1_024];
        assert!(stream.read(&mut rest).await.unwrap() > 0);
    }
    served.sandbox.faults().once(Fault::Cut, "/users/list");
    stream.write_all(request(&served.sandbox, "/users/list").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(body.len() < promised.parse().unwrap(), "{head}");
    served.stop().await;
}

#[tokio::test]
async fn it_ends_while_connections_are_idle() {
    let served = Served::start(small(), BindOptions::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request(&served.sandbox, "/").as_bytes()).await.unwrap();
    let mut first = [0_u8; 1];
    stream.read_exact(&mut first).await.unwrap();
    served.stop().await;
}
