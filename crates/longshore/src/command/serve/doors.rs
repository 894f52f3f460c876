//! The doors of a node: the gateway with its tokens, health, metrics, the admin API and the pages.

use std::future::Future;
use std::sync::Arc;

use model::Secret;
use store::Db;
use store::vault::Vault;
use telemetry::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use web::access::{Access, AccessOptions, SettingsKey, UseBook};
use web::{
    Console, Gateway, GatewayOptions, GatewayTokens, PayloadSetting, ServeOptions, Sources, State, Stopping,
};

use super::install;
use crate::app::App;
use crate::config::{self, serving::Payload};
use crate::failure::Failure;
use crate::input;
use crate::network;

/// The doors, not yet open.
pub(super) struct Doors {
    gateway: Option<Arc<Gateway>>,
    router: axum::Router,
    uses: Arc<UseBook>,
    reload: Option<JoinHandle<()>>,
}

/// Put the doors together.
pub(super) async fn open(
    app: &App,
    db: &Db,
    vault: &Vault,
    metrics: &Arc<Metrics>,
    (stopping, listening): (Stopping, &str),
) -> Result<Doors, Failure> {
    let (mut gateway, mut reload) = (None, None);
    if app.config.serving.roles.gateway {
        let tokens = Arc::new(GatewayTokens::new(&common_tokens(app)?));
        let loaded = tokens.load(db, vault).await;
        loaded.map_err(|error| Failure::store("read the webhook tokens of", &app.config.database, &error))?;
        if tokens.is_empty() {
            app.output.note(
                "no webhook token is set: every webhook is refused; set LONGSHORE_WEBHOOK_TOKEN to the app's verification token",
            );
        }
        let (held, of, with, clock) = (tokens.clone(), db.clone(), vault.clone(), app.clock.clone());
        reload = Some(tokio::spawn(async move { held.keep_fresh(&of, &with, clock.as_ref()).await }));
        let (clock, entropy) = (app.clock.clone(), app.entropy.clone());
        let options = options(app, vault);
        gateway =
            Some(Arc::new(Gateway::start(db.clone(), tokens, options, clock, entropy, metrics.clone())));
    }
    let state = State {
        db: db.clone(),
        gateway: gateway.clone(),
        metrics: metrics.clone(),
        clock: app.clock.clone(),
        stopping,
        access: access(app, db, vault)?,
        console: if app.config.serving.roles.console {
            Console::Open(Arc::new(install::install(app, db, vault, listening)?))
        } else {
            Console::Absent
        },
    };
    let uses = Arc::clone(state.access.uses());
    Ok(Doors { gateway, router: web::router(state), uses, reload })
}

impl Doors {
    /// Who reads what through them.
    pub(super) fn uses(&self) -> Arc<UseBook> {
        Arc::clone(&self.uses)
    }

    /// Serve until `asked` is ready; then end in good order: requests in hand are answered, their events committed.
    pub(super) async fn serve(
        self,
        app: &App,
        listener: TcpListener,
        metrics: &Arc<Metrics>,
        asked: impl Future<Output = ()> + Send,
    ) {
        let options =
            ServeOptions { farewell_ms_max: app.config.serving.shutdown_ms, ..ServeOptions::default() };
        web::serve(listener, self.router, options, app.clock.clone(), metrics.clone(), asked).await;
        if let Some(gateway) = self.gateway {
            gateway.close().await;
        }
        if let Some(reload) = self.reload {
            reload.abort();
        }
    }
}

/// Who may come in, as the settings say.
fn access(app: &App, db: &Db, vault: &Vault) -> Result<Access, Failure> {
    let serving = &app.config.serving;
    let options = AccessOptions {
        key: admin_token(app)?.as_ref().map(SettingsKey::of),
        trusted_proxies: serving.trusted_proxies.clone(),
        public_url: serving.public_url.clone(),
        metrics_public: serving.metrics_public,
        oidc: app.config.oidc.as_ref().map(|provider| network::oidc(app, provider)).transpose()?,
    };
    Ok(Access::new(db.clone(), vault.clone(), (app.clock.clone(), app.entropy.clone()), options))
}

/// The key of the settings, if there is one.
fn admin_token(app: &App) -> Result<Option<Secret>, Failure> {
    match (&app.config.admin_token, &app.config.admin_token_file) {
        (Some(token), _) => Ok(Some(token.clone())),
        (None, Some(path)) => {
            let token = input::secret_from_file(path, "admin token")?;
            config::admin_token(token.expose())
                .map(Some)
                .map_err(|why| Failure::usage(format!("{}: {why}", path.display())))
        }
        (None, None) => Ok(None),
    }
}

fn options(app: &App, vault: &Vault) -> GatewayOptions {
    let serving = &app.config.serving;
    let payload = match serving.webhook_payload {
        Payload::None => PayloadSetting::None,
        Payload::Redacted => PayloadSetting::Redacted,
        Payload::Sealed => PayloadSetting::Sealed(vault.clone()),
    };
    let (allowed, trusted_proxies) = (serving.webhook_sources.clone(), serving.trusted_proxies.clone());
    GatewayOptions { payload, sources: Sources { allowed, trusted_proxies }, ..GatewayOptions::default() }
}

/// The tokens of `/webhooks/drift`: of the environment, or of the file, a line each.
fn common_tokens(app: &App) -> Result<Vec<Secret>, Failure> {
    let serving = &app.config.serving;
    match &serving.webhook_token_file {
        Some(path) if serving.webhook_tokens.is_empty() => {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::input(path, &error))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Ok(lines.map(Secret::new).collect())
        }
        _ => Ok(serving.webhook_tokens.clone()),
    }
}

#[cfg(test)]
mod tests {
    use model::{FakeClock, Millis, Role, SeededEntropy};
    use store::OpenOptions;
    use store::vault::Key;
    use web::access::Needs;

    use super::*;
    use crate::documents;

    fn who_passes(needs: Needs) -> String {
        match needs {
            Needs::Public => "anybody".into(),
            Needs::SignedIn => "whoever is known".into(),
            Needs::SteppedUp => "whoever has just shown the password again".into(),
            Needs::Everywhere(permission) => format!("`{permission}` in every organization"),
            Needs::Somewhere(permission) => format!("{}, in some organization", held(permission)),
            Needs::SomewhereAgain(permission) => {
                format!("{}, in some organization, and the password shown again", held(permission))
            }
            Needs::InOrg(permission) => held(permission),
        }
    }

    fn held(permission: model::Permission) -> String {
        let roles = Role::ALL.into_iter().filter(|role| role.permissions().contains(&permission));
        let roles: Vec<&str> = roles.map(Role::as_str).collect();
        format!("`{permission}`: {}", roles.join(", "))
    }

    /// The doors are told, and not used.
    fn nobody_connects() -> web::install::Install {
        web::install::Install {
            drift: drift::Config::default(),
            client_id: None,
            base: "http://127.0.0.1".into(),
            connect: Arc::new(|_| Box::pin(async { Err(web::install::NotConnected::Inside) })),
        }
    }

    #[tokio::test]
    async fn the_page_of_doors_tells_every_route() {
        let folder = tempfile::tempdir().unwrap();
        let url = store::DatabaseUrl::file(folder.path().join("store.db"));
        let db = Db::open(&url, OpenOptions::default()).await.unwrap();
        let (clock, entropy) = (Arc::new(FakeClock::at(Millis(0))), Arc::new(SeededEntropy::new(1)));
        let vault = Vault::new(Key::generate(entropy.as_ref()), entropy.clone());
        let (tokens, metrics) = (Arc::new(GatewayTokens::new(&[])), Arc::new(Metrics::new()));
        let options = GatewayOptions::default();
        let gateway =
            Gateway::start(db.clone(), tokens, options, clock.clone(), entropy.clone(), metrics.clone());
        let state = State {
            access: Access::new(db.clone(), vault, (clock.clone(), entropy), AccessOptions::default()),
            db,
            gateway: Some(Arc::new(gateway)),
            metrics,
            clock,
            stopping: Stopping::default(),
            console: Console::Open(Arc::new(nobody_connects())),
        };
        let mut table = String::from("| route | who passes |\n|---|---|\n");
        for route in web::declared(state) {
            let (method, passes) = (route.method.to_uppercase(), who_passes(route.needs));
            table += &format!("| `{method} {}` | {passes} |\n", route.path);
        }
        documents::holds("access.md", "doors", &table);
    }
}
