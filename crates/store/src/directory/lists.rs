//! The lists that Drift gives whole: users, teams, accounts, playbooks, landing pages, attributes, meetings, metrics.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::record::{Account, ContactAttribute, LandingPage, Meeting, Playbook, ReportValue, Team, User};
use model::{Millis, OrgId, Pii};

use crate::db::Tx;
use crate::directory::Listing;
use crate::error::StoreError;
use crate::hash::{clean, clean_option};
use crate::mirror::state::Pair;

/// A record with its organization, as it is bound.
struct In<'a, T>(OrgId, &'a T);

/// `ON CONFLICT … DO UPDATE` of every column, only where one differs or the row was gone.
macro_rules! upsert {
    ($table:ident, $key:literal, $first:ident $(, $column:ident)*) => {
        concat!(
            "ON CONFLICT (", $key, ") DO UPDATE SET ",
            stringify!($first), " = excluded.", stringify!($first),
            $(", ", stringify!($column), " = excluded.", stringify!($column),)*
            ", gone_at = NULL WHERE ", stringify!($table), ".gone_at IS NOT NULL OR ",
            stringify!($table), ".", stringify!($first), " IS DISTINCT FROM excluded.", stringify!($first)
            $(, " OR ", stringify!($table), ".", stringify!($column), " IS DISTINCT FROM excluded.", stringify!($column))*
        )
    };
}

/// The same for tables whose rows never go.
macro_rules! upsert_kept {
    ($table:ident, $key:literal, $first:ident $(, $column:ident)*) => {
        concat!(
            "ON CONFLICT (", $key, ") DO UPDATE SET ",
            stringify!($first), " = excluded.", stringify!($first),
            $(", ", stringify!($column), " = excluded.", stringify!($column),)*
            " WHERE ", stringify!($table), ".", stringify!($first), " IS DISTINCT FROM excluded.", stringify!($first)
            $(, " OR ", stringify!($table), ".", stringify!($column), " IS DISTINCT FROM excluded.", stringify!($column))*
        )
    };
}

/// Mark the rows whose key, as text, is not in the JSON array `$3`.
macro_rules! mark_others {
    ($table:literal, $key:literal) => {
        Pair {
            sqlite: concat!(
                "UPDATE ",
                $table,
                " SET gone_at = $2 WHERE org_id = $1 AND gone_at IS NULL AND ",
                $key,
                " NOT IN (SELECT value FROM json_each($3))"
            ),
            postgres: concat!(
                "UPDATE ",
                $table,
                " SET gone_at = $2 WHERE org_id = $1 AND gone_at IS NULL AND ",
                $key,
                " NOT IN (SELECT json_array_elements_text(CAST($3 AS json)))"
            ),
        }
    };
}

fn pii(value: Option<&Pii<String>>) -> Option<Cow<'_, str>> {
    value.map(|value| clean(value.expose()))
}

fn plain(value: Option<&String>) -> Option<Cow<'_, str>> {
    clean_option(value)
}

bulk! {
    USERS, async fn upsert_users(new: In<'_, User>) = "INSERT INTO users" (
        org_id int = new.0.0,
        user_id int = new.1.user_id.0,
        name text = pii(new.1.name.as_ref()),
        alias text = pii(new.1.alias.as_ref()),
        email text = pii(new.1.email.as_ref()),
        phone text = pii(new.1.phone.as_ref()),
        locale text = plain(new.1.locale.as_ref()),
        availability text = plain(new.1.availability.as_ref()),
        role text = plain(new.1.role.as_ref()),
        time_zone text = plain(new.1.time_zone.as_ref()),
        avatar_url text = plain(new.1.avatar_url.as_ref()),
        verified flag = new.1.verified,
        bot flag = new.1.bot,
        created_at int = new.1.created_at.map(|at| at.0),
        updated_at int = new.1.updated_at.map(|at| at.0),
        extra text = clean(&new.1.extra),
    ) upsert!(users, "org_id, user_id", name, alias, email, phone, locale, availability, role, time_zone, avatar_url,
        verified, bot, created_at, updated_at, extra)
}
const OTHER_USERS: Pair = mark_others!("users", "CAST(user_id AS TEXT)");

/// Store users; those missing from a complete list are marked gone.
///
/// # Errors
/// The database's error.
pub async fn apply_users(
    tx: &mut Tx,
    org: OrgId,
    users: &[User],
    listing: Listing,
    now: Millis,
) -> Result<u64, StoreError> {
    let rows = last_of_each(org, users, |user| user.user_id.to_string());
    let written = upsert_users(tx, &values(&rows)).await?;
    Ok(written + mark_others(tx, org, &OTHER_USERS, listing, keys(&rows), now).await?)
}

struct TeamRow<'a> {
    org: OrgId,
    team: &'a Team,
    members: String,
}

bulk! {
    TEAMS, async fn upsert_teams(new: TeamRow<'_>) = "INSERT INTO teams" (
        org_id int = new.org.0,
        team_id int = new.team.team_id.0,
        name text = plain(new.team.name.as_ref()),
        owner_id int = new.team.owner_id.map(|id| id.0),
        members text = new.members.as_str(),
        status text = plain(new.team.status.as_ref()),
        main flag = new.team.main,
        updated_at int = new.team.updated_at.map(|at| at.0),
        extra text = clean(&new.team.extra),
    ) upsert!(teams, "org_id, team_id", name, owner_id, members, status, main, updated_at, extra)
}
const OTHER_TEAMS: Pair = mark_others!("teams", "CAST(team_id AS TEXT)");

/// Store teams; those missing from a complete list are marked gone.
///
/// # Errors
/// The database's error.
pub async fn apply_teams(
    tx: &mut Tx,
    org: OrgId,
    teams: &[Team],
    listing: Listing,
    now: Millis,
) -> Result<u64, StoreError> {
    let unique = last_of_each(org, teams, |team| team.team_id.to_string());
    let rows: Vec<TeamRow<'_>> = unique
        .values()
        .map(|In(org, team)| {
            let mut members: Vec<i64> = team.members.iter().map(|user| user.0).collect();
            members.sort_unstable();
            let members = crate::mirror::state::json_ids(members);
            TeamRow { org: *org, team, members }
        })
        .collect();
    let written = upsert_teams(tx, &rows).await?;
    Ok(written + mark_others(tx, org, &OTHER_TEAMS, listing, keys(&unique), now).await?)
}

bulk! {
    ACCOUNTS, async fn upsert_accounts(new: In<'_, Account>) = "INSERT INTO accounts" (
        org_id int = new.0.0,
        account_id text = clean(&new.1.account_id.0),
        owner_id int = new.1.owner_id.map(|id| id.0),
        name text = plain(new.1.name.as_ref()),
        domain text = plain(new.1.domain.as_ref()),
        deleted flag = new.1.deleted,
        targeted flag = new.1.targeted,
        created_at int = new.1.created_at.map(|at| at.0),
        updated_at int = new.1.updated_at.map(|at| at.0),
        custom_properties text = clean(&new.1.custom_properties),
        extra text = clean(&new.1.extra),
    ) upsert!(accounts, "org_id, account_id", owner_id, name, domain, deleted, targeted, created_at, updated_at,
        custom_properties, extra)
}
const OTHER_ACCOUNTS: Pair = mark_others!("accounts", "account_id");

/// Store accounts; those missing from a complete list are marked gone.
///
/// # Errors
/// The database's error.
pub async fn apply_accounts(
    tx: &mut Tx,
    org: OrgId,
    accounts: &[Account],
    listing: Listing,
    now: Millis,
) -> Result<u64, StoreError> {
    let rows = last_of_each(org, accounts, |account| clean(&account.account_id.0).into_owned());
    let written = upsert_accounts(tx, &values(&rows)).await?;
    Ok(written + mark_others(tx, org, &OTHER_ACCOUNTS, listing, keys(&rows), now).await?)
}

bulk! {
    PLAYBOOKS, async fn upsert_playbooks(new: In<'_, Playbook>) = "INSERT INTO playbooks" (
        org_id int = new.0.0,
        playbook_id int = new.1.playbook_id.0,
        name text = plain(new.1.name.as_ref()),
        report_type text = plain(new.1.report_type.as_ref()),
        interaction_id int = new.1.interaction_id,
        created_at int = new.1.created_at.map(|at| at.0),
        updated_at int = new.1.updated_at.map(|at| at.0),
        created_author_id int = new.1.created_author_id.map(|id| id.0),
        updated_author_id int = new.1.updated_author_id.map(|id| id.0),
        goals text = clean(&new.1.goals),
        extra text = clean(&new.1.extra),
    ) upsert!(playbooks, "org_id, playbook_id", name, report_type, interaction_id, created_at, updated_at,
        created_author_id, updated_author_id, goals, extra)
}
const OTHER_PLAYBOOKS: Pair = mark_others!("playbooks", "CAST(playbook_id AS TEXT)");

/// Store playbooks; those missing from a complete list are marked gone (Drift lists only active ones).
///
/// # Errors
/// The database's error.
pub async fn apply_playbooks(
    tx: &mut Tx,
    org: OrgId,
    playbooks: &[Playbook],
    listing: Listing,
    now: Millis,
) -> Result<u64, StoreError> {
    let rows = last_of_each(org, playbooks, |playbook| playbook.playbook_id.to_string());
    let written = upsert_playbooks(tx, &values(&rows)).await?;
    Ok(written + mark_others(tx, org, &OTHER_PLAYBOOKS, listing, keys(&rows), now).await?)
}

bulk! {
    LANDING_PAGES, async fn upsert_landing_pages(new: In<'_, LandingPage>) = "INSERT INTO landing_pages" (
        org_id int = new.0.0,
        playbook_id int = new.1.playbook_id.0,
        url text = clean(&new.1.url),
        playbook_name text = plain(new.1.playbook_name.as_ref()),
        extra text = clean(&new.1.extra),
    ) upsert!(landing_pages, "org_id, playbook_id, url", playbook_name, extra)
}
const OTHER_LANDING_PAGES: Pair = mark_others!("landing_pages", "CAST(playbook_id AS TEXT) || ' ' || url");

/// Store landing pages; those missing from a complete list are marked gone.
///
/// # Errors
/// The database's error.
pub async fn apply_landing_pages(
    tx: &mut Tx,
    org: OrgId,
    pages: &[LandingPage],
    listing: Listing,
    now: Millis,
) -> Result<u64, StoreError> {
    let rows = last_of_each(org, pages, |page| format!("{} {}", page.playbook_id, clean(&page.url)));
    let written = upsert_landing_pages(tx, &values(&rows)).await?;
    Ok(written + mark_others(tx, org, &OTHER_LANDING_PAGES, listing, keys(&rows), now).await?)
}

bulk! {
    ATTRIBUTES, async fn upsert_attributes(new: In<'_, ContactAttribute>) = "INSERT INTO contact_attributes" (
        org_id int = new.0.0,
        name text = clean(&new.1.name),
        display_name text = plain(new.1.display_name.as_ref()),
        kind text = plain(new.1.kind.as_ref()),
        extra text = clean(&new.1.extra),
    ) upsert!(contact_attributes, "org_id, name", display_name, kind, extra)
}
const OTHER_ATTRIBUTES: Pair = mark_others!("contact_attributes", "name");

/// Store the definitions of contact attributes; those missing from a complete list are marked gone.
///
/// # Errors
/// The database's error.
pub async fn apply_contact_attributes(
    tx: &mut Tx,
    org: OrgId,
    attributes: &[ContactAttribute],
    listing: Listing,
    now: Millis,
) -> Result<u64, StoreError> {
    let rows = last_of_each(org, attributes, |attribute| clean(&attribute.name).into_owned());
    let written = upsert_attributes(tx, &values(&rows)).await?;
    Ok(written + mark_others(tx, org, &OTHER_ATTRIBUTES, listing, keys(&rows), now).await?)
}

bulk! {
    MEETINGS, async fn upsert_meetings(new: In<'_, Meeting>) = "INSERT INTO meetings" (
        org_id int = new.0.0,
        meeting_id text = clean(&new.1.meeting_id.0),
        conversation_id int = new.1.conversation_id.map(|id| id.0),
        contact_id int = new.1.contact_id.map(|id| id.0),
        agent_id int = new.1.agent_id.map(|id| id.0),
        status text = plain(new.1.status.as_ref()),
        source text = plain(new.1.source.as_ref()),
        kind text = plain(new.1.kind.as_ref()),
        event_id text = plain(new.1.event_id.as_ref()),
        slot_start int = new.1.slot_start.map(|at| at.0),
        slot_end int = new.1.slot_end.map(|at| at.0),
        scheduled_at int = new.1.scheduled_at.map(|at| at.0),
        updated_at int = new.1.updated_at.map(|at| at.0),
        time_zone text = plain(new.1.time_zone.as_ref()),
        notes text = pii(new.1.notes.as_ref()),
        extra text = clean(&new.1.extra),
    ) upsert_kept!(meetings, "org_id, meeting_id", conversation_id, contact_id, agent_id, status, source, kind,
        event_id, slot_start, slot_end, scheduled_at, updated_at, time_zone, notes, extra)
}

/// Store meetings. Drift lists the last 30 days only, so none is ever marked gone.
///
/// # Errors
/// The database's error.
pub async fn apply_meetings(
    tx: &mut Tx,
    org: OrgId,
    meetings: &[Meeting],
    _now: Millis,
) -> Result<u64, StoreError> {
    let rows = last_of_each(org, meetings, |meeting| clean(&meeting.meeting_id.0).into_owned());
    upsert_meetings(tx, &values(&rows)).await
}

bulk! {
    REPORT_VALUES, async fn upsert_report_values(new: In<'_, ReportValue>) = "INSERT INTO report_values" (
        org_id int = new.0.0,
        conversation_id int = new.1.conversation_id.0,
        metric text = clean(&new.1.metric),
        value real = new.1.value,
    ) upsert_kept!(report_values, "org_id, conversation_id, metric", value)
}

/// Store metrics of conversations.
///
/// # Errors
/// The database's error.
pub async fn apply_report_values(
    tx: &mut Tx,
    org: OrgId,
    reported: &[ReportValue],
    _now: Millis,
) -> Result<u64, StoreError> {
    let rows =
        last_of_each(org, reported, |value| (value.conversation_id, clean(&value.metric).into_owned()));
    upsert_report_values(tx, &values(&rows)).await
}

/// Of rows with the same key the last: a list may repeat one, and a statement may write a row only once.
fn last_of_each<T, K: Ord>(org: OrgId, all: &[T], key: impl Fn(&T) -> K) -> BTreeMap<K, In<'_, T>> {
    all.iter().map(|item| (key(item), In(org, item))).collect()
}

fn values<'a, T, K>(rows: &BTreeMap<K, In<'a, T>>) -> Vec<In<'a, T>> {
    rows.values().map(|row| In(row.0, row.1)).collect()
}

fn keys<T>(rows: &BTreeMap<String, In<'_, T>>) -> String {
    serde_json::Value::from_iter(rows.keys().map(String::as_str)).to_string()
}

async fn mark_others(
    tx: &mut Tx,
    org: OrgId,
    statement: &Pair,
    listing: Listing,
    keys: String,
    now: Millis,
) -> Result<u64, StoreError> {
    if listing == Listing::Partial {
        return Ok(0);
    }
    let text = statement.of(tx);
    Ok(on_tx!(tx, conn => sqlx::query(text)
        .bind(org.0)
        .bind(now.0)
        .bind(keys)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?)
}

pub(crate) const PAIRS: &[(&str, &Pair)] = &[
    ("directory::OTHER_USERS", &OTHER_USERS),
    ("directory::OTHER_TEAMS", &OTHER_TEAMS),
    ("directory::OTHER_ACCOUNTS", &OTHER_ACCOUNTS),
    ("directory::OTHER_PLAYBOOKS", &OTHER_PLAYBOOKS),
    ("directory::OTHER_LANDING_PAGES", &OTHER_LANDING_PAGES),
    ("directory::OTHER_ATTRIBUTES", &OTHER_ATTRIBUTES),
];

pub(crate) const BULK: &[(&str, &crate::bulk::Texts)] = &[
    ("directory::USERS", &USERS),
    ("directory::TEAMS", &TEAMS),
    ("directory::ACCOUNTS", &ACCOUNTS),
    ("directory::PLAYBOOKS", &PLAYBOOKS),
    ("directory::LANDING_PAGES", &LANDING_PAGES),
    ("directory::ATTRIBUTES", &ATTRIBUTES),
    ("directory::MEETINGS", &MEETINGS),
    ("directory::REPORT_VALUES", &REPORT_VALUES),
];
