//! The ports of identity, forwarded to the repository.

/// Implements `velox_identity::IdentityStore`.
#[macro_export]
macro_rules! impl_identity_store {
    ($store:ty, $read:ident, $change:ident) => {
        #[async_trait::async_trait]
        impl velox_identity::IdentityStore for $store {
            async fn is_empty(&self) -> Result<bool, velox_identity::StoreError> {
                $read!(self, identity::is_empty())
            }

            async fn host(&self) -> Result<Option<velox_kernel::OrgId>, velox_identity::StoreError> {
                $read!(self, identity::host())
            }

            async fn create_user(
                &self,
                new: &velox_identity::NewUser,
            ) -> Result<velox_identity::UserCreation, velox_identity::StoreError> {
                let new = new.clone();
                $change!(self, identity::create_user(&new))
            }

            async fn user_by_email(
                &self,
                email: &velox_identity::Email,
            ) -> Result<Option<velox_identity::User>, velox_identity::StoreError> {
                let email = email.clone();
                $read!(self, identity::user_by_email(&email))
            }

            async fn user(
                &self,
                org: velox_kernel::OrgId,
                user: velox_kernel::UserId,
            ) -> Result<Option<velox_identity::User>, velox_identity::StoreError> {
                $read!(self, identity::user(org, user))
            }

            async fn session_standing(
                &self,
                session: velox_kernel::SessionId,
            ) -> Result<Option<velox_identity::SessionStanding>, velox_identity::StoreError> {
                $read!(self, identity::session_standing(session))
            }

            async fn live_sessions(
                &self,
                org: velox_kernel::OrgId,
                user: velox_kernel::UserId,
                now: velox_kernel::Timestamp,
                limit: u16,
            ) -> Result<Vec<velox_identity::Session>, velox_identity::StoreError> {
                $read!(self, identity::live_sessions(org, user, now, limit))
            }

            async fn open_session(
                &self,
                new: &velox_identity::NewSession,
                session_version: u64,
            ) -> Result<bool, velox_identity::StoreError> {
                let new = new.clone();
                $change!(self, identity::open_session(&new, session_version))
            }

            async fn rotate_refresh(
                &self,
                rotate: &velox_identity::RotateRefresh,
            ) -> Result<velox_identity::Rotation, velox_identity::StoreError> {
                let rotate = *rotate;
                $change!(self, identity::rotate_refresh(&rotate))
            }

            async fn end_sessions(
                &self,
                end: &velox_identity::EndSessions,
            ) -> Result<Vec<velox_kernel::SessionId>, velox_identity::StoreError> {
                let end = *end;
                $change!(self, identity::end_sessions(&end))
            }

            async fn change_password(
                &self,
                change: &velox_identity::PasswordChange,
            ) -> Result<velox_identity::PasswordChanged, velox_identity::StoreError> {
                let change = change.clone();
                $change!(self, identity::change_password(&change))
            }

            async fn update_user(&self, user: &velox_identity::User) -> Result<bool, velox_identity::StoreError> {
                let user = user.clone();
                $change!(self, identity::update_user(&user))
            }

            async fn change_access(
                &self,
                change: &velox_identity::AccessChange,
            ) -> Result<Option<Vec<velox_kernel::SessionId>>, velox_identity::StoreError> {
                let change = *change;
                $change!(self, identity::change_access(&change))
            }

            async fn prune(&self, before: velox_kernel::Timestamp) -> Result<u64, velox_identity::StoreError> {
                $change!(self, identity::prune(before))
            }
        }
    };
}
