//! The token endpoint's answer: snake_case now, camelCase in 2018, and `orgId` camel among the snakes.

use model::{Millis, OrgId, Secret};
use serde::Deserialize;

use crate::{DecodeError, TokenPair};

/// Above this a lifetime is told in milliseconds: 10^6 seconds are 11 days, and Drift's tokens live two hours.
const SECONDS_MAX: i64 = 1_000_000;

#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    #[serde(alias = "accessToken")]
    access_token: Option<Secret>,
    #[serde(default, alias = "refreshToken")]
    refresh_token: Option<Secret>,
    #[serde(default, alias = "expiresIn")]
    expires_in: Option<Number>,
    #[serde(default, rename = "orgId", alias = "org_id")]
    org_id: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

impl TokenAnswer {
    pub(super) fn pair(self, asked_at: Millis) -> Result<TokenPair, DecodeError> {
        let access = self.access_token.filter(|token| !token.is_empty());
        let access = access.ok_or_else(|| DecodeError::new("there is no access token in it"))?;
        let lifetime = self.expires_in.and_then(|number| number.value()).filter(|lifetime| *lifetime > 0);
        let lifetime_ms = lifetime.map(|told| if told > SECONDS_MAX { told } else { told * 1000 });
        Ok(TokenPair {
            access,
            refresh: self.refresh_token.filter(|token| !token.is_empty()),
            expires_at: lifetime_ms.map(|ms| asked_at.plus(ms)),
            org: self.org_id.and_then(|number| number.value()).map(OrgId),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: &str) -> Result<TokenPair, DecodeError> {
        serde_json::from_str::<TokenAnswer>(text)?.pair(Millis(1_000))
    }

    #[test]
    fn both_spellings_are_read() {
        let new = pair(
            r#"{"access_token":"at-1","refresh_token":"rt-1","expires_in":7200,"token_type":"bearer","orgId":42}"#,
        );
        let old = pair(r#"{"accessToken":"at-1","refreshToken":"rt-1","expiresIn":"7200","orgId":"42"}"#);
        for pair in [new.unwrap(), old.unwrap()] {
            assert_eq!(pair.access.expose(), "at-1");
            assert_eq!(pair.refresh.unwrap().expose(), "rt-1");
            assert_eq!(pair.expires_at, Some(Millis(7_201_000)));
            assert_eq!(pair.org, Some(OrgId(42)));
        }
    }

    #[test]
    fn a_large_lifetime_is_in_milliseconds() {
        assert_eq!(
            pair(r#"{"access_token":"a","expires_in":7200000}"#).unwrap().expires_at,
            Some(Millis(7_201_000))
        );
        assert_eq!(pair(r#"{"access_token":"a","expires_in":0}"#).unwrap().expires_at, None);
        assert!(pair("{}").is_err());
    }
}
