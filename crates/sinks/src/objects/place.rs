//! What objects are called. No rename exists, so each name carries the run that wrote it, and no object that a manifest
//! names is ever written again: a reader finds what the manifest says, or nothing.
//!
//! ```text
//! manifest.json
//! tables/messages/org_id=42/month=2026-01/part-RUN.parquet      an erasure's: part-RUN.1.parquet
//! files/RUN/files.ndjson                                         an erasure's: files.1.ndjson
//! files/RUN/transcripts/…, files/RUN/attachments/…               of a run that went on: files/RUN.1/…
//! .longshore/state.json                                          who writes, and what was replaced lately
//! .longshore/uploads/RUN/0.json                                  while a large object is being written
//! ```

use model::{OrgId, RunId};

use crate::directory::TREES;
use crate::format::{Compression, Format};
use crate::sink::{Part, Period};

/// The manifest.
pub(super) const MANIFEST: &str = "manifest.json";
/// Its signature.
pub(super) const SIGNATURE: &str = crate::manifest::SIGNATURE;
/// Where tables lie.
pub(super) const TABLES: &str = "tables";
/// Where each run's tree of transcripts and attachments lies.
pub(super) const FILES: &str = "files";
/// What is ours and no part of an export.
pub(super) const OWN: &str = ".longshore";

/// A run's name as a part of objects' names.
pub(super) fn run_name(run: &RunId) -> String {
    run.0.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// A part's object.
pub(super) fn part(
    org: OrgId,
    part: &Part,
    run: &str,
    (format, compression): (Format, Compression),
) -> String {
    let (table, ending) = (part.table.name, format.name().to_owned() + compression.ending());
    match part.period {
        Period::All => format!("{TABLES}/{table}/org_id={org}/part-{run}.{ending}"),
        period => format!("{TABLES}/{table}/org_id={org}/month={period}/part-{run}.{ending}"),
    }
}

/// The tree that a run fills: the first that is none of `standing`. So a run that goes on fills another than before, which what is
/// still on its way from the process before cannot reach.
pub(super) fn tree(run: &str, standing: &[String]) -> String {
    let mut names = std::iter::once(run.to_owned()).chain((1_u64..).map(|number| format!("{run}.{number}")));
    let is_free = |name: &String| !standing.contains(&format!("{FILES}/{name}"));
    names.find(is_free).expect("there are more numbers than trees")
}

/// The folder of a tree, with its last `/`.
pub(super) fn folder(tree: &str) -> String {
    format!("{FILES}/{tree}/")
}

/// Which run wrote the object of this name, or of which tree it is; `None` for a name that is not ours.
pub(super) fn run_of(name: &str) -> Option<&str> {
    let folders: Vec<&str> = name.split('/').collect();
    let (file, folders) = folders.split_last()?;
    match folders {
        [FILES, tree] => return is_list(file).then_some(*tree),
        [FILES, tree, kind, ..] => return TREES.contains(kind).then_some(*tree),
        _ => {}
    }
    let is_ours = match folders {
        [TABLES, _, org] => org.starts_with("org_id="),
        [TABLES, _, org, month] => org.starts_with("org_id=") && month.starts_with("month="),
        _ => false,
    };
    let (file, _) = Compression::of(file);
    let (run, rest) = file.strip_prefix("part-")?.split_once('.')?;
    let ending = rest.rsplit('.').next()?;
    (is_ours && Format::named(ending).is_some()).then_some(run)
}

/// The name of the object that takes another's place.
pub(super) fn next(name: &str) -> String {
    let (name, compression) = Compression::of(name);
    let packed = compression.ending();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "ndjson"));
    let numbered = stem.rsplit_once('.').and_then(|(stem, number)| Some((stem, number.parse::<u32>().ok()?)));
    match numbered {
        Some((stem, number)) => format!("{stem}.{}.{ending}{packed}", number.saturating_add(1)),
        None => format!("{stem}.1.{ending}{packed}"),
    }
}

/// The folder of a list of files, with its last `/`; `None` for what is no list of ours.
pub(super) fn folder_of_list(name: &str) -> Option<&str> {
    let (folder, file) = name.split_at(name.rfind('/')? + 1);
    let is_tree = folder.starts_with("files/") && folder.matches('/').count() == 2;
    (is_tree && is_list(file)).then_some(folder)
}

fn is_list(file: &str) -> bool {
    file.starts_with("files.") && file.ends_with(".ndjson")
}

/// The folder of what is known of a run's unfinished uploads.
pub(super) fn uploads(run: &str) -> String {
    format!("{OWN}/uploads/{run}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_run_and_has_a_next() {
        let table = store::tables::table("messages").unwrap();
        let run = run_name(&RunId("0198-a b".to_owned()));
        let name =
            part(OrgId(42), &Part { table, period: Period::All }, &run, (Format::Csv, Compression::None));
        assert_eq!(name, "tables/messages/org_id=42/part-0198-a_b.csv");
        assert_eq!(run_of(&name), Some("0198-a_b"));
        assert_eq!(next(&name), "tables/messages/org_id=42/part-0198-a_b.1.csv");
        assert_eq!(next(&next(&name)), "tables/messages/org_id=42/part-0198-a_b.2.csv");
        assert_eq!(run_of(&next(&name)), Some("0198-a_b"));
        let whole = Part { table, period: Period::All };
        let packed = part(OrgId(42), &whole, &run, (Format::Ndjson, Compression::Gzip));
        assert_eq!(packed, "tables/messages/org_id=42/part-0198-a_b.ndjson.gz");
        assert_eq!(next(&next(&packed)), "tables/messages/org_id=42/part-0198-a_b.2.ndjson.gz");
        assert_eq!((run_of(&packed), run_of(&next(&packed))), (Some("0198-a_b"), Some("0198-a_b")));
        assert_eq!(next("files/r/files.ndjson"), "files/r/files.1.ndjson");
        assert_eq!(run_of("files/r.1/transcripts/2026-01/conversation-1.md"), Some("r.1"));
        assert_eq!(run_of("files/r/files.2.ndjson"), Some("r"));
        for name in [
            "files/thesis.txt",
            "files/mine/thesis.txt",
            "files/mine/years/thesis.txt",
            "tables/mine.csv",
            "tables/messages/org_id=42/mine.csv",
            "thesis/a/org_id=1/part-0.csv",
            "tables/m/org_id=1/part-0.exe",
        ] {
            assert_eq!(run_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_run_that_goes_on_fills_another_tree() {
        assert_eq!(tree("r", &["files/q".to_owned()]), "r");
        assert_eq!(tree("r", &["files/r".to_owned()]), "r.1");
        assert_eq!(tree("r", &["files/r".to_owned(), "files/r.1".to_owned()]), "r.2");
        assert_eq!(folder_of_list("files/r.1/files.ndjson"), Some("files/r.1/"));
        assert_eq!(folder("r.1"), "files/r.1/");
    }
}
