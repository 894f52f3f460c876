//! `POST /app/uninstall?clientId=&clientSecret=`

use crate::call::Call;
use crate::endpoint::done;
use crate::wire::Done;
use crate::{App, Client, Error};

impl Client {
    /// Take the app out of the organization. Its token stops working at once; it can be connected again.
    ///
    /// `POST /app/uninstall?clientId=&clientSecret=`; no scope is documented. Public apps only. Drift wants the
    /// secret in the query, where this crate neither logs nor records it; a proxy on the way might.
    ///
    /// Drift: "App uninstall", <https://devdocs.drift.com/docs/app-uninstall>.
    ///
    /// # Errors
    /// As every call: [`Error`].
    pub async fn uninstall(&self, app: &App) -> Result<Done, Error> {
        let call = Call::post("/app/uninstall").query("clientId", &app.client_id);
        self.call_decoded(call.query("clientSecret", app.client_secret.expose()), done).await
    }
}
