//! The whole application but its command line: a fresh database, the sandbox in place of Drift, one clock.

use std::sync::Arc;

use drift::{App, Config, Seams, Transport as _};
use engine::archive::{self, ArchiveOutcome, Ask};
use engine::connection::Connections;
use engine::progress::Progress;
use engine::verify::{self, Verification};
use engine::{CallCounter, Context, EngineError, Limits, StopSwitch};
use model::{Clock, Entropy, FakeClock, Millis, Secret, SeededEntropy};
use sandbox::{Options, Sandbox};
use store::audit::Who;
use store::vault::{Key, Vault};

use crate::engines::Database;
use crate::hurry::Hurry;
use crate::transport::{InProcess, NotFound};

/// When every world's story is told.
pub(crate) const NOW: Millis = Millis(1_785_000_000_000);

/// A running world.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: FakeClock,
    pub(crate) database: Database,
    pub(crate) calls: Arc<CallCounter>,
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    pub(crate) stop: StopSwitch,
    pub(crate) not_found: NotFound,
    pub(crate) silent: NotFound,
    entropy: Arc<dyn Entropy>,
    pub(crate) hurry: Hurry,
}

impl World {
    /// Start on a fresh database of this engine.
    pub(crate) async fn start(database: Database, options: Options) -> Self {
        let clock = FakeClock::at(NOW);
        let sandbox =
            Sandbox::new(options, Arc::new(clock.clone()), Arc::new(SeededEntropy::new(11))).unwrap();
        let hurry = Hurry::start(clock.clone(), database.db.clone());
        Self {
            sandbox,
            clock,
            database,
            calls: Arc::default(),
            config: Config::at("http://driftapi.com").unwrap().per_minute(None),
            limits: Limits::default(),
            stop: StopSwitch::new(),
            not_found: NotFound::default(),
            silent: NotFound::default(),
            entropy: Arc::new(SeededEntropy::new(3)),
            hurry,
        }
    }

    /// Connect by the sandbox's private token.
    pub(crate) async fn connect(&self) -> Result<(), EngineError> {
        let token = Secret::new(self.sandbox.private_token());
        self.connections().connect_private(token, &Who::node()).await.map(drop)
    }

    /// Connect as a public app: a person says yes on the consent page, the code is exchanged.
    pub(crate) async fn connect_oauth(&self) -> Result<(), EngineError> {
        let options = self.sandbox.options();
        let redirect = options.redirect_uri.clone();
        let form = format!(
            "response_type=code&client_id={}&redirect_uri={redirect}&state=s&decision=allow",
            options.client_id
        );
        let request =
            http::Request::post("http://dev.drift.com/authorize").body(bytes::Bytes::from(form)).unwrap();
        let limits = drift::Limits { body_bytes_max: 1 << 20 };
        let answer = self.transport().send(request, limits).await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let callback = drift::oauth::Callback::parse(location.split_once('?').unwrap().1).unwrap();
        let app = App {
            client_id: options.client_id.clone(),
            client_secret: Secret::new(options.client_secret.clone()),
        };
        self.connections().connect_oauth(app, &callback.code, &redirect, &Who::node()).await.map(drop)
    }

    /// From now on the clock moves only when told, and whoever sleeps on it waits for that.
    pub(crate) fn stand_still(&self) {
        self.hurry.stop();
    }

    /// Archive what changed (everything, the first time).
    pub(crate) async fn archive(&self) -> Result<ArchiveOutcome, EngineError> {
        archive::run(&self.context().await?, Ask::Changed).await
    }

    /// Compare with the API.
    pub(crate) async fn verify(&self) -> Verification {
        verify::against_api(&self.context().await.unwrap()).await.unwrap()
    }

    /// A context on the stored connection.
    pub(crate) async fn context(&self) -> Result<Context, EngineError> {
        let opened = self.connections().open(None).await?;
        let (progress, _) = Progress::new();
        Ok(Context {
            db: self.database.db.clone(),
            drift: opened.client.at(drift::Priority::Backfill),
            org: opened.connection.org_id,
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::clone(&self.entropy),
            progress,
            calls: Arc::clone(&self.calls),
            limits: self.limits,
            stop: self.stop.watch(),
        })
    }

    pub(crate) fn transport(&self) -> InProcess {
        InProcess {
            router: self.sandbox.router(),
            not_found: Arc::clone(&self.not_found),
            silent: Arc::clone(&self.silent),
        }
    }

    /// Everything that connections need.
    pub(crate) fn connections(&self) -> Connections {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        Connections {
            db: self.database.db.clone(),
            vault: Vault::new(Key::generate(&SeededEntropy::new(5)), Arc::clone(&self.entropy)),
            config: self.config.clone(),
            seams: Seams {
                transport: Arc::new(self.transport()),
                clock,
                entropy: Arc::clone(&self.entropy),
                recorder: Some(Arc::clone(&self.calls) as _),
            },
        }
    }
}
