//! [`OrderView`]: an order as clients see it.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::{AccountId, BrokerOrderId, ClientOrderId, Currency, OrderId, StrategyId, Symbol, Tag, Timestamp};
use velox_trading::{EndReason, Order, OrderTerms, Replacement};

use super::{EndCodeWord, OrderStatusWord, OrderTypeWord, RuleCheckView, SideWord, TimeInForceWord};
use crate::http::wire::{WireMoney, WireNumber, WirePrice, WireQuantity};

/// An order and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    /// Ours; it travels to the broker as the broker's client order id.
    #[schema(value_type = String, example = "ord_01h455vb4pex5vsknk084sn02q")]
    pub id: OrderId,
    /// The account it belongs to.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    pub account_id: AccountId,
    /// The client's name for it, unique in its account for ever.
    #[schema(value_type = String, example = "my-order-1")]
    pub client_order_id: ClientOrderId,
    /// The instrument.
    #[schema(value_type = String, example = "BTC-PERP")]
    pub symbol: Symbol,
    /// What prices and values are in.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// Buy or sell.
    pub side: SideWord,
    /// How it is priced.
    #[serde(rename = "type")]
    pub kind: OrderTypeWord,
    /// How much, in units of the instrument.
    pub quantity: WireQuantity,
    /// The worst price that is acceptable, of a `limit` or `stop_limit` order.
    pub limit_price: Option<WirePrice>,
    /// The trigger, of a `stop` or `stop_limit` order.
    pub stop_price: Option<WirePrice>,
    /// How long it stands.
    pub time_in_force: TimeInForceWord,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// The strategy that its fills belong to.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub strategy_id: Option<StrategyId>,
    /// The client's own marks.
    #[schema(value_type = Vec<String>, example = json!(["swing"]))]
    pub tags: Vec<Tag>,
    /// Where it stands.
    pub status: OrderStatusWord,
    /// How much of it has filled.
    pub filled_quantity: WireQuantity,
    /// What is left to fill.
    pub remaining_quantity: WireQuantity,
    /// What the filled part was worth.
    pub filled_value: WireMoney,
    /// The average price of what has filled.
    pub average_price: Option<WirePrice>,
    /// What a unit of the open part reserves.
    pub reserve_price: WirePrice,
    /// The broker's name for it, once it acknowledged.
    #[schema(value_type = Option<String>, example = "paper-17")]
    pub broker_order_id: Option<BrokerOrderId>,
    /// The order it replaced.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub replaces: Option<OrderId>,
    /// The order that replaced it.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub replaced_by: Option<OrderId>,
    /// The replacement on its way to the broker.
    pub pending_replacement: Option<PendingReplacementView>,
    /// The rule that it broke, of a `denied` order.
    pub denial: Option<RuleCheckView>,
    /// Why it ended, where its status alone does not say.
    pub end_reason: Option<EndReasonView>,
    /// When it was placed, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub placed_at: Timestamp,
    /// When it last changed, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:01Z")]
    pub updated_at: Timestamp,
    /// When it was decided here, in wall time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub accepted_at: Timestamp,
    /// When a `day` order ends, in market time.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub expires_at: Option<Timestamp>,
    /// Since when the broker's answer is outstanding, in wall time.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    pub unknown_since: Option<Timestamp>,
    /// The account's event that began it.
    #[schema(example = 2)]
    pub first_seq: u64,
    /// The account's newest event about it.
    #[schema(example = 5)]
    pub last_seq: u64,
}

/// A replacement that the broker has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PendingReplacement)]
pub struct PendingReplacementView {
    /// The order that will stand in its place.
    #[schema(value_type = String, example = "ord_01h455vb4pex5vsknk084sn02q")]
    pub id: OrderId,
    /// Its name towards the client.
    #[schema(value_type = String, example = "my-order-2")]
    pub client_order_id: ClientOrderId,
    /// How much in all, what has filled included.
    pub quantity: WireQuantity,
    /// The worst price that is acceptable.
    pub limit_price: Option<WirePrice>,
    /// The trigger.
    pub stop_price: Option<WirePrice>,
    /// How long it stands.
    pub time_in_force: TimeInForceWord,
}

/// Why an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EndReason)]
pub struct EndReasonView {
    /// Why.
    pub code: EndCodeWord,
    /// In the broker's words, where it was the broker.
    #[schema(example = json!(null))]
    pub text: Option<String>,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        let Order {
            id,
            account,
            client_order_id,
            fingerprint: _,
            terms,
            status,
            filled,
            filled_value,
            reserve_price,
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
        Self {
            id: *id,
            account_id: *account,
            client_order_id: *client_order_id,
            symbol: *symbol,
            currency: *currency,
            side: (*side).into(),
            kind: (*kind).into(),
            quantity: WireNumber(*quantity),
            limit_price: kind.limit_price().map(WireNumber),
            stop_price: kind.stop_price().map(WireNumber),
            time_in_force: (*time_in_force).into(),
            reduce_only: *reduce_only,
            strategy_id: *strategy,
            tags: tags.clone(),
            status: (*status).into(),
            filled_quantity: WireNumber(*filled),
            remaining_quantity: WireNumber(order.remaining()),
            filled_value: WireNumber(*filled_value),
            average_price: order.average_price().map(WireNumber),
            reserve_price: WireNumber(*reserve_price),
            broker_order_id: *broker_order_id,
            replaces: *replaces,
            replaced_by: *replaced_by,
            pending_replacement: pending.as_deref().map(Into::into),
            denial: denial.as_deref().map(|denial| (&denial.check).into()),
            end_reason: end.as_ref().map(Into::into),
            placed_at: *placed_at,
            updated_at: *updated_at,
            accepted_at: *accepted_at,
            expires_at: *expires_at,
            unknown_since: *unknown_since,
            first_seq: *first_seq,
            last_seq: *last_seq,
        }
    }
}

impl From<&Replacement> for PendingReplacementView {
    fn from(replacement: &Replacement) -> Self {
        let Replacement { id, client_order_id, fingerprint: _, terms, reserve_price: _ } = replacement;
        Self {
            id: *id,
            client_order_id: *client_order_id,
            quantity: WireNumber(terms.quantity),
            limit_price: terms.kind.limit_price().map(WireNumber),
            stop_price: terms.kind.stop_price().map(WireNumber),
            time_in_force: terms.time_in_force.into(),
        }
    }
}

impl From<&EndReason> for EndReasonView {
    fn from(reason: &EndReason) -> Self {
        let (code, text) = match reason {
            EndReason::ByClient => (EndCodeWord::ByClient, None),
            EndReason::AccountHalted => (EndCodeWord::AccountHalted, None),
            EndReason::NotRouted => (EndCodeWord::NotRouted, None),
            EndReason::TimeInForce => (EndCodeWord::TimeInForce, None),
            EndReason::NothingToReduce => (EndCodeWord::NothingToReduce, None),
            EndReason::NotFoundAtBroker => (EndCodeWord::NotFoundAtBroker, None),
            EndReason::ByBroker { text } => (EndCodeWord::ByBroker, Some(text.clone())),
        };
        Self { code, text }
    }
}
