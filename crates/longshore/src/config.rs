//! The configuration: read once at the start into values that cannot be wrong.
//!
//! File, environment and flags, in that order of rising strength. Whatever is wrong is told with the place
//! where it was given, before anything is begun.

pub(crate) mod file;
pub(crate) mod layer;
pub(crate) mod oidc;
pub(crate) mod serving;
pub(crate) mod setting;
mod watching;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use engine::use_watch::WatchOptions;
use model::{OrgId, Secret};
use sinks::webhook::Reach;
use store::DatabaseUrl;
use url::Url;

use self::layer::{Given, Layers, Origin};
use self::serving::Serving;
use crate::failure::Failure;
#[cfg(feature = "transit")]
use crate::transit::TransitOptions;

/// Calls under way at once, at most.
const CONCURRENCY_MAX: usize = 256;
/// An overlap beyond ten years is a slip of the pen.
const OVERLAP_HOURS_MAX: u32 = 87_600;
/// Nobody waits longer than an hour for a lock, in milliseconds.
const DATABASE_WAIT_MS_MAX: u64 = 3_600_000;
/// A shorter token of the admin API is refused.
const ADMIN_TOKEN_CHARACTERS_MIN: usize = 16;
const MS_PER_HOUR: i64 = 3_600_000;
const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;
/// An endpoint that has failed for a year is of no use to anybody.
const DISABLE_DAYS_MAX: u32 = 366;

/// Nobody waits longer than ten years for a use.
const UNUSED_DAYS_MAX: u32 = 3_650;

/// What the flags say about the configuration.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    pub(crate) file: Option<PathBuf>,
    pub(crate) database: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) log: Option<String>,
    /// Flags of a single command that stand for a setting: its name, the flag and the value.
    pub(crate) named: Vec<(&'static str, &'static str, String)>,
    pub(crate) assignments: Vec<String>,
}

/// All settings, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The file that was read, if there was one.
    pub(crate) file: Option<PathBuf>,
    /// Where each value came from, for `longshore config`.
    pub(crate) layers: Layers,
    pub(crate) database: DatabaseUrl,
    pub(crate) database_wait_ms: u64,
    pub(crate) org: Option<OrgId>,
    pub(crate) key: Option<Secret>,
    /// The program and its arguments; none: there is no such program.
    pub(crate) key_command: Vec<String>,
    pub(crate) key_file: PathBuf,
    #[cfg(feature = "transit")]
    pub(crate) transit: Option<TransitOptions>,
    /// The second place of the audit log's checkpoints.
    pub(crate) audit_checkpoint_file: Option<PathBuf>,
    pub(crate) api_url: Url,
    pub(crate) list_url: Url,
    pub(crate) authorize_url: Url,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) redirect_uri: Url,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) resolve: Vec<Resolve>,
    /// `None`: no limit.
    pub(crate) per_minute: Option<u32>,
    /// `None`: no limit.
    pub(crate) reports_per_minute: Option<u32>,
    pub(crate) concurrency: usize,
    pub(crate) overlap_ms: i64,
    pub(crate) attachment_bytes_max: u64,
    pub(crate) admin_token: Option<Secret>,
    pub(crate) admin_token_file: Option<PathBuf>,
    pub(crate) otlp_url: Option<Url>,
    /// Whether outgoing webhooks may go to private addresses.
    pub(crate) webhooks_private: bool,
    pub(crate) webhooks_disable_ms: i64,
    pub(crate) connections_unused_ms: i64,
    /// `None`: none is given up.
    pub(crate) connections_end_unused_ms: Option<i64>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// What counts as unusual use.
    pub(crate) watching: WatchOptions,
    /// How long use is kept recorded, in milliseconds.
    pub(crate) uses_kept_ms: i64,
    /// What `longshore serve` is told.
    pub(crate) serving: Serving,
    /// The identity provider, if there is one.
    pub(crate) oidc: Option<oidc::Provider>,
}

/// An address to use for a host instead of asking the name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolve {
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Read all layers; `environment` looks a variable up.
    pub(crate) fn load(flags: &Flags, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let mut layers = Layers::defaults();
        let file = file::put_file(&mut layers, flags.file.as_deref())?;
        layers.put_environment(environment);
        for assignment in &flags.assignments {
            layers.put_assignment(assignment)?;
        }
        for (name, text) in [("database", &flags.database), ("org", &flags.org), ("log", &flags.log)] {
            if let Some(text) = text {
                let setting = setting::find(name).expect("the setting is in the table");
                layers.put(setting, Given { text: text.clone(), origin: Origin::Flag(format!("--{name}")) });
            }
        }
        for (name, flag, text) in &flags.named {
            let setting = setting::find(name).expect("the setting is in the table");
            layers.put(setting, Given { text: text.clone(), origin: Origin::Flag((*flag).to_owned()) });
        }
        Self::parse(layers, file)
    }

    fn parse(layers: Layers, file: Option<PathBuf>) -> Result<Self, Failure> {
        let api_url = read(&layers, "api_url", reachable)?;
        let serving = Serving::parse(&layers)?;
        Ok(Self {
            oidc: oidc::parse(&layers, serving.public_url.as_ref())?,
            database: read(&layers, "database", database)?,
            database_wait_ms: read(&layers, "database_wait_ms", |text| {
                bounded(text, 0, DATABASE_WAIT_MS_MAX)
            })?,
            org: optional(&layers, "org", organization)?,
            key: optional(&layers, "key", secret)?,
            key_command: read(&layers, "key_command", words)?,
            key_file: read(&layers, "key_file", path)?,
            #[cfg(feature = "transit")]
            transit: transit(&layers)?,
            audit_checkpoint_file: optional(&layers, "audit_checkpoint_file", path)?,
            list_url: optional(&layers, "list_url", reachable)?.unwrap_or_else(|| api_url.clone()),
            authorize_url: optional(&layers, "authorize_url", url)?
                .unwrap_or_else(|| authorize_url(&api_url)),
            api_url,
            client_id: optional(&layers, "client_id", |text| Ok(text.to_owned()))?,
            client_secret: optional(&layers, "client_secret", secret)?,
            client_secret_file: optional(&layers, "client_secret_file", path)?,
            redirect_uri: read(&layers, "redirect_uri", url)?,
            ca_file: optional(&layers, "ca_file", path)?,
            resolve: read(&layers, "resolve", resolve)?,
            per_minute: read(&layers, "per_minute", number)?,
            reports_per_minute: read(&layers, "reports_per_minute", number)?,
            concurrency: read(&layers, "concurrency", |text| bounded(text, 1, CONCURRENCY_MAX))?,
            overlap_ms: i64::from(read(&layers, "overlap_hours", |text| {
                bounded(text, 0, OVERLAP_HOURS_MAX)
            })?) * MS_PER_HOUR,
            attachment_bytes_max: read(&layers, "attachment_bytes_max", |text| bounded(text, 0, u64::MAX))?,
            admin_token: optional(&layers, "admin_token", admin_token)?,
            admin_token_file: optional(&layers, "admin_token_file", path)?,
            otlp_url: optional(&layers, "otlp_url", collector)?,
            webhooks_private: read(&layers, "webhooks_private", flag)?,
            webhooks_disable_ms: i64::from(read(&layers, "webhooks_disable_days", |text| {
                bounded(text, 1, DISABLE_DAYS_MAX)
            })?) * MS_PER_DAY,
            connections_unused_ms: days(&layers, "connections_unused_days", 1)?,
            connections_end_unused_ms: Some(days(&layers, "connections_end_unused_days", 0)?)
                .filter(|ms| *ms > 0),
            log: read(&layers, "log", directives)?,
            log_format: read(&layers, "log_format", log_format)?,
            watching: watching::parse(&layers)?,
            uses_kept_ms: watching::kept_ms(&layers)?,
            serving,
            file,
            layers,
        }
        .without_zero_limits())
    }

    /// 0 calls a minute is how "no limit" is written.
    fn without_zero_limits(mut self) -> Self {
        self.per_minute = self.per_minute.filter(|limit| *limit > 0);
        self.reports_per_minute = self.reports_per_minute.filter(|limit| *limit > 0);
        self
    }
}

/// Where Transit is, if it is to be used.
#[cfg(feature = "transit")]
fn transit(layers: &Layers) -> Result<Option<TransitOptions>, Failure> {
    let Some(url) = optional(layers, "transit_url", collector)? else { return Ok(None) };
    Ok(Some(TransitOptions {
        url,
        mount: read(layers, "transit_mount", path_word)?,
        key: read(layers, "transit_key", path_word)?,
        token: optional(layers, "transit_token", secret)?,
        token_file: optional(layers, "transit_token_file", path)?,
    }))
}

/// A name that stands in an address as it is.
#[cfg(feature = "transit")]
fn path_word(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let is_name = !text.is_empty() && text.split('/').all(|part| !part.trim_matches('.').is_empty());
    if is_name && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!("expected letters, digits, hyphens, underscores, dots and slashes, found \"{text}\""))
}

fn read<T>(
    layers: &Layers,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    let given = layers.get(name);
    parse(given.text.trim()).map_err(|reason| {
        Failure::usage(format!("{}: {name}: {reason}", given.origin))
            .hint("docs/configuration.md tells what each setting takes")
    })
}

/// A number of days, in milliseconds.
fn days(layers: &Layers, name: &'static str, min: u32) -> Result<i64, Failure> {
    Ok(i64::from(read(layers, name, |text| bounded(text, min, UNUSED_DAYS_MAX))?) * MS_PER_DAY)
}

fn optional<T>(
    layers: &Layers,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    read(layers, name, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
}

/// The text itself stays unsaid when it is wrong: it may hold a password.
fn database(text: &str) -> Result<DatabaseUrl, String> {
    DatabaseUrl::parse(text).map_err(|_| "expected sqlite://FILE or postgres://USER@HOST/NAME".into())
}

fn organization(text: &str) -> Result<OrgId, String> {
    text.parse().map_err(|error| format!("{error}, found \"{text}\""))
}

/// Drift's own consent page, or the one of whatever stands in for Drift.
fn authorize_url(api_url: &Url) -> Url {
    if api_url.host_str() == Some("driftapi.com") {
        return Url::parse("https://dev.drift.com/authorize").expect("the constant is an address");
    }
    let mut url = api_url.clone();
    url.set_path("/authorize");
    url
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("expected an address, found \"{text}\" ({error})"))?;
    match url.scheme() {
        "https" | "http" if url.has_host() => Ok(url),
        _ => Err(format!("expected an address that begins with https:// or http://, found \"{text}\"")),
    }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("expected a path, found nothing".into()) } else { Ok(PathBuf::from(text)) }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside parsers that can fail")]
fn words(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside parsers that can fail")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// A token that can be guessed opens what it should keep shut.
pub(crate) fn admin_token(text: &str) -> Result<Secret, String> {
    if text.len() < ADMIN_TOKEN_CHARACTERS_MIN {
        return Err(format!("expected at least {ADMIN_TOKEN_CHARACTERS_MIN} characters"));
    }
    secret(text)
}

/// The text itself stays unsaid when it is wrong: it may hold a password.
fn collector(text: &str) -> Result<Url, String> {
    let url = url(text).map_err(|_| "expected an address that begins with https:// or http://".to_owned())?;
    if is_out_of_reach(&url) { Err(OUT_OF_REACH.into()) } else { Ok(url) }
}

const OUT_OF_REACH: &str =
    "the address is one that no service of yours has: link-local, unspecified or multicast";

/// An address that secrets are sent to: never one where a cloud keeps the machine's own.
fn reachable(text: &str) -> Result<Url, String> {
    let url = url(text)?;
    if is_out_of_reach(&url) { Err(format!("{OUT_OF_REACH}, found \"{text}\"")) } else { Ok(url) }
}

/// Every spelling of an address has been read as one by now.
fn is_out_of_reach(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => !Reach::Private.allows(address.into()),
        Some(url::Host::Ipv6(address)) => !Reach::Private.allows(address.into()),
        Some(url::Host::Domain(_)) | None => false,
    }
}

fn number(text: &str) -> Result<Option<u32>, String> {
    bounded(text, 0, u32::MAX).map(Some)
}

fn bounded<T: FromStr + PartialOrd + std::fmt::Display>(text: &str, min: T, max: T) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(number) if number >= min && number <= max => Ok(number),
        _ => Err(format!("expected a whole number from {min} to {max}, found \"{text}\"")),
    }
}

fn resolve(text: &str) -> Result<Vec<Resolve>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (host, address) = part.split_once('=').unwrap_or_default();
            let address = address.trim().parse();
            address
                .map(|address| Resolve { host: host.trim().to_owned(), address })
                .map_err(|_| format!("expected HOST=ADDRESS:PORT, found \"{part}\""))
        })
        .collect()
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("expected true or false, found \"{text}\"")),
    }
}

fn directives(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| format!("expected a level such as warn, or warn,drift=debug, found \"{text}\""))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("expected text or json, found \"{text}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(assignments: &[&str]) -> Result<Config, Failure> {
        let assignments = assignments.iter().map(|text| (*text).to_owned()).collect();
        Config::load(&Flags { assignments, ..Flags::default() }, &|_| None)
    }

    #[test]
    fn the_defaults_are_a_configuration() {
        let config = load(&[]).unwrap();
        assert_eq!(config.per_minute, Some(600));
        assert_eq!(config.list_url, config.api_url);
        assert_eq!(config.authorize_url.as_str(), "https://dev.drift.com/authorize");
        let config = load(&["api_url=http://127.0.0.1:4010"]).unwrap();
        assert_eq!(config.authorize_url.as_str(), "http://127.0.0.1:4010/authorize");
        assert_eq!(config.overlap_ms, 24 * MS_PER_HOUR);
    }

    #[test]
    fn no_address_of_the_settings_is_one_of_a_clouds_own_however_it_is_spelled() {
        let spellings = [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0xa9.0xfe.43518",
            "0251.0376.0251.0376",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "0",
            "0.0.0.0",
            "[::]",
            "224.0.0.1",
            "①⑥⑨.254.169.254",
        ];
        let mut settings = vec!["api_url", "list_url", "otlp_url", "oidc_issuer"];
        #[cfg(feature = "transit")]
        settings.push("transit_url");
        for setting in settings {
            for host in spellings {
                let given = [
                    format!("{setting}=https://{host}/"),
                    "oidc_private=true".into(),
                    "public_url=https://a.test".into(),
                ];
                let given: Vec<&str> = given.iter().map(String::as_str).collect();
                let refused = load(&given).map(|_| ()).unwrap_err();
                assert!(refused.message.contains(setting), "{setting} {host}: {}", refused.message);
            }
        }
    }

    #[test]
    fn flags_are_stronger_than_the_environment() {
        let flags = Flags { database: Some("sqlite://flag.db".into()), ..Flags::default() };
        let environment = |name: &str| match name {
            "LONGSHORE_DATABASE" => Some("sqlite://environment.db".to_owned()),
            "LONGSHORE_PER_MINUTE" => Some("0".to_owned()),
            _ => None,
        };
        let config = Config::load(&flags, &environment).unwrap();
        assert_eq!(config.database.to_string(), "sqlite://flag.db");
        assert_eq!(config.per_minute, None);
    }

    #[test]
    fn a_wrong_value_is_told_with_where_it_was_given() {
        let check = |assignment: &str, expected: &str| {
            assert_eq!(load(&[assignment]).unwrap_err().message, expected);
        };
        check("concurrency=0", "--set: concurrency: expected a whole number from 1 to 256, found \"0\"");
        check(
            "api_url=driftapi.com",
            "--set: api_url: expected an address, found \"driftapi.com\" (relative URL without a base)",
        );
        check("resolve=a=b", "--set: resolve: expected HOST=ADDRESS:PORT, found \"a=b\"");
        check(
            "database=mysql://u:canary@h",
            "--set: database: expected sqlite://FILE or postgres://USER@HOST/NAME",
        );
        check("log_format=xml", "--set: log_format: expected text or json, found \"xml\"");
    }
}
