//! An object read back, by whoever reads files: in windows of a few megabytes, one after the other.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::errors::Result as ParquetResult;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;

use crate::SinkError;
use crate::objects::bucket::Bucket;
use crate::objects::error::ObjectError;

/// Bytes asked for at once.
pub(super) const WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// An object's bytes. Only for threads that may block.
#[derive(Debug, Clone)]
pub(crate) struct ObjectBytes {
    bucket: Bucket,
    name: Arc<str>,
    size: u64,
    runtime: Handle,
    window: Arc<Mutex<(u64, Bytes)>>,
}

impl ObjectBytes {
    /// The bytes of an object of this size; requests are made on this runtime.
    pub(super) fn new(bucket: Bucket, name: &str, size: u64, runtime: Handle) -> Self {
        Self { bucket, name: name.into(), size, runtime, window: Arc::default() }
    }

    /// What is at hand from this position on; nothing at the end.
    fn at(&self, position: u64) -> io::Result<Bytes> {
        if position >= self.size {
            return Ok(Bytes::new());
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, bytes) = &*window;
        if position < *begin || position >= begin + bytes.len() as u64 {
            let range = position..self.size.min(position + WINDOW_BYTES);
            let read =
                self.runtime.block_on(self.bucket.range(&self.name, range)).map_err(io::Error::other)?;
            if read.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *window = (position, read);
        }
        let (begin, bytes) = &*window;
        let skipped = usize::try_from(position - begin).map_err(io::Error::other)?;
        Ok(bytes.slice(skipped..))
    }
}

impl Length for ObjectBytes {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for ObjectBytes {
    type T = ObjectReader;

    fn get_read(&self, start: u64) -> ParquetResult<ObjectReader> {
        Ok(ObjectReader { bytes: self.clone(), position: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let found = self.at(start)?;
        if found.len() >= length {
            return Ok(found.slice(..length));
        }
        let mut all = BytesMut::with_capacity(length);
        while all.len() < length {
            let found = self.at(start + all.len() as u64)?;
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            all.extend_from_slice(&found[..found.len().min(length - all.len())]);
        }
        Ok(all.freeze())
    }
}

/// Reads an object from a position on.
#[derive(Debug)]
pub(crate) struct ObjectReader {
    bytes: ObjectBytes,
    position: u64,
}

impl ObjectReader {
    /// From the beginning.
    pub(super) fn new(bytes: ObjectBytes) -> Self {
        Self { bytes, position: 0 }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let found = self.bytes.at(self.position)?;
        let taken = found.len().min(into.len());
        into[..taken].copy_from_slice(&found[..taken]);
        self.position += taken as u64;
        Ok(taken)
    }
}

/// A failure while an object was read or written: the store's own, where it is one.
pub(crate) fn failed(action: &'static str, name: &Path, error: io::Error) -> SinkError {
    match error.downcast::<ObjectError>() {
        Ok(error) => error.into(),
        Err(error) => SinkError::io(action, name, error),
    }
}
