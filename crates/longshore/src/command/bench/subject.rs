//! What is measured: this program archiving a sandbox into a database, as a user would run it.

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::failure::Failure;

use super::process::{self, Finished, SandboxProcess};

/// A folder that goes away with the measurement.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Make one in the temporary directory.
    pub(super) fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("longshore-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| Failure::input(&path, &error))?;
        Ok(Self(path))
    }

    /// An SQLite database in it.
    pub(super) fn database(&self, name: &str) -> String {
        format!("sqlite://{}/{name}.db", self.0.display())
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

/// The words with which the program is run on one sandbox and one database.
pub(super) struct Subject {
    common: Vec<String>,
}

impl Subject {
    /// Connect the database to the sandbox; `settings` come on top of those that every measurement needs.
    pub(super) async fn connect(
        app: &App,
        sandbox: &SandboxProcess,
        folder: &Folder,
        database: &str,
        settings: &[String],
    ) -> Result<Self, Failure> {
        let mut common: Vec<String> =
            ["--json", "--quiet", "--database", database].map(str::to_owned).to_vec();
        let basic = [
            format!("api_url={}", sandbox.url),
            format!("key_file={}", folder.file("bench.key")),
            "reports_per_minute=0".into(),
        ];
        for setting in basic.iter().chain(settings) {
            common.extend(["--set".to_owned(), setting.clone()]);
        }
        let subject = Self { common };
        process::run(&subject.words(&["connect", "--token-stdin"]), &sandbox.token, &*app.clock).await?;
        Ok(subject)
    }

    /// Archive to the end.
    pub(super) async fn archive(&self, app: &App) -> Result<Finished, Failure> {
        let finished = process::run(&self.words(&["archive"]), "", &*app.clock).await?;
        if finished.report["complete"] == true {
            return Ok(finished);
        }
        Err(Failure::unexpected(format!(
            "the archive is not complete: {}",
            finished.report["certificate"]["reasons"]
        )))
    }

    /// The program's words for a command.
    pub(super) fn words(&self, command: &[&str]) -> Vec<String> {
        command.iter().map(|word| (*word).to_owned()).chain(self.common.iter().cloned()).collect()
    }
}
