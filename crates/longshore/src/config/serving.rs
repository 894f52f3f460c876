//! The settings of `longshore serve`: where it listens, what it believes, how it works.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use model::Secret;
use url::Url;

use super::layer::Layers;
use super::{bounded, flag, optional, path, read, secret, url};
use crate::failure::Failure;

/// More jobs under way at once than this only wait for each other.
const JOBS_MAX: usize = 1_024;
/// A day: longer pauses between two refreshes are what sweeps are for.
const SPACING_MS_MAX: i64 = 86_400_000;
/// Nobody waits longer than ten minutes for a process to end.
const SHUTDOWN_MS_MAX: u64 = 600_000;
const MS_PER_SECOND: i64 = 1_000;

/// What a running node is told.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    pub(crate) listen: SocketAddr,
    pub(crate) roles: Roles,
    /// What Drift sends with every webhook; several while one takes the other's place.
    pub(crate) webhook_tokens: Vec<Secret>,
    pub(crate) webhook_token_file: Option<PathBuf>,
    pub(crate) webhook_payload: Payload,
    /// Empty: from anywhere.
    pub(crate) webhook_sources: Vec<IpNet>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Where browsers reach this node.
    pub(crate) public_url: Option<Url>,
    pub(crate) metrics_public: bool,
    pub(crate) jobs_concurrency: usize,
    pub(crate) refresh_spacing_ms: i64,
    pub(crate) shutdown_ms: u64,
}

/// Which parts of a node run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) gateway: bool,
    pub(crate) worker: bool,
    pub(crate) console: bool,
}

/// How much of an event is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Ids and times.
    None,
    /// The event with everything taken out that people wrote or are known by.
    Redacted,
    /// The whole event, encrypted.
    Sealed,
}

impl Serving {
    pub(super) fn parse(layers: &Layers) -> Result<Self, Failure> {
        Ok(Self {
            listen: read(layers, "listen", address)?,
            roles: read(layers, "roles", roles)?,
            webhook_tokens: read(layers, "webhook_token", tokens)?,
            webhook_token_file: optional(layers, "webhook_token_file", path)?,
            webhook_payload: read(layers, "webhook_payload", payload)?,
            webhook_sources: read(layers, "webhook_sources", networks)?,
            trusted_proxies: read(layers, "trusted_proxies", networks)?,
            public_url: optional(layers, "public_url", url)?,
            metrics_public: read(layers, "metrics_public", flag)?,
            jobs_concurrency: read(layers, "jobs_concurrency", |text| bounded(text, 1, JOBS_MAX))?,
            refresh_spacing_ms: MS_PER_SECOND
                * read(layers, "refresh_spacing_seconds", |text| {
                    bounded(text, 0, SPACING_MS_MAX / MS_PER_SECOND)
                })?,
            shutdown_ms: read(layers, "shutdown_ms", |text| bounded(text, 0, SHUTDOWN_MS_MAX))?,
        })
    }
}

pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("expected ADDRESS:PORT such as 127.0.0.1:8918, found \"{text}\""))
}

fn roles(text: &str) -> Result<Roles, String> {
    let mut roles = Roles { gateway: false, worker: false, console: false };
    for part in parts(text) {
        match part {
            "gateway" => roles.gateway = true,
            "worker" => roles.worker = true,
            "console" => roles.console = true,
            _ => return Err(format!("expected gateway, worker and console, found \"{part}\"")),
        }
    }
    if roles == (Roles { gateway: false, worker: false, console: false }) {
        return Err("expected at least one of gateway, worker and console".into());
    }
    Ok(roles)
}

fn tokens(text: &str) -> Result<Vec<Secret>, String> {
    parts(text).map(secret).collect()
}

fn payload(text: &str) -> Result<Payload, String> {
    match text {
        "none" => Ok(Payload::None),
        "redacted" => Ok(Payload::Redacted),
        "sealed" => Ok(Payload::Sealed),
        _ => Err(format!("expected none, redacted or sealed, found \"{text}\"")),
    }
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let single = part.parse::<std::net::IpAddr>().map(IpNet::from);
        single.or_else(|_| part.parse()).map_err(|_| {
            format!("expected addresses or networks such as 10.0.0.0/8, divided by commas, found \"{part}\"")
        })
    };
    parts(text).map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_networks_are_read_and_slips_are_named() {
        assert_eq!(roles("worker, gateway").unwrap(), Roles { gateway: true, worker: true, console: false });
        assert_eq!(roles("cook").unwrap_err(), "expected gateway, worker and console, found \"cook\"");
        assert!(roles("").is_err());
        assert_eq!(networks("10.0.0.0/8, ::1").unwrap().len(), 2);
        assert!(networks("10.0.0.0/33").is_err());
    }
}
