//! A sandbox of this process, for the demo and for trying a node: served on a free port of this machine, by this process.

use drift::App as DriftApp;
use model::{OrgId, Secret};
use sandbox::{Options, Sandbox, Source};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::app::App;
use crate::failure::Failure;

/// A served sandbox.
pub(super) struct Double {
    pub(super) sandbox: Sandbox,
    pub(super) url: Url,
    /// The public app that is registered with it.
    pub(super) app: DriftApp,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Double {
    /// Build the world and begin to serve it.
    pub(super) async fn start(app: &App, options: Options) -> Result<Self, Failure> {
        let secret = Secret::new(options.client_secret.clone());
        let drift_app = DriftApp { client_id: options.client_id.clone(), client_secret: secret };
        let file = match &options.source {
            Source::Dialogues(path) => Some(path.clone()),
            Source::Generated { .. } => None,
        };
        let sandbox = Sandbox::new(options, app.clock.clone(), app.entropy.clone()).map_err(|error| {
            let failure = Failure::from(error);
            match file {
                Some(path) => {
                    Failure { message: format!("{}: {}", path.display(), failure.message), ..failure }
                }
                None => failure,
            }
        })?;
        let refused =
            |error: std::io::Error| Failure::unexpected(format!("cannot listen on this machine: {error}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let url = Url::parse(&format!("http://{address}")).expect("a socket's address is an address");
        let (stop, stopped) = oneshot::channel();
        let served = sandbox.clone();
        let server = tokio::spawn(async move {
            // An error means that the sender was dropped: an end all the same.
            let until = async { drop(stopped.await) };
            served.serve(listener, until).await;
        });
        Ok(Self { sandbox, url, app: drift_app, stop, server })
    }

    /// Its one organization.
    pub(super) fn org(&self) -> OrgId {
        OrgId(self.sandbox.world().org_id())
    }

    /// Its consent page.
    pub(super) fn authorize_url(&self) -> Result<Url, Failure> {
        self.url.join("/authorize").map_err(|error| Failure::unexpected(format!("no address: {error}")))
    }

    /// Let the requests in hand end, then stop serving.
    pub(super) async fn end(self) {
        drop(self.stop);
        // A server that panicked has said so.
        let _ = self.server.await;
    }
}
