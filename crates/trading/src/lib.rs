//! Trading: the account as a pure, deterministic aggregate, the log of its events, and the ports to stores and brokers.
//!
//! [`Account::handle`] decides, [`Account::apply`] changes; the same code serves backtests, paper and live.

mod account;
mod account_filter;
mod account_state;
mod balance;
mod broker;
mod cancel_all_orders;
mod cancel_order;
mod change_account;
mod command;
mod context;
mod denial;
mod event;
mod fill;
mod get_account;
mod get_order;
mod limits;
mod list_account_events;
mod list_accounts;
mod list_orders;
mod list_positions;
mod list_trades;
mod live;
mod log;
mod order;
mod order_before;
mod order_fold;
mod position;
mod projection;
mod refused;
mod relay;
mod rules;
mod store;
mod trading;
mod verify;
mod writer;

pub use account::{
    Account, Explanation, Exposure, InvalidHistory, Profile, STATE_VERSION, TradingDay, Valuation, Verdict,
};
pub use account_filter::{AccountFilter, TooManyAccounts};
pub use account_state::{AccountStateError, account_state};
pub use balance::Balance;
pub use broker::{Broker, BrokerBalance, BrokerError, BrokerOrder, BrokerPosition};
pub use cancel_all_orders::{CancelAllOrdersError, cancel_all_orders};
pub use cancel_order::{CancelOrderError, cancel_order};
pub use change_account::{AccountChange, ChangeAccountError, change_account};
pub use command::{
    ClosePosition, Command, FillReport, HaltMode, OpenAccount, PlaceOrder, ReplaceOrder, Report, ReportKind,
};
pub use context::{Context, MarketPrice, Prices};
pub use denial::{Basis, Denial, Rule, RuleCheck, UsedPrice};
pub use event::{AccountOpened, EVENT_VERSION, Event, Fact, NumberedEvent, OrderPlaced};
pub use fill::{FeedPosition, Fill, Liquidity};
pub use get_account::{GetAccountError, get_account};
pub use get_order::{OrderName, get_order};
pub use limits::RiskLimits;
pub use list_account_events::list_account_events;
pub use list_accounts::list_accounts;
pub use list_orders::list_orders;
pub use list_positions::{ListPositionsError, MarkedPosition, list_positions};
pub use list_trades::list_trades;
pub use live::{DamagedLog, Known, LiveAccount, Moment, Moments, Run};
pub use log::{Cause, CorruptEvent, RecordedEvent};
pub use order::{EndReason, Order, OrderKind, OrderStatus, OrderTerms, Replacement, Side, TimeInForce};
pub use order_before::order_before;
pub use order_fold::{
    OrderFoldError, accepted as accepted_order, denied as denied_order, replacing as replacing_order,
};
pub use position::Position;
pub use projection::{AccountRow, PositionRow, Projection, Projector, RecordedFill};
pub use refused::Refused;
pub use relay::{Marked, RelayStore, Unpublished};
pub use rules::{InstrumentRules, InvalidTerms, TermsField};
pub use store::{
    Append, Appended, DecideLocked, FillFilter, Head, OrderFilter, Snapshot, StoreError, TradingLists, TradingLog,
    TradingQueries,
};
pub use trading::Trading;
pub use verify::{Findings, VerifyError, verify_account};
pub use writer::{AccountWriter, ExecuteError, Executed};
