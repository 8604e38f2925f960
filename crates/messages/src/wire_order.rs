//! [`WireOrder`], [`WireFill`] and what is in them: see `schemas/avro/orders.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};
use velox_kernel::{BrokerOrderId, ClientOrderId, Currency, FillId, Symbol, Tag};
use velox_trading::{Denial, FeedPosition, Fill, Order, OrderTerms, Replacement, RiskLimits, RuleCheck};

use crate::wire::{Amount, Id, Moment, Word};
use crate::words;

/// An order and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireOrder {
    pub order_id: Id,
    pub client_order_id: ClientOrderId,
    pub symbol: Symbol,
    pub currency: Currency,
    pub side: Word,
    #[serde(rename = "type")]
    pub kind: Word,
    pub limit_price: Option<Amount>,
    pub stop_price: Option<Amount>,
    pub quantity: Amount,
    pub time_in_force: Word,
    pub reduce_only: bool,
    pub strategy_id: Option<Id>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    pub status: Word,
    pub filled_quantity: Amount,
    pub filled_value: Amount,
    pub average_price: Option<Amount>,
    pub broker_order_id: Option<BrokerOrderId>,
    pub replaces: Option<Id>,
    pub replaced_by: Option<Id>,
    pub pending_replacement: Option<WireReplacement>,
    pub end_code: Option<Word>,
    pub end_text: Option<String>,
    pub denial: Option<WireDenial>,
    pub accepted_at: Moment,
    pub placed_at: Moment,
    pub updated_at: Moment,
    pub expires_at: Option<Moment>,
    pub unknown_since: Option<Moment>,
    pub first_seq: u64,
    pub last_seq: u64,
}

/// A replacement that the broker has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireReplacement {
    pub order_id: Id,
    pub client_order_id: ClientOrderId,
    pub quantity: Amount,
    pub limit_price: Option<Amount>,
    pub stop_price: Option<Amount>,
    pub time_in_force: Word,
}

/// The rule that an order broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireDenial {
    pub rule: Word,
    pub limit: Option<Amount>,
    pub used: Option<Amount>,
    pub headroom: Option<Amount>,
}

/// A part of an order that traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFill {
    pub fill_id: FillId,
    pub order_id: Id,
    pub symbol: Symbol,
    pub currency: Currency,
    pub side: Word,
    pub quantity: Amount,
    pub price: Amount,
    pub fee: Amount,
    pub fee_currency: Currency,
    pub liquidity: Word,
    pub strategy_id: Option<Id>,
    pub feed_epoch: Option<u64>,
    pub feed_offset: Option<u64>,
    pub at: Moment,
}

/// Cash that was paid in or out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCash {
    pub currency: Currency,
    pub amount: Amount,
}

/// What an account allows itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLimits {
    pub max_order_quantity: Option<Amount>,
    pub max_order_notional: Option<Amount>,
    pub max_position: Option<Amount>,
    pub price_collar: Option<Amount>,
    pub daily_loss: Option<Amount>,
    pub daily_trades: Option<u32>,
    pub max_open_orders: u32,
}

impl From<&Order> for WireOrder {
    fn from(order: &Order) -> Self {
        let Order {
            id,
            account: _,
            client_order_id,
            fingerprint: _,
            terms,
            status,
            filled,
            filled_value,
            reserve_price: _,
            broker_order_id,
            replaces,
            replaced_by,
            pending,
            denial,
            end,
            accepted_at,
            placed_at,
            updated_at,
            expires_at,
            unknown_since,
            misses: _,
            first_seq,
            last_seq,
        } = order;
        let OrderTerms { symbol, currency, side, kind, quantity, time_in_force, reduce_only, strategy, tags } = terms;
        let (end_code, end_text) = end.as_ref().map(words::end_reason).unzip();
        Self {
            order_id: (*id).into(),
            client_order_id: *client_order_id,
            symbol: *symbol,
            currency: *currency,
            side: side.as_str().into(),
            kind: kind.as_str().into(),
            limit_price: kind.limit_price().map(Into::into),
            stop_price: kind.stop_price().map(Into::into),
            quantity: (*quantity).into(),
            time_in_force: time_in_force.as_str().into(),
            reduce_only: *reduce_only,
            strategy_id: strategy.map(Into::into),
            tags: tags.clone(),
            status: status.as_str().into(),
            filled_quantity: (*filled).into(),
            filled_value: (*filled_value).into(),
            average_price: order.average_price().map(Into::into),
            broker_order_id: *broker_order_id,
            replaces: replaces.map(Into::into),
            replaced_by: replaced_by.map(Into::into),
            pending_replacement: pending.as_deref().map(Into::into),
            end_code,
            end_text: end_text.flatten(),
            denial: denial.as_deref().map(Into::into),
            accepted_at: (*accepted_at).into(),
            placed_at: (*placed_at).into(),
            updated_at: (*updated_at).into(),
            expires_at: expires_at.map(Into::into),
            unknown_since: unknown_since.map(Into::into),
            first_seq: *first_seq,
            last_seq: *last_seq,
        }
    }
}

impl From<&Replacement> for WireReplacement {
    fn from(replacement: &Replacement) -> Self {
        let Replacement { id, client_order_id, fingerprint: _, terms, reserve_price: _ } = replacement;
        Self {
            order_id: (*id).into(),
            client_order_id: *client_order_id,
            quantity: terms.quantity.into(),
            limit_price: terms.kind.limit_price().map(Into::into),
            stop_price: terms.kind.stop_price().map(Into::into),
            time_in_force: terms.time_in_force.as_str().into(),
        }
    }
}

impl From<&Denial> for WireDenial {
    fn from(denial: &Denial) -> Self {
        let Denial { check: RuleCheck { rule, passed: _, limit, used, headroom } } = denial;
        Self {
            rule: rule.as_str().into(),
            limit: limit.map(Into::into),
            used: used.map(Into::into),
            headroom: headroom.map(Into::into),
        }
    }
}

impl From<&Fill> for WireFill {
    fn from(fill: &Fill) -> Self {
        let Fill {
            id,
            account: _,
            order,
            symbol,
            currency,
            side,
            quantity,
            price,
            fee,
            fee_currency,
            liquidity,
            strategy,
            caused_by,
            at,
        } = fill;
        let (feed_epoch, feed_offset) = caused_by.map(|FeedPosition { epoch, offset }| (epoch, offset)).unzip();
        Self {
            fill_id: *id,
            order_id: (*order).into(),
            symbol: *symbol,
            currency: *currency,
            side: side.as_str().into(),
            quantity: (*quantity).into(),
            price: (*price).into(),
            fee: (*fee).into(),
            fee_currency: *fee_currency,
            liquidity: liquidity.as_str().into(),
            strategy_id: strategy.map(Into::into),
            feed_epoch,
            feed_offset,
            at: (*at).into(),
        }
    }
}

impl From<&RiskLimits> for WireLimits {
    fn from(limits: &RiskLimits) -> Self {
        let RiskLimits {
            max_order_quantity,
            max_order_notional,
            max_position,
            price_collar,
            daily_loss,
            daily_trades,
            max_open_orders,
        } = limits;
        Self {
            max_order_quantity: max_order_quantity.map(Into::into),
            max_order_notional: max_order_notional.map(Into::into),
            max_position: max_position.map(Into::into),
            price_collar: price_collar.map(Into::into),
            daily_loss: daily_loss.map(Into::into),
            daily_trades: *daily_trades,
            max_open_orders: *max_open_orders,
        }
    }
}
