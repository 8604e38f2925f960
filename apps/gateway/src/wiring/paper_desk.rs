//! [`PaperDesk`]: the paper broker as the execution role meets it.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use velox_broker_paper::PaperBroker;
use velox_brokers::BrokerStore;
use velox_kernel::{AccountId, OrderId};
use velox_trading::{
    AccountWriter, Broker, BrokerBalance, BrokerError, BrokerOrder, BrokerPosition, Order, Replacement, Report,
};

use super::paper::config_of;
use crate::execution::{BrokerDesk, ExecutionRight, ExecutionRights};

/// The paper broker, as those who have a right to its accounts call it.
#[derive(Clone)]
pub(super) struct PaperDesk {
    pub(super) paper: Arc<PaperBroker>,
    pub(super) rights: ExecutionRights,
    pub(super) writer: Arc<dyn AccountWriter>,
    pub(super) connections: Arc<dyn BrokerStore>,
}

impl BrokerDesk for PaperDesk {
    fn under(&self, right: ExecutionRight) -> Arc<dyn Broker> {
        Arc::new(RestoringBroker { desk: self.clone(), right })
    }

    fn reports(&self) -> BoxStream<'static, Report> {
        self.paper.reports()
    }
}

/// The paper broker to the accounts of a right; once that was lost nobody can be reached.
///
/// An account that was opened through another process has no book here yet: the first call about it rebuilds that from
/// the store and is made again.
struct RestoringBroker {
    desk: PaperDesk,
    right: ExecutionRight,
}

impl RestoringBroker {
    fn holds(&self, account: AccountId) -> bool {
        self.desk.rights.serving(account) == Some(self.right)
    }

    fn allowed(&self, account: AccountId) -> Result<(), BrokerError> {
        if self.holds(account) {
            Ok(())
        } else {
            Err(BrokerError::Unreachable("another process executes the account's orders".to_owned()))
        }
    }

    /// Takes an order in under the right: a book that was rebuilt since it was lost has what was claimed before.
    fn place_in_book(&self, order: &Order) -> Result<(), BrokerError> {
        self.desk.paper.place_while(order, || self.holds(order.account))
    }

    /// Whether a call is to be made again: it failed for want of a book that is there now. An order that is about to
    /// be handed over does not belong to what the broker had.
    async fn is_restored<T>(
        &self,
        called: &Result<T, BrokerError>,
        account: AccountId,
        placed: Option<OrderId>,
    ) -> bool {
        // Only an unknown account makes this question fail.
        if !matches!(called, Err(BrokerError::Unreachable(_))) || self.desk.paper.open_orders(account).await.is_ok() {
            return false;
        }
        match self.restore(account, placed).await {
            Ok(()) => self.holds(account),
            Err(why) => {
                tracing::warn!(%account, %why, "the account's book could not be opened");
                false
            }
        }
    }

    async fn restore(&self, account: AccountId, placed: Option<OrderId>) -> Result<(), String> {
        let state = self.desk.writer.read(account).await.map_err(|error| error.to_string())?;
        let profile = state.profile().ok_or("it is not open")?;
        let config = config_of(&*self.desk.connections, profile.org, profile.connection).await;
        let config = config.map_err(|error| error.to_string())?.ok_or("its connection is gone")?;
        if let Some(placed) = placed
            && state.open_order(placed).is_none()
        {
            return Err("the order has ended".to_owned());
        }
        let orders = state.open_orders().filter(|order| Some(order.id) != placed);
        self.desk.paper.restore_while(account, config, orders, || self.holds(account));
        // Settings that changed since they were read found no book to change, so they are read again now that it is there.
        let newest = config_of(&*self.desk.connections, profile.org, profile.connection).await;
        if let Some(newest) = newest.map_err(|error| error.to_string())? {
            self.desk.paper.configure(account, newest);
        }
        Ok(())
    }
}

#[async_trait]
impl Broker for RestoringBroker {
    async fn place(&self, order: &Order) -> Result<(), BrokerError> {
        self.allowed(order.account)?;
        let called = self.place_in_book(order);
        if self.is_restored(&called, order.account, Some(order.id)).await { self.place_in_book(order) } else { called }
    }

    async fn cancel(&self, order: &Order) -> Result<(), BrokerError> {
        self.allowed(order.account)?;
        let called = self.desk.paper.cancel(order).await;
        if self.is_restored(&called, order.account, None).await { self.desk.paper.cancel(order).await } else { called }
    }

    async fn replace(&self, order: &Order, replacement: &Replacement) -> Result<(), BrokerError> {
        self.allowed(order.account)?;
        let called = self.desk.paper.replace(order, replacement).await;
        let restored = self.is_restored(&called, order.account, None).await;
        if restored { self.desk.paper.replace(order, replacement).await } else { called }
    }

    async fn find(&self, account: AccountId, order: OrderId) -> Result<Option<BrokerOrder>, BrokerError> {
        self.allowed(account)?;
        let called = self.desk.paper.find(account, order).await;
        if self.is_restored(&called, account, None).await { self.desk.paper.find(account, order).await } else { called }
    }

    async fn open_orders(&self, account: AccountId) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.allowed(account)?;
        let called = self.desk.paper.open_orders(account).await;
        if self.is_restored(&called, account, None).await { self.desk.paper.open_orders(account).await } else { called }
    }

    async fn positions(&self, account: AccountId) -> Result<Vec<BrokerPosition>, BrokerError> {
        self.allowed(account)?;
        self.desk.paper.positions(account).await
    }

    async fn balances(&self, account: AccountId) -> Result<Vec<BrokerBalance>, BrokerError> {
        self.allowed(account)?;
        self.desk.paper.balances(account).await
    }

    fn reports(&self) -> BoxStream<'static, Report> {
        self.desk.paper.reports()
    }

    async fn check(&self) -> Result<(), BrokerError> {
        self.desk.paper.check().await
    }
}
