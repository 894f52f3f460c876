//! What a node needs to make scheduled exports: how their destinations are reached from here.

use std::path::Path;
use std::sync::Arc;

use engine::exports::Exports;
use model::Millis;
use sinks::objects::ObjectError;
use sinks::{Destination, ExportOptions, SinkError};
use store::audit::Who;
use store::scheduled_exports::ScheduledExport;
use store::vault::Vault;
use url::Url;

use super::objects;
use crate::app::App;
use crate::input;

/// How a node makes them. Credentials are looked for at each run, so that those that were changed count.
pub(crate) fn exports(app: &App, vault: Vault) -> Exports {
    let app = app.clone();
    Exports { vault, options: Arc::new(move |scheduled, now| options(&app, scheduled, now)) }
}

fn options(app: &App, scheduled: &ScheduledExport, now: Millis) -> Result<ExportOptions, SinkError> {
    let void = |reason: String| ObjectError::Settings { place: scheduled.destination.clone(), reason };
    let endpoint = scheduled.endpoint.as_deref().map(Url::parse).transpose();
    let endpoint = endpoint.map_err(|error| void(error.to_string()))?;
    let reach = |address| objects::bucket(app, address, endpoint.as_ref());
    let mut options =
        ExportOptions::of_words(&scheduled.options, &scheduled.destination, Who::node(), &reach)?;
    if let (Destination::Postgres { address }, Some(file)) = (&options.destination, &scheduled.password_file)
    {
        let password = input::secret_from_file(Path::new(file), "password");
        let password = password.map_err(|failure| void(failure.to_string()))?;
        options.destination = Destination::Postgres { address: address.clone().or_password(password) };
    }
    if let Some(months) = scheduled.keep_months.and_then(|months| u32::try_from(months).ok()) {
        options.selection = options.selection.keeping(months, now);
    }
    Ok(options)
}
