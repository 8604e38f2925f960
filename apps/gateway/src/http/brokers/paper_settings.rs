//! How the paper broker is set up, on the wire: to begin with, to change, and to be shown.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_brokers::PaperSettings;
use velox_kernel::Currency;

use crate::http::wire::{WireDecimal, WireMoney, WireNumber, present};

/// How to set a paper connection up; a member that is left out is as usual. A basis point (bps) is a hundredth of a
/// percent.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NewPaperSettings, example = json!({"starting_cash": "50000", "taker_fee_bps": "5"}))]
pub(super) struct NewPaperSettings {
    /// The cash that its account starts with: 1 to 1,000,000,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([1-9][0-9]{0,8}(\.[0-9]{1,12})?|1000000000(\.0{1,12})?)$")]
    starting_cash: Option<WireMoney>,
    /// The currency of that cash.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, example = "USD", pattern = "^[A-Z0-9]{1,12}$")]
    currency: Option<Currency>,
    /// Buying power as a multiple of equity: 1 to 100.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([1-9][0-9]?(\.[0-9]{1,12})?|100(\.0{1,12})?)$")]
    leverage: Option<WireDecimal>,
    /// Whether positions may be short.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    allow_short: Option<bool>,
    /// The fee of an order that waited in the book, in bps of its value: 0 to 1,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([0-9]{1,3}(\.[0-9]{1,12})?|1000(\.0{1,12})?)$")]
    maker_fee_bps: Option<WireDecimal>,
    /// The fee of an order that was filled at once, in bps of its value: 0 to 1,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([0-9]{1,3}(\.[0-9]{1,12})?|1000(\.0{1,12})?)$")]
    taker_fee_bps: Option<WireDecimal>,
    /// How much worse than the market a market order is filled, in bps: 0 to 1,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([0-9]{1,3}(\.[0-9]{1,12})?|1000(\.0{1,12})?)$")]
    slippage_bps: Option<WireDecimal>,
    /// How long an order is on its way, in milliseconds of market time.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = u32, required = false, minimum = 0, maximum = 60_000)]
    latency_ms: Option<u32>,
}

impl NewPaperSettings {
    /// The settings, with the usual ones where nothing is said.
    pub(super) fn over(self, usual: PaperSettings) -> PaperSettings {
        PaperSettings {
            starting_cash: self.starting_cash.map_or(usual.starting_cash, |number| number.0),
            currency: self.currency.unwrap_or(usual.currency),
            leverage: self.leverage.map_or(usual.leverage, |number| number.0),
            allow_short: self.allow_short.unwrap_or(usual.allow_short),
            maker_fee_bps: self.maker_fee_bps.map_or(usual.maker_fee_bps, |number| number.0),
            taker_fee_bps: self.taker_fee_bps.map_or(usual.taker_fee_bps, |number| number.0),
            slippage_bps: self.slippage_bps.map_or(usual.slippage_bps, |number| number.0),
            latency_ms: self.latency_ms.unwrap_or(usual.latency_ms),
        }
    }
}

/// What may change once the account is open; a member that is left out stays as it is. Cash, currency, leverage and
/// shorting stand in the account's first event and stay.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PaperSettingsChange, example = json!({"taker_fee_bps": "5", "latency_ms": 50}))]
pub(super) struct PaperSettingsChange {
    /// The fee of an order that waited in the book, in bps of its value: 0 to 1,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([0-9]{1,3}(\.[0-9]{1,12})?|1000(\.0{1,12})?)$")]
    maker_fee_bps: Option<WireDecimal>,
    /// The fee of an order that was filled at once, in bps of its value: 0 to 1,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([0-9]{1,3}(\.[0-9]{1,12})?|1000(\.0{1,12})?)$")]
    taker_fee_bps: Option<WireDecimal>,
    /// How much worse than the market a market order is filled, in bps: 0 to 1,000.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = r"^([0-9]{1,3}(\.[0-9]{1,12})?|1000(\.0{1,12})?)$")]
    slippage_bps: Option<WireDecimal>,
    /// How long an order is on its way, in milliseconds of market time.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = u32, required = false, minimum = 0, maximum = 60_000)]
    latency_ms: Option<u32>,
}

impl PaperSettingsChange {
    /// The settings after the change.
    pub(super) fn over(self, before: PaperSettings) -> PaperSettings {
        PaperSettings {
            maker_fee_bps: self.maker_fee_bps.map_or(before.maker_fee_bps, |number| number.0),
            taker_fee_bps: self.taker_fee_bps.map_or(before.taker_fee_bps, |number| number.0),
            slippage_bps: self.slippage_bps.map_or(before.slippage_bps, |number| number.0),
            latency_ms: self.latency_ms.unwrap_or(before.latency_ms),
            ..before
        }
    }
}

/// How a paper connection is set up.
#[derive(Serialize, ToSchema)]
#[schema(as = PaperSettings)]
pub(super) struct PaperSettingsView {
    /// The cash that its account started with.
    starting_cash: WireMoney,
    /// The currency of that cash.
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// Buying power as a multiple of equity.
    leverage: WireDecimal,
    /// Whether positions may be short.
    allow_short: bool,
    /// The fee of an order that waited in the book, in bps of its value.
    maker_fee_bps: WireDecimal,
    /// The fee of an order that was filled at once, in bps of its value.
    taker_fee_bps: WireDecimal,
    /// How much worse than the market a market order is filled, in bps.
    slippage_bps: WireDecimal,
    /// How long an order is on its way, in milliseconds of market time.
    latency_ms: u32,
}

impl From<&PaperSettings> for PaperSettingsView {
    fn from(settings: &PaperSettings) -> Self {
        Self {
            starting_cash: WireNumber(settings.starting_cash),
            currency: settings.currency,
            leverage: WireNumber(settings.leverage),
            allow_short: settings.allow_short,
            maker_fee_bps: WireNumber(settings.maker_fee_bps),
            taker_fee_bps: WireNumber(settings.taker_fee_bps),
            slippage_bps: WireNumber(settings.slippage_bps),
            latency_ms: settings.latency_ms,
        }
    }
}
