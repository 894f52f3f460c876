//! Which database: parsed once, shown without its password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use model::Secret;
use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// The two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// An embedded file.
    Sqlite,
    /// A server, for any number of nodes.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// The address of a store. `Display` and `Debug` mask the password.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(crate) target: Target,
}

#[derive(Clone)]
pub(crate) enum Target {
    File(PathBuf),
    Server { options: Box<PgConnectOptions>, shown: String, url: Secret },
}

impl DatabaseUrl {
    /// Read `sqlite:///absolute/path`, `sqlite://relative/path`, `sqlite:path` or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Url`] when it is neither; the text is not repeated, for it may hold a password.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let url = url.trim();
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return parse_file(rest.strip_prefix("//").unwrap_or(rest));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return parse_server(url);
        }
        Err(StoreError::Url { reason: "it begins with neither sqlite: nor postgres:" })
    }

    /// The URL of a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { target: Target::File(path.into()) }
    }

    /// Which engine it names.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.target {
            Target::File(_) => Engine::Sqlite,
            Target::Server { .. } => Engine::Postgres,
        }
    }

    /// The file, for SQLite.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.target {
            Target::File(path) => Some(path),
            Target::Server { .. } => None,
        }
    }

    /// The whole URL with its password, for handing on to a child process's environment.
    #[must_use]
    pub fn reveal(&self) -> Secret {
        match &self.target {
            Target::File(_) => Secret::new(self.to_string()),
            Target::Server { url, .. } => url.clone(),
        }
    }
}

fn parse_file(path: &str) -> Result<DatabaseUrl, StoreError> {
    if path.contains('?') {
        return Err(StoreError::Url { reason: "sqlite: takes a path and no parameters" });
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(StoreError::Url { reason: "the path of the file is missing" });
    }
    if path == ":memory:" {
        return Err(StoreError::Url { reason: "a database in memory would keep nothing" });
    }
    Ok(DatabaseUrl::file(path))
}

fn parse_server(url: &str) -> Result<DatabaseUrl, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Url { reason: "it is not a well-formed postgres: URL" })?;
    let shown = mask(url);
    Ok(DatabaseUrl { target: Target::Server { options: Box::new(options), shown, url: Secret::new(url) } })
}

/// `postgres://user:password@host/name?password=…` with both passwords replaced.
fn mask(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
    let authority = match before.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => format!("{user}@{host}"),
        },
        None => before.to_owned(),
    };
    let query: Vec<String> = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{authority}{mark}{}", query.join("&"))
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;
    fn from_str(url: &str) -> Result<Self, StoreError> {
        Self::parse(url)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::File(path) => write!(f, "sqlite://{}", path.display()),
            Target::Server { shown, .. } => f.write_str(shown),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, shown: &str) {
        assert_eq!(DatabaseUrl::parse(url).unwrap().to_string(), shown);
    }

    #[test]
    fn urls_are_shown_without_passwords() {
        check("sqlite:///var/lib/a.db", "sqlite:///var/lib/a.db");
        check("sqlite:a.db", "sqlite://a.db");
        check("sqlite://a/b.db", "sqlite://a/b.db");
        check("postgres://ada:pw%40x@db:5432/store", "postgres://ada:***@db:5432/store");
        check(
            "postgres://ada@db/store?password=pw&sslmode=disable",
            "postgres://ada@db/store?password=***&sslmode=disable",
        );
        let shown = format!("{:?}", DatabaseUrl::parse("postgresql://u:canary@h/d").unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn what_is_no_database_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "mysql://u:canary@h/d",
            "sqlite:",
            "sqlite://",
            "sqlite:x.db?mode=ro",
            "sqlite::memory:",
            "/x.db",
        ] {
            let error = DatabaseUrl::parse(url).unwrap_err();
            assert!(!error.to_string().contains("canary"));
            assert!(error.hint().is_some());
        }
    }
}
