//! Broker connections and the catalog of brokers.

mod connection_view;
mod create_connection;
mod delete_connection;
mod fingerprint;
mod get_broker_catalog;
mod get_connection;
mod list_connections;
mod paper_settings;
mod problems;
mod test_connection;
mod update_connection;

use velox_kernel::Permission::{BrokersRead, BrokersWrite};

use super::table::{Access::May, Row};
use crate::row;

/// The brokers' routes.
#[must_use]
pub fn rows() -> Vec<Row> {
    vec![
        row!(GET "/v1/brokers", May(BrokersRead), list_connections),
        row!(POST "/v1/brokers", May(BrokersWrite), create_connection),
        row!(GET "/v1/brokers/catalog", May(BrokersRead), get_broker_catalog),
        row!(GET "/v1/brokers/{connection_id}", May(BrokersRead), get_connection),
        row!(PATCH "/v1/brokers/{connection_id}", May(BrokersWrite), update_connection),
        row!(DELETE "/v1/brokers/{connection_id}", May(BrokersWrite), delete_connection),
        row!(POST "/v1/brokers/{connection_id}/test", May(BrokersWrite), test_connection),
    ]
}
