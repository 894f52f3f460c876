//! A client for an object store, from its address and the usual settings of its provider.
//!
//! The settings come from the environment, by the names that the providers' own tools use; whoever starts the program hands
//! them in. Static keys, a role's token file, a service account's file, a container's or a machine's own service: which of
//! them is used is the client's to choose. Nothing is connected before the first request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Secret;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, RetryConfig};
use url::{Host, Url};

use crate::objects::address::{ObjectAddress, Provider};
use crate::objects::bucket::Bucket;
use crate::objects::carrier::{Carrier, Hosts, Network};
use crate::objects::error::ObjectError;
use crate::webhook::address::{is_local_name, is_public};

/// The longest wait between two attempts, in milliseconds.
const WAIT_MS_MAX: u64 = 15_000;
/// Where S3, STS and their kin answer.
const AWS: &[&str] = &["amazonaws.com", "amazonaws.com.cn"];
const GOOGLE: &[&str] = &["googleapis.com", "accounts.google.com"];
const AZURE: &[&str] = &[
    "core.windows.net",
    "core.chinacloudapi.cn",
    "core.usgovcloudapi.net",
    "fabric.microsoft.com",
    "login.microsoftonline.com",
    "login.chinacloudapi.cn",
    "login.microsoftonline.us",
];
/// Where machines and containers find their credentials.
const NEAR: &[&str] = &["169.254.169.254", "169.254.170.2", "metadata.google.internal", "metadata"];
/// Settings that name a service for credentials on the machine.
const NEAR_SETTINGS: &[&str] =
    &["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_METADATA_ENDPOINT", "AZURE_MSI_ENDPOINT"];
/// Settings that name the store, the first that is set.
const ENDPOINT_SETTINGS: &[&str] = &[
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "GOOGLE_BASE_URL",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
];

/// How often a request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first.
    pub times_max: usize,
    /// The first wait, in milliseconds; each is twice the one before, with jitter.
    pub wait_ms: u64,
    /// When no attempt is begun any more, in milliseconds after the first.
    pub total_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { times_max: 8, wait_ms: 200, total_ms: 180_000 }
    }
}

/// What is known of an object store.
#[derive(Debug, Clone)]
pub struct ObjectOptions {
    /// Bucket and prefix.
    pub address: ObjectAddress,
    /// Where the store answers, if not where its provider's does.
    pub endpoint: Option<Url>,
    /// The provider's settings by their names in the environment, such as `AWS_REGION`; others are passed over.
    pub settings: Vec<(String, Secret)>,
    /// How patient it is.
    pub retry: Retry,
}

impl ObjectOptions {
    /// A client for the bucket. No request is made.
    ///
    /// # Errors
    /// `Settings`, when they do not fit together.
    pub fn connect(&self, network: Network) -> Result<Bucket, ObjectError> {
        let endpoint = self.endpoint()?;
        let clock = network.clock.clone();
        let carrier = Carrier::new(network, self.hosts(endpoint.as_ref())?);
        let bucket = match self.address.provider() {
            Provider::S3 => {
                Bucket::over(Arc::new(self.s3(endpoint.as_ref(), &carrier)?), &self.address, clock)
            }
            Provider::Gcs => {
                Bucket::over(Arc::new(self.gcs(endpoint.as_ref(), &carrier)?), &self.address, clock)
            }
            Provider::Azure => {
                Bucket::over(Arc::new(self.azure(endpoint.as_ref(), &carrier)?), &self.address, clock)
            }
        };
        Ok(bucket.carried_by(carrier))
    }

    fn s3(
        &self,
        endpoint: Option<&Url>,
        carrier: &Carrier,
    ) -> Result<object_store::aws::AmazonS3, ObjectError> {
        // The name of a bucket with dots does not fit a certificate of the form *.s3.….
        let is_host = endpoint.is_none() && !self.address.bucket().contains('.');
        let mut builder = AmazonS3Builder::new().with_virtual_hosted_style_request(is_host);
        for (name, value) in self.own_settings() {
            if let Ok(key) = name.parse() {
                builder = builder.with_config(key, value.expose());
            }
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
        }
        let builder = builder
            .with_bucket_name(self.address.bucket())
            .with_retry(self.retry_config())
            .with_http_connector(carrier.clone());
        builder.build().map_err(|error| self.unusable(&error))
    }

    fn gcs(
        &self,
        endpoint: Option<&Url>,
        carrier: &Carrier,
    ) -> Result<object_store::gcp::GoogleCloudStorage, ObjectError> {
        let mut builder = GoogleCloudStorageBuilder::new();
        for (name, value) in self.own_settings() {
            if let Ok(key) = name.parse() {
                builder = builder.with_config(key, value.expose());
            }
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_base_url(endpoint.as_str().trim_end_matches('/'));
        }
        let builder = builder
            .with_bucket_name(self.address.bucket())
            .with_retry(self.retry_config())
            .with_http_connector(carrier.clone());
        builder.build().map_err(|error| self.unusable(&error))
    }

    fn azure(
        &self,
        endpoint: Option<&Url>,
        carrier: &Carrier,
    ) -> Result<object_store::azure::MicrosoftAzure, ObjectError> {
        let mut builder = MicrosoftAzureBuilder::new();
        for (name, value) in self.own_settings() {
            if let Ok(key) = name.parse() {
                builder = builder.with_config(key, value.expose());
            }
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/').to_owned());
        }
        let builder = builder
            .with_container_name(self.address.bucket())
            .with_retry(self.retry_config())
            .with_http_connector(carrier.clone());
        builder.build().map_err(|error| self.unusable(&error))
    }

    /// The settings of the address's provider, named as the client names them; where the store is, is settled apart.
    fn own_settings(&self) -> impl Iterator<Item = (String, &Secret)> {
        let prefix = self.address.provider().settings();
        let own = self.settings.iter().filter(move |(name, _)| name.starts_with(prefix));
        own.filter(|(name, _)| !ENDPOINT_SETTINGS.contains(&name.as_str()))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
    }

    fn setting(&self, name: &str) -> Option<&Secret> {
        self.settings.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    fn endpoint(&self) -> Result<Option<Url>, ObjectError> {
        let prefix = self.address.provider().settings();
        let named = ENDPOINT_SETTINGS.iter().filter(|name| name.starts_with(prefix));
        let mut named = named.filter_map(|name| self.setting(name));
        let endpoint = match (&self.endpoint, named.next()) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(text)) => {
                Url::parse(text.expose()).map_err(|_| self.refused("the endpoint is not a URL"))?
            }
            (None, None) => return Ok(None),
        };
        let is_plain =
            endpoint.username().is_empty() && endpoint.password().is_none() && endpoint.query().is_none();
        if !is_plain || endpoint.host().is_none() {
            return Err(self.refused("the endpoint must have a host, and neither a password nor a query"));
        }
        match endpoint.scheme() {
            "https" => Ok(Some(endpoint)),
            "http" if is_at_home(&endpoint) => Ok(Some(endpoint)),
            "http" => Err(self.refused("over http:// only an endpoint in your own network is used")),
            _ => Err(self.refused("the endpoint begins with neither https:// nor http://")),
        }
    }

    /// Who may be asked. Where an endpoint is named, nobody but that, and the provider's own for a role's credentials.
    fn hosts(&self, endpoint: Option<&Url>) -> Result<Hosts, ObjectError> {
        let is_role = self.setting("AWS_WEB_IDENTITY_TOKEN_FILE").is_some();
        let names: &'static [&'static str] = match (self.address.provider(), endpoint) {
            (Provider::S3, None) => AWS,
            (Provider::S3, Some(_)) if is_role => AWS,
            (Provider::S3, Some(_)) => &[],
            (Provider::Gcs, _) => GOOGLE,
            (Provider::Azure, _) => AZURE,
        };
        let mut endpoints: Vec<Url> = endpoint.cloned().into_iter().collect();
        if let Some(sts) = self.setting("AWS_ENDPOINT_URL_STS") {
            endpoints.push(
                Url::parse(sts.expose()).map_err(|_| self.refused("AWS_ENDPOINT_URL_STS is not a URL"))?,
            );
        }
        let mut near: Vec<String> = NEAR.iter().map(|host| (*host).to_owned()).collect();
        for name in NEAR_SETTINGS {
            let Some(value) = self.setting(name) else { continue };
            let url = Url::parse(value.expose()).ok().filter(is_at_home);
            let url = url.ok_or_else(|| self.refused(&format!("{name} is no address on this machine")))?;
            near.extend(url.host_str().map(str::to_owned));
        }
        Ok(Hosts { endpoints, names, near })
    }

    fn retry_config(&self) -> RetryConfig {
        let wait = Duration::from_millis(self.retry.wait_ms);
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: wait,
                max_backoff: Duration::from_millis(WAIT_MS_MAX),
                base: 2.0,
            },
            max_retries: self.retry.times_max,
            retry_timeout: Duration::from_millis(self.retry.total_ms),
        }
    }

    fn refused(&self, reason: &str) -> ObjectError {
        ObjectError::Settings { place: self.address.to_string(), reason: reason.to_owned() }
    }

    /// The client's own words may hold a value.
    fn unusable(&self, error: &object_store::Error) -> ObjectError {
        let text = error.to_string();
        let reason = match self.address.provider() {
            Provider::S3 if text.contains("AccessKeyId") => "AWS_ACCESS_KEY_ID is missing",
            Provider::S3 if text.contains("SecretAccessKey") => "AWS_SECRET_ACCESS_KEY is missing",
            Provider::S3 => "those that begin with AWS_ do not fit together",
            Provider::Gcs => {
                "those that begin with GOOGLE_ do not fit together, or name a file that cannot be read"
            }
            Provider::Azure if text.contains("ccount") => "AZURE_STORAGE_ACCOUNT_NAME is missing",
            Provider::Azure => "those that begin with AZURE_ do not fit together",
        };
        self.refused(reason)
    }
}

/// Whether an address lies on this machine or in a network of one's own, as far as its text tells.
fn is_at_home(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => !is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => !name.contains('.') || is_local_name(name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use drift::{HttpOptions, HttpTransport, SystemClock};

    use super::*;

    fn options(address: &str, endpoint: Option<&str>, settings: &[(&str, &str)]) -> ObjectOptions {
        ObjectOptions {
            address: address.parse().unwrap(),
            endpoint: endpoint.map(|url| Url::parse(url).unwrap()),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
                .collect(),
            retry: Retry::default(),
        }
    }

    fn connect(options: &ObjectOptions) -> Result<Bucket, ObjectError> {
        let transport = Arc::new(HttpTransport::new(HttpOptions::default()).unwrap());
        options.connect(Network {
            transport: transport.clone(),
            near: transport,
            clock: Arc::new(SystemClock),
        })
    }

    #[test]
    fn each_provider_is_set_up_from_its_settings() {
        let aws = [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_PAGER", "less"),
            ("HOME", "/"),
        ];
        assert!(connect(&options("s3://lake/a", None, &aws)).is_ok());
        assert!(connect(&options("s3://lake/a", Some("http://minio:9000"), &aws)).is_ok());
        assert!(
            connect(&options("s3://lake/a", None, &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")])).is_ok()
        );
        assert!(connect(&options("gs://lake/a", None, &[])).is_ok());
        let azure = [("AZURE_STORAGE_ACCOUNT_NAME", "a"), ("AZURE_STORAGE_ACCOUNT_KEY", "YWJj")];
        assert!(connect(&options("az://lake/a", None, &azure)).is_ok());
    }

    #[test]
    fn settings_that_do_not_fit_are_told_without_a_value() {
        let half = [("AWS_ACCESS_KEY_ID", "hunter2")];
        let password = [("AWS_ENDPOINT_URL", "https://u:hunter2@s3.test")];
        for (address, endpoint, settings) in [
            ("s3://lake", None, &half[..]),
            ("s3://lake", None, &password[..]),
            ("s3://lake", Some("http://s3.example.com"), &[][..]),
            ("s3://lake", Some("ftp://s3.lan"), &[][..]),
            (
                "s3://lake",
                None,
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example.com/hunter2")][..],
            ),
            ("az://lake", None, &[][..]),
        ] {
            let error = connect(&options(address, endpoint, settings)).unwrap_err();
            assert!(matches!(error, ObjectError::Settings { .. }) && error.hint().is_some(), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
