//! Bringing the paper broker back to where the log says it is.

use std::collections::HashMap;

use velox_broker_paper::{PaperBroker, PaperConfig};
use velox_brokers::{BrokerSettings, BrokerStore};
use velox_kernel::{AccountId, ConnectionId, OrgId};
use velox_trading::{AccountRow, Broker, Order, OrderStatus, StoreError, TradingQueries};

use crate::bridges::paper_config;

/// Rows read at a time.
const PAGE: u32 = 1_000;
/// The states in which an order may be at the broker.
const AT_BROKER: [OrderStatus; 6] = [
    OrderStatus::Routed,
    OrderStatus::New,
    OrderStatus::PartiallyFilled,
    OrderStatus::PendingCancel,
    OrderStatus::PendingReplace,
    OrderStatus::Unknown,
];

/// Opens the books of those accounts that have orders at the broker, as their logs say. The others' are opened when their
/// first order comes. The instruments come first.
///
/// # Errors
/// [`StoreError`] when accounts, connections or orders could not be read.
pub(super) async fn restore_books(
    paper: &PaperBroker,
    queries: &dyn TradingQueries,
    connections: &dyn BrokerStore,
    is_one: impl Fn(AccountId) -> bool,
) -> Result<(), StoreError> {
    let mut working: HashMap<AccountId, Vec<Order>> = HashMap::new();
    let mut after = None;
    loop {
        let page = queries.orders_in(&AT_BROKER, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for order in page.into_iter().filter(|order| is_one(order.account)) {
            working.entry(order.account).or_default().push(order);
        }
    }
    let mut after = None;
    while !working.is_empty() {
        let page = queries.all_accounts(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for account in page.iter().filter(|account| account.paper) {
            // A book that a try before this one has opened goes on: what was read here may be older than what it knows.
            if let Some(orders) = working.remove(&account.id)
                && paper.open_orders(account.id).await.is_err()
            {
                restore_book(paper, connections, account, &orders).await?;
            }
        }
    }
    Ok(())
}

async fn restore_book(
    paper: &PaperBroker,
    connections: &dyn BrokerStore,
    account: &AccountRow,
    orders: &[Order],
) -> Result<(), StoreError> {
    // The account of a connection that is gone takes no orders; what it has left is none.
    let Some(config) = config_of(connections, account.org, account.connection).await? else { return Ok(()) };
    paper.restore(account.id, config, orders);
    Ok(())
}

/// Sets every book up as its connection says now.
///
/// # Errors
/// [`StoreError`] when accounts or connections could not be read; the books before are set up.
pub(super) async fn configure_books(
    paper: &PaperBroker,
    queries: &dyn TradingQueries,
    connections: &dyn BrokerStore,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = queries.all_accounts(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for account in page.iter().filter(|account| account.paper) {
            match config_of(connections, account.org, account.connection).await {
                Ok(Some(config)) => {
                    paper.configure(account.id, config);
                }
                Ok(None) => {}
                // One that is damaged is in no other's way.
                Err(error @ StoreError::Corrupt(_)) => {
                    tracing::error!(account = %account.id, %error, "changed settings cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// How the accounts of a connection are filled; `None` when it is gone.
pub(super) async fn config_of(
    connections: &dyn BrokerStore,
    org: OrgId,
    connection: ConnectionId,
) -> Result<Option<PaperConfig>, StoreError> {
    let connection = connections.get(org, connection).await;
    let connection = connection.map_err(|error| match error {
        velox_brokers::StoreError::Corrupt(reason) => StoreError::Corrupt(reason),
        other => StoreError::Unavailable(other.to_string()),
    })?;
    Ok(connection.map(|connection| {
        let BrokerSettings::Paper(settings) = &connection.settings;
        paper_config(settings)
    }))
}
