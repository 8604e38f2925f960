//! The laws that hold in any history.

use velox_kernel::{Money, Quantity};
use velox_testkit::trading::currency;
use velox_trading::{Fill, OrderStatus, Side};

/// A position agrees with its fills: the units add up, and so does every cent.
pub(super) fn agrees<'a>(position: Option<&velox_trading::Position>, fills: impl Iterator<Item = &'a Fill>) {
    let (mut held, mut paid, mut fees, mut any) = (Quantity::ZERO, Money::ZERO, Money::ZERO, false);
    for fill in fills {
        let value = fill.price.value(fill.quantity).unwrap();
        (held, paid) = match fill.side {
            Side::Buy => (held.plus(fill.quantity).unwrap(), paid.plus(value).unwrap()),
            Side::Sell => (held.minus(fill.quantity).unwrap(), paid.minus(value).unwrap()),
        };
        if fill.fee_currency == currency("USD") {
            fees = fees.plus(fill.fee).unwrap();
        }
        any = true;
    }
    let Some(position) = position else {
        assert!(!any, "who traded has a position");
        return;
    };
    assert_eq!((position.quantity, position.fees), (held, fees));
    assert!(!position.cost.is_negative() && position.cost.is_zero() == position.quantity.is_zero());
    let signed_cost = if position.quantity.is_negative() { position.cost.negated() } else { position.cost };
    assert_eq!(signed_cost.minus(position.realised).unwrap(), paid, "signed cost − realised = what was paid");
}

/// The arrows of an order's life, any number of which one command may follow.
pub(super) fn may_follow(from: OrderStatus, to: OrderStatus) -> bool {
    use OrderStatus as S;
    let ended = matches!(to, S::Filled | S::Canceled | S::Expired | S::Rejected);
    match from {
        S::PendingNew => matches!(to, S::Routed | S::Canceled | S::Expired | S::Replaced),
        S::Routed => ended || matches!(to, S::New | S::PartiallyFilled | S::PendingCancel | S::Unknown),
        S::New | S::PartiallyFilled => {
            ended || matches!(to, S::New | S::PartiallyFilled | S::PendingCancel | S::PendingReplace)
        }
        S::PendingCancel => {
            ended
                || matches!(to, S::PendingCancel | S::PendingReplace | S::New | S::PartiallyFilled | S::Routed)
                || matches!(to, S::Unknown | S::Replaced)
        }
        S::PendingReplace => {
            ended || matches!(to, S::PendingReplace | S::PendingCancel | S::New | S::PartiallyFilled | S::Replaced)
        }
        S::Unknown => ended || matches!(to, S::Unknown | S::New | S::PartiallyFilled | S::PendingCancel),
        S::Filled => to == S::Filled,
        S::Canceled | S::Expired | S::Rejected | S::Replaced => to == from || to == S::Filled,
        S::Denied => false,
    }
}
