//! `longshore keys show`: which keys there are, by name, and what hangs on each.

use serde::Serialize;
use store::vault::{self, Overview};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::{Column, grouped, instant, table};

/// Show the keys of the vault by name, and what each opens
///
/// A key itself is never shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    /// Where keys are read.
    source: String,
    keys: Vec<Line>,
    data_keys: i64,
    data_keys_replaced: i64,
    secrets: i64,
    secrets_first_format: i64,
}

#[derive(Debug, Serialize)]
struct Line {
    key_id: String,
    /// `new`: it is at hand, and the database has not used it.
    state: &'static str,
    at_hand: bool,
    data_keys: i64,
    first_used_at: Option<i64>,
    retired_at: Option<i64>,
}

/// Show them.
pub(crate) async fn run(app: &App, _: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Refuse).await?;
    let keys = database::keys(app, &db).await?;
    let at_hand = keys.ids().await.map_err(|error| super::failed(app, &error.into()))?;
    let overview = vault::overview(&db).await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let report = report(keys.name(), &at_hand, overview);
    app.output.report(Exit::Done, &report, &text(&report))
}

fn report(source: String, at_hand: &[vault::KeyId], overview: Overview) -> Report {
    let mut keys: Vec<Line> = at_hand
        .iter()
        .rev()
        .filter(|id| overview.keys.iter().all(|known| known.key_id != **id))
        .map(|id| Line {
            key_id: id.to_string(),
            state: "new",
            at_hand: true,
            data_keys: 0,
            first_used_at: None,
            retired_at: None,
        })
        .collect();
    keys.extend(overview.keys.iter().map(|known| Line {
        key_id: known.key_id.to_string(),
        state: known.state.as_str(),
        at_hand: at_hand.contains(&known.key_id),
        data_keys: known.data_keys,
        first_used_at: Some(known.first_used_at.0),
        retired_at: known.retired_at.map(|at| at.0),
    }));
    Report {
        source,
        keys,
        data_keys: overview.data_keys,
        data_keys_replaced: overview.replaced,
        secrets: overview.secrets,
        secrets_first_format: overview.first_format,
    }
}

fn text(report: &Report) -> String {
    let columns = [
        Column::Text("key"),
        Column::Text("state"),
        Column::Text("at hand"),
        Column::Number("data keys"),
        Column::Text("used since"),
        Column::Text("retired"),
    ];
    let rows = report.keys.iter().map(|line| {
        vec![
            line.key_id.clone(),
            line.state.into(),
            if line.at_hand { "yes" } else { "no" }.into(),
            grouped(line.data_keys),
            line.first_used_at.map_or_else(String::new, instant),
            line.retired_at.map_or_else(String::new, instant),
        ]
    });
    let mut text = format!("keys are read from {}\n", report.source);
    text += &table(&columns, rows.collect());
    text += &format!("{} secrets", grouped(report.secrets));
    if report.secrets_first_format > 0 {
        let first = grouped(report.secrets_first_format);
        text += &format!(", {first} of them of the first format: \"longshore keys rotate\" seals them anew");
    }
    text + "\n"
}
