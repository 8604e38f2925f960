//! `GET /v1/market-data/quotes`: the newest prices of several symbols.

use std::fmt;
use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::Symbol;
use velox_market::{Market, list_quotes};

use super::quote_view::QuoteView;
use crate::http::wire::WireText;
use crate::http::{Caller, Problem, StrictQuery};
use crate::views::PageView;

/// The most symbols of one request.
const MOST: usize = 100;

/// Which symbols.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct QuotesQuery {
    /// Symbols separated by commas, at most 100; all when it is left out.
    #[param(value_type = Option<String>, example = "BTC-PERP,ETH-PERP",
            pattern = "^[A-Z0-9._/-]{1,24}(,[A-Z0-9._/-]{1,24}){0,99}$")]
    symbols: Option<WireText<SymbolList>>,
}

/// Symbols separated by commas.
#[derive(Debug)]
struct SymbolList(Vec<Symbol>);

/// A text that is no list of symbols.
#[derive(Debug)]
struct InvalidSymbolList;

impl fmt::Display for InvalidSymbolList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be 1 to {MOST} symbols separated by commas")
    }
}

impl FromStr for SymbolList {
    type Err = InvalidSymbolList;

    fn from_str(text: &str) -> Result<Self, InvalidSymbolList> {
        let symbols: Result<Vec<Symbol>, _> = text.split(',').take(MOST + 1).map(str::parse).collect();
        match symbols {
            Ok(symbols) if symbols.len() <= MOST => Ok(Self(symbols)),
            _ => Err(InvalidSymbolList),
        }
    }
}

/// Shows newest prices
///
/// By symbol, with their age. A symbol without a price is left out.
#[utoipa::path(get, path = "/v1/market-data/quotes", params(QuotesQuery),
    responses((status = 200, description = "The prices, on one page.", body = PageView<QuoteView>)))]
pub(super) async fn handle(
    caller: Caller,
    market: Data<Market>,
    StrictQuery(query): StrictQuery<QuotesQuery>,
) -> Result<HttpResponse, Problem> {
    let symbols = query.symbols.map_or_else(Vec::new, |symbols| symbols.0.0);
    let quotes = list_quotes(&caller, &market, &symbols).await?;
    Ok(HttpResponse::Ok().json(PageView::whole(quotes.iter().map(QuoteView::from).collect())))
}
