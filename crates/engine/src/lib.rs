//! What crosses domains, without I/O: an order from request to event, closing positions.

mod account_state_at;
mod close_all_positions;
mod close_position;
mod explain_order;
mod fingerprint;
mod instruments;
mod intake;
mod place_order;
mod replace_order;

pub use account_state_at::{AccountAt, AccountStateAtError, Marks, PastPrices, PastPricesError, account_state_at};
pub use close_all_positions::close_all_positions;
pub use close_position::{ClosePositionError, close_position};
pub use explain_order::{ExplainOrderError, Explained, explain_order};
pub use instruments::{InstrumentError, Instruments, rules_of};
pub use intake::{Intake, OrderRequest};
pub use place_order::{PlaceOrderError, Placed, place_order};
pub use replace_order::{ReplaceOrderError, ReplaceRequest, Replaced, replace_order};
