//! `serve --sandbox`: a Drift of one's own beside the node, so that everything can be tried from an empty folder.
//!
//! The sandbox's app, with its id and its secret, takes the place of the settings'. What it knows ends with the process: after
//! another start the organization is connected again.

use sandbox::{Options, RateLimit, ScopeSet, Source};
use store::connections;
use url::{Host, Url};

use crate::app::App;
use crate::command::double::Double;
use crate::config::Config;
use crate::config::layer::Origin;
use crate::failure::Failure;
use crate::links;

/// What is ticked on the page of the sandbox's app.
const SCOPES: &str = "conversation_read contact_read all_contact_read user_read account_read playbook_read";

/// The sandbox, and the application on its settings.
pub(super) struct Trial {
    pub(super) double: Double,
    pub(super) app: App,
}

/// Start a sandbox for a node that listens there.
pub(super) async fn start(app: &App, listening: &str, conversations: u64) -> Result<Trial, Failure> {
    let scopes: ScopeSet = SCOPES.parse().map_err(Failure::unexpected)?;
    let options = Options {
        source: Source::Generated { conversations },
        scopes,
        rate: RateLimit::none(),
        redirect_uri: web::install::redirect_uri(&links::base(app, listening)),
        ..Options::default()
    };
    let double = Double::start(app, options).await?;
    let mut config = Config::clone(&app.config);
    config.api_url = double.url.clone();
    config.list_url = double.url.clone();
    config.authorize_url = double.authorize_url()?;
    config.client_id = Some(double.app.client_id.clone());
    config.client_secret = Some(double.app.client_secret.clone());
    if config.layers.get("per_minute").origin == Origin::Default {
        (config.per_minute, config.reports_per_minute) = (None, None);
    }
    app.output.note(&format!(
        "a Drift of your own: organization {}, {} conversations, at {}",
        double.org(),
        double.sandbox.world().counts().conversations,
        double.url
    ));
    Ok(Trial { app: app.with(config), double })
}

/// A database that holds connections to Drift itself is no place for trying.
pub(super) async fn refuse_strangers(app: &App, db: &store::Db) -> Result<(), Failure> {
    let url = &app.config.database;
    let known = connections::list(db)
        .await
        .map_err(|error| Failure::store("read the connections of", url, &error))?;
    let is_here = |address: &str| match Url::parse(address).as_ref().map(Url::host) {
        Ok(Some(Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(Host::Ipv6(address))) => address.is_loopback(),
        Ok(Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    };
    if known.iter().all(|connection| is_here(&connection.api_url)) {
        return Ok(());
    }
    Err(Failure::usage(format!("{url} holds connections to Drift itself"))
        .hint("try in an empty folder, or give another --database"))
}
