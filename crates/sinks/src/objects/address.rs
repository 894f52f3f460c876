//! Where in an object store an export goes: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
//!
//! No credential is ever part of it: an address is stored with the run and shown.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;

use crate::objects::error::ObjectError;

/// The longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 1_024;

/// Whose object store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3, and what speaks as it does.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Provider {
    const ALL: [Self; 3] = [Self::S3, Self::Gcs, Self::Azure];

    /// What an address begins with.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }

    /// What the names of its settings in the environment begin with.
    #[must_use]
    pub const fn settings(self) -> &'static str {
        match self {
            Self::S3 => "AWS_",
            Self::Gcs => "GOOGLE_",
            Self::Azure => "AZURE_",
        }
    }
}

/// A bucket and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectAddress {
    provider: Provider,
    bucket: String,
    prefix: Path,
}

impl ObjectAddress {
    /// Whether a text is meant to be such an address.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        Provider::ALL
            .iter()
            .any(|provider| text.strip_prefix(provider.scheme()).is_some_and(|rest| rest.starts_with("://")))
    }

    /// Whose store it is.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// The bucket, or Azure's container.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What the names of all objects begin with; perhaps nothing.
    #[must_use]
    pub const fn prefix(&self) -> &Path {
        &self.prefix
    }
}

impl FromStr for ObjectAddress {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, ObjectError> {
        let refused = |reason| ObjectError::Address { reason };
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(refused("it is longer than 1024 bytes"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused("it has no scheme"))?;
        let provider = Provider::ALL.into_iter().find(|provider| provider.scheme() == scheme);
        let provider = provider.ok_or_else(|| refused("it begins with none of s3://, gs://, az://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        // What stands before an @ would be a password, and must not even be repeated.
        if rest.contains('@') {
            return Err(refused("credentials do not belong into it"));
        }
        if bucket.is_empty() || !bucket.chars().all(is_name) {
            return Err(refused("the name of the bucket is none"));
        }
        if prefix.contains(['?', '#']) {
            return Err(refused("a prefix holds no ? and no #"));
        }
        let prefix = Path::parse(prefix)
            .map_err(|_| refused("the prefix has empty parts, dots or signs that no name has"))?;
        Ok(Self { provider, bucket: bucket.to_owned(), prefix })
    }
}

/// As it is written on the command line.
impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.provider.scheme(), self.bucket)?;
        if self.prefix.as_ref().is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<ObjectAddress>().unwrap().to_string(), expected);
    }

    #[test]
    fn addresses_are_read() {
        check("s3://lake", "s3://lake");
        check("s3://lake/", "s3://lake");
        check("s3://lake.of-mine/drift/2026/", "s3://lake.of-mine/drift/2026");
        check("gs://lake/a", "gs://lake/a");
        check("az://container/a", "az://container/a");
        assert!(ObjectAddress::is_one("s3://lake") && !ObjectAddress::is_one("./s3/lake"));
    }

    #[test]
    fn what_is_none_is_refused_without_repeating_it() {
        for text in [
            "lake",
            "ftp://lake",
            "s3://",
            "s3:///a",
            "s3://key:hunter2@lake/a",
            "s3://lake/a//b",
            "s3://lake/../b",
            "s3://lake/a?b",
        ] {
            let error = text.parse::<ObjectAddress>().unwrap_err();
            assert!(error.hint().is_some() && !error.to_string().contains("hunter2"), "{text}: {error}");
        }
    }
}
