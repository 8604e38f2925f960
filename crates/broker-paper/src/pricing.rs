//! What a fill costs: slippage, snapping to ticks and fees, each rounded against the client.

use velox_kernel::{Decimal, DecimalError, Money, Price, Quantity, Rounding};
use velox_trading::Side;

/// Basis points in one.
const BPS: i32 = 10_000;

/// The worse of two prices for the side that pays or gets them.
pub(crate) fn worse(side: Side, a: Price, b: Price) -> Price {
    match side {
        Side::Buy => a.max(b),
        Side::Sell => a.min(b),
    }
}

/// Whether `price` is beyond what `limit` accepts.
pub(crate) fn beyond(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => price > limit,
        Side::Sell => price < limit,
    }
}

/// `price` on a tick, against the client. A sale that would come to zero or less gets one tick.
fn snapped(side: Side, price: Price, tick: Price) -> Result<Price, DecimalError> {
    let rounding = match side {
        Side::Buy => Rounding::Up,
        Side::Sell => Rounding::Down,
    };
    let snapped = Price::new(price.decimal().round_to(tick.decimal(), rounding)?);
    Ok(if snapped.is_positive() { snapped } else { tick.max(Price::ZERO) })
}

/// What a market or stop order pays or gets where the market is at `price`.
pub(crate) fn slipped(side: Side, price: Price, bps: Decimal, tick: Price) -> Result<Price, DecimalError> {
    if bps.is_zero() {
        return snapped(side, price, tick);
    }
    let slip = price.decimal().times_over(bps, Decimal::from_int(BPS), Rounding::Up)?;
    let moved = match side {
        Side::Buy => price.decimal().plus(slip)?,
        Side::Sell => price.decimal().minus(slip)?,
    };
    snapped(side, Price::new(moved), tick)
}

/// What a limit order pays or gets where the market is at `price`, which its limit accepts.
pub(crate) fn within_limit(side: Side, price: Price, limit: Price, tick: Price) -> Result<Price, DecimalError> {
    let snapped = snapped(side, price, tick)?;
    Ok(if beyond(side, snapped, limit) { limit } else { snapped })
}

/// The fee of a fill, rounded up.
pub(crate) fn fee(price: Price, quantity: Quantity, bps: Decimal) -> Result<Money, DecimalError> {
    let value = price.value(quantity)?.decimal();
    if bps.is_zero() {
        return Ok(Money::ZERO);
    }
    value.times_over(bps, Decimal::from_int(BPS), Rounding::Up).map(Money::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn slippage_and_ticks_go_against_the_client() {
        let slip = |side, bps: i32| slipped(side, price("100.02"), Decimal::from_int(bps), price("0.05")).unwrap();
        assert_eq!(slip(Side::Buy, 0), price("100.05"));
        assert_eq!(slip(Side::Sell, 0), price("100"));
        assert_eq!(slip(Side::Buy, 10), price("100.15"));
        assert_eq!(slip(Side::Sell, 10), price("99.9"));
    }

    #[test]
    fn a_sale_keeps_a_price_above_zero() {
        assert_eq!(slipped(Side::Sell, price("0.5"), Decimal::from_int(1_000), price("1")), Ok(price("1")));
    }

    #[test]
    fn fees_round_up() {
        let fee = fee(price("0.000001"), "0.000001".parse().unwrap(), Decimal::from_int(1)).unwrap();
        assert_eq!(fee, "0.000000000001".parse().unwrap());
    }
}
