//! Keys from a program: a password store, a hardware token, whatever prints them.
//!
//! The program is started itself, without a shell, so nothing in the setting is expanded; its time and its output are
//! bounded. What it prints is a key and is never told: of a failure only the status is.

use std::process::Stdio;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use model::Clock;
use store::vault::{self, Key, KeyId, KeySource, Removed, VaultError};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

/// How long the program may take, in milliseconds.
const COMMAND_MS_MAX: u64 = 10_000;
/// Bytes of its output: a few lines of keys.
const OUTPUT_BYTES_MAX: usize = 4_096;

/// A program that prints keys.
pub(crate) struct KeyCommand {
    words: Vec<String>,
    clock: Arc<dyn Clock>,
    ms_max: u64,
}

impl KeyCommand {
    /// `words` are the program and its arguments, at least one.
    pub(crate) fn new(words: &[String], clock: Arc<dyn Clock>) -> Self {
        Self { words: words.to_vec(), clock, ms_max: COMMAND_MS_MAX }
    }

    async fn keys(&self) -> Result<Vec<Key>, VaultError> {
        let printed = match drift::deadline(self.clock.as_ref(), self.ms_max, self.output()).await {
            Ok(printed) => printed?,
            Err(_) => return Err(self.failed(format!("it did not end within {} ms", self.ms_max))),
        };
        let text = std::str::from_utf8(&printed).map_err(|_| VaultError::KeyText)?;
        vault::parse_keys(text, &self.name())
    }

    /// What the program prints. It is killed when nobody waits for it any more.
    async fn output(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (program, arguments) = self.words.split_first().expect("the setting has at least one word");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child =
            command.kill_on_drop(true).spawn().map_err(|error| self.failed(error.kind().to_string()))?;
        let stdout = child.stdout.take().expect("it was piped");
        // Room for all of it: a buffer that grew would leave copies of its beginning behind.
        let mut printed = Zeroizing::new(Vec::with_capacity(OUTPUT_BYTES_MAX + 1));
        let read = stdout.take(OUTPUT_BYTES_MAX as u64 + 1).read_to_end(&mut printed).await;
        read.map_err(|error| self.failed(error.kind().to_string()))?;
        if printed.len() > OUTPUT_BYTES_MAX {
            return Err(self.failed(format!("it printed more than {OUTPUT_BYTES_MAX} bytes")));
        }
        let status = child.wait().await.map_err(|error| self.failed(error.kind().to_string()))?;
        if status.success() { Ok(printed) } else { Err(self.failed(status.to_string())) }
    }

    fn failed(&self, reason: String) -> VaultError {
        VaultError::Keeper { place: self.name(), doing: "give its keys", reason, passing: true }
    }
}

impl KeySource for KeyCommand {
    fn name(&self) -> String {
        format!("the key command {}", self.words[0])
    }

    fn read(&self) -> BoxFuture<'_, Result<Vec<Key>, VaultError>> {
        self.keys().boxed()
    }

    fn add<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<(), VaultError>> {
        ready(Err(VaultError::CannotAdd { place: self.name() })).boxed()
    }

    fn remove<'a>(&'a self, _: &'a KeyId) -> BoxFuture<'a, Result<Removed, VaultError>> {
        ready(Ok(Removed::ByHand)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use drift::SystemClock;

    use super::*;

    async fn run(words: &[&str], ms_max: u64) -> Result<Vec<Key>, VaultError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        KeyCommand { ms_max, ..KeyCommand::new(&words, Arc::new(SystemClock)) }.keys().await
    }

    #[tokio::test]
    async fn what_the_program_prints_are_the_keys() {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        assert_eq!(run(&["printf", &format!("{one}\\n{two}\\n")], 10_000).await.unwrap().len(), 2);
        // Nothing is expanded: there is no shell.
        let literal = run(&["echo", "$(echo canary)"], 10_000).await.unwrap_err();
        assert!(matches!(literal, VaultError::KeyText), "{literal}");
    }

    #[tokio::test]
    async fn a_program_that_fails_hangs_or_talks_on_is_given_up() {
        for (words, reason) in [
            (&["false"][..], "exit status: 1"),
            (&["/no/such/program"], "entity not found"),
            (&["sleep", "600"], "it did not end within 50 ms"),
            (&["yes", "canary"], "it printed more than 4096 bytes"),
        ] {
            let ms_max = if words[0] == "sleep" { 50 } else { 10_000 };
            let error = run(words, ms_max).await.unwrap_err().to_string();
            assert!(error.ends_with(reason) && !error.contains("canary"), "{error}");
        }
    }
}
