//! A run of the engine as a command starts it: its client, its bounds, its progress on the screen.

use std::sync::Arc;

use drift::Priority;
use engine::calls::CallBook;
use engine::progress::Progress;
use engine::{CallCounter, Context, Limits, use_watch};
use model::{Clock, Millis, OrgId};
use store::{Db, StoreError};
use telemetry::Metrics;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::Config;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::output::progress::Painter;

/// How often counted calls are written down, in milliseconds.
const FLUSH_MS: u64 = 10_000;

/// What a run is given, and what is drawn of it.
pub(crate) struct Work {
    pub(crate) ctx: Context,
    painter: Painter,
    began: Millis,
    book: Book,
}

/// The calls of the run, counted for its grant.
struct Book {
    calls: Arc<CallBook>,
    /// Held while counts are written, so that none is lost when the writer is ended.
    writing: Arc<Mutex<()>>,
    writer: JoinHandle<()>,
    watching: use_watch::WatchOptions,
}

impl Work {
    /// Open the organization's connection and begin to draw.
    pub(crate) async fn begin(app: &App, db: &Db, org: OrgId, priority: Priority) -> Result<Self, Failure> {
        let calls = Arc::new(CallCounter::default());
        let connections = network::connections(app, db, Patience::Run, Some(calls.clone())).await?;
        let counted = Arc::new(CallBook::new(Arc::new(Metrics::new())));
        let opened = connections.open_counted(org, &counted).await?;
        let (progress, view) = Progress::new();
        let limits = limits(&app.config);
        let ctx = Context {
            db: db.clone(),
            drift: opened.client.at(priority),
            org,
            clock: app.clock.clone(),
            entropy: app.entropy.clone(),
            progress,
            calls,
            limits,
            stop: app.interrupt.stop(),
        };
        let writing = Arc::new(Mutex::new(()));
        let held = (Arc::clone(&counted), Arc::clone(&writing));
        let writer = tokio::spawn(write(held, db.clone(), app.clock.clone()));
        let book = Book { calls: counted, writing, writer, watching: app.config.watching };
        let painter = Painter::begin(app.output, view, app.clock.clone());
        Ok(Self { ctx, painter, began: app.clock.now(), book })
    }

    /// Take the progress away, and write down what was called; gives the milliseconds since the beginning.
    pub(crate) async fn end(self) -> i64 {
        self.painter.finish();
        let elapsed_ms = self.ctx.clock.now().since(self.began);
        if let Err(error) = self.book.close(&self.ctx.db, self.ctx.clock.now()).await {
            tracing::warn!(error = %error, "What was called could not be written down");
        }
        elapsed_ms
    }
}

impl Book {
    /// Write down what is left, and look whether it was unusual: there may be no node that does.
    async fn close(&self, db: &Db, now: Millis) -> Result<(), StoreError> {
        let writing = self.writing.lock().await;
        self.writer.abort();
        self.calls.flush(db, now).await?;
        drop(writing);
        for alarm in use_watch::look(db, &self.watching, now).await? {
            tracing::error!(alarm.kind = alarm.kind.as_str(), org.id = %alarm.org, "Unusual use: {}", alarm.message);
        }
        Ok(())
    }
}

async fn write((calls, writing): (Arc<CallBook>, Arc<Mutex<()>>), db: Db, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(FLUSH_MS).await;
        let _held = writing.lock().await;
        if let Err(error) = calls.flush(&db, clock.now()).await {
            tracing::warn!(error = %error, "What was called could not be written down; it is tried again");
        }
    }
}

/// The bounds of a run, as the settings have them.
pub(crate) fn limits(config: &Config) -> Limits {
    Limits {
        concurrency: config.concurrency,
        attachment_bytes_max: config.attachment_bytes_max,
        overlap_ms: config.overlap_ms,
        ..Limits::default()
    }
}
