//! A prefix of a bucket of the double's, seen by a reader who goes by the manifest.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{FakeClock, Millis};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use sinks::format::{Compression, Format, Formulas};
use sinks::objects::Bucket;
use sinks::{Destination, ExportOptions};

use crate::fixture::{Fixture, T0};
use crate::s3::S3;

/// A prefix of the double's bucket.
pub(crate) struct Lake {
    pub(crate) s3: Arc<S3>,
    pub(crate) clock: FakeClock,
}

impl Lake {
    pub(crate) fn new() -> Self {
        Self { s3: Arc::default(), clock: FakeClock::at(Millis(T0)) }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        self.s3.bucket("drift/one", Arc::new(self.clock.clone()))
    }

    pub(crate) fn options(&self, fixture: &Fixture, format: Format) -> ExportOptions {
        let destination = Destination::Objects {
            bucket: self.bucket(),
            format,
            compression: Compression::None,
            formulas: Formulas::Keep,
            delta: false,
        };
        ExportOptions { destination, ..fixture.options(format) }
    }

    /// Names seen from the prefix.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let names = self.s3.names();
        names.iter().map(|name| name.strip_prefix("drift/one/").unwrap().to_owned()).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.s3.get(&format!("drift/one/{name}")).map(|bytes| bytes.to_vec())
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.get(name).unwrap_or_else(|| panic!("{name} is not there"))).unwrap()
    }

    pub(crate) fn manifest(&self) -> Json {
        serde_json::from_str(&self.text("manifest.json")).unwrap()
    }

    /// The trees that there are.
    pub(crate) fn trees(&self) -> BTreeSet<String> {
        let names = self.names();
        let trees = names.iter().filter_map(|name| name.strip_prefix("files/")?.split('/').next());
        trees.map(str::to_owned).collect()
    }

    /// Where this manifest's list lies, with its last `/`.
    pub(crate) fn root(manifest: &Json) -> String {
        let list = manifest["files"]["file"].as_str().unwrap();
        list[..=list.rfind('/').unwrap()].to_owned()
    }

    /// The lines of the list that a manifest names; it and everything that it names is there as is said.
    pub(crate) fn listed(&self, manifest: &Json) -> Vec<Json> {
        let list = self.text(manifest["files"]["file"].as_str().unwrap());
        let lines: Vec<Json> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(manifest["files"]["rows"], lines.len());
        let list = &manifest["files"];
        for (path, said) in lines.iter().map(|it| (&it["path"], it)).chain([(&list["file"], list)]) {
            let bytes = self.get(path.as_str().unwrap()).unwrap_or_else(|| panic!("{path} is not there"));
            assert_eq!(said["bytes"], bytes.len(), "{path}");
            assert_eq!(said["sha256"], hex::encode(Sha256::digest(&bytes)), "{path}");
        }
        lines
    }

    /// What lies in the tree of the manifest is what its list names.
    pub(crate) fn check(&self) -> Vec<Json> {
        let manifest = self.manifest();
        let (root, listed) = (Self::root(&manifest), self.listed(&manifest));
        let mut named: BTreeSet<String> =
            listed.iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect();
        named.insert(manifest["files"]["file"].as_str().unwrap().to_owned());
        let found: BTreeSet<String> =
            self.names().into_iter().filter(|name| name.starts_with(&root)).collect();
        assert_eq!(found, named);
        listed
    }
}
