//! JSON kept as it came, read when somebody looks.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Field;

/// A `T` that is still text.
///
/// Taking it from an answer costs a scan and one copy; [`Lazy::get`] costs the decoding. `Debug` shows its size alone.
pub struct Lazy<T> {
    raw: Box<RawValue>,
    shape: PhantomData<fn() -> T>,
}

impl<T> Lazy<T> {
    /// The JSON text, byte for byte as Drift sent it.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.raw.get()
    }
}

impl<T: Field> Lazy<T> {
    /// Read it.
    ///
    /// # Errors
    /// When the JSON is not of this shape; the raw text is still there.
    pub fn get(&self) -> Result<T, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.raw());
        T::read(&mut deserializer)
    }
}

impl<T: Serialize> Lazy<T> {
    /// The text of a value, for messages that we send.
    ///
    /// # Errors
    /// When the value has no JSON text, such as a map whose keys are no texts.
    pub fn of(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(|raw| Self { raw, shape: PhantomData })
    }
}

impl<T> Clone for Lazy<T> {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), shape: PhantomData }
    }
}

impl<T> PartialEq for Lazy<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

impl<T> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lazy({} bytes)", self.raw().len())
    }
}

impl<T> Serialize for Lazy<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Lazy<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Box<RawValue>>::deserialize(deserializer).map(|raw| Self { raw, shape: PhantomData })
    }
}

impl<T> Field for Lazy<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}
