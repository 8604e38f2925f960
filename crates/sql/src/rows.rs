//! The rows of the tables, and their way to the domains' types and back.

mod account;
mod balance;
mod broker;
mod candle_copy;
mod event;
mod fill;
mod identity;
mod market;
mod order;
mod position;
mod snapshot;

pub use account::{AccountRecord, AccountRecords};
pub use balance::{BalanceRecord, BalanceRecords};
pub use broker::{ConnectionRecord, ConnectionRecords, CredentialRecord, CredentialRecords, KeyRecord, KeyRecords};
pub use candle_copy::copy_of_candles;
pub use event::{EventRecord, EventRecords};
pub use fill::{FillRecord, FillRecords};
pub use identity::{
    OrgRecord, OrgRecords, SessionRecord, SessionRecords, TokenRecord, TokenRecords, UserRecord, UserRecords,
};
pub use market::{
    CandleRecord, CandleRecords, FeedPositionRecord, FeedPositionRecords, InstrumentRecord, InstrumentRecords,
    TickerRecord, TickerRecords,
};
pub use order::{OrderRecord, OrderRecords};
pub use position::{PositionRecord, PositionRecords};
pub use snapshot::{SnapshotRecord, SnapshotRecords};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// A count as the databases keep it.
pub(crate) fn signed(count: u64) -> Result<i64, Failure> {
    i64::try_from(count).map_err(|_| Failure::Corrupt(format!("{count} is more than a store can count")))
}

/// A count as it came out of a database.
pub(crate) fn unsigned(count: i64) -> Result<u64, Failure> {
    u64::try_from(count).map_err(|_| Failure::Corrupt(format!("the count {count} is below zero")))
}

/// A value as JSON bytes.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Bytes, Failure> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| Failure::Corrupt(error.to_string()))
}

/// A value out of JSON bytes.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| Failure::Corrupt(format!("{what}: {error}")))
}

/// A text of the store as the domain's type that it was made from.
pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::Corrupt(format!("{text:?} is no {}", std::any::type_name::<T>())))
}
