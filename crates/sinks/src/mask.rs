//! What is done to personal data on its way out.
//!
//! What each column holds is said once, in the list of tables; what becomes of it is said here. Identifiers become pseudonyms: a
//! keyed hash of the value as people mean it (an address in lower case, a number by its digits), the same for the
//! same person everywhere in the organization's exports, so that rows can still be joined. Documents of unknown fields and links
//! are emptied under every mask: what is in them nobody can tell beforehand. Free text either goes as it is or not at all:
//! finding what identifies somebody within it is for a redactor, which would stand where [`Mode::AllText`] empties it.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use store::mask_keys::MaskKey;
use store::tables::{Batch, Column, Personal};

use crate::SinkError;

/// Bytes of a pseudonym: enough that two people never share one.
const PSEUDONYM_BYTES: usize = 16;

/// How much is masked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing: everything goes as the mirror has it.
    #[default]
    None,
    /// Identifiers become pseudonyms, documents and links are emptied, free text stays.
    Identifiers,
    /// The same, and free text is emptied too.
    AllText,
}

/// A mask, with what its pseudonyms are made with.
#[derive(Debug, Clone, Copy)]
pub struct Mask<'a> {
    mode: Mode,
    key: &'a MaskKey,
}

impl<'a> Mask<'a> {
    /// A mask of this mode; none where nothing is masked.
    ///
    /// # Errors
    /// [`SinkError::NoMaskKey`] when there is something to mask and nothing to do it with.
    pub fn new(mode: Mode, key: Option<&'a MaskKey>) -> Result<Option<Self>, SinkError> {
        match (mode, key) {
            (Mode::None, _) => Ok(None),
            (mode, Some(key)) => Ok(Some(Self { mode, key })),
            (_, None) => Err(SinkError::NoMaskKey),
        }
    }

    /// Mask the rows of a page.
    pub fn apply(&self, batch: &mut Batch) {
        for (place, column) in batch.table().columns.iter().enumerate() {
            let Some(personal) = column.personal else { continue };
            match (personal, self.mode) {
                (Personal::Email, _) => self.hash(batch, place, "EMAIL", address),
                (Personal::Phone, _) => self.hash(batch, place, "PHONE", digits),
                (Personal::Name, _) => self.hash(batch, place, "NAME", words),
                (Personal::Identifier, _) => self.hash(batch, place, "ID", str::to_owned),
                (Personal::Link | Personal::Document, _) | (Personal::Text, Mode::AllText) => {
                    batch.rewrite(place, |value| value.and_then(|value| empty(column, value)));
                }
                (Personal::Text, Mode::None | Mode::Identifiers) => {}
            }
        }
    }

    fn hash(&self, batch: &mut Batch, place: usize, label: &str, as_meant: fn(&str) -> String) {
        batch.rewrite(place, |value| Some(Cow::Owned(self.pseudonym(label, &as_meant(value?)))));
    }

    /// Such as `[EMAIL:…]`. A text that says nothing stays nothing.
    fn pseudonym(&self, label: &str, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.reveal()).expect("a key of any length will do");
        mac.update(label.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        let hash = mac.finalize().into_bytes();
        format!("[{label}:{}]", hex::encode(&hash[..PSEUDONYM_BYTES]))
    }
}

/// What is left of a value: nothing where the column may hold nothing, else what says nothing in its kind.
fn empty(column: &Column, value: &str) -> Option<Cow<'static, str>> {
    if column.nullable {
        return None;
    }
    Some(Cow::Borrowed(match (column.personal, value.trim_start().starts_with('[')) {
        (Some(Personal::Document), true) => "[]",
        (Some(Personal::Document), false) => "{}",
        _ => "",
    }))
}

fn address(text: &str) -> String {
    text.trim().to_lowercase()
}

fn words(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// A phone number by its digits; what has none is taken as it stands.
fn digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() { address(text) } else { digits }
}

#[cfg(test)]
mod tests {
    use store::tables::{Value, ValueRef, table};
    use zeroize::Zeroizing;

    use super::*;

    fn key(byte: u8) -> MaskKey {
        MaskKey::of(Zeroizing::new(vec![byte; 32]))
    }

    fn contact(email: &str, phone: Option<&str>) -> Batch {
        let table = table("contacts").unwrap();
        let mut batch = Batch::with_capacity(table, 1);
        let row: Vec<ValueRef<'_>> = table
            .columns
            .iter()
            .map(|column| match column.name {
                "email" => ValueRef::Text(email),
                "phone" => phone.map_or(ValueRef::Null, ValueRef::Text),
                "attributes" | "extra" => ValueRef::Text("{\"email\":\"ada@example.test\"}"),
                "org_id" | "contact_id" | "fetched_at" => ValueRef::Integer(1),
                _ => ValueRef::Null,
            })
            .collect();
        batch.push(&row);
        batch
    }

    fn value(batch: &Batch, column: &str) -> Value {
        batch.value(0, batch.table().place(column).unwrap()).to_owned()
    }

    fn masked(key: &MaskKey, mut batch: Batch) -> Batch {
        Mask::new(Mode::Identifiers, Some(key)).unwrap().unwrap().apply(&mut batch);
        batch
    }

    #[test]
    fn a_person_is_the_same_pseudonym_however_the_address_is_written() {
        let mask = key(1);
        let one = masked(&mask, contact("Ada@Example.test ", Some("+1 (555) 010-0000")));
        let two = masked(&mask, contact("ada@example.test", Some("15550100000")));
        assert_eq!(value(&one, "email"), value(&two, "email"));
        assert_eq!(value(&one, "phone"), value(&two, "phone"));
        assert!(
            matches!(value(&one, "email"), Value::Text(text) if text.starts_with("[EMAIL:") && text.len() == 40)
        );
        assert_ne!(value(&one, "email"), value(&masked(&mask, contact("bo@example.test", None)), "email"));
    }

    #[test]
    fn another_key_gives_another_pseudonym() {
        let one = masked(&key(1), contact("ada@example.test", None));
        let two = masked(&key(2), contact("ada@example.test", None));
        assert_ne!(value(&one, "email"), value(&two, "email"));
    }

    #[test]
    fn what_nobody_can_tell_beforehand_is_emptied_and_nothing_stays_nothing() {
        let masked = masked(&key(1), contact("", None));
        assert_eq!(value(&masked, "attributes"), Value::Text("{}".to_owned()));
        assert_eq!(value(&masked, "email"), Value::Text(String::new()));
        assert_eq!(value(&masked, "phone"), Value::Null);
        assert!(Mask::new(Mode::None, None).unwrap().is_none());
        assert!(matches!(Mask::new(Mode::AllText, None), Err(SinkError::NoMaskKey)));
    }
}
