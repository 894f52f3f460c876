//! What an incremental export has to write: the parts that were touched since the run whose files stand at the destination.
//!
//! Nothing is taken on trust: the files must be those that the store's last successful run to this destination left, of this
//! version of the tables and with these options. Otherwise everything is written, and the run says why.

use std::collections::BTreeSet;

use store::Db;
use store::export_runs::ExportRun;
use store::tables::{self, Cut, Filter, Month, TRANSCRIPTS, Table, Touched};

use crate::SinkError;
use crate::copy::{CutPart, Source};
use crate::manifest::Manifest;
use crate::sink::{Part, Period};

/// What is written.
#[derive(Debug)]
pub(crate) enum Scope {
    /// Everything; where only changes were asked for, for this reason.
    Everything(Option<Why>),
    /// What was touched since the run that left this manifest.
    Since(Touched, Box<Manifest>),
}

impl Scope {
    /// The manifest of the run whose parts stand, where only changes are written.
    pub(crate) fn standing(&self) -> Option<&Manifest> {
        match self {
            Self::Everything(_) => None,
            Self::Since(_, standing) => Some(standing),
        }
    }

    /// Why everything is written, where only changes were asked for.
    pub(crate) fn why(&self) -> Option<Why> {
        match self {
            Self::Everything(why) => *why,
            Self::Since(..) => None,
        }
    }
}

/// What is to be written where only changes are asked for. `last` is the last run that succeeded there, `standing` the
/// manifest that lies there now, `next` the one of the run that begins.
///
/// # Errors
/// [`SinkError::HasFiles`], those of [`Selection::tables`](crate::selection::Selection::tables), and those of the store.
pub(crate) async fn scope(
    db: &Db,
    last: Option<&ExportRun>,
    standing: Option<Manifest>,
    next: &Manifest,
) -> Result<Scope, SinkError> {
    let everything = |why| Ok(Scope::Everything(Some(why)));
    let Some(last) = last else { return everything(Why::First) };
    let Some(standing) = standing else { return everything(Why::Other) };
    if standing.files.as_ref().is_some_and(|files| files.rows > 0) {
        return Err(SinkError::HasFiles { destination: last.destination.clone() });
    }
    let is_its = standing.complete && standing.run_id == last.export_run_id && standing.basis.is_some();
    // What was signed is what must lie there: an edited manifest could name files that are not ours to keep.
    if !is_its || last.manifest.as_ref().is_some_and(|text| *text != standing.text()) {
        return everything(Why::Other);
    }
    if standing.schema_version != next.schema_version {
        return everything(Why::Version);
    }
    let options = |manifest: &Manifest| {
        let Manifest { format, compression, formulas_defused, selection, .. } = manifest;
        (format.clone(), compression.clone(), *formulas_defused, selection.clone())
    };
    if options(&standing) != options(next) {
        return everything(Why::Options);
    }
    let (Some(since), Some(now)) = (&standing.basis, &next.basis) else { return everything(Why::Other) };
    let going = next.selection.tables()?;
    let touched = tables::touched::touched(db, standing.org_id, (since, now), &going).await?;
    Ok(Scope::Since(touched, Box::new(standing)))
}

/// Why everything is written where only changes were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The store knows of no run that succeeded there.
    First,
    /// What stands there is not what that run left, or not all of it.
    Other,
    /// It was written by another version of the tables.
    Version,
    /// It was written with other options.
    Options,
}

impl Why {
    /// One word, for reports and records.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Other => "other",
            Self::Version => "version",
            Self::Options => "options",
        }
    }
}

/// The parts of a table that are to be written, in order. Parts that stand at the destination and have no rows any more are
/// among them.
///
/// # Errors
/// Those of the store.
pub(crate) async fn cuts(
    source: Source<'_>,
    table: &'static Table,
    touched: &Touched,
    standing: &Manifest,
) -> Result<Vec<CutPart>, SinkError> {
    let due = due(table, touched, &standing.selection.filter);
    if table.cut == Cut::Whole {
        // A run writes itself down there.
        let is_due = due != Due::Months(BTreeSet::new()) || table.name == "export_runs";
        return Ok(is_due.then(|| CutPart::whole(table)).into_iter().collect());
    }
    let stands: BTreeSet<&str> = standing
        .tables
        .iter()
        .filter(|file| file.table == table.name)
        .filter_map(|file| file.period.as_deref())
        .collect();
    let (months, found) = match due {
        Due::Months(months) => {
            let found = tables::partitions_of(source.db, table, source.org, &months).await?;
            (months, found)
        }
        Due::All => {
            let found = tables::partitions(source.db, table, source.org).await?;
            let stood = stands.iter().map(|period| Month::parse(period));
            (found.iter().map(|partition| partition.month).chain(stood).collect(), found)
        }
    };
    let cut = |month: Option<Month>| {
        let part = Part { table, period: month.map_or(Period::None, Period::Month) };
        let partition = found.iter().find(|partition| partition.month == month).cloned();
        if stands.contains(part.period.to_string().as_str()) {
            return Some(CutPart::standing(part, partition));
        }
        partition.map(|partition| CutPart::month(table, partition))
    };
    Ok(months.into_iter().filter_map(cut).collect())
}

/// What of a table is to be written.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// These months.
    Months(BTreeSet<Option<Month>>),
    /// All of it.
    All,
}

/// Where only some conversations are chosen, a change of any kind may choose one anew or no longer: then all that hangs on the
/// conversations of its month is written, and what follows conversations without being cut by them, whole.
fn due(table: &Table, touched: &Touched, filter: &Filter) -> Due {
    if touched.is_whole(table) {
        return Due::All;
    }
    let own = touched.months(table);
    if filter.is_all() || !filter.narrows(table) {
        return Due::Months(own);
    }
    let hangs = |table: &Table| {
        table.cut == Cut::Conversation || ["conversations", TRANSCRIPTS.name].contains(&table.name)
    };
    let mut of_conversations: BTreeSet<Option<Month>> =
        tables::TABLES.iter().filter(|table| hangs(table)).flat_map(|table| touched.months(table)).collect();
    if hangs(table) {
        of_conversations.extend(own);
        Due::Months(of_conversations)
    } else if of_conversations.is_empty() {
        Due::Months(own)
    } else {
        Due::All
    }
}
