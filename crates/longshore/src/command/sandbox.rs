//! `longshore sandbox`: a Drift of one's own, for trying anything that talks to Drift.

mod flags;

use std::fmt::Write;

use sandbox::{Listening, Options, Sandbox};
use serde::Serialize;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use flags::Args;

#[derive(Debug, Serialize)]
struct Report {
    url: String,
    address: String,
    authorize_url: String,
    organization: i64,
    /// The sandbox's own, good for nothing else.
    private_token: String,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    ca_file: Option<String>,
    conversations: u64,
}

/// Serve until somebody presses Ctrl-C.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let (options, bind) = args.options()?;
    let mut printed = Ok(Exit::Done);
    let (clock, entropy) = (app.clock.clone(), app.entropy.clone());
    let ready = |sandbox: &Sandbox, listening: &Listening| {
        let report = report(sandbox, listening);
        printed = app.output.report(Exit::Done, &report, &text(&report));
        app.output.note("serving until Ctrl-C");
    };
    sandbox::run(options, bind, clock, entropy, ready, app.interrupt.asked()).await?;
    printed
}

fn report(sandbox: &Sandbox, listening: &Listening) -> Report {
    let options: &Options = sandbox.options();
    Report {
        url: listening.url.clone(),
        address: listening.address.to_string(),
        authorize_url: format!("{}/authorize", listening.url),
        organization: sandbox.world().org_id(),
        private_token: sandbox.private_token().to_owned(),
        client_id: options.client_id.clone(),
        client_secret: options.client_secret.clone(),
        redirect_uri: options.redirect_uri.clone(),
        ca_file: listening.authority_file.as_ref().map(|path| path.display().to_string()),
        conversations: sandbox.world().counts().conversations,
    }
}

fn text(report: &Report) -> String {
    let Report { url, private_token, client_id, client_secret, .. } = report;
    let mut text = format!("A Drift of your own at {url}, organization {}\n\n", report.organization);
    let trust = report.ca_file.as_ref().map_or_else(String::new, |file| format!(" --cacert {file}"));
    let lines = [
        ("token of the private app", private_token.clone()),
        ("public app", format!("{client_id}, secret {client_secret}, redirect {}", report.redirect_uri)),
        (
            "consent page",
            format!(
                "{}?response_type=code&client_id={client_id}&redirect_uri={}",
                report.authorize_url, report.redirect_uri
            ),
        ),
        ("certificate to trust", report.ca_file.clone().unwrap_or_default()),
        ("what was asked", format!("{url}/_sandbox/log")),
        (
            "try",
            format!("curl -s{trust} -H 'Authorization: Bearer {private_token}' {url}/conversations/list"),
        ),
    ];
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name:<26}{value}");
    }
    text
}
