//! An order's arrival, and a stop's trigger.

use velox_kernel::{OrderId, Price, Timestamp};
use velox_trading::{Side, TimeInForce};

use super::{Pass, SymbolBook};
use crate::ended::Ending;
use crate::working::{Key, Stage};

/// Whether the market at `price` has reached the stop.
pub(super) fn reached(side: Side, stop: Price, price: Price) -> bool {
    match side {
        Side::Buy => price >= stop,
        Side::Sell => price <= stop,
    }
}

impl SymbolBook {
    /// Lets every order arrive that has been on its way long enough at the pass's cutoff; within a bar, which
    /// triggers stops itself.
    pub(super) fn arrivals(&mut self, within_bar: bool, pass: &mut Pass<'_>) {
        let bound = i128::from(pass.cutoff.micros());
        let mut after: Option<Key> = None;
        while let Some(key) = self.next(Stage::Arriving, Side::Buy, after, bound) {
            after = Some(key);
            self.arrive(key.id, within_bar, pass);
        }
    }

    /// Lets an order arrive. Where no price is known that it could be judged by, it stays on its way.
    pub(crate) fn arrive(&mut self, id: OrderId, within_bar: bool, pass: &mut Pass<'_>) {
        let Some(order) = self.orders.get(&id).copied() else { return };
        if let Some(stop) = order.stop {
            self.restage(id, |order| order.stage = order.stage_on_arrival());
            let watched = self.standing.stop_watch(order.side).filter(|_| !within_bar);
            if let Some(price) = watched.filter(|price| reached(order.side, stop, *price)) {
                self.trigger(id, price, None, pass);
            }
            return;
        }
        if self.standing.offer(order.side).is_none() {
            return;
        }
        self.restage(id, |order| order.stage = order.stage_on_arrival());
        self.take(id, None, pass);
        if order.is_immediate() {
            let rest = match order.time_in_force {
                TimeInForce::Fok => "fill or kill: not all of it could be filled at once",
                _ => "immediate or cancel: nothing more could be filled at once",
            };
            self.end(id, Ending::Canceled(rest), pass);
        }
    }

    /// Triggers a stop order by the market at `price`. Within a bar that ends at `until`, a limit order that comes of
    /// it rests from then on only: a bar cannot tell whether its limit was reached before or after its stop.
    pub(super) fn trigger(&mut self, id: OrderId, price: Price, until: Option<Timestamp>, pass: &mut Pass<'_>) {
        let triggered = self.restage(id, |order| {
            order.stop = None;
            order.triggered = true;
            order.stage = order.stage_on_arrival();
        });
        if triggered.is_none() {
            return;
        }
        pass.acknowledge(id, true);
        self.take(id, Some(price), pass);
        if let (Some(until), Some(order)) = (until, self.orders.get_mut(&id)) {
            order.live_at = order.live_at.max(until);
        }
    }
}
