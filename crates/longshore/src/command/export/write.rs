//! `longshore export` itself: write, and say what was written.

use std::path::PathBuf;

use clap::ValueEnum;
use model::OrgId;
use serde::Serialize;
use sinks::destination::DELTA;
use sinks::format::{Compression, Formulas};
use sinks::mask::Mode;
use sinks::objects::ObjectAddress;
use sinks::postgres::PostgresAddress;
use sinks::{Begin, Destination, ExportOptions, ExportReport, Exporter, Format, SinkError};
use store::Db;
use store::mask_keys::{self, MaskKey};

use super::choice::Choice;
use super::objects;
use super::progress::Painter;
use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::output::table::{Column, duration, size, table};
use crate::signing;
use crate::summary::{number, seconds};
use crate::who;

/// What to export, and where to.
#[derive(Debug, clap::Args)]
#[group(id = "write")]
pub(super) struct Args {
    /// Format of the tables; an address of a database says it itself
    #[arg(long, value_enum)]
    format: Option<FormatFlag>,
    /// Where to: a folder, made if need be; the file, with --format sqlite; postgres://USER@HOST/DATABASE;
    /// or an object store, s3://BUCKET/PREFIX, gs://…, az://…
    #[arg(long, value_name = "DESTINATION", required = true)]
    to: Option<PathBuf>,
    /// The schema in the PostgreSQL database, made if need be [default: longshore]
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// A file with the PostgreSQL user's password; PGPASSWORD and .pgpass serve as well
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) store: objects::Args,
    /// Leave the transcripts (text, HTML and Markdown) out; they only come with --mask none
    #[arg(long)]
    no_transcripts: bool,
    /// Leave the attachments' files out; they only come with --mask none
    #[arg(long)]
    no_attachments: bool,
    /// How files of NDJSON and CSV are compressed; Parquet is
    #[arg(long, value_enum, default_value_t = CompressFlag::None)]
    compress: CompressFlag,
    /// What CSV does with texts that a spreadsheet would run
    #[arg(long, value_enum, default_value_t = FormulasFlag::Keep)]
    formulas: FormulasFlag,
    /// Write only what has changed since the last export to the same place, tables alone; everything the first time
    #[arg(long)]
    incremental: bool,
    /// Begin anew, also when an export to the same place was stopped half-way and could go on
    #[arg(long)]
    pub(super) anew: bool,
    #[command(flatten)]
    pub(super) choice: Choice,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatFlag {
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header row
    Csv,
    /// Parquet, compressed with zstd, a file for each month
    Parquet,
    /// Parquet in an object store, with a Delta log beside each table
    Delta,
    /// One SQLite file
    Sqlite,
    /// Tables in a PostgreSQL database
    Postgres,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompressFlag {
    /// As they are
    None,
    /// Each as a whole with gzip: messages.csv.gz
    Gzip,
    /// Each as a whole with zstd: messages.csv.zst
    Zstd,
}

impl From<CompressFlag> for Compression {
    fn from(flag: CompressFlag) -> Self {
        match flag {
            CompressFlag::None => Self::None,
            CompressFlag::Gzip => Self::Gzip,
            CompressFlag::Zstd => Self::Zstd,
        }
    }
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
    let keep = args.choice.keep_months;
    let mut options = options(app, args)?;
    if let Some(months) = keep {
        options.selection = options.selection.keeping(months, app.clock.now());
    }
    let db = database::open(app, Missing::Refuse).await?;
    let org = database::organization(app, &db).await?;
    let exit = told(app, &db, org, &options).await?;
    db.close().await;
    Ok(exit)
}

/// What was asked for; which months are kept comes on top when a run begins.
pub(super) fn options(app: &App, args: Args) -> Result<ExportOptions, Failure> {
    let destination = destination(app, &args)?;
    let has_files = destination.has_files() && args.choice.is_unmasked() && !args.incremental;
    Ok(ExportOptions {
        transcripts: has_files && !args.no_transcripts,
        attachments: has_files && !args.no_attachments,
        reason: args.choice.reason.clone(),
        selection: args.choice.selection(app.clock.now()),
        incremental: args.incremental,
        begin: if args.anew { Begin::Anew } else { Begin::GoOn },
        who: who::command(),
        destination,
    })
}

fn destination(app: &App, args: &Args) -> Result<Destination, Failure> {
    let formulas = match args.formulas {
        FormulasFlag::Keep => Formulas::Keep,
        FormulasFlag::Defuse => Formulas::Defuse,
    };
    let to = args.to.as_ref().ok_or_else(|| {
        Failure::usage("it is not said where to export to")
            .hint("for example \"longshore export --format parquet --to DIR\"")
    })?;
    let address = to.to_str().filter(|to| PostgresAddress::is_one(to));
    let bucket = to.to_str().filter(|to| ObjectAddress::is_one(to));
    let compression = args.compress.into();
    if compression != Compression::None && !matches!(args.format, Some(FormatFlag::Ndjson | FormatFlag::Csv))
    {
        return Err(Failure::usage("only NDJSON and CSV are compressed as they are told")
            .hint("leave --compress out: Parquet is compressed, and a database sees to that itself"));
    }
    let reach = |address| objects::bucket(app, address, args.store.endpoint.as_ref());
    let files = |format: Format| match bucket {
        Some(bucket) => Destination::parse_reaching(bucket, format.name(), formulas, &reach)
            .map(|destination| destination.compressed(compression))
            .map_err(Failure::from),
        None => Ok(Destination::folder(to.clone(), format, formulas).compressed(compression)),
    };
    match (args.format, address) {
        (None | Some(FormatFlag::Postgres), Some(address)) => {
            let mut address =
                PostgresAddress::parse(address, args.schema.as_deref()).map_err(SinkError::from)?;
            if let Some(file) = &args.password_file {
                address = address.or_password(input::secret_from_file(file, "password")?);
            }
            Ok(Destination::Postgres { address })
        }
        (Some(FormatFlag::Postgres), None) => Err(Failure::usage("--format postgres goes to a database")
            .hint("for example --to postgres://user@host:5432/database --schema drift")),
        (Some(_), Some(_)) => {
            Err(Failure::usage("an address of a PostgreSQL database takes no other format")
                .hint("leave --format out"))
        }
        (None, None) => Err(Failure::usage("it is not said in which format")
            .hint("give --format ndjson, csv, parquet, delta or sqlite, or the address of a database")),
        (Some(FormatFlag::Sqlite), None) if bucket.is_some() => {
            Err(Failure::usage("an object store takes no SQLite file")
                .hint("give --format ndjson, csv, parquet or delta"))
        }
        (Some(FormatFlag::Sqlite), None) => Ok(Destination::sqlite(to.clone())),
        (Some(FormatFlag::Ndjson), None) => files(Format::Ndjson),
        (Some(FormatFlag::Csv), None) => files(Format::Csv),
        (Some(FormatFlag::Parquet), None) => files(Format::Parquet),
        (Some(FormatFlag::Delta), None) => {
            Ok(Destination::parse_reaching(&to.to_string_lossy(), DELTA, formulas, &reach)?)
        }
    }
}

/// Export, and say what was written.
pub(super) async fn told(app: &App, db: &Db, org: OrgId, options: &ExportOptions) -> Result<Exit, Failure> {
    let export = write(app, db, org, options).await?;
    let elapsed_ms = export.committed_at.since(export.taken_up_at);
    let report = Report {
        format: options.destination.format(),
        seconds: seconds(elapsed_ms),
        proof_seconds: seconds(export.proved_at.since(export.committed_at)),
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
    let mask_key = mask_key(app, db, org, options.selection.mask).await?;
    let exporter = Exporter {
        db,
        org,
        clock: app.clock.as_ref(),
        entropy: app.entropy.as_ref(),
        signer: signer.as_ref(),
        mask_key: mask_key.as_ref(),
    };
    let mut painter = Painter::begin(app);
    let told = |now| painter.told(now);
    Ok(sinks::export(&exporter, options, app.interrupt.asked(), told).await?)
}

/// What pseudonyms are made with, where there are to be some.
pub(super) async fn mask_key(app: &App, db: &Db, org: OrgId, mode: Mode) -> Result<Option<MaskKey>, Failure> {
    if mode == Mode::None {
        return Ok(None);
    }
    let vault = database::vault(app, db).await?;
    let key = mask_keys::mask_key(db, &vault, org, app.clock.now()).await;
    key.map(Some).map_err(|error| Failure::store("open the key for masks of", &app.config.database, &error))
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
    if export.incremental {
        let (parts, bytes) = (number(export.parts_written), size(export.bytes_written));
        text += &format!("only what had changed was written: {parts} files, {bytes}\n");
    }
    if let Some(why) = export.everything {
        text += &format!("everything was written: {}\n", sentence(why));
    }
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

/// Why everything was written where only changes were asked for.
fn sentence(why: &str) -> &'static str {
    match why {
        "first" => "no earlier export to this place is known",
        "version" => "the tables have another version since the last export",
        "options" => "the last export was made with other options",
        _ => "what lies there is not what the last export left",
    }
}
