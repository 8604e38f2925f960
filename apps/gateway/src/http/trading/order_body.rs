//! [`OrderBody`]: an order as clients ask for it.

use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_engine::OrderRequest;
use velox_kernel::{AccountId, ClientOrderId, Price, StrategyId, Symbol, Tag, error_code};
use velox_trading::{OrderKind, TimeInForce};

use crate::http::Problem;
use crate::http::wire::{PositiveDecimal, WirePrice, WireQuantity};
use crate::views::{OrderTypeWord, SideWord, TimeInForceWord};

/// The most marks on one order.
const MOST_TAGS: usize = 10;

/// An order to place.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "acc_01h455vb4pex5vsknk084sn02q", "symbol": "BTC-PERP", "side": "buy", "type": "limit",
    "quantity": "0.25", "limit_price": "46200", "time_in_force": "gtc", "client_order_id": "my-order-1"
}))]
pub(super) struct OrderBody {
    /// Through which account.
    #[garde(skip)]
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub(super) account_id: AccountId,
    /// Of which instrument.
    #[garde(skip)]
    #[schema(value_type = String, example = "BTC-PERP", pattern = "^[A-Z0-9._/-]{1,24}$")]
    symbol: Symbol,
    /// Buy or sell.
    #[garde(skip)]
    side: SideWord,
    /// How it is priced.
    #[garde(skip)]
    #[serde(rename = "type")]
    kind: OrderTypeWord,
    /// How much, in units of the instrument; above zero.
    #[garde(custom(above_zero_quantity))]
    #[schema(value_type = PositiveDecimal)]
    quantity: WireQuantity,
    /// The worst price that is acceptable: for `limit` and `stop_limit`, and for no other.
    #[garde(inner(custom(above_zero_price)))]
    #[schema(value_type = Option<PositiveDecimal>)]
    limit_price: Option<WirePrice>,
    /// The trigger: for `stop` and `stop_limit`, and for no other.
    #[garde(inner(custom(above_zero_price)))]
    #[schema(value_type = Option<PositiveDecimal>)]
    stop_price: Option<WirePrice>,
    /// How long it stands; `gtc` when not given, whatever the type.
    #[garde(skip)]
    time_in_force: Option<TimeInForceWord>,
    /// Whether it may only make the position smaller.
    #[garde(skip)]
    #[serde(default)]
    reduce_only: bool,
    /// The client's name for it, unique in its account for ever: sending the same order again under it gives the same
    /// answer again. The `Idempotency-Key` header when not given, and the order's own id when neither is.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "my-order-1", pattern = "^[!-~]{1,64}$")]
    client_order_id: Option<ClientOrderId>,
    /// The strategy that its fills belong to.
    #[garde(skip)]
    #[schema(value_type = Option<String>, pattern = "^str_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    strategy_id: Option<StrategyId>,
    /// The client's own marks, up to ten.
    #[garde(length(max = MOST_TAGS))]
    #[serde(default)]
    #[schema(value_type = Vec<TagText>, max_items = 10, example = json!(["swing"]))]
    tags: Vec<Tag>,
}

/// A client's own mark.
#[derive(ToSchema)]
#[schema(as = Tag, example = "swing", pattern = "^[!-~]{1,32}$")]
#[expect(dead_code, reason = "it tells the document the form of a tag")]
struct TagText(String);

impl OrderBody {
    /// The order that is asked for, under the body's name for it or else the request's.
    pub(super) fn request(self, key: Option<ClientOrderId>) -> Result<OrderRequest, Problem> {
        let kind = self.priced()?;
        Ok(OrderRequest {
            account: self.account_id,
            client_order_id: self.client_order_id.or(key),
            symbol: self.symbol,
            side: self.side.into(),
            kind,
            quantity: self.quantity.0,
            time_in_force: self.time_in_force.map_or(TimeInForce::Gtc, Into::into),
            reduce_only: self.reduce_only,
            strategy: self.strategy_id,
            tags: self.tags,
        })
    }

    fn priced(&self) -> Result<OrderKind, Problem> {
        let (limit, stop) = (self.limit_price.map(|price| price.0), self.stop_price.map(|price| price.0));
        match (self.kind, limit, stop) {
            (OrderTypeWord::Market, None, None) => Ok(OrderKind::Market),
            (OrderTypeWord::Limit, Some(limit_price), None) => Ok(OrderKind::Limit { limit_price }),
            (OrderTypeWord::Stop, None, Some(stop_price)) => Ok(OrderKind::Stop { stop_price }),
            (OrderTypeWord::StopLimit, Some(limit_price), Some(stop_price)) => {
                Ok(OrderKind::StopLimit { stop_price, limit_price })
            }
            (kind, limit, stop) => {
                let (needs_limit, needs_stop) = match kind {
                    OrderTypeWord::Market => (false, false),
                    OrderTypeWord::Limit => (true, false),
                    OrderTypeWord::Stop => (false, true),
                    OrderTypeWord::StopLimit => (true, true),
                };
                let problem =
                    Problem::of(error_code::INVALID_REQUEST).detail("The prices do not fit the order's type.");
                let problem = misfit(problem, "/limit_price", needs_limit, limit);
                Err(misfit(problem, "/stop_price", needs_stop, stop))
            }
        }
    }
}

fn misfit(problem: Problem, pointer: &str, needed: bool, given: Option<Price>) -> Problem {
    match (needed, given) {
        (true, None) => problem.field(pointer, "is needed by this type of order"),
        (false, Some(_)) => problem.field(pointer, "has no place in this type of order"),
        _ => problem,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
pub(super) fn above_zero_quantity(quantity: &WireQuantity, _: &()) -> garde::Result {
    above_zero(quantity.0.is_positive())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
pub(super) fn above_zero_price(price: &WirePrice, _: &()) -> garde::Result {
    above_zero(price.0.is_positive())
}

fn above_zero(holds: bool) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new("must be above zero")) }
}
