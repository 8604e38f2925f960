//! The table of routes: what this server answers, area by area.

use super::system;
use super::table::RouteTable;

/// Every route of the server.
#[must_use]
pub fn routes() -> RouteTable {
    RouteTable::default().group("system", "Is it up, is it well, which version is it.", system::rows())
}
