//! Into which parts the market is cut: each symbol is of one, and of each part one process has the feed and counts the
//! messages.

use velox_kafka::partition_of;
use velox_kernel::Symbol;

/// How many parts there are. The same in every process, and for ever: clients' cursors tell parts apart by it. As many as
/// a topic has partitions unless it is told otherwise, so that a part is a partition then.
pub const MARKET_PARTS: u32 = 12;

/// The part that a symbol is of: the partition that its records have on a topic of so many.
#[must_use]
pub fn market_part(symbol: Symbol) -> u32 {
    partition_of(symbol.as_str().as_bytes(), MARKET_PARTS)
}
