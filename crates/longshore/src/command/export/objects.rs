//! The way to an object store: its address, `--endpoint`, and its provider's settings in the environment.

use std::sync::Arc;

use drift::{HttpOptions, HttpTransport, Transport};
use model::Secret;
use sinks::objects::{Bucket, Network, ObjectAddress, ObjectError, ObjectOptions, Retry};
use sinks::{ExportOptions, SinkError};
use store::export_runs::ExportRun;
use url::Url;

use crate::app::App;
use crate::{network, who};

/// What the settings of providers begin with in the environment.
const SETTINGS: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Where an object store answers.
#[derive(Debug, clap::Args)]
#[group(id = "store")]
pub(super) struct Args {
    /// Where an S3-compatible object store answers: an https:// address
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Option<Url>,
}

/// What a run was asked for; its bucket, where it went to one, is reached as these words and the environment say.
pub(super) fn options_of(app: &App, run: &ExportRun, args: &Args) -> Result<ExportOptions, SinkError> {
    ExportOptions::of_run_reaching(run, who::command(), &|address| {
        bucket(app, address, args.endpoint.as_ref())
    })
}

/// A client for the bucket. Nothing is connected yet.
pub(super) fn bucket(app: &App, address: ObjectAddress, endpoint: Option<&Url>) -> Result<Bucket, SinkError> {
    let place = address.to_string();
    let transport = |proxies| -> Result<Arc<dyn Transport>, SinkError> {
        let unusable = |reason: String| ObjectError::Settings { place: place.clone(), reason };
        let options = network::http_options(&app.config).map_err(|error| unusable(error.to_string()))?;
        let transport = HttpTransport::new(HttpOptions { proxies, ..options });
        Ok(Arc::new(transport.map_err(|_| unusable("TLS cannot be set up".to_owned()))?))
    };
    let is_here = endpoint.is_some_and(network::is_loopback);
    let network =
        Network { transport: transport(!is_here)?, near: transport(false)?, clock: app.clock.clone() };
    let settings = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| SETTINGS.iter().any(|it| name.starts_with(it)))?;
        Some((name, Secret::new(value.into_string().ok()?)))
    });
    let options = ObjectOptions {
        address,
        endpoint: endpoint.cloned(),
        settings: settings.collect(),
        retry: Retry::default(),
    };
    Ok(options.connect(network)?)
}
