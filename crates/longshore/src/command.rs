//! One file a command, all alike: its flags, its report, its `run`, the report as text.

pub(crate) mod api_keys;
pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod certificate;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod consumers;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod endpoints;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod honey;
pub(crate) mod keys;
pub(crate) mod queue;
pub(crate) mod replay;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod users;
pub(crate) mod verify;
pub(crate) mod webhooks;
