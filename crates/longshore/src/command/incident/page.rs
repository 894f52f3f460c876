//! The summary page of a bundle, as Markdown: for whoever has to tell others what happened.

use super::gather::{Grant, Incident};
use crate::output::table::{grouped, instant};

/// The page.
pub(super) fn text(incident: &Incident) -> String {
    let whose =
        incident.organization.map_or_else(|| "all organizations".into(), |org| format!("organization {org}"));
    let mut text = format!(
        "# What happened: {whose}\n\nFrom {} to {}, written {}. Use is counted by the hour: the hours that this touches are told whole.\n\n",
        instant(incident.since.0),
        instant(incident.until.0),
        instant(incident.made_at.0)
    );
    text += "| file | what it is |\n|---|---|\n";
    text += "| `incident.json` | all of this, for machines |\n";
    text += "| `audit.ndjson` | the audit log from the entry before the window to the checkpoint behind it, of every organization: its hashes are one chain |\n";
    text += "| `manifest.json`, `manifest.sig` | names, sizes and hashes of these files, signed by the key of the audit log |\n\n";
    text += "`longshore audit verify --bundle DIR --public-key KEY` checks all of it without a database. There is no secret in it and nothing personal but the addresses requests came from.\n";
    for grant in &incident.connections {
        text += &of_grant(grant);
    }
    text += &section(
        "Requests at our doors",
        &["org", "who", "address", "client", "endpoint", "requests", "refused", "records"],
        incident.requests.iter().map(|one| {
            vec![
                one.organization.to_string(),
                format!("{} {}", one.actor_kind, one.actor_id),
                one.address.clone(),
                one.client.clone(),
                one.endpoint.clone(),
                grouped(one.requests),
                grouped(one.refused),
                grouped(one.rows_read),
            ]
        }),
    );
    text += &section(
        "Alarms in the window",
        &["org", "at", "kind", "what"],
        incident.alarms.iter().map(|one| {
            vec![one.organization.to_string(), instant(one.at.0), one.kind.clone(), one.message.clone()]
        }),
    );
    text += &section(
        "Notices that stand now",
        &["org", "since", "kind", "what"],
        incident.notices.iter().map(|one| {
            vec![one.organization.to_string(), instant(one.first_at.0), one.kind.clone(), one.message.clone()]
        }),
    );
    text +=
        &section(
            "Audit entries of the window",
            &["action", "entries", "refused or failed"],
            incident.audit.actions.iter().map(|(action, told)| {
                vec![action.clone(), told.entries.to_string(), told.not_done.to_string()]
            }),
        );
    if incident.audit.more {
        text += "\nThere are more entries than were counted here; the log has them all.\n";
    }
    text
}

fn of_grant(grant: &Grant) -> String {
    let at = |at: Option<model::Millis>| at.map_or_else(|| "never".to_owned(), |at| instant(at.0));
    let mut text = format!(
        "\n## Organization {}, connection {}\n\n- {} grant, {}; made {}; last used {}; use recorded since {}\n",
        grant.organization,
        grant.connection_id,
        grant.kind,
        grant.state,
        instant(grant.created_at.0),
        at(grant.last_used_at),
        at(grant.watched_since)
    );
    let ends = grant
        .token_ends_at
        .map_or_else(|| "does not end by itself".to_owned(), |at| format!("ends {}", instant(at.0)));
    let kept = grant
        .secrets
        .iter()
        .map(|one| format!("{} version {} of {}", one.kind, one.version, instant(one.saved_at.0)));
    text += &format!("- token {ends}; in the vault: {}\n", list(kept));
    text += &format!("- scopes: {}\n", list(grant.scopes.iter().cloned()));
    text += &format!("- addresses: {}\n", list(grant.addresses.iter().cloned()));
    text += &format!(
        "- in the window: {} calls, {} of them failed, {} records read\n",
        grouped(grant.calls),
        grouped(grant.failed),
        grouped(grant.rows_read)
    );
    let objects = grant
        .objects
        .iter()
        .map(|(what, sum)| format!("{} {what} in {} calls", grouped(sum.rows_read), grouped(sum.calls)));
    text += &format!("- objects read: {}\n", list(objects));
    text += &table(
        &["endpoint", "scope", "calls", "failed", "records", "last hour"],
        grant.endpoints.iter().map(|one| {
            vec![
                one.endpoint.clone(),
                one.scope.unwrap_or_default().to_owned(),
                grouped(one.calls),
                grouped(one.failed),
                grouped(one.rows_read),
                instant(one.last_hour.0),
            ]
        }),
    );
    text
}

fn list(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    if all.is_empty() { "none".to_owned() } else { plain(&all.join(", ")) }
}

fn section(title: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let table = table(columns, rows);
    if table.is_empty() { format!("\n## {title}\n\nnone\n") } else { format!("\n## {title}\n{table}") }
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return String::new();
    }
    let mut text = format!("\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

/// A text that is nothing but text in Markdown and in a page made of it.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '<' => plain += "&lt;",
            '>' => plain += "&gt;",
            '&' => plain += "&amp;",
            '|' | '`' | '[' | ']' | '*' | '\\' => plain.extend(['\\', one]),
            one if one.is_control() => plain.push(' '),
            one => plain.push(one),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_somebody_else_is_nothing_but_text() {
        let cell = table(&["what"], [vec!["a|b <img src=x>\n[c](d)".to_owned()]].into_iter());
        assert!(cell.ends_with("| a\\|b &lt;img src=x&gt; \\[c\\](d) |\n"), "{cell}");
        assert_eq!(table(&["what"], std::iter::empty()), "");
    }
}
