//! Runs `targets::event` of the SDK's own tests; see `docs/drift-events.md`.
#![no_main]

#[expect(dead_code, reason = "each target uses its part of the file")]
#[path = "../../crates/drift/tests/it/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::event(input));
