//! What somebody asks of a run while it works, and how far it has come, told through the store.

use std::sync::Mutex;

use model::RunId;
use store::export_runs;

use crate::SinkError;
use crate::export::{ExportProgress, Exporter};

/// How often the store is looked at, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;

/// How far the run has come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    now: Mutex<Option<ExportProgress>>,
}

impl Watch {
    pub(super) fn note(&self, now: ExportProgress) {
        *self.now.lock().expect("nobody panics with it") = Some(now);
    }

    /// Ready when somebody asked the run to stop, or when the store can no longer be told of it: the reason.
    pub(super) async fn asked(&self, exporter: &Exporter<'_>, run: &RunId) -> SinkError {
        loop {
            exporter.clock.sleep(LOOK_EVERY_MS).await;
            match self.look(exporter, run).await {
                Ok(None) => {}
                Ok(Some(asked)) => return SinkError::Stopped { asked },
                Err(error) => return error,
            }
        }
    }

    async fn look(
        &self,
        exporter: &Exporter<'_>,
        run: &RunId,
    ) -> Result<Option<export_runs::Asked>, SinkError> {
        let now = *self.now.lock().expect("nobody panics with it");
        let checkpoint = serde_json::to_string(&now).expect("progress is JSON");
        let mut tx = exporter.db.begin().await?;
        let asked = export_runs::note(&mut tx, exporter.org, run, &checkpoint).await?;
        tx.commit().await?;
        Ok(asked)
    }
}
