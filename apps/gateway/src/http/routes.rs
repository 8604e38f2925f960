//! The table of routes: what this server answers, area by area.

use super::table::RouteTable;
use super::{brokers, identity, market, streams, system, trading};

/// What the routes of a process about itself are for.
const SYSTEM: &str = "Is it up, is it well, which version is it.";

/// Every route of the server.
#[must_use]
pub fn routes() -> RouteTable {
    RouteTable::default()
        .group("auth", "Signing in and out, passwords and sessions.", identity::auth_rows())
        .group("users", "The user's own profile, settings and limits.", identity::user_rows())
        .group("brokers", "Connections to brokers, and which brokers there are.", brokers::rows())
        .group(
            "accounts",
            "Accounts: one book at one broker each, their limits and their log.",
            trading::account_rows(),
        )
        .group("orders", "Placing, explaining, replacing and cancelling orders.", trading::order_rows())
        .group("positions", "What accounts hold, and what traded.", trading::position_rows())
        .group("market-data", "Instruments, newest prices and candles.", market::rows())
        .group("streams", "What happens, as it happens.", streams::rows())
        .group("system", SYSTEM, system::rows())
}

/// What a process answers that serves no clients: how it is.
#[must_use]
pub fn probes() -> RouteTable {
    RouteTable::default().group("system", SYSTEM, system::rows())
}
