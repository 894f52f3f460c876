//! The seams behind which wrapping keys lie: who wraps data keys, and where a program that wraps itself reads its keys.
//!
//! [`Wrapping`] is all that the vault knows of wrapping keys: their names, and that data keys go in and come out. A
//! [`Ring`](crate::vault::Ring) wraps here, with keys from a [`KeySource`]; a key management service wraps elsewhere and
//! never hands its keys out.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::vault::{Key, KeyId, VaultError};

/// What wraps and unwraps data keys.
///
/// `place` says which data key it is; what was wrapped for one place does not unwrap for another. Calls are bounded in time
/// by whoever implements them: they are made while a transaction is open.
pub trait Wrapping: Send + Sync + 'static {
    /// Where the keys are, for a person: `the key file longshore.key`.
    fn name(&self) -> String;

    /// The keys there are, read anew; the oldest first, at least one.
    fn ids(&self) -> BoxFuture<'_, Result<Vec<KeyId>, VaultError>>;

    /// Wrap a data key with the key of that name.
    fn wrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Vec<u8>, VaultError>>;

    /// Unwrap what [`Wrapping::wrap`] made with the key of that name, for the same place. A name that is not known yet is
    /// looked for anew before it is refused with [`VaultError::WrongKey`]: another process may have added it.
    fn unwrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<Key, VaultError>>;

    /// The key itself, which only what was sealed before there were data keys needs. Refused with
    /// [`VaultError::WrongKey`] by whoever never hands a key out.
    fn first_format<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Arc<Key>, VaultError>>;

    /// Make a new key, the newest from now on; answers its name. Nothing is wrapped with it yet.
    fn add(&self) -> BoxFuture<'_, Result<KeyId, VaultError>>;

    /// Take a key away, now that nothing is wrapped with it.
    fn remove<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>>;
}

/// Where a ring reads its keys.
pub trait KeySource: Send + Sync + 'static {
    /// Where that is, for a person.
    fn name(&self) -> String;

    /// All keys as they are now; the oldest first, one to [`KEYS_MAX`](crate::vault::KEYS_MAX).
    fn read(&self) -> BoxFuture<'_, Result<Vec<Key>, VaultError>>;

    /// Add a key as the newest. [`VaultError::CannotAdd`] where only people can.
    fn add<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), VaultError>>;

    /// Take a key out.
    fn remove<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>>;
}

/// What became of a key that is no longer needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// A person must take it out of where it is.
    ByHand,
}
