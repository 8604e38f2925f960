//! The risk role: watches the accounts whose loss of a trading day is limited, and halts those that have reached it.
//!
//! What an order may do is judged when it is placed; here is judged what the market does to what is held meanwhile. The
//! accounts' own writer decides ([`EnforceDailyLoss`](velox_trading::Command::EnforceDailyLoss)), upon its own prices, so
//! that a watch that is wrong or late costs a question and no more.

mod backlog;
mod monitor;
mod progress;
mod records;
mod watched;

pub use monitor::{RiskMonitor, RiskPorts, RiskSettings, RiskShare};
pub use records::RiskRecords;
