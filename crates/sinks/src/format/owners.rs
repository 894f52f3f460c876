//! Whose a record is, read back from what was written.
//!
//! Only the columns that say so are looked at: whole numbers of ours, or nothing.

use serde_json::Value;
use store::tables::Table;

use crate::sink::Subject;

/// How records stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records {
    /// One a line.
    Ndjson,
    /// One a line, or over several where a quoted text goes over them.
    Csv,
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

/// The fields of one CSV record as they stand, quotes included.
fn fields(record: &[u8]) -> Vec<&[u8]> {
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
