//! A bucket with a prefix, as the sink uses it: names go in, failures come out sorted.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use model::Clock;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ListResult, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload, UpdateVersion,
};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use crate::objects::address::ObjectAddress;
use crate::objects::carrier::Carrier;
use crate::objects::error::ObjectError;
use crate::objects::read::{ObjectBytes, ObjectReader, WINDOW_BYTES};
use crate::partial::Written;
use crate::sink::PartFile;

/// Where exports go.
#[derive(Clone)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    pub(super) uploads: Arc<dyn MultipartStore>,
    prefix: Path,
    place: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    carrier: Option<Carrier>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.place).finish()
    }
}

/// Two are the same when they lie at the same place.
impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Bucket {}

/// What came of a conditional put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Put {
    /// It is there, in this version.
    Done(UpdateVersion),
    /// The condition was not met.
    Lost,
}

impl Bucket {
    /// A bucket of any store of the client's.
    #[must_use]
    pub fn over<T: ObjectStore + MultipartStore>(
        store: Arc<T>,
        address: &ObjectAddress,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            objects: store.clone(),
            uploads: store,
            prefix: address.prefix().clone(),
            place: address.to_string().into(),
            clock,
            carrier: None,
        }
    }

    pub(super) fn carried_by(self, carrier: Carrier) -> Self {
        Self { carrier: Some(carrier), ..self }
    }

    /// Its address.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The whole name of an object.
    pub(super) fn path(&self, name: &str) -> Path {
        let whole = match self.prefix.as_ref() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Path::parse(&whole).unwrap_or_else(|_| Path::from(whole))
    }

    /// The name of an object seen from the prefix.
    pub(super) fn name<'a>(&self, path: &'a Path) -> Option<&'a str> {
        match self.prefix.as_ref() {
            "" => Some(path.as_ref()),
            prefix => path.as_ref().strip_prefix(prefix)?.strip_prefix('/'),
        }
    }

    pub(super) fn failed(&self, doing: &'static str, error: &object_store::Error) -> ObjectError {
        ObjectError::of(error, &self.place, doing, self.carrier.as_ref().and_then(Carrier::region))
    }

    /// A small object and its version; `None` when it is not there.
    pub(super) async fn get(
        &self,
        name: &str,
        bytes_max: u64,
    ) -> Result<Option<(Bytes, UpdateVersion)>, ObjectError> {
        const DOING: &str = "read objects";
        let found = match self.objects.get(&self.path(name)).await {
            Ok(found) => found,
            Err(error @ object_store::Error::NotFound { .. }) => {
                return match self.failed(DOING, &error) {
                    missing @ ObjectError::NoBucket { .. } => Err(missing),
                    _ => Ok(None),
                };
            }
            Err(error) => return Err(self.failed(DOING, &error)),
        };
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        if found.meta.size > bytes_max {
            let reason = format!("it is larger than {bytes_max} bytes");
            return Err(ObjectError::Damaged {
                place: self.place().to_owned(),
                file: name.to_owned(),
                reason,
            });
        }
        let bytes = found.bytes().await.map_err(|error| self.failed(DOING, &error))?;
        Ok(Some((bytes, version)))
    }

    /// The size of an object; `None` when it is not there.
    pub(super) async fn size(&self, name: &str) -> Result<Option<u64>, ObjectError> {
        match self.objects.head(&self.path(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read objects", &error)),
        }
    }

    /// A part, for threads that read files. Only within a runtime.
    pub(crate) fn bytes_of(&self, part: &PartFile) -> ObjectBytes {
        ObjectBytes::new(self.clone(), &part.file, part.bytes, Handle::current())
    }

    /// The same from its beginning on.
    pub(crate) fn reader_of(&self, part: &PartFile) -> ObjectReader {
        ObjectReader::new(self.bytes_of(part))
    }

    /// What an object holds that should have so many bytes; `None` when it is not there.
    pub(crate) async fn hash(&self, name: &str, bytes: u64) -> Result<Option<Written>, ObjectError> {
        if bytes <= WINDOW_BYTES {
            let found = self.get(name, WINDOW_BYTES).await?;
            return Ok(found.map(|(found, _)| Written {
                bytes: found.len() as u64,
                sha256: hex::encode(Sha256::digest(&found)),
            }));
        }
        let Some(size) = self.size(name).await? else { return Ok(None) };
        let (mut hash, mut position) = (Sha256::new(), 0);
        while position < size {
            let found = self.range(name, position..size.min(position + WINDOW_BYTES)).await?;
            hash.update(&found);
            position += found.len().max(1) as u64;
        }
        Ok(Some(Written { bytes: size, sha256: hex::encode(hash.finalize()) }))
    }

    /// Some bytes of an object.
    pub(super) async fn range(&self, name: &str, range: Range<u64>) -> Result<Bytes, ObjectError> {
        match self.objects.get_range(&self.path(name), range).await {
            Ok(bytes) => Ok(bytes),
            Err(object_store::Error::NotFound { .. }) => {
                Err(ObjectError::Gone { place: self.place().to_owned(), file: name.to_owned() })
            }
            Err(error) => Err(self.failed("read objects", &error)),
        }
    }

    /// Put an object, in place of what has its name.
    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), ObjectError> {
        self.put_with(name, bytes, PutOptions::default()).await
    }

    /// The same of a page, for whoever opens it in a browser.
    pub(super) async fn put_page(&self, name: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let content_type = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("md") => "text/markdown; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        let attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        self.put_with(name, bytes, PutOptions { attributes, ..PutOptions::default() }).await
    }

    async fn put_with(&self, name: &str, bytes: Bytes, options: PutOptions) -> Result<(), ObjectError> {
        let put = self.objects.put_opts(&self.path(name), PutPayload::from_bytes(bytes), options).await;
        put.map(drop).map_err(|error| self.failed("write objects", &error))
    }

    /// Put an object only where there is none, or only in place of this version.
    pub(super) async fn put_if(
        &self,
        name: &str,
        bytes: Bytes,
        over: Option<&UpdateVersion>,
    ) -> Result<Put, ObjectError> {
        let mode = over.map_or(PutMode::Create, |version| PutMode::Update(version.clone()));
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.objects.put_opts(&self.path(name), PutPayload::from_bytes(bytes), options).await {
            Ok(put) => Ok(Put::Done(put.into())),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Put::Lost)
            }
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                Err(ObjectError::Unconditional { place: self.place().to_owned() })
            }
            Err(error) => Err(self.failed("write objects", &error)),
        }
    }

    /// Remove one object; none there is fine.
    pub(super) async fn delete(&self, name: &str) -> Result<(), ObjectError> {
        match self.objects.delete(&self.path(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete objects", &error)),
        }
    }

    /// The objects below a name, as a stream.
    pub(super) fn list(&self, below: &str) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.objects.list(Some(&self.path(below)))
    }

    /// The names directly below a name that others lie below.
    pub(super) async fn folders(&self, below: &str) -> Result<Vec<String>, ObjectError> {
        let listed = self.level(below).await?;
        Ok(listed.common_prefixes.iter().filter_map(|path| self.name(path)).map(str::to_owned).collect())
    }

    /// The objects directly below a name.
    pub(super) async fn directly_below(&self, below: &str) -> Result<Vec<String>, ObjectError> {
        let listed = self.level(below).await?;
        let names = listed.objects.iter().filter_map(|meta| self.name(&meta.location));
        Ok(names.map(str::to_owned).collect())
    }

    async fn level(&self, below: &str) -> Result<ListResult, ObjectError> {
        let listed = self.objects.list_with_delimiter(Some(&self.path(below))).await;
        listed.map_err(|error| self.failed("list objects", &error))
    }

    /// Whether there is any object below a name.
    pub(super) async fn any_below(&self, below: &str) -> Result<bool, ObjectError> {
        let first = self.list(below).next().await.transpose();
        Ok(first.map_err(|error| self.failed("list objects", &error))?.is_some())
    }

    /// The store itself, for a library that speaks to it.
    #[cfg(feature = "delta")]
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    /// Any object under the prefix; `None` in an empty one.
    pub(super) async fn any(&self) -> Result<Option<String>, ObjectError> {
        let prefix = Some(&self.prefix).filter(|prefix| !prefix.as_ref().is_empty());
        let first = self.objects.list(prefix).next().await.transpose();
        let first = first.map_err(|error| self.failed("list objects", &error))?;
        Ok(first.and_then(|meta| self.name(&meta.location).map(str::to_owned)))
    }

    /// Remove those of the objects below a name that are `dead`; how many.
    pub(super) async fn delete_below(
        &self,
        below: &str,
        dead: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<u64, ObjectError> {
        let this = self.clone();
        let paths = self.list(below).try_filter_map(move |meta| {
            let is_dead = this.name(&meta.location).is_some_and(&dead);
            std::future::ready(Ok(is_dead.then_some(meta.location)))
        });
        self.delete_paths(paths.boxed()).await
    }

    /// Remove objects; those that are not there are not counted.
    pub(super) async fn delete_all(&self, names: &[String]) -> Result<u64, ObjectError> {
        let paths: Vec<_> = names.iter().map(|name| Ok(self.path(name))).collect();
        self.delete_paths(futures_util::stream::iter(paths).boxed()).await
    }

    async fn delete_paths(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> Result<u64, ObjectError> {
        let mut removed = self.objects.delete_stream(paths);
        let mut count = 0;
        while let Some(one) = removed.next().await {
            match one {
                Ok(_) => count += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed("delete objects", &error)),
            }
        }
        Ok(count)
    }
}
