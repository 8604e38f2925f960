//! `PUT /v1/accounts/{account_id}/limits`: sets an account's limits.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_kernel::{AccountId, Decimal};
use velox_trading::{AccountChange, RiskLimits, Trading};

use super::account_change::change;
use super::asked::Asked;
use crate::http::wire::{UnsignedDecimal, WireDecimal, WireMoney, WireQuantity};
use crate::http::{Caller, PathId, Problem, StrictJson};
use crate::views::AccountDetailView;

/// All limits of an account; what is left out or `null` sets none.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"max_order_quantity": "10", "price_collar": "5", "daily_loss": "2500"}))]
pub(super) struct LimitsBody {
    /// Units in one order.
    #[garde(inner(custom(quantity)))]
    #[schema(value_type = Option<UnsignedDecimal>)]
    max_order_quantity: Option<WireQuantity>,
    /// The value of one order, in the instrument's currency.
    #[garde(inner(custom(money)))]
    #[schema(value_type = Option<UnsignedDecimal>)]
    max_order_notional: Option<WireMoney>,
    /// Units in one position, if every open order on its side filled.
    #[garde(inner(custom(quantity)))]
    #[schema(value_type = Option<UnsignedDecimal>)]
    max_position: Option<WireQuantity>,
    /// The greatest distance of an order's price from the reference price, in percent.
    #[garde(inner(custom(percent)))]
    #[schema(value_type = Option<UnsignedDecimal>)]
    price_collar: Option<WireDecimal>,
    /// The greatest loss in a trading day, in the account's currency.
    #[garde(inner(custom(money)))]
    #[schema(value_type = Option<UnsignedDecimal>)]
    daily_loss: Option<WireMoney>,
    /// Orders accepted in a trading day.
    #[garde(skip)]
    #[schema(example = 100)]
    daily_trades: Option<u32>,
    /// Orders open at once; 10,000 when not given.
    #[garde(inner(range(min = 1, max = RiskLimits::USUAL_OPEN_ORDERS)))]
    #[schema(example = 100, minimum = 1, maximum = 10_000)]
    max_open_orders: Option<u32>,
}

impl From<LimitsBody> for RiskLimits {
    fn from(body: LimitsBody) -> Self {
        let LimitsBody {
            max_order_quantity,
            max_order_notional,
            max_position,
            price_collar,
            daily_loss,
            daily_trades,
            max_open_orders,
        } = body;
        Self {
            max_order_quantity: max_order_quantity.map(|number| number.0),
            max_order_notional: max_order_notional.map(|number| number.0),
            max_position: max_position.map(|number| number.0),
            price_collar: price_collar.map(|number| number.0),
            daily_loss: daily_loss.map(|number| number.0),
            daily_trades,
            max_open_orders: max_open_orders.unwrap_or(Self::USUAL_OPEN_ORDERS),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn quantity(limit: &WireQuantity, _: &()) -> garde::Result {
    not_negative(limit.0.decimal())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn money(limit: &WireMoney, _: &()) -> garde::Result {
    not_negative(limit.0.decimal())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn percent(limit: &WireDecimal, _: &()) -> garde::Result {
    not_negative(limit.0)
}

fn not_negative(number: Decimal) -> garde::Result {
    if number.is_negative() { Err(garde::Error::new("must not be below zero")) } else { Ok(()) }
}

/// Sets an account's limits
///
/// All of them at once, so that two who set them do not mix. They hold for orders decided from then on.
#[utoipa::path(put, path = "/v1/accounts/{account_id}/limits", request_body = LimitsBody,
    params(("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The account.", body = AccountDetailView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    asked: Asked,
    PathId(id): PathId<AccountId>,
    StrictJson(body): StrictJson<LimitsBody>,
) -> Result<HttpResponse, Problem> {
    change(&caller, &trading, id, AccountChange::SetLimits(body.into()), asked).await
}
