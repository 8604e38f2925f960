//! Names that follow from what they name, so that a rebuilt book says the same.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use velox_kernel::{BrokerOrderId, FillId, OrderId, Quantity};
use velox_trading::FeedPosition;

/// What the broker's name of a stop order ends in once it was triggered. The account records the name, and with it
/// the trigger, which nothing else in an order says.
const TRIGGERED: &str = "-t";

/// The broker's name of an order.
#[expect(clippy::expect_used, reason = "35 characters of the alphabet at most, whatever the id")]
pub(crate) fn broker_order_id(order: OrderId, triggered: bool) -> BrokerOrderId {
    let end = if triggered { TRIGGERED } else { "" };
    format!("pb-{order}{end}").parse().expect("a broker order id")
}

/// Whether the broker's name says that the order was triggered.
pub(crate) fn says_triggered(name: &BrokerOrderId) -> bool {
    name.as_str().ends_with(TRIGGERED)
}

/// The name of a fill: `pf-` and the first half of SHA-256 over the order, the market data's position and what had
/// filled before. With the last, an order that meets the same market data twice (it was redelivered after a
/// restart) gets the same name exactly when the first fill was not recorded.
#[expect(clippy::expect_used, reason = "35 characters of the alphabet, whatever the hash")]
pub(crate) fn fill_id(order: OrderId, position: FeedPosition, filled_before: Quantity) -> FillId {
    let mut hash = Sha256::new();
    hash.update(order.uuid().as_bytes());
    hash.update(position.epoch.to_be_bytes());
    hash.update(position.offset.to_be_bytes());
    hash.update(filled_before.decimal().units().to_be_bytes());
    let mut name = String::with_capacity(35);
    name.push_str("pf-");
    for byte in hash.finalize().iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.parse().expect("a fill id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fixed_for_ever() {
        let order: OrderId = "ord_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        assert_eq!(broker_order_id(order, false).as_str(), "pb-ord_01h455vb4pex5vsknk084sn02q");
        assert!(says_triggered(&broker_order_id(order, true)) && !says_triggered(&broker_order_id(order, false)));
        let at = |epoch, offset| FeedPosition { epoch, offset };
        let name = fill_id(order, at(1, 2), Quantity::ZERO);
        assert_eq!(name.as_str(), "pf-0d3f6e00c65cb2dbe504a66a648a1904");
        assert_ne!(name, fill_id(order, at(2, 1), Quantity::ZERO));
        assert_ne!(name, fill_id(order, at(1, 2), "0.5".parse().unwrap()));
    }
}
