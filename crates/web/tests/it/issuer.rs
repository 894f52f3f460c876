//! An identity provider's double, behind the transport: its document, its keys, its consent, its tokens, and its lies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use drift::{Limits, Transport, TransportError, TransportKind};
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{Request, Response, header};
use model::{Clock as _, FakeClock, Secret};
use openidconnect::core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use web::access::AccessOptions;
use web::access::oidc::{Oidc, OidcOptions, OidcSecret};

use crate::house::{House, NOW};

pub(crate) const ISSUER: &str = "https://issuer.test";
pub(crate) const CLIENT_SECRET: &str = "canary-oidc-client-secret";
const RSA_PEM: &str = include_str!("keys/issuer-rsa.pem");

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// By the key that the provider publishes.
    Right,
    /// By the RSA key, which it publishes, too.
    Rsa,
    /// By a key of somebody else, under the same name.
    Other,
    /// Not at all.
    None,
    /// By the client's secret.
    Shared,
}

/// What the provider does wrong.
type Twist = Arc<dyn Fn(&mut Value) + Send + Sync>;
type Answer = Result<Response<Bytes>, TransportError>;

struct Code {
    challenge: String,
    claims: Value,
}

struct Inner {
    codes: HashMap<String, Code>,
    /// Seed and name of the key that signs.
    key: (u8, &'static str),
    signature: Signature,
    twist: Option<Twist>,
    document: Option<Twist>,
    is_down: bool,
    asked: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    rules: String,
    domains: Vec<String>,
    inner: Arc<Mutex<Inner>>,
    clock: FakeClock,
}

impl Issuer {
    pub(crate) fn new(rules: &str) -> Self {
        let inner = Inner {
            codes: HashMap::new(),
            key: (1, "k1"),
            signature: Signature::Right,
            twist: None,
            document: None,
            is_down: false,
            asked: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        Self { rules: rules.to_owned(), domains: Vec::new(), inner, clock: FakeClock::at(NOW) }
    }

    /// The same, of which only people of these domains are let in.
    pub(crate) fn of_domains(self, domains: &[&str]) -> Self {
        Self { domains: domains.iter().map(|domain| (*domain).to_owned()).collect(), ..self }
    }

    /// Options of doors that know it.
    pub(crate) fn options(&self, options: AccessOptions) -> AccessOptions {
        let rules = self.rules.split(',').filter(|rule| !rule.trim().is_empty());
        let oidc = OidcOptions {
            issuer: ISSUER.to_owned(),
            client_id: "longshore".to_owned(),
            secret: OidcSecret::Held(Secret::new(CLIENT_SECRET)),
            scopes: vec!["email".to_owned()],
            domains: self.domains.clone(),
            rules: rules.map(|rule| rule.parse().unwrap()).collect(),
            public_url: Url::parse("http://longshore.test").unwrap(),
        };
        let clock = Arc::new(self.clock.clone());
        AccessOptions { oidc: Some(Oidc::new(oidc, Arc::new(self.clone()), clock)), ..options }
    }

    /// Let time pass, here and in the house.
    pub(crate) fn pass(&self, house: &House, ms: i64) {
        self.clock.advance(ms);
        house.clock.advance(ms);
    }

    pub(crate) fn sign(&self, signature: Signature) {
        self.inner.lock().unwrap().signature = signature;
    }

    /// Sign with another key from now on, and publish that one alone.
    pub(crate) fn change_key(&self) {
        self.inner.lock().unwrap().key = (2, "k2");
    }

    /// Change the claims of every token from now on.
    pub(crate) fn twist(&self, twist: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.inner.lock().unwrap().twist = Some(Arc::new(twist));
    }

    /// Change the document.
    pub(crate) fn publish(&self, twist: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.inner.lock().unwrap().document = Some(Arc::new(twist));
    }

    pub(crate) fn go_down(&self, is_down: bool) {
        self.inner.lock().unwrap().is_down = is_down;
    }

    /// How often this path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.inner.lock().unwrap().asked.iter().filter(|asked| *asked == path).count()
    }

    /// Consent as a person at the provider: where the browser is sent back to.
    pub(crate) fn consent(&self, address: &str, person: &Value) -> String {
        let url = Url::parse(address).unwrap();
        assert_eq!(url.host_str(), Some("issuer.test"), "{address}");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["redirect_uri"], "http://longshore.test/sign-in/oidc/callback");
        assert_eq!(
            (asked["response_type"].as_str(), asked["code_challenge_method"].as_str()),
            ("code", "S256")
        );
        assert_eq!(asked["scope"], "openid email");
        let mut inner = self.inner.lock().unwrap();
        let now = self.clock.now().0 / 1_000;
        let mut claims = json!({
            "iss": ISSUER, "aud": "longshore", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "sub": "subject-1", "email": "ada@example.test", "email_verified": true,
        });
        for (name, value) in person.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let code = format!("code-canary-{}", inner.codes.len());
        inner.codes.insert(code.clone(), Code { challenge: asked["code_challenge"].clone(), claims });
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("code", code.as_str()), ("state", &asked["state"]), ("iss", ISSUER)])
            .finish();
        format!("/sign-in/oidc/callback?{query}")
    }
}

impl Inner {
    fn answer(&mut self, request: &Request<Bytes>) -> Answer {
        self.asked.push(request.uri().path().to_owned());
        if self.is_down {
            return Err(TransportError::new(TransportKind::Connect));
        }
        match request.uri().path() {
            "/.well-known/openid-configuration" => {
                let mut document = json!({
                    "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/authorize"),
                    "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys"),
                    "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256", "EdDSA", "HS256", "none"],
                });
                if let Some(twist) = &self.document {
                    twist(&mut document);
                }
                json_answer(200, &document)
            }
            "/keys" => {
                let public = SigningKey::from_bytes(&[self.key.0; 32]).verifying_key();
                let rsa = serde_json::to_value(rsa().as_verification_key()).unwrap();
                json_answer(
                    200,
                    &json!({"keys": [
                        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.key.1,
                         "x": URL_SAFE_NO_PAD.encode(public.as_bytes())},
                        rsa,
                    ]}),
                )
            }
            "/token" => self.exchange(request),
            _ => json_answer(404, &json!({})),
        }
    }

    fn exchange(&mut self, request: &Request<Bytes>) -> Answer {
        let shown = STANDARD.encode(format!("longshore:{CLIENT_SECRET}"));
        assert_eq!(request.headers()[header::AUTHORIZATION], format!("Basic {shown}"));
        let sent: HashMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        let Some(code) = self.codes.remove(&sent["code"]) else {
            return json_answer(400, &json!({"error": "invalid_grant"}));
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sent["code_verifier"].as_bytes()));
        if challenge != code.challenge {
            return json_answer(400, &json!({"error": "invalid_grant", "error_description": "canary-said"}));
        }
        let mut claims = code.claims;
        if let Some(twist) = &self.twist {
            twist(&mut claims);
        }
        let token = self.mint(&claims);
        json_answer(
            200,
            &json!({"access_token": "canary-access", "token_type": "Bearer", "expires_in": 300, "id_token": token}),
        )
    }

    fn mint(&self, claims: &Value) -> String {
        let (alg, kid) = match self.signature {
            Signature::Right | Signature::Other => ("EdDSA", self.key.1),
            Signature::Rsa => ("RS256", "rsa"),
            Signature::None => ("none", self.key.1),
            Signature::Shared => ("HS256", self.key.1),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"alg": alg, "kid": kid, "typ": "JWT"})), part(claims));
        let ed = |seed: u8| SigningKey::from_bytes(&[seed; 32]).sign(text.as_bytes()).to_bytes().to_vec();
        let signature = match self.signature {
            Signature::Right => ed(self.key.0),
            Signature::Other => ed(99),
            Signature::None => Vec::new(),
            Signature::Shared => openidconnect::core::CoreHmacKey::new(CLIENT_SECRET)
                .sign(&CoreJwsSigningAlgorithm::HmacSha256, text.as_bytes())
                .unwrap(),
            Signature::Rsa => {
                rsa().sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, text.as_bytes()).unwrap()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn rsa() -> CoreRsaPrivateSigningKey {
    CoreRsaPrivateSigningKey::from_pem(RSA_PEM, Some(JsonWebKeyId::new("rsa".into()))).unwrap()
}

fn json_answer(status: u16, body: &Value) -> Answer {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    Ok(answer.body(Bytes::from(body.to_string())).unwrap())
}

impl Transport for Issuer {
    fn send<'a>(&'a self, request: Request<Bytes>, _: Limits) -> BoxFuture<'a, Answer> {
        let answer = self.inner.lock().unwrap().answer(&request);
        futures_util::future::ready(answer).boxed()
    }
}
