//! Keys of this program beside those of a key management service, for whoever moves from the one to the other: the older
//! ones open what they wrapped, and a change of keys leads to the service.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use store::vault::{Key, KeyId, Removed, Ring, VaultError, Wrapping};

use crate::transit::Transit;

/// The older keys, then the service's.
pub(crate) struct KeyChain {
    pub(crate) older: Ring,
    pub(crate) service: Transit,
}

impl KeyChain {
    fn of(&self, id: &KeyId) -> &dyn Wrapping {
        if self.service.owns(id) { &self.service } else { &self.older }
    }
}

impl Wrapping for KeyChain {
    fn name(&self) -> String {
        format!("{}, and {}", self.older.name(), self.service.name())
    }

    fn ids(&self) -> BoxFuture<'_, Result<Vec<KeyId>, VaultError>> {
        async {
            let mut ids = self.older.ids().await?;
            ids.extend(self.service.ids().await?);
            Ok(ids)
        }
        .boxed()
    }

    fn wrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Vec<u8>, VaultError>> {
        self.of(id).wrap(id, place, key)
    }

    fn unwrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<Key, VaultError>> {
        self.of(id).unwrap(id, place, wrapped)
    }

    fn first_format<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Arc<Key>, VaultError>> {
        self.older.first_format(id)
    }

    fn add(&self) -> BoxFuture<'_, Result<KeyId, VaultError>> {
        self.service.add()
    }

    fn remove<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
        self.of(id).remove(id)
    }
}
