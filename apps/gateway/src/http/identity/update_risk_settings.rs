//! `PUT /v1/users/me/risk-settings`: sets the user's own limits.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_identity::{Identity, RiskSettings, update_risk_settings};
use velox_trading::Trading;

use super::problems::limits_unchanged;
use super::risk_settings_view::RiskSettingsView;
use crate::bridges::bring_risk_settings;
use crate::http::wire::{PositiveDecimal, PositivePercent, WireDecimal, WireMoney, WireQuantity};
use crate::http::{Caller, IfMatch, Problem, StrictJson, entity_tag, origin_of, run_to_end};

/// All limits, each above zero; what is left out or `null` sets none.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(example = json!({"max_order_notional": "25000", "price_collar_percent": "5", "max_daily_loss": "2500"}))]
pub(super) struct RiskSettingsBody {
    /// Units in one order.
    #[schema(value_type = Option<PositiveDecimal>)]
    max_order_quantity: Option<WireQuantity>,
    /// The value of one order, in the instrument's currency.
    #[schema(value_type = Option<PositiveDecimal>)]
    max_order_notional: Option<WireMoney>,
    /// Units in one position, long or short, if every open order on its side filled.
    #[schema(value_type = Option<PositiveDecimal>)]
    max_position_quantity: Option<WireQuantity>,
    /// The greatest distance of an order's price from the reference price, in percent: at most 100.
    #[schema(value_type = Option<PositivePercent>)]
    price_collar_percent: Option<WireDecimal>,
    /// The greatest loss of a trading day, in the account's currency.
    #[schema(value_type = Option<PositiveDecimal>)]
    max_daily_loss: Option<WireMoney>,
    /// Orders accepted in a trading day.
    #[schema(example = 100, minimum = 1)]
    max_daily_trades: Option<u32>,
}

impl From<RiskSettingsBody> for RiskSettings {
    fn from(body: RiskSettingsBody) -> Self {
        Self {
            max_order_quantity: body.max_order_quantity.map(|number| number.0),
            max_order_notional: body.max_order_notional.map(|number| number.0),
            max_position_quantity: body.max_position_quantity.map(|number| number.0),
            price_collar_percent: body.price_collar_percent.map(|number| number.0),
            max_daily_loss: body.max_daily_loss.map(|number| number.0),
            max_daily_trades: body.max_daily_trades,
            // No rule of an account stands behind these two, so they are not taken.
            max_position_notional: None,
            reduce_only: false,
        }
    }
}

/// Sets the risk settings
///
/// All of them at once. They become the limits of every account of the organisation, for orders decided from then on,
/// and of accounts opened later. With `If-Match`, only when nobody changed the user since.
#[utoipa::path(put, path = "/v1/users/me/risk-settings", request_body = RiskSettingsBody,
    params(("If-Match" = Option<String>, Header, pattern = r#"^(\*|"[0-9]{1,19}")$"#,
        description = "The version that the change was made on.")),
    responses(
        (status = 200, description = "The limits as they are now, on every account.", body = RiskSettingsView,
            headers(("ETag" = String, description = "The user's version."))),
        (status = 412, description = "The user is at another version.")))]
pub(super) async fn handle(
    caller: Caller,
    identity: Data<Identity>,
    trading: Data<Trading>,
    request: HttpRequest,
    on: IfMatch,
    StrictJson(body): StrictJson<RiskSettingsBody>,
) -> Result<HttpResponse, Problem> {
    let origin = origin_of(&request);
    let changed = run_to_end(async move {
        let changed = update_risk_settings(&identity, &caller, body.into(), on.0).await;
        let changed = changed.map_err(|error| limits_unchanged(error, on))?;
        bring_risk_settings(&caller, &identity, &trading, &changed.settings, origin).await?;
        Ok::<_, Problem>(changed)
    });
    let changed = changed.await??;
    Ok(HttpResponse::Ok().insert_header(entity_tag(changed.version)).json(RiskSettingsView::from(&changed.settings)))
}
