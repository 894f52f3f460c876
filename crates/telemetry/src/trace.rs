//! The trace that is handed on with an event: W3C Trace Context, header `traceparent`, version 00.
//!
//! It is stored as text beside events, jobs, changes and effects, so that what happens in another process hours later
//! belongs to the same trace. Nothing here depends on whether traces are exported.

use std::fmt;
use std::str::FromStr;

use model::Entropy;

/// A place in a trace: which trace, which span, and whether it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParentError;

impl fmt::Display for TraceParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a traceparent of the W3C Trace Context")
    }
}

impl std::error::Error for TraceParentError {}

/// Bytes of version 00: `00-<32 digits>-<16 digits>-<2 digits>`.
const BYTES: usize = 55;
/// The flag that the trace is recorded.
const SAMPLED: u8 = 1;

impl TraceParent {
    /// The header's name.
    pub const HEADER: &'static str = "traceparent";

    /// A new trace, recorded.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let trace = u128::from(entropy.next_u64()) << 64 | u128::from(entropy.next_u64());
        // An id of zeros is invalid; a draw of zeros is no reason to fail.
        Self { trace: trace.max(1), span: entropy.next_u64().max(1), flags: SAMPLED }
    }

    /// A new span in the same trace.
    #[must_use]
    pub fn child(&self, entropy: &dyn Entropy) -> Self {
        Self { span: entropy.next_u64().max(1), ..*self }
    }

    /// Read the header's value. A later version is read as far as version 00 goes, as the specification asks.
    ///
    /// # Errors
    /// [`TraceParentError`] when it is not one, or an id is all zeros.
    pub fn parse(text: &str) -> Result<Self, TraceParentError> {
        let bytes = text.as_bytes();
        let head = bytes.get(..BYTES).ok_or(TraceParentError)?;
        let dashes = [2, 35, 52].iter().all(|at| head[*at] == b'-');
        let version = digits(&head[..2])?;
        let longer = bytes.len() > BYTES;
        if !dashes || version == 0xff || longer && (version == 0 || bytes[BYTES] != b'-') {
            return Err(TraceParentError);
        }
        let trace = digits(&head[3..35])?;
        let span = u64::try_from(digits(&head[36..52])?).map_err(|_| TraceParentError)?;
        let flags = u8::try_from(digits(&head[53..55])?).map_err(|_| TraceParentError)?;
        if trace == 0 || span == 0 {
            return Err(TraceParentError);
        }
        Ok(Self { trace, span, flags: flags & SAMPLED })
    }

    /// Which trace.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace
    }

    /// Which span.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span
    }

    /// Whether whoever began the trace records it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// Lower-case hexadecimal digits, at most 32.
fn digits(bytes: &[u8]) -> Result<u128, TraceParentError> {
    bytes.iter().try_fold(0, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return Err(TraceParentError),
        };
        Ok(value << 4 | u128::from(digit))
    })
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = TraceParentError;
    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use model::SeededEntropy;

    use super::*;

    #[test]
    fn what_is_shown_is_read_back_and_a_child_stays_in_its_trace() {
        let entropy = SeededEntropy::new(1);
        let parent = TraceParent::new(&entropy);
        assert_eq!(TraceParent::parse(&parent.to_string()), Ok(parent));
        let child = parent.child(&entropy);
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert!(child.is_sampled());
    }

    #[test]
    fn only_valid_headers_are_read() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(good).unwrap().to_string(), good);
        assert!(TraceParent::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").is_ok());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7-01xxxx-xx",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902é7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), Err(TraceParentError), "{bad}");
        }
    }
}
