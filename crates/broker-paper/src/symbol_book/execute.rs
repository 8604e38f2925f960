//! Filling an order at a price.

use velox_kernel::{DecimalError, OrderId, Price, Quantity};
use velox_trading::{FeedPosition, FillReport, Liquidity, ReportKind, Side, TimeInForce};

use super::{Pass, SymbolBook};
use crate::ended::Ending;
use crate::names::fill_id;
use crate::pricing::{beyond, fee, slipped, within_limit, worse};
use crate::standing::Offer;
use crate::working::{Stage, Working};

/// Said of an order whose next fill would be worth more than a number can hold.
const TOO_LARGE: &str = "a fill's value does not fit";

impl SymbolBook {
    /// Lets an order take what is offered to its side, as a taker; `trigger` is the price that triggered a stop,
    /// which is filled at the worse of the two.
    pub(super) fn take(&mut self, id: OrderId, trigger: Option<Price>, pass: &mut Pass<'_>) {
        let Some(order) = self.orders.get(&id).copied() else { return };
        let Some(offer) = self.standing.offer(order.side) else { return };
        let tick = self.instrument.tick;
        let Some(level) = self.standing.level(offer) else { return };
        let market = trigger.map_or(level.price, |trigger| worse(order.side, level.price, trigger));
        let price = match order.limit {
            Some(limit) if beyond(order.side, market, limit) => return,
            Some(limit) => within_limit(order.side, market, limit, tick),
            None => slipped(order.side, market, pass.config.slippage_bps, tick),
        };
        let Ok(price) = price else {
            self.end(id, Ending::Canceled(TOO_LARGE), pass);
            return;
        };
        if order.time_in_force == TimeInForce::Fok && !level.covers(order.left()) {
            return;
        }
        let (quantity, position) = (level.take(order.left()), level.position);
        self.execute(&order, quantity, price, Liquidity::Taker, position, pass);
    }

    /// Lets the orders that rest at `bound` or better be met by an offer, as makers at their limits.
    pub(super) fn meet_resting(&mut self, side: Side, offer: Offer, bound: i128, pass: &mut Pass<'_>) {
        let mut after = None;
        while let Some(key) = self.next(Stage::Resting, side, after, bound) {
            after = Some(key);
            let Some(level) = self.standing.level(offer).filter(|level| !level.is_empty()) else { return };
            let Some(order) = self.orders.get(&key.id).copied() else { continue };
            let Some(limit) = order.limit.filter(|_| order.live_at <= pass.cutoff) else { continue };
            let (quantity, position) = (level.take(order.left()), level.position);
            self.execute(&order, quantity, limit, Liquidity::Maker, position, pass);
        }
    }

    fn execute(
        &mut self,
        order: &Working,
        quantity: Quantity,
        price: Price,
        liquidity: Liquidity,
        position: FeedPosition,
        pass: &mut Pass<'_>,
    ) {
        if !quantity.is_positive() {
            return;
        }
        let bps = match liquidity {
            Liquidity::Maker => pass.config.maker_fee_bps,
            Liquidity::Taker => pass.config.taker_fee_bps,
        };
        let cost = || -> Result<_, DecimalError> { Ok((fee(price, quantity, bps)?, order.filled.plus(quantity)?)) };
        let Ok((fee, filled)) = cost() else {
            self.end(order.id, Ending::Canceled(TOO_LARGE), pass);
            return;
        };
        let fill = FillReport {
            fill: fill_id(order.id, position, order.filled),
            quantity,
            price,
            fee,
            fee_currency: order.currency,
            liquidity,
            caused_by: Some(position),
        };
        pass.say(order.id, ReportKind::Filled(fill));
        if let Some(working) = self.orders.get_mut(&order.id) {
            working.filled = filled;
        }
        if filled >= order.quantity {
            self.end(order.id, Ending::Filled, pass);
        }
    }
}
