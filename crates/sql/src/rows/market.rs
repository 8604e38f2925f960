//! The rows of market data.

use bytes::Bytes;
use diesel::sql_types::{BigInt, Bool, Text};
use velox_kernel::{Currency, Money, Price, Quantity, Symbol, Timeframe, Timestamp};
use velox_market::{AssetClass, Candle, FeedPosition, Instrument, InstrumentStatus, Ticker, VolumeUnit};

use super::{from_json, signed, to_json, unsigned};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Amount, Blob, Moment, Word};

record! {
    /// An instrument.
    InstrumentRecord, InstrumentRecords in instruments {
        symbol: Symbol = Word, "text";
        name: String = Text, "text";
        search_text: String = Text, "text";
        asset_class: AssetClass = Word, "text";
        base: Currency = Word, "text";
        quote: Currency = Word, "text";
        tick: Price = Amount, "numeric";
        lot: Quantity = Amount, "numeric";
        min_quantity: Quantity = Amount, "numeric";
        min_notional: Money = Amount, "numeric";
        volume_unit: VolumeUnit = Word, "text";
        session: String = Text, "text";
        status: InstrumentStatus = Word, "text";
    }
    on conflict " ON CONFLICT (symbol) DO UPDATE SET name = excluded.name, search_text = excluded.search_text, \
        asset_class = excluded.asset_class, base = excluded.base, quote = excluded.quote, tick = excluded.tick, \
        lot = excluded.lot, min_quantity = excluded.min_quantity, min_notional = excluded.min_notional, \
        volume_unit = excluded.volume_unit, session = excluded.session, status = excluded.status"
}

record! {
    /// A candle.
    CandleRecord, CandleRecords in candles {
        symbol: Symbol = Word, "text";
        timeframe: Timeframe = Word, "text";
        open_time: Timestamp = Moment, "timestamptz";
        open: Price = Amount, "numeric";
        high: Price = Amount, "numeric";
        low: Price = Amount, "numeric";
        close: Price = Amount, "numeric";
        volume: Quantity = Amount, "numeric";
        trades: i64 = BigInt, "int8";
        complete: bool = Bool, "bool";
        synthetic: bool = Bool, "bool";
        gap_before: bool = Bool, "bool";
    }
    on conflict " ON CONFLICT (symbol, timeframe, open_time) DO UPDATE SET open = excluded.open, \
        high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume, \
        trades = excluded.trades, complete = excluded.complete, synthetic = excluded.synthetic, \
        gap_before = excluded.gap_before"
}

record! {
    /// The newest prices of a symbol.
    TickerRecord, TickerRecords in newest_quotes {
        symbol: Symbol = Word, "text";
        at: Timestamp = Moment, "timestamptz";
        ticker: Bytes = Blob, "bytea";
    }
    on conflict " ON CONFLICT (symbol) DO UPDATE SET at = excluded.at, ticker = excluded.ticker \
        WHERE newest_quotes.at <= excluded.at"
}

record! {
    /// Where a feed goes on.
    FeedPositionRecord, FeedPositionRecords in feed_positions {
        feed: String = Text, "text";
        epoch: i64 = BigInt, "int8";
        next_index: i64 = BigInt, "int8";
        at: Timestamp = Moment, "timestamptz";
    }
    on conflict " ON CONFLICT (feed) DO UPDATE SET epoch = excluded.epoch, next_index = excluded.next_index, \
        at = excluded.at"
}

impl From<&Instrument> for InstrumentRecord {
    fn from(instrument: &Instrument) -> Self {
        let Instrument {
            symbol,
            name,
            asset_class,
            base,
            quote,
            tick,
            lot,
            min_quantity,
            min_notional,
            volume_unit,
            session,
            status,
        } = instrument;
        Self {
            symbol: *symbol,
            name: name.clone(),
            search_text: format!("{symbol}\n{name}").to_ascii_lowercase(),
            asset_class: *asset_class,
            base: *base,
            quote: *quote,
            tick: *tick,
            lot: *lot,
            min_quantity: *min_quantity,
            min_notional: *min_notional,
            volume_unit: *volume_unit,
            session: session.clone(),
            status: *status,
        }
    }
}

impl From<InstrumentRecord> for Instrument {
    fn from(record: InstrumentRecord) -> Self {
        let InstrumentRecord {
            symbol,
            name,
            search_text: _,
            asset_class,
            base,
            quote,
            tick,
            lot,
            min_quantity,
            min_notional,
            volume_unit,
            session,
            status,
        } = record;
        Self {
            symbol,
            name,
            asset_class,
            base,
            quote,
            tick,
            lot,
            min_quantity,
            min_notional,
            volume_unit,
            session,
            status,
        }
    }
}

impl TryFrom<&Candle> for CandleRecord {
    type Error = Failure;

    fn try_from(candle: &Candle) -> Result<Self, Failure> {
        let Candle {
            symbol,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            trades,
            complete,
            synthetic,
            gap_before,
        } = *candle;
        Ok(Self {
            symbol,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            trades: signed(trades)?,
            complete,
            synthetic,
            gap_before,
        })
    }
}

impl TryFrom<CandleRecord> for Candle {
    type Error = Failure;

    fn try_from(record: CandleRecord) -> Result<Self, Failure> {
        let CandleRecord {
            symbol,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            trades,
            complete,
            synthetic,
            gap_before,
        } = record;
        Ok(Self {
            symbol,
            timeframe,
            open_time,
            open,
            high,
            low,
            close,
            volume,
            trades: unsigned(trades)?,
            complete,
            synthetic,
            gap_before,
        })
    }
}

impl TryFrom<&Ticker> for TickerRecord {
    type Error = Failure;

    fn try_from(ticker: &Ticker) -> Result<Self, Failure> {
        Ok(Self { symbol: ticker.symbol, at: ticker.at(), ticker: to_json(ticker)? })
    }
}

impl TryFrom<TickerRecord> for Ticker {
    type Error = Failure;

    fn try_from(record: TickerRecord) -> Result<Self, Failure> {
        let TickerRecord { symbol: _, at: _, ticker } = record;
        from_json(&ticker, "the newest prices of a symbol")
    }
}

impl TryFrom<&FeedPosition> for FeedPositionRecord {
    type Error = Failure;

    fn try_from(position: &FeedPosition) -> Result<Self, Failure> {
        let FeedPosition { feed, epoch, index, at } = position;
        Ok(Self { feed: feed.clone(), epoch: signed(*epoch)?, next_index: signed(*index)?, at: *at })
    }
}

impl TryFrom<FeedPositionRecord> for FeedPosition {
    type Error = Failure;

    fn try_from(record: FeedPositionRecord) -> Result<Self, Failure> {
        let FeedPositionRecord { feed, epoch, next_index, at } = record;
        Ok(Self { feed, epoch: unsigned(epoch)?, index: unsigned(next_index)?, at })
    }
}
