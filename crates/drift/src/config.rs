//! Where the API is and how much patience it is given.

use url::Url;

use crate::Error;

/// Largest body that is read for ordinary answers: a page of 100 long messages stays far below.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Attempts for one call before it is given up.
const ATTEMPTS_MAX: u32 = 8;
/// Longest wait for one attempt's whole answer, in milliseconds.
const DEADLINE_MS: u64 = 30_000;
/// First backoff, in milliseconds; doubled with every attempt.
const BACKOFF_BASE_MS: u64 = 500;
/// Longest backoff, in milliseconds.
const BACKOFF_MAX_MS: u64 = 60_000;
/// Calls a minute that are assumed until the service teaches otherwise; Drift publishes no number.
const PER_MINUTE: u32 = 600;
/// Calls a minute for reports (Drift: Conversation Reporting).
const REPORTS_PER_MINUTE: u32 = 60;
/// Pages of one list before it is taken for endless: 50 million rows at 50 a page.
const PAGES_MAX: u64 = 1_000_000;

/// Where the API is and how much patience it is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Base of the REST API.
    pub api: Url,
    /// Base for the conversation list alone; the newer page names `https://api.drift.com`. `None`: same as `api`.
    pub conversation_list: Option<Url>,
    /// Base of the legacy event collector.
    pub events: Url,
    /// OAuth consent page.
    pub authorize: Url,
    /// Further hosts (`host` or `host:port`) to which a page link may lead, as the token goes with the request.
    /// The bases above and Drift's own two API hosts always may.
    pub hosts_allowed: Vec<String>,
    /// Largest body that is read for ordinary answers.
    pub body_bytes_max: u64,
    /// Attempts for one call, at least 1.
    pub attempts_max: u32,
    /// Longest wait for one attempt's whole answer, in milliseconds.
    pub deadline_ms: u64,
    /// First backoff, in milliseconds.
    pub backoff_base_ms: u64,
    /// Longest backoff, in milliseconds.
    pub backoff_max_ms: u64,
    /// Calls a minute that are assumed; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Calls a minute for reports; `None` for no limit.
    pub reports_per_minute: Option<u32>,
    /// Pages of one list before it is taken for endless.
    pub pages_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        let url = |text| Url::parse(text).expect("a constant URL");
        Self {
            api: url("https://driftapi.com"),
            conversation_list: None,
            events: url("https://event.api.drift.com"),
            authorize: url("https://dev.drift.com/authorize"),
            hosts_allowed: Vec::new(),
            body_bytes_max: BODY_BYTES_MAX,
            attempts_max: ATTEMPTS_MAX,
            deadline_ms: DEADLINE_MS,
            backoff_base_ms: BACKOFF_BASE_MS,
            backoff_max_ms: BACKOFF_MAX_MS,
            per_minute: Some(PER_MINUTE),
            reports_per_minute: Some(REPORTS_PER_MINUTE),
            pages_max: PAGES_MAX,
        }
    }
}

impl Config {
    /// Everything at one base, as a sandbox or a proxy has it: API, list, events and consent page.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a text that is no `http` or `https` URL with a host.
    pub fn at(base: &str) -> Result<Self, Error> {
        let api = base_url(base)?;
        let mut authorize = api.clone();
        authorize.set_path(&format!("{}/authorize", api.path().trim_end_matches('/')));
        Ok(Self { conversation_list: None, events: api.clone(), authorize, api, ..Self::default() })
    }

    /// Take the conversation list from another base.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a text that is no `http` or `https` URL with a host.
    pub fn conversation_list(mut self, base: &str) -> Result<Self, Error> {
        self.conversation_list = Some(base_url(base)?);
        Ok(self)
    }

    /// Let page links lead to this host (`host` or `host:port`), too.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts_allowed.push(host.into());
        self
    }

    /// Assume this many calls a minute; `None` for no limit. Reports are bounded by the smaller of this and
    /// their own 60.
    #[must_use]
    pub fn per_minute(mut self, calls: Option<u32>) -> Self {
        self.per_minute = calls;
        self.reports_per_minute = calls.map(|calls| calls.min(REPORTS_PER_MINUTE));
        self
    }

    /// Try each call at most this often.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// Wait at most this long for one attempt, in milliseconds.
    #[must_use]
    pub fn deadline_ms(mut self, ms: u64) -> Self {
        self.deadline_ms = ms;
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let invalid = |what: &str| Err(Error::InvalidConfig { what: what.to_owned() });
        let bases =
            [Some(&self.api), self.conversation_list.as_ref(), Some(&self.events), Some(&self.authorize)];
        for base in bases.into_iter().flatten() {
            base_url(base.as_str())?;
        }
        if self.attempts_max == 0 {
            return invalid("attempts_max must be at least 1");
        }
        if self.per_minute == Some(0) || self.reports_per_minute == Some(0) {
            return invalid("a budget must be at least 1 call a minute");
        }
        Ok(())
    }

    /// Whether the token may go to this address.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        let bases = [Some(&self.api), self.conversation_list.as_ref()];
        if bases.into_iter().flatten().any(|base| base.origin() == url.origin()) {
            return true;
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
        if url.scheme() == "https" && port == 443 && matches!(host, "driftapi.com" | "api.drift.com") {
            return true;
        }
        let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && self.api.scheme() == "http");
        let default_port = if url.scheme() == "https" { 443 } else { 80 };
        scheme_fits
            && self.hosts_allowed.iter().any(|allowed| {
                let (name, number) = match allowed.rsplit_once(':') {
                    Some((name, number)) if number.parse::<u16>().is_ok() => {
                        (name, number.parse().unwrap_or(0))
                    }
                    _ => (allowed.as_str(), default_port),
                };
                name.eq_ignore_ascii_case(host) && number == port
            })
    }
}

fn base_url(text: &str) -> Result<Url, Error> {
    let invalid = |what: &str| Error::InvalidConfig { what: what.to_owned() };
    let url = Url::parse(text).map_err(|_| invalid("the API's base is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(invalid("the API's base must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(invalid("the API's base must hold neither user nor query"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_only_to_allowed_hosts() {
        let at = |base: &str| Config::at(base).unwrap();
        let allows = |config: &Config, url: &str| config.allows(&Url::parse(url).unwrap());
        let drift = Config::default();
        assert!(allows(&drift, "https://api.drift.com/conversations/list?page_token=x"));
        assert!(
            !allows(&drift, "http://api.drift.com/conversations/list"),
            "the token would go in the clear"
        );
        assert!(!allows(&drift, "https://api.drift.com.evil.test/"));
        assert!(!allows(&drift, "https://driftapi.com:8443/"));
        let sandbox = at("http://127.0.0.1:4010").allow_host("localhost:4010");
        assert!(allows(&sandbox, "http://127.0.0.1:4010/conversations/list"));
        assert!(allows(&sandbox, "http://localhost:4010/conversations/list"));
        assert!(!allows(&sandbox, "http://127.0.0.1:4011/"));
        assert!(!allows(&at("https://drift.test").allow_host("list.test"), "http://list.test/"));
    }

    #[test]
    fn a_base_that_is_no_base_is_refused() {
        for text in
            ["driftapi.com", "ftp://driftapi.com", "https://u:p@driftapi.com", "https://d.test/?token=x"]
        {
            assert!(Config::at(text).is_err(), "{text}");
        }
    }
}
