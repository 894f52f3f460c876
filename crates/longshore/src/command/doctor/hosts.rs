//! Whether each host answers, under a certificate that is its own, and whether our clock agrees with it.

use bytes::Bytes;
use drift::{Limits, Transport, deadline};
use http::{Request, Response, header};
use model::Millis;
use url::Url;

use super::Check;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network;
use crate::output::table::duration;

/// Patience for one host, in milliseconds.
const PATIENCE_MS: u64 = 15_000;
/// A clock that is off by more than this makes tokens look expired, or fresh when they are not.
const SKEW_MS_MAX: i64 = 60_000;
/// What a host says at its root is not read beyond this.
const ANSWER: Limits = Limits { body_bytes_max: 1 << 20 };

/// A check of each host, and one of the clock.
pub(super) async fn check_all(app: &App) -> Vec<Check> {
    let transport = match network::transport(app) {
        Ok(transport) => transport,
        Err(failure) => return vec![Check::failed("network", failure)],
    };
    let config = &app.config;
    let mut checks = Vec::new();
    let mut skew = None;
    let mut asked: Vec<url::Origin> = Vec::new();
    for (name, url) in
        [("api", &config.api_url), ("list host", &config.list_url), ("consent page", &config.authorize_url)]
    {
        if asked.contains(&url.origin()) {
            continue;
        }
        asked.push(url.origin());
        let began = app.clock.now();
        match knock(app, transport.as_ref(), url).await {
            Ok(response) => {
                let ended = app.clock.now();
                skew = skew.or_else(|| skew_ms(&response, ended));
                let took = duration(ended.since(began));
                let host = url.host_str().unwrap_or_default();
                checks.push(Check::passed(
                    name,
                    format!("{host} answered {} in {took}", response.status().as_u16()),
                ));
            }
            Err(failure) => checks.push(Check::failed(name, failure)),
        }
    }
    checks.push(clock(skew));
    checks
}

async fn knock(app: &App, transport: &dyn Transport, url: &Url) -> Result<Response<Bytes>, Failure> {
    let mut root = url.clone();
    root.set_path("/");
    let host = root.host_str().unwrap_or_default().to_owned();
    let request = Request::get(root.as_str())
        .body(Bytes::new())
        .map_err(|error| Failure::unexpected(format!("no request for {host}: {error}")))?;
    match deadline(app.clock.as_ref(), PATIENCE_MS, transport.send(request, ANSWER)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(Failure::transport(&host, &error)),
        Err(_) => {
            Err(Failure::new(Exit::Unreachable, format!("{host} did not answer within {}", duration(15_000)))
                .hint("check the address, and that no firewall stands between"))
        }
    }
}

/// How far our clock is ahead of the host's, by its `Date` header (whole seconds, RFC 9110).
fn skew_ms(response: &Response<Bytes>, now: Millis) -> Option<i64> {
    let date = response.headers().get(header::DATE)?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(now.0 - theirs.as_millisecond())
}

fn clock(skew_ms: Option<i64>) -> Check {
    const NAME: &str = "clock";
    match skew_ms {
        None => Check::skipped(NAME, "no host told the time"),
        Some(skew) if skew.abs() > SKEW_MS_MAX => {
            let way = if skew > 0 { "ahead of" } else { "behind" };
            Check::warning(
                NAME,
                format!("{} {way} the API's", duration(skew.abs())),
                "set this machine's clock: tokens are renewed by it",
            )
        }
        Some(_) => Check::passed(NAME, "agrees with the API's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_held_against_the_date_header() {
        let response =
            Response::builder().header("date", "Tue, 14 Nov 2023 22:13:20 GMT").body(Bytes::new()).unwrap();
        assert_eq!(skew_ms(&response, Millis(1_700_000_090_000)), Some(90_000));
        assert_eq!(clock(Some(90_000)).found, "1 min 30 s ahead of the API's");
        assert_eq!(clock(Some(-900)).found, "agrees with the API's");
    }
}
