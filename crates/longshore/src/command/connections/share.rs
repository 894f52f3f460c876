//! `longshore connections share`: a link for a customer's administrator, who needs no user here.

use model::{Profile, ShareLinkId};
use serde::Serialize;
use store::audit::{self, Action, NewEntry, Object, ObjectKind};
use store::install::links::{self, LIFE_MS_MAX, ShareLink, USES_MAX};

use crate::app::App;
use crate::database::{self, Missing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::table::instant;
use crate::{links as urls, when, who};

/// Make a link with which somebody connects Drift, and print it
///
/// Whoever opens it sees one page, with what is asked for and why, and is led to Drift's own. With --org the link takes the grant
/// of that organization alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the connection is for: archive, live or read-write
    #[arg(long, value_name = "PROFILE", default_value = "archive")]
    profile: Profile,
    /// When the link ends, such as 12h or 7d; 90 days at most
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = expires)]
    expires: i64,
    /// How many connections it may make
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=USES_MAX))]
    uses: i64,
}

#[derive(Debug, Serialize)]
struct Report {
    link_id: String,
    profile: &'static str,
    /// None: any.
    organization: Option<i64>,
    ends_at: i64,
    uses_max: i64,
    /// Told this once.
    url: String,
}

fn expires(text: &str) -> Result<i64, String> {
    let ms = when::span(text)?;
    if (1..=LIFE_MS_MAX).contains(&ms) { Ok(ms) } else { Err("expected 90 days at most".into()) }
}

/// Make it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    let db = database::open(app, Missing::Make).await?;
    let vault = database::vault(app, &db).await?;
    let now = app.clock.now();
    let id = ShareLinkId::new(app.clock.as_ref(), app.entropy.as_ref());
    let (org, until) = (app.config.org, now.plus(args.expires));
    let link = ShareLink::new(id, (org, args.profile), (now, until), args.uses);
    let done = async {
        let key = links::signing_key(&db, &vault, now).await?;
        let mut tx = db.begin().await?;
        let token = links::create(&mut tx, &link, &key).await?;
        let (who, object) = (who::command(), Object::new(ObjectKind::ShareLink, link.link_id.0.as_str()));
        let entry = NewEntry::done(now, &who, Action::ShareLinkCreate, object);
        audit::append(&mut tx, &NewEntry { org, ..entry.because(link.profile.as_str()) })?;
        tx.commit().await?;
        Ok(token)
    };
    let token = done.await.map_err(|error| super::failed(app, &error))?;
    db.close().await;
    let base = urls::base(app, &app.config.serving.listen.to_string());
    let report = Report {
        link_id: link.link_id.0,
        profile: link.profile.as_str(),
        organization: link.org.map(|org| org.0),
        ends_at: link.ends_at.0,
        uses_max: link.uses_max,
        url: web::install::link_url(&base, &token),
    };
    app.output.report(Exit::Done, &report, &text(&report))?;
    if app.config.client_id.is_none() {
        app.output.note(
            "hint: the node needs client_id and LONGSHORE_CLIENT_SECRET before anybody can use the link",
        );
    }
    Ok(Exit::Done)
}

fn text(report: &Report) -> String {
    let whose = report
        .organization
        .map_or_else(|| "any organization".to_owned(), |org| format!("organization {org}"));
    let times = if report.uses_max == 1 { "once".to_owned() } else { format!("{} times", report.uses_max) };
    format!(
        "good for {whose}, as {}, {times}, until {}\nthe link, shown this once:\n{}\n",
        report.profile,
        instant(report.ends_at),
        report.url
    )
}
