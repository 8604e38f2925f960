//! `GET /v1/market-data/symbols`: a page of instruments.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::Currency;
use velox_market::{ListSymbols, Market, list_symbols};

use super::symbol_view::{AssetClassWord, SymbolView};
use crate::http::{Caller, Problem, StrictQuery, page_request};
use crate::views::PageView;

/// Which instruments.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SymbolsQuery {
    /// Stands in the symbol or the name, in either case.
    #[garde(inner(length(chars, min = 1, max = 64), custom(printable)))]
    #[param(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "btc")]
    search: Option<String>,
    /// Is of this kind.
    #[garde(skip)]
    #[param(inline)]
    asset_class: Option<AssetClassWord>,
    /// Is priced in this currency.
    #[garde(skip)]
    #[param(value_type = Option<String>, example = "USD", pattern = "^[A-Z0-9]{1,12}$")]
    quote: Option<Currency>,
    /// The most items on the page.
    #[garde(skip)]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
    /// Where to go on: `next` of the page before.
    #[garde(skip)]
    after: Option<String>,
}

/// Nobody searches for a control character, and a database may not take it.
fn printable(text: &str, _: &()) -> garde::Result {
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("has a control character"));
    }
    Ok(())
}

/// Lists instruments
///
/// By symbol.
#[utoipa::path(get, path = "/v1/market-data/symbols", params(SymbolsQuery),
    responses((status = 200, description = "A page of instruments.", body = PageView<SymbolView>)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    StrictQuery(query): StrictQuery<SymbolsQuery>,
) -> Result<HttpResponse, Problem> {
    let SymbolsQuery { search, asset_class, quote, limit, after } = query;
    let page = page_request(limit, after.as_deref())?;
    let query = ListSymbols { search, asset_class: asset_class.map(Into::into), quote, page };
    let symbols = list_symbols(&caller, &market, query).await?;
    Ok(HttpResponse::Ok().json(PageView::<SymbolView>::of(&symbols)))
}
