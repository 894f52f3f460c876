//! Whole archives against the sandbox, in process, on both engines, with a clock that hurries from wait to wait.

mod archive;
mod budget;
mod engines;
mod faults;
mod transport;
mod world;
