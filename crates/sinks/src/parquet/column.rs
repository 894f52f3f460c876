//! The columns of a row group, encoded by two threads: dictionaries and zstd are most of what a Parquet file costs.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use ::parquet::column::writer::{ColumnCloseResult, ColumnWriter};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use bytes::Bytes;
use store::tables::{Column, Texts, Values};

use crate::parquet::chunk::{Chunk, Typed};

/// Encode the next values of columns.
pub(super) fn encode<'a>(
    columns: impl Iterator<Item = (&'a mut Chunk, Values, &'static Column)>,
) -> Result<(), ParquetError> {
    let mut work: Vec<_> = columns.collect();
    // What takes longest begins first.
    work.sort_by_key(|(_, values, _)| !matches!(values, Values::Texts(_)));
    by_two(work, |(chunk, values, column)| write(chunk.writer(), column, values)).map(drop)
}

/// End columns; answers the bytes of each, in order.
pub(super) fn end(chunks: Vec<Chunk>) -> Result<Vec<(Bytes, ColumnCloseResult)>, ParquetError> {
    by_two(chunks, Chunk::end)
}

/// Do something with each item in two threads, this one and another; the answers are in the order of the items.
fn by_two<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, ParquetError> + Sync,
) -> Result<Vec<R>, ParquetError> {
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let some = || {
        let mut done = Vec::new();
        while let Some((place, item)) = next() {
            done.push((place, work(item)?));
        }
        Ok::<_, ParquetError>(done)
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let other = scope.spawn(some);
        let mut done = some()?;
        done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        Ok::<_, ParquetError>(done)
    })?;
    done.sort_unstable_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, one)| one).collect())
}

/// Write the values of a batch to their column.
fn write(writer: &mut ColumnWriter<'_>, column: &Column, values: Values) -> Result<(), ParquetError> {
    match values {
        Values::Integers(values) => write_some::<Int64Type>(writer, column, values),
        Values::Reals(values) => write_some::<DoubleType>(writer, column, values),
        Values::Flags(values) => write_some::<BoolType>(writer, column, values),
        Values::Texts(texts) => write_texts(writer, column, texts),
        Values::Bytes(values) => {
            let values = values.into_iter().map(|value| value.map(ByteArray::from)).collect();
            write_some::<ByteArrayType>(writer, column, values)
        }
    }
}

fn write_some<T: Typed>(
    writer: &mut ColumnWriter<'_>,
    column: &Column,
    values: Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Option<Vec<i16>> =
        column.nullable.then(|| values.iter().map(|value| i16::from(value.is_some())).collect());
    let rows = values.len();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    if !column.nullable && values.len() < rows {
        return Err(ParquetError::General(format!("{} has a null", column.name)));
    }
    T::of(writer)?.write_batch(&values, levels.as_deref(), None).map(drop)
}

/// Write texts from where they lie.
fn write_texts(writer: &mut ColumnWriter<'_>, column: &Column, texts: Texts) -> Result<(), ParquetError> {
    let (buffer, ends, present) = texts.into_parts();
    let buffer = Bytes::from(buffer);
    let mut begin = 0;
    let mut values = Vec::with_capacity(ends.len());
    for (end, is_present) in ends.iter().zip(&present) {
        if *is_present {
            values.push(ByteArray::from(buffer.slice(begin..*end)));
        }
        begin = *end;
    }
    if !column.nullable && values.len() < ends.len() {
        return Err(ParquetError::General(format!("{} has a null", column.name)));
    }
    let levels: Option<Vec<i16>> =
        column.nullable.then(|| present.iter().map(|is_present| i16::from(*is_present)).collect());
    ByteArrayType::of(writer)?.write_batch(&values, levels.as_deref(), None).map(drop)
}
