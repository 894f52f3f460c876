//! Which rows of a table belong to a part, as a condition over the table `t`.

use store::tables::Cut;

use crate::months::within;
use crate::sink::{Part, Period};

/// The condition. With `has_before` the months of conversations that are gone are known from `longshore_before`.
pub(super) fn of_part(part: &Part, has_before: bool) -> String {
    let month = match part.period {
        Period::All => return "TRUE".to_owned(),
        Period::Month(month) => Some(month),
        Period::None => None,
    };
    match part.table.cut {
        Cut::Whole => "TRUE".to_owned(),
        Cut::Own(time) => within(&format!("t.\"{time}\""), month),
        Cut::Conversation => {
            let mut of = format!(
                "t.conversation_id IN (SELECT c.conversation_id FROM conversations AS c WHERE {})",
                within("c.created_at", month)
            );
            let mut known = "t.conversation_id NOT IN (SELECT conversation_id FROM conversations)".to_owned();
            if has_before {
                of += &format!(
                    " OR {known} AND t.conversation_id IN (SELECT b.conversation_id FROM longshore_before AS b WHERE {})",
                    within("b.created_at", month)
                );
                known += " AND t.conversation_id NOT IN (SELECT conversation_id FROM longshore_before)";
            }
            if month.is_none() {
                of += &format!(" OR {known}");
            }
            of
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Millis;
    use store::tables::{self, Month};

    use super::*;

    #[test]
    fn the_rows_of_a_part_are_told_by_their_month() {
        let month = Period::Month(Month::of(Millis(0)).unwrap());
        let of = |table: &str, period, has_before| {
            of_part(&Part { table: tables::table(table).unwrap(), period }, has_before)
        };
        let texts = [
            of("users", Period::All, false),
            of("contacts", month, false),
            of("contacts", Period::None, false),
            of("messages", month, false),
            of("messages", Period::None, false),
            of("messages", month, true),
            of("messages", Period::None, true),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }
}
