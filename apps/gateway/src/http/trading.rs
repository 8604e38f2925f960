//! Accounts, orders, positions and trades.

mod account_change;
mod asked;
mod cancel_all_orders;
mod cancel_order;
mod close_all_positions;
mod close_position;
mod explain_order;
mod filters;
mod get_account;
mod get_account_state;
mod get_order;
mod get_order_by_client_id;
mod get_position;
mod halt_account;
mod list_account_events;
mod list_accounts;
mod list_orders;
mod list_positions;
mod list_trades;
mod order_body;
mod place_order;
mod placed;
mod problems;
mod replace_order;
mod reset_account;
mod resume_account;
mod set_account_limits;

use velox_kernel::Permission::{AccountsRead, AccountsWrite, OrdersRead, OrdersWrite};

use super::table::{Access::May, Limit, Row};
use crate::row;

/// The accounts' routes.
#[must_use]
pub fn account_rows() -> Vec<Row> {
    vec![
        row!(GET "/v1/accounts", May(AccountsRead), list_accounts),
        row!(GET "/v1/accounts/{account_id}", May(AccountsRead), get_account),
        row!(GET "/v1/accounts/{account_id}/state", May(AccountsRead), get_account_state),
        row!(GET "/v1/accounts/{account_id}/events", May(AccountsRead), list_account_events),
        row!(POST "/v1/accounts/{account_id}/halt", May(AccountsWrite), halt_account).limit(Limit::Orders),
        row!(POST "/v1/accounts/{account_id}/resume", May(AccountsWrite), resume_account).limit(Limit::Orders),
        row!(POST "/v1/accounts/{account_id}/reset", May(AccountsWrite), reset_account).limit(Limit::Orders),
        row!(PUT "/v1/accounts/{account_id}/limits", May(AccountsWrite), set_account_limits).limit(Limit::Orders),
    ]
}

/// The orders' routes.
#[must_use]
pub fn order_rows() -> Vec<Row> {
    vec![
        row!(POST "/v1/orders", May(OrdersWrite), place_order).limit(Limit::Orders),
        row!(GET "/v1/orders", May(OrdersRead), list_orders),
        row!(DELETE "/v1/orders", May(OrdersWrite), cancel_all_orders).limit(Limit::Orders),
        row!(POST "/v1/orders/explain", May(OrdersRead), explain_order),
        row!(GET "/v1/orders/by-client-id", May(OrdersRead), get_order_by_client_id),
        row!(GET "/v1/orders/{order_id}", May(OrdersRead), get_order),
        row!(PATCH "/v1/orders/{order_id}", May(OrdersWrite), replace_order).limit(Limit::Orders),
        row!(DELETE "/v1/orders/{order_id}", May(OrdersWrite), cancel_order).limit(Limit::Orders),
    ]
}

/// The positions' and trades' routes.
#[must_use]
pub fn position_rows() -> Vec<Row> {
    vec![
        row!(GET "/v1/positions", May(OrdersRead), list_positions),
        row!(DELETE "/v1/positions", May(OrdersWrite), close_all_positions).limit(Limit::Orders),
        row!(GET "/v1/positions/{symbol}", May(OrdersRead), get_position),
        row!(DELETE "/v1/positions/{symbol}", May(OrdersWrite), close_position).limit(Limit::Orders),
        row!(GET "/v1/trades", May(OrdersRead), list_trades),
    ]
}
