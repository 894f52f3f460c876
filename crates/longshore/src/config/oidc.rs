//! The settings of signing in through an identity provider.

use sinks::webhook::Reach;
use url::{Host, Url};
use web::access::oidc::{OidcOptions, OidcSecret, Rule};

use super::layer::Layers;
use super::serving::parts;
use super::{flag, optional, path, read, secret};
use crate::failure::Failure;

/// Rules and domains, at most.
const LIST_MAX: usize = 200;

/// What a running node is told about its identity provider.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) options: OidcOptions,
    /// How far the provider may be away: its document names further addresses.
    pub(crate) reach: Reach,
}

/// The provider, if there is to be one.
pub(super) fn parse(layers: &Layers, public_url: Option<&Url>) -> Result<Option<Provider>, Failure> {
    let reach = if read(layers, "oidc_private", flag)? { Reach::Private } else { Reach::Public };
    let Some(issuer) = optional(layers, "oidc_issuer", |text| issuer(text, reach))? else { return Ok(None) };
    let Some(public_url) = public_url else {
        return Err(Failure::usage("oidc_issuer: browsers cannot be sent back while public_url is not set")
            .hint(
                "set public_url to where browsers reach this node, such as https://longshore.example.com",
            ));
    };
    let client_id = read(layers, "oidc_client_id", client_id)?;
    let held = optional(layers, "oidc_client_secret", secret)?.map(OidcSecret::Held);
    let file = optional(layers, "oidc_client_secret_file", path)?.map(OidcSecret::File);
    let options = OidcOptions {
        issuer,
        client_id,
        secret: held.or(file).unwrap_or(OidcSecret::None),
        scopes: read(layers, "oidc_scopes", words)?,
        domains: read(layers, "oidc_domains", words)?,
        rules: read(layers, "oidc_roles", rules)?,
        public_url: public_url.clone(),
    };
    Ok(Some(Provider { options, reach }))
}

/// Word for word: a provider is held to how it names itself.
fn issuer(text: &str, reach: Reach) -> Result<String, String> {
    let url =
        reach.url(text).map_err(|error| format!("{error}; see oidc_private for one in your own network"))?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "http" && !is_here {
        return Err("the address must begin with https:// unless it is on this machine".into());
    }
    if url.query().is_some() || text.contains('#') {
        return Err("the address must have nothing after its path".into());
    }
    Ok(text.to_owned())
}

fn client_id(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("expected what the provider calls this program, found nothing".into())
    } else {
        Ok(text.into())
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = parts(text).map(str::to_owned).collect();
    let odd = words.iter().find(|word| word.chars().any(|one| one.is_whitespace() || one.is_control()));
    match odd {
        Some(odd) => Err(format!("expected words divided by commas, found \"{odd}\"")),
        None if words.len() > LIST_MAX => Err(format!("expected at most {LIST_MAX} words")),
        None => Ok(words),
    }
}

fn rules(text: &str) -> Result<Vec<Rule>, String> {
    let rules: Result<Vec<Rule>, _> = parts(text).map(str::parse::<Rule>).collect();
    match rules {
        Ok(rules) if rules.len() > LIST_MAX => Err(format!("expected at most {LIST_MAX} rules")),
        rules => rules.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_taken_word_for_word_and_a_private_one_on_request() {
        assert_eq!(
            issuer("https://id.example.test/realms/a/", Reach::Public).unwrap(),
            "https://id.example.test/realms/a/"
        );
        assert_eq!(issuer("http://127.0.0.1:8080", Reach::Private).unwrap(), "http://127.0.0.1:8080");
        assert!(issuer("https://10.0.0.7/", Reach::Private).is_ok());
        for odd in [
            "id.example.test",
            "http://id.example.test",
            "https://id.example.test/?a=b",
            "https://id.example.test/#a",
            "https://u:p@id.example.test/",
            "https://10.0.0.7/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::ffff:10.0.0.7]/",
        ] {
            assert!(issuer(odd, Reach::Public).is_err(), "{odd}");
        }
        for never in
            ["http://10.0.0.7/", "https://169.254.169.254/", "https://[fd00:ec2::254]/", "https://0/"]
        {
            assert!(issuer(never, Reach::Private).is_err(), "{never}");
        }
    }

    #[test]
    fn rules_are_read_and_slips_are_named() {
        assert_eq!(rules("groups=a:agent@1, email_domain=b.test:analyst@everywhere").unwrap().len(), 2);
        assert!(rules("groups=a:king@1").unwrap_err().contains("groups=a:king@1"));
        assert!(words("email, two words").is_err());
    }
}
