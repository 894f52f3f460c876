//! Files of rows, compressed: as a whole, in a form that every reader of such files knows by its ending.
//!
//! What a file's name says is what its reader goes by, so that files of both kinds may lie side by side. The same rows make
//! the same bytes: no time and no name is in them.

use std::io::{self, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// How files of rows are compressed. Parquet compresses itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// The one of this name; `None` for what is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|compression| compression.name() == name)
    }

    /// Its name on the command line and in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What a file's name ends with, after the format's ending.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// The name of a file without the ending that tells its compression, and that.
    #[must_use]
    pub fn of(file: &str) -> (&str, Self) {
        let ends = |it: &Self| *it != Self::None && file.ends_with(it.ending());
        let compression = Self::ALL.into_iter().find(ends).unwrap_or_default();
        (file.strip_suffix(compression.ending()).unwrap_or(file), compression)
    }

    /// Read what is compressed so.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn unpack<R: Read>(self, from: R) -> io::Result<Unpacked<R>> {
        Ok(match self {
            Self::None => Unpacked::Plain(from),
            Self::Gzip => Unpacked::Gzip(Box::new(MultiGzDecoder::new(from))),
            Self::Zstd => Unpacked::Zstd(zstd::Decoder::new(from)?),
        })
    }

    /// Write what is to be compressed so.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn pack<W: Write>(self, into: W) -> io::Result<Packed<W>> {
        Ok(match self {
            Self::None => Packed::Plain(into),
            Self::Gzip => Packed::Gzip(GzEncoder::new(into, flate2::Compression::default())),
            Self::Zstd => Packed::Zstd(zstd::Encoder::new(into, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }
}

/// What is read and unpacked on the way.
pub(crate) enum Unpacked<R: Read> {
    Plain(R),
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(zstd::Decoder<'static, io::BufReader<R>>),
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(from) => from.read(into),
            Self::Gzip(from) => from.read(into),
            Self::Zstd(from) => from.read(into),
        }
    }
}

/// What is written and packed on the way.
pub(crate) enum Packed<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packed<W> {
    /// Write what is still held, and give back what it was written to.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(into) => Ok(into),
            Self::Gzip(into) => into.finish(),
            Self::Zstd(into) => into.finish(),
        }
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(into) => into.write(bytes),
            Self::Gzip(into) => into.write(bytes),
            Self::Zstd(into) => into.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(into) => into.flush(),
            Self::Gzip(into) => into.flush(),
            Self::Zstd(into) => into.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_how_its_file_is_compressed() {
        for compression in Compression::ALL {
            let name = format!("messages.csv{}", compression.ending());
            assert_eq!(Compression::of(&name), ("messages.csv", compression));
            assert_eq!(Compression::named(compression.name()), Some(compression));
        }
        assert_eq!(Compression::of("gz").1, Compression::None);
    }

    #[test]
    fn what_was_packed_comes_back_and_what_was_cut_does_not() {
        let text = "ä🚢\n".repeat(10_000);
        for compression in [Compression::Gzip, Compression::Zstd] {
            let packed = || {
                let mut into = compression.pack(Vec::new()).unwrap();
                into.write_all(text.as_bytes()).unwrap();
                into.finish().unwrap()
            };
            let bytes = packed();
            assert!(bytes.len() < text.len() / 20 && bytes == packed());
            let read = |bytes: &[u8]| {
                let mut read = String::new();
                compression.unpack(bytes)?.read_to_string(&mut read).map(|_| read)
            };
            assert_eq!(read(&bytes).unwrap(), text);
            assert!(read(&bytes[..bytes.len() - 5]).is_err(), "{compression:?}");
        }
    }
}
