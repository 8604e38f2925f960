//! The paper broker: orders matched against market data instead of a venue.
//!
//! [`PaperBook`] is the book of one account, a pure state machine; [`PaperBroker`] puts the books of many accounts
//! behind the [`velox_trading::Broker`] port. The rules of matching, and the pessimistic choice wherever the data
//! does not say, are written down in `docs/paper-broker.md`.

mod book;
mod broker;
mod ended;
mod names;
mod outbox;
mod pricing;
mod settings;
mod standing;
mod symbol_book;
mod tick;
mod working;

pub use book::PaperBook;
pub use broker::PaperBroker;
pub use settings::{InvalidPaperConfig, LimitFill, PaperConfig, PaperInstrument};
pub use tick::{Tick, TickPrices};
