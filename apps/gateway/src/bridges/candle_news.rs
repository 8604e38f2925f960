//! [`CandleNews`]: tells the other processes of candles that were replaced.

use std::sync::Arc;

use velox_kernel::{Symbol, Timestamp};
use velox_market::CandleHolders;

use crate::peers::{Signal, Teller};

/// Tells whoever holds candles, for nobody looks that up by himself.
pub struct CandleNews(pub Arc<Teller>);

impl CandleHolders for CandleNews {
    fn replaced(&self, symbol: Symbol, from: Timestamp, to: Timestamp) {
        self.0.tell_surely(Signal::CandlesImported { symbol, from, to });
    }
}
