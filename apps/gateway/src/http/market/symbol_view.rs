//! [`SymbolView`]: an instrument and the steps it is traded in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use velox_kernel::{Currency, Symbol};
use velox_market::{AssetClass, Instrument, InstrumentStatus, VolumeUnit};

use crate::http::wire::{WireMoney, WireNumber, WirePrice, WireQuantity};

/// An instrument.
#[derive(Serialize, ToSchema)]
#[schema(as = Instrument)]
pub(super) struct SymbolView {
    /// Its name on its venue.
    #[schema(value_type = String, example = "BTC-PERP")]
    symbol: Symbol,
    /// Its name for people.
    #[schema(example = "Bitcoin perpetual")]
    name: String,
    /// What kind of thing it is.
    asset_class: AssetClassWord,
    /// What one unit of it is.
    #[schema(value_type = String, example = "BTC")]
    base: Currency,
    /// What its prices are in.
    #[schema(value_type = String, example = "USD")]
    quote: Currency,
    /// The step of its order prices.
    tick: WirePrice,
    /// The step of its order quantities.
    lot: WireQuantity,
    /// The smallest order, in units.
    min_quantity: WireQuantity,
    /// The smallest order, by value in the quote currency.
    min_notional: WireMoney,
    /// What the volume of its data counts: `base`, `quote` or `tick_count`.
    #[schema(value_type = String, example = "base")]
    volume_unit: VolumeUnit,
    /// When it trades and where its data comes from, for people.
    session: String,
    /// Whether it takes orders: `active`, `halted` or `delisted`.
    #[schema(value_type = String, example = "active")]
    status: InstrumentStatus,
}

impl From<&Instrument> for SymbolView {
    fn from(instrument: &Instrument) -> Self {
        Self {
            symbol: instrument.symbol,
            name: instrument.name.clone(),
            asset_class: instrument.asset_class.into(),
            base: instrument.base,
            quote: instrument.quote,
            tick: WireNumber(instrument.tick),
            lot: WireNumber(instrument.lot),
            min_quantity: WireNumber(instrument.min_quantity),
            min_notional: WireNumber(instrument.min_notional),
            volume_unit: instrument.volume_unit,
            session: instrument.session.clone(),
            status: instrument.status,
        }
    }
}

/// What kind of thing an instrument is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AssetClass)]
pub(super) enum AssetClassWord {
    /// A coin against money or another coin, delivered at once.
    Crypto,
    /// A perpetual future on a coin.
    CryptoPerpetual,
    /// A pair of currencies.
    Forex,
    /// A share.
    Equity,
}

macro_rules! same {
    ($($variant:ident),*) => {
        impl From<AssetClass> for AssetClassWord {
            fn from(class: AssetClass) -> Self {
                match class { $(AssetClass::$variant => Self::$variant),* }
            }
        }

        impl From<AssetClassWord> for AssetClass {
            fn from(word: AssetClassWord) -> Self {
                match word { $(AssetClassWord::$variant => Self::$variant),* }
            }
        }
    };
}

same!(Crypto, CryptoPerpetual, Forex, Equity);
