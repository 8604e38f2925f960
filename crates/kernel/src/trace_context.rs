//! [`TraceContext`]: which trace something belongs to, as <https://www.w3.org/TR/trace-context/> writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The flags that the specification knows: sampled, and a trace id that is random. The others are not passed on.
const KNOWN_FLAGS: u8 = 0b11;
/// The length of version 00; later ones may only grow behind a `-`.
const LENGTH: usize = 55;

/// A place in a trace: what follows from it hangs below its span. In text, a `traceparent` of version 00:
/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    // Bytes, because every event of a log has room for one, and integers would align it to 16 of them.
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

impl TraceContext {
    /// How many bytes [`TraceContext::to_bytes`] gives.
    pub const BYTES: usize = 25;

    /// A place in a trace; `None` where an id is zero, which the specification forbids. Flags it does not know are
    /// dropped.
    #[must_use]
    pub const fn new(trace_id: u128, span_id: u64, flags: u8) -> Option<Self> {
        if trace_id == 0 || span_id == 0 {
            return None;
        }
        let (trace_id, span_id) = (trace_id.to_be_bytes(), span_id.to_be_bytes());
        Some(Self { trace_id, span_id, flags: flags & KNOWN_FLAGS })
    }

    /// The trace; shown as 32 hexadecimal digits.
    #[must_use]
    pub const fn trace_id(&self) -> u128 {
        u128::from_be_bytes(self.trace_id)
    }

    /// The span; shown as 16 hexadecimal digits.
    #[must_use]
    pub const fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.span_id)
    }

    /// The flags: bit 0 says that whoever began the trace keeps it, bit 1 that its id is random.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether whoever began the trace keeps it.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The trace's id, the span's, both big-endian, and the flags.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.trace_id);
        bytes[16..24].copy_from_slice(&self.span_id);
        bytes[24] = self.flags;
        bytes
    }

    /// What [`TraceContext::to_bytes`] gave; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (trace_id, rest) = bytes.split_first_chunk()?;
        let (span_id, rest) = rest.split_first_chunk()?;
        let [flags] = rest else { return None };
        Self::new(u128::from_be_bytes(*trace_id), u64::from_be_bytes(*span_id), *flags)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id(), self.span_id(), self.flags)
    }
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a traceparent, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
pub struct InvalidTraceContext;

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    /// Reads version 00, and the part of a later version that 00 has, as the specification asks.
    fn from_str(text: &str) -> Result<Self, InvalidTraceContext> {
        let read = || {
            let (known, more) = (text.get(..LENGTH)?, text.get(LENGTH..)?);
            let mut parts = known.split('-');
            let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            let whole = match version {
                "ff" => false,
                "00" => more.is_empty(),
                _ => more.is_empty() || more.starts_with('-'),
            };
            let lengths = [version.len(), trace_id.len(), span_id.len(), flags.len()] == [2, 32, 16, 2];
            let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
            if !whole || !lengths || parts.next().is_some() || !known.bytes().all(digit) {
                return None;
            }
            let flags = u8::from_str_radix(flags, 16).ok()?;
            Self::new(u128::from_str_radix(trace_id, 16).ok()?, u64::from_str_radix(span_id, 16).ok()?, flags)
        };
        read().ok_or(InvalidTraceContext)
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_bytes_come_back(trace_id in 1_u128.., span_id in 1_u64.., flags in 0_u8..4) {
            let context = TraceContext::new(trace_id, span_id, flags).unwrap();
            prop_assert_eq!(context.to_string().parse(), Ok(context));
            prop_assert_eq!(TraceContext::from_bytes(&context.to_bytes()), Some(context));
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,70}") {
            let _ = text.parse::<TraceContext>();
        }
    }

    #[test]
    fn reads_what_the_specification_shows() {
        let context: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        assert_eq!(context.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.span_id(), 0x00f0_67aa_0ba9_02b7);
        assert_eq!(context.flags(), 1);
        let unsampled: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse().unwrap();
        assert_eq!(unsampled.flags(), 0);
    }

    #[test]
    fn reads_what_it_knows_of_later_versions() {
        let known = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        for text in [format!("01-{known}-01"), format!("cc-{known}-01-what-the-future-will-be-like")] {
            assert_eq!(text.parse::<TraceContext>().unwrap().to_string(), format!("00-{known}-01"));
        }
        // Flags that nobody knows yet are not passed on.
        assert_eq!(format!("00-{known}-ff").parse::<TraceContext>().unwrap().flags(), 3);
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(InvalidTraceContext), "{text}");
        }
        assert_eq!(TraceContext::from_bytes(&[0; TraceContext::BYTES]), None);
        assert_eq!(TraceContext::from_bytes(&[1; TraceContext::BYTES + 1]), None);
        assert_eq!(TraceContext::from_bytes(&[1; TraceContext::BYTES - 1]), None);
    }
}
