//! One-time links as people get them: where browsers reach this node, and the code.

use model::Millis;
use store::access::Token;
use store::access::links::{self, Link};
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::{Db, StoreError};

use crate::app::App;
use crate::who;

/// A link to be given to whoever it is for.
pub(crate) struct Made {
    pub(crate) url: String,
    pub(crate) ends_at: Millis,
}

/// Make one; `listening` is where the node is reached when no setting says so.
pub(crate) async fn make(app: &App, db: &Db, link: &Link, listening: &str) -> Result<Made, StoreError> {
    let token = Token::generate("", app.entropy.as_ref());
    let mut tx = db.begin().await?;
    let now = app.clock.now();
    let ends_at = links::insert(&mut tx, link, &token, now).await?;
    let (user, reason) = match link {
        Link::Owner => ("unknown", "owner_link_made"),
        Link::Invitation(user) => (user.0.as_str(), "invitation_made"),
        Link::Reset(user) => (user.0.as_str(), "reset_link_made"),
    };
    let (who, object) = (who::command(), Object::new(ObjectKind::User, user));
    audit::append(&mut tx, &NewEntry::done(now, &who, Action::UserCredential, object).because(reason))?;
    tx.commit().await?;
    Ok(Made { url: base(app, listening) + &web::access::link_path(&token), ends_at })
}

/// Where browsers reach this node, without a slash at its end; `listening` is where it listens.
pub(crate) fn base(app: &App, listening: &str) -> String {
    match &app.config.serving.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        // Nobody reaches the address that stands for all addresses.
        None => format!("http://{}", listening.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")),
    }
}
