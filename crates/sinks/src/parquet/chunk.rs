//! One column of a row group, encoded in memory while its rows come.
//!
//! The library writes the columns of a row group one after the other into the file. Encoded on their own they can take rows as they
//! are read, all at once, and the file gets them when the group is full.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use ::parquet::column::writer::{ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer};
use ::parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterPropertiesPtr;
use ::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use ::parquet::schema::types::ColumnDescPtr;
use bytes::Bytes;

/// A column being encoded.
pub(super) struct Chunk {
    writer: ColumnWriter<'static>,
    encoded: Memory,
}

impl Chunk {
    /// Of no rows yet.
    pub(super) fn begin(column: ColumnDescPtr, properties: WriterPropertiesPtr) -> Self {
        let encoded = Memory::default();
        let pages = Pages(TrackedWrite::new(encoded.clone()));
        Self { writer: get_column_writer(column, properties, Box::new(pages)), encoded }
    }

    /// What takes its values.
    pub(super) fn writer(&mut self) -> &mut ColumnWriter<'static> {
        &mut self.writer
    }

    /// Its bytes, and what the file is to say of them.
    pub(super) fn end(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let closed = self.writer.close()?;
        Ok((self.encoded.take().into(), closed))
    }
}

/// Pages go one after the other into memory.
struct Pages(TrackedWrite<Memory>);

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        SerializedPageWriter::new(&mut self.0).write_page(page)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(self.0.flush()?)
    }
}

/// Memory that the writer fills and the chunk takes.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A kind of value that our columns have, and the writer for it.
pub(super) trait Typed: DataType + Sized {
    /// The writer, of a column of this kind.
    fn of<'a, 'w>(
        writer: &'a mut ColumnWriter<'w>,
    ) -> Result<&'a mut ColumnWriterImpl<'w, Self>, ParquetError>;
}

macro_rules! typed {
    ($($kind:ty => $variant:ident),*) => {
        $(impl Typed for $kind {
            fn of<'a, 'w>(
                writer: &'a mut ColumnWriter<'w>,
            ) -> Result<&'a mut ColumnWriterImpl<'w, Self>, ParquetError> {
                match writer {
                    ColumnWriter::$variant(writer) => Ok(writer),
                    _ => Err(ParquetError::General("a column of another kind".into())),
                }
            }
        })*
    };
}

typed! {
    BoolType => BoolColumnWriter,
    ByteArrayType => ByteArrayColumnWriter,
    DoubleType => DoubleColumnWriter,
    Int64Type => Int64ColumnWriter
}
