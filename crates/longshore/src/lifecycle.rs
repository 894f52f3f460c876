//! How the process begins and ends: panics become one line, Ctrl-C and SIGTERM become a wish to stop.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use engine::{Stop, StopSwitch};
use tokio::sync::watch;

use crate::exit::Exit;
use crate::output::Output;

/// A panic prints one line and a hint, not a trace.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic");
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        let mut stderr = std::io::stderr().lock();
        let said = said.lines().next().unwrap_or_default();
        let _ = writeln!(stderr, "error: unexpected: {said}{}", place.unwrap_or_default());
        let _ = writeln!(
            stderr,
            "hint: this is a defect of longshore; what was stored is whole, please report the line above"
        );
    }));
}

/// Take memory in small pages. The allocator asks the kernel for huge ones, and a process that idles would hold 20 MiB more
/// than it uses. Where the kernel does not know the wish, the process is larger and nothing else.
pub(crate) fn take_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Run the program; a panic that nobody caught ends it with the code for the unexpected.
pub(crate) fn guard(program: impl FnOnce() -> Exit + std::panic::UnwindSafe) -> ExitCode {
    std::panic::catch_unwind(program).unwrap_or(Exit::Unexpected).into()
}

/// The wish to stop, as the operating system tells it.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    switch: Arc<StopSwitch>,
    asked: watch::Sender<bool>,
}

impl Interrupt {
    /// Listen from now on. The first Ctrl-C or SIGTERM asks to stop at a safe point, the second ends the process.
    pub(crate) fn listen(output: Output) -> Self {
        let interrupt = Self { switch: Arc::default(), asked: watch::Sender::new(false) };
        let ours = interrupt.clone();
        tokio::spawn(async move {
            signal().await;
            output.note("stopping at the next safe point; once more to stop at once");
            ours.ask();
            signal().await;
            std::process::exit(i32::from(Exit::Interrupted.code()));
        });
        interrupt
    }

    /// Ask to stop at a safe point, as a signal does.
    pub(crate) fn ask(&self) {
        self.switch.set();
        self.asked.send_replace(true);
    }

    /// What a run of the engine watches.
    pub(crate) fn stop(&self) -> Stop {
        self.switch.watch()
    }

    /// Whether somebody asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Ready once somebody asked to stop.
    pub(crate) async fn asked(&self) {
        let mut asked = self.asked.subscribe();
        // An error would mean that the sender is gone, and we hold it.
        let _ = asked.wait_for(|asked| *asked).await;
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
