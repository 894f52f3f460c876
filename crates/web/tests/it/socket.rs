//! The same on a socket: a whole exchange, a sender that dawdles, and an end in good order.

use std::sync::Arc;

use drift::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use web::{GatewayOptions, ServeOptions, serve};

use crate::world::{TOKEN, message, on_both};

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 8_192];
    let count = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[tokio::test]
async fn a_socket_is_served_until_the_wish_to_stop_and_a_slow_sender_is_cut_off() {
    on_both(GatewayOptions::default, async |world| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let options = ServeOptions { head_ms_max: 300, farewell_ms_max: 2_000, ..ServeOptions::default() };
        let served = tokio::spawn(serve(
            listener,
            world.router.clone(),
            options,
            Arc::new(SystemClock),
            Arc::clone(&world.metrics),
            async move {
                let _ = stopped.await;
            },
        ));

        let mut sender = TcpStream::connect(address).await.unwrap();
        for number in 0..2 {
            let body = message(number, TOKEN);
            let head = format!(
                "POST /webhooks/drift HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            sender.write_all(head.as_bytes()).await.unwrap();
            sender.write_all(body.as_bytes()).await.unwrap();
            let answer = read(&mut sender).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        // Silence after a request, and half a header, both end the connection.
        assert_eq!(read(&mut sender).await, "");
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"POST /webhooks/drift HTTP/1.1\r\nhost:").await.unwrap();
        let answer = read(&mut slow).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");

        stop.send(()).unwrap();
        served.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
        assert_eq!(world.events().await.len(), 2);
        assert_eq!(world.metrics.gateway_connections.get(), 0);
    })
    .await;
}
