//! `GET /v1/market-data/quotes/{symbol}`: the newest prices of one symbol.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_kernel::{Symbol, error_code};
use velox_market::{Market, get_quote};

use super::quote_view::QuoteView;
use crate::http::{Caller, PathId, Problem};

/// Shows an instrument's newest prices
///
/// With their age. While it has none this is a 404.
#[utoipa::path(get, path = "/v1/market-data/quotes/{symbol}",
    params(("symbol" = String, Path, description = "The symbol, percent-encoded where it has to be.", example = "BTC-PERP")),
    responses((status = 200, description = "The prices.", body = QuoteView)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    PathId(symbol): PathId<Symbol>,
) -> Result<HttpResponse, Problem> {
    let none = || Problem::of(error_code::NOT_FOUND).detail("The instrument has no price yet.");
    let quote = get_quote(&caller, &market, symbol).await?.ok_or_else(none)?;
    Ok(HttpResponse::Ok().json(QuoteView::from(&quote)))
}
