//! The list of the public tables: every column with its kind, whether it may be null, its unit and its meaning.
//!
//! It is data. The macro makes of each entry the table's description and its statements; what is said of a
//! column here is what the documentation, the DDL, JSON Schema and Parquet say.

use crate::tables::{Column, ColumnKind, Cut, Personal, Table};

/// Declare a public table. `order` names the columns it is ordered by, a prefix of `columns`, and how many: `one`, one that
/// is a `text`, or `two`. `cut` says how it is cut into months: not at all (`whole`), by a time of its own (`own`), or by the
/// creation of the row's conversation. Where each row has its conversation and the order is theirs (`outer`) the months are those of the
/// conversations, else they are looked up row by row (`inner`).
macro_rules! table {
    ($name:ident $(from $from:literal)? $about:literal
        order $count:ident [$first:ident $(, $more:ident)*] primary [$($primary:ident),+]
        cut $cut:ident $(($time:ident))?
        columns { $($column:ident $kind:ident $null:ident $(of $personal:ident)? $(in $unit:literal)? $meaning:literal,)* }
        stays { $($kept:ident $kept_kind:ident $kept_null:ident $kept_meaning:literal,)* }
    ) => {
        Table {
            name: stringify!($name),
            about: $about,
            columns: &[
                Column::required("org_id", ColumnKind::Integer, "The organization, by Drift's `orgId`"),
                $(Column::$null(stringify!($column), ColumnKind::$kind, $meaning)$(.of(Personal::$personal))?$(.in_unit($unit))?,)*
            ],
            stays: &[$(Column::$kept_null(stringify!($kept), ColumnKind::$kept_kind, $kept_meaning),)*],
            key: &[stringify!($first) $(, stringify!($more))*],
            primary: &["org_id" $(, stringify!($primary))+],
            cut: table!(@cut $cut $($time)?),
            first: concat!(
                "SELECT t.org_id" $(, ", t.", stringify!($column))*, " FROM ", table!(@source $name $($from)?), " AS t
                WHERE t.org_id = $1 ORDER BY t.", stringify!($first) $(, ", t.", stringify!($more))*, " LIMIT $2"
            ),
            next: concat!(
                "SELECT t.org_id" $(, ", t.", stringify!($column))*, " FROM ", table!(@source $name $($from)?), " AS t
                WHERE t.org_id = $1 AND (t.", stringify!($first) $(, ", t.", stringify!($more))*, ") > (",
                table!(@after $count), ") ORDER BY t.", stringify!($first) $(, ", t.", stringify!($more))*,
                " LIMIT ", table!(@limit $count)
            ),
            count: concat!("SELECT COUNT(*) FROM ", table!(@source $name $($from)?), " AS t WHERE org_id = $1"),
            days: table!(@days $cut (table!(@source $name $($from)?)) $first $($time)?),
            span: table!(@span $cut $count (table!(@source $name $($from)?)) $first $($time)?),
            month_first: concat!(
                "SELECT t.org_id" $(, ", t.", stringify!($column))*, " FROM ", table!(@from $cut (table!(@source $name $($from)?))),
                " WHERE ", table!(@of $count $first), " AND ", table!(@instant $cut $($time)?), " BETWEEN $4 AND $5
                ORDER BY t.", stringify!($first) $(, ", t.", stringify!($more))*, " LIMIT $6"
            ),
            month_next: concat!(
                "SELECT t.org_id" $(, ", t.", stringify!($column))*, " FROM ", table!(@from $cut (table!(@source $name $($from)?))),
                " WHERE ", table!(@of $count $first), " AND ", table!(@instant $cut $($time)?), " BETWEEN $4 AND $5
                AND (t.", stringify!($first) $(, ", t.", stringify!($more))*, ") > (", table!(@month_after $count), ")
                ORDER BY t.", stringify!($first) $(, ", t.", stringify!($more))*, " LIMIT $6"
            ),
        }
    };
    // What the rows are read from: the table itself, or what is given in its place.
    (@source $name:ident) => { stringify!($name) };
    (@source $name:ident $from:literal) => { $from };
    (@cut whole) => { Cut::Whole };
    (@cut own $time:ident) => { Cut::Own(stringify!($time)) };
    (@cut outer) => { Cut::Conversation };
    (@cut inner) => { Cut::Conversation };
    (@after one) => { "$2" };
    (@after text) => { "$2" };
    (@after two) => { "$2, $3" };
    (@limit one) => { "$3" };
    (@limit text) => { "$3" };
    (@limit two) => { "$4" };
    (@month_after one) => { "$7" };
    (@month_after text) => { "$7" };
    (@month_after two) => { "$7, $8" };
    (@from whole ($source:expr)) => { concat!($source, " AS t") };
    (@from own ($source:expr)) => { concat!($source, " AS t") };
    // SQLite reads the rows in their order and looks each one's conversation up; where it may turn the loops around it sorts
    // every page.
    (@from $cut:ident ($source:expr)) => {
        concat!($source, " AS t
            LEFT JOIN conversations AS c ON c.org_id = t.org_id AND c.conversation_id = t.conversation_id")
    };
    (@of one $first:ident) => { concat!("t.org_id = $1 AND t.", stringify!($first), " BETWEEN $2 AND $3") };
    (@of two $first:ident) => { concat!("t.org_id = $1 AND t.", stringify!($first), " BETWEEN $2 AND $3") };
    // How texts are ordered is the database's own, so no largest is known: it is told the smallest twice.
    (@of text $first:ident) => { concat!("t.org_id = $1 AND t.", stringify!($first), " >= $2 AND $3 >= $2") };
    // An instant of no month that can be written (none at all, or beyond the years 1 to 9999) counts as one instant
    // before all others; the bounds are those of `month.rs`.
    (@instant whole) => { "0" };
    (@instant own $time:ident) => { table!(@known concat!("t.", stringify!($time))) };
    (@instant $cut:ident) => { table!(@known "c.created_at") };
    (@known $time:expr) => {
        concat!("(CASE WHEN ", $time, " >= -62135596800000 AND ", $time, " < 253402300800000 THEN ", $time,
            " ELSE -9000000000000000000 END)")
    };
    (@days whole ($source:expr) $first:ident) => { "" };
    (@days own ($source:expr) $first:ident $time:ident) => {
        table!(@grouped concat!("t.", stringify!($first)), concat!("t.", stringify!($time)), "t",
            concat!($source, " AS t"))
    };
    (@days outer ($source:expr) $first:ident) => {
        table!(@grouped "c.conversation_id", "c.created_at", "c", "conversations AS c")
    };
    (@days inner ($source:expr) $first:ident) => {
        table!(@grouped concat!("t.", stringify!($first)), "c.created_at", "t", table!(@from inner ($source)))
    };
    // The smallest and the largest key of a month. Texts have none, see above.
    (@span whole $count:ident ($source:expr) $first:ident) => { "" };
    (@span own text ($source:expr) $first:ident $time:ident) => { "" };
    (@span own $count:ident ($source:expr) $first:ident $time:ident) => {
        concat!("SELECT MIN(t.", stringify!($first), "), MAX(t.", stringify!($first), ") FROM ", $source,
            " AS t WHERE t.org_id = $1 AND t.", stringify!($time), " BETWEEN $2 AND $3")
    };
    (@span outer $count:ident ($source:expr) $first:ident) => {
        "SELECT MIN(c.conversation_id), MAX(c.conversation_id) FROM conversations AS c
        WHERE c.org_id = $1 AND c.created_at BETWEEN $2 AND $3"
    };
    (@span inner $count:ident ($source:expr) $first:ident) => {
        concat!("SELECT MIN(t.", stringify!($first), "), MAX(t.", stringify!($first), ") FROM conversations AS c
            CROSS JOIN ", $source, " AS t
            WHERE c.org_id = $1 AND c.created_at BETWEEN $2 AND $3
                AND t.org_id = c.org_id AND t.conversation_id = c.conversation_id")
    };
    (@grouped $key:expr, $time:expr, $org:literal, $from:expr) => {
        concat!("SELECT day, MIN(k), MAX(k) FROM (
            SELECT ", $key, " AS k, CASE WHEN ", $time, " >= -62135596800000 AND ", $time, " < 253402300800000
                THEN (", $time, " + 62135596800000) / 86400000 ELSE -1 END AS day
            FROM ", $from, " WHERE ", $org, ".org_id = $1) AS days GROUP BY day ORDER BY day")
    };
}

pub(super) use table;

/// All public tables, in the order in which they are best read.
pub const TABLES: &[Table] = &[
    table! { conversations "One row for each conversation Drift ever listed. Rows are never deleted: what Drift no longer has carries `gone_at`."
        order one [conversation_id] primary [conversation_id] cut own (created_at)
        columns {
            conversation_id Integer required "Drift's id",
            contact_id Integer nullable "The contact it is with",
            inbox_id Integer nullable "The inbox; no endpoint lists inboxes",
            status Text required "`open`, `closed`, `pending`, `bulk_sent`, or whatever Drift says",
            created_at Instant nullable "When it began",
            updated_at Instant nullable "When Drift last changed it",
            related_playbook_id Integer nullable "The playbook that began it; known once the details were read",
            message_count Integer required in "messages" "How many of its messages are `live`",
            messages_hash Bytes nullable "SHA-256 over its live messages in the order of creation and id, as in certificates; empty until messages were read",
            gone_at Instant nullable "When Drift last said that it has no such conversation; empty while it has",
            seen_at Instant required "When a fetch last found it at Drift",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
            details_extra Json nullable of Document "The same for the single call's fields; empty until the details were read",
        }
        stays {
            fetched_at Instant required "Bookkeeping: when the fields of this row were fetched",
            details_updated_at Instant nullable "Bookkeeping: update time of the details stored",
            details_fetched_at Instant nullable "Bookkeeping: when they were fetched; empty until they were",
            details_hash Bytes nullable "Bookkeeping: their hash",
            messages_updated_at Instant nullable "Bookkeeping: update time of the message list stored",
            messages_fetched_at Instant nullable "Bookkeeping: when it was fetched; empty until it was",
        }
    },
    table! { messages "One row for each message ever listed. An edit replaces the content; a message that Drift no longer lists stays with the content it last had, and `live` is false."
        order two [conversation_id, message_id] primary [message_id] cut outer
        columns {
            conversation_id Integer required "Its conversation",
            message_id Integer required "Drift's id, unique within the organization",
            author_kind Text required "`contact` or `user`, or whatever Drift says",
            author_id Integer nullable "The author, in that kind's id space",
            author_bot Flag required "Whether a bot wrote it",
            kind Text required "`chat`, `private_note`, `private_prompt`, `suggestion`, `edit`, or whatever Drift says",
            created_at Instant nullable "When it was written",
            body Text nullable of Text "The body as Drift gives it: HTML with entities",
            text Text nullable of Text "The body as plain text",
            edited_message_id Integer nullable "For `edit` messages: the message they change",
            edit_type Text nullable "For `edit` messages: how",
            live Flag required "Whether Drift still lists it",
            extra Json required of Document "What Drift sent that has no column, such as buttons, context and attributes",
        }
        stays {
            hash Bytes required "Bookkeeping: hash of the content",
            seen_updated_at Instant nullable "Bookkeeping: update time of the newest list that held it, when not `live`",
            seen_fetched_at Instant nullable "Bookkeeping: when that list was fetched",
            seen_hash Bytes nullable "Bookkeeping: hash of that list",
        }
    },
    table! { participants "Who of the team took part, bots among them. The contact is in `conversations.contact_id`."
        order two [conversation_id, user_id] primary [conversation_id, user_id] cut outer
        columns {
            conversation_id Integer required "The conversation",
            user_id Integer required "The Drift user",
        }
        stays {
        }
    },
    table! { tags "The tags on conversations."
        order two [conversation_id, name] primary [conversation_id, name] cut outer
        columns {
            conversation_id Integer required "The conversation",
            name Text required "The tag",
            color Text nullable "Six hexadecimal digits, without `#`",
        }
        stays {
        }
    },
    table! { attachments "The files that messages name. The bytes are in `attachment_files`, once for each file."
        order two [attachment_id, message_id] primary [attachment_id, message_id] cut inner
        columns {
            attachment_id Integer required "Drift's id of the file",
            message_id Integer required "The message it is on",
            conversation_id Integer required "That message's conversation",
            position Integer required in "files" "Its place in the message, from 0",
            file_name Text nullable of Text "As Drift names it",
            mime_type Text nullable "As Drift names it",
            url Text nullable of Link "Where Drift shows it",
            live Flag required "Whether the message still names it",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
            hash Bytes required "Bookkeeping: hash of the content",
            seen_updated_at Instant nullable "Bookkeeping: update time of the newest list that held it, when not `live`",
            seen_fetched_at Instant nullable "Bookkeeping: when that list was fetched",
            seen_hash Bytes nullable "Bookkeeping: hash of that list",
        }
    },
    table! { attachment_files "The bytes of attachments, once they were fetched or found missing."
        order one [attachment_id] primary [attachment_id] cut whole
        columns {
            attachment_id Integer required "Drift's id of the file",
            mime_type Text nullable "As it was served",
            size_bytes Integer nullable in "bytes" "Of the content",
            sha256 Bytes nullable "Of the content",
            stored_at Instant nullable "When the content was stored; empty when it never was",
            gone_at Instant nullable "When Drift said that it has no such file",
        }
        stays {
            bytes Bytes nullable "The content; not part of table exports",
        }
    },
    table! { contacts "The people on the site's side, as far as conversations name them: Drift lists contacts nowhere."
        order one [contact_id] primary [contact_id] cut own (created_at)
        columns {
            contact_id Integer required "Drift's id",
            created_at Instant nullable "When Drift first captured the contact",
            email Text nullable of Email "Not unique",
            name Text nullable of Name "Name",
            phone Text nullable of Phone "Phone number",
            external_id Text nullable of Identifier "The site's own id for the person",
            attributes Json required of Document "All attributes, those above included",
            fetched_at Instant required "When the content of this row was fetched",
            gone_at Instant nullable "When Drift said that it has no such contact",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
            hash Bytes required "Bookkeeping: hash of the content",
        }
    },
    table! { users "The team's members, and its bots."
        order one [user_id] primary [user_id] cut whole
        columns {
            user_id Integer required "Drift's id",
            name Text nullable of Name "Name",
            alias Text nullable of Name "Name shown to visitors",
            email Text nullable of Email "Email address",
            phone Text nullable of Phone "Phone number",
            locale Text nullable "Such as `en-US`",
            availability Text nullable "`AVAILABLE`, `OFFLINE`, `ON_CALL`",
            role Text nullable "`member`, `admin`, `agent`",
            time_zone Text nullable "Time zone",
            avatar_url Text nullable of Link "Picture",
            verified Flag nullable "Whether the address was verified",
            bot Flag nullable "Whether it is a bot",
            created_at Instant nullable "When made",
            updated_at Instant nullable "When last changed",
            gone_at Instant nullable "When a complete list first lacked the user; empty while it is listed",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { teams "Teams of users."
        order one [team_id] primary [team_id] cut whole
        columns {
            team_id Integer required "Drift's id",
            name Text nullable "Name",
            owner_id Integer nullable "The user who owns it",
            members Json required "Sorted array of user ids",
            status Text nullable "`ENABLED` or `ARCHIVED`",
            main Flag nullable "Whether it is the main team",
            updated_at Instant nullable "When last changed",
            gone_at Instant nullable "When a complete list first lacked the team; empty while it is listed",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { accounts "Companies."
        order text [account_id] primary [account_id] cut own (created_at)
        columns {
            account_id Text required "A UUID, or `<orgId>_<domain>`",
            owner_id Integer nullable "The user who owns it",
            name Text nullable "Name",
            domain Text nullable "Domain",
            deleted Flag nullable "Whether it was deleted at Drift",
            targeted Flag nullable "Whether it is targeted",
            created_at Instant nullable "When made",
            updated_at Instant nullable "When last changed",
            gone_at Instant nullable "When a complete list first lacked the account; empty while it is listed",
            custom_properties Json required of Document "Array of `{label, name, value, type}`",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { playbooks "Playbooks. Drift lists only those that are enabled."
        order one [playbook_id] primary [playbook_id] cut whole
        columns {
            playbook_id Integer required "Drift's id",
            name Text nullable "Name",
            report_type Text nullable "Such as `BOOK_MORE_MEETINGS`",
            interaction_id Integer nullable "Empty for drafts",
            created_at Instant nullable "When made",
            updated_at Instant nullable "When last changed",
            created_author_id Integer nullable "The user who made it",
            updated_author_id Integer nullable "The user who last changed it",
            gone_at Instant nullable "When a complete list first lacked the playbook; empty while it is listed",
            goals Json required "Array of `{id, message}`",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { landing_pages "Conversational landing pages."
        order two [playbook_id, url] primary [playbook_id, url] cut whole
        columns {
            playbook_id Integer required "Its playbook",
            url Text required "Its address",
            playbook_name Text nullable "The playbook's name",
            gone_at Instant nullable "When a complete list first lacked the page; empty while it is listed",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { contact_attributes "The definitions of contacts' custom attributes."
        order text [name] primary [name] cut whole
        columns {
            name Text required "The key in `contacts.attributes`",
            display_name Text nullable "As people see it",
            kind Text nullable "`STRING`, `NUMERIC`, `BOOLEAN`, `DATETIME`, `DATE`",
            gone_at Instant nullable "When a complete list first lacked the definition; empty while it is listed",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { meetings "Booked meetings. Drift lists the last 30 days only; what was once seen is kept."
        order text [meeting_id] primary [meeting_id] cut own (scheduled_at)
        columns {
            meeting_id Text required "Drift's `slug`",
            conversation_id Integer nullable "Where it was booked",
            contact_id Integer nullable "With whom",
            agent_id Integer nullable "The user who meets",
            status Text nullable "`ACTIVE`, `CANCELED`, or whatever Drift says",
            source Text nullable "How it was booked",
            kind Text nullable "Such as `New Meeting`",
            event_id Text nullable of Identifier "The calendar's event",
            slot_start Instant nullable "When it begins",
            slot_end Instant nullable "When it ends",
            scheduled_at Instant nullable "When it was booked",
            updated_at Instant nullable "When last changed",
            time_zone Text nullable "The contact's time zone",
            notes Text nullable of Text "Notes",
            extra Json required of Document "What Drift sent that has no column, as a JSON object; `{}` when there is nothing",
        }
        stays {
        }
    },
    table! { facts "What only a webhook event told, and no call of the API repeats: a phone number given, a goal met, a button clicked, somebody joining. One row for each event that carries such a thing, taken from the event and kept; see [live.md](live.md)."
        order text [fact_id] primary [fact_id] cut own (received_at)
        columns {
            fact_id Text required "The key of the event, as hexadecimal digits",
            kind Text required "The event's type, such as `phone_captured`",
            conversation_id Integer nullable "Where it happened",
            contact_id Integer nullable "The contact it is about",
            user_id Integer nullable "The Drift user it is about",
            playbook_id Integer nullable "The playbook it is about",
            occurred_at Instant nullable "When it happened, where the event says so",
            received_at Instant required "When the event came",
            phone Text nullable of Phone "The phone number that was given",
            detail Json required of Document "The rest of what the event told, as a JSON object",
        }
        stays {
        }
    },
    table! { report_values "Metrics of conversations, as Drift's reporting gives them."
        order two [conversation_id, metric] primary [conversation_id, metric] cut inner
        columns {
            conversation_id Integer required "The conversation",
            metric Text required "Drift's name, such as `numAgentMessages`",
            value Real nullable "The value; empty where Drift has none",
        }
        stays {
        }
    },
    table! { export_runs "Bulk exports that were made of this store."
        order text [export_run_id] primary [export_run_id] cut whole
        columns {
            export_run_id Text required "A UUID that sorts by age",
            format Text required "Such as `ndjson`",
            destination Text required "Where it went",
            started_at Instant required "When it was begun",
            finished_at Instant nullable "When it ended; empty while under way or cut off",
            outcome Text nullable "How it ended",
            counts Json required "Rows by table",
            mode Text required "`full`, or `incremental`: what changed since the run before",
            state Text required "`running`, `paused`, `cancelled`, `succeeded` or `failed`",
            changes_upto Integer nullable "The number of the last change when it began",
            bytes Integer nullable in "bytes" "What it wrote; empty until it has succeeded",
        }
        stays {
            options Text nullable "What was asked for, so that it can be gone on with",
            checkpoint Text nullable "How far it has come",
            asked Text nullable "What somebody asked of it meanwhile",
            manifest Text nullable "What it left at its destination, with the proof",
            signature Bytes nullable "What was signed of the manifest",
        }
    },
];
