//! The words every room of Velox shares: typed ids, exact numbers, times, actors, pages and error codes.
//!
//! Nothing here does I/O, reads a clock or draws randomness: [`Clock`] and [`Ids`] are ports, and so are [`RateLimiter`],
//! [`SignalBus`] and [`ShardStore`], by which processes that share a store know of each other, and [`EventBus`].

mod actor;
mod amount;
mod clock;
mod cursor;
mod decimal;
mod digest;
pub mod error_code;
mod event_bus;
mod freshness;
mod id;
mod name;
mod origin;
mod page;
mod permission;
mod rate;
mod shard;
mod signal;
mod timeframe;
mod timestamp;
mod trace_context;

pub use actor::{Actor, Principal};
pub use amount::{Money, Price, Quantity};
pub use clock::{Clock, Ids};
pub use cursor::{Cursor, InvalidCursor};
pub use decimal::{Decimal, DecimalError, Rounding};
pub use digest::Digest;
pub use error_code::ErrorCode;
pub use event_bus::{BusRecord, EventBus, PublishError};
pub use freshness::{Freshness, InvalidPosition, StorePosition};
pub use id::{
    AccountId, CommandId, ConnectionId, InvalidId, MemberId, OrderId, OrgId, RequestId, SessionId, StrategyId, UserId,
};
pub use name::{BrokerOrderId, ClientOrderId, Currency, FillId, InvalidName, Symbol, Tag};
pub use origin::Origin;
pub use page::{InvalidPageSize, Page, PageRequest};
pub use permission::{Permission, Role, UnknownRole};
pub use rate::{Allowance, LimiterAway, Quota, RateLimiter};
pub use shard::{Fence, Member, RoleLook, Shard, ShardStore, ShardsAway};
pub use signal::{BusAway, SignalBus, SignalListener};
pub use timeframe::{Timeframe, UnknownTimeframe};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use trace_context::{InvalidTraceContext, TraceContext};
