//! [`RuleCheckView`]: a pre-trade rule's verdict with its numbers.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::{Symbol, Timestamp};
use velox_trading::{RuleCheck, UsedPrice};

use super::RuleWord;
use crate::http::wire::{WireDecimal, WireNumber, WirePrice};

/// One rule's verdict on one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RuleCheck)]
pub struct RuleCheckView {
    /// Which rule.
    pub rule: RuleWord,
    /// Whether the order keeps it.
    #[schema(example = false)]
    pub passed: bool,
    /// The limit; `null` where the rule sets none on this order.
    pub limit: Option<WireDecimal>,
    /// What would be used of it with this order.
    pub used: Option<WireDecimal>,
    /// What the limit still allows before this order; never below zero.
    pub headroom: Option<WireDecimal>,
}

impl From<&RuleCheck> for RuleCheckView {
    fn from(check: &RuleCheck) -> Self {
        let RuleCheck { rule, passed, limit, used, headroom } = *check;
        Self {
            rule: rule.into(),
            passed,
            limit: limit.map(WireNumber),
            used: used.map(WireNumber),
            headroom: headroom.map(WireNumber),
        }
    }
}

/// A price that a decision looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UsedPrice)]
pub struct UsedPriceView {
    /// Of which instrument.
    #[schema(value_type = String, example = "BTC-PERP")]
    pub symbol: Symbol,
    /// The price.
    pub price: WirePrice,
    /// From when, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub at: Timestamp,
}

impl From<&UsedPrice> for UsedPriceView {
    fn from(used: &UsedPrice) -> Self {
        let UsedPrice { symbol, price, at } = *used;
        Self { symbol, price: WireNumber(price), at }
    }
}
