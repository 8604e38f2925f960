//! How the configuration lets people in.

use std::time::Duration;

use velox_identity::IdentityConfig;

use crate::config::AuthConfig;

const DAY: Duration = Duration::from_secs(86_400);

/// What `auth.*` says, for identity.
pub(super) fn identity_settings(auth: &AuthConfig) -> IdentityConfig {
    let days = |count: u32| DAY.saturating_mul(count);
    IdentityConfig {
        registration_open: auth.registration,
        access_lifetime: Duration::from_secs(auth.access_ttl_s),
        refresh_lifetime: days(auth.refresh_ttl_days),
        session_lifetime: days(auth.session_ttl_days),
        ..IdentityConfig::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use velox_identity::{
        Identity, IdentityPorts, LogIn, Password, Register, SessionLabel, log_in, refresh_session, register,
    };
    use velox_testkit::identity::{CountingSecrets, EndedSessions, MemoryIdentityStore, PlainHasher, PlainSigner};
    use velox_testkit::{CountingIds, TestClock};

    use super::*;
    use crate::config::{Sources, load};

    const PASSWORD: &str = "tin-lamp-orbit-fjord";

    fn house(set: &[(&str, &str)]) -> (Identity, Arc<TestClock>) {
        let flags = set.iter().map(|(key, value)| ("--set".to_owned(), (*key).to_owned(), (*value).to_owned()));
        let flags = flags.chain([("--set".to_owned(), "auth.registration".to_owned(), "true".to_owned())]).collect();
        let config = load(&Sources { flags, ..Sources::default() }).unwrap().config;
        let clock = Arc::new(TestClock::default());
        let ports = IdentityPorts {
            store: Arc::new(MemoryIdentityStore::default()),
            hasher: Arc::new(PlainHasher::default()),
            signer: Arc::new(PlainSigner::default()),
            secrets: Arc::new(CountingSecrets::default()),
            access_listener: Arc::new(EndedSessions::default()),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
        };
        (Identity::new(ports, identity_settings(&config.auth)), clock)
    }

    /// Whether a sign-in that is used each time after so many days is still good after the last.
    async fn lives(set: &[(&str, &str)], days: &[u32]) -> bool {
        let (identity, clock) = house(set);
        let label = SessionLabel::new("a test");
        let ada = Register {
            email: "ada@example.com".parse().unwrap(),
            display_name: "Ada".parse().unwrap(),
            password: PASSWORD.into(),
            label: label.clone(),
        };
        let email = ada.email.clone();
        register(&identity, ada).await.unwrap();
        let password = Password::new(PASSWORD).unwrap();
        let mut tokens = log_in(&identity, LogIn { email, password, label }).await.unwrap().tokens;
        for count in days {
            clock.advance(DAY.saturating_mul(*count) - Duration::from_secs(1));
            match refresh_session(&identity, &tokens.refresh).await {
                Ok(next) => tokens = next,
                Err(_) => return false,
            }
        }
        true
    }

    #[tokio::test]
    async fn a_sign_in_lives_as_long_unused_as_the_configuration_says() {
        for days in [1, 30, 90, 365] {
            let text = days.to_string();
            let set = [("auth.refresh_ttl_days", text.as_str()), ("auth.session_ttl_days", "1000")];
            assert!(lives(&set, &[days]).await, "{days} days");
            assert!(!lives(&set, &[days, days + 1]).await, "more than {days} days");
        }
        assert!(lives(&[("auth.refresh_ttl_days", "30")], &[29, 29, 29]).await, "it was used in between");
    }

    #[tokio::test]
    async fn and_in_all_no_longer_than_it_says() {
        let set = [("auth.refresh_ttl_days", "30"), ("auth.session_ttl_days", "60")];
        assert!(lives(&set, &[29, 29]).await);
        assert!(!lives(&set, &[29, 29, 3]).await);
    }
}
