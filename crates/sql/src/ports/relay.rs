//! The ports of relay, forwarded to the repository.

/// Implements `velox_trading::RelayStore`; `prepare_relay` is the adapter's own.
#[macro_export]
macro_rules! impl_relay_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_trading::RelayStore for $store {
            async fn prepare_relay(&self) -> Result<bool, velox_trading::StoreError> {
                Ok(self.index_unpublished().await?)
            }

            async fn unpublished(
                &self,
                after: Option<velox_kernel::AccountId>,
                limit: u32,
            ) -> Result<Vec<velox_trading::Unpublished>, velox_trading::StoreError> {
                $read!(self, relay::unpublished(after, limit))
            }

            async fn mark_published(
                &self,
                fence: velox_kernel::Fence,
                marks: &[(velox_kernel::AccountId, u64)],
            ) -> Result<velox_trading::Marked, velox_trading::StoreError> {
                let marks = marks.to_vec();
                $change!(self, relay::mark_published(fence, &marks))
            }
        }
    };
}
