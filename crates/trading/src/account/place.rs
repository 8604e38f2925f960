//! Placing an order, and explaining one without placing it.

use velox_kernel::{ClientOrderId, Digest, OrderId, StrategyId, Symbol, Timestamp};

use super::Account;
use super::risk::Verdict;
use crate::command::PlaceOrder;
use crate::context::Context;
use crate::event::{Fact, OrderPlaced};
use crate::order::{OrderTerms, TimeInForce};
use crate::refused::Refused;
use crate::rules::InstrumentRules;

/// Positions by strategy, flat ones that once were held included, before an account takes orders of no further ones.
const MOST_STRATEGY_POSITIONS: usize = 1_000;

/// What placing an order would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The account's newest event at the time.
    pub seq: u64,
    /// Every rule's verdict, and the prices they looked at.
    pub verdict: Verdict,
}

impl Account {
    /// Says what every rule makes of an order, at the same account and context as placing would.
    ///
    /// # Errors
    /// [`Refused`] where placing would be refused without an event.
    pub fn explain(&self, place: &PlaceOrder, context: &Context<'_>) -> Result<Explanation, Refused> {
        if self.profile.is_none() {
            return Err(Refused::NotOpen);
        }
        let verdict = self.check_order(&place.terms, &place.rules, None, context)?;
        Ok(Explanation { seq: self.seq, verdict })
    }

    pub(super) fn decide_place(&self, place: &PlaceOrder, context: &Context<'_>) -> Result<Vec<Fact>, Refused> {
        let PlaceOrder { order, client_order_id, fingerprint, terms, rules } = place;
        self.refuse_taken_id(*client_order_id, *fingerprint, context)?;
        self.decide_new_order(*order, *client_order_id, *fingerprint, terms, rules, context)
    }

    /// Takes in or denies an order whose client order id is free.
    pub(super) fn decide_new_order(
        &self,
        order_id: OrderId,
        client_order_id: ClientOrderId,
        fingerprint: Digest,
        terms: &OrderTerms,
        rules: &InstrumentRules,
        context: &Context<'_>,
    ) -> Result<Vec<Fact>, Refused> {
        let verdict = self.check_order(terms, rules, None, context)?;
        let placed = Box::new(OrderPlaced {
            order_id,
            client_order_id,
            fingerprint,
            terms: terms.clone(),
            reserve_price: verdict.reserve_price,
            accepted_at: context.wall_time,
            expires_at: expiry(terms.time_in_force, self.last_time.max(context.market_time)),
            basis: Some(verdict.basis()),
        });
        Ok(vec![match verdict.denial() {
            Some(denial) => Fact::OrderDenied { order: placed, denial },
            None => Fact::OrderAccepted(placed),
        }])
    }

    /// Whether a strategy may have a position in an instrument: it has one, or there is room for one more.
    fn has_room_for(&self, strategy: StrategyId, symbol: Symbol) -> bool {
        self.strategy_position(strategy, symbol).is_some() || self.strategy_positions.len() < MOST_STRATEGY_POSITIONS
    }

    /// The instrument's own rules first, which refuse; then ours, which deny.
    pub(super) fn check_order(
        &self,
        terms: &OrderTerms,
        rules: &InstrumentRules,
        replaced: Option<&crate::order::Order>,
        context: &Context<'_>,
    ) -> Result<Verdict, Refused> {
        rules.check(terms)?;
        if terms.strategy.is_some_and(|strategy| !self.has_room_for(strategy, terms.symbol)) {
            return Err(Refused::OutOfRange("the account has positions of as many strategies as it can have"));
        }
        if terms.kind.limit_price().or(terms.kind.stop_price()).is_none() {
            // Without a price there is nothing to value it at: the rule on stale prices denies it then.
            if let Some(market) = context.prices.price(terms.symbol) {
                rules.check_notional(terms, market.meets(terms.side))?;
            }
        }
        Ok(self.judge(terms, replaced, context)?)
    }

    /// A client order id is taken for ever: the same request is answered again, another one is refused.
    pub(super) fn refuse_taken_id(
        &self,
        id: ClientOrderId,
        fingerprint: Digest,
        context: &Context<'_>,
    ) -> Result<(), Refused> {
        let closed = context.closed_order.filter(|order| order.client_order_id == id);
        let Some(order) = self.holder_of_client_id(id).or(closed) else { return Ok(()) };
        // A replacement under way has taken its id too, though its order does not exist yet.
        let (taken_by, seq) = match order.pending.as_deref() {
            Some(replacement) if replacement.client_order_id == id => (replacement.fingerprint, order.last_seq),
            _ => (order.fingerprint, order.first_seq),
        };
        Err(if taken_by == fingerprint {
            Refused::Repeated { order: order.id, seq }
        } else {
            Refused::IdConflict { order: order.id }
        })
    }
}

/// When an order of this time in force ends by itself: a `day` order at the next midnight UTC in market time.
pub(super) fn expiry(time_in_force: TimeInForce, placed_at: Timestamp) -> Option<Timestamp> {
    match time_in_force {
        TimeInForce::Day => Some(Timestamp::from_seconds((placed_at.day() + 1) * 86_400)),
        TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => None,
    }
}
