//! Rules: which claims of the provider make somebody what, where. Whoever no rule names is nothing.

use std::str::FromStr;

use model::{OrgId, Role};
use serde_json::Value;

use super::provider::Identity;

/// The word for every organization.
const EVERYWHERE: &str = "everywhere";

/// `CLAIM=VALUE:ROLE@PLACE`: whoever has that claim is that role in that organization, or `everywhere`.
///
/// A claim that is a list has each of its values; `a.b` is the `b` in `a`. `email` and `email_domain` are of a mail address
/// that the provider has verified, and of no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    claim: String,
    value: String,
    org: Option<OrgId>,
    role: Role,
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected rules such as groups=support:agent@4242 or email_domain=example.com:analyst@everywhere, found \"{0}\""
)]
pub struct RuleError(String);

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let parse = || {
            let (claim, rest) = text.trim().split_once('=')?;
            let (rest, place) = rest.rsplit_once('@')?;
            let (value, role) = rest.rsplit_once(':')?;
            let org = match place.trim() {
                EVERYWHERE => None,
                // 0 stands for every organization in the store: it must be said in words.
                number => Some(number.parse::<OrgId>().ok().filter(|org| org.0 != 0)?),
            };
            let (claim, value) = (claim.trim().to_owned(), value.trim().to_owned());
            let is_whole = !claim.is_empty() && !value.is_empty();
            is_whole.then_some(Self { claim, value, org, role: role.trim().parse().ok()? })
        };
        parse().ok_or_else(|| RuleError(text.trim().to_owned()))
    }
}

/// The domain of an identity's verified mail address.
pub(super) fn domain(identity: &Identity) -> Option<&str> {
    identity.email.as_ref()?.expose().rsplit_once('@').map(|(_, domain)| domain)
}

/// What the rules make of an identity: for each place what the first rule says that fits.
pub(super) fn roles(rules: &[Rule], identity: &Identity) -> Vec<(Option<OrgId>, Role)> {
    let mut roles: Vec<(Option<OrgId>, Role)> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.fits(identity)) {
        if !roles.iter().any(|(org, _)| *org == rule.org) {
            roles.push((rule.org, rule.role));
        }
    }
    roles
}

impl Rule {
    fn fits(&self, identity: &Identity) -> bool {
        match self.claim.as_str() {
            "email" => {
                identity.email.as_ref().is_some_and(|email| *email.expose() == self.value.to_lowercase())
            }
            "email_domain" => domain(identity).is_some_and(|domain| domain == self.value.to_lowercase()),
            claim => {
                let whole = identity.claims.get(claim);
                let inner = || {
                    let mut parts = claim.split('.');
                    let first = identity.claims.get(parts.next()?)?;
                    parts.try_fold(first, |value, part| value.get(part))
                };
                whole.or_else(inner).is_some_and(|found| self.is_in(found))
            }
        }
    }

    fn is_in(&self, found: &Value) -> bool {
        match found {
            Value::String(text) => *text == self.value,
            Value::Bool(flag) => flag.to_string() == self.value,
            Value::Number(number) => number.to_string() == self.value,
            Value::Array(values) => values.iter().any(|one| !one.is_array() && self.is_in(one)),
            Value::Null | Value::Object(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Pii;
    use serde_json::json;

    fn identity(email: Option<&str>, claims: Value) -> Identity {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        let email = email.map(|email| Pii::new(email.to_owned()));
        Identity { subject: Pii::new("s".into()), email, claims, authenticated_at: None }
    }

    fn check(rules: &str, identity: &Identity, expected: &[(Option<OrgId>, Role)]) {
        let parsed: Vec<Rule> = rules.split(',').map(|rule| rule.parse().unwrap()).collect();
        assert_eq!(roles(&parsed, identity), expected, "{rules}");
    }

    #[test]
    fn the_first_rule_of_a_place_that_fits_counts() {
        let ada = identity(
            Some("ada@example.test"),
            json!({"groups": ["support", "leads"], "realm": {"roles": ["boss"]}, "level": 3, "odd": [["boss"]],
                   "urn:a.b": "x", "email_domain": "evil.test", "email": "root@evil.test"}),
        );
        let (one, two) = (Some(OrgId(1)), Some(OrgId(2)));
        check("groups=leads:admin@1, groups=support:agent@1", &ada, &[(one, Role::Admin)]);
        check(
            "groups=support:agent@1, groups=support:auditor@2",
            &ada,
            &[(one, Role::Agent), (two, Role::Auditor)],
        );
        check("realm.roles=boss:owner@everywhere", &ada, &[(None, Role::Owner)]);
        check("urn:a.b=x:agent@1", &ada, &[(one, Role::Agent)]);
        check("level=3:agent@1", &ada, &[(one, Role::Agent)]);
        check("email_domain=Example.test:analyst@1", &ada, &[(one, Role::Analyst)]);
        check("email=ada@example.test:analyst@1", &ada, &[(one, Role::Analyst)]);
        for none in
            ["email=root@evil.test", "email_domain=evil.test", "odd=boss", "groups=Support", "realm=boss"]
        {
            check(&format!("{none}:owner@1"), &ada, &[]);
        }
        check("email_domain=example.test:agent@1", &identity(None, json!({})), &[]);
    }

    #[test]
    fn a_slip_in_a_rule_is_told() {
        for odd in [
            "",
            "groups",
            "groups=a",
            "groups=a:agent",
            "groups=a:king@1",
            "=a:agent@1",
            "g=a:agent@x",
            "g=a:agent@0",
        ] {
            assert!(odd.parse::<Rule>().is_err(), "{odd}");
        }
    }
}
