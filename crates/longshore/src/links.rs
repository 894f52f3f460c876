//! One-time links as people get them: where browsers reach this node, and the code.

use model::Millis;
use store::access::Token;
use store::access::links::{self, Link};
use store::{Db, StoreError};

use crate::app::App;

/// A link to be given to whoever it is for.
pub(crate) struct Made {
    pub(crate) url: String,
    pub(crate) ends_at: Millis,
}

/// Make one; `listening` is where the node is reached when no setting says so.
pub(crate) async fn make(app: &App, db: &Db, link: &Link, listening: &str) -> Result<Made, StoreError> {
    let token = Token::generate("", app.entropy.as_ref());
    let mut tx = db.begin().await?;
    let ends_at = links::insert(&mut tx, link, &token, app.clock.now()).await?;
    tx.commit().await?;
    let base = match &app.config.serving.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        // Nobody reaches the address that stands for all addresses.
        None => format!("http://{}", listening.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")),
    };
    Ok(Made { url: base + &web::access::link_path(&token), ends_at })
}
