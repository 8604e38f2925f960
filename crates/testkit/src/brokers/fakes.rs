//! Accounts, probes and a box without cryptography, for tests of the use cases.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use velox_brokers::{
    AccountsUnavailable, BrokerSettings, Connection, ConnectionAccounts, ConnectionProbe, Credential, ProbeCheck,
    ProbeReport, Retirement, Sealed, SecretBox, SecretBoxError, SecretPlace,
};
use velox_kernel::{AccountId, Actor, Principal};

/// Writes down what it was asked, and is in use or out of reach when told so.
#[derive(Debug, Default)]
pub struct FakeAccounts {
    /// The accounts opened, in order; once each.
    pub opened: Mutex<Vec<AccountId>>,
    /// What each account was last opened with.
    pub settings: Mutex<HashMap<AccountId, BrokerSettings>>,
    /// The connections whose settings were brought, in order.
    pub configured: Mutex<Vec<Connection>>,
    /// Whether an account has open orders or a position.
    pub in_use: AtomicBool,
    /// Whether nothing can be reached.
    pub unreachable: AtomicBool,
    /// The account that alone cannot be reached.
    pub lost: Mutex<Option<AccountId>>,
    /// What happens once, while the next account is being opened.
    pub meanwhile: Meanwhile,
}

/// Something that happens once, at a moment of a fake's choice.
#[derive(Default)]
pub struct Meanwhile(Mutex<Option<BoxFuture<'static, ()>>>);

impl Meanwhile {
    /// Says what.
    pub fn set(&self, happens: impl Future<Output = ()> + Send + 'static) {
        *self.0.lock() = Some(Box::pin(happens));
    }

    async fn happen(&self) {
        let happens = self.0.lock().take();
        if let Some(happens) = happens {
            happens.await;
        }
    }
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meanwhile").finish_non_exhaustive()
    }
}

impl FakeAccounts {
    fn reach(&self) -> Result<(), AccountsUnavailable> {
        if self.unreachable.load(Ordering::SeqCst) { Err(AccountsUnavailable("switched off".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl ConnectionAccounts for FakeAccounts {
    async fn open(&self, connection: &Connection, _: Principal) -> Result<(), AccountsUnavailable> {
        self.reach()?;
        if *self.lost.lock() == Some(connection.account) {
            return Err(AccountsUnavailable("this one is lost".into()));
        }
        self.meanwhile.happen().await;
        self.settings.lock().insert(connection.account, connection.settings.clone());
        let mut opened = self.opened.lock();
        if !opened.contains(&connection.account) {
            opened.push(connection.account);
        }
        Ok(())
    }

    async fn configure(&self, connection: &Connection, _: Principal) -> Result<(), AccountsUnavailable> {
        self.reach()?;
        self.configured.lock().push(connection.clone());
        Ok(())
    }

    async fn retire(&self, _: &Connection, _: &Actor) -> Result<Retirement, AccountsUnavailable> {
        self.reach()?;
        Ok(if self.in_use.load(Ordering::SeqCst) { Retirement::InUse } else { Retirement::Retired })
    }
}

/// Finds every connection in order, and says which credentials it was given.
#[derive(Debug, Default)]
pub struct FakeProbe;

#[async_trait]
impl ConnectionProbe for FakeProbe {
    async fn probe(&self, _: &Connection, credentials: &[Credential]) -> ProbeReport {
        let given = credentials.iter().map(|given| format!("{}={}", given.field, given.value.expose_secret()));
        let detail = given.collect::<Vec<_>>().join(" ");
        let check = ProbeCheck { name: "credentials", passed: true, detail };
        ProbeReport { latency: Duration::from_millis(3), checks: vec![check] }
    }
}

/// Writes place and text side by side: it keeps a box's rules and no secret.
#[derive(Debug, Default)]
pub struct PlainSecretBox;

impl SecretBox for PlainSecretBox {
    fn seal(&self, place: &SecretPlace<'_>, plain: &SecretString) -> Result<Sealed, SecretBoxError> {
        let mut bytes = place.associated_data();
        bytes.push(b'=');
        bytes.extend_from_slice(plain.expose_secret().as_bytes());
        Ok(Sealed { key_id: "plain".into(), bytes })
    }

    fn open(&self, place: &SecretPlace<'_>, sealed: &Sealed) -> Result<SecretString, SecretBoxError> {
        if sealed.key_id != "plain" {
            return Err(SecretBoxError::UnknownKey(sealed.key_id.clone()));
        }
        let mut lock = place.associated_data();
        lock.push(b'=');
        let plain = sealed.bytes.strip_prefix(lock.as_slice()).ok_or(SecretBoxError::DoesNotOpen)?;
        String::from_utf8(plain.to_vec()).map(SecretString::from).map_err(|_| SecretBoxError::DoesNotOpen)
    }

    fn is_outdated(&self, sealed: &Sealed) -> bool {
        sealed.key_id != "plain"
    }
}
