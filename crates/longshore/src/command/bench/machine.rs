//! What was measured on: without it a figure means nothing.

use serde::Serialize;

/// The machine and the versions.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    version: &'static str,
    build: &'static str,
}

impl Machine {
    /// This machine, as Linux tells; elsewhere most of it is unknown.
    pub(super) fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor.map_or_else(|| "unknown".into(), |(_, name)| name.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib.unwrap_or_default() / 1024,
            kernel: kernel.trim().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            build: if cfg!(debug_assertions) {
                "debug: figures of a debug build mean little"
            } else {
                "release"
            },
        }
    }

    /// One line for a person.
    pub(super) fn text(&self) -> String {
        let Self { processor, cores, memory_mib, kernel, version, build } = self;
        format!("{processor}, {cores} cores, {memory_mib} MiB, Linux {kernel}; longshore {version} ({build})")
    }
}
