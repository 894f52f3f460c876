//! Keys in a text that was handed in once, such as a variable of the environment: only people can change it.

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use model::Secret;

use crate::vault::wrapping::{KeySource, Removed};
use crate::vault::{Key, KeyId, VaultError, key_file};

/// A text of keys: one, or several while keys are changed, the oldest first.
#[derive(Debug)]
pub struct KeyText {
    text: Secret,
    name: &'static str,
}

impl KeyText {
    /// `name` says where the text is from.
    #[must_use]
    pub const fn new(text: Secret, name: &'static str) -> Self {
        Self { text, name }
    }
}

impl KeySource for KeyText {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn read(&self) -> BoxFuture<'_, Result<Vec<Key>, VaultError>> {
        ready(key_file::parse(self.text.expose(), self.name)).boxed()
    }

    fn add<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<(), VaultError>> {
        ready(Err(VaultError::CannotAdd { place: self.name.to_owned() })).boxed()
    }

    fn remove<'a>(&'a self, _: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
        ready(Ok(Removed::ByHand)).boxed()
    }
}
