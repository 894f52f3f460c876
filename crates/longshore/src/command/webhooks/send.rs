//! `longshore webhooks send`: an example event, posted as Drift would post it.

use drift::webhook::{EXAMPLES, Event, Example};
use drift::{Limits, SystemClock};
use http::{Request, header};
use model::{ConversationId, Millis, OrgId, Secret};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::app::App;
use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::{input, network};

/// How long the receiver may take, in milliseconds.
const ANSWER_MS_MAX: u64 = 10_000;
/// What is read of its answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// The instants of the examples lie around this one; they are moved to the present.
const EXAMPLES_AT: i64 = 1_717_400_000_000;
/// How far around it, in milliseconds: ids lie far outside.
const EXAMPLES_SPAN_MS: i64 = 400 * 24 * 60 * 60 * 1_000;
/// The organization of an example where none is given.
const ORG: OrgId = OrgId(4242);

/// Send an example event to a receiver of yours
///
/// The people in it are invented; its times are the present ones.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The event's type, such as new_message; "list" names them all
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Where to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8918/webhooks/drift")]
    to: Url,
    /// Read the verification token to send from stdin
    #[arg(long)]
    token_stdin: bool,
    /// About this conversation instead of the example's
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: String,
    status: u16,
    answer: String,
}

#[derive(Debug, Serialize)]
struct Types {
    types: Vec<&'static str>,
}

/// Send it.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit, Failure> {
    if args.kind == "list" {
        let types: Vec<&str> = EXAMPLES.iter().map(|example| example.kind).collect();
        let text = types.join("\n") + "\n";
        return app.output.report(Exit::Done, &Types { types }, &text);
    }
    let example = Example::of(&args.kind).ok_or_else(|| {
        Failure::usage(format!("no event type \"{}\" is documented", args.kind))
            .hint("\"longshore webhooks send list\" names them all")
    })?;
    let token =
        if args.token_stdin { input::secret_from_stdin("verification token")? } else { Secret::new("") };
    let body = body(example, app.config.org.unwrap_or(ORG), &token, args.conversation, app.clock.now())?;
    let (status, answer) = post(app, &args.to, body).await?;
    let report = Report { kind: args.kind, status, answer };
    let text = format!("{} was answered {}\n{}", report.kind, report.status, report.answer);
    let exit = if (200..300).contains(&report.status) { Exit::Done } else { Exit::Refused };
    app.output.report(exit, &report, text.trim_end())
}

async fn post(app: &App, to: &Url, body: String) -> Result<(u16, String), Failure> {
    let request = Request::post(to.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .map_err(|_| Failure::usage(format!("cannot post to {to}")))?;
    let transport = network::transport_to(&app.config, to)?;
    let sending = transport.send(request, Limits { body_bytes_max: ANSWER_BYTES_MAX });
    let unreachable = |reason: String| {
        Failure::new(Exit::Unreachable, format!("{to} did not answer: {reason}"))
            .hint("start \"longshore webhooks listen\" or \"longshore serve\", or give --to")
    };
    let response = drift::deadline(&SystemClock, ANSWER_MS_MAX, sending)
        .await
        .map_err(|elapsed| unreachable(elapsed.to_string()))?
        .map_err(|error| unreachable(chain(&error)))?;
    let answer = String::from_utf8_lossy(response.body()).trim().to_owned();
    Ok((response.status().as_u16(), answer))
}

/// The example's body, as of now and about the given conversation.
fn body(
    example: &Example,
    org: OrgId,
    token: &Secret,
    conversation: Option<ConversationId>,
    now: Millis,
) -> Result<String, Failure> {
    let mut body: Value = serde_json::from_str(&example.body(org, token.expose()))
        .map_err(|error| Failure::unexpected(format!("an example is no JSON: {error}")))?;
    change(&mut body["data"], &mut |name, number| match name {
        "orgId" => org.0,
        _ if (number - EXAMPLES_AT).abs() < EXAMPLES_SPAN_MS => number - EXAMPLES_AT + now.0,
        _ => number,
    });
    let Some(wanted) = conversation else { return Ok(body.to_string()) };
    let read =
        |body: &Value| Event::parse(body.to_string().as_bytes()).ok().and_then(|event| event.conversation);
    let was = read(&body).map_or(0, |id| id.0);
    change(&mut body["data"], &mut |_, number| if number == was { wanted.0 } else { number });
    if read(&body) != Some(wanted) {
        return Err(Failure::usage(format!("{} is about no conversation", example.kind))
            .hint("leave --conversation away, or send another type"));
    }
    Ok(body.to_string())
}

/// Replace every whole number, by its name and value. Examples are ours, and shallow.
fn change(value: &mut Value, to: &mut impl FnMut(&str, i64) -> i64) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_i64() {
                    Some(number) => *value = to(name, number).into(),
                    None => change(value, to),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| change(value, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_an_event_of_now_and_of_the_organization() {
        let now = Millis(1_795_000_000_000);
        for example in EXAMPLES {
            let body = body(example, OrgId(7), &Secret::new("t"), None, now).unwrap();
            let event = Event::parse(body.as_bytes()).unwrap();
            assert_eq!(event.org, OrgId(7), "{}", example.kind);
            let age = event.occurred_at.map_or(0, |at| now.since(at).abs());
            assert!(age < EXAMPLES_SPAN_MS, "{} is {age} ms old", example.kind);
        }
    }

    #[test]
    fn an_event_can_be_made_one_of_another_conversation() {
        let example = Example::of("new_message").unwrap();
        let wanted = ConversationId(42);
        let body = body(example, ORG, &Secret::new(""), Some(wanted), Millis(1_795_000_000_000)).unwrap();
        assert_eq!(Event::parse(body.as_bytes()).unwrap().conversation, Some(wanted));
    }
}
