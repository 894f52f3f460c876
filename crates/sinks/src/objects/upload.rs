//! An object written while its bytes come: up to one piece by a single put, more by an upload in pieces.
//!
//! Nothing is spooled to a disk, where a kill could leave it: a writer fills a piece of 8 MiB and hands it on; the piece is kept
//! until the store has taken it, and so can be sent again. Memory holds one piece being filled, one waiting, and three on their way
//! (40 MiB), whatever the object's size; a writer that is faster than the store waits. What is kept of an upload that fails is the note by which
//! the next run has the store forget its pieces.

use std::io::{self, Write};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{MultipartId, PutPayload};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::SinkError;
use crate::objects::bucket::Bucket;
use crate::objects::error::ObjectError;
use crate::objects::sweep::Upload;
use crate::partial::Written;

/// Bytes of a piece. All but the last are of this size, as some stores insist.
pub(super) const PIECE_BYTES: usize = 8 * 1024 * 1024;
/// Pieces of an object, at most: the stores' own limit.
const PIECES_MAX: usize = 10_000;
/// Pieces on their way at once.
const PIECES_AT_ONCE: usize = 3;

/// What comes of an object.
#[derive(Debug)]
pub(super) enum Piece {
    /// More follows.
    Next(Bytes),
    /// The rest.
    Last(Bytes),
}

/// Takes an object's bytes, hashes them, and hands them on in pieces.
#[derive(Debug)]
pub(crate) struct PieceWriter {
    piece: Vec<u8>,
    pieces: mpsc::Sender<Piece>,
    hash: Sha256,
    bytes: u64,
}

/// A writer, and where its pieces come out.
pub(super) fn pieces() -> (PieceWriter, mpsc::Receiver<Piece>) {
    let (sender, receiver) = mpsc::channel(1);
    (PieceWriter { piece: Vec::new(), pieces: sender, hash: Sha256::new(), bytes: 0 }, receiver)
}

impl PieceWriter {
    /// Hand on the rest; what the object holds.
    ///
    /// # Errors
    /// `BrokenPipe` when nobody takes pieces any more.
    pub(super) fn finish(mut self) -> io::Result<Written> {
        let rest = std::mem::take(&mut self.piece);
        self.send(Piece::Last(rest.into()))?;
        Ok(Written { bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) })
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        self.pieces.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        self.hash.update(&bytes[..taken]);
        self.bytes += taken as u64;
        if self.piece.len() == PIECE_BYTES {
            let piece = std::mem::take(&mut self.piece);
            self.send(Piece::Next(piece.into()))?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Wait for an object's upload and its writer. What the store said comes first: a writer only learns that nobody takes its bytes.
///
/// # Errors
/// Those of both.
pub(super) async fn ended<T>(
    step: &'static str,
    mut upload: JoinSet<Result<bool, ObjectError>>,
    writing: impl Future<Output = Result<T, SinkError>>,
) -> Result<T, SinkError> {
    let uploaded = upload.join_next().await;
    let written = writing.await;
    match uploaded {
        Some(Ok(Ok(true))) => written,
        Some(Ok(Err(error))) => Err(error.into()),
        _ => Err(written.err().unwrap_or(SinkError::WriterStopped { step })),
    }
}

/// Write an object whose bytes are at hand, in pieces.
///
/// # Errors
/// Those of [`upload`].
pub(super) async fn put_whole(
    bucket: &Bucket,
    name: &str,
    note: &str,
    mut bytes: Bytes,
) -> Result<(), ObjectError> {
    let (sender, mut pieces) = mpsc::channel(1);
    let uploading = async move { upload(bucket, name, note, &mut pieces).await };
    let sending = async move {
        while bytes.len() > PIECE_BYTES {
            if sender.send(Piece::Next(bytes.split_to(PIECE_BYTES))).await.is_err() {
                return;
            }
        }
        // Nobody takes it when the upload has failed.
        let _ = sender.send(Piece::Last(bytes)).await;
    };
    tokio::join!(uploading, sending).0.map(drop)
}

/// Write an object from its pieces. `note` is the object that tells of an unfinished upload. Whether it was written: not when the
/// pieces ended without a last one, which says that the object was given up.
///
/// # Errors
/// Those of the store; an upload that was begun has been aborted then, or is noted.
pub(super) async fn upload(
    bucket: &Bucket,
    name: &str,
    note: &str,
    pieces: &mut mpsc::Receiver<Piece>,
) -> Result<bool, ObjectError> {
    let first = match pieces.recv().await {
        Some(Piece::Last(all)) => {
            bucket.put(name, all).await?;
            return Ok(true);
        }
        Some(Piece::Next(first)) => first,
        None => return Ok(false),
    };
    let path = bucket.path(name);
    let failed = |error| bucket.failed("write objects", &error);
    let id = bucket.uploads.create_multipart(&path).await.map_err(failed)?;
    let noted = Upload { object: path.to_string(), upload_id: id.clone() };
    let noted = serde_json::to_vec(&noted).expect("a note is JSON");
    bucket.put(note, noted.into()).await?;
    let written = send(bucket, (name, &path), &id, first, pieces).await;
    if !matches!(written, Ok(true)) && bucket.uploads.abort_multipart(&path, &id).await.is_err() {
        // It stays noted.
        return written;
    }
    match (written, bucket.delete(note).await) {
        (Ok(true), Err(error)) => Err(error),
        (written, _) => written,
    }
}

/// Send all pieces, some at once, and put them together.
async fn send(
    bucket: &Bucket,
    (name, path): (&str, &Path),
    id: &MultipartId,
    first: Bytes,
    pieces: &mut mpsc::Receiver<Piece>,
) -> Result<bool, ObjectError> {
    let failed = |error| bucket.failed("write objects", &error);
    let send = |number: usize, piece: Bytes| async move {
        let sent = bucket.uploads.put_part(path, id, number, PutPayload::from_bytes(piece)).await;
        sent.map(|part| (number, part))
    };
    let mut sending = FuturesUnordered::new();
    let mut sent: Vec<Option<PartId>> = Vec::new();
    let (mut next, mut is_last) = (Some(first), false);
    loop {
        if let Some(piece) = next.take() {
            if sent.len() == PIECES_MAX {
                return Err(ObjectError::TooLarge {
                    place: bucket.place().to_owned(),
                    file: name.to_owned(),
                });
            }
            sending.push(send(sent.len(), piece));
            sent.push(None);
        }
        let has_room = sending.len() < PIECES_AT_ONCE && !is_last;
        tokio::select! {
            piece = pieces.recv(), if has_room => match piece {
                Some(Piece::Next(piece)) => next = Some(piece),
                Some(Piece::Last(piece)) => {
                    is_last = true;
                    next = Some(piece).filter(|piece| !piece.is_empty());
                }
                None => return Ok(false),
            },
            Some(done) = sending.next() => {
                let (number, part) = done.map_err(failed)?;
                sent[number] = Some(part);
            }
            else => break,
        }
    }
    let parts: Vec<PartId> = sent.into_iter().flatten().collect();
    bucket.uploads.complete_multipart(path, id, parts).await.map_err(failed)?;
    Ok(true)
}
