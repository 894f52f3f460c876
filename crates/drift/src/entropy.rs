//! The operating system's randomness.
//!
//! Ids and jitter are short and many, and each would be a call into the system: those are drawn from a small reserve, filled
//! from the same source. Keys and nonces never lie in it: whatever is longer is drawn from the system itself.

use std::cell::RefCell;

use model::Entropy;

/// Draws from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

/// Longest draw that comes from the reserve, in bytes.
const SHORT: usize = 16;
/// Bytes of the reserve of a thread.
const RESERVE: usize = 512;

/// Random bytes that nobody was given yet: those from `used` on.
struct Reserve {
    bytes: [u8; RESERVE],
    used: usize,
}

thread_local! {
    static SPARE: RefCell<Reserve> = const { RefCell::new(Reserve { bytes: [0; RESERVE], used: RESERVE }) };
}

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > SHORT {
            return draw(buffer);
        }
        SPARE.with_borrow_mut(|spare| {
            if RESERVE - spare.used < buffer.len() {
                draw(&mut spare.bytes);
                spare.used = 0;
            }
            let taken = &mut spare.bytes[spare.used..spare.used + buffer.len()];
            buffer.copy_from_slice(taken);
            taken.fill(0);
            spare.used += buffer.len();
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where randomness enters")]
fn draw(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the operating system gives randomness");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn short_draws_from_many_threads_never_repeat() {
        let draws = |_| {
            std::thread::spawn(|| {
                let mut drawn = vec![[0; SHORT]; 1_000];
                drawn.iter_mut().for_each(|buffer| OsEntropy.fill(buffer));
                drawn
            })
        };
        let threads: Vec<_> = (0..4).map(draws).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 4_000);
    }

    #[test]
    fn what_was_given_no_longer_lies_in_the_reserve() {
        let mut given = [0; SHORT];
        OsEntropy.fill(&mut given);
        SPARE.with_borrow(|spare| assert!(!spare.bytes.windows(SHORT).any(|window| window == given)));
    }
}
