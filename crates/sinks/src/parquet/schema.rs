//! A table's columns as Parquet's.

use std::sync::Arc;

use ::parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::schema::printer::print_schema;
use ::parquet::schema::types::{Type, TypePtr};
use store::tables::{Column, ColumnKind, Table};

/// The schema of a table's files: all its columns but the organization, which is in the path.
///
/// # Panics
/// Never: the list of tables is held to this by a test.
#[must_use]
pub fn schema(table: &Table) -> TypePtr {
    let fields = columns(table).iter().map(field).collect();
    let group = Type::group_type_builder(table.name).with_fields(fields).build();
    Arc::new(group.expect("a list of named columns is a schema"))
}

/// The schema as Parquet's tools print it.
#[must_use]
pub fn text(table: &Table) -> String {
    let mut text = Vec::new();
    print_schema(&mut text, &schema(table));
    String::from_utf8_lossy(&text).into_owned()
}

/// The columns that are in the files.
pub(super) fn columns(table: &Table) -> &'static [Column] {
    &table.columns[1..]
}

fn field(column: &Column) -> TypePtr {
    let (physical, logical) = match column.kind {
        ColumnKind::Integer => (Physical::INT64, None),
        ColumnKind::Instant => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        ColumnKind::Flag => (Physical::BOOLEAN, None),
        ColumnKind::Real => (Physical::DOUBLE, None),
        ColumnKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnKind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        ColumnKind::Bytes => (Physical::BYTE_ARRAY, None),
    };
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let built = Type::primitive_type_builder(column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build();
    Arc::new(built.expect("each kind has its type"))
}

#[cfg(test)]
mod tests {
    use store::tables::TABLES;

    use super::*;

    #[test]
    fn every_table_has_a_schema_of_its_columns() {
        for table in TABLES {
            let schema = schema(table);
            let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
            let expected: Vec<&str> = table.columns.iter().skip(1).map(|column| column.name).collect();
            assert_eq!(names, expected, "{}", table.name);
            for (field, column) in schema.get_fields().iter().zip(columns(table)) {
                assert_eq!(field.is_optional(), column.nullable, "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn the_schema_of_messages_reads_as_it_should() {
        insta::assert_snapshot!(text(store::tables::table("messages").unwrap()));
    }
}
