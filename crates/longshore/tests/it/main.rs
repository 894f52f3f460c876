//! The program as its users meet it: the built binary, run in a folder of its own.

mod bad_input;
mod connect;
mod demo;
mod interrupt;
mod settings;
mod support;
