//! The keys that this program holds itself, and wraps with.
//!
//! A ring remembers what its source said last. A name that it does not know makes it read the source anew: so a running
//! node learns of a key that was added after it began, without being told. Of many that look for the same name at once one
//! reads, and the others take what it found.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use futures_util::future::{BoxFuture, FutureExt as _};
use model::{Entropy, Secret};
use zeroize::Zeroizing;

use crate::vault::wrapping::{KeySource, Removed, Wrapping};
use crate::vault::{Key, KeyId, KeyText, NONCE_BYTES, VaultError};

/// Keys at hand.
pub struct Ring {
    source: Box<dyn KeySource>,
    entropy: Arc<dyn Entropy>,
    held: RwLock<Vec<Arc<Key>>>,
    reading: tokio::sync::Mutex<()>,
    /// The number of the last reading that was begun, and of the last whose answer is held.
    begun: AtomicU64,
    taken: AtomicU64,
}

impl Ring {
    /// The keys of a source, read now.
    ///
    /// # Errors
    /// Whatever the source says.
    pub async fn read(source: Box<dyn KeySource>, entropy: Arc<dyn Entropy>) -> Result<Self, VaultError> {
        let ring = Self::unread(source, entropy);
        ring.read_anew().await?;
        Ok(ring)
    }

    /// This key and never another.
    pub(super) fn of(key: &Key, entropy: Arc<dyn Entropy>) -> Self {
        let source = KeyText::new(Secret::new(key.to_text().as_str()), "the key at hand");
        Self { held: RwLock::new(vec![Arc::new(key.copy())]), ..Self::unread(Box::new(source), entropy) }
    }

    fn unread(source: Box<dyn KeySource>, entropy: Arc<dyn Entropy>) -> Self {
        let (held, reading) = (RwLock::default(), tokio::sync::Mutex::new(()));
        Self { source, entropy, held, reading, begun: AtomicU64::new(0), taken: AtomicU64::new(0) }
    }

    /// Read the source, or take what a reading found that began after this was asked for: an earlier one may have missed
    /// what the caller knows to be there.
    async fn read_anew(&self) -> Result<(), VaultError> {
        let seen = self.begun.load(Ordering::Acquire);
        let _turn = self.reading.lock().await;
        if self.taken.load(Ordering::Acquire) > seen {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let keys: Vec<Arc<Key>> = self.source.read().await?.into_iter().map(Arc::new).collect();
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.taken.store(number, Ordering::Release);
        Ok(())
    }

    fn held(&self, id: &KeyId) -> Option<Arc<Key>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.iter().find(|key| key.id() == *id).cloned()
    }

    fn names(&self) -> Vec<KeyId> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).iter().map(|key| key.id()).collect()
    }

    async fn find(&self, id: &KeyId) -> Result<Arc<Key>, VaultError> {
        if let Some(key) = self.held(id) {
            return Ok(key);
        }
        self.read_anew().await?;
        self.held(id).ok_or_else(|| {
            let found = self.names().pop().expect("a source has at least one key");
            VaultError::WrongKey { expected: id.clone(), found }
        })
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("keys", &self.names()).finish_non_exhaustive()
    }
}

impl Wrapping for Ring {
    fn name(&self) -> String {
        self.source.name()
    }

    fn ids(&self) -> BoxFuture<'_, Result<Vec<KeyId>, VaultError>> {
        async {
            self.read_anew().await?;
            Ok(self.names())
        }
        .boxed()
    }

    fn wrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Vec<u8>, VaultError>> {
        async move {
            let with = self.find(id).await?;
            let mut nonce = [0; NONCE_BYTES];
            self.entropy.fill(&mut nonce);
            let payload = Payload { msg: key.expose(), aad: place };
            let cipher = XChaCha20Poly1305::new(&(*with.expose()).into());
            let wrapped = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Damaged)?;
            Ok([&nonce[..], &wrapped].concat())
        }
        .boxed()
    }

    fn unwrap<'a>(
        &'a self,
        id: &'a KeyId,
        place: &'a [u8],
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<Key, VaultError>> {
        async move {
            let with = self.find(id).await?;
            let (nonce, body) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
            let cipher = XChaCha20Poly1305::new(&(*with.expose()).into());
            let plain = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: place });
            let plain = Zeroizing::new(plain.map_err(|_| VaultError::Damaged)?);
            Key::from_bytes(&plain).ok_or(VaultError::Damaged)
        }
        .boxed()
    }

    fn first_format<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Arc<Key>, VaultError>> {
        self.find(id).boxed()
    }

    fn add(&self) -> BoxFuture<'_, Result<KeyId, VaultError>> {
        async {
            let key = Key::generate(self.entropy.as_ref());
            self.source.add(&key).await?;
            self.read_anew().await?;
            Ok(key.id())
        }
        .boxed()
    }

    fn remove<'a>(&'a self, id: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
        async {
            let removed = self.source.remove(id).await?;
            self.read_anew().await?;
            Ok(removed)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use model::SeededEntropy;
    use tokio::sync::Notify;

    use super::*;
    use crate::vault::KeyFile;

    fn entropy(seed: u64) -> Arc<dyn Entropy> {
        Arc::new(SeededEntropy::new(seed))
    }

    #[tokio::test]
    async fn a_key_that_another_process_added_is_found_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.key");
        KeyFile::beside(&path, None, entropy(1).as_ref()).unwrap();
        let open = async |seed| Ring::read(Box::new(KeyFile::at(&path)), entropy(seed)).await.unwrap();
        let (here, there, data) = (open(2).await, open(3).await, Key::generate(entropy(4).as_ref()));

        let new = here.add().await.unwrap();
        let wrapped = here.wrap(&new, b"place", &data).await.unwrap();
        assert_eq!(there.unwrap(&new, b"place", &wrapped).await.unwrap().id(), data.id());
        let elsewhere = there.unwrap(&new, b"other", &wrapped).await;
        assert!(matches!(elsewhere, Err(VaultError::Damaged)), "{elsewhere:?}");

        let old = there.ids().await.unwrap().remove(0);
        assert_eq!(here.remove(&old).await.unwrap(), Removed::Gone);
        assert_eq!(there.ids().await.unwrap(), [new]);
        let gone = there.unwrap(&old, b"place", &wrapped).await;
        assert!(matches!(gone, Err(VaultError::WrongKey { .. })), "{gone:?}");
    }

    /// Keys that somebody adds to while they are read: a reading takes what there is, and answers when it may.
    #[derive(Debug, Default)]
    struct Slow {
        keys: Mutex<Vec<Key>>,
        looked: Notify,
        may_answer: Notify,
    }

    impl KeySource for Arc<Slow> {
        fn name(&self) -> String {
            "a slow place".to_owned()
        }

        fn read(&self) -> BoxFuture<'_, Result<Vec<Key>, VaultError>> {
            async {
                let keys = self.keys.lock().unwrap().iter().map(Key::copy).collect();
                self.looked.notify_one();
                self.may_answer.notified().await;
                Ok(keys)
            }
            .boxed()
        }

        fn add<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<(), VaultError>> {
            unreachable!("the test adds by itself")
        }

        fn remove<'a>(&'a self, _: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
            unreachable!("nothing is removed")
        }
    }

    #[tokio::test]
    async fn a_reading_that_began_before_a_key_was_added_is_not_taken_for_one_that_finds_it() {
        let keys = [1, 2].map(|seed| Key::generate(&SeededEntropy::new(seed)));
        let source = Arc::new(Slow::default());
        source.keys.lock().unwrap().push(keys[0].copy());
        let ring = Ring::unread(Box::new(Arc::clone(&source)), entropy(3));
        let (unknown, new) = (Key::generate(&SeededEntropy::new(9)).id(), keys[1].id());
        let early = ring.find(&unknown);
        let later = async {
            source.looked.notified().await;
            source.keys.lock().unwrap().push(keys[1].copy());
            let found = ring.find(&new);
            let answers = async {
                source.may_answer.notify_one();
                source.looked.notified().await;
                source.may_answer.notify_one();
            };
            tokio::join!(found, answers).0
        };
        let (early, later) = tokio::join!(early, later);
        assert!(early.is_err());
        assert_eq!(later.unwrap().id(), new);
    }

    #[tokio::test]
    async fn keys_of_the_environment_are_changed_by_people_alone() {
        let key = Key::generate(entropy(1).as_ref());
        let ring = Ring::of(&key, entropy(2));
        assert!(matches!(ring.add().await, Err(VaultError::CannotAdd { .. })));
        assert_eq!(ring.remove(&key.id()).await.unwrap(), Removed::ByHand);
        assert!(!format!("{ring:?}").contains(key.to_text().as_str()));
    }
}
