//! One table's log: what it has, and the commit that brings it to what it is to have.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use delta_kernel::arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int64Array, MapBuilder, MapFieldNames, RecordBatch, StringArray,
    StringBuilder, StructArray,
};
use delta_kernel::arrow::datatypes::{DataType, Field, Fields, Schema};
use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::engine_data::FilteredEngineData;
use delta_kernel::snapshot::SnapshotRef;
use delta_kernel::transaction::create_table::create_table;
use delta_kernel::transaction::data_layout::DataLayout;
use delta_kernel::transaction::{CommitResult, UpdateTableOperation};
use delta_kernel::{EngineData, KernelError, KernelResult, Snapshot};
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder};
use model::{Millis, OrgId};
use store::tables::{self, Table};
use tokio::runtime::Handle;
use url::Url;

use crate::SinkError;
use crate::blocking::joined;
use crate::manifest::Manifest;
use crate::objects::bucket::Bucket;
use crate::objects::delta::schema::{self, MONTH, ORG};
use crate::objects::delta::{folder_of_log, remove};
use crate::objects::place;
use crate::sink::PartFile;

/// Commits after which what a log has come to is written down whole, so that readers need not begin at its beginning.
const CHECKPOINT_EVERY: u64 = 10;
/// Commits that stay before a checkpoint: a reader may have listed them.
const VERSIONS_KEPT: u64 = 2 * CHECKPOINT_EVERY;
/// How often a log is tried that somebody else commits to.
const TRIES_MAX: u32 = 5;
/// Who wrote a commit.
const WRITER: &str = concat!("longshore/", env!("CARGO_PKG_VERSION"));

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brought {
    /// The log has what it is to have.
    Done,
    /// It has, and was written down whole at this version.
    Checkpoint(u64),
    /// It has other columns, and nothing was changed.
    OtherColumns,
    /// Somebody else committed meanwhile, and nothing was changed.
    Overtaken,
}

/// Bring the log of every table to what a manifest names, where they tell all of `told` already; `standing` are the tables that have
/// one.
pub(super) async fn bring_all(
    bucket: &Bucket,
    (manifest, told): (&Manifest, Option<&Manifest>),
    standing: &BTreeSet<String>,
) -> Result<(), SinkError> {
    let named = manifest.tables.iter().map(|part| part.table.clone());
    let all: BTreeSet<String> = named.chain(standing.iter().cloned()).collect();
    for name in &all {
        // A program that cannot write logs may have removed one.
        let is_told = standing.contains(name)
            && told.is_some_and(|told| {
                told.selection == manifest.selection
                    && told.schema_version == manifest.schema_version
                    && files(told, name) == files(manifest, name)
            });
        if !is_told {
            bring_table(bucket, manifest, name, standing.contains(name)).await?;
        }
    }
    Ok(())
}

async fn bring_table(
    bucket: &Bucket,
    manifest: &Manifest,
    name: &str,
    mut has_log: bool,
) -> Result<(), SinkError> {
    for _ in 0..TRIES_MAX {
        match bring(bucket, manifest, name, has_log).await? {
            Brought::Done => return Ok(()),
            Brought::Checkpoint(version) => return forget(bucket, name, version).await,
            Brought::OtherColumns => {
                remove(bucket, name).await?;
                has_log = false;
            }
            // What a run that was given up had begun may still come to its end.
            Brought::Overtaken => has_log = true,
        }
    }
    let reason = "others commit to it again and again".to_owned();
    Err(SinkError::TableLog { place: bucket.place().to_owned(), table: name.to_owned(), reason })
}

/// The objects that a manifest names of a table.
fn files<'a>(manifest: &'a Manifest, table: &str) -> BTreeSet<&'a str> {
    manifest.tables.iter().filter(|part| part.table == table).map(|part| part.file.as_str()).collect()
}

async fn bring(
    bucket: &Bucket,
    manifest: &Manifest,
    name: &str,
    has_log: bool,
) -> Result<Brought, SinkError> {
    let table = tables::table(name).and_then(|table| manifest.selection.narrow(table).ok());
    let Some(table) = table else { return Ok(Brought::Done) };
    let parts: Vec<PartFile> = manifest.tables.iter().filter(|part| part.table == name).cloned().collect();
    let log = Log::of(bucket, table, manifest.org_id);
    let (now, place) = (bucket.clock.now(), bucket.place().to_owned());
    let bring = move || {
        let brought = if has_log { log.update(&parts, now) } else { log.create(&parts, now) };
        brought.map_err(|error| SinkError::TableLog {
            place,
            table: table.name.to_owned(),
            reason: error.to_string(),
        })
    };
    joined(table.name, tokio::task::spawn_blocking(bring)).await
}

/// Remove the commits that a checkpoint has made needless, but for the latest.
async fn forget(bucket: &Bucket, table: &str, checkpoint: u64) -> Result<(), SinkError> {
    let oldest = checkpoint.saturating_sub(VERSIONS_KEPT);
    let is_needless = move |name: &str| version_of(name).is_some_and(|version| version < oldest);
    bucket.delete_below(&folder_of_log(table), is_needless).await?;
    Ok(())
}

/// A table's log, whether there is one or not.
struct Log {
    engine: DefaultEngine<TokioMultiThreadExecutor>,
    root: String,
    /// What names of objects begin with that lie in the table's folder.
    folder: String,
    table: &'static Table,
    org: OrgId,
}

impl Log {
    fn of(bucket: &Bucket, table: &'static Table, org: OrgId) -> Self {
        let folder = format!("{}/{}", place::TABLES, table.name);
        let executor = Arc::new(TokioMultiThreadExecutor::new(Handle::current()));
        let engine = DefaultEngineBuilder::new(bucket.objects()).with_task_executor(executor).build();
        // The kernel takes the path alone; the store knows its bucket.
        let root = format!("s3://bucket/{}/", bucket.path(&folder));
        Self { engine, root, folder: format!("{folder}/"), table, org }
    }

    /// Begin a log with these parts.
    fn create(&self, parts: &[PartFile], now: Millis) -> KernelResult<Brought> {
        if parts.is_empty() {
            return Ok(Brought::Done);
        }
        let mut transaction = create_table(&self.root, schema::schema(self.table)?, WRITER, true)
            .with_data_layout(DataLayout::partitioned(schema::partitions(self.table)))
            .build(&self.engine, Box::new(FileSystemCommitter::new()))?;
        transaction.add_files(self.adds(parts.iter(), now)?);
        match transaction.commit(&self.engine)? {
            CommitResult::Committed(_) => Ok(Brought::Done),
            CommitResult::Conflicted(_) => Ok(Brought::Overtaken),
            CommitResult::Retryable(failed) => Err(failed.error),
        }
    }

    /// Bring the log that is there to these parts.
    fn update(&self, parts: &[PartFile], now: Millis) -> KernelResult<Brought> {
        let root = Url::parse(&self.root).map_err(KernelError::generic_err)?;
        let snapshot = Snapshot::builder_for(root).build(&self.engine)?;
        if snapshot.schema() != schema::schema(self.table)? {
            return Ok(Brought::OtherColumns);
        }
        let mut missing: BTreeMap<&str, &PartFile> =
            parts.iter().map(|part| (self.name(part), part)).collect();
        let gone = self.gone(&snapshot, &mut missing)?;
        if missing.is_empty() && gone.is_empty() {
            return Ok(Brought::Done);
        }
        let mut transaction = snapshot
            .update_table(UpdateTableOperation::Write, WRITER, true)
            .build(&self.engine, Box::new(FileSystemCommitter::new()))?;
        if !missing.is_empty() {
            transaction.add_files(self.adds(missing.into_values(), now)?);
        }
        for files in gone {
            transaction.remove_files(files);
        }
        match transaction.commit(&self.engine)? {
            CommitResult::Committed(done) => self.checkpoint(done.post_commit_snapshot()),
            CommitResult::Conflicted(_) => Ok(Brought::Overtaken),
            CommitResult::Retryable(failed) => Err(failed.error),
        }
    }

    /// What the log has and is not to have; what it has already is taken from `missing`.
    fn gone(
        &self,
        snapshot: &SnapshotRef,
        missing: &mut BTreeMap<&str, &PartFile>,
    ) -> KernelResult<Vec<FilteredEngineData>> {
        let wanted: HashSet<String> = missing.keys().map(|name| (*name).to_owned()).collect();
        let mut gone = Vec::new();
        let scan = snapshot.clone().scan_builder().build()?;
        for found in scan.scan_metadata(&self.engine)? {
            let (data, selected) = found?.scan_files.into_parts();
            let data = ArrowEngineData::try_from_engine_data(data)?;
            let paths =
                data.record_batch().column_by_name("path").and_then(|column| column.as_string_opt::<i32>());
            let paths = paths.ok_or_else(|| KernelError::generic("a log tells no paths"))?;
            let mut removed = vec![false; paths.len()];
            for (row, is_removed) in removed.iter_mut().enumerate() {
                if paths.is_null(row) || !selected.get(row).copied().unwrap_or(true) {
                    continue;
                }
                let path = paths.value(row);
                missing.remove(path);
                *is_removed = !wanted.contains(path);
            }
            if removed.contains(&true) {
                gone.push(FilteredEngineData::try_new(data, removed)?);
            }
        }
        Ok(gone)
    }

    fn checkpoint(&self, snapshot: Option<&SnapshotRef>) -> KernelResult<Brought> {
        match snapshot {
            Some(snapshot) if snapshot.version() % CHECKPOINT_EVERY == 0 => {
                snapshot.checkpoint(&self.engine, None)?;
                Ok(Brought::Checkpoint(snapshot.version()))
            }
            _ => Ok(Brought::Done),
        }
    }

    /// The name of a part's object within the table's folder.
    fn name<'a>(&self, part: &'a PartFile) -> &'a str {
        part.file.strip_prefix(&self.folder).unwrap_or(&part.file)
    }

    /// What a commit says of parts that come.
    fn adds<'a>(
        &self,
        parts: impl Iterator<Item = &'a PartFile>,
        now: Millis,
    ) -> KernelResult<Box<dyn EngineData>> {
        let parts: Vec<&PartFile> = parts.collect();
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let numbers = |value: &dyn Fn(&PartFile) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(parts.iter().map(|part| value(part))))
        };
        let paths = StringArray::from_iter_values(parts.iter().map(|part| self.name(part)));
        let partitions = self.partition_values(&parts)?;
        let rows = Fields::from(vec![Field::new("numRecords", DataType::Int64, true)]);
        let stats = StructArray::new(rows, vec![numbers(&|part| number(part.rows))], None);
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("path", Arc::new(paths), false),
            ("partitionValues", partitions, false),
            ("size", numbers(&|part| number(part.bytes)), false),
            ("modificationTime", numbers(&|_| now.0), false),
            ("stats", Arc::new(stats), true),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, array, nullable)| Field::new(*name, array.data_type().clone(), *nullable))
            .collect();
        let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
        Ok(Box::new(ArrowEngineData::new(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)))
    }

    /// What the folders of parts tell of their rows.
    fn partition_values(&self, parts: &[&PartFile]) -> KernelResult<ArrayRef> {
        let names =
            MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
        let mut map = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
        for part in parts {
            map.keys().append_value(ORG);
            map.values().append_value(self.org.to_string());
            if schema::partitions(self.table).contains(&MONTH) {
                map.keys().append_value(MONTH);
                map.values().append_value(part.period.as_deref().unwrap_or("none"));
            }
            map.append(true)?;
        }
        Ok(Arc::new(map.finish()))
    }
}

/// Which version an object of a log is of.
fn version_of(name: &str) -> Option<u64> {
    let file = name.rsplit('/').next()?;
    file.split('.').next()?.parse().ok()
}
