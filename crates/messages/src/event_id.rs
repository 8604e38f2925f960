//! Ids that follow from what they name, so that whatever is sent twice is known by its id.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use velox_kernel::{Digest, Symbol, Timestamp};

use crate::wire::Id;

/// The id of an event of a log: from its hash, which no other event has.
#[must_use]
pub(crate) fn of_hash(hash: Digest) -> Id {
    let (first, _) = hash.as_bytes().split_at(16);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(first);
    // Version 8 is for ids that are made in one's own way (RFC 9562, 5.8).
    Id(Uuid::new_v8(bytes))
}

/// The id of what is told of a symbol at a place of the market's messages. The time tells apart what moves no offset.
#[must_use]
pub(crate) fn of_place(kind: &str, symbol: Option<Symbol>, at: Timestamp, epoch: u64, offset: u64) -> Id {
    let symbol = symbol.as_ref().map_or("", Symbol::as_str);
    let mut hasher = Sha256::new();
    // Neither a kind nor a symbol has a zero byte: each ends where the next begins.
    for part in [kind.as_bytes(), &[0], symbol.as_bytes(), &[0]] {
        hasher.update(part);
    }
    hasher.update(at.micros().to_be_bytes());
    hasher.update(epoch.to_be_bytes());
    hasher.update(offset.to_be_bytes());
    of_hash(Digest::new(hasher.finalize().into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn follows_from_what_it_names() {
        let symbol = |text: &str| Some(text.parse().unwrap());
        assert_eq!(of_hash(Digest::new([0xFF; 32])).to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        let at = Timestamp::from_seconds;
        let one = of_place("market", symbol("BTC"), at(3), 1, 2);
        assert_eq!(one, of_place("market", symbol("BTC"), at(3), 1, 2));
        for other in [
            of_place("alert", symbol("BTC"), at(3), 1, 2),
            of_place("market", symbol("ETH"), at(3), 1, 2),
            of_place("market", None, at(3), 1, 2),
            of_place("market", symbol("BTC"), at(4), 1, 2),
            of_place("market", symbol("BTC"), at(3), 2, 1),
        ] {
            assert_ne!(one, other);
        }
    }
}
