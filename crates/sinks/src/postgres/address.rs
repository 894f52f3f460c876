//! Which database and schema of the user's: parsed once, shown without its password.

use std::fmt;
use std::str::FromStr as _;

use model::Secret;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::postgres::PostgresError;

/// The schema that is written to when none is named.
pub const SCHEMA: &str = "longshore";
/// Bytes of a name, as PostgreSQL has it.
const NAME_BYTES_MAX: usize = 63;
/// Statements kept prepared: the few that have parameters.
const STATEMENTS_MAX: usize = 16;
/// How the schema is called in the address that is shown.
const PARAMETER: &str = "schema";

/// A server, a database and a schema. `Display` gives an address that can be parsed again, and never a password: without one
/// it is taken from `PGPASSWORD` or `.pgpass`, as PostgreSQL's own programs do.
#[derive(Clone)]
pub struct PostgresAddress {
    url: Url,
    password: Option<Secret>,
    schema: String,
}

impl PostgresAddress {
    /// Whether a destination is such an address.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Read `postgres://user@host:port/database`; the schema is the one named, or the address' parameter `schema`, or [`SCHEMA`].
    ///
    /// # Errors
    /// [`PostgresError::Address`].
    pub fn parse(text: &str, schema: Option<&str>) -> Result<Self, PostgresError> {
        let reason = "it is not a well-formed postgres: URL";
        let malformed = || PostgresError::Address { reason };
        if !Self::is_one(text) {
            return Err(PostgresError::Address { reason: "it does not begin with postgres://" });
        }
        let mut url = Url::parse(text).map_err(|_| malformed())?;
        let mut password = url.password().map(decoded);
        let mut named = schema.map(str::to_owned);
        let mut kept = Vec::new();
        for (key, value) in url.query_pairs() {
            match &*key {
                PARAMETER => named = named.or_else(|| Some(value.into_owned())),
                "password" => password = Some(value.into_owned()),
                // No other word about passwords may be shown either, and the driver knows none.
                _ if key.to_ascii_lowercase().contains("pass") => {}
                _ => kept.push((key.into_owned(), value.into_owned())),
            }
        }
        if url.password().is_some() {
            url.set_password(None).map_err(|()| malformed())?;
        }
        url.set_query(None);
        url.set_fragment(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        let schema = checked(named.as_deref().unwrap_or(SCHEMA))?;
        let address = Self { url, password: password.map(Secret::new), schema };
        address.options()?;
        Ok(address)
    }

    /// The same with this password, unless it has one.
    #[must_use]
    pub fn or_password(mut self, password: Secret) -> Self {
        self.password.get_or_insert(password);
        self
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// How to connect.
    pub(super) fn options(&self) -> Result<PgConnectOptions, PostgresError> {
        let options = PgConnectOptions::from_str(self.url.as_str())
            .map_err(|_| PostgresError::Address { reason: "it is not a well-formed postgres: URL" })?
            .application_name("longshore export")
            .statement_cache_capacity(STATEMENTS_MAX)
            .disable_statement_logging();
        Ok(match &self.password {
            Some(password) => options.password(password.expose()),
            None => options,
        })
    }
}

fn decoded(text: &str) -> String {
    // A query's form decoding is the URL's own, but for the plus sign.
    let text = format!("p={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(text.as_bytes())
        .map(|(_, value)| value.into_owned())
        .next()
        .unwrap_or_default()
}

fn checked(schema: &str) -> Result<String, PostgresError> {
    let reason = if schema.is_empty() || schema.len() > NAME_BYTES_MAX || schema.contains('\0') {
        "a schema's name has 1 to 63 bytes"
    } else if schema.starts_with("pg_") || schema == "information_schema" {
        "that schema is the server's own"
    } else {
        return Ok(schema.to_owned());
    };
    Err(PostgresError::Address { reason })
}

/// By where it leads, whatever the password.
impl PartialEq for PostgresAddress {
    fn eq(&self, other: &Self) -> bool {
        (&self.url, &self.schema) == (&other.url, &other.schema)
    }
}

impl Eq for PostgresAddress {}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.url.clone();
        shown.query_pairs_mut().append_pair(PARAMETER, &self.schema);
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, schema: Option<&str>, shown: &str, password: Option<&str>) {
        let address = PostgresAddress::parse(text, schema).unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(address.password.as_ref().map(Secret::expose), password);
        assert_eq!(PostgresAddress::parse(shown, None).unwrap().to_string(), shown, "it can be parsed again");
    }

    #[test]
    fn an_address_is_shown_without_its_password_and_can_be_parsed_again() {
        check("postgres://ada@db/lake", None, "postgres://ada@db/lake?schema=longshore", None);
        check(
            "postgresql://ada:p%40s%26s+w@db:5433/lake?sslmode=require",
            Some("Drift"),
            "postgresql://ada@db:5433/lake?sslmode=require&schema=Drift",
            Some("p@s&s+w"),
        );
        check(
            "postgres://ada@db/lake?password=canary&schema=x",
            None,
            "postgres://ada@db/lake?schema=x",
            Some("canary"),
        );
        check(
            "postgres:///lake?host=/run/pg",
            None,
            "postgres:///lake?host=%2Frun%2Fpg&schema=longshore",
            None,
        );
    }

    #[test]
    fn a_password_in_the_address_comes_before_others() {
        let address = PostgresAddress::parse("postgres://ada:first@db/lake", None).unwrap();
        assert_eq!(address.or_password(Secret::new("second")).password.unwrap().expose(), "first");
        let address = PostgresAddress::parse("postgres://ada@db/lake", None).unwrap();
        let address = address.or_password(Secret::new("canary"));
        assert!(!format!("{address:?} {address}").contains("canary"));
        assert_eq!(address.password.unwrap().expose(), "canary");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let long = "x".repeat(64);
        for (text, schema) in [
            ("mysql://u:canary@h/d", None),
            ("postgres://u:canary@h:port/d", None),
            ("postgres://u:canary@h/d", Some("")),
            ("postgres://u:canary@h/d", Some("pg_catalog")),
            ("postgres://u:canary@h/d", Some("information_schema")),
            ("postgres://u:canary@h/d", Some(long.as_str())),
            ("postgres://u:canary@h/d?sslmode=canary", None),
        ] {
            let error = PostgresAddress::parse(text, schema).unwrap_err();
            assert!(!error.to_string().contains("canary") && error.hint().is_some(), "{error}");
        }
    }
}
