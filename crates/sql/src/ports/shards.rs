//! The ports of shards, forwarded to the repository.

/// Implements `velox_kernel::ShardStore`; how the adapter shows and sees that members are there is its own.
#[macro_export]
macro_rules! impl_shard_store {
    ($store:ty, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_kernel::ShardStore for $store {
            async fn beat(
                &self,
                role: &'static str,
                member: velox_kernel::MemberId,
                count: u32,
                gone: &[velox_kernel::MemberId],
            ) -> Result<velox_kernel::RoleLook, velox_kernel::ShardsAway> {
                let gone = gone.to_vec();
                self.appear(member).await?;
                let look: Result<velox_kernel::RoleLook, velox_kernel::ShardsAway> =
                    $change!(self, shards::beat(role, member, count, &gone));
                Ok(self.see(look?).await?)
            }

            async fn take(
                &self,
                role: &'static str,
                member: velox_kernel::MemberId,
                seen: &[velox_kernel::Shard],
            ) -> Result<Vec<velox_kernel::Shard>, velox_kernel::ShardsAway> {
                let mut taken = Vec::new();
                for shard in seen.iter().copied() {
                    let one: Result<Option<velox_kernel::Shard>, velox_kernel::ShardsAway> =
                        $change!(self, shards::take(role, member, &shard));
                    taken.extend(one?);
                }
                Ok(taken)
            }

            async fn set_position(
                &self,
                fence: velox_kernel::Fence,
                position: u64,
            ) -> Result<bool, velox_kernel::ShardsAway> {
                $change!(self, shards::set_position(fence, position))
            }

            async fn release(
                &self,
                role: &'static str,
                member: velox_kernel::MemberId,
                shards: &[u32],
                leaves: bool,
            ) -> Result<(), velox_kernel::ShardsAway> {
                let shards = shards.to_vec();
                $change!(self, shards::release(role, member, &shards, leaves))
            }
        }
    };
}
