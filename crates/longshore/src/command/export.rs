//! `longshore export`: the archive as files that any program reads.

use std::path::PathBuf;

use clap::ValueEnum;
use model::OrgId;
use serde::Serialize;
use sinks::format::Formulas;
use sinks::{ExportOptions, ExportReport, Format};
use store::Db;

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, duration, size, table};
use crate::summary::{number, seconds};
use crate::who;

/// Write the tables, transcripts and attachments as files
///
/// Drift is not asked: the export works from the database alone. Running it again replaces the files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Format of the tables
    #[arg(long, value_enum)]
    format: FormatFlag,
    /// Folder to write into; made if need be
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Leave the transcripts (text, HTML and Markdown) out
    #[arg(long)]
    no_transcripts: bool,
    /// Leave the attachments' files out
    #[arg(long)]
    no_attachments: bool,
    /// What CSV does with texts that a spreadsheet would run
    #[arg(long, value_enum, default_value_t = FormulasFlag::Keep)]
    formulas: FormulasFlag,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatFlag {
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header row
    Csv,
    /// Parquet, compressed with zstd, a file for each month
    Parquet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormulasFlag {
    /// Write them as they are
    Keep,
    /// Put a ' before them
    Defuse,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    export: ExportReport,
    format: &'static str,
    seconds: f64,
    database: String,
}

/// Export.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let format = match args.format {
        FormatFlag::Ndjson => Format::Ndjson,
        FormatFlag::Csv => Format::Csv,
        FormatFlag::Parquet => Format::Parquet,
    };
    let formulas = match args.formulas {
        FormulasFlag::Keep => Formulas::Keep,
        FormulasFlag::Defuse => Formulas::Defuse,
    };
    let options = ExportOptions {
        format,
        formulas,
        dir: args.to,
        transcripts: !args.no_transcripts,
        attachments: !args.no_attachments,
        who: who::command(),
    };
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let export = write(app, &db, org, &options).await?;
    db.close().await;
    let elapsed_ms = export.finished_at.since(export.started_at);
    let report = Report {
        export,
        format: format.name(),
        seconds: seconds(elapsed_ms),
        database: app.config.database.to_string(),
    };
    app.output.report(Exit::Done, &report, &text(&report.export, elapsed_ms))
}

/// Export, and stop on request: what is half-written is removed by the next export.
pub(crate) async fn write(
    app: &App,
    db: &Db,
    org: OrgId,
    options: &ExportOptions,
) -> Result<ExportReport, Failure> {
    let export = sinks::export(db, org, options, app.clock.as_ref(), app.entropy.as_ref(), |_| {});
    tokio::select! {
        report = export => Ok(report?),
        () = app.interrupt.asked() => {
            Err(Failure::interrupted("stopped while exporting").hint("run the same command again: it begins anew"))
        }
    }
}

fn text(export: &ExportReport, elapsed_ms: i64) -> String {
    let columns =
        [Column::Text("table"), Column::Number("files"), Column::Number("rows"), Column::Number("size")];
    let rows = export.tables.chunk_by(|one, next| one.table == next.table).map(|files| {
        let rows = files.iter().map(|file| file.rows).sum();
        let bytes = files.iter().map(|file| file.bytes).sum();
        vec![files[0].table.clone(), number(files.len() as u64), number(rows), size(bytes)]
    });
    let mut text = table(&columns, rows.collect());
    text += &format!(
        "\n{} rows, {} transcripts, {} attachments; {} in {}, written to {}\n",
        number(export.rows),
        number(export.transcripts),
        number(export.attachments),
        size(export.bytes),
        duration(elapsed_ms),
        export.dir.display()
    );
    if export.attachments_missing > 0 {
        text += &format!("{} attachments have no bytes in the archive\n", number(export.attachments_missing));
    }
    text
}
