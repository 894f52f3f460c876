//! `longshore connect`: the grant by which an organization is read.
//!
//! By OAuth: the consent page is opened, the answer comes to a server on this machine, and the code becomes a token
//! pair. By a private app: its token comes over stdin. Either way Drift is asked whose the token is and what it
//! may do before anything is stored, and secrets are stored sealed.

use std::path::PathBuf;

use drift::App as DriftApp;
use model::{Entropy, Secret};
use serde::Serialize;
use store::connections::Connection;
use url::Url;

use super::doctor::{missing, names};
use crate::app::App;
use crate::callback::Server;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::who;
use crate::{browser, input};

/// Connect a Drift organization
///
/// By OAuth, in the browser: give the app's id and its secret (LONGSHORE_CLIENT_SECRET, client_secret_file, or
/// --client-secret-stdin). Or by the token of a private app, on stdin: longshore connect --token-stdin < token.txt
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read the token of a private app from stdin
    #[arg(long, conflicts_with_all = ["client_id", "client_secret_stdin"])]
    token_stdin: bool,
    /// The id of the Drift app
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the app's secret from stdin
    #[arg(long)]
    client_secret_stdin: bool,
    /// Print the address of the consent page without opening it
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for the consent, in seconds
    #[arg(long, value_name = "S", default_value_t = 600)]
    wait_seconds: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    organization: i64,
    connection_id: String,
    kind: &'static str,
    scopes: Vec<String>,
    /// Scopes that a complete archive needs and this connection lacks.
    scopes_missing: Vec<String>,
    expires_at: Option<i64>,
    database: String,
}

/// Connect.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let connection = if args.token_stdin { by_token(app).await? } else { by_consent(app, &args).await? };
    let lacking = missing(&connection.scopes);
    let report = Report {
        organization: connection.org_id.0,
        connection_id: connection.connection_id.0,
        kind: connection.kind.as_str(),
        scopes_missing: lacking.iter().map(|(scope, _)| scope.as_str().to_owned()).collect(),
        scopes: connection.scopes,
        expires_at: connection.expires_at.map(|at| at.0),
        database: app.config.database.to_string(),
    };
    app.output.report(Exit::Done, &report, &text(&report))?;
    if !lacking.is_empty() {
        app.output.note(&format!(
            "hint: without {} the archive cannot be complete: tick them on the app's page and connect again",
            names(&lacking)
        ));
    }
    app.output.note("next: \"longshore archive\" brings everything home");
    Ok(Exit::Done)
}

async fn by_token(app: &App) -> Result<Connection, Failure> {
    let token = input::secret_from_stdin("token")?;
    let db = database::open(app, Missing::Make).await?;
    let connections = network::connections(app, &db, Patience::Person, None).await?;
    let connection = connections.connect_private(token, &who::command()).await?;
    db.close().await;
    Ok(connection)
}

async fn by_consent(app: &App, args: &Args) -> Result<Connection, Failure> {
    let drift_app = drift_app(app, args)?;
    let server = Server::bind(&app.config.redirect_uri).await?;
    // The database is tried before anybody is asked to consent: a code lives a minute.
    let db = database::open(app, Missing::Make).await?;
    let connections = network::connections(app, &db, Patience::Person, None).await?;
    let redirect_uri = app.config.redirect_uri.as_str();
    let (url, state) = consent_address(app, &drift_app.client_id, redirect_uri);
    app.output.note(&format!("Allow the connection on this page:\n\n  {url}\n"));
    if !args.no_browser && !browser::open(url.as_str()) {
        app.output.note("no browser was found: open the address yourself");
    }
    let wait_ms = u64::from(args.wait_seconds) * 1_000;
    let code = server.code(state, wait_ms, app.clock.as_ref(), &app.interrupt).await?;
    let connection = connections.connect_oauth(drift_app, &code, redirect_uri, &who::command()).await?;
    db.close().await;
    Ok(connection)
}

/// The consent page's address, and the state that its answer must carry.
pub(super) fn consent_address(app: &App, client_id: &str, redirect_uri: &str) -> (Url, Secret) {
    let state = fresh_state(app.entropy.as_ref());
    let url = drift::oauth::authorize_url(
        &network::client_config(app, Patience::Person),
        client_id,
        redirect_uri,
        state.expose(),
    );
    (url, state)
}

/// 256 random bits, as text.
fn fresh_state(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    Secret::new(hex::encode(bytes))
}

fn drift_app(app: &App, args: &Args) -> Result<DriftApp, Failure> {
    let client_id = args.client_id.clone().or_else(|| app.config.client_id.clone()).ok_or_else(|| {
        Failure::usage("the id of the Drift app is missing")
            .hint("give --client-id, or connect by a private app's token with --token-stdin")
    })?;
    let client_secret = if args.client_secret_stdin {
        Some(input::secret_from_stdin("client secret")?)
    } else {
        AppSecret::of(app).map(|secret| secret.read()).transpose()?
    };
    let client_secret = client_secret.ok_or_else(|| {
        Failure::usage("the secret of the Drift app is missing")
            .hint("set LONGSHORE_CLIENT_SECRET or client_secret_file, or give --client-secret-stdin")
    })?;
    Ok(DriftApp { client_id, client_secret })
}

/// Where the secret of the Drift app is.
pub(super) enum AppSecret {
    Held(Secret),
    /// In a file: it is read for each use, and not kept.
    File(PathBuf),
}

impl AppSecret {
    /// As the settings have it, if they do.
    pub(super) fn of(app: &App) -> Option<Self> {
        let held = app.config.client_secret.clone().map(Self::Held);
        held.or_else(|| app.config.client_secret_file.clone().map(Self::File))
    }

    pub(super) fn read(&self) -> Result<Secret, Failure> {
        match self {
            Self::Held(secret) => Ok(secret.clone()),
            Self::File(path) => input::secret_from_file(path, "client secret"),
        }
    }
}

fn text(report: &Report) -> String {
    format!(
        "Connected organization {} ({}), kept in {}\nscopes: {}\n",
        report.organization,
        report.kind,
        report.database,
        report.scopes.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use model::Profile;

    use crate::documents;

    #[test]
    fn the_page_of_scopes_tells_the_table_of_the_program() {
        let names = Profile::ALL.map(web::scopes::name).join(" | ");
        let mut table =
            format!("| scope | opens | why it is asked for | without it | {names} |\n|---|---|---|---|");
        table += &"---|".repeat(Profile::ALL.len());
        table += "\n";
        for need in web::scopes::NEEDS {
            let has = |profile: Profile| if need.profiles.contains(&profile) { "yes" } else { "" };
            table += &format!(
                "| `{}` | {} | {} | {} | {} |\n",
                need.scope,
                need.scope.opens(),
                need.reason,
                need.without,
                Profile::ALL.map(has).join(" | ")
            );
        }
        documents::holds("connecting.md", "scopes", &table);
    }
}
