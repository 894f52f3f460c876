//! Where values come from: defaults, the file, the environment, flags — each stronger than the one before.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::setting::{Care, SETTINGS, Setting, find};
use crate::failure::Failure;

/// A value that somebody gave, as text, and who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Who gave a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: PathBuf, line: usize, column: usize },
    Environment(&'static str),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// The strongest value of each setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layers(BTreeMap<&'static str, Given>);

impl Layers {
    /// What holds when nobody says otherwise.
    pub(crate) fn defaults() -> Self {
        let given = |setting: &Setting| Given { text: setting.default.into(), origin: Origin::Default };
        Self(SETTINGS.iter().map(|setting| (setting.name, given(setting))).collect())
    }

    /// Put a stronger value over what is there.
    pub(crate) fn put(&mut self, setting: &'static Setting, given: Given) {
        self.0.insert(setting.name, given);
    }

    /// The values of the environment. Secrets may come from here, and from nowhere else.
    pub(crate) fn put_environment(&mut self, read: &dyn Fn(&str) -> Option<String>) {
        for setting in SETTINGS {
            let found = setting.environment.iter().find_map(|name| Some((*name, read(name)?)));
            if let Some((name, text)) = found.filter(|(_, text)| !text.is_empty()) {
                self.put(setting, Given { text, origin: Origin::Environment(name) });
            }
        }
    }

    /// One `--set NAME=VALUE`.
    pub(crate) fn put_assignment(&mut self, assignment: &str) -> Result<(), Failure> {
        let Some((name, text)) = assignment.split_once('=') else {
            return Err(Failure::usage("--set: expected NAME=VALUE").hint("for example --set per_minute=300"));
        };
        let name = name.trim();
        let setting = find(name).ok_or_else(|| unknown(&format!("--set: unknown setting `{name}`"), name))?;
        if setting.care == Care::Secret {
            return Err(secret_in_the_open("--set", setting));
        }
        self.put(setting, Given { text: text.into(), origin: Origin::Flag("--set".into()) });
        Ok(())
    }

    /// The strongest value of a setting.
    pub(crate) fn get(&self, name: &'static str) -> &Given {
        self.0.get(name).expect("every setting of the table has at least its default")
    }
}

/// A name that no setting has; the hint offers the nearest.
pub(crate) fn unknown(message: &str, name: &str) -> Failure {
    let nearest = SETTINGS.iter().map(|setting| (distance(setting.name, name), setting.name)).min();
    let hint = match nearest {
        Some((distance, nearest)) if distance <= 1 + nearest.len() / 4 => {
            format!("did you mean `{nearest}`?")
        }
        _ => "\"longshore config\" lists all settings".into(),
    };
    Failure::usage(message).hint(hint)
}

/// A secret where others can read it.
pub(crate) fn secret_in_the_open(place: &str, setting: &Setting) -> Failure {
    Failure::usage(format!("{place}: `{}` is a secret and is read from the environment only", setting.name))
        .hint(format!("set {} in the environment instead", setting.environment[0]))
}

/// How many letters must be changed, added or removed to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let changed = diagonal + usize::from(letter != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_stronger_than_the_default_and_its_first_name_counts() {
        let mut layers = Layers::defaults();
        layers.put_environment(&|name| match name {
            "DATABASE_URL" => Some("postgres://a/b".into()),
            "LONGSHORE_PER_MINUTE" => Some(String::new()),
            _ => None,
        });
        assert_eq!(layers.get("database").origin.to_string(), "DATABASE_URL");
        assert_eq!(layers.get("per_minute").origin, Origin::Default);
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let failure = Layers::defaults().put_assignment("per_minit=3").unwrap_err();
        assert_eq!(failure.message, "--set: unknown setting `per_minit`");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `per_minute`?"));
    }

    #[test]
    fn a_secret_cannot_be_given_on_the_command_line() {
        let failure = Layers::defaults().put_assignment("client_secret=canary").unwrap_err();
        assert!(!failure.message.contains("canary"));
        assert_eq!(failure.hint.as_deref(), Some("set LONGSHORE_CLIENT_SECRET in the environment instead"));
    }
}
