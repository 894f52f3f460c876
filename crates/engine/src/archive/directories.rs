//! Users, teams, accounts, playbooks, landing pages, attribute definitions, meetings; and what the API says of
//! itself: the token's scopes and the number of conversations.

use std::collections::BTreeMap;

use model::record::{Account, ContactAttribute, LandingPage, Meeting, Playbook, Team, User};
use store::directory::{self, Listing};
use store::{StoreError, Tx, checkpoints};

use super::judge::{Failure, Health, judge};
use super::ledger::{Entry, clear_failure, note_failure};
use super::plan::{self, Plan};
use crate::context::Context;
use crate::convert;
use crate::error::{Doing, EngineError, is_unreached};
use crate::progress::Stage;

/// The directories, in the order they are fetched.
const KINDS: [Kind; 7] = [
    Kind::Meetings,
    Kind::Users,
    Kind::Teams,
    Kind::Playbooks,
    Kind::LandingPages,
    Kind::ContactAttributes,
    Kind::Accounts,
];

/// One directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Meetings,
    Users,
    Teams,
    Playbooks,
    LandingPages,
    ContactAttributes,
    Accounts,
}

impl Kind {
    /// The word of the tables.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Meetings => "meetings",
            Self::Users => "users",
            Self::Teams => "teams",
            Self::Playbooks => "playbooks",
            Self::LandingPages => "landing_pages",
            Self::ContactAttributes => "contact_attributes",
            Self::Accounts => "accounts",
        }
    }
}

/// The directories' words, for the certificate.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().map(Kind::word)
}

/// What the API said there is before the archive began.
pub(crate) struct Before {
    pub(crate) conversations: Option<u64>,
}

/// The token's scopes, as the API tells; empty where it does not tell.
pub(crate) async fn scopes(ctx: &Context) -> Result<Vec<String>, EngineError> {
    const DOING: &str = "ask what the token may do";
    match ctx.drift.token_info().await {
        Ok(info) => Ok(info.scopes().map(str::to_owned).collect()),
        Err(error) if is_unreached(&error) => Err(EngineError::Unreachable { doing: DOING, source: error }),
        Err(error) => judge(ctx, &Health::default(), DOING, error).map(|_| Vec::new()),
    }
}

/// Ask how many conversations there are.
pub(crate) async fn ask_what_there_is(ctx: &Context, plan: &Plan) -> Result<Before, EngineError> {
    Ok(Before { conversations: stats(ctx, plan).await?.map(|counts| counts.values().sum()) })
}

/// The number of conversations by status, as `/conversations/stats` has it; `None` where it does not answer.
pub(crate) async fn stats(ctx: &Context, plan: &Plan) -> Result<Option<BTreeMap<String, u64>>, EngineError> {
    let entry = match ctx.drift.conversation_stats().await {
        Ok(stats) => Entry { said: stats.counts.clone(), done: true, ..Entry::default() },
        Err(error) => {
            Entry::failed(&judge(ctx, &Health::default(), "ask for the number of conversations", error)?)
        }
    };
    entry.save_alone(ctx, &plan.run_id, "stats").await?;
    Ok((entry.refused.is_none() && entry.reason.is_none()).then_some(entry.said))
}

/// Fetch the directories that this run has not fetched.
pub(crate) async fn fetch(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    ctx.progress.stage(Stage::Directories, Some(KINDS.len() as u64), &*ctx.clock);
    for kind in KINDS {
        if ctx.stop.is_set() {
            return Err(EngineError::Stopped);
        }
        if !Entry::load(&ctx.db, &plan.run_id, kind.word()).await?.done {
            match kind {
                Kind::Accounts => accounts(ctx, plan).await?,
                kind => whole(ctx, plan, kind).await?,
            }
        }
        ctx.progress.add(1, 0, &*ctx.clock);
    }
    Ok(())
}

/// The rows of one directory.
enum Rows {
    Meetings(Vec<Meeting>),
    Users(Vec<User>),
    Teams(Vec<Team>),
    Playbooks(Vec<Playbook>),
    LandingPages(Vec<LandingPage>),
    ContactAttributes(Vec<ContactAttribute>),
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Meetings(rows) => rows.len(),
            Self::Users(rows) => rows.len(),
            Self::Teams(rows) => rows.len(),
            Self::Playbooks(rows) => rows.len(),
            Self::LandingPages(rows) => rows.len(),
            Self::ContactAttributes(rows) => rows.len(),
        }
    }

    async fn apply(&self, ctx: &Context, tx: &mut Tx) -> Result<(), StoreError> {
        let (org, now) = (ctx.org, ctx.clock.now());
        match self {
            Self::Meetings(rows) => directory::apply_meetings(tx, org, rows, now).await?,
            Self::Users(rows) => directory::apply_users(tx, org, rows, Listing::Complete, now).await?,
            Self::Teams(rows) => directory::apply_teams(tx, org, rows, Listing::Complete, now).await?,
            Self::Playbooks(rows) => {
                directory::apply_playbooks(tx, org, rows, Listing::Complete, now).await?
            }
            Self::LandingPages(rows) => {
                directory::apply_landing_pages(tx, org, rows, Listing::Complete, now).await?
            }
            Self::ContactAttributes(rows) => {
                directory::apply_contact_attributes(tx, org, rows, Listing::Complete, now).await?
            }
        };
        Ok(())
    }
}

fn convert_all<W, R>(rows: Vec<W>, convert: fn(W) -> R) -> Vec<R> {
    rows.into_iter().map(convert).collect()
}

async fn read(ctx: &Context, kind: Kind) -> Result<Rows, drift::Error> {
    Ok(match kind {
        Kind::Meetings => Rows::Meetings(convert_all(
            convert::all_meetings(&ctx.drift, ctx.clock.now()).await?,
            convert::meeting,
        )),
        Kind::Users => Rows::Users(convert_all(ctx.drift.users().await?, convert::user)),
        Kind::Teams => Rows::Teams(convert_all(ctx.drift.teams().await?, convert::team)),
        Kind::Playbooks => Rows::Playbooks(convert_all(ctx.drift.playbooks().await?, convert::playbook)),
        Kind::LandingPages => {
            Rows::LandingPages(convert_all(ctx.drift.landing_pages().await?, convert::landing_page))
        }
        Kind::ContactAttributes | Kind::Accounts => Rows::ContactAttributes(convert_all(
            ctx.drift.contact_attributes().await?,
            convert::contact_attribute,
        )),
    })
}

/// A directory that comes in one answer.
async fn whole(ctx: &Context, plan: &Plan, kind: Kind) -> Result<(), EngineError> {
    let word = kind.word();
    let outcome = read(ctx, kind).await;
    let mut tx = ctx.db.begin().await.doing("store a directory")?;
    let entry = match outcome {
        Ok(rows) => {
            rows.apply(ctx, &mut tx).await.doing("store a directory")?;
            clear_failure(ctx, &mut tx, word, "list").await?;
            Entry::read(rows.len() as u64, "list")
        }
        Err(error) => failed(ctx, &mut tx, word, error).await?,
    };
    entry.save(&mut tx, &plan.run_id, word).await?;
    plan.save_calls(ctx, &mut tx).await?;
    tx.commit().await.doing("store a directory")
}

async fn failed(
    ctx: &Context,
    tx: &mut Tx,
    word: &'static str,
    error: drift::Error,
) -> Result<Entry, EngineError> {
    let failure = judge(ctx, &Health::default(), "read a directory", error)?;
    if matches!(failure, Failure::Failed { .. }) {
        note_failure(ctx, tx, word, "list", &failure, ctx.clock.now()).await?;
    }
    Ok(Entry::failed(&failure))
}

/// Accounts come in pages; each page and its checkpoint are one transaction.
async fn accounts(ctx: &Context, plan: &Plan) -> Result<(), EngineError> {
    let word = Kind::Accounts.word();
    let mut pages = ctx.drift.accounts();
    let found =
        checkpoints::load(&ctx.db, &plan.run_id, "pages:accounts").await.doing("read the checkpoint")?;
    if let Some(token) = found.and_then(|checkpoint| checkpoint.token).and_then(|token| token.parse().ok()) {
        pages = pages.resume(token);
    }
    let mut entry = Entry::load(&ctx.db, &plan.run_id, word).await?;
    loop {
        let outcome = pages.next_page().await;
        let mut tx = ctx.db.begin().await.doing("store accounts")?;
        let next = match outcome {
            Ok(Some(page)) => {
                let rows: Vec<Account> = convert_all(page.items, convert::account);
                let now = ctx.clock.now();
                directory::apply_accounts(&mut tx, ctx.org, &rows, Listing::Partial, now)
                    .await
                    .doing("store accounts")?;
                entry.fetched += rows.len() as u64;
                entry.said.insert("list".to_owned(), entry.fetched);
                page.next
            }
            Ok(None) => None,
            Err(error) => {
                entry = failed(ctx, &mut tx, word, error).await?;
                None
            }
        };
        entry.done = next.is_none();
        entry.save(&mut tx, &plan.run_id, word).await?;
        plan::save(&mut tx, &plan.run_id, "pages:accounts", next.as_ref(), entry.done, &entry.fetched)
            .await?;
        plan.save_calls(ctx, &mut tx).await?;
        tx.commit().await.doing("store accounts")?;
        if entry.done {
            return Ok(());
        }
    }
}
