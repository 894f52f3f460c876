//! Which tables and columns go out: a table of its own with fewer of them, read by statements that name only these.
//!
//! Keys always stay, and so do the columns that say whose a row is, without which nobody could be found in what was exported, to be
//! erased from it, and the instant that the table is cut by, by which a database tells its months apart. A table that was narrowed is kept for the life of the process, once for
//! each set of columns.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::tables::{Column, Cut, Table, every, table};

/// The columns by which a row is known to be somebody's.
pub const OWNERS: [&str; 3] = ["conversation_id", "contact_id", "attachment_id"];

/// A name that is no table's or no column's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownName {
    /// The table in which a column was looked for; `None` when it was a table.
    pub table: Option<&'static str>,
    /// What was named.
    pub name: String,
    /// The name that is most like it, if one is.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.table {
            Some(table) => write!(f, "the table {table} has no column {:?}", self.name)?,
            None => write!(f, "there is no table {:?}", self.name)?,
        }
        match self.nearest {
            Some(nearest) => write!(f, ": did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}

/// The table of this name.
///
/// # Errors
/// When there is none.
pub fn named(name: &str) -> Result<&'static Table, UnknownName> {
    table(name).ok_or_else(|| UnknownName {
        table: None,
        name: name.to_owned(),
        nearest: nearest(name, every().map(|table| table.name)),
    })
}

/// The table with these columns only, in its own order, and with its key, [`OWNERS`] and the instant that it is cut by.
///
/// # Errors
/// When it has no column of one of the names.
pub fn narrowed(of: &'static Table, names: &[String]) -> Result<&'static Table, UnknownName> {
    static NARROWED: Mutex<BTreeMap<Vec<&str>, &Table>> = Mutex::new(BTreeMap::new());
    if let Some(name) = names.iter().find(|name| of.place(name).is_none()) {
        let nearest = nearest(name, of.columns.iter().map(|column| column.name));
        return Err(UnknownName { table: Some(of.name), name: name.clone(), nearest });
    }
    let stays = |column: &&Column| {
        let name = column.name;
        let is_needed =
            name == "org_id" || of.key.contains(&name) || OWNERS.contains(&name) || of.cut == Cut::Own(name);
        is_needed || names.iter().any(|chosen| chosen == name)
    };
    let columns: Vec<Column> = of.columns.iter().filter(stays).copied().collect();
    if columns.len() == of.columns.len() {
        return Ok(of);
    }
    let key: Vec<&str> = std::iter::once(of.name).chain(columns.iter().map(|column| column.name)).collect();
    let mut narrowed = NARROWED.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(narrowed.entry(key).or_insert_with(|| Box::leak(Box::new(with(of, columns)))))
}

/// The same table read by statements of fewer columns. The names are the list's own.
fn with(of: &Table, columns: Vec<Column>) -> Table {
    let list: Vec<String> = columns.iter().map(|column| format!("t.{}", column.name)).collect();
    let list = list.join(", ");
    let text = |statement: &'static str| -> &'static str {
        match statement.split_once(" FROM ") {
            Some((_, rest)) => format!("SELECT {list} FROM {rest}").leak(),
            None => statement,
        }
    };
    Table {
        columns: columns.leak(),
        first: text(of.first),
        next: text(of.next),
        month_first: text(of.month_first),
        month_next: text(of.month_next),
        ..*of
    }
}

/// The name that differs least, if it is not quite another.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let (distance, found) = names.map(|one| (strsim::osa_distance(&name, one), one)).min()?;
    (distance <= 1 + found.len() / 3).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(table: &Table) -> Vec<&'static str> {
        table.columns.iter().map(|column| column.name).collect()
    }

    #[test]
    fn keys_stay_and_the_order_is_the_tables() {
        let messages = named("messages").unwrap();
        let few = narrowed(messages, &["text".to_owned(), "kind".to_owned()]).unwrap();
        assert_eq!(columns(few), ["org_id", "conversation_id", "message_id", "kind", "text"]);
        assert!(std::ptr::eq(few, narrowed(messages, &["kind".to_owned(), "text".to_owned()]).unwrap()));
        let all: Vec<String> = columns(messages).iter().map(|name| (*name).to_owned()).collect();
        assert!(std::ptr::eq(messages, narrowed(messages, &all).unwrap()));
    }

    #[test]
    fn an_unknown_name_is_told_with_the_one_that_may_have_been_meant() {
        let unknown = named("mesages").unwrap_err();
        assert_eq!(unknown.to_string(), "there is no table \"mesages\": did you mean \"messages\"?");
        let messages = named("messages").unwrap();
        let unknown = narrowed(messages, &["txt".to_owned()]).unwrap_err();
        assert_eq!(unknown.to_string(), "the table messages has no column \"txt\": did you mean \"text\"?");
        assert_eq!(named("quite something else").unwrap_err().nearest, None);
    }
}
