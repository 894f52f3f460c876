//! The nouns and seams that every other crate shares.
//!
//! Typed ids, instants, the two seams through which time and randomness enter the program ([`Clock`] and
//! [`Entropy`]), wrappers for secrets and personal data that cannot be printed, and the records that the
//! store keeps. There is no IO here and no runtime: everything else may depend on this crate, so it
//! depends on nothing of ours and knows neither Drift's wire shapes, nor SQL, nor HTTP.

pub mod access;
pub mod entropy;
pub mod id;
pub mod profile;
pub mod record;
pub mod secret;
pub mod time;

pub use access::{Permission, Role, UserName};
pub use entropy::{Entropy, SeededEntropy};
pub use id::*;
pub use profile::Profile;
pub use secret::{Pii, Secret};
pub use time::{Clock, FakeClock, Millis};
