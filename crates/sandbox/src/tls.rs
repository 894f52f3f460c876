//! A certificate authority of our own, so that a client with Drift's host names built in can be pointed here.
//!
//! The authority's certificate and key may be kept in a folder, so that it has to be trusted once and not at every
//! start. The leaf is made anew at every start, from the authority's key. Keys come from the operating system by way
//! of the TLS library and never from [`model::Entropy`]: a key drawn from a seed would be no key.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Millis;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names on the certificate.
pub const HOSTS: &[&str] = &[
    "driftapi.com",
    "api.drift.com",
    "dev.drift.com",
    "event.api.drift.com",
    "customer.api.drift.com",
    "localhost",
    "127.0.0.1",
    "::1",
];

const CERTIFICATE_FILE: &str = "sandbox-ca.pem";
const KEY_FILE: &str = "sandbox-ca.key";
const AUTHORITY_NAME: &str = "Longshore sandbox authority";
const DAY_MS: i64 = 86_400_000;
/// Life of the leaf. Apple's clients refuse more than 825 days.
const LEAF_DAYS: i64 = 397;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of the authority could not be read or written.
    #[error("could not use {path}\nhint: choose another folder, or check who owns it")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Of the two files only one is there.
    #[error(
        "{path} is missing beside its other half\nhint: remove both files, and trust the new certificate"
    )]
    Half {
        /// The missing file.
        path: PathBuf,
    },
    /// A certificate could not be made, or the key in the folder is none.
    #[error("could not make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused what was made.
    #[error("could not set up TLS")]
    Setup(#[from] rustls::Error),
}

/// The authority that signs the sandbox's certificates.
pub struct Authority {
    key: KeyPair,
    certificate_pem: String,
}

impl Authority {
    /// A new authority that nobody trusts yet.
    ///
    /// # Errors
    /// When the TLS library fails.
    pub fn generate() -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let certificate_pem = authority_params().self_signed(&key)?.pem();
        Ok(Self { key, certificate_pem })
    }

    /// The authority kept in a folder, made there at the first call: `sandbox-ca.pem`, and `sandbox-ca.key` with
    /// mode 0600.
    ///
    /// # Errors
    /// When the folder cannot be used, or holds half of an authority.
    pub fn in_folder(folder: &Path) -> Result<Self, TlsError> {
        let (certificate_path, key_path) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        match (read(&certificate_path)?, read(&key_path)?) {
            (Some(certificate_pem), Some(key)) => Ok(Self { key: KeyPair::from_pem(&key)?, certificate_pem }),
            (Some(_), None) => Err(TlsError::Half { path: key_path }),
            (None, Some(_)) => Err(TlsError::Half { path: certificate_path }),
            (None, None) => {
                let made = Self::generate()?;
                fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
                write_private(&key_path, &made.key.serialize_pem())?;
                fs::write(&certificate_path, made.pem())
                    .map_err(|source| file_error(&certificate_path, source))?;
                Ok(made)
            }
        }
    }

    /// Where [`Authority::in_folder`] keeps the certificate to trust.
    #[must_use]
    pub fn certificate_path(folder: &Path) -> PathBuf {
        folder.join(CERTIFICATE_FILE)
    }

    /// The certificate to trust, as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A server for all of [`HOSTS`], or for the one named.
    pub(crate) fn server_config(
        &self,
        certificate_for: Option<&str>,
        now: Millis,
    ) -> Result<ServerConfig, TlsError> {
        let names: Vec<String> = match certificate_for {
            Some(other) => vec![other.to_owned()],
            None => HOSTS.iter().map(|host| (*host).to_owned()).collect(),
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = name("Longshore sandbox");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let (year, month, day) = date(now.plus(-DAY_MS));
        params.not_before = date_time_ymd(year, month, day);
        let (year, month, day) = date(now.plus(LEAF_DAYS * DAY_MS));
        params.not_after = date_time_ymd(year, month, day);
        let leaf_key = KeyPair::generate()?;
        let leaf = params.signed_by(&leaf_key, &Issuer::new(authority_params(), &self.key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The same at every start: a certificate made from the same key by these is the one that was trusted.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error(path, source)),
    }
}

fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
    let mut open = fs::OpenOptions::new();
    open.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    let mut file = open.open(path).map_err(|source| file_error(path, source))?;
    file.write_all(text.as_bytes()).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> TlsError {
    TlsError::File { path: path.to_owned(), source }
}

/// Year, month and day of an instant (Howard Hinnant's `civil_from_days`), held within 1970 to 9999.
fn date(at: Millis) -> (i32, u8, u8) {
    let days = at.0.div_euclid(DAY_MS).clamp(0, 2_932_896) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let fits = "an instant within 1970 to 9999 has a date";
    (i32::try_from(year).expect(fits), u8::try_from(month).expect(fits), u8::try_from(day).expect(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (ms, expected) in [
            (0, (1970, 1, 1)),
            (951_782_400_000, (2000, 2, 29)),
            (1_709_164_800_000, (2024, 2, 29)),
            (1_798_675_200_000, (2026, 12, 31)),
        ] {
            assert_eq!(date(Millis(ms)), expected);
        }
    }

    #[test]
    fn an_authority_in_a_folder_stays_the_same_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::in_folder(folder.path()).unwrap().pem().to_owned();
        assert_eq!(Authority::in_folder(folder.path()).unwrap().pem(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_file(folder.path().join(CERTIFICATE_FILE)).unwrap();
        assert!(matches!(Authority::in_folder(folder.path()), Err(TlsError::Half { .. })));
    }
}
