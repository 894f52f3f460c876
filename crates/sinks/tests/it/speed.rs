//! How fast, and in how much memory. Not asserted: run by hand and read.
//!
//! `cargo test --release -p longshore-sinks --test it -- --ignored --nocapture how_fast`

use std::time::Duration;

use sinks::ExportOptions;
use sinks::format::Format;

use crate::fixture::on_both;

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks =
        |n: usize| stat.split_whitespace().nth(n).and_then(|it| it.parse::<f64>().ok()).unwrap_or_default();
    (ticks(13) + ticks(14)) / 100.0
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
#[expect(clippy::disallowed_methods, reason = "measures real time")]
async fn how_fast() {
    let conversations = 40_000;
    on_both(async |fixture| {
        fixture.fill(conversations).await;
        for (format, transcripts) in [(Format::Ndjson, false), (Format::Csv, false), (Format::Csv, true)] {
            let options = ExportOptions { transcripts, ..fixture.options(format) };
            let (began, cpu) = (std::time::Instant::now(), cpu_seconds());
            let report = fixture.export(&options).await.unwrap();
            let (seconds, cpu): (Duration, f64) = (began.elapsed(), cpu_seconds() - cpu);
            eprintln!(
                "{:?} {} transcripts {}: {} rows, {} MB in {seconds:?}, {cpu:.2} CPU s, {}",
                fixture.db.engine(),
                format.name(),
                report.transcripts,
                report.rows,
                report.bytes / 1_000_000,
                peak_memory()
            );
        }
    })
    .await;
}
