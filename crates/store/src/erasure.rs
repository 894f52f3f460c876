//! Erasing everything that is kept of an organization, but who did what and that it was once connected.
//!
//! Table by table, a transaction each, the feed and what reads it first: an erasure that was cut off is begun again and
//! finds less. Copies that were written outside (exports, webhooks that were sent) are not reached from here.

use model::OrgId;

use crate::db::Db;
use crate::error::StoreError;

const LISTINGS: &str = "
    DELETE FROM listings WHERE run_id IN (
        SELECT run_id FROM runs WHERE org_id = $1 UNION ALL SELECT sweep_id FROM sweeps WHERE org_id = $1)";
const CHECKPOINTS: &str = "
    DELETE FROM checkpoints WHERE run_id IN (
        SELECT run_id FROM runs WHERE org_id = $1 UNION ALL SELECT sweep_id FROM sweeps WHERE org_id = $1)";
/// What is said of a grant that was given up stays: it is what a person still has to do.
const NOTICES: &str = "DELETE FROM notices WHERE org_id = $1 AND kind <> 'disconnect'";

/// One statement for each table that holds rows of an organization.
macro_rules! erased {
    ($($table:literal,)*) => {
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[
            ("erasure::LISTINGS", LISTINGS),
            ("erasure::CHECKPOINTS", CHECKPOINTS),
            ("erasure::NOTICES", NOTICES),
            $((concat!("erasure::", $table), concat!("DELETE FROM ", $table, " WHERE org_id = $1")),)*
        ];
    };
}

erased! {
    "jobs", "schedules", "scheduled_exports", "sweeps", "effects", "endpoints", "consumers", "changes", "events", "facts",
    "messages", "participants", "tags", "attachment_files", "attachments", "conversations",
    "contacts_gone", "contacts", "users", "teams", "accounts", "playbooks", "landing_pages", "contact_attributes",
    "meetings", "report_values", "failures", "watermarks", "runs", "export_parts", "export_runs", "job_runs", "call_stats", "pauses",
    "budgets", "mask_keys", "part_versions",
}

/// Tables with an organization that an erasure leaves: who may come in, grants and decoys without their secrets, links to connect
/// with and what came of consents, how disconnects went, and the audit log. None holds anything of the organization's people. And
/// what was recorded of use, which ends with its retention: giving up a connection must not be a way to hide what was done with
/// it.
pub const KEPT: &[&str] = &[
    "access_keys",
    "access_memberships",
    "access_rule_roles",
    "audit_log",
    "connections",
    "disconnects",
    "honey_tokens",
    "install_consents",
    "share_links",
    "use_alarms",
    "use_calls",
    "use_clients",
    "use_connections",
    "use_requests",
    "use_steps",
];

/// The tables that an erasure empties of an organization's rows.
pub fn tables() -> impl Iterator<Item = &'static str> {
    STATEMENTS.iter().map(|(name, _)| name.trim_start_matches("erasure::")).chain(["notices"])
}

/// Erase an organization's rows; answers how many there were.
///
/// # Errors
/// The database's error; what was erased until then stays erased.
pub async fn erase(db: &Db, org: OrgId) -> Result<u64, StoreError> {
    let mut erased = 0;
    for (_, text) in STATEMENTS {
        let mut tx = db.begin().await?;
        erased += on_tx!(&mut tx, conn => sqlx::query(*text)
            .bind(org.0)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()))?;
        tx.commit().await?;
    }
    Ok(erased)
}
