//! The query with which the consent page sends the browser back.

use model::Secret;

/// What came back.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The code to trade in; works once.
    pub code: Secret,
    /// The state that was sent along; compare it.
    pub state: Option<String>,
}

/// Why nothing usable came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The user, or Drift, said no.
    #[error("access was not granted: {0}")]
    Refused(String),
    /// There is no code in the query.
    #[error("the callback carries no code")]
    NoCode,
}

/// Longest refusal that is repeated, in characters.
const REFUSAL_CHARS_MAX: usize = 100;

impl Callback {
    /// Read a callback's query, with or without a leading `?`. Drift's own sample joins `state` with a second `?`,
    /// so that is taken for `&`.
    ///
    /// # Errors
    /// [`CallbackError`] for a refusal, or a query without code.
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        let query = query.trim_start_matches('?').replace('?', "&");
        let find = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        if let Some(code) = find("code") {
            return Ok(Self { code: Secret::new(code), state: find("state") });
        }
        Err(match find("error_description").or_else(|| find("error")) {
            Some(refusal) => {
                let plain = refusal.chars().map(|c| if c.is_control() { ' ' } else { c });
                CallbackError::Refused(plain.take(REFUSAL_CHARS_MAX).collect())
            }
            None => CallbackError::NoCode,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_question_mark_joins_as_well() {
        for query in ["code=c-1&state=s%201", "?code=c-1?state=s+1", "state=s%201&code=c-1"] {
            let callback = Callback::parse(query).unwrap();
            assert_eq!((callback.code.expose(), callback.state.as_deref()), ("c-1", Some("s 1")), "{query}");
        }
    }

    #[test]
    fn a_refusal_is_told() {
        let refused = Callback::parse("error=access_denied&state=x").unwrap_err();
        assert_eq!(refused, CallbackError::Refused("access_denied".to_owned()));
        assert_eq!(Callback::parse("state=x").unwrap_err(), CallbackError::NoCode);
    }
}
