//! The market's use cases and its algebra of candles, on in-memory fakes.

mod candles;
