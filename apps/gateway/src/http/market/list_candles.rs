//! `GET /v1/market-data/candles/{symbol}`: a page of candles.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use velox_kernel::{Freshness, Symbol, Timestamp};
use velox_market::{CandleOrder, ListCandles, Market, list_candles};

use super::candle_view::CandleView;
use super::timeframe_word::TimeframeWord;
use crate::http::{Caller, PathId, Problem, SeenPosition, StrictQuery, page_request};
use crate::views::PageView;

/// Which candles.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct CandlesQuery {
    /// How long they are.
    #[param(inline)]
    timeframe: TimeframeWord,
    /// Opening at this moment or later.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-01-05T12:00:00Z")]
    from: Option<Timestamp>,
    /// Opening before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Which end comes first; the newest when it is left out.
    #[param(inline)]
    order: Option<OrderWord>,
    /// The most items on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
    /// Where to go on: `next` of the page before.
    after: Option<String>,
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OrderWord {
    /// The oldest.
    Asc,
    /// The newest.
    Desc,
}

impl From<OrderWord> for CandleOrder {
    fn from(order: OrderWord) -> Self {
        match order {
            OrderWord::Asc => Self::OldestFirst,
            OrderWord::Desc => Self::NewestFirst,
        }
    }
}

impl CandlesQuery {
    fn of(self, symbol: Symbol, freshness: Freshness) -> Result<ListCandles, Problem> {
        let Self { timeframe, from, to, order, limit, after } = self;
        let page = page_request(limit, after.as_deref())?.as_new_as(freshness);
        let order = order.map_or(CandleOrder::NewestFirst, Into::into);
        Ok(ListCandles { symbol, timeframe: timeframe.into(), from, to, order, page })
    }
}

/// Lists candles
///
/// The open one included, as `complete: false`. `gap_before` marks where candles are missing.
#[utoipa::path(get, path = "/v1/market-data/candles/{symbol}", params(
        ("symbol" = String, Path, description = "The symbol, percent-encoded where it has to be.", example = "BTC-PERP"),
        CandlesQuery, SeenPosition),
    responses((status = 200, description = "A page of candles.", body = PageView<CandleView>)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    SeenPosition(freshness): SeenPosition,
    PathId(symbol): PathId<Symbol>,
    StrictQuery(query): StrictQuery<CandlesQuery>,
) -> Result<HttpResponse, Problem> {
    let candles = list_candles(&caller, &market, query.of(symbol, freshness)?).await?;
    Ok(HttpResponse::Ok().json(PageView::<CandleView>::of(&candles)))
}
