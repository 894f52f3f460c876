//! A Rust SDK for the Drift API: typed endpoints, resumable pages, OAuth, pace.
//!
//! One place makes calls: it takes a slot of the organization's budget ([`Pace`]), sends through the one network
//! seam ([`Transport`]), tells what the answer means, tries again with jitter where that can help, and decodes.
//! Endpoints describe calls and shapes, nothing more. Time and randomness come in through `model`'s seams, so a
//! test turns the clock itself. This crate knows no database and nothing about who uses it.
//!
//! ```no_run
//! use drift::{Auth, Client, Config, ListQuery, Secret, Seams};
//!
//! # async fn first_calls() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Secret::new(std::env::var("DRIFT_TOKEN")?);
//! let client = Client::new(Config::default(), Seams::system()?, Auth::Private(token))?;
//!
//! let mut pages = client.list_conversations(&ListQuery::default());
//! while let Some(page) = pages.next_page().await? {
//!     for row in page.items {
//!         println!("conversation {}", row.id);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The reading order of the modules is the way of a call: [`Client`] and [`Pace`], [`Transport`], [`Error`], then
//! [`Page`]s, [`oauth`], and at the end the endpoints and their [`wire`] types. What Drift posts to us is read by
//! [`webhook`].

mod answer;
mod auth;
mod call;
mod client;
mod config;
mod decode;
pub mod endpoint;
mod entropy;
mod error;
mod exchange;
mod guard;
mod http_date;
mod http_transport;
mod keeper;
pub mod oauth;
mod pace;
mod page;
mod recorder;
mod refusal;
mod retry;
mod route;
mod scope;
mod seams;
mod time;
mod transport;
mod vendor;
pub mod webhook;
pub mod wire;

pub use client::Client;
pub use config::Config;
pub use decode::DecodeError;
pub use endpoint::{ListQuery, ReportQuery};
pub use entropy::OsEntropy;
pub use error::{Class, Error, Failure};
pub use guard::{AddressGuard, Lookup};
pub use http_transport::{HttpOptions, HttpTransport};
pub use keeper::{
    App, Auth, Begun, Closing, Ended, KeeperError, MemoryKeeper, Need, Renewal, TokenKeeper, TokenPair,
};
pub use model::{Clock, Entropy, Millis, Secret};
pub use pace::{Allowance, AllowanceError, Kept, Lane, Pace, PaceSnapshot, Priority};
pub use page::{Page, PageToken, PageTokenError, Pages};
pub use recorder::{CallRecord, Outcome, RateHeaders, Recorder};
pub use retry::retry_after_ms;
pub use route::{Opens, Route, Way};
pub use scope::Scope;
pub use seams::Seams;
pub use time::{Elapsed, SystemClock, deadline};
pub use transport::{Limits, Transport, TransportError, TransportKind};
pub use vendor::{CertificateEnd, VendorSigns};
