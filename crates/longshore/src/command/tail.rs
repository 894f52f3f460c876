//! `longshore tail`: the change feed as lines, to a pipe or a file.
//!
//! Under a name the place in the feed is kept in the database, and moved only after the lines are out: to a file each
//! change goes exactly once, however often this is killed; to a pipe at least once.

mod target;

use std::path::PathBuf;

use model::OrgId;
use sinks::feed;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::changes::{self, Change, ChangeKind, Start};
use store::consumers::{self, Consumer, ConsumerKind, ConsumerState};
use store::wake::Channel;
use store::{Db, StoreError, effects};

use self::target::{Target, Written};
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::feed_start;
use crate::who;

/// Changes read, written and noted at once.
const BATCH: u32 = 500;
/// How long to wait for a bell before looking by oneself, in milliseconds: other processes on SQLite ring none.
const POLL_MS: u64 = 500;
/// Longest name of a consumer, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Print every change of the mirror as a line of JSON, as it comes
///
/// Without a name it begins with the next change and remembers nothing. With --consumer it goes on where it stood.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to begin: a change's number, a time such as 2026-11-22T10:00:00Z or 2h (ago), "beginning" or "now"; under a
    /// name only the first time
    #[arg(long, value_name = "WHERE", value_parser = feed_start::parse, default_value = "now")]
    from: feed_start::From,
    /// Wait for more at the end (the default)
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,
    /// End with the last change there is
    #[arg(long)]
    no_follow: bool,
    /// Keep the place under this name, and go on from it the next time
    #[arg(long, value_name = "NAME", value_parser = name)]
    consumer: Option<String>,
    /// Only changes of this kind; may be given several times
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<ChangeKind>,
    /// Append to this file instead of printing
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected up to {NAME_CHARS_MAX} letters, digits, '-', '_' and '.'"))
    }
}

/// A kind of change, for every command that takes some.
pub(crate) fn kind(text: &str) -> Result<ChangeKind, String> {
    ChangeKind::parse(text).ok_or_else(|| {
        let known: Vec<&str> = ChangeKind::ALL.into_iter().map(ChangeKind::as_str).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Print until the end, or until somebody asks to stop.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let ended = follow(app, &db, org, &args).await;
    db.close().await;
    ended
}

async fn follow(app: &App, db: &Db, org: OrgId, args: &Args) -> Result<Exit, Failure> {
    let mut reader = Reader::begin(app, db, org, args).await?;
    let mut target = None;
    let mut lines = Vec::new();
    loop {
        let rung = db.rung(Channel::Changes);
        let read =
            changes::read(db, org, reader.cursor(), BATCH).await.map_err(|error| failed(app, &error))?;
        if let Some(last) = read.last() {
            render(&mut lines, &read, &args.kind);
            let target = match &mut target {
                Some(target) => target,
                None => {
                    let opened = Target::open(args.to.as_deref(), reader.file_bytes(), &lines)?;
                    // From here on a kill leaves nothing but the beginning of these lines beyond this length.
                    if opened.file_bytes() != reader.file_bytes() {
                        reader.advance(app, db, reader.cursor(), opened.file_bytes()).await?;
                    }
                    target.insert(opened)
                }
            };
            match target.write(&lines)? {
                Written::Out { file_bytes } => reader.advance(app, db, last.seq, file_bytes).await?,
                Written::NobodyReads => return Ok(Exit::Done),
            }
        }
        let ended = u32::try_from(read.len()).is_ok_and(|read| read < BATCH);
        if ended && args.no_follow {
            return Ok(Exit::Done);
        }
        if app.interrupt.is_asked() {
            return Ok(Exit::Interrupted);
        }
        if ended {
            tokio::select! {
                () = rung => {}
                () = app.clock.sleep(POLL_MS) => {}
                () = app.interrupt.asked() => return Ok(Exit::Interrupted),
            }
        }
    }
}

fn render(lines: &mut Vec<u8>, read: &[Change], kinds: &[ChangeKind]) {
    lines.clear();
    for change in read.iter().filter(|change| effects::wanted(kinds, change)) {
        feed::push_line(lines, change);
    }
}

fn failed(app: &App, error: &StoreError) -> Failure {
    Failure::store("read the change feed of", &app.config.database, error)
}

/// Where in the feed it reads.
enum Reader {
    Named(Consumer),
    Nameless(i64),
}

impl Reader {
    async fn begin(app: &App, db: &Db, org: OrgId, args: &Args) -> Result<Self, Failure> {
        let start = args.from.start(app.clock.now());
        let Some(name) = &args.consumer else {
            return Ok(Self::Nameless(position(app, db, org, start).await?));
        };
        if let Some(found) = get(app, db, org, name).await? {
            return Self::known(found);
        }
        let cursor = position(app, db, org, start).await?;
        let registered = async {
            let mut tx = db.begin().await?;
            consumers::register(&mut tx, org, (name, ConsumerKind::Tail), cursor, app.clock.now()).await?;
            let who = who::command();
            let object = Object::new(ObjectKind::Consumer, name.as_str());
            audit::append(
                &mut tx,
                &NewEntry::done(app.clock.now(), &who, Action::ConsumerCreate, object).org(org),
            )?;
            tx.commit().await
        };
        registered.await.map_err(|error| failed(app, &error))?;
        let found = get(app, db, org, name).await?;
        Self::known(found.ok_or_else(|| overtaken(name))?)
    }

    fn known(consumer: Consumer) -> Result<Self, Failure> {
        let name = &consumer.name;
        if consumer.kind != ConsumerKind::Tail {
            return Err(Failure::usage(format!("the consumer {name} is an endpoint's"))
                .hint("choose another name; \"longshore consumers list\" shows those in use"));
        }
        if consumer.state == ConsumerState::Paused {
            return Err(Failure::usage(format!("the consumer {name} is paused"))
                .hint(format!("resume it with \"longshore consumers resume {name}\"")));
        }
        Ok(Self::Named(consumer))
    }

    const fn cursor(&self) -> i64 {
        match self {
            Self::Named(consumer) => consumer.cursor,
            Self::Nameless(cursor) => *cursor,
        }
    }

    fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::Named(consumer) => consumer.file_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            Self::Nameless(_) => None,
        }
    }

    /// Note that everything up to `seq` is out.
    async fn advance(
        &mut self,
        app: &App,
        db: &Db,
        seq: i64,
        file_bytes: Option<u64>,
    ) -> Result<(), Failure> {
        let consumer = match self {
            Self::Named(consumer) => consumer,
            Self::Nameless(cursor) => {
                *cursor = seq;
                return Ok(());
            }
        };
        let file_bytes = file_bytes.and_then(|bytes| i64::try_from(bytes).ok());
        let now = app.clock.now();
        let advanced = async {
            let mut tx = db.begin().await?;
            let moved = consumers::advance(&mut tx, consumer, seq, file_bytes, now).await?;
            tx.commit().await?;
            Ok(moved)
        };
        if !advanced.await.map_err(|error| failed(app, &error))? {
            return Err(overtaken(&consumer.name));
        }
        (consumer.cursor, consumer.file_bytes) = (seq, file_bytes);
        Ok(())
    }
}

fn overtaken(name: &str) -> Failure {
    Failure::new(Exit::Database, format!("the consumer {name} was moved, paused or removed by somebody else"))
        .hint("run one tail for each name; the same command goes on from where the consumer stands now")
}

async fn position(app: &App, db: &Db, org: OrgId, start: Start) -> Result<i64, Failure> {
    changes::position(db, org, start).await.map_err(|error| failed(app, &error))
}

async fn get(app: &App, db: &Db, org: OrgId, name: &str) -> Result<Option<Consumer>, Failure> {
    consumers::get(db, org, name).await.map_err(|error| failed(app, &error))
}
