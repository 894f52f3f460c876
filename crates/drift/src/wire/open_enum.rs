//! `open_enum!`: the words we know of a vocabulary that Drift may extend tomorrow.
//!
//! A word that is not known is kept as it came, spelling and all, and written back the same.

macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A word that is not known here, as Drift spelt it.
            Other(String),
        }

        impl $name {
            /// The word as Drift spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as $crate::wire::Field>::read(deserializer)
            }
        }

        impl $crate::wire::Field for $name {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a word")
                    }
                    fn visit_str<E>(self, word: &str) -> Result<$name, E> {
                        Ok($name::from(word))
                    }
                    fn visit_i64<E>(self, number: i64) -> Result<$name, E> {
                        Ok($name::Other(number.to_string()))
                    }
                    fn visit_u64<E>(self, number: u64) -> Result<$name, E> {
                        Ok($name::Other(number.to_string()))
                    }
                    fn visit_bool<E>(self, truth: bool) -> Result<$name, E> {
                        Ok($name::Other(truth.to_string()))
                    }
                }
                deserializer.deserialize_any(Word)
            }
        }
    };
}

pub(crate) use open_enum;
