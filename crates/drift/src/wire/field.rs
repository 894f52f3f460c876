//! How a single field is read: leniently, but never by guessing.
//!
//! Serde's own readers insist on one JSON type a field. Drift does not: ids come as numbers or as digits in quotes,
//! `externalId` as text or number, lists as `null`. [`Field`] reads each of our leaf types from whatever spelling of
//! the same value arrives, without buffering: the visitor is told what comes and takes it.

use std::fmt;
use std::marker::PhantomData;

use model::{
    AccountId, AttachmentId, ContactId, ConversationId, InboxId, MeetingId, MessageId, Millis, OrgId, Pii,
    PlaybookId, TeamId, UserId,
};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value that can stand in a field, read from any spelling of it that Drift is known to use.
pub trait Field: Sized {
    /// Read one.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// For `deserialize_with` on required fields.
pub(crate) fn required<'de, D: Deserializer<'de>, T: Field>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

/// For `deserialize_with` on optional fields; `null` is absent.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: Field>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct Maybe<T>(PhantomData<T>);
    impl<'de, T: Field> Visitor<'de> for Maybe<T> {
        type Value = Option<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value or null")
        }
        fn visit_none<E>(self) -> Result<Option<T>, E> {
            Ok(None)
        }
        fn visit_unit<E>(self) -> Result<Option<T>, E> {
            Ok(None)
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
            T::read(deserializer).map(Some)
        }
    }
    deserializer.deserialize_option(Maybe(PhantomData))
}

/// For `deserialize_with` on lists: `null` and `{}` are empty lists, `null` elements are skipped.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Field>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Elements<T>(PhantomData<T>);
    impl<'de, T: Field> Visitor<'de> for Elements<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            match map.next_key::<String>()? {
                None => Ok(Vec::new()),
                Some(_) => Err(A::Error::custom("expected a list, found an object with content")),
            }
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = seq.next_element_seed(Element(PhantomData))? {
                elements.extend(element);
            }
            Ok(elements)
        }
    }
    deserializer.deserialize_any(Elements(PhantomData))
}

struct Element<T>(PhantomData<T>);

impl<'de, T: Field> DeserializeSeed<'de> for Element<T> {
    type Value = Option<T>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        optional(deserializer)
    }
}

/// A list that is the whole of an answer's `data`.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<'de, T: Field> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list(deserializer).map(Self)
    }
}

/// Whole numbers: as such, as a float without a fraction, or as digits in quotes.
struct WholeNumber;

impl Visitor<'_> for WholeNumber {
    type Value = i64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }
    fn visit_i64<E>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::custom("number beyond 64 bits"))
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
            Ok(number as i64)
        } else {
            Err(E::custom("expected a whole number, found a fraction"))
        }
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
        text.trim().parse().map_err(|_| E::custom("expected a whole number, found other text"))
    }
}

impl Field for i64 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeNumber)
    }
}

macro_rules! whole_number_fields {
    ($($name:ident)*) => {$(
        impl Field for $name {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::read(deserializer).map(Self)
            }
        }
    )*};
}

whole_number_fields! {
    OrgId ConversationId MessageId ContactId UserId TeamId InboxId PlaybookId AttachmentId Millis
}

/// Fractions: as numbers or as digits in quotes.
struct Fraction;

impl Visitor<'_> for Fraction {
    type Value = f64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    #[expect(clippy::cast_precision_loss, reason = "coordinates and counts lie far within 2^53")]
    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }
    #[expect(clippy::cast_precision_loss, reason = "coordinates and counts lie far within 2^53")]
    fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }
    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        text.trim().parse().map_err(|_| E::custom("expected a number, found other text"))
    }
}

impl Field for f64 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Fraction)
    }
}

/// Texts: as such, or the text of a number or truth value.
pub(crate) struct Text;

impl Visitor<'_> for Text {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }
    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
    fn visit_bool<E>(self, truth: bool) -> Result<String, E> {
        Ok(truth.to_string())
    }
}

impl Field for String {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

impl Field for AccountId {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::read(deserializer).map(Self)
    }
}

impl Field for MeetingId {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::read(deserializer).map(Self)
    }
}

impl<T: Field> Field for Pii<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self::new)
    }
}

/// Truth values: as such, as 0 and 1, or in quotes.
struct Truth;

impl Visitor<'_> for Truth {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }
    fn visit_bool<E>(self, truth: bool) -> Result<bool, E> {
        Ok(truth)
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        match number {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(E::custom("expected true or false, found a number")),
        }
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(E::custom("expected true or false, found other text")),
        }
    }
}

impl Field for bool {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Truth)
    }
}

impl Field for Value {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// A list inside a list, for `Lazy<Vec<…>>` and the like.
impl<T: Field> Field for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Field>(json: &str) -> Result<T, String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        T::read(&mut deserializer).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_arrive_in_three_spellings_and_keep_64_bits() {
        for (json, number) in [
            ("90030001234", Some(90_030_001_234)),
            ("\"90030001234\"", Some(90_030_001_234)),
            ("9003000123.0", Some(9_003_000_123)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("1.5", None),
            ("\"abc\"", None),
            ("18446744073709551615", None),
            ("[]", None),
        ] {
            assert_eq!(read::<i64>(json).ok(), number, "{json}");
        }
    }

    #[test]
    fn texts_arrive_as_numbers_too() {
        assert_eq!(read::<String>("1234567").as_deref(), Ok("1234567"));
        assert_eq!(read::<String>("\"x\"").as_deref(), Ok("x"));
        assert!(read::<String>("{}").is_err());
    }

    #[test]
    fn lists_may_be_null_or_an_empty_object_but_not_a_full_one() {
        assert_eq!(read::<Vec<i64>>("null"), Ok(vec![]));
        assert_eq!(read::<Vec<i64>>("{}"), Ok(vec![]));
        assert_eq!(read::<Vec<i64>>("[1,null,\"2\"]"), Ok(vec![1, 2]));
        assert!(read::<Vec<i64>>("{\"a\":1}").is_err());
    }
}
