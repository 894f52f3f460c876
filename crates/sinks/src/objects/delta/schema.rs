//! What a table is called in a log: its columns, and those that its folders tell.

use delta_kernel::KernelResult;
use delta_kernel::schema::{DataType, SchemaRef, StructField, StructType};
use store::tables::{Column, ColumnKind, Cut, Table};

/// What folders tell of each row.
pub(super) const ORG: &str = "org_id";
pub(super) const MONTH: &str = "month";

/// The columns that are in paths and not in files.
pub(super) fn partitions(table: &Table) -> &'static [&'static str] {
    match table.cut {
        Cut::Whole => &[ORG],
        Cut::Own(_) | Cut::Conversation => &[ORG, MONTH],
    }
}

/// The schema of a table. Every column may be null, as far as the log says: a reader need not check what the sink has.
pub(super) fn schema(table: &Table) -> KernelResult<SchemaRef> {
    let columns = table.columns.iter().map(|column| StructField::nullable(column.name, kind(column)));
    let month = partitions(table).contains(&MONTH).then(|| StructField::nullable(MONTH, DataType::STRING));
    Ok(StructType::try_new(columns.chain(month))?.into())
}

fn kind(column: &Column) -> DataType {
    match column.kind {
        ColumnKind::Integer => DataType::LONG,
        ColumnKind::Instant => DataType::TIMESTAMP,
        ColumnKind::Flag => DataType::BOOLEAN,
        ColumnKind::Real => DataType::DOUBLE,
        ColumnKind::Text | ColumnKind::Json => DataType::STRING,
        ColumnKind::Bytes => DataType::BINARY,
    }
}
