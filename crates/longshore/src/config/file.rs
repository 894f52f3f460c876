//! The configuration file: TOML, one line a setting, every defect named with its file, line, column and key.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::layer::{Given, Layers, Origin, secret_in_the_open, unknown};
use super::setting::{Care, find};
use crate::failure::Failure;

/// The file that is read when it lies in the working directory.
pub(crate) const DEFAULT_FILE: &str = "longshore.toml";

/// A configuration file larger than this is not one.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Put the file's values over what is there. Returns the file that was read, if there was one.
///
/// A file that was named must exist; the default one may be missing.
pub(crate) fn put_file(layers: &mut Layers, named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match read(path) {
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::input(path, &error)),
        Ok(text) => text,
    };
    put_text(layers, path, &text)?;
    Ok(Some(path.to_owned()))
}

fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other("larger than 1 MB, which no configuration file is"));
    }
    std::fs::read_to_string(path)
}

fn put_text(layers: &mut Layers, path: &Path, text: &str) -> Result<(), Failure> {
    let at = |offset: usize| {
        let (line, column) = position(text, offset);
        Origin::File { path: path.to_owned(), line, column }
    };
    let document = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        Failure::usage(format!("{}: {}{}", at(offset), key_before(text, offset), error.message()))
            .hint("a line reads name = value; texts stand in double quotes")
    })?;
    for (key, value) in document.get_ref() {
        let name: &str = key.get_ref();
        let place = at(key.span().start);
        let setting =
            find(name).ok_or_else(|| unknown(&format!("{place}: unknown setting `{name}`"), name))?;
        if setting.care == Care::Secret {
            return Err(secret_in_the_open(&place.to_string(), setting));
        }
        let origin = at(value.span().start);
        let text = as_text(value.get_ref()).map_err(|found| {
            Failure::usage(format!(
                "{origin}: {name}: expected a text, a number or a list of texts, found {found}"
            ))
            .hint("docs/configuration.md tells what each setting takes")
        })?;
        layers.put(setting, Given { text, origin });
    }
    Ok(())
}

/// A value as the text the environment would hold.
fn as_text(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().replace('_', "")),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Array(items) => {
            let texts: Result<Vec<_>, _> = items.iter().map(|item| as_text(item.get_ref())).collect();
            Ok(texts?.join(","))
        }
        other => Err(other.type_str()),
    }
}

/// Line and column of a byte, both from 1, the column in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    (line, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}

/// The key of the line in which a defect lies, as a prefix of the message.
fn key_before(text: &str, offset: usize) -> String {
    let offset = offset.min(text.len());
    let start =
        text.as_bytes()[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    line.split_once('=').map(|(key, _)| format!("{}: ", key.trim())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut layers = Layers::defaults();
        let failure = put_text(&mut layers, Path::new("longshore.toml"), text).unwrap_err();
        assert_eq!(format!("{failure} / {}", failure.hint.clone().unwrap_or_default()), expected);
    }

    #[test]
    fn values_of_every_form_become_texts() {
        let mut layers = Layers::defaults();
        let text =
            "# ours\nper_minute = 1_200\nresolve = [\"a=1.2.3.4:5\", \"b=1.2.3.4:6\"]\n  log = 'info'\n";
        put_text(&mut layers, Path::new("x.toml"), text).unwrap();
        assert_eq!(layers.get("per_minute").text, "1200");
        assert_eq!(layers.get("resolve").text, "a=1.2.3.4:5,b=1.2.3.4:6");
        assert_eq!(layers.get("log").origin.to_string(), "x.toml:4:9");
    }

    #[test]
    fn a_defect_is_named_with_line_column_and_key() {
        check(
            "log = \"info\"\nper_minit = 3\n",
            "longshore.toml:2:1: unknown setting `per_minit` / did you mean `per_minute`?",
        );
        check(
            "\napi_url = https://x\n",
            "longshore.toml:2:11: api_url: string values must be quoted, expected literal string / a line reads name = value; texts stand in double quotes",
        );
        check(
            "key = \"canary\"",
            "longshore.toml:1:1: `key` is a secret and is read from the environment only / set LONGSHORE_KEY in the environment instead",
        );
        check(
            "log = 1979-05-27",
            "longshore.toml:1:7: log: expected a text, a number or a list of texts, found datetime / docs/configuration.md tells what each setting takes",
        );
    }
}
