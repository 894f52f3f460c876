//! Small packets to PostgreSQL go out at once.
//!
//! sqlx 0.9.0 no longer asks for it (<https://github.com/transact-rs/sqlx/issues/4335>), so that whatever is sent in two writes waits for
//! the server's delayed acknowledgement, 40 milliseconds: the end of a `COPY` does. Nor does it hand its sockets out. So they are found by
//! their peer's port among the files that this process has open, where the system lets it look: Linux. Elsewhere, and where it may not,
//! everything works and some of it more slowly. To be removed with the first sqlx that does it itself.

/// Have this process's connections to this port send at once.
#[cfg(target_os = "linux")]
pub fn send_at_once(port: u16) {
    use std::net::TcpStream;

    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let (Ok(own), Ok(open)) = (pidfd_open(getpid(), PidfdFlags::empty()), std::fs::read_dir("/proc/self/fd"))
    else {
        return;
    };
    for file in open.flatten() {
        let is_socket =
            std::fs::read_link(file.path()).is_ok_and(|what| what.to_string_lossy().starts_with("socket:"));
        let Some(number) = file.file_name().to_str().and_then(|name| name.parse().ok()).filter(|_| is_socket)
        else {
            continue;
        };
        let Ok(socket) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else { continue };
        let socket = TcpStream::from(socket);
        if socket.peer_addr().is_ok_and(|peer| peer.port() == port) {
            // One that was closed meanwhile needs nothing.
            let _ = socket.set_nodelay(true);
        }
    }
}

/// Nothing can be done about it here.
#[cfg(not(target_os = "linux"))]
pub fn send_at_once(_port: u16) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_to_the_port_send_at_once_and_no_others() {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let to = |listener: &TcpListener| TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, other) = (to(&listeners[0]), to(&listeners[1]));
        assert!(!ours.nodelay().unwrap());
        send_at_once(listeners[0].local_addr().unwrap().port());
        assert_eq!((ours.nodelay().unwrap(), other.nodelay().unwrap()), (true, false));
    }
}
