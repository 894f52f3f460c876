//! Who runs a command, for the audit log: the system's number of the user, on this machine.
//!
//! A number and not a name: the log holds nothing personal.

use store::audit::{ActorKind, Who};

/// Whoever runs this command.
pub(crate) fn command() -> Who {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Who::new(ActorKind::Command, user()).from(host)
}

/// The number of the user that runs this process, where the system tells it.
#[cfg(target_os = "linux")]
fn user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or_else(|_| String::new(), |found| found.uid().to_string())
}

#[cfg(not(target_os = "linux"))]
fn user() -> String {
    String::new()
}
