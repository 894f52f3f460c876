//! The sockets to PostgreSQL: small packets go out at once, and a peer that is gone without a word is noticed.
//!
//! sqlx 0.9.0 no longer asks for the first (<https://github.com/transact-rs/sqlx/issues/4335>), so that whatever is sent in two writes
//! waits for the server's delayed acknowledgement, 40 milliseconds: the end of a `COPY` does. It never asked for the second: what is sent
//! over a way that swallows it is waited for by the kernel for a quarter of an hour, and an answer that cannot come for ever. Nor does it
//! hand its sockets out. So they are found by their peer's port among the files that this process has open, where the system lets it
//! look: Linux. Elsewhere, and where it may not, everything works, some of it more slowly.

/// Have this process's connections to this port send at once, and end when their peer is not heard of for two minutes.
#[cfg(target_os = "linux")]
pub fn tune_sockets(port: u16) {
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
            let _ = linux::give_up_on_silence(&socket);
        }
    }
}

/// Nothing can be done about it here.
#[cfg(not(target_os = "linux"))]
pub fn tune_sockets(_port: u16) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::TcpStream;
    use std::time::Duration;

    use rustix::io::Result;
    use rustix::net::sockopt;

    /// How long what was sent may stay unacknowledged, in milliseconds. A server that is only slow acknowledges; one that takes
    /// nothing in for so long, as while a `COPY` waits for its disk, is given up, too.
    pub(super) const UNACKNOWLEDGED_MS: u32 = 120_000;
    /// After how long without a word the peer is asked whether it is there, and how often.
    const SILENCE: Duration = Duration::from_secs(60);
    const ASKED_AGAIN: Duration = Duration::from_secs(15);

    pub(super) fn give_up_on_silence(socket: &TcpStream) -> Result<()> {
        sockopt::set_tcp_user_timeout(socket, UNACKNOWLEDGED_MS)?;
        sockopt::set_tcp_keepidle(socket, SILENCE)?;
        sockopt::set_tcp_keepintvl(socket, ASKED_AGAIN)?;
        sockopt::set_socket_keepalive(socket, true)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::net::sockopt::{socket_keepalive, tcp_user_timeout};

    use super::*;

    #[test]
    fn connections_to_the_port_send_at_once_and_end_in_silence_and_no_others() {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let to = |listener: &TcpListener| TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, other) = (to(&listeners[0]), to(&listeners[1]));
        let tuned = |socket: &TcpStream| {
            (socket.nodelay().unwrap(), socket_keepalive(socket).unwrap(), tcp_user_timeout(socket).unwrap())
        };
        assert_eq!(tuned(&ours), (false, false, 0));
        tune_sockets(listeners[0].local_addr().unwrap().port());
        assert_eq!(tuned(&ours), (true, true, linux::UNACKNOWLEDGED_MS));
        assert_eq!(tuned(&other), (false, false, 0));
    }
}
