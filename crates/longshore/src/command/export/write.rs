//! `longshore export` itself: write, and say what was written.

use std::path::PathBuf;

use clap::ValueEnum;
use model::OrgId;
use serde::Serialize;
use sinks::format::Formulas;
use sinks::objects::ObjectAddress;
use sinks::{Begin, Destination, ExportOptions, ExportReport, Exporter, Format};
use store::Db;

use super::objects;
use super::progress::Painter;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, duration, size, table};
use crate::signing;
use crate::summary::{number, seconds};
use crate::who;

/// What to export, and where to.
#[derive(Debug, clap::Args)]
#[group(id = "write")]
pub(super) struct Args {
    /// Format of the tables
    #[arg(long, value_enum)]
    format: FormatFlag,
    /// Folder to write into, made if need be; or an object store: s3://BUCKET/PREFIX, gs://…, az://…
    #[arg(long, value_name = "DESTINATION")]
    to: PathBuf,
    #[command(flatten)]
    store: objects::Args,
    /// Leave the transcripts (text, HTML and Markdown) out
    #[arg(long)]
    no_transcripts: bool,
    /// Leave the attachments' files out
    #[arg(long)]
    no_attachments: bool,
    /// What CSV does with texts that a spreadsheet would run
    #[arg(long, value_enum, default_value_t = FormulasFlag::Keep)]
    formulas: FormulasFlag,
    /// Begin anew, also when an export to the same place was stopped half-way and could go on
    #[arg(long)]
    anew: bool,
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
    /// What reading everything back and comparing it took.
    proof_seconds: f64,
    database: String,
}

/// Export.
pub(super) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let format = match args.format {
        FormatFlag::Ndjson => Format::Ndjson,
        FormatFlag::Csv => Format::Csv,
        FormatFlag::Parquet => Format::Parquet,
    };
    let formulas = match args.formulas {
        FormulasFlag::Keep => Formulas::Keep,
        FormulasFlag::Defuse => Formulas::Defuse,
    };
    let destination = match args.to.to_str().filter(|to| ObjectAddress::is_one(to)) {
        Some(address) => Destination::parse_reaching(address, format.name(), formulas, &|address| {
            objects::bucket(app, address, &args.store)
        })?,
        None => Destination::folder(args.to, format, formulas),
    };
    let options = ExportOptions {
        transcripts: !args.no_transcripts && destination.dir().is_some(),
        attachments: !args.no_attachments && destination.dir().is_some(),
        destination,
        begin: if args.anew { Begin::Anew } else { Begin::GoOn },
        who: who::command(),
    };
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let exit = told(app, &db, org, &options).await?;
    db.close().await;
    Ok(exit)
}

/// Export, and say what was written.
pub(super) async fn told(app: &App, db: &Db, org: OrgId, options: &ExportOptions) -> Result<Exit, Failure> {
    let export = write(app, db, org, options).await?;
    let elapsed_ms = export.finished_at.since(export.taken_up_at);
    let report = Report {
        format: options.destination.format(),
        seconds: seconds(elapsed_ms),
        proof_seconds: seconds(export.proved_at.since(export.finished_at)),
        export,
        database: app.config.database.to_string(),
    };
    app.output.report(Exit::Done, &report, &text(&report.export, elapsed_ms))
}

/// Export, and pause on request.
pub(crate) async fn write(
    app: &App,
    db: &Db,
    org: OrgId,
    options: &ExportOptions,
) -> Result<ExportReport, Failure> {
    let signer = signing::signer(app, db).await;
    let exporter = Exporter {
        db,
        org,
        clock: app.clock.as_ref(),
        entropy: app.entropy.as_ref(),
        signer: signer.as_ref(),
    };
    let mut painter = Painter::begin(app);
    let told = |now| painter.told(now);
    Ok(sinks::export(&exporter, options, app.interrupt.asked(), told).await?)
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
        export.destination
    );
    if export.resumed {
        text +=
            &format!("gone on with run {}: {} parts were whole\n", export.run_id, number(export.parts_kept));
    }
    if export.attachments_missing > 0 {
        text += &format!("{} attachments have no bytes in the archive\n", number(export.attachments_missing));
    }
    text += if export.equal {
        "read back: equal to the archive, row by row\n"
    } else {
        "read back: as it was written; the archive has gone on meanwhile\n"
    };
    if !export.signed {
        text += "the manifest is not signed: there is no key\n";
    }
    text
}
