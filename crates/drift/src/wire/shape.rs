//! `shape!`: a wire type written down once, as the plain list of its fields.
//!
//! The declaration reads like the struct it makes. What it adds to each field is the same everywhere and would bury
//! the fields if written out: an `Option` is absent or `null` and not sent when `None`; a `Vec` is a list that may be
//! absent or `null`; anything else must be there. Every shape ends in `extra`, which keeps the fields not named.

macro_rules! shape {
    // All fields read: the struct itself.
    (@fields [$($head:tt)*] $name:ident [$($fields:tt)*]) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        $($head)*
        pub struct $name {
            $($fields)*
            /// The fields Drift sent that have no name here.
            #[serde(flatten)]
            pub extra: $crate::wire::Extra,
        }

        impl $crate::wire::Field for $name {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as serde::Deserialize>::deserialize(deserializer)
            }
        }
    };
    (@fields $head:tt $name:ident [$($done:tt)*] $(#[$meta:meta])* pub $field:ident: Option<$type:ty>, $($rest:tt)*) => {
        shape! { @fields $head $name [
            $($done)*
            $(#[$meta])*
            #[serde(
                default,
                deserialize_with = "crate::wire::field::optional",
                skip_serializing_if = "Option::is_none"
            )]
            pub $field: Option<$type>,
        ] $($rest)* }
    };
    (@fields $head:tt $name:ident [$($done:tt)*] $(#[$meta:meta])* pub $field:ident: Vec<$type:ty>, $($rest:tt)*) => {
        shape! { @fields $head $name [
            $($done)*
            $(#[$meta])*
            #[serde(
                default,
                deserialize_with = "crate::wire::field::list",
                skip_serializing_if = "Vec::is_empty"
            )]
            pub $field: Vec<$type>,
        ] $($rest)* }
    };
    (@fields $head:tt $name:ident [$($done:tt)*] $(#[$meta:meta])* pub $field:ident: $type:ty, $($rest:tt)*) => {
        shape! { @fields $head $name [
            $($done)*
            $(#[$meta])*
            #[serde(deserialize_with = "crate::wire::field::required")]
            pub $field: $type,
        ] $($rest)* }
    };
    ($(#[$meta:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        shape! { @fields [$(#[$meta])*] $name [] $($fields)* }
    };
}

pub(crate) use shape;
