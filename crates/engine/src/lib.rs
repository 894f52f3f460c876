//! The worker: archives, verification and certificates.
