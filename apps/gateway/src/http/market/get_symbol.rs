//! `GET /v1/market-data/symbols/{symbol}`: one instrument.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_kernel::Symbol;
use velox_market::{Market, get_symbol};

use super::problems::no_symbol;
use super::symbol_view::SymbolView;
use crate::http::{Caller, PathId, Problem};

/// Shows an instrument
///
/// With the steps of its prices and quantities.
#[utoipa::path(get, path = "/v1/market-data/symbols/{symbol}",
    params(("symbol" = String, Path, description = "The symbol, percent-encoded where it has to be.", example = "BTC-PERP")),
    responses((status = 200, description = "The instrument.", body = SymbolView)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    PathId(symbol): PathId<Symbol>,
) -> Result<HttpResponse, Problem> {
    let instrument = get_symbol(&caller, &market, symbol).await?.ok_or_else(no_symbol)?;
    Ok(HttpResponse::Ok().json(SymbolView::from(&instrument)))
}
