//! The doors: the gateway for webhooks, health, metrics, and the admin API. One file per endpoint.
//!
//! Data flows one way: a request is verified, bounded and parsed here, what it says is committed through `store`, and it
//! is answered. This crate must never know how jobs run, nor fetch, transform or deliver anything itself.
