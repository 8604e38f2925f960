//! An installation to test in.

use std::sync::Arc;

use velox_identity::{
    Identity, IdentityConfig, IdentityPorts, IdentityStore, LogIn, LogInError, Password, Register, SessionLabel,
    SignedIn, authenticate, log_in, register,
};
use velox_kernel::Actor;
use velox_testkit::identity::{CountingSecrets, EndedSessions, MemoryIdentityStore, PlainHasher, PlainSigner};
use velox_testkit::{CountingIds, TestClock};

/// The password that everybody has here.
pub(crate) const PASSWORD: &str = "tin-lamp-orbit-fjord";

/// An installation, with a hand on each of its fakes.
pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) hasher: Arc<PlainHasher>,
    pub(crate) signer: Arc<PlainSigner>,
    pub(crate) ended: Arc<EndedSessions>,
}

impl House {
    /// One that takes registrations.
    pub(crate) fn open() -> Self {
        Self::with(
            Arc::new(MemoryIdentityStore::default()),
            IdentityConfig { registration_open: true, ..IdentityConfig::default() },
        )
    }

    pub(crate) fn with(store: Arc<dyn IdentityStore>, config: IdentityConfig) -> Self {
        let (clock, ended) = (Arc::new(TestClock::default()), Arc::new(EndedSessions::default()));
        let (hasher, signer) = (Arc::new(PlainHasher::default()), Arc::new(PlainSigner::default()));
        let ports = IdentityPorts {
            store,
            hasher: hasher.clone(),
            signer: signer.clone(),
            secrets: Arc::new(CountingSecrets::default()),
            access_listener: ended.clone(),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
        };
        Self { identity: Identity::new(ports, config), clock, hasher, signer, ended }
    }

    /// A user, registered and signed in.
    pub(crate) async fn newcomer(&self, email: &str) -> SignedIn {
        register(&self.identity, registration(email, PASSWORD)).await.unwrap()
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Result<SignedIn, LogInError> {
        let password = Password::new(password).unwrap();
        log_in(&self.identity, LogIn { email: email.parse().unwrap(), password, label: SessionLabel::new("x") }).await
    }

    /// Who a sign-in's access token stands for.
    pub(crate) async fn actor(&self, signed_in: &SignedIn) -> Actor {
        authenticate(&self.identity, signed_in.tokens.access.reveal()).await.unwrap()
    }
}

pub(crate) fn registration(email: &str, password: &str) -> Register {
    Register {
        email: email.parse().unwrap(),
        display_name: "Ada Lovelace".parse().unwrap(),
        password: password.into(),
        label: SessionLabel::new("a browser"),
    }
}
