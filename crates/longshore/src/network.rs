//! The way to Drift as the configuration describes it.

use std::sync::Arc;

use drift::{HttpOptions, HttpTransport, Recorder, Seams, Transport};
use engine::connection::Connections;
use engine::webhooks::Webhooks;
use sinks::webhook::Reach;
use store::Db;
use store::vault::Vault;
use url::{Host, Url};
use web::access::oidc::Oidc;

use crate::app::App;
use crate::config::Config;
use crate::config::oidc::Provider;
use crate::database;
use crate::failure::Failure;

/// The transport: the system's certificates and those of `ca_file`, addresses as in `resolve`.
pub(crate) fn transport(app: &App) -> Result<Arc<dyn Transport>, Failure> {
    transport_to(&app.config, &app.config.api_url)
}

/// The same, to another address than Drift's.
pub(crate) fn transport_to(config: &Config, url: &Url) -> Result<Arc<dyn Transport>, Failure> {
    let mut options = http_options(config)?;
    // A proxy must not be asked for what is on this machine.
    options.proxies = !is_loopback(url);
    let transport = HttpTransport::new(options).map_err(|error| {
        let place =
            config.ca_file.as_ref().map_or_else(String::new, |path| format!(" with {}", path.display()));
        Failure::usage(format!("cannot set up TLS{place}: {}", crate::failure::chain(&error)))
            .hint("ca_file must hold certificates in PEM form")
    })?;
    Ok(Arc::new(transport))
}

/// The settings' certificates and addresses, for whatever is reached over HTTP.
pub(crate) fn http_options(config: &Config) -> Result<HttpOptions, Failure> {
    let mut options = HttpOptions::default();
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|error| Failure::input(path, &error))?;
        options.roots_pem.push(pem);
    }
    options.resolve = config.resolve.iter().map(|rule| (rule.host.clone(), rule.address)).collect();
    Ok(options)
}

/// How outgoing webhooks leave, as the settings allow.
pub(crate) fn webhooks(config: &Config, vault: Vault) -> Result<Webhooks, Failure> {
    let reach = if config.webhooks_private { Reach::Private } else { Reach::Public };
    let transport = sinks::webhook::transport(reach, http_options(config)?)
        .map_err(|error| Failure::usage(format!("cannot set up TLS: {}", crate::failure::chain(&error))))?;
    let transport: Arc<dyn Transport> = Arc::new(transport);
    Ok(Webhooks { transport, vault, reach, disable_ms: config.webhooks_disable_ms })
}

/// The way to the identity provider: no proxy, no redirect, and no address out of reach, whatever its document names.
pub(crate) fn oidc(app: &App, provider: &Provider) -> Result<Oidc, Failure> {
    let transport = sinks::webhook::transport(provider.reach, http_options(&app.config)?)
        .map_err(|error| Failure::usage(format!("cannot set up TLS: {}", crate::failure::chain(&error))))?;
    Ok(Oidc::new(provider.options.clone(), Arc::new(transport), app.clock.clone()))
}

/// The four seams of a client.
pub(crate) fn seams(app: &App, recorder: Option<Arc<dyn Recorder>>) -> Result<Seams, Failure> {
    let (clock, entropy) = (app.clock.clone(), app.entropy.clone());
    Ok(Seams { transport: transport(app)?, clock, entropy, recorder })
}

/// Who waits for an answer: a person at the terminal sooner wants to know that it does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Person,
    Run,
}

/// Attempts for one call while a person waits.
const PERSON_ATTEMPTS_MAX: u32 = 2;

/// Where the API is and how much of it may be used.
pub(crate) fn client_config(app: &App, patience: Patience) -> drift::Config {
    let config = &app.config;
    let mut client = drift::Config::default();
    client.api = config.api_url.clone();
    client.conversation_list = Some(config.list_url.clone());
    client.authorize = config.authorize_url.clone();
    client.per_minute = config.per_minute;
    client.reports_per_minute = config.reports_per_minute;
    match patience {
        Patience::Person => client.attempts_max(PERSON_ATTEMPTS_MAX),
        Patience::Run => client,
    }
}

/// The connections of a database, over the configured network. `recorder` hears of every call.
pub(crate) async fn connections(
    app: &App,
    db: &Db,
    patience: Patience,
    recorder: Option<Arc<dyn Recorder>>,
) -> Result<Connections, Failure> {
    let vault = database::vault(app, db).await?;
    connections_with(app, db, vault, patience, recorder)
}

/// The same with a vault that is open already.
pub(crate) fn connections_with(
    app: &App,
    db: &Db,
    vault: Vault,
    patience: Patience,
    recorder: Option<Arc<dyn Recorder>>,
) -> Result<Connections, Failure> {
    Ok(Connections {
        db: db.clone(),
        vault,
        config: client_config(app, patience),
        seams: seams(app, recorder)?,
    })
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
