//! Wrapping keys that HashiCorp Vault keeps and never hands out: its Transit engine wraps and unwraps data keys for us.
//!
//! A key's name is `transit:MOUNT/KEY:vN`, one for each version that Vault still decrypts. Data keys go there and back over
//! HTTP, each bound to its place by associated data (so the Transit key must be of an AEAD type, such as `aes256-gcm96`).
//! What came back is kept for five minutes: a token is opened far more often than that, and each time would be a call.
//!
//! Protocol: "Transit secrets engine (API)" of the Vault documentation; encrypt, decrypt, read key, rotate, configure.

mod kept;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use drift::{Limits, Transport};
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use http::{Method, Request, Response, StatusCode};
use model::{Clock, Secret};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use store::vault::{Key, KeyId, Removed, VaultError, Wrapping};
use url::Url;
use zeroize::Zeroizing;

use kept::Kept;

/// How long an answer is waited for, in milliseconds: a transaction may be open meanwhile.
const ANSWER_MS_MAX: u64 = 5_000;
const BODY_BYTES_MAX: u64 = 64 * 1024;
/// Versions of a key that are known at once; of more only the newest count.
const VERSIONS_MAX: u64 = 1_000;

/// What the settings say about Transit.
#[derive(Debug, Clone)]
pub(crate) struct TransitOptions {
    /// The address of Vault.
    pub(crate) url: Url,
    /// Where the engine is mounted.
    pub(crate) mount: String,
    /// The key's name.
    pub(crate) key: String,
    /// What Vault is shown; `None` with a file.
    pub(crate) token: Option<Secret>,
    /// A file with that token, read for every call: an agent renews it.
    pub(crate) token_file: Option<PathBuf>,
}

/// The keys of one Transit key.
pub(crate) struct Transit {
    options: TransitOptions,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    kept: Kept,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

/// Borrowed from the body, so that no copy of the key is made.
#[derive(Deserialize)]
struct Decrypted<'a> {
    #[serde(borrow)]
    data: Plain<'a>,
}

#[derive(Deserialize)]
struct Plain<'a> {
    plaintext: &'a str,
}

#[derive(Deserialize)]
struct KeyInfo {
    latest_version: u64,
    min_decryption_version: u64,
}

impl Transit {
    pub(crate) fn new(options: TransitOptions, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { options, transport, clock, kept: Kept::default() }
    }

    fn id(&self, version: u64) -> KeyId {
        KeyId::named(format!("transit:{}/{}:v{version}", self.options.mount, self.options.key))
    }

    /// The version that a key's name means; `None` for a key of somebody else.
    fn version(&self, id: &KeyId) -> Option<u64> {
        let rest = id.as_str().strip_prefix("transit:")?.strip_prefix(&self.options.mount)?;
        rest.strip_prefix('/')?.strip_prefix(&self.options.key)?.strip_prefix(":v")?.parse().ok()
    }

    /// Whether a key of that name would be one of these.
    pub(crate) fn owns(&self, id: &KeyId) -> bool {
        self.version(id).is_some()
    }

    fn known(&self, id: &KeyId) -> Result<u64, VaultError> {
        self.version(id).ok_or_else(|| VaultError::WrongKey { expected: id.clone(), found: self.id(0) })
    }

    async fn info(&self) -> Result<KeyInfo, VaultError> {
        let body = self.call(Method::GET, ("keys", ""), None, "tell its keys").await?;
        self.parse::<Answer<KeyInfo>>(&body, "tell its keys").map(|answer| answer.data)
    }

    /// One call that must succeed; its body.
    async fn call(
        &self,
        method: Method,
        path: (&str, &str),
        body: Option<Zeroizing<Vec<u8>>>,
        doing: &'static str,
    ) -> Result<Bytes, VaultError> {
        let answer = self.exchange(method, path, body, doing).await?;
        let status = answer.status();
        if status.is_success() { Ok(answer.into_body()) } else { Err(self.refused(doing, status)) }
    }

    /// One call; `path` is what stands before the key's name and after it.
    async fn exchange(
        &self,
        method: Method,
        (before, after): (&str, &str),
        body: Option<Zeroizing<Vec<u8>>>,
        doing: &'static str,
    ) -> Result<Response<Bytes>, VaultError> {
        let (mount, key) = (&self.options.mount, &self.options.key);
        let mut url = self.options.url.clone();
        url.set_path(&format!("{}/v1/{mount}/{before}/{key}{after}", url.path().trim_end_matches('/')));
        let token = self.token(doing)?;
        let mut header = http::HeaderValue::from_str(token.expose())
            .map_err(|_| self.failed(doing, "the token has characters that no header can hold", false))?;
        header.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("x-vault-token", header)
            .header("x-vault-request", "true")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Bytes::new, Bytes::from_owner))
            .map_err(|_| self.failed(doing, "its address is not one that can be asked", false))?;
        let sending = self.transport.send(request, Limits { body_bytes_max: BODY_BYTES_MAX });
        match drift::deadline(self.clock.as_ref(), ANSWER_MS_MAX, sending).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(doing, error.kind.as_str(), true)),
            Err(_) => Err(self.failed(doing, &format!("no answer within {ANSWER_MS_MAX} ms"), true)),
        }
    }

    fn token(&self, doing: &'static str) -> Result<Secret, VaultError> {
        let Some(path) = &self.options.token_file else {
            let token = self.options.token.clone();
            return token.ok_or_else(|| self.failed(doing, "no token is set for it", false));
        };
        let read = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = read.map_err(|error| {
            self.failed(doing, &format!("its token file {}: {}", path.display(), error.kind()), true)
        })?;
        Ok(Secret::new(text.trim()))
    }

    /// Vault's own words stay out: they may repeat what was sent.
    fn refused(&self, doing: &'static str, status: StatusCode) -> VaultError {
        let (reason, passing) = match status.as_u16() {
            400 => ("it refused what was asked", false),
            403 => ("the token may not do that", false),
            404 => ("it has no such key", false),
            429 => ("it was asked too often", true),
            503 => ("it is sealed, or stands by", true),
            _ => ("it failed", true),
        };
        self.failed(doing, &format!("{reason} (status {})", status.as_u16()), passing)
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8], doing: &'static str) -> Result<T, VaultError> {
        serde_json::from_slice(body)
            .map_err(|_| self.failed(doing, "its answer is not what was expected", false))
    }

    fn failed(&self, doing: &'static str, reason: &str, passing: bool) -> VaultError {
        VaultError::Keeper { place: self.name(), doing, reason: reason.to_owned(), passing }
    }

    async fn encrypt(&self, version: u64, place: &[u8], key: &Key) -> Result<Vec<u8>, VaultError> {
        const DOING: &str = "wrap a data key";
        let plain = Zeroizing::new(STANDARD.encode(key.expose()));
        let place = STANDARD.encode(place);
        // Written out, so that the one copy of the key in it can be wiped.
        let body = format!(
            r#"{{"plaintext":"{}","associated_data":"{place}","key_version":{version}}}"#,
            plain.as_str()
        );
        let body = Zeroizing::new(body.into_bytes());
        let answer = self.call(Method::POST, ("encrypt", ""), Some(body), DOING).await?;
        let wrapped = self.parse::<Answer<Encrypted>>(&answer, DOING)?.data.ciphertext;
        // A version that Vault no longer encrypts with is silently another one: that would be wrapped under a wrong name.
        if !wrapped.starts_with(&format!("vault:v{version}:")) {
            return Err(self.failed(DOING, "it wrapped with another version than was asked for", false));
        }
        Ok(wrapped.into_bytes())
    }

    async fn decrypt(&self, place: &[u8], wrapped: &[u8]) -> Result<Key, VaultError> {
        const DOING: &str = "unwrap a data key";
        let text = std::str::from_utf8(wrapped).map_err(|_| VaultError::Damaged)?;
        let body = json!({"ciphertext": text, "associated_data": STANDARD.encode(place)});
        let body = Zeroizing::new(body.to_string().into_bytes());
        let answer = self.exchange(Method::POST, ("decrypt", ""), Some(body), DOING).await?;
        // Only what Vault has tried in vain is damaged: a key that is missing must never look like that.
        if answer.status() == StatusCode::BAD_REQUEST && says_damaged(answer.body()) {
            return Err(VaultError::Damaged);
        }
        if !answer.status().is_success() {
            return Err(self.refused(DOING, answer.status()));
        }
        let opened: Decrypted<'_> = serde_json::from_slice(answer.body())
            .map_err(|_| self.failed(DOING, "its answer is not what was expected", false))?;
        let plain = Zeroizing::new(STANDARD.decode(opened.data.plaintext).map_err(|_| VaultError::Damaged)?);
        Key::from_bytes(&plain).ok_or(VaultError::Damaged)
    }
}

/// Whether the text was authenticated in vain, or is none of Transit's.
fn says_damaged(body: &[u8]) -> bool {
    let said = String::from_utf8_lossy(body);
    ["message authentication failed", "invalid ciphertext"].iter().any(|words| said.contains(words))
}

impl Wrapping for Transit {
    fn name(&self) -> String {
        let (mount, key) = (&self.options.mount, &self.options.key);
        format!("Vault's Transit key {mount}/{key} at {}", self.options.url.host_str().unwrap_or_default())
    }

    fn ids(&self) -> BoxFuture<'_, Result<Vec<KeyId>, VaultError>> {
        async {
            let info = self.info().await?;
            let first =
                info.min_decryption_version.max(info.latest_version.saturating_sub(VERSIONS_MAX)).max(1);
            Ok((first..=info.latest_version.max(first)).map(|version| self.id(version)).collect())
        }
        .boxed()
    }

    fn wrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Vec<u8>, VaultError>> {
        async move { self.encrypt(self.known(id)?, place, key).await }.boxed()
    }

    fn unwrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<Key, VaultError>> {
        async move {
            self.known(id)?;
            let now = self.clock.now();
            if let Some(key) = self.kept.find(place, wrapped, now) {
                return Ok(key);
            }
            let key = self.decrypt(place, wrapped).await?;
            self.kept.keep(place, wrapped, &key, now);
            Ok(key)
        }
        .boxed()
    }

    fn first_format<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Arc<Key>, VaultError>> {
        ready(Err(VaultError::WrongKey { expected: id.clone(), found: self.id(0) })).boxed()
    }

    fn add(&self) -> BoxFuture<'_, Result<KeyId, VaultError>> {
        async {
            self.call(Method::POST, ("keys", "/rotate"), None, "make a new version of its key").await?;
            Ok(self.id(self.info().await?.latest_version))
        }
        .boxed()
    }

    /// Vault is told to decrypt nothing of that version or an older one any more.
    fn remove<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
        async move {
            let (version, info) = (self.known(id)?, self.info().await?);
            if version >= info.latest_version || version < info.min_decryption_version {
                return Ok(Removed::Gone);
            }
            let body = json!({"min_decryption_version": version + 1, "min_encryption_version": version + 1});
            let body = Some(Zeroizing::new(body.to_string().into_bytes()));
            match self.call(Method::POST, ("keys", "/config"), body, "retire a version of its key").await {
                Ok(_) => Ok(Removed::Gone),
                // A token that may not configure the key is how careful people set it up.
                Err(VaultError::Keeper { reason, .. }) if reason.ends_with("(status 403)") => {
                    Ok(Removed::ByHand)
                }
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}
