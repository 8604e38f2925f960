//! The ports of trading, forwarded to the repository.

/// Implements `TradingLists` and `TradingQueries`.
#[macro_export]
macro_rules! impl_trading_queries {
    ($store:ty, $read:ident) => {
        #[async_trait::async_trait]
        impl velox_trading::TradingLists for $store {
            async fn accounts(
                &self,
                org: velox_kernel::OrgId,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_trading::AccountRow>, velox_trading::StoreError> {
                let page = page.clone();
                $read!(self, trading::accounts(org, &page))
            }

            async fn orders(
                &self,
                org: velox_kernel::OrgId,
                filter: &velox_trading::OrderFilter,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_trading::Order>, velox_trading::StoreError> {
                let (filter, page) = (filter.clone(), page.clone());
                $read!(self, trading::orders(org, &filter, &page))
            }

            async fn fills(
                &self,
                org: velox_kernel::OrgId,
                filter: &velox_trading::FillFilter,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_trading::RecordedFill>, velox_trading::StoreError> {
                let (filter, page) = (filter.clone(), page.clone());
                $read!(self, trading::fills(org, &filter, &page))
            }
        }

        #[async_trait::async_trait]
        impl velox_trading::TradingQueries for $store {
            async fn account(
                &self,
                org: velox_kernel::OrgId,
                account: velox_kernel::AccountId,
            ) -> Result<Option<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::account(org, account))
            }

            async fn accounts_of_connection(
                &self,
                connection: velox_kernel::ConnectionId,
            ) -> Result<Vec<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::accounts_of_connection(connection))
            }

            async fn order(
                &self,
                org: velox_kernel::OrgId,
                order: velox_kernel::OrderId,
            ) -> Result<Option<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::order(org, order))
            }

            async fn order_by_client_id(
                &self,
                account: velox_kernel::AccountId,
                id: velox_kernel::ClientOrderId,
            ) -> Result<Option<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::order_by_client_id(account, id))
            }

            async fn order_of_account(
                &self,
                account: velox_kernel::AccountId,
                order: velox_kernel::OrderId,
            ) -> Result<Option<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::order_of_account(account, order))
            }

            async fn has_fill(
                &self,
                account: velox_kernel::AccountId,
                fill: velox_kernel::FillId,
            ) -> Result<bool, velox_trading::StoreError> {
                $read!(self, trading::has_fill(account, fill))
            }

            async fn positions(
                &self,
                account: velox_kernel::AccountId,
            ) -> Result<Vec<velox_trading::PositionRow>, velox_trading::StoreError> {
                $read!(self, trading::positions(account))
            }

            async fn balances(
                &self,
                account: velox_kernel::AccountId,
            ) -> Result<Vec<velox_trading::Balance>, velox_trading::StoreError> {
                $read!(self, trading::balances(account))
            }

            async fn orders_in(
                &self,
                statuses: &[velox_trading::OrderStatus],
                after: Option<velox_kernel::OrderId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::Order>, velox_trading::StoreError> {
                let statuses = statuses.to_vec();
                $read!(self, trading::orders_in(&statuses, after, limit))
            }

            async fn all_accounts(
                &self,
                after: Option<velox_kernel::AccountId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::all_accounts(after, limit))
            }

            async fn loss_limited_accounts(
                &self,
                after: Option<velox_kernel::AccountId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::AccountRow>, velox_trading::StoreError> {
                $read!(self, trading::loss_limited_accounts(after, limit))
            }

            async fn orders_of_account(
                &self,
                account: velox_kernel::AccountId,
                after: Option<velox_kernel::OrderId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::Order>, velox_trading::StoreError> {
                $read!(self, trading::orders_of_account(account, after, limit))
            }

            async fn fills_of_account(
                &self,
                account: velox_kernel::AccountId,
                after: u64,
                limit: u32,
            ) -> Result<Vec<velox_trading::RecordedFill>, velox_trading::StoreError> {
                $read!(self, trading::fills_of_account(account, after, limit))
            }
        }
    };
}
