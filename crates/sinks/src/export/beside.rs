//! What lies beside the tables: attachments, transcripts and their list, in a folder or in a bucket.

use std::io::Write;
use std::sync::Arc;

use crate::SinkError;
use crate::blocking::blocking;
use crate::destination::Target;
use crate::export::files::FileList;
use crate::export::{ExportOptions, ExportProgress, Exporter, Run, attachments, transcripts};
use crate::files::{Extras, FileSink, FolderTrees, entry};
use crate::format::Format;
use crate::objects::ObjectSink;
use crate::sink::Plan;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) listed_bytes: u64,
    pub(super) transcripts: u64,
    pub(super) attachments: u64,
    pub(super) attachments_missing: u64,
}

/// Who is told of progress.
type Told<'a> = &'a mut (dyn FnMut(ExportProgress) + Send);

/// Write what was asked for, where the target has room for it.
pub(super) async fn write(
    exporter: &Exporter<'_>,
    plan: &Plan,
    options: &ExportOptions,
    (target, progress): (&mut Target, Told<'_>),
) -> Result<Beside, SinkError> {
    match target {
        Target::Files(sink) => into_folder(exporter, plan, options, (sink, progress)).await,
        Target::Objects(sink) if options.transcripts || options.attachments => {
            into_bucket(exporter, plan, options, (sink, progress)).await
        }
        Target::Objects(_) | Target::Sqlite(_) | Target::Postgres(_) => Ok(Beside::default()),
    }
}

async fn into_folder(
    exporter: &Exporter<'_>,
    plan: &Plan,
    options: &ExportOptions,
    (sink, progress): (&mut FileSink, Told<'_>),
) -> Result<Beside, SinkError> {
    let directory = sink.directory().expect("the sink was checked").clone();
    let trees = [("attachments", options.attachments), ("transcripts", options.transcripts)];
    let trees: Vec<&str> = trees.into_iter().filter(|(_, asked)| *asked).map(|(tree, _)| tree).collect();
    let (begun, names) = (directory.clone(), trees.clone());
    let list = blocking(&directory, "directory", move || {
        // One that gets no file is there all the same.
        names.iter().try_for_each(|tree| begun.begin_tree(tree).map(drop))?;
        FileList::begin(begun.root())
    })
    .await?;
    let run = Run {
        db: exporter.db,
        org: plan.org,
        trees: Arc::new(FolderTrees::new(directory.clone())),
        progress,
    };
    let (list, beside) = fill(run, options, list).await?;
    let (whole, listed) = blocking(&directory, "directory", move || list.finish()).await?;
    sink.add(Extras { list: Some((entry("files", Format::Ndjson, &whole, listed), whole)), trees });
    Ok(beside)
}

async fn into_bucket(
    exporter: &Exporter<'_>,
    plan: &Plan,
    options: &ExportOptions,
    (sink, progress): (&mut ObjectSink, Told<'_>),
) -> Result<Beside, SinkError> {
    let (trees, list) = sink.begin_files();
    let run = Run { db: exporter.db, org: plan.org, trees, progress };
    match sink.keeping(fill(run, options, list)).await {
        Ok((list, beside)) => sink.end_files(list).await.map(|()| beside),
        Err(error) => Err(sink.fail_files(error).await),
    }
}

/// Write attachments and transcripts, and list them.
async fn fill<W: Write + Send + 'static>(
    mut run: Run<'_>,
    options: &ExportOptions,
    mut list: FileList<W>,
) -> Result<(FileList<W>, Beside), SinkError> {
    let mut attachments = attachments::Outcome::default();
    if options.attachments {
        (list, attachments) = attachments::write(&mut run, list).await?;
    }
    let mut beside = Beside {
        attachments: attachments.written,
        attachments_missing: attachments.missing,
        ..Beside::default()
    };
    if options.transcripts {
        (list, beside.transcripts) = transcripts::write(&mut run, list, attachments).await?;
    }
    beside.listed_bytes = list.listed_bytes();
    Ok((list, beside))
}
