//! What a tick does to the orders: those whose time is up end, then market orders and arrivals take, then stops are
//! triggered, then resting limits are met, buys before sells.

use std::time::Duration;

use velox_kernel::{Price, Timestamp};
use velox_trading::Side;

use super::{Pass, SymbolBook};
use crate::pricing::worse;
use crate::settings::LimitFill;
use crate::standing::Offer;
use crate::tick::{Tick, TickPrices};
use crate::working::{Key, Stage};

impl SymbolBook {
    /// Takes a tick in and matches the orders with it.
    pub(crate) fn on_tick(&mut self, tick: &Tick, pass: &mut Pass<'_>) {
        if !self.standing.observe(tick, &self.instrument, pass.config) {
            return;
        }
        match tick.prices {
            TickPrices::Trade { price, .. } => self.on_trade(price, tick.at, pass),
            TickPrices::Quote { bid, ask, .. } => self.on_quote(bid, ask, tick.at, pass),
            TickPrices::Bar { until, open, high, low, close, .. } => {
                self.expire(until.minus(Duration::from_micros(1)), pass);
                self.takers(pass);
                self.arrivals(true, pass);
                self.trigger_stops(Side::Buy, high, Some((open, until)), pass);
                self.trigger_stops(Side::Sell, low, Some((open, until)), pass);
                // A touch in a bar says nothing of the queue there: only a price beyond the limit fills.
                self.meet_resting(Side::Buy, Offer::Trade, -units(low) - 1, pass);
                self.meet_resting(Side::Sell, Offer::Trade, units(high) - 1, pass);
                self.standing.end_bar(close);
                self.expire(tick.at, pass);
            }
        }
    }

    fn on_trade(&mut self, price: Price, at: Timestamp, pass: &mut Pass<'_>) {
        self.expire(at, pass);
        self.takers(pass);
        self.arrivals(false, pass);
        self.trigger_stops(Side::Buy, price, None, pass);
        self.trigger_stops(Side::Sell, price, None, pass);
        let short_of = match pass.config.limit_fill {
            LimitFill::Touch => 0,
            LimitFill::Through => 1,
        };
        self.meet_resting(Side::Buy, Offer::Trade, -units(price) - short_of, pass);
        self.meet_resting(Side::Sell, Offer::Trade, units(price) - short_of, pass);
    }

    fn on_quote(&mut self, bid: Price, ask: Price, at: Timestamp, pass: &mut Pass<'_>) {
        self.expire(at, pass);
        self.takers(pass);
        self.arrivals(false, pass);
        for side in [Side::Buy, Side::Sell] {
            if let Some(price) = self.standing.stop_watch(side) {
                self.trigger_stops(side, price, None, pass);
            }
        }
        self.meet_resting(Side::Buy, Offer::Ask, -units(ask), pass);
        self.meet_resting(Side::Sell, Offer::Bid, units(bid), pass);
    }

    /// Lets the orders that take go on taking, the oldest first.
    fn takers(&mut self, pass: &mut Pass<'_>) {
        let mut after: Option<Key> = None;
        while !self.standing.is_dry() {
            let Some(key) = self.next(Stage::Taking, Side::Buy, after, 0) else { return };
            after = Some(key);
            if self.orders.get(&key.id).is_some_and(|order| order.live_at <= pass.cutoff) {
                self.take(key.id, None, pass);
            }
        }
    }

    /// Triggers the stops that a price has reached; within a bar with that open and end, a stop that the open has
    /// jumped over is filled at the open.
    fn trigger_stops(&mut self, side: Side, price: Price, bar: Option<(Price, Timestamp)>, pass: &mut Pass<'_>) {
        let bound = match side {
            Side::Buy => units(price),
            Side::Sell => -units(price),
        };
        let mut after: Option<Key> = None;
        while let Some(key) = self.next(Stage::Stopped, side, after, bound) {
            after = Some(key);
            let Some(order) = self.orders.get(&key.id).filter(|order| order.live_at <= pass.cutoff) else { continue };
            let Some(stop) = order.stop else { continue };
            match bar {
                None => self.trigger(key.id, price, None, pass),
                Some((open, until)) => self.trigger(key.id, worse(side, stop, open), Some(until), pass),
            }
        }
    }
}

fn units(price: Price) -> i128 {
    price.decimal().units()
}
