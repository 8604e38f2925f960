//! [`RestoringBroker`]: the paper broker as the execution role meets it.

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
use crate::execution::ExecutionRights;

/// The paper broker to the accounts for which this process executes; to others nobody can be reached.
///
/// An account that was opened through another process has no book here yet: the first call about it rebuilds that from
/// the store and is made again.
pub(super) struct RestoringBroker {
    pub(super) paper: Arc<PaperBroker>,
    pub(super) rights: ExecutionRights,
    pub(super) writer: Arc<dyn AccountWriter>,
    pub(super) connections: Arc<dyn BrokerStore>,
}

impl RestoringBroker {
    fn allowed(&self, account: AccountId) -> Result<(), BrokerError> {
        if self.rights.serving(account).is_some() {
            Ok(())
        } else {
            Err(BrokerError::Unreachable("another process executes the account's orders".to_owned()))
        }
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
        if !matches!(called, Err(BrokerError::Unreachable(_))) || self.paper.open_orders(account).await.is_ok() {
            return false;
        }
        match self.restore(account, placed).await {
            Ok(()) => self.rights.serving(account).is_some(),
            Err(why) => {
                tracing::warn!(%account, %why, "the account's book could not be opened");
                false
            }
        }
    }

    async fn restore(&self, account: AccountId, placed: Option<OrderId>) -> Result<(), String> {
        let state = self.writer.read(account).await.map_err(|error| error.to_string())?;
        let profile = state.profile().ok_or("it is not open")?;
        let config = config_of(&*self.connections, profile.org, profile.connection).await;
        let config = config.map_err(|error| error.to_string())?.ok_or("its connection is gone")?;
        let orders = state.open_orders().filter(|order| Some(order.id) != placed);
        self.paper.restore(account, config, orders);
        // Settings that changed since they were read found no book to change, so they are read again now that it is there.
        let newest = config_of(&*self.connections, profile.org, profile.connection).await;
        if let Some(newest) = newest.map_err(|error| error.to_string())? {
            self.paper.configure(account, newest);
        }
        Ok(())
    }
}

#[async_trait]
impl Broker for RestoringBroker {
    async fn place(&self, order: &Order) -> Result<(), BrokerError> {
        self.allowed(order.account)?;
        let called = self.paper.place(order).await;
        if self.is_restored(&called, order.account, Some(order.id)).await {
            self.paper.place(order).await
        } else {
            called
        }
    }

    async fn cancel(&self, order: &Order) -> Result<(), BrokerError> {
        self.allowed(order.account)?;
        let called = self.paper.cancel(order).await;
        if self.is_restored(&called, order.account, None).await { self.paper.cancel(order).await } else { called }
    }

    async fn replace(&self, order: &Order, replacement: &Replacement) -> Result<(), BrokerError> {
        self.allowed(order.account)?;
        let called = self.paper.replace(order, replacement).await;
        let restored = self.is_restored(&called, order.account, None).await;
        if restored { self.paper.replace(order, replacement).await } else { called }
    }

    async fn find(&self, account: AccountId, order: OrderId) -> Result<Option<BrokerOrder>, BrokerError> {
        self.allowed(account)?;
        let called = self.paper.find(account, order).await;
        if self.is_restored(&called, account, None).await { self.paper.find(account, order).await } else { called }
    }

    async fn open_orders(&self, account: AccountId) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.allowed(account)?;
        let called = self.paper.open_orders(account).await;
        if self.is_restored(&called, account, None).await { self.paper.open_orders(account).await } else { called }
    }

    async fn positions(&self, account: AccountId) -> Result<Vec<BrokerPosition>, BrokerError> {
        self.allowed(account)?;
        self.paper.positions(account).await
    }

    async fn balances(&self, account: AccountId) -> Result<Vec<BrokerBalance>, BrokerError> {
        self.allowed(account)?;
        self.paper.balances(account).await
    }

    fn reports(&self) -> BoxStream<'static, Report> {
        self.paper.reports()
    }

    async fn check(&self) -> Result<(), BrokerError> {
        self.paper.check().await
    }
}
