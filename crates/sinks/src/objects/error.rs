//! What can go wrong at an object store, sorted by what a person can do about it.
//!
//! A store's own words are never passed on: they repeat key ids, signed texts and addresses. Of an answer only the
//! status and the code are kept.

use crate::objects::carrier::Blocked;

/// Why an object store is no target, or is none any more. `place` is the address as it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It is no address of an object store.
    #[error("the address of the object store cannot be used: {reason}")]
    Address {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The settings do not make a client.
    #[error("the settings for {place} cannot be used: {reason}")]
    Settings {
        /// Which.
        place: String,
        /// What is wrong with them; never a value.
        reason: String,
    },
    /// No credentials were found anywhere.
    #[error("no credentials were found for {place}")]
    NoCredentials {
        /// Where.
        place: String,
    },
    /// The credentials are wrong or have run out.
    #[error("{place} does not accept the credentials{}", told(code.as_deref()))]
    Credentials {
        /// Where.
        place: String,
        /// The store's code.
        code: Option<String>,
    },
    /// There is no such bucket.
    #[error("the bucket of {place} does not exist")]
    NoBucket {
        /// Where.
        place: String,
    },
    /// The bucket lies in another region than was asked.
    #[error("the bucket of {place} lies in another region{}", region.as_deref().map(|it| format!(", {it}")).unwrap_or_default())]
    Region {
        /// Where.
        place: String,
        /// Which, where the store says so.
        region: Option<String>,
    },
    /// The credentials do not allow it.
    #[error("the credentials for {place} do not allow to {doing}")]
    Forbidden {
        /// Where.
        place: String,
        /// What was attempted.
        doing: &'static str,
    },
    /// The prefix holds objects that no export of ours wrote.
    #[error("{place} holds objects that are not an export (such as {found:?})")]
    Foreign {
        /// Where.
        place: String,
        /// One of them.
        found: String,
    },
    /// The prefix holds the export of another organization.
    #[error("{place} holds the export of organization {found}")]
    OtherOrg {
        /// Where.
        place: String,
        /// Whose it is.
        found: i64,
    },
    /// Another export is under way.
    #[error("another export, {run}, is writing to {place}")]
    Busy {
        /// Where.
        place: String,
        /// Its run.
        run: String,
    },
    /// Another export has changed the manifest meanwhile.
    #[error("another export has taken {place} over")]
    Overtaken {
        /// Where.
        place: String,
    },
    /// The store lets two writers overwrite each other.
    #[error("{place} does not keep to conditions (If-Match, If-None-Match) on what is written")]
    Unconditional {
        /// Where.
        place: String,
    },
    /// No room left, or a quota is used up.
    #[error("no space is left in {place}")]
    Full {
        /// Where.
        place: String,
    },
    /// It asks to be left alone, or fails, after all retries.
    #[error("{place} is not able to {doing} now (status {status})")]
    Unavailable {
        /// Where.
        place: String,
        /// What was attempted.
        doing: &'static str,
        /// Its last answer.
        status: u16,
    },
    /// It cannot be reached.
    #[error("{place} was not reached: {reason}")]
    Unreachable {
        /// Where.
        place: String,
        /// What stands in the way.
        reason: String,
    },
    /// The address asked for is not one of the store's.
    #[error("{place} would have led to another host, which is not asked")]
    Elsewhere {
        /// Where.
        place: String,
    },
    /// Any other refusal.
    #[error("{place} refused to {doing}{}{}", status.map(|it| format!(" (status {it})")).unwrap_or_default(), told(code.as_deref()))]
    Refused {
        /// Where.
        place: String,
        /// What was attempted.
        doing: &'static str,
        /// Its answer.
        status: Option<u16>,
        /// Its code.
        code: Option<String>,
    },
    /// An object that the manifest names, or that an earlier attempt wrote, is not there.
    #[error("{file} is no longer in {place}")]
    Gone {
        /// Where.
        place: String,
        /// Which.
        file: String,
    },
    /// An object of ours cannot be read.
    #[error("{file} in {place} is damaged: {reason}")]
    Damaged {
        /// Where.
        place: String,
        /// Which.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One object would be larger than object stores take.
    #[error("{file} would be larger than {place} can take")]
    TooLarge {
        /// Where.
        place: String,
        /// Which.
        file: String,
    },
}

fn told(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

impl ObjectError {
    /// What a person can do about it, when there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address { .. } => Some(
                "write s3://bucket/prefix, gs://bucket/prefix or az://container/prefix; credentials come from the environment",
            ),
            Self::Settings { .. } => Some("see docs/export-objects.md for the settings that are read"),
            Self::NoCredentials { .. } => Some(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS or AZURE_STORAGE_ACCOUNT_KEY, or run where the machine has a role",
            ),
            Self::Credentials { .. } => {
                Some("check the key and its secret, whether they have expired, and the machine's clock")
            }
            Self::NoBucket { .. } => {
                Some("check its name and --endpoint, or make it: exports do not make buckets")
            }
            Self::Region { .. } => Some("set AWS_REGION to the bucket's region"),
            Self::Forbidden { .. } => {
                Some("allow getting, putting, deleting and listing objects under the prefix")
            }
            Self::Foreign { .. } => {
                Some("choose an empty prefix: an export only ever replaces an export of its own")
            }
            Self::OtherOrg { .. } => Some("choose another prefix: one organization, one prefix"),
            Self::Busy { .. } => Some(
                "wait for it to end; one that died is taken over after 15 minutes, or at once by resuming it",
            ),
            Self::Overtaken { .. } => {
                Some("see that only one export at a time goes there, then run it again")
            }
            Self::Unconditional { .. } => Some(
                "use a store with conditional writes: S3, GCS, Azure, and current versions of most S3-compatible servers",
            ),
            Self::Full { .. } => {
                Some("free some space or raise the quota, then run the export again: finished parts are kept")
            }
            Self::Unavailable { .. } | Self::Unreachable { .. } => {
                Some("run the export again later: finished parts are kept")
            }
            Self::Gone { .. } => Some("start a new export"),
            Self::TooLarge { .. } => Some("use --format parquet, which is smaller"),
            Self::Elsewhere { .. } => Some("check --endpoint"),
            Self::Refused { .. } | Self::Damaged { .. } => None,
        }
    }

    /// Sort what the client said about `doing` at `place`.
    pub(super) fn of(
        error: &object_store::Error,
        place: &str,
        doing: &'static str,
        region: Option<String>,
    ) -> Self {
        let place = place.to_owned();
        if let Some(blocked) = blocked(error) {
            return match blocked {
                Blocked::Near => Self::NoCredentials { place },
                Blocked::Elsewhere => Self::Elsewhere { place },
                Blocked::Network(kind) => Self::Unreachable { place, reason: kind.as_str().to_owned() },
            };
        }
        let text = error.to_string();
        let (status, code) = (status(&text), code(&text));
        let refused = code.clone().unwrap_or_default();
        if text.contains("redirect without LOCATION")
            || is_region(&refused)
            || matches!(status, Some(301 | 307))
        {
            return Self::Region { place, region };
        }
        if matches!(refused.as_str(), "NoSuchBucket" | "ContainerNotFound") {
            return Self::NoBucket { place };
        }
        if is_credentials(&refused) || status == Some(401) {
            return Self::Credentials { place, code };
        }
        if is_full(&refused) || status == Some(507) {
            return Self::Full { place };
        }
        match status {
            Some(403) => Self::Forbidden { place, doing },
            None if refused == "AccessDenied" => Self::Forbidden { place, doing },
            Some(status @ (408 | 429 | 500..=599)) => Self::Unavailable { place, doing, status },
            status => Self::Refused { place, doing, status, code },
        }
    }
}

/// What our own side made of the request, where it did not get through.
fn blocked(error: &(dyn std::error::Error + 'static)) -> Option<Blocked> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(blocked) = error.downcast_ref::<Blocked>() {
            return Some(*blocked);
        }
        next = error.source();
    }
    None
}

/// The status in a text of the client's.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The code in an answer: a word, in XML as in JSON of all three.
fn code(text: &str) -> Option<String> {
    // Of many deletions at once, the client tells the first that failed in words of its own.
    let marked = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let told = || text.split_once("(code: ").and_then(|(_, rest)| rest.split_once(')'));
    let (code, _) = marked.or_else(told)?;
    let is_word = !code.is_empty() && code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

fn is_region(code: &str) -> bool {
    matches!(
        code,
        "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
    )
}

fn is_credentials(code: &str) -> bool {
    matches!(
        code,
        "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "RequestTimeTooSkewed"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo"
            | "NoAuthenticationInformation"
    )
}

fn is_full(code: &str) -> bool {
    matches!(
        code,
        "QuotaExceeded"
            | "InsufficientCapacity"
            | "XMinioStorageFull"
            | "StorageFull"
            | "AccountQuotaExceeded"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> ObjectError {
        let source =
            format!("Error performing PUT http://x - Server returned non-2xx status code: {body}").into();
        let error = object_store::Error::Generic { store: "S3", source };
        ObjectError::of(&error, "s3://lake", "write objects", Some("eu-west-1".to_owned()))
    }

    #[test]
    fn answers_are_sorted_by_what_a_person_can_do_and_not_repeated() {
        let answer = |status: &str, code: &str| {
            format!(
                "{status}: <Error><Code>{code}</Code><AWSAccessKeyId>AKIAHUNTER2</AWSAccessKeyId></Error>"
            )
        };
        for (status, code, expected) in [
            ("404 Not Found", "NoSuchBucket", "does not exist"),
            ("403 Forbidden", "InvalidAccessKeyId", "does not accept the credentials (InvalidAccessKeyId)"),
            ("403 Forbidden", "AccessDenied", "do not allow to write objects"),
            ("400 Bad Request", "AuthorizationHeaderMalformed", "another region, eu-west-1"),
            ("301 Moved", "PermanentRedirect", "another region"),
            ("503 Slow", "SlowDown", "is not able to write objects now (status 503)"),
            ("507 Full", "XMinioStorageFull", "no space is left"),
            ("418 Teapot", "Odd", "refused to write objects (status 418) (Odd)"),
        ] {
            let error = of(&answer(status, code));
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.to_string().contains("HUNTER"), "{error}");
        }
    }
}
