//! Records read back from what was written, and whose each is.
//!
//! Of the columns that say so whole numbers of ours count, or nothing.

use std::io::{self, BufRead};

use serde_json::Value;
use store::tables::Table;

use crate::format::Format;
use crate::sink::Subject;

/// The longest record that is read back; a message's body is bounded far below.
const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How records stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records {
    /// One a line.
    Ndjson,
    /// One a line, or over several where a quoted text goes over them.
    Csv,
}

impl Records {
    /// Those of a format; `None` for one of columns.
    pub(crate) const fn of(format: Format) -> Option<Self> {
        match format {
            Format::Ndjson => Some(Self::Ndjson),
            Format::Csv => Some(Self::Csv),
            Format::Parquet => None,
        }
    }
}

/// The ids in a record's columns that say whose it is. A record that cannot be read is nobody's.
pub(crate) fn owners(records: Records, table: &Table, record: &[u8]) -> Vec<(&'static str, i64)> {
    let columns = Subject::columns(table);
    match records {
        Records::Ndjson => {
            let Ok(row) = serde_json::from_slice::<Value>(record) else { return Vec::new() };
            columns.into_iter().filter_map(|(name, _)| Some((name, row.get(name)?.as_i64()?))).collect()
        }
        Records::Csv => {
            let fields = fields(record);
            let id = |place: usize| std::str::from_utf8(fields.get(place)?).ok()?.parse().ok();
            columns.into_iter().filter_map(|(name, place)| Some((name, id(place)?))).collect()
        }
    }
}

/// The next record with its end of line: one line, or in CSV several when a quoted text goes over them.
pub(crate) fn read_record(
    from: &mut impl BufRead,
    records: Records,
    record: &mut Vec<u8>,
) -> io::Result<bool> {
    record.clear();
    let mut quotes = 0;
    loop {
        let before = record.len();
        let read = from.read_until(b'\n', record)?;
        quotes += record[before..].iter().filter(|byte| **byte == b'"').count();
        let goes_on = records == Records::Csv && quotes % 2 == 1;
        if read == 0 || !goes_on {
            return Ok(!record.is_empty());
        }
        if record.len() > RECORD_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record without an end"));
        }
    }
}

/// The fields of one CSV record as they stand, quotes included.
pub(crate) fn fields(record: &[u8]) -> Vec<&[u8]> {
    let mut is_quoted = false;
    let record = record.strip_suffix(b"\r\n").unwrap_or(record);
    record
        .split(|byte| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_beside_texts_that_look_like_fields() {
        let table = store::tables::table("attachments").unwrap();
        let csv = b"4242,7,11,5,0,\"a\"\",9,\r\n,8\",,,true,\"{}\"\r\n";
        assert_eq!(owners(Records::Csv, table, csv), [("conversation_id", 5), ("attachment_id", 7)]);
        let ndjson =
            b"{\"attachment_id\":7,\"conversation_id\":5,\"file_name\":\"\\\"conversation_id\\\":9\"}\n";
        assert_eq!(owners(Records::Ndjson, table, ndjson), [("conversation_id", 5), ("attachment_id", 7)]);
    }
}
