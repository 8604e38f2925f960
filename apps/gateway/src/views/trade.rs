//! [`TradeView`]: a fill as clients see it.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::{AccountId, Currency, FillId, OrderId, StrategyId, Symbol, Timestamp};
use velox_trading::{Fill, RecordedFill};

use super::{LiquidityWord, SideWord};
use crate::http::wire::{WireMoney, WireNumber, WirePrice, WireQuantity};

/// A part of an order that traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Trade)]
pub struct TradeView {
    /// The broker's name for it, unique in the account.
    #[schema(value_type = String, example = "paper-17-1")]
    pub id: FillId,
    /// The account.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    pub account_id: AccountId,
    /// The order.
    #[schema(value_type = String, example = "ord_01h455vb4pex5vsknk084sn02q")]
    pub order_id: OrderId,
    /// The account's event that told of it.
    #[schema(example = 5)]
    pub seq: u64,
    /// The instrument.
    #[schema(value_type = String, example = "BTC-PERP")]
    pub symbol: Symbol,
    /// What the price is in.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// Buy or sell.
    pub side: SideWord,
    /// How much.
    pub quantity: WireQuantity,
    /// At what price.
    pub price: WirePrice,
    /// What it cost; below zero is a rebate.
    pub fee: WireMoney,
    /// What the fee is in.
    #[schema(value_type = String, example = "USD")]
    pub fee_currency: Currency,
    /// Whether it made or took liquidity.
    pub liquidity: LiquidityWord,
    /// The strategy it belongs to.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub strategy_id: Option<StrategyId>,
    /// When it traded, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:01Z")]
    pub at: Timestamp,
}

impl From<&RecordedFill> for TradeView {
    fn from(recorded: &RecordedFill) -> Self {
        let RecordedFill { fill, seq } = recorded;
        let Fill {
            id,
            account,
            order,
            symbol,
            currency,
            side,
            quantity,
            price,
            fee,
            fee_currency,
            liquidity,
            strategy,
            caused_by: _,
            at,
        } = fill;
        Self {
            id: *id,
            account_id: *account,
            order_id: *order,
            seq: *seq,
            symbol: *symbol,
            currency: *currency,
            side: (*side).into(),
            quantity: WireNumber(*quantity),
            price: WireNumber(*price),
            fee: WireNumber(*fee),
            fee_currency: *fee_currency,
            liquidity: (*liquidity).into(),
            strategy_id: *strategy,
            at: *at,
        }
    }
}
