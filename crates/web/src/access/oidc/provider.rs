//! The provider: its document and keys, the address that browsers are sent to, and the exchange of a code for an identity.
//!
//! Document and keys are read when first needed, kept for ten minutes, and read anew when a token names a key that is not
//! among them. What the provider says in its errors stays unsaid: it may repeat what it was sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::{Millis, Pii, Secret};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, Client,
    ClientId, ClientSecret, CsrfToken, DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdTokenClaims, IdTokenFields, IdTokenVerifier, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::carry::{Carrier, CarryError};
use super::{CALLBACK, Oidc, OidcSecret};

/// Document and keys are kept for so long, in milliseconds.
const FRESH_MS: i64 = 10 * 60_000;
/// They are read anew for a key that is not among them no more often than this, in milliseconds.
const ANEW_MS: i64 = 60_000;
/// How far the provider's clock may be from ours, in milliseconds.
pub(super) const SKEW_MS: i64 = 30_000;
/// A subject has at most so many characters (OpenID Connect Core, 2).
const SUBJECT_CHARACTERS_MAX: usize = 255;

/// Signatures by a key that only the provider has. One by the client's secret proves nothing more than the secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What was read from the provider, and when.
pub(super) struct Kept {
    metadata: CoreProviderMetadata,
    read_at: Millis,
}

/// Why there is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProviderError {
    /// The provider does not answer, or not as one.
    Unavailable(&'static str),
    /// What it answered is not believed; one word says why.
    Refused(&'static str),
}

/// Who the provider says it is.
pub(super) struct Identity {
    /// Its own id of the person.
    pub(super) subject: Pii<String>,
    /// A mail address that it has verified.
    pub(super) email: Option<Pii<String>>,
    /// Everything else it says.
    pub(super) claims: Map<String, Value>,
    /// When the person last showed it something.
    pub(super) authenticated_at: Option<Millis>,
}

/// What the provider holds, and a browser is sent away with.
pub(super) struct Bound<'a> {
    pub(super) nonce: &'a str,
    pub(super) verifier: &'a Secret,
}

#[derive(Debug, Serialize, Deserialize)]
struct Others(Map<String, Value>);
impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Claims = IdTokenClaims<Others, CoreGenderClaim>;
type ProtocolClient = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Oidc {
    /// The address at the provider that a browser is sent to. `again`: the person must show the provider something, however
    /// lately that was done.
    pub(super) async fn address(
        &self,
        state: &str,
        bound: Bound<'_>,
        again: bool,
    ) -> Result<Url, ProviderError> {
        let client = self.client(None, self.metadata(FRESH_MS).await?)?;
        let (state, nonce) = (CsrfToken::new(state.to_owned()), Nonce::new(bound.nonce.to_owned()));
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let verifier = PkceCodeVerifier::new(bound.verifier.expose().to_owned());
        let mut request = client
            .authorize_url::<_, CoreResponseType, _>(flow, move || state, move || nonce)
            .add_scopes(self.options.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if again {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        let (url, _, _) = request.url();
        let https = self.is_https();
        match url.scheme() {
            "https" => Ok(url),
            "http" if !https => Ok(url),
            _ => Err(ProviderError::Unavailable("downgrade")),
        }
    }

    /// Exchange a code for who it stands for.
    pub(super) async fn identity(&self, code: &str, bound: Bound<'_>) -> Result<Identity, ProviderError> {
        let metadata = self.metadata(FRESH_MS).await?;
        let client = self.client(self.secret().await?, metadata)?;
        let carrier = self.carrier();
        let exchange = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| ProviderError::Unavailable("document"))?
            .set_pkce_verifier(PkceCodeVerifier::new(bound.verifier.expose().to_owned()));
        let tokens: Tokens = exchange.request_async(&carrier).await.map_err(|error| not_exchanged(&error))?;
        let nonce = Nonce::new(bound.nonce.to_owned());
        match self.verify(&client, &tokens, &nonce) {
            Err(ProviderError::Refused("key")) => {
                let metadata = self.metadata(ANEW_MS).await?;
                self.verify(&self.client(None, metadata)?, &tokens, &nonce)
            }
            verified => verified,
        }
    }

    fn verify(
        &self,
        client: &ProtocolClient,
        tokens: &Tokens,
        nonce: &Nonce,
    ) -> Result<Identity, ProviderError> {
        let clock = self.clock.clone();
        let time = move || instant(clock.now().plus(-SKEW_MS));
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(time);
        let token = tokens.id_token().ok_or(ProviderError::Refused("no_token"))?;
        let claims = token.claims(&verifier, nonce).map_err(|error| not_believed(&error))?;
        if claims.issue_time().timestamp_millis() > self.clock.now().plus(SKEW_MS).0 {
            return Err(ProviderError::Refused("issued_later"));
        }
        if let Some(expected) = claims.access_token_hash() {
            let of = |verifier: &IdTokenVerifier<'_, CoreJsonWebKey>| {
                let (alg, key) = (token.signing_alg().ok()?, token.signing_key(verifier).ok()?);
                AccessTokenHash::from_token(tokens.access_token(), alg, key).ok()
            };
            if of(&verifier).as_ref() != Some(expected) {
                return Err(ProviderError::Refused("access_token"));
            }
        }
        identity(claims)
    }

    /// The provider's document and keys, no older than this.
    async fn metadata(&self, age_ms_max: i64) -> Result<CoreProviderMetadata, ProviderError> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.read_at.plus(age_ms_max)) {
            return Ok(kept.metadata.clone());
        }
        let issuer = IssuerUrl::new(self.options.issuer.clone());
        let issuer = issuer.map_err(|_| ProviderError::Unavailable("issuer"))?;
        let carrier = self.carrier();
        let metadata = CoreProviderMetadata::discover_async(issuer, &carrier).await.map_err(|error| {
            let (reason, cause) = match &error {
                DiscoveryError::Request(cause) => ("request", Some(cause)),
                DiscoveryError::Validation(_) => ("issuer", None),
                _ => ("document", None),
            };
            tracing::warn!(
                cause = cause.map(tracing::field::display),
                "The identity provider's document cannot be used: {reason}"
            );
            ProviderError::Unavailable(reason)
        })?;
        *kept = Some(Kept { metadata: metadata.clone(), read_at: now });
        Ok(metadata)
    }

    fn client(
        &self,
        secret: Option<ClientSecret>,
        metadata: CoreProviderMetadata,
    ) -> Result<ProtocolClient, ProviderError> {
        let mut back = self.options.public_url.clone();
        back.set_path(&format!("{}{CALLBACK}", back.path().trim_end_matches('/')));
        let back =
            RedirectUrl::new(back.to_string()).map_err(|_| ProviderError::Unavailable("public_url"))?;
        let methods = metadata.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let is_by_body = methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic);
        let client_id = ClientId::new(self.options.client_id.clone());
        let client =
            ProtocolClient::from_provider_metadata(metadata, client_id, secret).set_redirect_uri(back);
        Ok(if is_by_body { client.set_auth_type(AuthType::RequestBody) } else { client })
    }

    async fn secret(&self) -> Result<Option<ClientSecret>, ProviderError> {
        match &self.options.secret {
            OidcSecret::None => Ok(None),
            OidcSecret::Held(secret) => Ok(Some(ClientSecret::new(secret.expose().to_owned()))),
            OidcSecret::File(path) => {
                let read = tokio::fs::read_to_string(path).await.map(Secret::new).map_err(|error| {
                    tracing::error!("The file of the secret for the identity provider: {}", error.kind());
                    ProviderError::Unavailable("secret_file")
                })?;
                Ok(Some(ClientSecret::new(read.expose().trim().to_owned())))
            }
        }
    }

    fn carrier(&self) -> Carrier {
        Carrier { transport: self.transport.clone(), clock: self.clock.clone(), https: self.is_https() }
    }

    fn is_https(&self) -> bool {
        self.options.issuer.starts_with("https:")
    }
}

/// An instant as the crate takes it; one that it cannot hold is so late that every token has ended.
fn instant(at: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn identity(claims: &Claims) -> Result<Identity, ProviderError> {
    let subject = claims.subject().as_str();
    let is_odd = subject.chars().any(char::is_control);
    if subject.is_empty() || subject.chars().count() > SUBJECT_CHARACTERS_MAX || is_odd {
        return Err(ProviderError::Refused("subject"));
    }
    let is_verified = claims.email_verified() == Some(true);
    let email = claims.email().filter(|_| is_verified).map(|email| Pii::new(email.as_str().to_lowercase()));
    Ok(Identity {
        subject: Pii::new(subject.to_owned()),
        email,
        claims: claims.additional_claims().0.clone(),
        authenticated_at: claims.auth_time().map(|at| Millis(at.timestamp_millis())),
    })
}

/// Why the exchange came to nothing.
fn not_exchanged<E>(error: &RequestTokenError<CarryError, E>) -> ProviderError
where
    E: openidconnect::ErrorResponse,
{
    match error {
        RequestTokenError::ServerResponse(_) => ProviderError::Refused("code"),
        RequestTokenError::Request(cause) => {
            tracing::warn!(cause = %cause, "The identity provider did not exchange a code");
            ProviderError::Unavailable("request")
        }
        RequestTokenError::Parse(..) => ProviderError::Refused("answer"),
        RequestTokenError::Other(_) => ProviderError::Unavailable("answer"),
    }
}

/// What is wrong with a token, in a word of ours.
fn not_believed(error: &ClaimsVerificationError) -> ProviderError {
    ProviderError::Refused(match error {
        ClaimsVerificationError::Expired(_) => "expired",
        ClaimsVerificationError::InvalidAudience(_) => "audience",
        ClaimsVerificationError::InvalidIssuer(_) => "issuer",
        ClaimsVerificationError::InvalidNonce(_) => "nonce",
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => "key",
        ClaimsVerificationError::SignatureVerification(_) => "signature",
        _ => "token",
    })
}
