//! Wiping what working with a secret leaves on the stack.
//!
//! Hashes copy what they are given into blocks of their own, and a copy on the stack outlives the call until something else
//! happens to be written there: on a node that idles, for days. What is given back to the heap is the allocator's to wipe.

use std::hint::black_box;

/// How deep the work may reach, in bytes: hashes take a few hundred, more in programs that are not optimized.
const STACK_BYTES: usize = 8 * 1_024;

/// Do something with a secret, and wipe the part of the stack that it used. Costs a tenth of a microsecond. The work must not
/// wait: what a future holds lies on the heap.
#[inline(never)]
pub fn wiping<T>(work: impl FnOnce() -> T) -> T {
    let done = call(work);
    wipe();
    done
}

/// The frame of the work, which begins where that of [`wipe`] begins.
#[inline(never)]
fn call<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe() {
    let mut room = [0_u8; STACK_BYTES];
    black_box(&mut room);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_done_once_and_its_answer_is_whole() {
        let mut done = 0;
        let answer = wiping(|| {
            done += 1;
            [7_u8; 1_024]
        });
        assert_eq!((answer, done), ([7; 1_024], 1));
    }
}
