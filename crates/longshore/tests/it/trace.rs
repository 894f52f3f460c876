//! One trace all the way through: from a webhook of Drift to the webhook that tells of what it changed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use drift::SystemClock;
use model::Clock;
use sandbox::world::{Change, Speaker};

use crate::receiver::receive;
use crate::support::{Double, Place, small, wait_until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn a_webhook_and_what_is_told_of_its_change_are_one_trace() {
    let (place, double) = (Place::new(), Double::start(small()));
    let (api, world) = (double.api(), double.sandbox.world());
    let connect = ["connect", "--token-stdin", "--set", &api];
    assert_eq!(place.run_with_stdin(&connect, double.sandbox.private_token()).code, 0);
    assert_eq!(place.run(&["archive", "--set", &api]).code, 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    place.write("token", "rehearsal");
    let settings = ["webhooks_private=true", "webhook_token_file=token", &api];
    let add = ["endpoints", "add", &url, "--kind", "message_added", "--set", settings[0]];
    assert_eq!(place.run(&add).code, 0);
    let receiver = receive(listener, "204 No Content");

    let conversation = world.expected().next().unwrap();
    let said = Change::NewMessage { conversation, from: Speaker::Contact, text: None };
    world.change(&said, SystemClock.now()).unwrap();
    let (mut child, address) = place.serve("gateway,worker", &settings);
    let body = format!(
        r#"{{"orgId":{},"type":"new_message","token":"rehearsal","data":{{"id":1,"conversationId":{conversation},"createdAt":{}}}}}"#,
        world.org_id(),
        SystemClock.now().0
    );
    let head = format!("Host: {address}\r\nContent-Type: application/json\r\nConnection: close");
    let trace = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let mut stream = TcpStream::connect(&address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /webhooks/drift HTTP/1.1\r\n{head}\r\n{trace}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    wait_until(|| receiver.is_finished());
    let told = receiver.join().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let trace = told.headers.iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value.as_str());
    assert_eq!(trace.and_then(|trace| trace.get(3..35)), Some(TRACE));
}
