//! The seam through which randomness enters: keys, nonces, jitter, states.
//!
//! The operating system's source lives at the edge (in `drift`); tests and simulations use [`SeededEntropy`].

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of randomness.
pub trait Entropy: Send + Sync + 'static {
    /// Fill the buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// Eight random bytes as a number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number in `0..bound`; 0 when `bound` is 0. The bias is below 2^-32 for bounds below 2^32.
    fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }
}

/// A repeatable source: the same seed gives the same draws. Never for keys outside tests.
#[derive(Debug)]
pub struct SeededEntropy {
    state: AtomicU64,
}

impl SeededEntropy {
    /// A source that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let step = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let bytes = mix(step.wrapping_add(0x9e37_79b9_7f4a_7c15)).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// The finishing step of SplitMix64 (Steele, Lea, Flood 2014): a good 64-bit hash of its argument.
#[must_use]
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_draws() {
        let (a, b) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let draws: Vec<u64> = (0..4).map(|_| a.next_u64()).collect();
        assert_eq!(draws, (0..4).map(|_| b.next_u64()).collect::<Vec<_>>());
        assert_ne!(draws[0], draws[1]);
        assert_eq!(a.below(0), 0);
        assert!(a.below(10) < 10);
    }
}
