//! A run of the engine as a command starts it: its client, its bounds, its progress on the screen.

use std::sync::Arc;

use drift::Priority;
use engine::progress::Progress;
use engine::{CallCounter, Context, Limits};
use model::{Millis, OrgId};
use store::Db;

use crate::app::App;
use crate::config::Config;
use crate::failure::Failure;
use crate::network::{self, Patience};
use crate::output::progress::Painter;

/// What a run is given, and what is drawn of it.
pub(crate) struct Work {
    pub(crate) ctx: Context,
    painter: Painter,
    began: Millis,
}

impl Work {
    /// Open the organization's connection and begin to draw.
    pub(crate) async fn begin(app: &App, db: &Db, org: OrgId, priority: Priority) -> Result<Self, Failure> {
        let calls = Arc::new(CallCounter::default());
        let connections = network::connections(app, db, Patience::Run, Some(calls.clone())).await?;
        let opened = connections.open(Some(org)).await?;
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
        Ok(Self { ctx, painter: Painter::begin(app.output, view, app.clock.clone()), began: app.clock.now() })
    }

    /// Take the progress away; gives the milliseconds since the beginning.
    pub(crate) fn end(self) -> i64 {
        self.painter.finish();
        self.ctx.clock.now().since(self.began)
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
