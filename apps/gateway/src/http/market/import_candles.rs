//! `POST /v1/market-data/candles/{symbol}`: loads recorded candles.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::csv::BarRow;
use velox_market::{ImportCandles, Market, import_candles};

use super::timeframe_word::TimeframeWord;
use crate::http::wire::{PositiveDecimal, UnsignedDecimal, WireDecimal, WirePrice};
use crate::http::{Caller, PathId, Problem, StrictJson, run_to_end};

/// A batch of recorded candles.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"timeframe": "1m", "candles": [{"open_time": "2026-01-05T12:00:00Z",
    "open": "91000", "high": "91020", "low": "90990", "close": "91010", "volume": "3.2"}]}))]
pub(super) struct CandlesBody {
    /// How long they are.
    #[garde(skip)]
    timeframe: TimeframeWord,
    /// The candles, oldest first.
    #[garde(length(min = 1, max = ImportCandles::LARGEST), dive)]
    #[schema(min_items = 1, max_items = 5_000)]
    candles: Vec<BarBody>,
}

/// A recorded candle.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordedCandle)]
pub(super) struct BarBody {
    /// When it opened: a multiple of its length since 1970-01-01T00:00:00Z.
    #[garde(skip)]
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    open_time: Timestamp,
    /// The first price.
    #[garde(custom(above_zero))]
    #[schema(value_type = PositiveDecimal)]
    open: WirePrice,
    /// The highest price.
    #[garde(custom(above_zero))]
    #[schema(value_type = PositiveDecimal)]
    high: WirePrice,
    /// The lowest price.
    #[garde(custom(above_zero))]
    #[schema(value_type = PositiveDecimal)]
    low: WirePrice,
    /// The last price.
    #[garde(custom(above_zero))]
    #[schema(value_type = PositiveDecimal)]
    close: WirePrice,
    /// What was traded, in the instrument's `volume_unit`; zero or more.
    #[garde(custom(not_negative))]
    #[schema(value_type = UnsignedDecimal)]
    volume: WireDecimal,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn above_zero(price: &WirePrice, _: &()) -> garde::Result {
    if price.0.is_positive() { Ok(()) } else { Err(garde::Error::new("must be above zero")) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it by reference")]
fn not_negative(number: &WireDecimal, _: &()) -> garde::Result {
    if number.0.is_negative() { Err(garde::Error::new("must not be negative")) } else { Ok(()) }
}

impl From<BarBody> for BarRow {
    fn from(bar: BarBody) -> Self {
        let BarBody { open_time, open, high, low, close, volume } = bar;
        Self { at: open_time, open: open.0, high: high.0, low: low.0, close: close.0, volume: volume.0 }
    }
}

/// What was loaded.
#[derive(Serialize, ToSchema)]
#[schema(as = CandlesKept)]
struct CandlesKeptView {
    /// How many candles of the batch are kept.
    #[schema(example = 1)]
    kept: usize,
}

/// Loads candles
///
/// And makes the longer ones from them. A candle that is there already is replaced, so the same batch may be sent
/// again. All tenants share market data: the organisation that runs the installation loads them, nobody else.
#[utoipa::path(post, path = "/v1/market-data/candles/{symbol}", request_body = CandlesBody,
    params(("symbol" = String, Path, description = "The symbol, percent-encoded where it has to be.", example = "BTC-PERP")),
    responses((status = 200, description = "The batch is kept.", body = CandlesKeptView)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    PathId(symbol): PathId<Symbol>,
    StrictJson(body): StrictJson<CandlesBody>,
) -> Result<HttpResponse, Problem> {
    let bars: Vec<_> = body.candles.into_iter().map(BarRow::from).collect();
    let timeframe: Timeframe = body.timeframe.into();
    let batch = ImportCandles { symbol, timeframe, bars };
    let kept = run_to_end(async move { import_candles(&caller, &market, batch).await }).await??;
    Ok(HttpResponse::Ok().json(CandlesKeptView { kept }))
}
