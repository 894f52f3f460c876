//! `longshore honey plant`: a decoy, with the token to lay out.

use model::{ConnectionId, Entropy, Secret};
use serde::Serialize;
use store::StoreError;
use store::access::{Token, keys};
use store::honey::{self, HONEY_MAX, NewHoney};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::who;

/// Characters of a token: as many as Drift's have.
const TOKEN_CHARACTERS: usize = 32;
const NOTE_CHARACTERS_MAX: usize = 200;

/// Plant a decoy, and show its token
///
/// By itself it looks like a connection of the organization; with --like api-key like a key of our own API. In the vault it looks like a connection that was given up. Put the token where nobody has a reason to look: into a wiki, a
/// password store, a file of settings. Running gateways know it within half a minute, the API at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where you put the token, for whoever reads the alarm; nothing secret
    #[arg(long, value_name = "TEXT", default_value = "in the vault only")]
    note: String,
    /// What it looks like
    #[arg(long, value_enum, default_value_t = Like::Connection)]
    like: Like,
}

/// What a decoy looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Like {
    /// A connection that was given up, with its token
    Connection,
    /// A key of our own API
    ApiKey,
}

#[derive(Debug, Serialize)]
struct Report {
    honey_id: String,
    /// Shown where it is made, for it cannot be had any more: reading it is an alarm.
    token: String,
    note: String,
}

/// Plant it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    if args.note.chars().count() > NOTE_CHARACTERS_MAX || args.note.chars().any(char::is_control) {
        return Err(Failure::usage(format!(
            "--note takes one line of at most {NOTE_CHARACTERS_MAX} characters"
        )));
    }
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let honey_id = ConnectionId::new(app.clock.as_ref(), app.entropy.as_ref());
    let (token, api_url) = (drawn(app, args.like), app.config.api_url.to_string());
    let new = NewHoney { org, honey_id: honey_id.clone(), note: &args.note, api_url: &api_url };
    let (who, now) = (who::command(), app.clock.now());
    let vault = match args.like {
        Like::Connection => Some(database::vault(app, &db).await?),
        Like::ApiKey => None,
    };
    let planted = async {
        let mut tx = db.begin().await?;
        match &vault {
            Some(vault) => honey::plant(&mut tx, &new, &token, vault, &who, now).await?,
            None => honey::plant_key(&mut tx, &new, &token, &who, now).await?,
        }
        tx.commit().await
    };
    planted.await.map_err(|error| match error {
        StoreError::Conflict { .. } => Failure::usage(format!("there are {HONEY_MAX} honey tokens already"))
            .hint("remove one with \"longshore honey remove\""),
        error => super::failed(app, &error),
    })?;
    db.close().await;
    let report = Report { honey_id: honey_id.0, token: token.expose().to_owned(), note: args.note };
    app.output.report(Exit::Done, &report, &text(&report))
}

/// A token as whatever it looks like has it.
fn drawn(app: &App, like: Like) -> Secret {
    match like {
        Like::Connection => token(app.entropy.as_ref()),
        Like::ApiKey => Secret::new(Token::generate(keys::PREFIX, app.entropy.as_ref()).expose()),
    }
}

/// Letters and digits. Of 256 values of a byte 248 are dealt out evenly, the rest drawn again.
fn token(entropy: &dyn Entropy) -> Secret {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut token = String::with_capacity(TOKEN_CHARACTERS);
    while token.len() < TOKEN_CHARACTERS {
        let mut byte = [0];
        entropy.fill(&mut byte);
        if byte[0] < 248 {
            token.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    Secret::new(token)
}

fn text(report: &Report) -> String {
    format!(
        "honey token {} is planted ({})\n{}\nit is not shown again: whoever reads or uses it raises an alarm\n",
        report.honey_id, report.note, report.token
    )
}
