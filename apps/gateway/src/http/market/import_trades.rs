//! `POST /v1/market-data/trades/{symbol}`: loads recorded trades.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_kernel::{Symbol, Timestamp};
use velox_market::csv::TradeRow;
use velox_market::{ImportTrades, Market, import_trades};

use crate::http::wire::{PositiveDecimal, WirePrice, WireQuantity};
use crate::http::{Caller, PathId, Problem, StrictJson, run_to_end};

/// A batch of recorded trades.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"trades": [
    {"at": "2026-01-05T12:00:00.120Z", "id": 91, "price": "91000", "quantity": "0.05", "buyer_maker": false}]}))]
pub(super) struct TradesBody {
    /// The trades, oldest first. A batch replaces the minutes it falls into: cut batches between two minutes.
    #[garde(length(min = 1, max = ImportTrades::LARGEST), dive)]
    #[schema(min_items = 1, max_items = 50_000)]
    trades: Vec<TradeBody>,
}

/// A recorded trade.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordedTrade)]
pub(super) struct TradeBody {
    /// When.
    #[garde(skip)]
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00.120Z")]
    at: Timestamp,
    /// Its number at the venue. A number told twice counts once.
    #[garde(skip)]
    #[schema(example = 91)]
    id: u64,
    /// The price of one unit.
    #[garde(custom(price_above_zero))]
    #[schema(value_type = PositiveDecimal)]
    price: WirePrice,
    /// Units.
    #[garde(custom(quantity_above_zero))]
    #[schema(value_type = PositiveDecimal)]
    quantity: WireQuantity,
    /// Whether the buyer's order stood in the book, so that the seller crossed the spread.
    #[garde(skip)]
    #[schema(example = false)]
    buyer_maker: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn price_above_zero(price: &WirePrice, _: &()) -> garde::Result {
    if price.0.is_positive() { Ok(()) } else { Err(garde::Error::new("must be above zero")) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn quantity_above_zero(quantity: &WireQuantity, _: &()) -> garde::Result {
    if quantity.0.is_positive() { Ok(()) } else { Err(garde::Error::new("must be above zero")) }
}

impl From<TradeBody> for TradeRow {
    fn from(trade: TradeBody) -> Self {
        let TradeBody { at, id, price, quantity, buyer_maker } = trade;
        Self { at, id, price: price.0, quantity: quantity.0, buyer_maker }
    }
}

/// What was loaded.
#[derive(Serialize, ToSchema)]
#[schema(as = TradesKept)]
struct TradesKeptView {
    /// How many trades of the batch count; a number told twice counts once.
    #[schema(example = 1)]
    counted: u64,
}

/// Loads trades
///
/// As the candles they make. The same batch may be sent again. All tenants share market data: the organisation that runs the installation loads them, nobody else.
#[utoipa::path(post, path = "/v1/market-data/trades/{symbol}", request_body = TradesBody,
    params(("symbol" = String, Path, description = "The symbol, percent-encoded where it has to be.", example = "BTC-PERP")),
    responses((status = 200, description = "The batch is kept.", body = TradesKeptView)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    PathId(symbol): PathId<Symbol>,
    StrictJson(body): StrictJson<TradesBody>,
) -> Result<HttpResponse, Problem> {
    let trades: Vec<_> = body.trades.into_iter().map(TradeRow::from).collect();
    let batch = ImportTrades { symbol, trades };
    let counted = run_to_end(async move { import_trades(&caller, &market, batch).await }).await??;
    Ok(HttpResponse::Ok().json(TradesKeptView { counted }))
}
