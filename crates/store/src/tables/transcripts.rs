//! The table of transcripts: rows that the store has not, and that are composed while they are read.
//!
//! The store tells which conversations there are, and leaves the texts empty; whoever exports lays them out ([`TRANSCRIPTS`] has no
//! place among [`TABLES`](crate::tables::TABLES), because nobody can query it). For all else it is a table like the others: it
//! has columns, a key and months, can be narrowed and filtered.

use crate::tables::catalog::table;
use crate::tables::{Column, ColumnKind, Cut, Personal, Table};

/// One row for each conversation, laid out for people to read.
pub const TRANSCRIPTS: Table = table! { transcripts
    from "(SELECT org_id, conversation_id, created_at, CAST(NULL AS TEXT) AS text, CAST(NULL AS TEXT) AS html,
        CAST(NULL AS TEXT) AS markdown FROM conversations)"
    "Each conversation as people saw it, in a column for each layout. It is no table of the store: it is written by exports that are asked for it."
    order one [conversation_id] primary [conversation_id] cut own (created_at)
    columns {
        conversation_id Integer required "The conversation",
        created_at Instant nullable "When it was created",
        text Text required of Document "The transcript as plain text",
        html Text required of Document "The transcript as a page that stands by itself, safe to open",
        markdown Text required of Document "The transcript as CommonMark",
    }
    stays {}
};
