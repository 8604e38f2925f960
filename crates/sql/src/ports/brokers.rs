//! The ports of brokers, forwarded to the repository.

/// Implements `velox_brokers::BrokerStore`.
#[macro_export]
macro_rules! impl_broker_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_brokers::BrokerStore for $store {
            async fn list(
                &self,
                org: velox_kernel::OrgId,
                page: &velox_kernel::PageRequest,
            ) -> Result<velox_kernel::Page<velox_brokers::Connection>, velox_brokers::StoreError> {
                let page = page.clone();
                $read!(self, brokers::list(org, &page))
            }

            async fn get(
                &self,
                org: velox_kernel::OrgId,
                id: velox_kernel::ConnectionId,
            ) -> Result<Option<velox_brokers::Connection>, velox_brokers::StoreError> {
                $read!(self, brokers::get(org, id))
            }

            async fn credentials(
                &self,
                org: velox_kernel::OrgId,
                id: velox_kernel::ConnectionId,
            ) -> Result<Vec<velox_brokers::SealedCredential>, velox_brokers::StoreError> {
                $read!(self, brokers::credentials(org, id))
            }

            async fn create(
                &self,
                new: &velox_brokers::NewConnection,
            ) -> Result<velox_brokers::Creation, velox_brokers::StoreError> {
                let new = new.clone();
                $change!(self, brokers::create(&new))
            }

            async fn update(
                &self,
                connection: &velox_brokers::Connection,
                credentials: Option<&[velox_brokers::SealedCredential]>,
            ) -> Result<bool, velox_brokers::StoreError> {
                let connection = connection.clone();
                let credentials = credentials.map(<[_]>::to_vec);
                $change!(self, brokers::update_connection(&connection, credentials.as_deref()))
            }

            async fn delete(
                &self,
                org: velox_kernel::OrgId,
                id: velox_kernel::ConnectionId,
            ) -> Result<bool, velox_brokers::StoreError> {
                $change!(self, brokers::delete_connection(org, id))
            }

            async fn openings(
                &self,
                after: Option<velox_kernel::ConnectionId>,
                limit: u16,
            ) -> Result<Vec<velox_brokers::Connection>, velox_brokers::StoreError> {
                $read!(self, brokers::openings(after, limit))
            }

            async fn prune_keys(&self, now: velox_kernel::Timestamp) -> Result<u64, velox_brokers::StoreError> {
                $change!(self, brokers::prune_keys(now))
            }
        }
    };
}
