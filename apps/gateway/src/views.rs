//! What clients see of accounts, orders, positions and events: the same shapes over REST and streams.
//!
//! A view is made from its domain type by destructuring it whole, so that a new field there asks for a decision here.

mod account;
mod balance;
mod event;
mod order;
mod page;
mod position;
mod rule_check;
mod trade;
mod words;

pub use account::{AccountDetailView, AccountStateView, AccountView, DayView, LimitsView, ValuationView};
pub use balance::BalanceView;
pub use event::{EventView, PrincipalView};
pub use order::{EndReasonView, OrderView, PendingReplacementView};
pub use page::PageView;
pub use position::PositionView;
pub use rule_check::{RuleCheckView, UsedPriceView};
pub use trade::TradeView;
pub use words::{
    EndCodeWord, HaltModeWord, LiquidityWord, OrderStatusWord, OrderTypeWord, PositionSideWord, RuleWord, SideWord,
    TimeInForceWord,
};
