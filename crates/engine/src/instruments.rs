//! Where orders learn what their instrument asks of them.

use async_trait::async_trait;
use velox_kernel::Symbol;
use velox_market::{Instrument, InstrumentStatus};
use velox_trading::InstrumentRules;

/// An instrument could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("instruments cannot be read: {0}")]
pub struct InstrumentError(pub String);

/// Where orders learn what their instrument asks of them. Asked for every order: it must be quick.
#[async_trait]
pub trait Instruments: Send + Sync {
    /// The instrument of a symbol.
    async fn instrument(&self, symbol: Symbol) -> Result<Option<Instrument>, InstrumentError>;
}

/// What an instrument asks of an order; `None` when it takes none.
#[must_use]
pub fn rules_of(instrument: &Instrument) -> Option<InstrumentRules> {
    (instrument.status == InstrumentStatus::Active).then_some(InstrumentRules {
        symbol: instrument.symbol,
        currency: instrument.quote,
        tick: instrument.tick,
        lot: instrument.lot,
        min_quantity: instrument.min_quantity,
        min_notional: instrument.min_notional,
    })
}
