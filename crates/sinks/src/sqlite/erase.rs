//! Removing a person from the file, in one transaction: its rows, and what the manifest says of the parts they were in.
//!
//! It is done in place, where a reader finds the rows before or after it, and SQLite overwrites what is deleted. What a run that was
//! stopped in the middle has written so far loses the person too.

use std::path::Path;

use store::tables::{self, columns};

use crate::SinkError;
use crate::sink::{Erased, Part, Subject};
use crate::sqlite::file::{Noted, Open};
use crate::sqlite::place::{Place, look};
use crate::sqlite::{SqliteError, read};

/// Erase in this file. One that holds no export has nothing to erase.
pub(super) async fn erase(path: &Path, subject: &Subject) -> Result<Erased, SinkError> {
    let partial = crate::partial::partial_path(path);
    if !path.exists() && !partial.exists() {
        return Ok(Erased::default());
    }
    if path.exists() {
        look(path, subject.org).await?;
    }
    let place = Place::claim(path, subject.org).await?;
    if place.partial().exists() {
        erase_in(&place.partial(), subject).await?;
    }
    let rows = if place.has_export { erase_in(place.path(), subject).await? } else { 0 };
    Ok(Erased { rows, files: 0 })
}

async fn erase_in(path: &Path, subject: &Subject) -> Result<u64, SqliteError> {
    let mut file = Open::write(path).await?;
    let notes = file.parts().await?;
    file.run("write to", "BEGIN IMMEDIATE").await?;
    let mut rows = 0;
    for table in tables::every().filter(|table| notes.keys().any(|(name, _)| name == table.name)) {
        let Some(condition) = subject.condition(table) else { continue };
        let removed =
            file.run("write to", &format!("DELETE FROM \"{}\" WHERE {condition}", table.name)).await?;
        rows += removed;
    }
    for ((name, period), noted) in notes {
        let held = |part: &Part| rows > 0 && subject.condition(part.table).is_some();
        let Some(part) = Part::named(&name, &period).filter(held) else { continue };
        let part = as_it_stands(&mut file, part).await?;
        let digested = read::digest(&mut file, &part).await?;
        let now = Noted { rows: digested.rows.cast_signed(), digest: digested.digest, run: noted.run };
        file.note((&name, &period), &now).await?;
    }
    file.run("write to", "COMMIT").await?;
    file.close().await?;
    Ok(rows)
}

/// The part with the columns that went into the file.
async fn as_it_stands(file: &mut Open, part: Part) -> Result<Part, SqliteError> {
    let found = file.columns(part.table.name).await?;
    let found: Vec<String> = found.into_iter().filter(|name| part.table.place(name).is_some()).collect();
    // None of them is unknown.
    Ok(Part { table: columns::narrowed(part.table, &found).unwrap_or(part.table), ..part })
}
